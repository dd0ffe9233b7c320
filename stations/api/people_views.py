"""Favourites over HTTP."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from chargeshare.errors import NotFound
from stations import favourites
from stations.api.people_serializers import FavouriteSerializer, HeartSerializer, NoteSerializer
from stations.api.permissions import seen_charge_point, user_of
from stations.models import Favourite

CHARGE_POINT = OpenApiParameter("charge_point", str, OpenApiParameter.PATH, description="The code of the charger.")


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
