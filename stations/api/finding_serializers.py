"""Saved filters, watched areas and towns as JSON."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.api_fields import MoneyField, written
from stations import areas, filter_profiles, site_facts
from stations.api.fields import CoordinateField
from stations.estimates import Estimate
from stations.models import AreaAlert, Connector, FilterProfile, SiteFacts
from stations.models.area_alert import LEAST_KM, MOST_KM
from stations.models.site_facts import HIGHEST_CM, LOWEST_CM


class FilterProfileSerializer(serializers.ModelSerializer[FilterProfile]):
    """Filters of the map under a name of mine."""

    filters = serializers.DictField(
        child=serializers.CharField(max_length=filter_profiles.LONGEST_VALUE),
        help_text=f"By their names in the address of the map: {', '.join(filter_profiles.NAMES)}.",
    )
    query = serializers.CharField(read_only=True, help_text="The same as an address has it.")
    name = serializers.CharField(max_length=filter_profiles.LONGEST_NAME)
    is_default = serializers.BooleanField(required=False, help_text="On whenever I open the map; one of them at most.")

    class Meta:
        model = FilterProfile
        fields = ("code", "name", "filters", "query", "is_default", "created_at")
        read_only_fields = ("code", "query", "created_at")


class AreaSerializer(serializers.ModelSerializer[AreaAlert]):
    """An area where I wait for a charger."""

    name = serializers.CharField(max_length=areas.LONGEST_NAME)
    latitude = CoordinateField(limit=90)
    longitude = CoordinateField(limit=180)
    radius_km = serializers.IntegerField(min_value=LEAST_KM, max_value=MOST_KM)
    connector_types = serializers.ListField(
        child=serializers.ChoiceField(choices=Connector.Type.choices), max_length=10, required=False, help_text="Empty: any."
    )
    min_power_w = serializers.IntegerField(min_value=0, max_value=10_000_000, allow_null=True, required=False)
    is_of_my_circles = serializers.BooleanField(required=False, help_text="Only chargers of people in whose circles I am.")

    class Meta:
        model = AreaAlert
        fields = (
            *("code", "name", "latitude", "longitude", "radius_km", "connector_types", "min_power_w", "is_of_my_circles"),
            "created_at",
        )
        read_only_fields = ("code", "created_at")


class FactsSerializer(serializers.ModelSerializer[SiteFacts]):
    """What the owner says of the place."""

    max_height_cm = serializers.IntegerField(
        min_value=LOWEST_CM, max_value=HIGHEST_CM, allow_null=True, required=False, help_text="Null where nothing is above."
    )

    class Meta:
        model = SiteFacts
        fields = site_facts.NAMES
        extra_kwargs: ClassVar[dict[str, dict[str, Any]]] = {name: {"required": False} for name in fields}


class EstimateSerializer(serializers.Serializer[Estimate]):
    """What charging would cost, everything in it; the bill goes by the meter."""

    total = serializers.SerializerMethodField()
    energy_wh = serializers.IntegerField(help_text="By the meter, losses included.")
    seconds = serializers.IntegerField(allow_null=True)
    fits = serializers.BooleanField(help_text="Whether the car can be plugged in.")

    @extend_schema_field(MoneyField())
    def get_total(self, estimate: Estimate) -> dict[str, str]:
        """In the currency of the tariff."""
        return written(estimate.total_minor, estimate.currency)


class TownQuery(serializers.Serializer[dict[str, Any]]):
    """The beginning of a town's name; an address only where it is asked for."""

    q = serializers.CharField(max_length=100)
    address = serializers.BooleanField(
        required=False, default=False, help_text="Ask the geocoder as well, if this server has one: for what a person has sent, not typed."
    )


class TownSerializer(serializers.Serializer[Any]):
    """A place on the map."""

    name = serializers.CharField()
    country = serializers.CharField(help_text="Two letters; empty where it is not known.")
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()
