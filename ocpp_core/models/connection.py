"""Attempts to connect."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models import ChargePoint


class ConnectionAttempt(models.Model):
    """One attempt to connect under an identity, and what came of it. Refused ones of the same kind are counted."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("connected")
        WRONG_PASSWORD = "wrong_password", _("wrong password")
        NO_PASSWORD = "no_password", _("no password sent")
        WRONG_PATH = "wrong_path", _("wrong address")
        UNKNOWN_IDENTITY = "unknown_identity", _("unknown identity")
        WRONG_PROTOCOL = "wrong_protocol", _("speaks no OCPP 1.6")
        INSECURE = "insecure", _("without TLS")
        NO_CERTIFICATE = "no_certificate", _("no client certificate")
        WRONG_CERTIFICATE = "wrong_certificate", _("wrong client certificate")
        TOO_MANY = "too_many", _("too many failed attempts")
        ALTERNATING = "alternating", _("two chargers with one identity")

    charge_point = models.ForeignKey(ChargePoint, null=True, on_delete=models.CASCADE, related_name="connection_attempts")
    identity = models.CharField(max_length=64)
    outcome = models.CharField(max_length=20, choices=Outcome)
    detail = models.CharField(max_length=200, blank=True, help_text=_("A hint without secrets, e.g. how many characters came."))
    address = models.GenericIPAddressField(null=True)
    first_at = models.DateTimeField()
    at = models.DateTimeField(help_text=_("The last one of its kind."))
    times = models.PositiveIntegerField(default=1)
    closed_at = models.DateTimeField(null=True, help_text=_("When the socket ended."))
    close_code = models.PositiveSmallIntegerField(null=True)

    class Meta:
        verbose_name = _("connection attempt")
        verbose_name_plural = _("connection attempts")
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["charge_point", "-at"], name="attempt_of_charge_point"),
            models.Index(fields=["at"], name="attempt_age"),
        ]

    def __str__(self) -> str:
        return f"{self.identity} · {self.get_outcome_display()}"
