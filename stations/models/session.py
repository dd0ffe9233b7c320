"""Charging sessions and what their meters said."""

import secrets
import uuid
from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import IdToken, User, Vehicle
from billing.models import ChargeDetailRecord, Hold, TariffVersion
from stations.models.charge_point import ChargePoint, Connector

MOST_STANDS = 200


def new_transaction_id() -> int:
    """A random positive int32: chargers keep it in a signed word, and nobody should guess another's."""
    return secrets.randbelow(2**31 - 1) + 1


class ChargingSessionQuerySet(models.QuerySet["ChargingSession"]):
    """Filters with names."""

    def of(self, charge_point: ChargePoint) -> Self:
        """Those of one charger; a transactionId of another does not exist for it."""
        return self.filter(charge_point=charge_point)

    def open(self) -> Self:
        """Waiting for the charger, or charging."""
        return self.filter(status__in=[ChargingSession.Status.PENDING, ChargingSession.Status.ACTIVE])

    def visible_to(self, user: User) -> Self:
        """Mine as a driver, those at my chargers, and all for staff."""
        return self if user.is_staff else self.filter(Q(driver=user) | Q(owner=user))


class ChargingSession(models.Model):
    """One visit of one driver to one connector, from the wish to the receipt."""

    class Status(models.TextChoices):
        PENDING = "PENDING", _("Starting")
        ACTIVE = "ACTIVE", _("Charging")
        COMPLETED = "COMPLETED", _("Done")
        INVALID = "INVALID", _("Did not start")
        REVIEW = "REVIEW", _("Under review")

    class Origin(models.TextChoices):
        APP = "app", _("button")
        QR = "qr", _("QR code")
        CARD = "card", _("card")
        OPERATOR = "operator", _("owner or staff")

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Four of these have no index of their own: one that begins with them stands below, and each more is written with every start and stop.
    charge_point = models.ForeignKey(ChargePoint, on_delete=models.PROTECT, related_name="sessions", db_index=False)
    connector = models.ForeignKey(Connector, on_delete=models.PROTECT, related_name="sessions")
    driver = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="sessions",
        db_index=False,
        help_text=_("Nobody we know, if empty."),
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="hosted_sessions",
        db_index=False,
        help_text=_("Who earns: the owner at the start."),
    )
    id_token = models.ForeignKey(IdToken, null=True, on_delete=models.SET_NULL, related_name="sessions")
    id_tag = models.CharField(max_length=64, blank=True, help_text=_("As the charger said it, or the one-time tag we gave it."))
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.CARD)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    transaction_id = models.PositiveIntegerField(unique=True, default=new_transaction_id, editable=False)
    start_key = models.CharField(
        max_length=64, null=True, help_text=_("Fingerprint of the StartTransaction: its repetition is the same start.")
    )
    id_tag_status = models.CharField(max_length=20, blank=True, help_text=_("What the StartTransaction was answered."))
    reservation_id = models.IntegerField(null=True, help_text=_("As the charger said it."))

    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, help_text=_("When a start the charger never answered is given up."))
    started_at = models.DateTimeField(null=True, help_text=_("The charger's time where its clock is right, else ours."))
    start_received_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    stop_received_at = models.DateTimeField(null=True)
    stop_asked_at = models.DateTimeField(null=True, help_text=_("When we asked the charger to stop."))
    orphaned_at = models.DateTimeField(null=True, help_text=_("Since when everything says it is over but no StopTransaction came."))
    started_at_said = models.CharField(max_length=40, blank=True, help_text=_("The charger's own words."))
    stopped_at_said = models.CharField(max_length=40, blank=True)
    stop_reason = models.CharField(max_length=30, blank=True)
    note = models.CharField(max_length=200, blank=True, help_text=_("Why it did not start, or why it is under review."))
    is_estimated = models.BooleanField(default=False)

    meter_start_wh = models.BigIntegerField(null=True)
    meter_stop_wh = models.BigIntegerField(null=True)
    energy_wh = models.BigIntegerField(default=0, help_text=_("Measured so far; final once it has ended."))
    power_w = models.IntegerField(null=True)
    soc_percent = models.PositiveSmallIntegerField(null=True)
    meter = models.JSONField(default=dict, help_text=_("What stations.metering remembers between readings."))
    last_reading_at = models.DateTimeField(null=True, help_text=_("The charger's time of the last reading."))
    last_received_at = models.DateTimeField(null=True, help_text=_("When the last reading came."))
    idle_since = models.DateTimeField(null=True)
    idle = models.JSONField(default=list, help_text=_("[[from, to], …] in seconds of the epoch: when a car that was full stood there."))

    tariff_version = models.ForeignKey(TariffVersion, null=True, on_delete=models.PROTECT, related_name="+")
    is_free = models.BooleanField(default=False, help_text=_("The owner at her own charger: no price, no hold, no fee."))
    fee_share = models.DecimalField(max_digits=5, decimal_places=4, default=0)
    hold = models.OneToOneField(Hold, null=True, on_delete=models.PROTECT, related_name="session")
    warn_at_wh = models.BigIntegerField(null=True, help_text=_("From this energy on the hold must be looked at again."))
    stop_at_wh = models.BigIntegerField(null=True, help_text=_("At this energy the credit or the driver's own limit ends it."))
    stop_at = models.DateTimeField(null=True, help_text=_("The same by time."))
    warned_percent = models.PositiveSmallIntegerField(default=0, help_text=_("Up to which share of the credit the driver was warned."))
    max_amount_minor = models.BigIntegerField(null=True)
    max_energy_wh = models.BigIntegerField(null=True)
    until = models.DateTimeField(null=True)
    vehicle = models.ForeignKey(
        Vehicle,
        null=True,
        on_delete=models.SET_NULL,
        related_name="sessions",
        db_index=False,
        help_text=_("The driver's car, where she said which."),
    )
    until_percent = models.PositiveSmallIntegerField(null=True, help_text=_("To where the battery was to be charged, by our estimate."))
    cdr = models.OneToOneField(ChargeDetailRecord, null=True, on_delete=models.PROTECT, related_name="session")
    watched_until = models.DateTimeField(null=True, help_text=_("Somebody has its page open until then: readings are announced."))

    objects: ClassVar[models.Manager["ChargingSession"]] = ChargingSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("charging session")
        verbose_name_plural = _("charging sessions")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["connector"], condition=Q(status="ACTIVE"), name="one_active_session_per_connector"),
            models.UniqueConstraint(fields=["start_key"], name="one_session_per_start"),
            models.CheckConstraint(condition=Q(energy_wh__gte=0), name="session_energy_not_negative"),
        ]
        indexes = [
            models.Index(fields=["driver", "-id"], name="session_of_driver"),
            models.Index(fields=["owner", "-id"], name="session_of_owner"),
            models.Index(fields=["charge_point", "-id"], name="session_of_charge_point"),
            models.Index(fields=["driver", "status", "-id"], name="session_of_driver_by_status"),
            models.Index(fields=["owner", "status", "-id"], name="session_of_owner_by_status"),
            models.Index(fields=["id"], condition=Q(status__in=["PENDING", "ACTIVE"]), name="session_open"),
            models.Index(fields=["id"], condition=Q(status="REVIEW"), name="session_in_review"),
            models.Index(fields=["id_tag"], condition=Q(status="PENDING"), name="session_pending_tag"),
            models.Index(fields=["vehicle"], condition=Q(vehicle__isnull=False), name="session_of_vehicle"),
        ]

    def __str__(self) -> str:
        return f"{self.connector} · {self.get_status_display()}"

    def get_absolute_url(self) -> str:
        """The session's own page, live while it charges."""
        return reverse("stations:session_detail", args=[self.code])

    @property
    def claimed_wh(self) -> int:
        """What the meter's display says it gave; of a session under review more than the energy we believe."""
        if self.meter_start_wh is None or self.meter_stop_wh is None:
            return self.energy_wh
        return max(self.energy_wh, self.meter_stop_wh - self.meter_start_wh)

    def idle_until(self, at: datetime) -> list[list[int]]:
        """When it stood idle so far, the present stand included. One that flaps without end is not charged for ever more."""
        if self.idle_since is None or at <= self.idle_since or len(self.idle) >= MOST_STANDS:
            return list(self.idle)
        return [*self.idle, [int(self.idle_since.timestamp()), int(at.timestamp())]]

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is expected of the charger."""
        return self.status not in (self.Status.PENDING, self.Status.ACTIVE)

    @property
    def last_known_at(self) -> datetime:
        """The latest moment the charger is known to have been charging."""
        return self.last_reading_at or self.started_at or self.created_at


class MeterValue(models.Model):
    """What a charger reported for one instant: every sampled value of it, its raw text kept.

    One row for an instant and not for a value: a reading costs one index entry, and a repetition is found by it.
    `samples` is a list of {"value", "measurand", "unit", "phase", "context", "location", "format"}; members at the
    standard's default are written out, absent ones are left out; the order is the charger's.
    """

    # No index of their own, for the constraints below have one; and no look-up of the parents of each row, for these are
    # never deleted: that takes a third of PostgreSQL's work off every reading.
    session = models.ForeignKey(
        ChargingSession, null=True, on_delete=models.CASCADE, related_name="meter_values", db_index=False, db_constraint=False
    )
    connector = models.ForeignKey(
        Connector, null=True, on_delete=models.CASCADE, related_name="meter_values", db_index=False, db_constraint=False
    )
    charge_point = models.ForeignKey(
        ChargePoint,
        null=True,
        on_delete=models.CASCADE,
        related_name="meter_values",
        db_index=False,
        db_constraint=False,
        help_text=_("Where it speaks of the whole box and not of one outlet."),
    )
    at = models.DateTimeField(help_text=_("The charger's time, or ours where it gave none."))
    received_at = models.DateTimeField()
    samples = models.JSONField()
    sample_count = models.PositiveSmallIntegerField()

    class Meta:
        verbose_name = _("meter value")
        verbose_name_plural = _("meter values")
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "at"], condition=Q(session__isnull=False), name="one_reading_per_session_and_time"),
            models.UniqueConstraint(fields=["connector", "at"], condition=Q(session=None), name="one_reading_per_connector_and_time"),
            models.UniqueConstraint(
                fields=["charge_point", "at"], condition=Q(charge_point__isnull=False), name="one_reading_per_charge_point_and_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connector or self.charge_point} · {self.at:%Y-%m-%d %H:%M:%S}"
