"""Firmware and diagnostics of a charge point, over HTTP."""

from typing import Any

from django.http import StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import addresses
from chargeshare.errors import NotFound
from ocpp_core.attachments import as_attachment
from ocpp_core.models import DiagnosticsUpload, FirmwareUpdate
from ocpp_core.models.firmware import Progress
from stations.api.permissions import own_charge_point

LARGEST_ID = 2**63 - 1


class StepSerializer(serializers.Serializer[dict[str, Any]]):
    """One word of the charger, when it was first said, and how often in a row."""

    status = serializers.CharField()
    at = serializers.DateTimeField()
    times = serializers.IntegerField()


class FirmwareUpdateSerializer(serializers.ModelSerializer[FirmwareUpdate]):
    """One update: what was asked, how far it has got, and what the charger said of it, oldest first."""

    progress = serializers.ChoiceField(choices=Progress.choices, read_only=True)
    history = StepSerializer(source="steps", many=True, read_only=True)

    class Meta:
        model = FirmwareUpdate
        fields = (
            "id",
            "created_at",
            "was_asked",
            "is_signed",
            "request_id",
            "location",
            "retrieve_at",
            "install_at",
            "retries",
            "retry_interval_s",
            "answer",
            "status",
            "progress",
            "history",
            "firmware_before",
            "firmware_after",
            "heard_at",
            "ended_at",
        )
        read_only_fields = fields


class DiagnosticsUploadSerializer(serializers.ModelSerializer[DiagnosticsUpload]):
    """One upload: what was asked, how far it has got, and the file where it came to us."""

    progress = serializers.ChoiceField(choices=Progress.choices, read_only=True)
    history = StepSerializer(source="steps", many=True, read_only=True)
    file = serializers.SerializerMethodField()

    class Meta:
        model = DiagnosticsUpload
        fields = (
            "id",
            "created_at",
            "was_asked",
            "type",
            "request_id",
            "since",
            "until",
            "location",
            "file_name",
            "answer",
            "status",
            "progress",
            "history",
            "refusal",
            "expires_at",
            "received_at",
            "size_bytes",
            "sha256",
            "file",
            "heard_at",
            "ended_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_file(self, upload: DiagnosticsUpload) -> str | None:
        """Where it can be downloaded."""
        if not upload.stored_as:
            return None
        path = reverse("diagnostics_file", args=[upload.charge_point.code, upload.pk])
        return addresses.public(path)


class FirmwareView(GenericAPIView[FirmwareUpdate]):
    """Updates of the firmware of one charge point."""

    queryset = FirmwareUpdate.objects.order_by("-id")
    serializer_class = FirmwareUpdateSerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_firmware_list", responses=FirmwareUpdateSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """Newest first."""
        charge_point = own_charge_point(request, code, retired=True)
        page = self.paginate_queryset(self.get_queryset().filter(charge_point=charge_point))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class DiagnosticsView(GenericAPIView[DiagnosticsUpload]):
    """Uploads of diagnostics by one charge point."""

    queryset = DiagnosticsUpload.objects.select_related("charge_point", "command").order_by("-id")
    serializer_class = DiagnosticsUploadSerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_diagnostics_list", responses=DiagnosticsUploadSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """Newest first; rows and files are kept for a month."""
        charge_point = own_charge_point(request, code, retired=True)
        page = self.paginate_queryset(self.get_queryset().filter(charge_point=charge_point))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class DiagnosticsFileView(GenericAPIView[DiagnosticsUpload]):
    """The file of one upload."""

    queryset = DiagnosticsUpload.objects.all()
    filter_backends = ()

    @extend_schema(operation_id="charge_points_diagnostics_file", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, code: str, pk: int) -> StreamingHttpResponse:
        """As the charger sent it; nothing in it was looked at."""
        charge_point = own_charge_point(request, code, retired=True)
        upload = self.get_queryset().filter(charge_point=charge_point, pk=pk).first() if pk <= LARGEST_ID else None
        if upload is None:
            raise NotFound
        return as_attachment(upload)
