"""Owners' money on its way to a bank: where it goes, what was asked for, in which batch it went out, what the bank says."""

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class BankAccount(models.Model):
    """Where an owner's money goes. A changed one is another row: payouts keep the number they were asked for with."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bank_accounts")
    iban = models.CharField(_("IBAN"), max_length=34)
    name = models.CharField(_("account holder"), max_length=70)
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, help_text=_("When the link in the e-mail was followed."))
    usable_from = models.DateTimeField(help_text=_("Money goes there from then on, once it is confirmed."))
    replaced_at = models.DateTimeField(null=True, help_text=_("Given up for another account."))

    class Meta:
        verbose_name = _("bank account")
        verbose_name_plural = _("bank accounts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "iban"], condition=Q(replaced_at=None), name="one_bank_account_per_iban"),
        ]

    def __str__(self) -> str:
        return self.iban

    @property
    def is_usable(self) -> bool:
        """Whether money may go there now."""
        return self.replaced_at is None and self.confirmed_at is not None and self.usable_from <= timezone.now()


class PayoutPlan(models.Model):
    """How often an owner wants to be paid by herself, and what stays behind."""

    class Rhythm(models.TextChoices):
        NEVER = "never", _("When I ask for it")
        WEEKLY = "weekly", _("Every Monday")
        MONTHLY = "monthly", _("On the first day of the month")

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payout_plan")
    rhythm = models.CharField(_("How often"), max_length=10, choices=Rhythm, default=Rhythm.NEVER)
    keep_minor = models.BigIntegerField(default=0)
    next_on = models.DateField(null=True, db_index=True)

    class Meta:
        verbose_name = _("payout plan")
        verbose_name_plural = _("payout plans")
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(keep_minor__gte=0), name="payout_plan_keeps_something")]

    def __str__(self) -> str:
        return f"{self.owner}: {self.get_rhythm_display()}"


class PayoutBatch(models.Model):
    """Payouts that went to the bank in one file. What the file says is frozen here and in its payouts: made again it is the same."""

    number = models.CharField(max_length=20, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payout_batches")
    due_on = models.DateField(help_text=_("The day on which the bank shall pay."))
    from_iban = models.CharField(max_length=34)
    from_name = models.CharField(max_length=70)
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField()

    class Meta:
        verbose_name = _("payout batch")
        verbose_name_plural = _("payout batches")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.number


def new_variable_symbol() -> str:
    """Ten digits that name one payout on every bank statement."""
    return str(secrets.randbelow(9 * 10**9) + 10**9)


class Payout(models.Model):
    """One wish of an owner for her money. From the wish to the bank's word it lies apart, in the account `in payout`."""

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        APPROVED = "approved", _("Approved")
        EXPORTED = "exported", _("Sent to the bank")
        PAID = "paid", _("Paid out")
        FAILED = "failed", _("Returned")
        CANCELLED = "cancelled", _("Cancelled")

    OPEN = (Status.REQUESTED, Status.APPROVED, Status.EXPORTED)

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payouts")
    bank_account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="payouts")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    iban = models.CharField(_("IBAN"), max_length=34)
    name = models.CharField(_("account holder"), max_length=70)
    variable_symbol = models.CharField(_("variable symbol"), max_length=10, unique=True, default=new_variable_symbol, editable=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.REQUESTED)
    is_automatic = models.BooleanField(default=False)
    not_before = models.DateTimeField(help_text=_("Earnings of a new charger wait until then."))
    created_at = models.DateTimeField(default=timezone.now)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    batch = models.ForeignKey(PayoutBatch, null=True, on_delete=models.PROTECT, related_name="payouts")
    paid_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text=_("When it was cancelled or came back."))
    reason = models.CharField(max_length=200, blank=True, help_text=_("Why it was cancelled or came back."))

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="payout_of_owner"),
            models.Index(fields=["status", "id"], name="payout_by_status"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payout_positive"),
            models.CheckConstraint(
                condition=Q(status__in=["exported", "paid"], batch__isnull=False) | ~Q(status__in=["exported", "paid"]),
                name="payout_went_out_in_a_batch",
            ),
            models.CheckConstraint(condition=~Q(status="paid") | Q(paid_at__isnull=False), name="payout_paid_at_a_time"),
        ]

    def __str__(self) -> str:
        return self.variable_symbol

    def get_absolute_url(self) -> str:
        """The owner's list of payouts, at this one."""
        return f"{reverse('billing:payouts')}#payout-{self.variable_symbol}"

    @property
    def is_open(self) -> bool:
        """Whether the money is still on its way."""
        return self.status in self.OPEN
