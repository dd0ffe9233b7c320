"""Favourites and reviews over HTTP."""

import uuid

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import codes
from chargeshare.errors import NotFound
from stations import favourites, reviews
from stations.api.people_serializers import (
    FavouriteSerializer,
    HeartSerializer,
    NoteSerializer,
    ReasonSerializer,
    ReplySerializer,
    ReviewQuery,
    ReviewSerializer,
    WriteReviewSerializer,
)
from stations.api.permissions import seen_charge_point, user_of
from stations.models import ChargingSession, Favourite, Review

CHARGE_POINT = OpenApiParameter("charge_point", str, OpenApiParameter.PATH, description="The code of the charger.")
CODE = OpenApiParameter("code", uuid.UUID, OpenApiParameter.PATH)


class FavouriteViewSet(GenericViewSet[Favourite]):
    """Chargers I like to come back to."""

    queryset = Favourite.objects.select_related("charge_point").prefetch_related("charge_point__connectors")
    serializer_class = FavouriteSerializer
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    lookup_field = "charge_point"
    lookup_value_regex = r"[^/]+"

    def get_queryset(self) -> QuerySet[Favourite]:
        """Mine, as far as I may still see them."""
        seen = Favourite.objects.of(user_of(self.request))
        return super().get_queryset().filter(pk__in=seen.order_by().values("pk"))

    @extend_schema(filters=False)
    def list(self, request: Request) -> Response:  # noqa: ARG002 - the name the router passes it by
        """Last given first. A charger that was retired or hidden is not among them."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=HeartSerializer, responses={201: FavouriteSerializer})
    def create(self, request: Request) -> Response:
        """Remember a charger. Twice is the same favourite."""
        said = HeartSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        charge_point = seen_charge_point(request, said.validated_data["charge_point"])
        favourite = favourites.add(user_of(request), charge_point, note=said.validated_data.get("note"))
        return Response(self.get_serializer(favourite).data, status.HTTP_201_CREATED)

    @extend_schema(parameters=[CHARGE_POINT])
    def retrieve(self, request: Request, charge_point: str) -> Response:  # noqa: ARG002 - the name the router passes it by
        """One of them."""
        return Response(self.get_serializer(self._found(charge_point)).data)

    @extend_schema(parameters=[CHARGE_POINT], request=NoteSerializer, responses=FavouriteSerializer)
    def partial_update(self, request: Request, charge_point: str) -> Response:
        """Write another note; empty takes it away."""
        favourite = self._found(charge_point)
        said = NoteSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        return Response(self.get_serializer(favourites.edit(favourite, note=said.validated_data["note"])).data)

    @extend_schema(parameters=[CHARGE_POINT], responses={204: None})
    def destroy(self, request: Request, charge_point: str) -> Response:
        """Forget it."""
        favourites.remove(user_of(request), self._found(charge_point).charge_point)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _found(self, code: str) -> Favourite:
        found = self.get_queryset().filter(charge_point__code=code).first() if "\x00" not in code else None
        if found is None:
            raise NotFound
        return found


class ReviewViewSet(GenericViewSet[Review]):
    """Reviews of places for everybody; mine, and those about me as a guest, for me."""

    queryset = Review.objects.select_related("charge_point", "session", "author")
    serializer_class = ReviewSerializer
    permission_classes = [IsAuthenticatedOrReadOnly]
    filter_backends = ()
    lookup_field = "code"
    lookup_value_regex = r"[^/]+"

    def get_queryset(self) -> QuerySet[Review]:
        """What the caller may read."""
        return super().get_queryset().filter(pk__in=reviews.readable(self.request.user).order_by().values("pk"))

    @extend_schema(parameters=[ReviewQuery], filters=False)
    def list(self, request: Request) -> Response:
        """Newest first: the open ones of a place, or (without `charge_point`) mine and what was written about me."""
        query = ReviewQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        code = query.validated_data.get("charge_point")
        if code is None:
            rows: QuerySet[Review] = Review.objects.readable_by(user_of(request), timezone.now())
        else:
            rows = reviews.of_place(seen_charge_point(request, code))
        rows = rows.select_related("charge_point", "session", "author")
        return self.get_paginated_response(self.get_serializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(request=WriteReviewSerializer, responses={201: ReviewSerializer})
    def create(self, request: Request) -> Response:
        """Say how a visit was, within 14 days of its end. The other side reads it once it has written too, or after the 14 days."""
        user = user_of(request)
        said = WriteReviewSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        words = dict(said.validated_data)
        session = ChargingSession.objects.filter(Q(driver=user) | Q(owner=user), code=words.pop("session")).first()
        if session is None:
            raise NotFound
        review = reviews.write(user=user, session=session, **words)
        return Response(self.get_serializer(self.get_queryset().get(pk=review.pk)).data, status.HTTP_201_CREATED)

    @extend_schema(parameters=[CODE])
    def retrieve(self, request: Request, code: str) -> Response:  # noqa: ARG002 - the name the router passes it by
        """One of them."""
        return Response(self.get_serializer(self._found(code)).data)

    @extend_schema(parameters=[CODE], request=ReplySerializer, responses=ReviewSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated])
    def reply(self, request: Request, code: str) -> Response:
        """The host's one answer, open to all who read the review."""
        review = self._found(code)
        said = ReplySerializer(data=request.data)
        said.is_valid(raise_exception=True)
        reviews.reply(user=user_of(request), review=review, text=said.validated_data["text"])
        return Response(self.get_serializer(self._found(code)).data)

    @extend_schema(parameters=[CODE], request=ReasonSerializer, responses={204: None})
    @action(detail=True, methods=["post"], permission_classes=[IsAuthenticated])
    def report(self, request: Request, code: str) -> Response:
        """Tell staff that it should not stand."""
        review = self._found(code)
        said = ReasonSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        reviews.report(user=user_of(request), review=review, reason=said.validated_data["reason"])
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _found(self, code: str) -> Review:
        return codes.find(self.get_queryset(), code)
