"""How to find a charger's socket once one is allowed to come."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint


class ArrivalPack(models.Model):
    """What an owner tells guests who are on their way: it opens her gate, so nobody else ever reads it."""

    charge_point = models.OneToOneField(ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, related_name="arrival_pack")
    spot = models.CharField(_("where to park"), max_length=500, blank=True)
    gate_code = models.CharField(_("gate code"), max_length=50, blank=True)
    socket = models.CharField(_("how to find the socket"), max_length=500, blank=True)
    cable_m = models.DecimalField(
        _("length of the cable in metres"), max_digits=4, decimal_places=1, null=True, blank=True, help_text=_("Empty: bring your own.")
    )
    rules = models.TextField(_("house rules"), max_length=2000, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("arrival pack")
        verbose_name_plural = _("arrival packs")

    def __str__(self) -> str:
        return str(self.charge_point)
