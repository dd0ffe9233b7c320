"""What the gateway's own statement said of one day."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class GatewayStatement(models.Model):
    """One day compared with the statement of the account at the gateway."""

    gateway = models.CharField(max_length=10)
    day = models.DateField()
    compared_at = models.DateTimeField()
    lines = models.PositiveIntegerField(help_text=_("How many the statement had."))
    problems = models.JSONField(default=list, help_text=_("Sentences; none where both agree."))

    class Meta:
        verbose_name = _("statement of the gateway")
        verbose_name_plural = _("statements of the gateway")
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["gateway", "day"], name="one_statement_per_day")]

    def __str__(self) -> str:
        return f"{self.gateway} {self.day}"
