"""Circles of people an owner knows, and what each of them pays at her connectors."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing.models import Tariff
from stations.models.charge_point import CODE_ALPHABET, Connector

LINK_LETTERS = 20


def new_link() -> str:
    """A code nobody guesses, for a link and for a QR code."""
    return "".join(secrets.choice(CODE_ALPHABET) for _number in range(LINK_LETTERS))


class Circle(models.Model):
    """Some people of one owner: her household, her friends, or a group with a name. Whoever is in none of them is everyone."""

    class Kind(models.TextChoices):
        HOUSEHOLD = "household", _("Household")
        FRIENDS = "friends", _("Friends")
        GROUP = "group", _("Group")

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("owner"), on_delete=models.CASCADE, related_name="circles")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    name = models.CharField(_("name"), max_length=60, blank=True, help_text=_("Of a group; household and friends have none."))
    link = models.CharField(
        _("link"), max_length=20, unique=True, null=True, editable=False, help_text=_("Whoever has it may join; empty: nobody by herself.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("circle")
        verbose_name_plural = _("circles")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "kind"], condition=~Q(kind="group"), name="one_household_one_friends"),
            models.CheckConstraint(condition=~Q(kind="group") | ~Q(name=""), name="circle_group_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.get_kind_display())

    def get_absolute_url(self) -> str:
        """The owner's page of it."""
        return reverse("stations:circle", args=[self.pk])


class CircleMember(models.Model):
    """A person in a circle, or one who was invited and has not said yes: a circle's price may be higher as well as lower."""

    circle = models.ForeignKey(Circle, verbose_name=_("circle"), on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, verbose_name=_("user"), on_delete=models.CASCADE, related_name="circle_memberships")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    joined_at = models.DateTimeField(_("joined at"), null=True, help_text=_("Empty: invited, and has not accepted yet."))

    class Meta:
        verbose_name = _("member of a circle")
        verbose_name_plural = _("members of circles")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["circle", "user"], name="once_in_a_circle")]

    def __str__(self) -> str:
        return f"{self.user} · {self.circle}"

    @property
    def shown_name(self) -> str:
        """What the owner reads: a first name once it was accepted, before that the address she typed herself."""
        return self.user.short_name if self.joined_at else self.user.email


class CirclePriceQuerySet(models.QuerySet["CirclePrice"]):
    """Filters with names."""

    def of(self, driver: User | int) -> "CirclePriceQuerySet":
        """Those she has by being in a circle."""
        return self.filter(circle__members__user=driver, circle__members__joined_at__isnull=False)

    def innermost_first(self) -> "CirclePriceQuerySet":
        """The household before the friends before the groups, and of several groups the cheapest."""
        ranks = [When(circle__kind=kind, then=Value(rank)) for rank, kind in enumerate(Circle.Kind.values)]
        return self.order_by(Case(*ranks), F("tariff__current__price_per_kwh"), "pk")


class CirclePrice(models.Model):
    """What one circle pays at one connector instead of the connector's own price."""

    connector = models.ForeignKey(Connector, verbose_name=_("connector"), on_delete=models.CASCADE, related_name="circle_prices")
    circle = models.ForeignKey(Circle, verbose_name=_("circle"), on_delete=models.CASCADE, related_name="prices")
    tariff = models.ForeignKey(Tariff, verbose_name=_("tariff"), on_delete=models.PROTECT, related_name="circle_prices")

    objects = CirclePriceQuerySet.as_manager()

    class Meta:
        verbose_name = _("price of a circle")
        verbose_name_plural = _("prices of circles")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["connector", "circle"], name="one_price_per_circle")]

    def __str__(self) -> str:
        return f"{self.connector} · {self.circle} · {self.tariff}"
