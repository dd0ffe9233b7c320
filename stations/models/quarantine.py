"""What chargers said that fits nothing."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint


class QuarantinedMessage(models.Model):
    """A message that was acknowledged, for refusing only makes a charger repeat it, but that no rule could use."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="quarantine")
    action = models.CharField(max_length=40)
    reason = models.CharField(max_length=200)
    payload = models.JSONField(null=True, help_text=_("As it was understood."))
    raw = models.TextField(blank=True, help_text=_("As it came, where it could not be read."))
    fingerprint = models.CharField(max_length=64, help_text=_("The same message again is counted, not kept again."))
    times = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("quarantined message")
        verbose_name_plural = _("quarantine")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["charge_point", "fingerprint"], name="quarantined_once")]
        indexes = [models.Index(fields=["received_at"], name="quarantine_age")]

    def __str__(self) -> str:
        return f"{self.action} · {self.charge_point}"
