"""What a map or a list of chargers may be asked for in an address."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts import vehicles
from accounts.models import User, Vehicle
from chargeshare.errors import Invalid
from stations import estimates, search
from stations.api.fields import BoxField, ConnectorTypesField, FactsField, PlaceField
from stations.estimates import Need
from stations.models.site_facts import HIGHEST_CM, LOWEST_CM
from stations.ordering import Ordering

LATEST = datetime(9000, 1, 1, tzinfo=UTC)  # an hour later is still a date


class MapQuery(serializers.Serializer[dict[str, Any]]):
    """The question a map or a list asks."""

    role = serializers.ChoiceField(choices=["owner"], required=False, help_text="A page of mine as they are.")
    bbox = BoxField(required=False, help_text="west,south,east,north; without it the whole world.")
    near = PlaceField(required=False, help_text="latitude,longitude: a page by distance instead of a map.")
    connector_type = ConnectorTypesField(required=False, help_text="One or several, separated by commas.")
    min_power_w = serializers.IntegerField(min_value=0, max_value=10_000_000, required=False)
    available = serializers.BooleanField(required=False, default=False, help_text="Free now.")
    max_price_per_kwh = serializers.DecimalField(max_digits=10, decimal_places=4, min_value=Decimal(0), required=False)
    free_from = serializers.DateTimeField(required=False, help_text="Not booked from then; without it from now.")
    free_to = serializers.DateTimeField(required=False, help_text="Not booked until then; without it for an hour.")
    favourites = serializers.BooleanField(required=False, default=False, help_text="Only my favourites; of nobody there are none.")
    my_circles = serializers.BooleanField(
        required=False, default=False, help_text="Only my own, those I am invited to, and those with a price for a circle of mine."
    )
    fits_car = serializers.BooleanField(required=False, default=False, help_text="Only with a connector for my car; without a car none.")
    car = serializers.UUIDField(required=False, help_text="Which of my cars, by its code; without it the usual one.")
    instant_book = serializers.BooleanField(required=False, default=False, help_text="Only where a booking holds at once.")
    min_rating = serializers.DecimalField(
        max_digits=2, decimal_places=1, min_value=Decimal(1), max_value=Decimal(5), required=False, help_text="Stars in the mean, 1 to 5."
    )
    facts = FactsField(required=False, help_text="What the owner says of the place, one or several, separated by commas.")
    height_cm = serializers.IntegerField(
        min_value=LOWEST_CM, max_value=HIGHEST_CM, required=False, help_text="Of my car: only where nothing lower is in its way."
    )
    ordering = serializers.ChoiceField(
        choices=Ordering.choices,
        required=False,
        default=Ordering.DISTANCE,
        help_text="Of a page by distance: what comes first among the 500 nearest. Price is the total for what is asked for below.",
    )
    energy_wh = serializers.IntegerField(min_value=1_000, max_value=200_000, required=False, help_text="Totals for so much energy.")
    from_percent = serializers.IntegerField(min_value=0, max_value=100, required=False, help_text="Totals for my car from here …")
    to_percent = serializers.IntegerField(min_value=0, max_value=100, required=False, help_text="… to here.")
    q = serializers.CharField(max_length=100, allow_blank=True, required=False)

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A slot has two ends, in their order."""
        if "free_from" in asked or "free_to" in asked:
            begins_at = asked.setdefault("free_from", timezone.now())
            if "free_to" not in asked:
                asked["free_to"] = min(begins_at, LATEST) + timedelta(hours=1)
            if asked["free_to"] <= begins_at:
                raise serializers.ValidationError({"free_to": [_("The end must come after the beginning.")]})
        if asked["ordering"] != Ordering.DISTANCE and "near" not in asked:
            raise serializers.ValidationError({"ordering": [_("Only a page by distance (near=) can be put in order.")]})
        first, last = asked.get("from_percent", estimates.FROM_PERCENT), asked.get("to_percent", estimates.TO_PERCENT)
        try:
            estimates.percents(first, last)
        except Invalid as refusal:
            raise serializers.ValidationError({"to_percent": [str(refusal.message)]}) from refusal
        return {**asked, "from_percent": first, "to_percent": last}

    def need(self, viewer: object) -> Need:
        """What the totals are for: my car, unless an energy is asked for or there is none."""
        asked = self.validated_data
        energy_wh = asked.get("energy_wh")
        car = _car(viewer, asked.get("car")) if energy_wh is None else None
        return Need(energy_wh or Need.energy_wh, car, asked["from_percent"], asked["to_percent"])

    def wanted(self, viewer: object) -> search.Wanted:
        """The filters among the answers."""
        asked = self.validated_data
        return search.Wanted(
            connector_types=asked.get("connector_type", ()),
            min_power_w=asked.get("min_power_w"),
            available=asked["available"],
            max_price_per_kwh=asked.get("max_price_per_kwh"),
            text=asked.get("q", ""),
            free_from=asked.get("free_from"),
            free_to=asked.get("free_to"),
            favourites=asked["favourites"],
            my_circles=asked["my_circles"],
            instant_book=asked["instant_book"],
            min_rating=asked.get("min_rating"),
            facts=asked.get("facts", ()),
            height_cm=asked.get("height_cm"),
            car_types=_usable_types(viewer, asked.get("car")) if asked["fits_car"] else None,
        )


def _usable_types(viewer: object, code: UUID | None) -> tuple[str, ...]:
    car = _car(viewer, code)
    return estimates.usable_types(car) if car else ()


def _car(viewer: object, code: UUID | None) -> Vehicle | None:
    if not isinstance(viewer, User):
        return None
    return vehicles.find(viewer, str(code)) if code else vehicles.default_of(viewer)
