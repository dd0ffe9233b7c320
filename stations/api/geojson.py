"""The map's answer: places as GeoJSON features, drawn from plain values because a screen holds hundreds of them."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from billing.serializers import PriceField
from stations import circles, search
from stations.models import ChargePoint, Connector, State

PRICE = PriceField()


def collection(features: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A FeatureCollection."""
    return {"type": "FeatureCollection", "features": list(features)}


def place(charge_point: ChargePoint) -> dict[str, Any]:
    """One charge point where everybody may think it stands."""
    connectors = [_connector(connector) for connector in charge_point.connectors.all()]
    cheapest = min((c for c in connectors if c["price_per_kwh"] is not None), key=lambda c: Decimal(c["price_per_kwh"]), default=None)
    state = charge_point.state
    return {
        "type": "Feature",
        "id": charge_point.code,
        "geometry": _point(charge_point.public_longitude, charge_point.public_latitude),
        "properties": {
            "code": charge_point.code,
            "name": charge_point.name,
            "access": charge_point.access,
            "state": state.value,
            "state_label": str(state.label),
            "state_at": max((c["state_at"] for c in connectors if c["state_at"]), default=None),
            "is_available": state == State.FREE,
            "free": sum(c["state"] == State.FREE for c in connectors),
            "max_power_w": max((c["max_power_w"] for c in connectors if c["max_power_w"]), default=None),
            "price_per_kwh": cheapest["price_per_kwh"] if cheapest else None,
            "currency": cheapest["currency"] if cheapest else None,
            "connectors": connectors,
            "url": charge_point.get_absolute_url(),
        },
    }


def cluster(crowd: search.Cluster) -> dict[str, Any]:
    """Many charge points at one spot of a wide view."""
    return {
        "type": "Feature",
        "geometry": _point(crowd.longitude, crowd.latitude),
        "properties": {"cluster": True, "point_count": crowd.count, "free_count": crowd.free},
    }


def _point(longitude: Decimal | float, latitude: Decimal | float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [float(longitude), float(latitude)]}


def _connector(connector: Connector) -> dict[str, Any]:
    state = connector.state
    tariff = circles.shown_tariff(connector)
    prices = tariff.current if tariff is not None else None
    spoken_at = None if state == State.OFFLINE else connector.status_at
    return {
        "number": connector.number,
        "type": connector.type,
        "max_power_w": connector.max_power_w,
        "state": state.value,
        "state_at": spoken_at.strftime("%Y-%m-%dT%H:%M:%SZ") if spoken_at else None,
        "price_per_kwh": PRICE.to_representation(prices.price_per_kwh) if prices else None,
        "currency": tariff.currency if tariff is not None else None,
    }


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
