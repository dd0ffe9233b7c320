"""Bookings as JSON."""

from typing import Any

from rest_framework import serializers

from stations.api.fields import ConnectorField
from stations.models import Reservation


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
        )
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        fields = super().get_fields()
        begins = serializers.DateTimeField(source="begins_at", read_only=True)
        return {name: field for known in fields for name, field in _before_to(known, fields[known], begins)}


def _before_to(name: str, field: Any, begins: Any) -> list[tuple[str, Any]]:
    return [("from", begins), (name, field)] if name == "to" else [(name, field)]


class BookSerializer(serializers.Serializer[dict[str, Any]]):
    """The wish to have a connector for a time."""

    connector = ConnectorField(help_text="code/number")
    to = serializers.DateTimeField()

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {**super().get_fields(), "from": serializers.DateTimeField()}


class ReservationQuery(serializers.Serializer[dict[str, Any]]):
    """Which bookings."""

    role = serializers.ChoiceField(choices=["driver", "owner", "staff"], default="driver")
    charge_point = serializers.CharField(max_length=20, required=False)
    status = serializers.ChoiceField(choices=Reservation.Status.choices, required=False)
