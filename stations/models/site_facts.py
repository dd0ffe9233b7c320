"""What a driver should know of the place before she goes there."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint

LOWEST_CM, HIGHEST_CM = 100, 600


class SiteFacts(models.Model):
    """What the owner says of the place where her charger stands. Where there is no row she has said nothing."""

    charge_point = models.OneToOneField(
        ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, primary_key=True, related_name="site_facts"
    )
    has_cable = models.BooleanField(_("the charger has a cable of its own"), default=False)
    has_solar = models.BooleanField(_("the house has solar panels"), default=False)
    fits_trailer = models.BooleanField(_("there is room for a trailer"), default=False)
    is_accessible = models.BooleanField(_("the bay is wide enough for a wheelchair"), default=False)
    has_barrier = models.BooleanField(_("there is a gate or a barrier"), default=False)
    is_overnight = models.BooleanField(_("the car may stay overnight"), default=False)
    max_height_cm = models.PositiveSmallIntegerField(_("clearance"), null=True, help_text=_("Nothing where nothing is above."))

    class Meta:
        verbose_name = _("facts about a place")
        verbose_name_plural = _("facts about places")

    def __str__(self) -> str:
        return str(self.charge_point)
