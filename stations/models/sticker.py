"""The code on a charger: a short address that only we can make, and that can be declared void."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import Connector


class StickerQuerySet(models.QuerySet["Sticker"]):
    """Filters with names."""

    def valid(self) -> Self:
        """Those that were not replaced."""
        return self.filter(replaced_at=None)


class Sticker(models.Model):
    """One issue of the sticker of one outlet."""

    short = models.CharField(_("short code"), max_length=20, unique=True, editable=False)
    connector = models.ForeignKey(Connector, verbose_name=_("connector"), on_delete=models.PROTECT, related_name="stickers")
    created_at = models.DateTimeField(auto_now_add=True)
    replaced_at = models.DateTimeField(_("replaced at"), null=True, help_text=_("Since then the code leads to a warning."))

    objects: ClassVar[models.Manager["Sticker"]] = StickerQuerySet.as_manager()

    class Meta:
        verbose_name = _("sticker")
        verbose_name_plural = _("stickers")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["connector"], condition=Q(replaced_at=None), name="one_valid_sticker_per_connector")]

    def __str__(self) -> str:
        return f"{self.connector} · {self.short}"

    def get_absolute_url(self) -> str:
        """What its QR code says, after the address of the site."""
        return reverse("stations:sticker", args=[self.short])
