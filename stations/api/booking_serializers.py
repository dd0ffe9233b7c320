"""When a charger can be had and under what rules, as JSON."""

from typing import Any

from rest_framework import serializers

from billing.api_fields import MoneyField
from stations import booking_rules
from stations.api.reservation_serializers import with_from
from stations.models import ArrivalPack, BookingRules, Closure

RULES = (
    *("approval", "approve_first", "notice_minutes", "ahead_days", "buffer_minutes", "shortest_minutes", "longest_minutes"),
    *("wants_confirmed_email", "wants_vehicle", "free_until_hours"),
)


class HoursSerializer(serializers.Serializer[dict[str, Any]]):
    """Hours of some days of the week, by the clock on the charger's wall."""

    days = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=7), help_text="1 is Monday.", required=False)
    to = serializers.CharField(help_text="HH:MM; 24:00 is midnight. Before `from`: of the next day.")

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {**super().get_fields(), "from": serializers.CharField(help_text="HH:MM")}


class BookingRulesSerializer(serializers.ModelSerializer[BookingRules]):
    """The owner's rules; everybody who sees the charger may read them before she books."""

    late_fee = MoneyField(source="late_fee_minor", required=False, help_text="At most 50.00, and never more than half an hour of charging.")
    no_show_fee = MoneyField(source="no_show_fee_minor", required=False, help_text="The same bounds.")
    open = HoursSerializer(many=True, required=False, help_text="Empty: always, or never where `takes_guests` is false.")
    own = HoursSerializer(many=True, required=False, help_text="When only the owner may book; hers alone to read.")

    takes_guests = serializers.SerializerMethodField(help_text="False: the owner keeps every hour of the week for herself.")

    class Meta:
        model = BookingRules
        fields = (*RULES, "late_fee", "no_show_fee", "open", "own", "takes_guests")

    def get_takes_guests(self, rules: BookingRules) -> bool:
        """Whether there is an hour that anybody else can book."""
        return booking_rules.takes_guests(rules.charge_point)


class ClosureSerializer(serializers.ModelSerializer[Closure]):
    """A time in which the charger cannot be had."""

    to = serializers.DateTimeField(source="ends_at", read_only=True)

    class Meta:
        model = Closure
        fields = ("id", "to", "note")
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return with_from(super().get_fields())


class CloseSerializer(serializers.Serializer[dict[str, Any]]):
    """The wish to close it."""

    to = serializers.DateTimeField()
    note = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {**super().get_fields(), "from": serializers.DateTimeField()}


class ArrivalSerializer(serializers.ModelSerializer[ArrivalPack]):
    """How to arrive."""

    address = serializers.CharField(source="charge_point.address", read_only=True)

    class Meta:
        model = ArrivalPack
        fields = ("address", "spot", "gate_code", "socket", "cable_m", "rules")


class FreeTimesQuery(serializers.Serializer[dict[str, Any]]):
    """From when."""

    day = serializers.DateField(required=False, help_text="The first of seven days; today where left out.")


class SpanSerializer(serializers.Serializer[dict[str, Any]]):
    """A time that can be booked."""

    to = serializers.DateTimeField()

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language."""
        return {"from": serializers.DateTimeField(), **super().get_fields()}
