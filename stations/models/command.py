"""What we ask of chargers."""

import re
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint
from stations.models.command_batch import CommandBatch
from stations.models.session import ChargingSession

BLOTTED = "***"
_CARDS = frozenset({"idTag", "parentIdTag"})
_SECRET = re.compile(r"authorization_?key|passw(or)?d|secret", re.IGNORECASE)


def is_secret(key: str) -> bool:
    """Whether a configuration key holds a password, whatever a make calls it."""
    return _SECRET.search(key) is not None


def without_secrets(said: Any) -> Any:
    """The same payload, the values of secret configuration keys blotted out however deep they stand."""
    if isinstance(said, list):
        return [without_secrets(member) for member in said]
    if not isinstance(said, dict):
        return said
    shown = {name: without_secrets(member) for name, member in said.items()}
    if isinstance(said.get("key"), str) and is_secret(said["key"]) and "value" in said:
        shown["value"] = BLOTTED
    return shown


def without_cards(said: Any) -> Any:
    """The same payload, the numbers of cards cut to their ends: whoever charges at a neighbour's keeps her card to herself."""
    if isinstance(said, list):
        return [without_cards(member) for member in said]
    if not isinstance(said, dict):
        return said
    return {
        name: end_of_card(member) if name in _CARDS and isinstance(member, str) else without_cards(member) for name, member in said.items()
    }


def end_of_card(id_tag: str) -> str:
    """What of a card's number its holder knows it by, and nobody else can use."""
    return f"…{id_tag[-4:]}" if len(id_tag) > 6 else "…"


class Command(models.Model):
    """One request to a charger, in the standard's own words, and its answer. The rows are the outbox: nothing asked is lost."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        SENT = "sent", _("sent")
        ACCEPTED = "accepted", _("answered")
        REJECTED = "rejected", _("answered with an error")
        UNANSWERED = "unanswered", _("not answered")
        OFFLINE = "offline", _("charger was offline")
        CANCELLED = "cancelled", _("called off before it was sent")

    class Source(models.TextChoices):
        PERSON = "person", _("a person")
        SESSION = "session", _("a driver's session")
        PROTECTION = "protection", _("protection")
        SETUP = "setup", _("our own setting-up")
        BOOKING = "booking", _("a booking")

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="commands")
    action = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    response = models.JSONField(null=True)
    source = models.CharField(max_length=12, choices=Source, default=Source.PERSON)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    session = models.ForeignKey(ChargingSession, null=True, on_delete=models.SET_NULL, related_name="commands")
    batch = models.ForeignKey(CommandBatch, null=True, on_delete=models.SET_NULL, related_name="commands", db_index=False)
    not_before = models.DateTimeField(null=True, help_text=_("The relay rests until then, or it is another charger's turn."))
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
            models.Index(fields=["batch", "id"], condition=Q(batch__isnull=False), name="command_of_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.action} · {self.charge_point}"

    @property
    def shown_payload(self) -> Any:
        """What people may read of the payload: no password, not even while it waits to be sent, and no guest's card that we put in."""
        shown = without_secrets(self.payload)
        return without_cards(shown) if self.source in (self.Source.SETUP, self.Source.BOOKING) else shown

    @property
    def shown_response(self) -> Any:
        """The same of the answer."""
        return without_secrets(self.response)

    @property
    def is_under_way(self) -> bool:
        """Whether an answer may still come."""
        return self.status in (self.Status.PENDING, self.Status.SENT)
