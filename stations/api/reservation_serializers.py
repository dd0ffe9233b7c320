"""Bookings as JSON."""

from typing import Any

from rest_framework import serializers

from billing.api_fields import MoneyField
from stations.api.fields import ConnectorField
from stations.booking_series import LEAST_WEEKS, MOST_WEEKS
from stations.models import Reservation, ReservationSeries, WaitlistPlace


class ReservationSerializer(serializers.ModelSerializer[Reservation]):
    """One booking, the same for her who booked and for the owner of the charger."""

    charge_point = serializers.CharField(source="charge_point.code", read_only=True)
    connector = serializers.IntegerField(source="connector.number", read_only=True)
    to = serializers.DateTimeField(source="ends_at", read_only=True)
    charger_answer = serializers.CharField(
        source="answer", read_only=True, help_text="What the charger said to ReserveNow; empty while it has said nothing."
    )
    session = serializers.SlugRelatedField["Any"](
        slug_field="code", read_only=True, allow_null=True, help_text="The session it was used for."
    )

    series = serializers.UUIDField(source="series.code", read_only=True, allow_null=True, help_text="The weekly booking it belongs to.")
    late_fee = MoneyField(source="late_fee_minor", read_only=True, help_text="What cancelling costs from `free_until` on.")
    no_show_fee = MoneyField(source="no_show_fee_minor", read_only=True, help_text="What it costs where nobody comes.")
    receipt = serializers.CharField(source="cdr.number", read_only=True, allow_null=True, help_text="Of a fee.")
    trouble = serializers.CharField(
        read_only=True,
        help_text="Why the charger could not keep its connector: Occupied, Faulted, Unavailable or Offline; Ready afterwards.",
    )

    class Meta:
        model = Reservation
        fields = (
            "code",
            "reservation_id",
            "status",
            "charge_point",
            "connector",
            "to",
            "told_at",
            "charger_answer",
            "session",
            "created_at",
            "series",
            "answer_by",
            "free_until",
            "late_fee",
            "no_show_fee",
            "receipt",
            "trouble",
        )
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return with_from(super().get_fields())


def with_from(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of an answer with `from` before `to`: it is a word of the language and cannot be an attribute."""
    begins = serializers.DateTimeField(source="begins_at", read_only=True)
    return {name: field for known in fields for name, field in _before_to(known, fields[known], begins)}


def _before_to(name: str, field: Any, begins: Any) -> list[tuple[str, Any]]:
    return [("from", begins), (name, field)] if name == "to" else [(name, field)]


class SlotSerializer(serializers.Serializer[dict[str, Any]]):
    """From when to when."""

    to = serializers.DateTimeField()

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {**super().get_fields(), "from": serializers.DateTimeField()}


class BookSerializer(SlotSerializer):
    """The wish to have a connector for a time."""

    connector = ConnectorField(help_text="code/number")


class BookSeriesSerializer(BookSerializer):
    """The wish to have a connector at the same time every week."""

    weeks = serializers.IntegerField(min_value=LEAST_WEEKS, max_value=MOST_WEEKS, required=False)
    until = serializers.DateField(required=False, help_text="The last day, instead of `weeks`.")
    skip_taken = serializers.BooleanField(default=False, help_text="Book the weeks that are free where others are not.")


class SeriesSerializer(serializers.ModelSerializer[ReservationSeries]):
    """A weekly booking with the bookings it is made of."""

    charge_point = serializers.CharField(source="connector.charge_point.code", read_only=True)
    connector = serializers.IntegerField(source="connector.number", read_only=True)
    reservations = ReservationSerializer(many=True, read_only=True)

    class Meta:
        model = ReservationSeries
        fields = ("code", "charge_point", "connector", "weeks", "created_at", "reservations")
        read_only_fields = fields


class ChangeSerializer(serializers.Serializer[dict[str, Any]]):
    """Another time for a booking; what is left out stays."""

    to = serializers.DateTimeField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {**super().get_fields(), "from": serializers.DateTimeField(required=False)}


class CancelQuery(serializers.Serializer[dict[str, Any]]):
    """How much of a weekly booking goes."""

    following = serializers.BooleanField(default=False, help_text="The later weeks as well.")


class WaitlistPlaceSerializer(serializers.ModelSerializer[WaitlistPlace]):
    """A place in the line for one slot."""

    charge_point = serializers.CharField(source="charge_point.code", read_only=True)
    connector = serializers.IntegerField(source="connector.number", read_only=True)
    to = serializers.DateTimeField(source="ends_at", read_only=True)
    reservation = serializers.UUIDField(source="reservation.code", read_only=True, allow_null=True, help_text="The booking it became.")

    class Meta:
        model = WaitlistPlace
        fields = ("code", "status", "charge_point", "connector", "to", "offer_until", "reservation", "created_at")
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return with_from(super().get_fields())


class ReservationQuery(serializers.Serializer[dict[str, Any]]):
    """Which bookings."""

    role = serializers.ChoiceField(choices=["driver", "owner", "staff"], default="driver")
    charge_point = serializers.CharField(max_length=20, required=False)
    status = serializers.ChoiceField(choices=Reservation.Status.choices, required=False)
