"""Slots of outlets that somebody has booked."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from billing.models import ChargeDetailRecord
from stations.models.charge_point import ChargePoint, Connector
from stations.models.reservation_series import ReservationSeries
from stations.models.session import ChargingSession, new_transaction_id

BEFORE = timedelta(minutes=15)
GRACE = timedelta(minutes=15)
LONG_KEPT = ("Occupied", "Ready")  # somebody else's car stood there when it began: the slot is hers to its end


class ReservationQuerySet(models.QuerySet["Reservation"]):
    """Filters with names."""

    def occupying(self, now: datetime) -> Self:
        """Those whose slot nobody else may have; one nobody came to, or nobody answered in time, gives its slot back."""
        forgotten = Q(status=Reservation.Status.BOOKED, begins_at__lte=now - GRACE) & ~Q(trouble__in=LONG_KEPT)
        unanswered = Q(status=Reservation.Status.REQUESTED, answer_by__isnull=False, answer_by__lte=now)
        return self.filter(status__in=Reservation.OPEN).exclude(forgotten | unanswered)

    def overlapping(self, begins_at: datetime, ends_at: datetime) -> Self:
        """Those that share a moment with this slot; one that begins where the other ends does not."""
        return self.filter(begins_at__lt=ends_at, ends_at__gt=begins_at)

    def visible_to(self, user: User) -> Self:
        """Mine as a driver, those at my chargers, and all for staff."""
        return self if user.is_staff else self.filter(Q(driver=user) | Q(charge_point__owner=user))


class Reservation(models.Model):
    """An outlet booked by one person from one moment to another. The charger is told shortly before; our gate keeps it either way."""

    class Status(models.TextChoices):
        REQUESTED = "requested", pgettext_lazy("booking", "Awaiting approval")
        BOOKED = "booked", pgettext_lazy("booking", "Confirmed")
        ACTIVE = "active", pgettext_lazy("booking", "In progress")
        USED = "used", pgettext_lazy("booking", "Used")
        EXPIRED = "expired", pgettext_lazy("booking", "Expired")
        CANCELLED = "cancelled", pgettext_lazy("booking", "Cancelled")
        REJECTED = "rejected", pgettext_lazy("booking", "Declined")

    OPEN = (Status.REQUESTED, Status.BOOKED, Status.ACTIVE)

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    driver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reservations")
    charge_point = models.ForeignKey(ChargePoint, on_delete=models.PROTECT, related_name="reservations")
    connector = models.ForeignKey(Connector, on_delete=models.PROTECT, related_name="reservations")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.BOOKED)
    reservation_id = models.PositiveIntegerField(unique=True, default=new_transaction_id, editable=False)
    id_tag = models.CharField(max_length=20, blank=True, help_text=_("What the charger was told to let in."))
    id_tag_is_ours = models.BooleanField(default=False, help_text=_("A one-time tag, for her who has no card."))
    told_at = models.DateTimeField(null=True, help_text=_("When the charger was asked to hold the connector."))
    told_times = models.PositiveSmallIntegerField(default=0)
    answer = models.CharField(max_length=30, blank=True, help_text=_("What the charger said to it, as OCPP spells it."))
    released_at = models.DateTimeField(null=True, help_text=_("When the charger was asked to let go."))
    reminded_at = models.DateTimeField(null=True)
    series = models.ForeignKey(ReservationSeries, null=True, on_delete=models.PROTECT, related_name="reservations")
    answer_by = models.DateTimeField(null=True, help_text=_("Until when the owner may approve it; then it expires."))
    answered_at = models.DateTimeField(null=True, help_text=_("When the owner approved or declined it."))
    free_until = models.DateTimeField(null=True, help_text=_("Until when cancelling costs nothing; empty: always."))
    late_fee_minor = models.PositiveIntegerField(default=0, help_text=_("What cancelling costs later, as it was shown before."))
    no_show_fee_minor = models.PositiveIntegerField(default=0, help_text=_("What it costs to stay away, as it was shown before."))
    cdr = models.OneToOneField(
        ChargeDetailRecord, null=True, on_delete=models.PROTECT, related_name="booking", help_text=_("The receipt of a fee.")
    )
    trouble = models.CharField(max_length=30, blank=True, help_text=_("What of the charger both sides were told before it began."))
    session = models.OneToOneField(ChargingSession, null=True, on_delete=models.PROTECT, related_name="booking")
    created_at = models.DateTimeField(auto_now_add=True)
    revision = models.PositiveIntegerField(
        _("revision"), default=0, help_text=_("How often it was changed: a calendar takes the later file for the truth.")
    )
    ended_at = models.DateTimeField(null=True, help_text=_("When it was used up, expired or was cancelled."))
    cancelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects: ClassVar[models.Manager["Reservation"]] = ReservationQuerySet.as_manager()

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("begins_at")), name="reservation_ends_after_it_begins"),
            models.CheckConstraint(condition=Q(reservation_id__gte=1), name="reservation_id_positive"),
        ]
        indexes = [
            models.Index(fields=["driver", "-begins_at"], name="reservation_of_driver"),
            models.Index(fields=["charge_point", "-begins_at"], name="reservation_of_charge_point"),
            models.Index(fields=["connector", "ends_at"], name="reservation_of_connector"),
            models.Index(
                fields=["charge_point", "begins_at"],
                condition=Q(status__in=["requested", "booked", "active"]),
                name="reservation_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connector} · {self.begins_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        """The booking's own page."""
        return reverse("stations:reservation_detail", args=[self.code])

    @property
    def is_open(self) -> bool:
        """Whether it may still be used."""
        return self.status in self.OPEN

    @property
    def held_until(self) -> datetime:
        """Until when the connector waits for her who booked it."""
        return self.ends_at if self.trouble in LONG_KEPT else min(self.begins_at + GRACE, self.ends_at)

    @property
    def is_held_by_charger(self) -> bool:
        """Whether the charger itself has said that it holds the connector for her."""
        return self.told_at is not None and self.answer == "Accepted" and self.released_at is None
