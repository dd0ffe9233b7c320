"""Bookings that repeat every week."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import Connector


class ReservationSeries(models.Model):
    """The same hours every week, asked for at once and approved at once; each week is a booking of its own."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    driver = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("driver"), on_delete=models.PROTECT, related_name="reservation_series"
    )
    connector = models.ForeignKey(Connector, verbose_name=_("connector"), on_delete=models.PROTECT, related_name="reservation_series")
    weeks = models.PositiveSmallIntegerField(_("weeks"), help_text=_("How many were asked for; taken ones may have been left out."))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("weekly booking")
        verbose_name_plural = _("weekly bookings")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.connector} · {self.weeks}"
