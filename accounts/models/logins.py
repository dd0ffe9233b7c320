"""What keeps log-ins and repeated requests honest."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User


class TokenChain(models.Model):
    """One log-in of a program: the chain of refresh tokens that grew from it. Ended, none of its tokens opens anything."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="token_chains")
    jti = models.CharField(max_length=32, help_text=_("The only refresh token of the chain that still counts."))
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("log-in of a program")
        verbose_name_plural = _("log-ins of programs")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.user} · {self.created_at:%Y-%m-%d %H:%M}"


class LoginFailure(models.Model):
    """A log-in that was refused, counted for the account it was aimed at and for the address it came from."""

    subject = models.CharField(max_length=64, help_text=_("What is counted, hashed."))
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("failed log-in")
        verbose_name_plural = _("failed log-ins")
        indexes = [models.Index(fields=["subject", "at"], name="login_failures")]

    def __str__(self) -> str:
        return f"{self.subject[:8]} · {self.at:%Y-%m-%d %H:%M}"


class IdempotentAnswer(models.Model):
    """What a request with an Idempotency-Key was answered, so that its repetition gets the same answer and does nothing."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text=_("Method, path and body, hashed."))
    status = models.PositiveSmallIntegerField(null=True, help_text=_("Empty while the first request is still running."))
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("idempotent answer")
        verbose_name_plural = _("idempotent answers")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return self.key
