"""Pictures of chargers: what to look for when one comes, and what must be there when one scans the code."""

import uuid
from typing import ClassVar

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint


class Photo(models.Model):
    """One picture, kept as two files of our own making. What the camera wrote beside the picture is nowhere."""

    SIZES: ClassVar[dict[str, int]] = {"small": 800, "large": 1600}  # the longer side

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    charge_point = models.ForeignKey(ChargePoint, verbose_name=_("charge point"), on_delete=models.PROTECT, related_name="photos")
    caption = models.CharField(_("caption"), max_length=200, blank=True)
    is_for_guests = models.BooleanField(_("only for guests on their way"), default=False)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    width = models.PositiveSmallIntegerField(_("width"), help_text=_("Of the small one."))
    height = models.PositiveSmallIntegerField(_("height"))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("photo")
        verbose_name_plural = _("photos")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.caption or str(self.charge_point)

    @property
    def small_url(self) -> str:
        """For pages."""
        return reverse("stations:photo", args=[self.code, "small"])

    @property
    def large_url(self) -> str:
        """To look closely."""
        return reverse("stations:photo", args=[self.code, "large"])
