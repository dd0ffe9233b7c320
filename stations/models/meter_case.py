"""What a meter said that somebody must look at before money moves."""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from stations.models.session import ChargingSession

DECIDED_WITHIN = timedelta(hours=72)


class MeterCaseQuerySet(models.QuerySet["MeterCase"]):
    """Filters with names."""

    def open(self) -> Self:
        """Those that wait for staff, the oldest first."""
        return self.filter(outcome="").order_by("decide_by", "pk")


class MeterCase(models.Model):
    """One doubt about the energy of one session, and how it was settled: what was proposed, who decided, and why.

    Either the session is under review and nothing has been paid, or it was settled from an estimate and the charger's
    late word would make it dearer than anything is corrected by itself.
    """

    class Kind(models.TextChoices):
        METER = "meter", _("under review")
        LATE = "late", _("late end")

    class Doubt(models.TextChoices):
        JUMP = "jump", _("The meter jumped further than the connector can deliver.")
        BACKWARDS = "backwards", _("The meter ran backwards.")
        NO_START = "no start", _("The meter was not read at the start.")
        MUCH = "much", _("More than 100 kWh of alternating current.")

    class Outcome(models.TextChoices):
        PLAUSIBLE = "plausible", _("plausible energy")
        REPORTED = "reported", _("reported energy")
        OTHER = "other", _("another energy")

    session = models.ForeignKey(ChargingSession, on_delete=models.PROTECT, related_name="meter_cases")
    kind = models.CharField(max_length=5, choices=Kind)
    doubt = models.CharField(max_length=10, choices=Doubt, blank=True)
    plausible_wh = models.BigIntegerField(help_text=_("What we believe, or what was settled from an estimate."))
    reported_wh = models.BigIntegerField(help_text=_("What the charger says."))
    opened_at = models.DateTimeField()
    decide_by = models.DateTimeField()
    late_meter_stop_wh = models.BigIntegerField(null=True, help_text=_("This and the next three: the end as the charger told it late."))
    late_stopped_at = models.DateTimeField(null=True)
    late_stopped_at_said = models.CharField(max_length=40, blank=True)
    late_reason = models.CharField(max_length=30, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, help_text=_("Empty while it waits."))
    energy_wh = models.BigIntegerField(null=True, help_text=_("What was settled in the end."))
    reason = models.TextField(blank=True, help_text=_("Both sides read it."))
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text=_("Nobody: its time was over.")
    )

    objects: ClassVar[models.Manager["MeterCase"]] = MeterCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("case for the review desk")
        verbose_name_plural = _("cases for the review desk")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["session"], condition=Q(outcome=""), name="one_open_case_per_session"),
            models.CheckConstraint(condition=Q(outcome="") | Q(energy_wh__gte=0, decided_at__isnull=False), name="case_decided_whole"),
        ]
        indexes = [models.Index(fields=["decide_by", "id"], condition=Q(outcome=""), name="case_open")]

    def __str__(self) -> str:
        return f"{self.session} · {self.get_kind_display()}"

    @property
    def is_open(self) -> bool:
        """Whether it still waits."""
        return not self.outcome

    def is_overdue(self, now: datetime) -> bool:
        """Whether both sides were promised to have heard of it by now."""
        return now >= self.decide_by
