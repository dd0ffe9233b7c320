"""What we know of a box, over HTTP: attempts to connect, configuration keys, deviations."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ocpp_core import meanings
from ocpp_core.models import ChargerDeviation, ConfigurationKey, ConnectionAttempt
from stations.api.permissions import own_charge_point
from stations.models.command import is_secret


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
