"""What a box says of its settings."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models import ChargePoint


class ConfigurationKey(models.Model):
    """One configuration key of a charger, as it was last read or set."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="configuration_keys")
    key = models.CharField(max_length=100)
    value = models.TextField(null=True)
    is_readonly = models.BooleanField(default=False)
    is_known = models.BooleanField(default=True, help_text=_("Whether the charger knows the key at all."))
    read_at = models.DateTimeField()

    class Meta:
        verbose_name = _("configuration key")
        verbose_name_plural = _("configuration keys")
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["charge_point", "key"], name="one_value_per_key")]

    def __str__(self) -> str:
        return self.key
