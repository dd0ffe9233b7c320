"""Charging sessions over HTTP."""

import uuid
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import addresses, codes, id_tokens, vehicles
from accounts.api import idempotent
from accounts.models import User
from billing.models import ChargeDetailRecord
from chargeshare.errors import NotFound
from stations import sessions
from stations.api.permissions import connector_of, user_of
from stations.api.session_serializers import (
    LimitsSerializer,
    SampledValues,
    SampledValueSerializer,
    SessionQuery,
    SessionSerializer,
    StartSerializer,
)
from stations.models import ChargingSession, MeterValue

CODE = OpenApiParameter("code", uuid.UUID, OpenApiParameter.PATH)


class SessionViewSet(GenericViewSet[ChargingSession]):
    """Sessions: mine, those at my chargers, and (for staff) all."""

    queryset = ChargingSession.objects.select_related(
        "charge_point", "connector", "id_token", "cdr", "tariff_version__tariff", "hold", "driver", "owner", "booking", "vehicle"
    )
    serializer_class = SessionSerializer
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    lookup_field = "code"
    lookup_value_regex = r"[^/]+"

    @extend_schema(parameters=[SessionQuery], filters=False)
    def list(self, request: Request) -> Response:
        """Last created first."""
        query = SessionQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        spent = ChargeDetailRecord.objects.filter(session_code=OuterRef("code")).order_by().values("session_code")
        found = self._asked_for(user_of(request), query.validated_data)
        page = self.paginate_queryset(found.annotate(spent_minor=Subquery(spent.values(total=Sum("total_minor")))))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=StartSerializer, responses={202: SessionSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Ask a charger to start. The session waits for it as `pending`."""
        said = StartSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        wish = said.validated_data
        driver = user_of(request)
        session = sessions.request_start(
            driver=driver,
            connector=connector_of(driver, *wish["connector"]),
            origin=ChargingSession.Origin.APP,
            max_amount_minor=wish.get("max_amount"),
            max_energy_wh=wish.get("max_energy_wh"),
            until=wish.get("until"),
            car=sessions.Car.of(
                vehicles.find(driver, str(wish.get("vehicle") or "")),
                (wish["from_percent"], wish["until_percent"]) if "until_percent" in wish else None,
            ),
        )
        answer = self.get_serializer(self._of(request, str(session.code))).data
        location = addresses.public(request.build_absolute_uri(f"{session.code}/"))
        return Response(answer, status.HTTP_202_ACCEPTED, headers={"Location": location})

    @extend_schema(parameters=[CODE])
    def retrieve(self, request: Request, code: str) -> Response:
        """One session."""
        return Response(self.get_serializer(self._of(request, code)).data)

    @extend_schema(parameters=[CODE], request=None, responses={202: None})
    @action(detail=True, methods=["post"])
    @idempotent
    def stop(self, request: Request, code: str) -> Response:
        """Ask the charger to stop."""
        sessions.request_stop(user=user_of(request), session=self._of(request, code))
        return Response(status=status.HTTP_202_ACCEPTED)

    @extend_schema(parameters=[CODE], request=LimitsSerializer, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def limits(self, request: Request, code: str) -> Response:
        """Set anew at what it stops by itself, for its driver, while it waits or charges."""
        session = self._of(request, code)
        said = LimitsSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        wish = said.validated_data
        sessions.change_limits(
            user=user_of(request),
            session=session,
            max_amount_minor=wish.get("max_amount"),
            max_energy_wh=wish.get("max_energy_wh"),
            until=wish.get("until"),
            until_percent=wish.get("until_percent"),
        )
        return Response(self.get_serializer(self._of(request, code)).data)

    @extend_schema(parameters=[CODE], request=None, responses=SessionSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def close(self, request: Request, code: str) -> Response:
        """End a record that no StopTransaction will end; nothing goes to the charger. For the owner and staff."""
        session = self._of(request, code)
        user = user_of(request)
        if not (user.is_staff or session.owner_id == user.pk):
            raise NotFound
        sessions.close(user=user, session=session)
        return Response(self.get_serializer(self._of(request, code)).data)

    @extend_schema(parameters=[CODE], responses=SampledValueSerializer(many=True), filters=False)
    @action(detail=True, url_path="meter-values")
    def meter_values(self, request: Request, code: str) -> Response:
        """What the meter said, one sampled value at a time, oldest first."""
        values = SampledValues(MeterValue.objects.filter(session=self._of(request, code)).order_by("at", "id"))
        page: Any = self.paginate_queryset(values)
        return self.get_paginated_response(SampledValueSerializer(page, many=True).data)

    def _of(self, request: Request, code: str) -> ChargingSession:
        return codes.find(self.get_queryset().filter(pk__in=ChargingSession.objects.visible_to(user_of(request))), code)

    def _asked_for(self, user: User, asked: dict[str, Any]) -> QuerySet[ChargingSession]:
        if asked["role"] == "staff" and not user.is_staff:
            raise NotFound
        found = self.get_queryset().filter(**{"driver": {"driver": user}, "owner": {"owner": user}, "staff": {}}[asked["role"]])
        if "charge_point" in asked:
            found = found.filter(charge_point__code=asked["charge_point"])
        if "status" in asked:
            found = found.filter(status=asked["status"].upper())
        if "transaction_id" in asked:
            found = found.filter(transaction_id=asked["transaction_id"], start_received_at__isnull=False)
        if "id_tag" in asked:
            found = found.filter(_by_card(asked["id_tag"]))
            if not user.is_staff:
                found = found.filter(driver=user)
        return found


def _by_card(id_tag: str) -> Q:
    """Sessions of a card however it is spelled, or of a tag as it came."""
    known = id_tokens.key(id_tag)
    return Q(id_tag__iexact=id_tag) | (Q(id_token__uid_key=known) if known else Q())
