"""The frames of a charge point, over HTTP."""

import re
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import addresses
from chargeshare.errors import NotFound
from ocpp_core import door, exchanges, spoken
from ocpp_core.json_lines import LINES, as_file
from ocpp_core.models import OcppFrame
from stations.api.permissions import own_charge_point


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
        door.write_down()
        page = self.paginate_queryset(query.choose(self.get_queryset().filter(charge_point=charge_point)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class AnyAnswer(BaseContentNegotiation):
    """A file is what it is, whatever the program says it would like."""

    def select_parser(self, request: Request, parsers: Any) -> Any:  # noqa: ARG002 - DRF's signature
        """Nothing is sent to it."""
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:  # noqa: ARG002 - DRF's signature
        """Of refusals."""
        return renderers[0], renderers[0].media_type


class FrameExportView(GenericAPIView[OcppFrame]):
    """The frames of one charge point as a file."""

    queryset = OcppFrame.objects.order_by("-id")
    filter_backends = ()
    pagination_class = None
    content_negotiation_class = AnyAnswer

    @extend_schema(parameters=[FrameQuery], operation_id="charge_points_messages_export", responses={(200, LINES): OpenApiTypes.STR})
    def get(self, request: Request, code: str) -> StreamingHttpResponse:
        """One frame a line (JSON lines), newest first, however many there are; cards are cut to their ends."""
        charge_point = own_charge_point(request, code, retired=True)
        query = FrameQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        found = query.choose(self.get_queryset().filter(charge_point=charge_point))
        return as_file(request._request, exchanges.export_frames(found), code)  # noqa: SLF001 - DRF's own way to Django's request
