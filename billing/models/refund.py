"""Money on its way back to where it came from."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.top_up import TopUp


class Refund(models.Model):
    """A part of one payment that goes back to the card or the bank account it was paid from."""

    class Status(models.TextChoices):
        REQUESTED = "requested", _("being sent")
        SENT = "sent", _("on its way")
        DONE = "done", _("returned")
        FAILED = "failed", _("did not go through")

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    top_up = models.ForeignKey(TopUp, on_delete=models.PROTECT, related_name="refunds")
    number = models.PositiveSmallIntegerField(help_text=_("Which refund of its top-up it is."))
    amount_minor = models.BigIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.REQUESTED)
    is_external = models.BooleanField(default=False, help_text=_("Made at the gateway by somebody else, and only booked here."))
    gateway_refund_id = models.CharField(max_length=40, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, help_text=_("When the gateway was last asked for it."))
    done_at = models.DateTimeField(null=True, help_text=_("When it was returned, or given up."))

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ["-id"]
        indexes = [models.Index(fields=["id"], condition=Q(status__in=["requested", "sent"]), name="refund_open")]
        constraints = [
            models.UniqueConstraint(fields=["top_up", "number"], name="one_refund_per_number"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_positive"),
        ]

    def __str__(self) -> str:
        return str(self.code)

    @property
    def is_open(self) -> bool:
        """Whether nobody knows yet how it ends."""
        return self.status in (self.Status.REQUESTED, self.Status.SENT)

    @property
    def key(self) -> str:
        """Under which it stands in the books; what became of it stands under the same with a word behind it."""
        return f"top-up:{self.top_up.code}:refund:{self.number}"
