"""What only the chargers' door knows, over HTTP: commands, frames, attempts to connect, configuration keys, deviations.

All of it is for the owner of the charge point and for staff; to everybody else it does not exist.
"""

import re
import time
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import addresses
from accounts.api import idempotent
from chargeshare.errors import Invalid, NotFound
from ocpp_core import meanings, schemas, spoken
from ocpp_core.models import ChargerDeviation, ConfigurationKey, ConnectionAttempt, OcppFrame
from stations import commands
from stations.api.permissions import is_managed_by, own_charge_point, user_of
from stations.models import Command
from stations.models.command import is_secret

LONGEST_WAIT_S = 30.0
LARGEST_ID = 2**63 - 1
WAIT = OpenApiParameter("wait", OpenApiTypes.NUMBER, description="Answer when the charger did, after so many seconds at most (30).")


class CommandSerializer(serializers.ModelSerializer[Command]):
    """What was asked of a charger, and what it said."""

    payload = serializers.JSONField(source="shown_payload", read_only=True)
    response = serializers.JSONField(source="shown_response", read_only=True, allow_null=True)

    class Meta:
        model = Command
        fields = ("id", "action", "payload", "status", "response", "created_at", "answered_at")
        read_only_fields = fields


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


class FrameSerializer(serializers.ModelSerializer[OcppFrame]):
    """One frame, taken apart."""

    payload = serializers.SerializerMethodField()
    error_code = serializers.SerializerMethodField()
    error_description = serializers.SerializerMethodField()

    class Meta:
        model = OcppFrame
        fields = (
            "id",
            "at",
            "direction",
            "type",
            "message_id",
            "action",
            "payload",
            "error_code",
            "error_description",
            "answered_in_ms",
        )
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.ANY)
    def get_payload(self, frame: OcppFrame) -> Any:
        """Of a request, an answer or (its details) an error."""
        return spoken.read(frame).payload

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error_code(self, frame: OcppFrame) -> str | None:
        """Of an error."""
        return spoken.read(frame).error_code

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_error_description(self, frame: OcppFrame) -> str | None:
        """Of an error."""
        return spoken.read(frame).error_description


class FrameQuery(serializers.Serializer[dict[str, Any]]):
    """Which frames."""

    action = serializers.CharField(max_length=40, required=False)
    direction = serializers.ChoiceField(choices=OcppFrame.Direction.choices, required=False)
    type = serializers.ChoiceField(choices=OcppFrame.Type.choices, required=False)
    since = serializers.CharField(max_length=40, required=False, help_text="An id (later than that frame) or a time.")
    before = serializers.CharField(max_length=40, required=False, help_text="An id (earlier than that frame) or a time.")

    def validate_since(self, said: str) -> Q:
        """Later than a frame, or from a time on."""
        moment = _frame_or_time(said)
        return Q(pk__gt=moment) if isinstance(moment, int) else Q(at__gte=moment)

    def validate_before(self, said: str) -> Q:
        """Earlier than a frame or a time."""
        moment = _frame_or_time(said)
        return Q(pk__lt=moment) if isinstance(moment, int) else Q(at__lt=moment)

    def choose(self, found: QuerySet[OcppFrame]) -> QuerySet[OcppFrame]:
        """The frames that were asked for."""
        asked = dict(self.validated_data)
        for limit in (asked.pop("since", None), asked.pop("before", None)):
            found = found.filter(limit) if limit is not None else found
        return found.filter(**asked)


def _frame_or_time(said: str) -> int | datetime:
    if re.fullmatch(r"[0-9]{1,18}", said):
        return int(said)
    try:
        moment = parse_datetime(said.replace(" ", "+"))  # a plus in an address that was not escaped arrives as a space
        if moment is not None:
            return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
    except (ValueError, OverflowError, ValidationError):
        pass
    raise serializers.ValidationError(_("Write the id of a frame, or a time such as 2026-03-01T12:00:00Z."))


class Newest(CursorPagination):
    """Pages by cursor, newest first: frames arrive while one reads, and nobody counts them."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_next_link(self) -> str | None:
        """Under the address that everybody knows."""
        link = super().get_next_link()
        return None if link is None else addresses.public(link)

    def get_previous_link(self) -> str | None:
        """The same backwards."""
        link = super().get_previous_link()
        return None if link is None else addresses.public(link)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """A cursor that was tampered with is a page that does not exist."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not re.fullmatch(r"[0-9]{1,18}", str(cursor.position)):
            raise NotFound(_("There is no such page."))
        return cursor


class FramesView(GenericAPIView[OcppFrame]):
    """The frames of one charge point."""

    queryset = OcppFrame.objects.order_by("-id")
    serializer_class = FrameSerializer
    pagination_class = Newest
    filter_backends = ()

    @extend_schema(parameters=[FrameQuery], operation_id="charge_points_messages_list", responses=FrameSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """What went over the wire, newest first; passwords are blotted out before a frame is kept."""
        charge_point = own_charge_point(request, code, retired=True)
        query = FrameQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        page = self.paginate_queryset(query.choose(self.get_queryset().filter(charge_point=charge_point)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class ConnectionAttemptSerializer(serializers.ModelSerializer[ConnectionAttempt]):
    """An attempt to connect, and why it failed; the same failure again is counted."""

    class Meta:
        model = ConnectionAttempt
        fields = ("id", "at", "first_at", "times", "identity", "outcome", "detail", "address", "closed_at", "close_code")
        read_only_fields = fields


class ConnectionsView(GenericAPIView[ConnectionAttempt]):
    """Attempts to connect under the identity of one charge point."""

    queryset = ConnectionAttempt.objects.order_by("-at", "-id")
    serializer_class = ConnectionAttemptSerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_connections_list", responses=ConnectionAttemptSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """Newest first."""
        charge_point = own_charge_point(request, code, retired=True)
        page = self.paginate_queryset(self.get_queryset().filter(charge_point=charge_point))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class ConfigurationKeySerializer(serializers.ModelSerializer[ConfigurationKey]):
    """A configuration key as it was last read or set."""

    value = serializers.SerializerMethodField(method_name="shown_value")

    class Meta:
        model = ConfigurationKey
        fields = ("key", "value", "is_readonly", "is_known", "read_at")
        read_only_fields = fields

    @extend_schema_field(serializers.CharField(allow_null=True))
    def shown_value(self, key: ConfigurationKey) -> str | None:
        """Nothing for passwords."""
        return None if is_secret(key.key) else key.value


class ConfigurationView(GenericAPIView[ConfigurationKey]):
    """The configuration keys of one charge point."""

    queryset = ConfigurationKey.objects.order_by("key")
    serializer_class = ConfigurationKeySerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_configuration_list", responses=ConfigurationKeySerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """By name."""
        charge_point = own_charge_point(request, code, retired=True)
        page = self.paginate_queryset(self.get_queryset().filter(charge_point=charge_point))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class DeviationSerializer(serializers.ModelSerializer[ChargerDeviation]):
    """One way in which the charger strays from the standard, how often it did, and what that means."""

    text = serializers.SerializerMethodField()
    advice = serializers.SerializerMethodField()

    class Meta:
        model = ChargerDeviation
        fields = ("word", "times", "first_at", "last_at", "sample", "text", "advice")
        read_only_fields = fields

    def get_text(self, deviation: ChargerDeviation) -> str:
        """In plain words."""
        return str(meanings.of(deviation.word).text)

    def get_advice(self, deviation: ChargerDeviation) -> str:
        """What to do about it."""
        return str(meanings.of(deviation.word).advice)


class DeviationsView(GenericAPIView[ChargerDeviation]):
    """How one charge point strays from the standard."""

    queryset = ChargerDeviation.objects.order_by("-last_at", "word")
    serializer_class = DeviationSerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_deviations_list", responses=DeviationSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """The latest first."""
        charge_point = own_charge_point(request, code, retired=True)
        page = self.paginate_queryset(self.get_queryset().filter(charge_point=charge_point))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
