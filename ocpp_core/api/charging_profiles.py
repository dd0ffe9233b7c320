"""The charging profiles of a charge point, over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from ocpp_core.charging_profiles import kept
from ocpp_core.models import ChargingProfile
from stations.api.permissions import own_charge_point


class ChargingProfileSerializer(serializers.ModelSerializer[ChargingProfile]):
    """A profile that the box holds, as far as its answers told us; `profile` is it in the standard's own words."""

    connector = serializers.IntegerField(
        source="connector_number", read_only=True, allow_null=True, help_text="0 is the whole charger; null while any connector may begin."
    )
    profile = serializers.DictField(read_only=True)
    is_expired = serializers.BooleanField(read_only=True, help_text="Its time is over, though the box may still hold it.")
    is_waiting = serializers.BooleanField(read_only=True, help_text="It came with a request to start, and nothing has begun yet.")
    command = serializers.PrimaryKeyRelatedField[ChargingProfile](
        read_only=True, allow_null=True, help_text="The request by which the box took it."
    )

    class Meta:
        model = ChargingProfile
        fields = ("id", "connector", "transaction_id", "profile", "accepted_at", "command", "is_expired", "is_waiting")
        read_only_fields = fields


class ChargingProfilesView(GenericAPIView[ChargingProfile]):
    """The charging profiles of one charge point."""

    queryset = ChargingProfile.objects.order_by("connector_number", "purpose", "-stack_level", "pk")
    serializer_class = ChargingProfileSerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_charging_profiles_list", responses=ChargingProfileSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """By connector, purpose and stack level."""
        charge_point = own_charge_point(request, code, retired=True)
        kept.catch_up(charge_point.pk)
        page = self.paginate_queryset(self.get_queryset().filter(charge_point=charge_point))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
