"""A complaint about one receipt, with everything that was known when it was made."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.cdr import ChargeDetailRecord


class Dispute(models.Model):
    """One side says that a receipt is wrong. What it is about stays with the platform until it is decided."""

    class Side(models.TextChoices):
        DRIVER = "driver", _("driver")
        OWNER = "owner", _("owner")

    class Reason(models.TextChoices):
        NO_ENERGY = "no_energy", _("the car got no energy")
        TOO_MUCH = "too_much", _("more was charged than the car took")
        TOO_LITTLE = "too_little", _("less was charged than the charger gave")
        PRICE = "price", _("another price was promised")
        CAME = "came", _("I was there, or could not charge")
        NOT_ME = "not_me", _("that was not me")
        OTHER = "other", _("something else")

    class Status(models.TextChoices):
        OPEN = "open", _("awaiting the other side")
        ANSWERED = "answered", _("awaiting our decision")
        DECIDED = "decided", _("decided")
        WITHDRAWN = "withdrawn", _("withdrawn")

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cdr = models.ForeignKey(
        ChargeDetailRecord, on_delete=models.PROTECT, related_name="disputes", help_text=_("The settlement, not its corrections.")
    )
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="disputes_opened")
    side = models.CharField(max_length=6, choices=Side)
    reason = models.CharField(max_length=12, choices=Reason)
    text = models.TextField(blank=True)
    disputed_minor = models.BigIntegerField(help_text=_("How much of the total it is about."))
    frozen_minor = models.BigIntegerField(help_text=_("The owner's share of it, which is not paid out until it is decided."))
    evidence = models.JSONField(default=dict, help_text=_("Session, meter and messages as they were when it was opened."))
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    created_at = models.DateTimeField(default=timezone.now)
    reply_by = models.DateTimeField()
    reply = models.TextField(blank=True)
    replied_at = models.DateTimeField(null=True)
    returned_minor = models.BigIntegerField(null=True, help_text=_("What the driver got back."))
    decision = models.TextField(blank=True, help_text=_("The reason both sides read."))
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    credit_note = models.OneToOneField(ChargeDetailRecord, null=True, on_delete=models.PROTECT, related_name="decided_dispute")

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["cdr"], condition=Q(status__in=["open", "answered"]), name="one_open_dispute_per_receipt"),
            models.CheckConstraint(condition=Q(disputed_minor__gte=0, frozen_minor__gte=0), name="dispute_not_negative"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(status__in=["open", "answered"]), name="dispute_open"),
            models.Index(fields=["opened_by", "-id"], name="dispute_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.cdr}: {self.get_reason_display()}"

    def get_absolute_url(self) -> str:
        """Where both sides follow it."""
        return reverse("billing:dispute", args=[self.code])

    @property
    def is_open(self) -> bool:
        """Whether it still waits for somebody."""
        return self.status in (self.Status.OPEN, self.Status.ANSWERED)
