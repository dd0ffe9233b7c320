"""What the platform bills an owner for a month: numbered and frozen when the month is over, and never counted again."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.frozen import Frozen


class FeeSeries(models.Model):
    """The last number the platform gave to a document of its fee in one year; locked while the next is taken, so none is left out."""

    year = models.PositiveSmallIntegerField(unique=True)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("series of fee documents")
        verbose_name_plural = _("series of fee documents")

    def __str__(self) -> str:
        return str(self.year)


class FeeDocument(Frozen):
    """A month of an owner with the platform's fee, as it stood when the document was issued."""

    number = models.CharField(max_length=30, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="fee_documents")
    month = models.DateField(help_text=_("Its first day."))
    issued_at = models.DateTimeField(default=timezone.now)
    supply_model = models.CharField(max_length=14)
    issuer = models.JSONField(help_text=_("Who issued it: name, address and numbers as they were."))
    customer = models.JSONField(help_text=_("The owner, as she stood on her receipts then."))
    sums = models.JSONField(help_text=_("What the month came to, in minor units."))
    currency = models.CharField(max_length=3)
    last_receipt = models.BigIntegerField(help_text=_("The last receipt that is in it; what belongs to the month and came later is not."))

    class Meta:
        verbose_name = _("fee document")
        verbose_name_plural = _("fee documents")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["owner", "month"], name="one_fee_document_per_owner_and_month")]

    def __str__(self) -> str:
        return self.number
