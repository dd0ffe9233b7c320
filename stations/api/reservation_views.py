"""Bookings over HTTP."""

import uuid

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import addresses
from accounts.api import idempotent
from accounts.models import User
from chargeshare.errors import NotFound
from stations import reservations
from stations.api.permissions import connector_of, user_of
from stations.api.reservation_serializers import BookSerializer, ReservationQuery, ReservationSerializer
from stations.models import Reservation

CODE = OpenApiParameter("code", uuid.UUID, OpenApiParameter.PATH)


class ReservationViewSet(GenericViewSet[Reservation]):
    """Bookings: mine, those at my chargers, and (for staff) all."""

    queryset = Reservation.objects.select_related("charge_point", "connector", "session")
    serializer_class = ReservationSerializer
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    lookup_field = "code"
    lookup_value_regex = r"[^/]+"

    @extend_schema(parameters=[ReservationQuery], filters=False)
    def list(self, request: Request) -> Response:
        """Last made first."""
        query = ReservationQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        page = self.paginate_queryset(self._asked_for(user_of(request), query.validated_data))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=BookSerializer, responses={201: ReservationSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Book a connector. Who comes second gets 409 `slot_taken`."""
        said = BookSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        wish, driver = said.validated_data, user_of(request)
        booking = reservations.book(
            driver=driver, connector=connector_of(driver, *wish["connector"]), begins_at=wish["from"], ends_at=wish["to"]
        )
        answer = self.get_serializer(self._of(request, str(booking.code))).data
        location = addresses.public(request.build_absolute_uri(f"{booking.code}/"))
        return Response(answer, status.HTTP_201_CREATED, headers={"Location": location})

    @extend_schema(parameters=[CODE])
    def retrieve(self, request: Request, code: str) -> Response:
        """One booking."""
        return Response(self.get_serializer(self._of(request, code)).data)

    @extend_schema(parameters=[CODE], responses={204: None})
    def destroy(self, request: Request, code: str) -> Response:
        """Cancel it. The charger is told, if it had been told to wait."""
        reservations.cancel(user=user_of(request), reservation=self._of(request, code))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _of(self, request: Request, code: str) -> Reservation:
        try:
            found = self.get_queryset().filter(pk__in=Reservation.objects.visible_to(user_of(request)), code=uuid.UUID(code)).first()
        except ValueError:
            found = None
        if found is None:
            raise NotFound
        return found

    def _asked_for(self, user: User, asked: dict[str, str]) -> QuerySet[Reservation]:
        if asked["role"] == "staff" and not user.is_staff:
            raise NotFound
        found = self.get_queryset()
        if asked["role"] != "staff":
            found = found.filter(charge_point__owner=user) if asked["role"] == "owner" else found.filter(driver=user)
        if "charge_point" in asked:
            found = found.filter(charge_point__code=asked["charge_point"])
        return found.filter(status=asked["status"]) if "status" in asked else found
