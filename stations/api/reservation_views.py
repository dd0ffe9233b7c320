"""Bookings over HTTP."""

import uuid
from typing import TypeVar

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import addresses, codes
from accounts.api import idempotent
from accounts.models import User
from chargeshare.errors import Invalid, NotFound
from stations import booking_requests, booking_series, reservations, waitlist
from stations.api.permissions import connector_of, user_of
from stations.api.reservation_serializers import (
    BookSerializer,
    BookSeriesSerializer,
    CancelQuery,
    ChangeSerializer,
    ReservationQuery,
    ReservationSerializer,
    SeriesSerializer,
    WaitlistPlaceSerializer,
)
from stations.models import Reservation, ReservationSeries, WaitlistPlace

CODE = OpenApiParameter("code", uuid.UUID, OpenApiParameter.PATH)

_R = TypeVar("_R", Reservation, ReservationSeries, WaitlistPlace)


class ReservationViewSet(GenericViewSet[Reservation]):
    """Bookings: mine, those at my chargers, and (for staff) all."""

    queryset = Reservation.objects.select_related("charge_point", "connector", "session", "series", "cdr")
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

    @extend_schema(parameters=[CODE], request=ChangeSerializer, responses=ReservationSerializer)
    def partial_update(self, request: Request, code: str) -> Response:
        """Make it shorter or longer, or move it; the driver alone may. Beyond the old slot it must be free and allowed."""
        booking = self._of(request, code)
        said = ChangeSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        begins_at, ends_at = said.validated_data.get("from", booking.begins_at), said.validated_data.get("to", booking.ends_at)
        reservations.change(user=user_of(request), reservation=booking, begins_at=begins_at, ends_at=ends_at)
        return Response(self.get_serializer(self._of(request, code)).data)

    @extend_schema(parameters=[CODE, CancelQuery], responses={204: None})
    def destroy(self, request: Request, code: str) -> Response:
        """Cancel it, with `following` the later weeks of a weekly booking too. The charger is told, if it had been told to wait."""
        query = CancelQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        reservations.cancel(user=user_of(request), reservation=self._of(request, code), following=query.validated_data["following"])
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(parameters=[CODE], request=None, responses=ReservationSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, code: str) -> Response:
        """Say yes to a request at my charger; to all weeks of a weekly one."""
        booking_requests.approve(user=user_of(request), reservation=self._of(request, code))
        return Response(self.get_serializer(self._of(request, code)).data)

    @extend_schema(parameters=[CODE], request=None, responses=ReservationSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, code: str) -> Response:
        """Say no to a request at my charger; to all weeks of a weekly one."""
        booking_requests.reject(user=user_of(request), reservation=self._of(request, code))
        return Response(self.get_serializer(self._of(request, code)).data)

    def _of(self, request: Request, code: str) -> Reservation:
        return codes.find(self.get_queryset().filter(pk__in=Reservation.objects.visible_to(user_of(request))), code)

    def _asked_for(self, user: User, asked: dict[str, str]) -> QuerySet[Reservation]:
        if asked["role"] == "staff" and not user.is_staff:
            raise NotFound
        found = self.get_queryset()
        if asked["role"] != "staff":
            found = found.filter(charge_point__owner=user) if asked["role"] == "owner" else found.filter(driver=user)
        if "charge_point" in asked:
            found = found.filter(charge_point__code=asked["charge_point"])
        return found.filter(status=asked["status"]) if "status" in asked else found


class SeriesViewSet(GenericViewSet[ReservationSeries]):
    """Weekly bookings of mine."""

    queryset = ReservationSeries.objects.select_related("connector__charge_point")
    serializer_class = SeriesSerializer
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    lookup_field = "code"
    lookup_value_regex = r"[^/]+"

    def get_queryset(self) -> QuerySet[ReservationSeries]:
        """Mine, each with its bookings."""
        mine = super().get_queryset().filter(driver=user_of(self.request))
        bookings = ReservationViewSet.queryset.order_by("begins_at")
        return mine.prefetch_related(Prefetch("reservations", bookings))

    @extend_schema(filters=False)
    def list(self, request: Request) -> Response:  # noqa: ARG002 - the name the router passes it by
        """Last made first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=BookSeriesSerializer, responses={201: SeriesSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Book the same hours every week. Where some are taken: 409 `slot_taken` with them in `fields.taken`, and nothing is booked."""
        said = BookSeriesSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        wish, driver = said.validated_data, user_of(request)
        if ("weeks" in wish) == ("until" in wish):
            raise Invalid(fields={"weeks": [_("Say for how many weeks, or until what day.")]})
        connector = connector_of(driver, *wish["connector"])
        weeks = wish.get("weeks") or booking_series.weeks_until(wish["from"], wish["until"], connector)
        booked = booking_series.book(
            driver=driver, connector=connector, begins_at=wish["from"], ends_at=wish["to"], weeks=weeks, skip_taken=wish["skip_taken"]
        )
        series = self.get_queryset().get(reservations=booked[0])
        location = addresses.public(request.build_absolute_uri(f"{series.code}/"))
        return Response(self.get_serializer(series).data, status.HTTP_201_CREATED, headers={"Location": location})

    @extend_schema(parameters=[CODE])
    def retrieve(self, request: Request, code: str) -> Response:  # noqa: ARG002 - the name the router passes it by
        """One weekly booking."""
        return Response(self.get_serializer(codes.find(self.get_queryset(), code)).data)


class WaitlistViewSet(GenericViewSet[WaitlistPlace]):
    """Slots I wait for."""

    queryset = WaitlistPlace.objects.select_related("charge_point", "connector", "reservation")
    serializer_class = WaitlistPlaceSerializer
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    lookup_field = "code"
    lookup_value_regex = r"[^/]+"

    def get_queryset(self) -> QuerySet[WaitlistPlace]:
        """Mine; who else waits is nobody's business."""
        return super().get_queryset().filter(driver=user_of(self.request))

    @extend_schema(filters=False)
    def list(self, request: Request) -> Response:  # noqa: ARG002 - the name the router passes it by
        """Last joined first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=BookSerializer, responses={201: WaitlistPlaceSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Wait for a slot that somebody has. A free one gets 409 `slot_free`; the same twice is one place."""
        said = BookSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        wish, driver = said.validated_data, user_of(request)
        place = waitlist.join(driver=driver, connector=connector_of(driver, *wish["connector"]), begins_at=wish["from"], ends_at=wish["to"])
        return Response(self.get_serializer(self.get_queryset().get(pk=place.pk)).data, status.HTTP_201_CREATED)

    @extend_schema(parameters=[CODE])
    def retrieve(self, request: Request, code: str) -> Response:  # noqa: ARG002 - the name the router passes it by
        """One place; `offered` is the quarter of an hour in which it can be claimed."""
        return Response(self.get_serializer(codes.find(self.get_queryset(), code)).data)

    @extend_schema(parameters=[CODE], request=None, responses=WaitlistPlaceSerializer)
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, code: str) -> Response:
        """Take it while it is offered; afterwards 409 `not_your_turn`. Twice is the same booking."""
        reservations.claim(user=user_of(request), place=codes.find(self.get_queryset(), code))
        return Response(self.get_serializer(codes.find(self.get_queryset(), code)).data)

    @extend_schema(parameters=[CODE], responses={204: None})
    def destroy(self, request: Request, code: str) -> Response:
        """Wait no longer."""
        waitlist.leave(user=user_of(request), place=codes.find(self.get_queryset(), code))
        return Response(status=status.HTTP_204_NO_CONTENT)
