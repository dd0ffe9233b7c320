"""A session that is paid before it begins, by a payment of its own."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import TopUp
from stations.models.charge_point import Connector
from stations.models.session import ChargingSession


class PrepaidStart(models.Model):
    """Somebody pays for one visit: paid, it starts by itself; ended, the rest goes back."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("awaiting the payment")
        STARTED = "started", _("started")
        FAILED = "failed", _("not started, the money goes back")
        CANCELLED = "cancelled", _("not paid")
        DONE = "done", _("over, the rest went back")

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    driver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="prepaid_starts")
    connector = models.ForeignKey(Connector, on_delete=models.PROTECT, related_name="prepaid_starts")
    top_up = models.OneToOneField(TopUp, null=True, on_delete=models.PROTECT, related_name="prepaid_start")
    session = models.OneToOneField(ChargingSession, null=True, on_delete=models.PROTECT, related_name="prepaid_start")
    amount_minor = models.BigIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    note = models.CharField(max_length=200, blank=True, help_text=_("Why it did not start."))
    created_at = models.DateTimeField(default=timezone.now)
    returning_at = models.DateTimeField(null=True, help_text=_("When a process last set out to return the rest."))
    returned_at = models.DateTimeField(null=True, help_text=_("When the rest was sent back, or there was none."))

    class Meta:
        verbose_name = _("prepaid start")
        verbose_name_plural = _("prepaid starts")
        ordering = ["-id"]
        indexes = [models.Index(fields=["id"], condition=Q(returned_at=None), name="prepaid_start_open")]

    def __str__(self) -> str:
        return f"{self.connector} · {self.get_status_display()}"

    def get_absolute_url(self) -> str:
        """Where the browser comes back to from the payment."""
        return reverse("stations:prepaid_start", args=[self.code])
