"""How a charger strays from the standard."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models import ChargePoint


class ChargerDeviation(models.Model):
    """One way in which a charger strays from the standard, and how often it did. `word` is one that `meanings` explains."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="deviations", db_index=False, db_constraint=False)
    word = models.CharField(max_length=60)
    times = models.PositiveBigIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    sample = models.TextField(blank=True, help_text=_("The beginning of a frame in which it was seen, without cards and passwords."))

    class Meta:
        verbose_name = _("deviation")
        verbose_name_plural = _("deviations")
        ordering = ["-last_at", "word"]
        constraints = [models.UniqueConstraint(fields=["charge_point", "word"], name="one_count_per_deviation")]

    def __str__(self) -> str:
        return self.word
