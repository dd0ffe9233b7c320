"""What a box is told of power: the limits it holds, and what it says they come to."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models import ChargePoint, Command


class ChargingProfile(models.Model):
    """One charging profile that a charger holds, as far as its answers told us; `profile` is it in the standard's own words.

    No number of it is unique for us: which one takes the place of which is the standard's rule, and the box's to keep.
    """

    class Purpose(models.TextChoices):
        CHARGE_POINT_MAX = "ChargePointMaxProfile", _("the whole charger")
        TX_DEFAULT = "TxDefaultProfile", _("every session")
        TX = "TxProfile", _("one session")

    class Kind(models.TextChoices):
        ABSOLUTE = "Absolute", _("by the clock")
        RECURRING = "Recurring", _("again and again")
        RELATIVE = "Relative", _("from the start of charging")

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="charging_profiles")
    connector_number = models.PositiveBigIntegerField(
        null=True, help_text=_("0 is the whole charger; empty while any connector may begin.")
    )
    profile_id = models.BigIntegerField()
    stack_level = models.BigIntegerField()
    purpose = models.CharField(max_length=30, choices=Purpose)
    kind = models.CharField(max_length=20, choices=Kind)
    recurrency = models.CharField(max_length=10, blank=True)
    valid_from = models.DateTimeField(null=True)
    valid_to = models.DateTimeField(null=True)
    transaction_id = models.BigIntegerField(null=True, help_text=_("The transaction it belongs to and ends with."))
    id_tag = models.CharField(max_length=64, blank=True, help_text=_("Under which the session will begin that it waits for."))
    profile = models.JSONField()
    command = models.ForeignKey(Command, null=True, on_delete=models.SET_NULL, related_name="+")
    accepted_at = models.DateTimeField()

    class Meta:
        verbose_name = _("charging profile")
        verbose_name_plural = _("charging profiles")
        ordering = ["connector_number", "purpose", "-stack_level", "id"]

    def __str__(self) -> str:
        return f"{self.purpose} {self.profile_id}"

    @property
    def is_waiting(self) -> bool:
        """Whether it came with a request to start, and nothing has begun yet."""
        return self.purpose == self.Purpose.TX and self.transaction_id is None and bool(self.id_tag)

    @property
    def ends_at(self) -> datetime | None:
        """When it says nothing more: its validity ends, or its schedule by the clock is over."""
        ends = [] if self.valid_to is None else [self.valid_to]
        schedule: dict[str, Any] = self.profile.get("chargingSchedule", {})
        begins, duration = schedule.get("startSchedule"), schedule.get("duration")
        if self.kind == self.Kind.ABSOLUTE and isinstance(begins, str) and isinstance(duration, int):
            with suppress(ValueError, OverflowError):  # times that no calendar holds end nothing
                start = datetime.fromisoformat(begins)
                ends.append((start if start.tzinfo else start.replace(tzinfo=UTC)) + timedelta(seconds=duration))
        return min(ends, default=None)

    @property
    def is_expired(self) -> bool:
        """Whether its time is over, though the box may still hold it."""
        return self.ends_at is not None and self.ends_at <= timezone.now()


class CompositeSchedule(models.Model):
    """The limit a charger says it keeps at one connector: its last answer to GetCompositeSchedule."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="composite_schedules")
    connector_number = models.PositiveBigIntegerField()
    starts_at = models.DateTimeField()
    schedule = models.JSONField(null=True, help_text=_("Empty where the charger says that nothing is limited."))
    received_at = models.DateTimeField()

    class Meta:
        verbose_name = _("composite schedule")
        verbose_name_plural = _("composite schedules")
        ordering = ["connector_number"]
        constraints = [models.UniqueConstraint(fields=["charge_point", "connector_number"], name="one_composite_schedule_per_connector")]

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.connector_number}"
