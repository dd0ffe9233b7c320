"""/api/v1/vehicles/: my cars, and the list of models to begin one with."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import codes, vehicle_models, vehicles
from accounts.api.me import asking
from accounts.models import Vehicle

CODE = OpenApiParameter("code", OpenApiTypes.UUID, OpenApiParameter.PATH)
MOST = 2**31 - 1


class VehicleSerializer(serializers.ModelSerializer[Vehicle]):
    """A car; energy in watt-hours, power in watts."""

    plate = serializers.CharField(max_length=20, allow_blank=True, required=False)
    battery_wh = serializers.IntegerField(min_value=1_000, max_value=MOST, help_text="What the driver can use of it.")
    ac_limit_w = serializers.IntegerField(min_value=1_000, max_value=MOST)
    dc_limit_w = serializers.IntegerField(min_value=0, max_value=MOST, required=False, help_text="0: it takes no direct current.")
    connector_types = serializers.ListField(child=serializers.ChoiceField(choices=Vehicle.Plug.choices), min_length=1, max_length=6)
    consumption_wh_100km = serializers.IntegerField(min_value=1, max_value=MOST)
    is_default = serializers.BooleanField(required=False, help_text="The car estimates are made for. The first one is it.")

    class Meta:
        model = Vehicle
        fields = [
            *("code", "name", "plate", "battery_wh", "ac_limit_w", "dc_limit_w", "connector_types", "consumption_wh_100km"),
            *("is_default", "created_at"),
        ]
        read_only_fields = ["code", "created_at"]

    def create(self, validated_data: dict[str, Any]) -> Vehicle:
        """Add a car."""
        return vehicles.create(asking(self.context["request"]), {"dc_limit_w": 0, **validated_data})

    def update(self, instance: Vehicle, validated_data: dict[str, Any]) -> Vehicle:
        """Change what is named."""
        return vehicles.edit(instance, validated_data)


@extend_schema_view(
    list=extend_schema(summary="My cars", tags=["vehicles"]),
    create=extend_schema(summary="Add a car", tags=["vehicles"]),
    retrieve=extend_schema(summary="A car", parameters=[CODE], tags=["vehicles"]),
    partial_update=extend_schema(summary="Change a car", parameters=[CODE], tags=["vehicles"]),
    destroy=extend_schema(summary="Forget a car", parameters=[CODE], tags=["vehicles"]),
)
class VehicleViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[Vehicle],
):
    """My cars, the usual one first."""

    serializer_class = VehicleSerializer
    queryset = Vehicle.objects.none()
    lookup_field = "code"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Vehicle]:
        """Those of who asks."""
        return Vehicle.objects.filter(user=asking(self.request))

    def get_object(self) -> Vehicle:
        """The car with this code; somebody else's does not exist."""
        return codes.find(self.get_queryset(), self.kwargs["code"])

    def perform_destroy(self, instance: Vehicle) -> None:
        """Forget the car; what it charged stays."""
        vehicles.remove(instance)


class VehicleModelSerializer(serializers.Serializer[Any]):
    """A make and model with the figures of its maker, rounded."""

    make = serializers.CharField()
    name = serializers.CharField()
    battery_wh = serializers.IntegerField()
    ac_limit_w = serializers.IntegerField()
    dc_limit_w = serializers.IntegerField()
    consumption_wh_100km = serializers.IntegerField()
    connector_types = serializers.ListField(child=serializers.ChoiceField(choices=Vehicle.Plug.choices))


class VehicleModelsView(APIView):
    """Models to begin a car with."""

    @extend_schema(summary="Models to begin a car with", responses=VehicleModelSerializer(many=True), tags=["vehicles"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """The whole list; it is short."""
        return Response(VehicleModelSerializer(list(vehicle_models.MODELS), many=True).data)
