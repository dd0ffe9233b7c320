"""What became of old readings."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models.session import ChargingSession


class ThinnedReadings(models.Model):
    """That the readings of a session were gone through once they were old: how many were kept, how many are gone.

    The newest session in here is also how far the thinning has come: it goes on from there after an interruption.
    """

    session = models.OneToOneField(ChargingSession, verbose_name=_("session"), on_delete=models.CASCADE, related_name="thinned_readings")
    thinned_at = models.DateTimeField(_("thinned at"))
    kept = models.PositiveIntegerField(_("kept"))
    removed = models.PositiveIntegerField(_("removed"))

    class Meta:
        verbose_name = _("thinned readings")
        verbose_name_plural = _("thinned readings")
        ordering = ["-session"]

    def __str__(self) -> str:
        return f"{self.kept} / {self.kept + self.removed}"
