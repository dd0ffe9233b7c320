"""What we ask of chargers."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint
from stations.models.session import ChargingSession


class Command(models.Model):
    """One request to a charger, in the standard's own words, and its answer. The rows are the outbox: nothing asked is lost."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        SENT = "sent", _("sent")
        ACCEPTED = "accepted", _("answered")
        REJECTED = "rejected", _("answered with an error")
        UNANSWERED = "unanswered", _("not answered")
        OFFLINE = "offline", _("charger was offline")

    class Source(models.TextChoices):
        PERSON = "person", _("a person")
        SESSION = "session", _("a driver's session")
        PROTECTION = "protection", _("protection")
        SETUP = "setup", _("our own setting-up")

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="commands")
    action = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    response = models.JSONField(null=True)
    source = models.CharField(max_length=12, choices=Source, default=Source.PERSON)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    session = models.ForeignKey(ChargingSession, null=True, on_delete=models.SET_NULL, related_name="commands")
    not_before = models.DateTimeField(null=True, help_text=_("The relay rests until then."))
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("command")
        verbose_name_plural = _("commands")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["charge_point", "-id"], name="command_of_charge_point"),
            models.Index(fields=["charge_point", "id"], condition=Q(status="pending"), name="command_to_send"),
            models.Index(fields=["charge_point"], condition=Q(status="sent"), name="command_under_way"),
            models.Index(fields=["created_at"], name="command_age"),
        ]

    def __str__(self) -> str:
        return f"{self.action} · {self.charge_point}"
