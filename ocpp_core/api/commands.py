"""Commands to a charge point, over HTTP."""

import re
import time
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import idempotent
from chargeshare.errors import Invalid, NotFound
from ocpp_core import schemas
from stations import commands
from stations.api.permissions import is_managed_by, own_charge_point, user_of
from stations.models import Command

LONGEST_WAIT_S = 30.0
LARGEST_ID = 2**63 - 1
WAIT = OpenApiParameter("wait", OpenApiTypes.NUMBER, description="Answer when the charger did, after so many seconds at most (30).")


class CommandSerializer(serializers.ModelSerializer[Command]):
    """What was asked of a charger, and what it said."""

    payload = serializers.JSONField(source="shown_payload", read_only=True)
    response = serializers.JSONField(source="shown_response", read_only=True, allow_null=True)

    class Meta:
        model = Command
        fields: tuple[str, ...] = ("id", "action", "payload", "status", "response", "created_at", "answered_at")
        read_only_fields: tuple[str, ...] = fields


class AskSerializer(serializers.Serializer[dict[str, Any]]):
    """A request in the standard's own words."""

    action = serializers.ChoiceField(choices=sorted(schemas.TO_CHARGER))
    payload = serializers.JSONField(default=dict)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """By the official schema of the action, formats included."""
        payload = attrs["payload"]
        if not isinstance(payload, dict):
            raise serializers.ValidationError({"payload": [_("The payload must be an object.")]})
        fault = schemas.problems(attrs["action"], payload)
        if fault:
            raise serializers.ValidationError({"payload": [fault]})
        return attrs


class CommandsView(GenericAPIView[Command]):
    """The commands of one charge point, newest first."""

    queryset = Command.objects.order_by("-id")
    serializer_class = CommandSerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_commands_list", responses=CommandSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """What was asked, by whomever."""
        charge_point = own_charge_point(request, code, retired=True)
        page = self.paginate_queryset(self.get_queryset().filter(charge_point=charge_point))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(parameters=[WAIT], request=AskSerializer, responses={201: CommandSerializer})
    def post(self, request: Request, code: str) -> Response:
        """Ask something of the charger."""
        wait_s = _wait(request)
        answer = self._ask(request, code)
        if answer.status_code == status.HTTP_201_CREATED and wait_s:
            answer.data = self.get_serializer(_answered(answer.data["id"], wait_s)).data
        return answer

    @idempotent
    def _ask(self, request: Request, code: str) -> Response:
        charge_point = own_charge_point(request, code)
        said = AskSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        command = commands.ask(
            charge_point,
            said.validated_data["action"],
            said.validated_data["payload"],
            source=Command.Source.PERSON,
            asked_by=user_of(request),
        )
        return Response(self.get_serializer(command).data, status.HTTP_201_CREATED)


class CommandView(GenericAPIView[Command]):
    """One command, under its charge point or by its number alone."""

    queryset = Command.objects.select_related("charge_point")
    serializer_class = CommandSerializer

    @extend_schema(parameters=[WAIT])
    def get(self, request: Request, pk: int, code: str | None = None) -> Response:
        """How it stands."""
        command = self.get_queryset().filter(pk=pk).first() if pk <= LARGEST_ID else None
        if command is None or not is_managed_by(command.charge_point, request.user) or code not in (None, command.charge_point.code):
            raise NotFound
        wait_s = _wait(request)
        return Response(self.get_serializer(_answered(command.pk, wait_s) if wait_s else command).data)


def _wait(request: Request) -> float:
    """How long the client will wait for the charger."""
    said = request.query_params.get("wait", "0")
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", said):
        raise Invalid(fields={"wait": [_("A number of seconds, at most 30.")]})
    return min(float(said), LONGEST_WAIT_S)


def _answered(command_id: int, wait_s: float) -> Command:
    """The command once the charger has answered, or as it stands when the time is over.

    Looks at the row now and then. This thread is the request's own, and between two looks it holds no connection.
    """
    deadline = time.monotonic() + wait_s
    pause_s = 0.02
    while True:
        command = Command.objects.get(pk=command_id)
        rest_s = deadline - time.monotonic()
        if not command.is_under_way or rest_s <= 0:
            return command
        if not connection.in_atomic_block:
            connection.close()
        time.sleep(min(pause_s, rest_s))
        pause_s = min(pause_s * 1.5, 0.25)
