"""The same request to many chargers."""

import secrets

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
CODE_LENGTH = 12


def made_up_code() -> str:
    """A name for addresses that nobody guesses."""
    return "".join(secrets.choice(ALPHABET) for _place in range(CODE_LENGTH))


class CommandBatch(models.Model):
    """One request to many chargers. What became of it at each of them is a Command; this row says what was asked and how fast."""

    code = models.CharField(max_length=20, unique=True, default=made_up_code, editable=False)
    action = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="command_batches")
    total = models.PositiveIntegerField(help_text=_("How many chargers are asked."))
    per_minute = models.PositiveIntegerField(help_text=_("How many chargers are asked a minute, so that they do not all restart at once."))
    interrupted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("command to many chargers")
        verbose_name_plural = _("commands to many chargers")
        ordering = ["-id"]
        indexes = [models.Index(fields=["created_at"], name="command_batch_age")]

    def __str__(self) -> str:
        return f"{self.action} · {self.total}"
