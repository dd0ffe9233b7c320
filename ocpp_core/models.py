"""What only the chargers' door knows: frames, attempts to connect, configuration keys, deviations from the standard."""

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


class ConfigurationKey(models.Model):
    """One configuration key of a charger, as it was last read or set."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="configuration_keys")
    key = models.CharField(max_length=100)
    value = models.TextField(null=True)
    is_readonly = models.BooleanField(default=False)
    is_known = models.BooleanField(default=True, help_text=_("Whether the charger knows the key at all."))
    read_at = models.DateTimeField()

    class Meta:
        verbose_name = _("configuration key")
        verbose_name_plural = _("configuration keys")
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["charge_point", "key"], name="one_value_per_key")]

    def __str__(self) -> str:
        return self.key


class ChargerDeviation(models.Model):
    """One way in which a charger strays from the standard, and how often it did. `word` is one that `meanings` explains."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="deviations", db_index=False, db_constraint=False)
    word = models.CharField(max_length=60)
    times = models.PositiveBigIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    sample = models.TextField(blank=True, help_text=_("The beginning of a frame in which it was seen, without cards and passwords."))

    class Meta:
        verbose_name = _("deviation")
        verbose_name_plural = _("deviations")
        ordering = ["-last_at", "word"]
        constraints = [models.UniqueConstraint(fields=["charge_point", "word"], name="one_count_per_deviation")]

    def __str__(self) -> str:
        return self.word
