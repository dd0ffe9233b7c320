"""Frames as they went over the wire."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models import ChargePoint


class OcppFrame(models.Model):
    """One OCPP-J frame as it went over the wire, passwords blotted out.

    By far the most rows are these, so each costs as little as can be: one index beside the key, ids grow with time, and
    the database does not look up the charge point of each row, for rows of charge points are never deleted.
    """

    class Direction(models.TextChoices):
        FROM_CHARGER = "from_charger", _("charger says")
        TO_CHARGER = "to_charger", _("we say")

    class Type(models.TextChoices):
        CALL = "call", _("request")
        RESULT = "result", _("answer")
        ERROR = "error", _("error")

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="frames", db_index=False, db_constraint=False)
    at = models.DateTimeField()
    direction = models.CharField(max_length=12, choices=Direction)
    type = models.CharField(max_length=6, choices=Type)
    message_id = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=40, blank=True, help_text=_("Of the request, on its answer too."))
    raw = models.TextField(help_text=_("The frame's text."))
    answered_in_ms = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name = _("OCPP frame")
        verbose_name_plural = _("OCPP frames")
        ordering = ["-id"]
        indexes = [models.Index(fields=["charge_point", "-id"], name="frame_of_charge_point")]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} {self.action} {self.message_id}"
