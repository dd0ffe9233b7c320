"""The chargers somebody likes to come back to."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from stations.models.charge_point import ChargePoint


class FavouriteQuerySet(models.QuerySet["Favourite"]):
    """Filters with names."""

    def of(self, user: User) -> Self:
        """This person's, without what she may no longer know of: a charger that was retired, hidden or closed to her."""
        known = ChargePoint.objects.visible_to(user).alive().filter(pk=models.OuterRef("charge_point"))
        return self.filter(models.Exists(known), user=user)


class Favourite(models.Model):
    """One person's heart at one charger, with a word to herself that nobody else reads."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="favourites")
    charge_point = models.ForeignKey(ChargePoint, verbose_name=_("charge point"), on_delete=models.CASCADE, related_name="favourites")
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Favourite"]] = FavouriteQuerySet.as_manager()

    class Meta:
        verbose_name = _("favourite")
        verbose_name_plural = _("favourites")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["user", "charge_point"], name="favourite_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.charge_point}"
