"""Who waits for a charger where, and who was told of which."""

import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from stations.models.charge_point import ChargePoint

LEAST_KM, MOST_KM = 1, 50


class AreaAlertQuerySet(models.QuerySet["AreaAlert"]):
    """Filters with names."""

    def around(self, *places: tuple[float, float]) -> Self:
        """Those whose box holds one of these places, a little more than whose circle does. A box may reach over the date line."""
        found = Q(pk__in=[])
        for latitude, longitude in places:
            beside = Q(pk__in=[])
            for turned in (longitude - 360, longitude, longitude + 360):
                beside |= Q(west__lte=turned, east__gte=turned)
            found |= Q(south__lte=latitude, north__gte=latitude) & beside
        return self.filter(found, user__is_active=True)


class AreaAlert(models.Model):
    """An area where one person waits for a charger: a circle on the map, and what the charger must be able to do."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="area_alerts")
    name = models.CharField(_("name"), max_length=60)
    latitude = models.DecimalField(_("latitude"), max_digits=9, decimal_places=6)
    longitude = models.DecimalField(_("longitude"), max_digits=9, decimal_places=6)
    radius_km = models.PositiveSmallIntegerField(_("radius"), validators=[MinValueValidator(LEAST_KM), MaxValueValidator(MOST_KM)])
    connector_types = models.JSONField(_("connectors"), default=list, help_text=_("One of these; empty: any."))
    min_power_w = models.PositiveIntegerField(_("power from"), null=True)
    is_of_my_circles = models.BooleanField(_("only of my circles"), default=False)
    south = models.FloatField(_("southern edge"), editable=False)
    north = models.FloatField(_("northern edge"), editable=False)
    west = models.FloatField(_("western edge"), editable=False)
    east = models.FloatField(_("eastern edge"), editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["AreaAlert"]] = AreaAlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("watched area")
        verbose_name_plural = _("watched areas")
        ordering = ["id"]
        constraints = [models.CheckConstraint(condition=Q(radius_km__gte=LEAST_KM, radius_km__lte=MOST_KM), name="area_has_a_size")]
        indexes = [models.Index(fields=["south", "north", "west", "east"], name="area_around_a_place")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The map as far as the circle reaches."""
        box = ",".join(f"{degrees:.5f}" for degrees in (self.west, self.south, self.east, self.north))
        return f"{reverse('stations:map')}?bbox={box}"


class MapArrival(models.Model):
    """A charger that was put on the map, became visible to more people, or offers more, and of which those who wait may have to hear.

    Written with the publishing itself; told a little later by the periodic job, once.
    """

    charge_point = models.OneToOneField(
        ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, primary_key=True, related_name="arrival_on_map"
    )
    at = models.DateTimeField(_("at"))
    told_at = models.DateTimeField(_("told at"), null=True)
    before = models.JSONField(
        _("before"),
        null=True,
        help_text=_("What it offered to whom, where it was on the map already and is another now; those do not hear."),
    )

    class Meta:
        verbose_name = _("arrival on the map")
        verbose_name_plural = _("arrivals on the map")
        indexes = [models.Index(fields=["at"], condition=Q(told_at=None), name="arrival_to_be_told")]

    def __str__(self) -> str:
        return str(self.charge_point)


class AreaNews(models.Model):
    """That a person was told of a charger in an area of hers: nobody hears of the same one twice."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="area_news")
    charge_point = models.ForeignKey(ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, related_name="area_news")
    told_at = models.DateTimeField(_("told at"))

    class Meta:
        verbose_name = _("news of an area")
        verbose_name_plural = _("news of areas")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["charge_point", "user"], name="area_news_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.charge_point}"
