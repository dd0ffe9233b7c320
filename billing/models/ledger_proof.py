"""That the books were proved, when, and what came out."""

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class LedgerProof(models.Model):
    """One run of every proof over the whole ledger: each night by itself, and whenever staff want it."""

    night = models.DateField(null=True, unique=True, help_text=_("Which night's it is; empty where somebody of staff asked for it."))
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    began_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField(null=True, help_text=_("Empty while it runs, or where the process died meanwhile."))
    transactions = models.PositiveBigIntegerField(default=0)
    entries = models.PositiveBigIntegerField(default=0)
    problems: models.JSONField[list[str], list[str]] = models.JSONField(default=list, help_text=_("Sentences; none where all is well."))

    objects: ClassVar[models.Manager["LedgerProof"]] = models.Manager()

    class Meta:
        verbose_name = _("proof of the books")
        verbose_name_plural = _("proofs of the books")
        ordering = ["-id"]
        indexes = [models.Index(fields=["-began_at"], name="proof_newest")]

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M} · {len(self.problems)}"

    @property
    def is_done(self) -> bool:
        """Whether it came to its end."""
        return self.took_ms is not None

    @property
    def took_s(self) -> Decimal:
        """How long it took."""
        return Decimal(self.took_ms or 0) / 1000

    @property
    def is_good(self) -> bool:
        """Whether the books balance."""
        return self.is_done and not self.problems
