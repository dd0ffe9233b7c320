"""Charge points and connectors as JSON: what everybody sees, what their owner sees, what she may send."""

from typing import Any, TypeAlias

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.models import Tariff, TariffVersion
from billing.serializers import BandSerializer, PriceField
from stations import charge_points, circles, reliability, reviews, site_facts
from stations.api.fields import CoordinateField
from stations.api.finding_serializers import EstimateSerializer, FactsSerializer
from stations.api.people_serializers import RatingSerializer, ReliabilitySerializer
from stations.models import ChargePoint, Circle, Connector, State

Fields: TypeAlias = dict[str, serializers.Field[Any, Any, Any, Any]]


def _beyond_optional(fields: Fields, public: tuple[str, ...]) -> Fields:
    """The same fields, those that strangers do not get no longer promised."""
    for name in set(fields) - set(public):
        fields[name].read_only = False
        fields[name].required = False
    return fields


class PricesSerializer(serializers.ModelSerializer[TariffVersion]):
    """What a new session would cost: all-in prices for the driver."""

    currency = serializers.CharField(source="tariff.currency")
    price_per_kwh = PriceField(read_only=True)
    price_per_minute = PriceField(read_only=True)
    session_fee = PriceField(read_only=True)
    minimum_price = PriceField(read_only=True)
    idle_price_per_minute = PriceField(read_only=True)
    idle_cap = PriceField(read_only=True)
    bands = serializers.SerializerMethodField()

    class Meta:
        model = TariffVersion
        fields = (
            "currency",
            "price_per_kwh",
            "price_per_minute",
            "session_fee",
            "minimum_price",
            "idle_price_per_minute",
            "idle_grace_minutes",
            "idle_cap",
            "idle_quiet_from",
            "idle_quiet_to",
            "bands",
        )
        read_only_fields = fields

    @extend_schema_field(BandSerializer(many=True))
    def get_bands(self, version: TariffVersion) -> list[dict[str, Any]]:
        """As they were written."""
        return list(version.bands)


class ConnectorSerializer(serializers.ModelSerializer[Connector]):
    """One outlet as everybody sees it."""

    type = serializers.ChoiceField(
        choices=Connector.Type.choices, allow_blank=True, read_only=True, help_text="Empty until the owner says."
    )
    state = serializers.ChoiceField(choices=State.choices, read_only=True)
    state_at = serializers.SerializerMethodField(help_text="When the charger last spoke of it; nothing while it is offline.")
    prices = serializers.SerializerMethodField()

    class Meta:
        model = Connector
        fields: tuple[str, ...] = ("number", "type", "max_power_w", "state", "state_at", "prices")
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_state_at(self, connector: Connector) -> Any:
        """Nothing while offline: the silence of a home is nobody's business."""
        if connector.state == State.OFFLINE:
            return None
        return serializers.DateTimeField(allow_null=True).to_representation(connector.status_at) if connector.status_at else None

    @extend_schema_field(PricesSerializer(allow_null=True))
    def get_prices(self, connector: Connector) -> Any:
        """The version a session that the caller starts now would get."""
        tariff = circles.shown_tariff(connector)
        return PricesSerializer(tariff.current).data if tariff is not None and tariff.current is not None else None


class OwnConnectorSerializer(ConnectorSerializer):
    """One outlet as its owner sees it: the charger's own words as well."""

    circle_tariffs = serializers.SerializerMethodField(help_text="The tariff of each circle that has one of its own here.")

    class Meta(ConnectorSerializer.Meta):
        fields = (
            *ConnectorSerializer.Meta.fields,
            "tariff",
            "circle_tariffs",
            *("status", "error_code", "vendor_error_code", "info", "status_at"),
        )
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_circle_tariffs(self, connector: Connector) -> dict[str, int]:
        """By the circle's id."""
        return {str(price.circle_id): price.tariff_id for price in connector.circle_prices.all()}


class SeenConnectorSerializer(OwnConnectorSerializer):
    """For the documentation alone: what strangers do not get is optional."""

    def get_fields(self) -> Fields:
        """The owner's fields, those beyond the public ones not promised."""
        return _beyond_optional(super().get_fields(), ConnectorSerializer.Meta.fields)


class ConnectorEditSerializer(serializers.Serializer[Connector]):
    """What the owner says of an outlet."""

    type = serializers.ChoiceField(choices=[("", ""), *Connector.Type.choices], required=False)
    max_power_w = serializers.IntegerField(min_value=100, max_value=1_000_000, allow_null=True, required=False)
    tariff = serializers.PrimaryKeyRelatedField(queryset=Tariff.objects.filter(deleted_at=None), allow_null=True, required=False)

    circle_tariffs = serializers.DictField(
        child=serializers.PrimaryKeyRelatedField(queryset=Tariff.objects.filter(deleted_at=None), allow_null=True),
        required=False,
        help_text="Tariff by the id of a circle; null: the circle pays what everyone pays. Circles left out keep what they have.",
    )

    def validate_circle_tariffs(self, said: dict[str, Tariff | None]) -> dict[Circle, Tariff | None]:
        """Circles and tariffs of the owner; others' look as if they did not exist."""
        wanted = {int(pk): tariff for pk, tariff in said.items() if pk.isascii() and pk.isdecimal() and len(pk) < 18}
        found = Circle.objects.filter(owner=self.context["owner_id"]).in_bulk(list(wanted))
        if len(found) != len(said):
            raise serializers.ValidationError(_("This is none of your circles."))
        for tariff in wanted.values():
            self.validate_tariff(tariff)
        return {circle: wanted[pk] for pk, circle in found.items()}

    def validate_tariff(self, tariff: Tariff | None) -> Tariff | None:
        """One of the owner's own; another's looks as if it did not exist."""
        if tariff is not None and tariff.owner_id != self.context["owner_id"]:
            self.fields["tariff"].fail("does_not_exist", pk_value=tariff.pk)
        return tariff


class ChargePointSerializer(serializers.ModelSerializer[ChargePoint]):
    """A charge point as everybody sees it: no identity, no exact address, the place moved by 150 to 300 m."""

    state = serializers.ChoiceField(choices=State.choices, read_only=True)
    latitude = CoordinateField(limit=90, source="public_latitude", read_only=True)
    longitude = CoordinateField(limit=180, source="public_longitude", read_only=True)
    connectors = ConnectorSerializer(many=True, read_only=True)
    rating = serializers.SerializerMethodField(help_text="What drivers who charged here think of it; null where none has said.")

    facts = serializers.SerializerMethodField(help_text="What the owner says of the place; null where she has said nothing.")
    reliability = serializers.SerializerMethodField(help_text="How far one may count on it, from 30 days; null before it was counted.")

    class Meta:
        model = ChargePoint
        fields: tuple[str, ...] = (
            "code",
            "name",
            "description",
            "access",
            "latitude",
            "longitude",
            "state",
            "rating",
            "reliability",
            "facts",
            "connectors",
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(RatingSerializer(allow_null=True))
    def get_rating(self, charge_point: ChargePoint) -> Any:
        """Average and count."""
        found = reviews.rating_of(charge_point)
        return RatingSerializer(found).data if found else None

    @extend_schema_field(ReliabilitySerializer(allow_null=True))
    def get_reliability(self, charge_point: ChargePoint) -> Any:
        """A word and its facts."""
        found = reliability.of(charge_point)
        return ReliabilitySerializer(found).data if found else None

    @extend_schema_field(FactsSerializer(allow_null=True))
    def get_facts(self, charge_point: ChargePoint) -> Any:
        """As she says them."""
        found = site_facts.of(charge_point)
        return FactsSerializer(found).data if found else None


class NearbySerializer(ChargePointSerializer):
    """A charge point in the list by distance."""

    distance_m = serializers.IntegerField(read_only=True)
    estimate = EstimateSerializer(read_only=True, allow_null=True, help_text="Of what was asked for; null where nobody knows the price.")

    class Meta(ChargePointSerializer.Meta):
        fields = (*ChargePointSerializer.Meta.fields, "distance_m", "estimate")
        read_only_fields = fields


class OwnChargePointSerializer(ChargePointSerializer):
    """A charge point as its owner sees it: the place as it is, the identity, and what the box says of itself."""

    latitude = CoordinateField(limit=90, read_only=True)
    longitude = CoordinateField(limit=180, read_only=True)
    connectors = OwnConnectorSerializer(many=True, read_only=True)
    is_online = serializers.BooleanField(read_only=True)
    ocpp_url = serializers.SerializerMethodField()

    class Meta(ChargePointSerializer.Meta):
        fields = (
            *ChargePointSerializer.Meta.fields,
            "address",
            "time_zone",
            "is_published",
            "is_paused",
            "make",
            "identity",
            "ocpp_url",
            "security_profile",
            "auto_configure",
            "starts_without_card",
            "is_online",
            "connected_at",
            "last_seen_at",
            "booted_at",
            "vendor",
            "model",
            "firmware",
            "serial_number",
            "box_serial_number",
            "meter_type",
            "meter_serial_number",
            "status",
            "error_code",
            "status_at",
            "created_at",
        )
        read_only_fields = fields

    def get_ocpp_url(self, charge_point: ChargePoint) -> str:
        """What to type into the box."""
        return charge_points.ocpp_url(charge_point)


class SeenChargePointSerializer(OwnChargePointSerializer):
    """For the documentation alone: what strangers do not get is optional."""

    def get_fields(self) -> Fields:
        """The owner's fields, those beyond the public ones not promised."""
        fields = super().get_fields()
        fields["connectors"] = SeenConnectorSerializer(many=True, read_only=True)
        return _beyond_optional(fields, ChargePointSerializer.Meta.fields)


class PageSchema(serializers.Serializer[dict[str, Any]]):
    """For the documentation alone: what every page has."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class NearbyPageSchema(PageSchema):
    """For the documentation alone: a page by distance."""

    results = NearbySerializer(many=True)


class OwnPageSchema(PageSchema):
    """For the documentation alone: a page of mine."""

    results = OwnChargePointSerializer(many=True)


class RegisteredSerializer(OwnChargePointSerializer):
    """The answer to a registration: the only place where the password stands."""

    password = serializers.CharField(allow_null=True, read_only=True)

    class Meta(OwnChargePointSerializer.Meta):
        fields = (*OwnChargePointSerializer.Meta.fields, "password")
        read_only_fields = fields


class PasswordSerializer(serializers.Serializer[dict[str, str]]):
    """A new password, shown this once."""

    password = serializers.CharField(read_only=True)


class ChargePointEditSerializer(serializers.ModelSerializer[ChargePoint]):
    """What an owner may say of her charge point at any time."""

    latitude = CoordinateField(limit=90, required=False)
    longitude = CoordinateField(limit=180, required=False)
    description = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    is_published = serializers.BooleanField(required=False)
    is_paused = serializers.BooleanField(required=False)
    facts = FactsSerializer(required=False, help_text="What is left out of it stays as it was.")
    auto_configure = serializers.BooleanField(required=False)
    starts_without_card = serializers.BooleanField(required=False)

    class Meta:
        model = ChargePoint
        fields: tuple[str, ...] = (
            "name",
            "description",
            "address",
            "latitude",
            "longitude",
            "access",
            "make",
            "auto_configure",
            "starts_without_card",
            "is_published",
            "is_paused",
            "facts",
        )


class RegisterSerializer(serializers.ModelSerializer[ChargePoint]):
    """What a registration takes."""

    latitude = CoordinateField(limit=90)
    longitude = CoordinateField(limit=180)
    description = serializers.CharField(max_length=2000, allow_blank=True, default="")
    auto_configure = serializers.BooleanField(default=True)
    identity = serializers.RegexField(
        r"\A[A-Za-z0-9\-_.:]{1,48}\Z",
        required=False,
        allow_null=True,
        error_messages={"invalid": _("An identity has 1 to 48 letters, digits and the characters - _ . :")},
    )
    password = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        trim_whitespace=False,
        help_text="8 to 64 printable characters; left out: made up; empty: a long secret path instead of a password.",
    )

    class Meta:
        model = ChargePoint
        fields = (
            "name",
            "latitude",
            "longitude",
            "address",
            "access",
            "description",
            "make",
            "identity",
            "password",
            "auto_configure",
        )
