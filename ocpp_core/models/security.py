"""What chargers report of their security, and the certificates they prove themselves with."""

from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models import ChargePoint

EXPIRES_SOON = timedelta(days=30)


class SecurityEvent(models.Model):
    """Something a charger reported of its security. The same within the hour is counted on one row."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="security_events")
    type = models.CharField(max_length=50, help_text=_("As OCPP spells it, or a word of the maker's own."))
    tech_info = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField(help_text=_("When it happened, the last time; the charger's own time where its clock is right."))
    first_at = models.DateTimeField(help_text=_("When we first heard of it."))
    received_at = models.DateTimeField(help_text=_("When we last heard of it."))
    is_critical = models.BooleanField(default=False)
    times = models.PositiveIntegerField(default=1)
    told_at = models.DateTimeField(null=True, help_text=_("When the owner was told."))

    class Meta:
        verbose_name = _("security event")
        verbose_name_plural = _("security events")
        ordering = ["-received_at", "-id"]
        indexes = [
            models.Index(fields=["charge_point", "-received_at"], name="event_of_charge_point"),
            models.Index(fields=["received_at"], name="event_age"),
        ]

    def __str__(self) -> str:
        return self.type


class Certificate(models.Model):
    """A client certificate we gave to a charger. Its private key never leaves the box."""

    class State(models.TextChoices):
        ISSUED = "issued", _("sent to the charger")
        ACCEPTED = "accepted", _("in use")
        REJECTED = "rejected", _("not taken by the charger")
        REVOKED = "revoked", _("withdrawn")
        REPLACED = "replaced", _("replaced by a newer one")

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="certificates")
    serial = models.CharField(max_length=40, help_text=_("Hexadecimal."))
    fingerprint = models.CharField(max_length=64, unique=True, help_text=_("SHA-256 of the certificate."))
    subject = models.CharField(max_length=200)
    pem = models.TextField(editable=False)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.ISSUED)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, help_text=_("When the charger first connected with it."))
    revoked_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True, help_text=_("When the owner was told that it runs out."))

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        ordering = ["-id"]
        indexes = [models.Index(fields=["not_after"], name="certificate_age")]

    def __str__(self) -> str:
        return f"{self.subject} · {self.serial}"

    def opens_at(self, moment: datetime) -> bool:
        """Whether the charger may come in with it."""
        return self.state in (self.State.ISSUED, self.State.ACCEPTED) and self.not_before <= moment <= self.not_after

    @property
    def is_usable(self) -> bool:
        """Whether the charger may come in with it now."""
        return self.opens_at(timezone.now())

    @property
    def expires_soon(self) -> bool:
        """Whether it is time for a new one."""
        return self.is_usable and self.not_after < timezone.now() + EXPIRES_SOON


class InstalledCertificate(models.Model):
    """A root certificate a charger holds, as it last told or let itself be given. Known by the hashes the standard names."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="installed_certificates")
    use = models.CharField(max_length=40, help_text=_("What the charger trusts it for, as OCPP spells it."))
    hash_algorithm = models.CharField(max_length=10)
    issuer_name_hash = models.CharField(max_length=128)
    issuer_key_hash = models.CharField(max_length=128)
    serial_number = models.CharField(max_length=40)
    subject = models.CharField(max_length=200, blank=True, help_text=_("Where we gave it to the charger."))
    seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("installed certificate")
        verbose_name_plural = _("installed certificates")
        ordering = ["use", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "use", "hash_algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number"],
                name="one_row_per_installed_certificate",
            )
        ]

    def __str__(self) -> str:
        return self.subject or self.serial_number
