"""Who waits for a slot that somebody else has."""

import uuid
from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from stations.models.charge_point import ChargePoint, Connector
from stations.models.reservation import Reservation


class WaitlistQuerySet(models.QuerySet["WaitlistPlace"]):
    """Filters with names."""

    def offered(self, now: datetime) -> Self:
        """Those who may take their slot now: until then nobody else gets it."""
        return self.filter(status=WaitlistPlace.Status.OFFERED, offer_until__gt=now)


class WaitlistPlace(models.Model):
    """One person's place in the line for one slot. Who came first is asked first, and has a quarter of an hour to answer."""

    class Status(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("waitlist", "Waiting")
        OFFERED = "offered", pgettext_lazy("waitlist", "Your turn")
        CLAIMED = "claimed", pgettext_lazy("waitlist", "Taken")
        LEFT = "left", pgettext_lazy("waitlist", "Left")
        MISSED = "missed", pgettext_lazy("waitlist", "Not answered")
        EXPIRED = "expired", pgettext_lazy("waitlist", "Expired")

    OPEN = (Status.WAITING, Status.OFFERED)

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    driver = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("driver"), on_delete=models.CASCADE, related_name="waitlist_places")
    charge_point = models.ForeignKey(ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, related_name="waitlist_places")
    connector = models.ForeignKey(Connector, verbose_name=_("connector"), on_delete=models.CASCADE, related_name="waitlist_places")
    begins_at = models.DateTimeField(_("begins at"))
    ends_at = models.DateTimeField(_("ends at"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    offered_at = models.DateTimeField(_("offered at"), null=True)
    offer_until = models.DateTimeField(_("offer until"), null=True)
    reservation = models.OneToOneField(
        Reservation, verbose_name=_("booking"), null=True, on_delete=models.PROTECT, related_name="waitlist_place"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["WaitlistPlace"]] = WaitlistQuerySet.as_manager()

    class Meta:
        verbose_name = _("place in the waiting list")
        verbose_name_plural = _("places in the waiting list")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("begins_at")), name="waitlist_ends_after_it_begins"),
            models.UniqueConstraint(
                fields=["driver", "connector", "begins_at", "ends_at"],
                condition=Q(status__in=["waiting", "offered"]),
                name="once_in_the_line",
            ),
        ]
        indexes = [models.Index(fields=["connector", "begins_at"], condition=Q(status__in=["waiting", "offered"]), name="waitlist_open")]

    def __str__(self) -> str:
        return f"{self.connector} · {self.begins_at:%Y-%m-%d %H:%M}"

    def get_absolute_url(self) -> str:
        """Where it can be taken or left."""
        return reverse("stations:waitlist_place", args=[self.code])
