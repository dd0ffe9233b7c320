"""A new password on its way to a charger."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint


class PasswordRotation(models.Model):
    """A charger that is to change its password and has not come in with the new one yet; until then both are good.

    The password itself is kept, sealed, only as long as the charger must still be told.
    """

    charge_point = models.OneToOneField(
        ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, related_name="password_rotation"
    )
    sealed = models.TextField(_("sealed"), blank=True, editable=False, help_text=_("Empty once the charger has answered for good."))
    told = models.PositiveSmallIntegerField(_("times told"), default=0)
    answer = models.CharField(_("answer"), max_length=40, blank=True, help_text=_("As OCPP spells it."))
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    began_at = models.DateTimeField(_("began at"))

    class Meta:
        verbose_name = _("new password on its way")
        verbose_name_plural = _("new passwords on their way")
        ordering = ["-began_at"]

    def __str__(self) -> str:
        return str(self.charge_point)

    @property
    def is_taken(self) -> bool:
        """Whether the charger said that it will use it."""
        return self.answer in ("Accepted", "RebootRequired")

    @property
    def is_refused(self) -> bool:
        """Whether somebody must type it in."""
        return bool(self.answer) and not self.is_taken and not self.sealed
