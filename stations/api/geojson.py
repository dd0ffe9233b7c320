"""The map's answer: places as GeoJSON features, drawn from plain values because a screen holds hundreds of them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from billing.serializers import PriceField
from stations import search
from stations.models import ChargePoint, Connector, State
from stations.spots import Outlet, Spot

PRICE = PriceField()
NAMELESS = "-"  # which is no letter of a code


def collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A FeatureCollection."""
    return {"type": "FeatureCollection", "features": list(features)}


def place(spot: Spot, path: str, words: Mapping[State, str]) -> dict[str, Any]:
    """One charge point where everybody may think it stands; `path` is its page with NAMELESS for its code, `words` name the states."""
    outlets = [_outlet(outlet) for outlet in spot.outlets]
    cheapest = min((one for one in spot.outlets if one.price_per_kwh is not None), key=_price, default=None)
    return {
        "type": "Feature",
        "id": spot.code,
        "geometry": _point(spot.longitude, spot.latitude),
        "properties": {
            "code": spot.code,
            "name": spot.name,
            "access": spot.access,
            "state": spot.state,
            "state_label": words[spot.state],
            "state_at": max((one["state_at"] for one in outlets if one["state_at"]), default=None),
            "is_available": spot.state == State.FREE,
            "free": sum(one.state == State.FREE for one in spot.outlets),
            "max_power_w": max((one.max_power_w for one in spot.outlets if one.max_power_w), default=None),
            "price_per_kwh": _written_price(cheapest.price_per_kwh) if cheapest else None,
            "currency": cheapest.currency if cheapest else None,
            "connectors": outlets,
            "url": path.replace(NAMELESS, spot.code),
        },
    }


def places(spots: Iterable[Spot]) -> dict[str, Any]:
    """Many of them."""
    path = reverse("stations:charge_point_detail", args=[NAMELESS])
    words = {state: str(state.label) for state in State}
    return collection(place(spot, path, words) for spot in spots)


def cluster(crowd: search.Cluster) -> dict[str, Any]:
    """Many charge points at one spot of a wide view."""
    return {
        "type": "Feature",
        "geometry": _point(crowd.longitude, crowd.latitude),
        "properties": {"cluster": True, "point_count": crowd.count, "free_count": crowd.free},
    }


def _point(longitude: float, latitude: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [longitude, latitude]}


def _outlet(outlet: Outlet) -> dict[str, Any]:
    at = outlet.state_at
    return {
        "number": outlet.number,
        "type": outlet.type,
        "max_power_w": outlet.max_power_w,
        "state": outlet.state,
        "state_at": at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None,
        "price_per_kwh": _written_price(outlet.price_per_kwh),
        "currency": outlet.currency,
    }


def _price(outlet: Outlet) -> Decimal:
    return outlet.price_per_kwh if outlet.price_per_kwh is not None else Decimal("Infinity")


@lru_cache(maxsize=10_000)
def _written_price(price: Decimal | None) -> str | None:
    return None if price is None else PRICE.to_representation(price)


class PointSchema(serializers.Serializer[dict[str, Any]]):
    """A GeoJSON point."""

    type = serializers.ChoiceField(choices=["Point"])
    coordinates = serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2, help_text="Longitude, latitude.")


class PlaceConnectorSchema(serializers.Serializer[dict[str, Any]]):
    """An outlet in a feature."""

    number = serializers.IntegerField()
    type = serializers.ChoiceField(choices=[("", ""), *Connector.Type.choices])
    max_power_w = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(choices=State.choices)
    state_at = serializers.DateTimeField(allow_null=True)
    price_per_kwh = serializers.CharField(allow_null=True)
    currency = serializers.CharField(allow_null=True)


class PlaceSchema(serializers.Serializer[dict[str, Any]]):
    """A place's properties; a cluster has the first three alone."""

    cluster = serializers.BooleanField(required=False)
    point_count = serializers.IntegerField(required=False)
    free_count = serializers.IntegerField(required=False)
    code = serializers.CharField(required=False)
    name = serializers.CharField(required=False)
    access = serializers.ChoiceField(choices=ChargePoint.Access.choices, required=False)
    state = serializers.ChoiceField(choices=State.choices, required=False)
    state_label = serializers.CharField(required=False)
    state_at = serializers.DateTimeField(allow_null=True, required=False)
    is_available = serializers.BooleanField(required=False)
    free = serializers.IntegerField(required=False)
    max_power_w = serializers.IntegerField(allow_null=True, required=False)
    price_per_kwh = serializers.CharField(allow_null=True, required=False)
    currency = serializers.CharField(allow_null=True, required=False)
    connectors = PlaceConnectorSchema(many=True, required=False)
    url = serializers.CharField(required=False)


class FeatureSchema(serializers.Serializer[dict[str, Any]]):
    """A GeoJSON feature: a place or a cluster of them."""

    type = serializers.ChoiceField(choices=["Feature"])
    id = serializers.CharField(required=False)
    geometry = PointSchema()
    properties = PlaceSchema()


class FeatureCollectionSchema(serializers.Serializer[dict[str, Any]]):
    """What the map gets."""

    type = serializers.ChoiceField(choices=["FeatureCollection"])
    features = FeatureSchema(many=True)
