"""Money on its way into a wallet."""

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.auto_top_up import AutoTopUp


class TopUp(models.Model):
    """One wish to pay money into the wallet, and how the gateway says it stands."""

    class Status(models.TextChoices):
        NEW = "new", _("Awaiting payment")
        PENDING = "pending", _("Awaiting payment")
        PAID = "paid", _("Paid")
        CLOSED = "closed", _("Not paid")
        REFUNDED = "refunded", _("Refunded")
        REVIEW = "review", _("Under review")

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="top_ups")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=10, choices=Status, default=Status.NEW)
    gateway = models.CharField(max_length=10)
    plan = models.ForeignKey(
        AutoTopUp, null=True, on_delete=models.PROTECT, related_name="top_ups", help_text=_("The standing order it belongs to.")
    )
    order_number = models.CharField(max_length=60, unique=True)
    gateway_id = models.CharField(max_length=40, unique=True, null=True)
    gateway_url = models.URLField(max_length=500, blank=True)
    gateway_state = models.CharField(max_length=40, blank=True, help_text=_("The gateway's own word."))
    refunded_minor = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    paid_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True)
    refresh_at = models.DateTimeField(null=True, help_text=_("When housekeeping asks the gateway next."))

    class Meta:
        verbose_name = _("top-up")
        verbose_name_plural = _("top-ups")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="top_up_of_user"),
            models.Index(fields=["refresh_at"], condition=Q(refresh_at__isnull=False), name="top_up_to_refresh"),
        ]
        constraints = [models.CheckConstraint(condition=Q(amount_minor__gt=0), name="top_up_positive")]

    def __str__(self) -> str:
        return str(self.code)

    def get_absolute_url(self) -> str:
        """Where the browser comes back to."""
        return reverse("billing:top_up_return", args=[self.code])


def new_demo_id() -> str:
    """Ten digits: the numbers a real gateway gives look the same, so nothing learns to rely on another form."""
    return str(secrets.randbelow(9 * 10**9) + 10**9)


class DemoPayment(models.Model):
    """What a gateway would know of one payment; the demo gateway keeps it here, so that every process sees it."""

    class State(models.TextChoices):
        CREATED = "CREATED", _("created")
        PAID = "PAID", _("paid")
        CANCELED = "CANCELED", _("cancelled")
        TIMEOUTED = "TIMEOUTED", _("not paid in time")
        PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED", _("returned in part")
        REFUNDED = "REFUNDED", _("refunded")

    gateway_id = models.CharField(max_length=20, unique=True, default=new_demo_id)
    order_number = models.CharField(max_length=60, unique=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    description = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=20, choices=State, default=State.CREATED)
    refunded_minor = models.BigIntegerField(default=0)
    recurs = models.BooleanField(default=False)
    return_url = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("demo payment")
        verbose_name_plural = _("demo payments")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.gateway_id
