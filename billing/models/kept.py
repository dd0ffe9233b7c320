"""Sums of what is in the books for good, written down so that a page need not add up ten years again.

A row tells of rows that are append-only, and is never changed itself: whoever reads takes the rows up to the last id that is
written down, and adds up by herself what came after it.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.frozen import Frozen
from billing.models.ledger import LedgerAccount


class KeptSum(Frozen):
    """What some receipts of an owner came to, in one month, at one charger or with one guest."""

    class Of(models.TextChoices):
        MADE = "made", _("receipts by when they were made, by charger")
        GUESTS = "guests", _("receipts by when they were made, by guest")
        ENDED = "ended", _("receipts by when the charging ended, by charger")

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    of = models.CharField(max_length=6, choices=Of)
    month = models.DateField(help_text=_("Its first day."))
    charge_point_code = models.CharField(max_length=20, blank=True)
    driver = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    is_own = models.BooleanField(help_text=_("The owner charged herself."))
    last_receipt = models.BigIntegerField(help_text=_("The last receipt that is in it."))
    gross_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    earned_minor = models.BigIntegerField()
    energy_wh = models.BigIntegerField(help_text=_("Without corrections."))
    sessions = models.BigIntegerField()
    vat_minor = models.BigIntegerField()
    fee_vat_minor = models.BigIntegerField()
    corrected_wh = models.BigIntegerField(help_text=_("How much more energy it is by corrections."))

    class Meta:
        verbose_name = _("sum of receipts")
        verbose_name_plural = _("sums of receipts")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "of", "month"], name="kept_sum_of_month"),
            models.Index(fields=["owner", "last_receipt"], name="kept_sum_to_receipt"),
        ]

    def __str__(self) -> str:
        return f"{self.owner_id} · {self.month:%Y-%m}"


class KeptBalance(Frozen):
    """What some entries of an account came to, in one month."""

    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    month = models.DateField(help_text=_("Its first day."))
    moved_minor = models.BigIntegerField()
    last_entry = models.BigIntegerField(help_text=_("The last entry that is in it."))

    class Meta:
        verbose_name = _("sum of entries")
        verbose_name_plural = _("sums of entries")
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "last_entry"], name="kept_balance_to_entry")]

    def __str__(self) -> str:
        return f"{self.account_id} · {self.month:%Y-%m}"
