"""What a driver found wrong at a charger, with everything that was known at that moment beside it."""

import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing.models import Dispute
from stations.models.charge_point import ChargePoint, Connector
from stations.models.reservation import Reservation
from stations.models.session import ChargingSession


class ProblemQuerySet(models.QuerySet["Problem"]):
    """Filters with names."""

    def visible_to(self, user: User) -> Self:
        """Those one has reported, those at one's chargers, and all for staff."""
        return self if user.is_staff else self.filter(Q(reporter=user) | Q(charge_point__owner=user))

    def open(self) -> Self:
        """Those nobody has put right."""
        return self.filter(mended_at=None)


class Problem(models.Model):
    """One report of one matter of one visit. What is about money goes on as a dispute; everything else the owner puts right."""

    class Kind(models.TextChoices):
        NO_POWER = "no_power", _("no power flows")
        STOPPED = "stopped", _("it stopped too early")
        CABLE = "cable", _("the cable cannot be unplugged")
        BLOCKED = "blocked", _("the space is blocked")
        NOT_FOUND = "not_found", _("I cannot find it")
        PRICE = "price", _("the price differs")
        BROKEN = "broken", _("it is broken or dirty")
        OTHER = "other", _("something else")

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("what is wrong"), max_length=10, choices=Kind)
    text = models.CharField(_("in her own words"), max_length=500, blank=True)
    charge_point = models.ForeignKey(ChargePoint, verbose_name=_("charge point"), on_delete=models.PROTECT, related_name="problems")
    connector = models.ForeignKey(Connector, verbose_name=_("connector"), on_delete=models.PROTECT, related_name="problems")
    session = models.ForeignKey(
        ChargingSession, verbose_name=_("charging session"), null=True, on_delete=models.PROTECT, related_name="problems"
    )
    reservation = models.ForeignKey(Reservation, verbose_name=_("booking"), null=True, on_delete=models.PROTECT, related_name="problems")
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("reported by"), on_delete=models.PROTECT, related_name="problems")
    evidence = models.JSONField(_("evidence"), default=dict, help_text=_("Session, meter and charger as they were at that moment."))
    is_borne_out = models.BooleanField(
        _("borne out"), null=True, help_text=_("Whether the meter and the charger say the same; empty where they cannot know.")
    )
    has_photo = models.BooleanField(_("photo"), default=False)
    dispute = models.ForeignKey(Dispute, verbose_name=_("dispute"), null=True, on_delete=models.PROTECT, related_name="problems")
    created_at = models.DateTimeField(auto_now_add=True)
    mended_at = models.DateTimeField(_("mended at"), null=True)
    mended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("mended by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    answer = models.CharField(_("answer"), max_length=500, blank=True)

    objects: ClassVar[models.Manager["Problem"]] = ProblemQuerySet.as_manager()

    class Meta:
        verbose_name = _("problem")
        verbose_name_plural = _("problems")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["reporter", "session", "kind"], condition=Q(session__isnull=False), name="one_problem_of_a_kind_per_session"
            ),
            models.UniqueConstraint(
                fields=["reporter", "reservation", "kind"], condition=Q(session=None), name="one_problem_of_a_kind_per_booking"
            ),
            models.CheckConstraint(condition=Q(session__isnull=False) | Q(reservation__isnull=False), name="problem_of_a_visit"),
        ]
        indexes = [
            models.Index(fields=["charge_point", "-id"], name="problem_of_charge_point"),
            models.Index(fields=["id"], condition=Q(mended_at=None), name="problem_open"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.get_kind_display()}"

    def get_absolute_url(self) -> str:
        """Where its reporter follows it."""
        if self.session is not None:
            return reverse("stations:session_problem", args=[self.session.code])
        if self.reservation is not None:
            return reverse("stations:reservation_problem", args=[self.reservation.code])
        raise AssertionError("a problem belongs to a visit")

    @property
    def photo_url(self) -> str:
        """What she saw; empty where she sent no picture."""
        return reverse("stations:problem_photo", args=[self.code]) if self.has_photo else ""
