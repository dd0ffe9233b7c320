"""Outlets that chargers hold because somebody told them so directly."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint


class OperatorReservation(models.Model):
    """A ReserveNow that an owner or a program sent by itself and the charger accepted. It is no booking and refuses nobody."""

    class End(models.TextChoices):
        STARTED = "started", _("a session began with it")
        CANCELLED = "cancelled", _("it was called off")
        EXPIRED = "expired", _("its time was over")
        REPLACED = "replaced", _("another took its place")

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="operator_reservations")
    connector_number = models.PositiveIntegerField(help_text=_("0 is any connector."))
    reservation_id = models.IntegerField()
    id_tag = models.CharField(max_length=64, blank=True)
    parent_id_tag = models.CharField(max_length=64, blank=True)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=10, choices=End, blank=True)

    class Meta:
        verbose_name = _("connector held by a charger")
        verbose_name_plural = _("connectors held by chargers")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "reservation_id"], condition=models.Q(ended_at=None), name="one_operator_reservation_per_id"
            )
        ]
        indexes = [models.Index(fields=["expires_at"], condition=models.Q(ended_at=None), name="operator_reservation_open")]

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.connector_number} · {self.id_tag}"
