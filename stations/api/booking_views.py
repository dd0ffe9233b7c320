"""When a charger can be had, under what rules, and how to arrive, over HTTP."""

from datetime import datetime, time
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated, IsAuthenticatedOrReadOnly
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chargeshare.errors import NotFound
from stations import arrival, booking_rules, free_times, weekly
from stations.api.booking_serializers import (
    ArrivalSerializer,
    BookingRulesSerializer,
    CloseSerializer,
    ClosureSerializer,
    FreeTimesQuery,
    SpanSerializer,
)
from stations.api.permissions import is_managed_by, own_charge_point, seen_charge_point
from stations.models import ChargePoint


class BookingRulesView(APIView):
    """The owner's rules for bookings of one charger."""

    permission_classes = [IsAuthenticatedOrReadOnly]

    @extend_schema(responses=BookingRulesSerializer)
    def get(self, request: Request, code: str) -> Response:
        """What holds for who books; the default asks for nothing. When the owner keeps it for herself, her guests read as closed."""
        charge_point = seen_charge_point(request, code)
        return Response(_rules(charge_point, is_own=is_managed_by(charge_point, request.user)))

    @extend_schema(request=BookingRulesSerializer, responses=BookingRulesSerializer)
    def patch(self, request: Request, code: str) -> Response:
        """Change some of them. Bookings that were made before stay as they are."""
        charge_point = own_charge_point(request, code)
        said = BookingRulesSerializer(booking_rules.of(charge_point), data=request.data, partial=True)
        said.is_valid(raise_exception=True)
        booking_rules.edit(charge_point, **said.validated_data)
        return Response(_rules(charge_point, is_own=True))


class ClosuresView(APIView):
    """Times in which a charger cannot be had."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=ClosureSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """Those that are not over; the owner's alone to read, for they tell when she is away."""
        closures = booking_rules.closures(own_charge_point(request, code), timezone.now())
        return Response(ClosureSerializer(closures, many=True).data)

    @extend_schema(request=CloseSerializer, responses={201: ClosureSerializer})
    def post(self, request: Request, code: str) -> Response:
        """Close it for a time. Bookings that were made before stay."""
        charge_point = own_charge_point(request, code)
        said = CloseSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        wish = said.validated_data
        closure = booking_rules.close(charge_point, begins_at=wish["from"], ends_at=wish["to"], note=wish["note"])
        return Response(ClosureSerializer(closure).data, status.HTTP_201_CREATED)


class ClosureView(APIView):
    """One of them."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses={204: None})
    def delete(self, request: Request, code: str, pk: int) -> Response:
        """Take it back."""
        booking_rules.reopen(own_charge_point(request, code), pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ArrivalView(APIView):
    """How to find the socket."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=ArrivalSerializer)
    def get(self, request: Request, code: str) -> Response:
        """For the owner, for who charges there, and from 15 minutes before her booking for its driver; to others it does not exist."""
        charge_point = seen_charge_point(request, code)
        if not arrival.may_read(charge_point, request.user, timezone.now()):
            raise NotFound
        return Response(ArrivalSerializer(arrival.of(charge_point)).data)

    @extend_schema(request=ArrivalSerializer, responses=ArrivalSerializer)
    def patch(self, request: Request, code: str) -> Response:
        """Write it."""
        charge_point = own_charge_point(request, code)
        said = ArrivalSerializer(arrival.of(charge_point), data=request.data, partial=True)
        said.is_valid(raise_exception=True)
        return Response(ArrivalSerializer(arrival.edit(charge_point, **said.validated_data)).data)


class FreeTimesView(APIView):
    """When an outlet can be booked."""

    permission_classes = [IsAuthenticatedOrReadOnly]

    @extend_schema(parameters=[FreeTimesQuery], responses=SpanSerializer(many=True))
    def get(self, request: Request, code: str, number: int) -> Response:
        """What is left of seven days, day by day; who has the rest is not told."""
        charge_point = seen_charge_point(request, code)
        connector = next((one for one in charge_point.connectors.all() if one.number == number), None)
        if connector is None:
            raise NotFound
        query = FreeTimesQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        now, day = timezone.now(), query.validated_data.get("day")
        first = now if day is None else max(now, datetime.combine(day, time(), booking_rules.zone_of(charge_point)))
        days = free_times.week(connector, request.user, first, now=now)
        spans = [{"from": begins_at, "to": ends_at} for one in days for begins_at, ends_at in one.spans]
        return Response(SpanSerializer(spans, many=True).data)  # type: ignore[arg-type]  # rows of it


def _rules(charge_point: ChargePoint, *, is_own: bool) -> dict[str, Any]:
    rules, kinds = booking_rules.of(charge_point), booking_rules.Kind
    shown = {kind: booking_rules.hours(charge_point, kind) for kind in kinds.values}
    if not is_own:
        shown = {kinds.OPEN: booking_rules.hours_for_guests(charge_point), kinds.OWN: []}
    for kind, hours in shown.items():
        setattr(rules, kind, weekly.written(hours))
    return dict(BookingRulesSerializer(rules).data)
