"""Prices. A tariff keeps its id over its versions; a version never changes, so a session's price cannot either."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

DEFAULT_IDLE_CAP = Decimal(100)


class Tariff(models.Model):
    """A named price list of one owner."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tariffs")
    name = models.CharField(_("name"), max_length=60)
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    current = models.OneToOneField(
        "TariffVersion", null=True, on_delete=models.PROTECT, related_name="+", help_text=_("The version that new sessions get.")
    )
    scheduled = models.OneToOneField(
        "TariffVersion", null=True, on_delete=models.PROTECT, related_name="+", help_text=_("The version that takes over at its date.")
    )

    class Meta:
        verbose_name = _("tariff")
        verbose_name_plural = _("tariffs")
        ordering = ["name", "id"]
        indexes = [models.Index(fields=["owner"], condition=Q(deleted_at=None), name="tariff_of_owner")]

    def __str__(self) -> str:
        return self.name


class TariffVersion(models.Model):
    """The prices of a tariff from one edit to the next. Prices are all-in for the driver, in the main unit of the currency."""

    tariff = models.ForeignKey(Tariff, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    price_per_kwh = models.DecimalField(max_digits=10, decimal_places=4, default=Decimal(0))
    price_per_minute = models.DecimalField(max_digits=10, decimal_places=4, default=Decimal(0))
    session_fee = models.DecimalField(max_digits=10, decimal_places=2, default=Decimal(0))
    idle_price_per_minute = models.DecimalField(max_digits=10, decimal_places=4, default=Decimal(0))
    idle_grace_minutes = models.PositiveSmallIntegerField(default=15)
    bands = models.JSONField(default=list, help_text=_("[{days, from, to, price_per_kwh}], local time of the charger."))
    minimum_price = models.DecimalField(
        max_digits=10, decimal_places=2, default=Decimal(0), help_text=_("The least that a session with energy costs.")
    )
    idle_cap = models.DecimalField(
        max_digits=10, decimal_places=2, default=DEFAULT_IDLE_CAP, help_text=_("The most that standing costs in one session.")
    )
    idle_quiet_from = models.CharField(max_length=5, blank=True, help_text=_("From this hour on standing costs nothing; empty: never."))
    idle_quiet_to = models.CharField(max_length=5, blank=True)
    valid_from = models.DateTimeField(null=True, help_text=_("When it took over, or will; empty: when it was made."))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("tariff version")
        verbose_name_plural = _("tariff versions")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["tariff", "number"], name="one_version_per_number")]

    def __str__(self) -> str:
        return f"{self.tariff} · {self.number}"
