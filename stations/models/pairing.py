"""Waiting for a card to be tapped."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint


class CardPairing(models.Model):
    """For two minutes the next unknown card at this charger becomes this person's: who can tap it, holds it."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="pairings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pairings")
    label = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    uid = models.CharField(max_length=36, blank=True, help_text=_("The card that was tapped."))

    class Meta:
        verbose_name = _("card pairing")
        verbose_name_plural = _("card pairings")
        ordering = ["-id"]
        indexes = [models.Index(fields=["charge_point", "expires_at"], name="pairing_open")]

    def __str__(self) -> str:
        return f"{self.user} · {self.charge_point}"
