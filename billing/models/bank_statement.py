"""What the bank says has happened on our account."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.payout import Payout


class BankStatement(models.Model):
    """A file of the bank that staff brought in. The same file a second time is this row again."""

    class Format(models.TextChoices):
        FIO_CSV = "fio_csv", _("Fio CSV")
        GPC = "gpc", _("ABO statement (GPC)")

    digest = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of the file."))
    name = models.CharField(max_length=100)
    format = models.CharField(max_length=10, choices=Format)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bank_statements")

    class Meta:
        verbose_name = _("bank statement")
        verbose_name_plural = _("bank statements")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class BankStatementLine(models.Model):
    """One movement on our account. Its key makes it count once, in however many overlapping statements it stands."""

    class Outcome(models.TextChoices):
        PAID = "paid", _("payout paid")
        RETURNED = "returned", _("payout came back")
        UNMATCHED = "unmatched", _("no payout fits")
        IGNORED = "ignored", _("not a payout")

    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="lines")
    key = models.CharField(max_length=64, unique=True)
    booked_on = models.DateField()
    amount_minor = models.BigIntegerField(help_text=_("Negative where money left us."))
    currency = models.CharField(max_length=3)
    counter_account = models.CharField(max_length=50, blank=True)
    counter_name = models.CharField(max_length=100, blank=True)
    variable_symbol = models.CharField(_("variable symbol"), max_length=10, blank=True)
    message = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.UNMATCHED)
    payout = models.ForeignKey(Payout, null=True, on_delete=models.PROTECT, related_name="statement_lines")
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("bank statement line")
        verbose_name_plural = _("bank statement lines")
        ordering = ["-id"]
        indexes = [models.Index(fields=["outcome", "-id"], name="statement_line_outcome")]

    def __str__(self) -> str:
        return f"{self.booked_on} {self.variable_symbol}"
