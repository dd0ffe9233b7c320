"""The books: accounts, append-only transactions of entries that sum to zero, and money set aside."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.frozen import Frozen


class LedgerAccount(models.Model):
    """One pot of money. Its balance is the sum of its entries, kept beside them; `billing.ledger` alone changes it."""

    class Kind(models.TextChoices):
        CASH = "cash", _("own money")
        PROMO = "promo", _("promo credit")
        DEBT = "debt", _("debt")
        EARNINGS_PENDING = "earnings_pending", _("earnings, pending")
        EARNINGS_AVAILABLE = "earnings_available", _("earnings, available")
        EARNINGS_IN_PAYOUT = "earnings_in_payout", _("earnings, in payout")
        PLATFORM_FEE = "platform_fee", _("platform: fees")
        PROMO_COST = "promo_cost", _("platform: cost of promo credit")
        LOSS = "loss", _("platform: loss")
        GATEWAY_CLEARING = "gopay_clearing", _("payment gateway: clearing")
        REFUND_TRANSIT = "refund_transit", _("refunds under way")
        BANK = "bank", _("bank")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="ledger_accounts")
    kind = models.CharField(max_length=20, choices=Kind)
    currency = models.CharField(max_length=3)
    balance_minor = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("ledger account")
        verbose_name_plural = _("ledger accounts")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "currency"], name="one_account_per_person_and_kind"),
            models.UniqueConstraint(fields=["kind", "currency"], condition=Q(user=None), name="one_platform_account_per_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.user or 'ChargeShare'}: {self.get_kind_display()}"


class LedgerTransaction(Frozen):
    """One business event in the books. Its key makes it happen once; it is never changed, only corrected by another."""

    key = models.CharField(max_length=100)
    kind = models.CharField(max_length=30, help_text=_("What happened: top_up, settle, correct, grant, …"))
    note = models.CharField(max_length=200, blank=True)
    url = models.CharField(max_length=200, blank=True, help_text=_("The page that explains it, such as the receipt."))
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("ledger transaction")
        verbose_name_plural = _("ledger transactions")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["key"], name="one_transaction_per_key")]

    def __str__(self) -> str:
        return self.key


class LedgerEntry(Frozen):
    """One side of a transaction."""

    transaction = models.ForeignKey(LedgerTransaction, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="entries", db_index=False)
    amount_minor = models.BigIntegerField()
    balance_after_minor = models.BigIntegerField()

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "id"], name="entry_of_account")]
        constraints = [models.CheckConstraint(condition=~Q(amount_minor=0), name="entry_moves_something")]

    def __str__(self) -> str:
        return f"{self.account}: {self.amount_minor}"


class Hold(models.Model):
    """Money set aside for a session that has not ended: still mine, no longer spendable."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="holds")
    key = models.CharField(max_length=100, help_text=_("What it is held for, e.g. session:<code>."))
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        ordering = ["-id"]
        indexes = [models.Index(fields=["user"], condition=Q(closed_at=None), name="hold_open")]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="one_hold_per_key"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="hold_not_negative"),
        ]

    def __str__(self) -> str:
        return self.key
