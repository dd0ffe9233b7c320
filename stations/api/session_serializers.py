"""Charging sessions and meter values as JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, overload

from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from billing.api_fields import MoneyField, written
from stations import sessions
from stations.api.fields import ConnectorField
from stations.models import ChargingSession, MeterValue

STATUSES = [(value.lower(), label) for value, label in ChargingSession.Status.choices]


class SessionSerializer(serializers.ModelSerializer[ChargingSession]):
    """One session. Who asks decides on one field alone: a card's number is for its holder and for staff."""

    status = serializers.SerializerMethodField()
    transaction_id = serializers.SerializerMethodField()
    charge_point = serializers.CharField(source="charge_point.code", read_only=True)
    connector = serializers.IntegerField(source="connector.number", read_only=True)
    id_tag = serializers.SerializerMethodField()
    reservation = serializers.SerializerMethodField()
    vehicle = serializers.SerializerMethodField()
    cost = serializers.SerializerMethodField()
    receipt = serializers.SerializerMethodField()

    class Meta:
        model = ChargingSession
        fields = (
            "code",
            "status",
            "transaction_id",
            "charge_point",
            "connector",
            "id_tag",
            "reservation",
            "vehicle",
            "created_at",
            "started_at",
            "stopped_at",
            "meter_start_wh",
            "meter_stop_wh",
            "energy_wh",
            "power_w",
            "cost",
            "stop_reason",
            "is_estimated",
            "receipt",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=STATUSES))
    def get_status(self, session: ChargingSession) -> str:
        """In lower case, as all words of the API."""
        return session.status.lower()

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_transaction_id(self, session: ChargingSession) -> int | None:
        """Once the charger has been told it."""
        return session.transaction_id if session.start_received_at else None

    def get_id_tag(self, session: ChargingSession) -> str | None:
        """The card as its holder typed it, else as it came."""
        viewer = self.context["request"].user
        if not (isinstance(viewer, User) and (viewer.is_staff or session.driver_id == viewer.pk)):
            return None
        return session.id_token.uid if session.id_token else session.id_tag

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_reservation(self, session: ChargingSession) -> str | None:
        """The booking it used."""
        return str(session.booking.code) if hasattr(session, "booking") else None

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_vehicle(self, session: ChargingSession) -> str | None:
        """The driver's car, for her alone."""
        is_hers = session.driver_id == self.context["request"].user.pk
        return str(session.vehicle.code) if is_hers and session.vehicle is not None else None

    @extend_schema_field(MoneyField())
    def get_cost(self, session: ChargingSession) -> Any:
        """What it would cost if it ended now; once it has, what it did cost."""
        currency = session.tariff_version.tariff.currency if session.tariff_version else None
        spent_minor = getattr(session, "spent_minor", None)  # the list asks for all of them at once
        return written(sessions.cost_so_far_minor(session) if spent_minor is None else spent_minor, currency)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_receipt(self, session: ChargingSession) -> str | None:
        """The number of its receipt."""
        return session.cdr.number if session.cdr else None


class StartSerializer(serializers.Serializer[dict[str, Any]]):
    """The wish to charge."""

    connector = ConnectorField(help_text="code/number")
    max_amount = MoneyField(required=False, allow_null=True, help_text="Stop when it would cost more.")
    max_energy_wh = serializers.IntegerField(min_value=1, max_value=10_000_000, required=False, allow_null=True)
    until = serializers.DateTimeField(required=False, allow_null=True)
    vehicle = serializers.UUIDField(required=False, allow_null=True, help_text="One of my vehicles.")
    from_percent = serializers.IntegerField(min_value=0, max_value=100, required=False, help_text="What its battery has now.")
    until_percent = serializers.IntegerField(
        min_value=0, max_value=100, required=False, help_text="Stop when its battery has about so much; with vehicle and from_percent."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A percent is a percent of something."""
        if "until_percent" in attrs and (not attrs.get("vehicle") or "from_percent" not in attrs):
            raise serializers.ValidationError({"until_percent": [_("Say which vehicle, and what its battery has now.")]})
        return attrs

    def validate_until(self, until: datetime | None) -> datetime | None:
        """An end that has passed would stop what has not begun."""
        if until is not None and until <= timezone.now():
            raise serializers.ValidationError(_("This time has passed."))
        return until


class LimitsSerializer(serializers.Serializer[dict[str, Any]]):
    """At what a session stops by itself; what is left out is no limit."""

    max_amount = MoneyField(required=False, allow_null=True)
    max_energy_wh = serializers.IntegerField(min_value=1, max_value=10_000_000, required=False, allow_null=True)
    until = serializers.DateTimeField(required=False, allow_null=True)
    until_percent = serializers.IntegerField(
        min_value=1, max_value=100, required=False, allow_null=True, help_text="Where the charger says how full the battery is."
    )


class SessionQuery(serializers.Serializer[dict[str, Any]]):
    """Which sessions."""

    role = serializers.ChoiceField(choices=["driver", "owner", "staff"], default="driver")
    charge_point = serializers.CharField(max_length=20, required=False)
    id_tag = serializers.CharField(max_length=64, required=False)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    transaction_id = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)


class SampledValueSerializer(serializers.Serializer[dict[str, Any]]):
    """One sampled value, as the charger wrote it."""

    at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    measurand = serializers.CharField(allow_null=True)
    value = serializers.CharField()
    unit = serializers.CharField(allow_null=True)
    phase = serializers.CharField(allow_null=True)
    context = serializers.CharField(allow_null=True)  # type: ignore[assignment]  # the standard's word, not DRF's
    location = serializers.CharField(allow_null=True)
    format = serializers.CharField(allow_null=True)


class SampledValues(Sequence[dict[str, Any]]):
    """The sampled values of a session one by one, oldest first, out of rows that hold all values of an instant.

    Only the rows a page needs are read whole; of the others their counts.
    """

    def __init__(self, readings: QuerySet[MeterValue]) -> None:
        self.readings = readings

    def __len__(self) -> int:
        return self.readings.aggregate(total=Sum("sample_count"))["total"] or 0

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(index, int):
            return self[index : index + 1][0]
        first, last, _step = index.indices(len(self))
        values: list[dict[str, Any]] = []
        passed, wanted = 0, list[int]()
        for pk, count in self.readings.values_list("pk", "sample_count"):
            if passed + count > first and passed < last:
                if not wanted:
                    first, last = first - passed, last - passed
                    passed = 0
                wanted.append(pk)
            passed += count
        for reading in self.readings.filter(pk__in=wanted):
            values.extend(_flat(reading, sample) for sample in reading.samples)
        return values[first:last]


def _flat(reading: MeterValue, sample: dict[str, str]) -> dict[str, Any]:
    members = ("measurand", "unit", "phase", "context", "location", "format")
    return {
        "at": reading.at,
        "received_at": reading.received_at,
        "value": sample["value"],
        **{member: sample.get(member) for member in members},
    }
