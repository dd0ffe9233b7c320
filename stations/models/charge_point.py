"""Charge points and their connectors."""

import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import ClassVar, Self

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing.models import Tariff

CODE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def new_code() -> str:
    """A short public name that says nothing: nine characters, none of which looks like another."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(9))


class ChargePointQuerySet(models.QuerySet["ChargePoint"]):
    """Filters with names."""

    def alive(self) -> Self:
        """Not retired."""
        return self.filter(retired_at=None)

    def published(self) -> Self:
        """On the map, whether online or not."""
        return self.alive().filter(is_published=True, owner__is_active=True)

    def online(self) -> Self:
        """With a socket that has given a sign of life lately."""
        return self.filter(has_socket())

    def visible_to(self, user: object) -> Self:
        """What this person may open: published ones her access allows, and her own."""
        if isinstance(user, User) and user.is_staff:
            return self
        visible = Q(is_published=True, retired_at=None, owner__is_active=True)
        if not isinstance(user, User):
            return self.filter(visible, access=ChargePoint.Access.PUBLIC)
        allowed = Q(access__in=[ChargePoint.Access.PUBLIC, ChargePoint.Access.MEMBERS]) | guest_of(user)
        return self.filter(visible & allowed | Q(owner=user))


def has_socket() -> Q:
    """The same as `ChargePoint.is_online`, asked of the database."""
    return Q(connection__isnull=False, last_seen_at__gt=timezone.now() - timedelta(seconds=settings.OFFLINE_AFTER_S))


def guest_of(user: User) -> Q:
    """Where this person is let in though the charger is private: the owner invited her, or a circle of hers has a price there."""
    invitations = Invitation.objects.filter(charge_point=models.OuterRef("pk"), user=user)
    prices = apps.get_model("stations", "CirclePrice")._default_manager  # noqa: SLF001 - its module imports this one
    by_circle = prices.of(user).filter(connector__charge_point=models.OuterRef("pk"))
    return Q(models.Exists(invitations)) | Q(models.Exists(by_circle))


def own_or_guest(user: User) -> models.QuerySet["ChargePoint", int]:
    """The keys of her own chargers and of those `guest_of` means, found from her side: a few however many there are of all."""
    prices = apps.get_model("stations", "CirclePrice")._default_manager  # noqa: SLF001 - its module imports this one
    own = ChargePoint.objects.filter(owner=user).order_by().values_list("pk", flat=True)
    invited = Invitation.objects.filter(user=user).order_by().values_list("charge_point_id", flat=True)
    by_circle = prices.of(user).order_by().values_list("connector__charge_point_id", flat=True)
    return own.union(invited, by_circle)


class State(models.TextChoices):
    """The one word a connector, or a place, is shown by: on the map, in lists, in the API."""

    FREE = "free", _("Free")
    BUSY = "busy", _("Busy")
    BOOKED = "booked", _("Booked")
    FAULT = "fault", _("Fault")
    PAUSED = "paused", _("Paused")
    OFFLINE = "offline", _("Offline")


def box_state(status: str, *, is_online: bool, is_paused: bool) -> State | None:
    """What holds for a whole box whatever its connectors say; None when they decide."""
    if not is_online:
        return State.OFFLINE
    return State.PAUSED if is_paused else _BOX_STATES.get(status)


def outlet_state(of_box: State | None, status: str, *, is_charging: bool, is_kept: bool) -> State:
    """The one word of an outlet. What is Available may be taken all the same; of what was never told nobody should count on it."""
    if of_box is not None:
        return of_box
    if status == "Available" and (is_charging or is_kept):
        return State.BUSY if is_charging else State.BOOKED
    return _OUTLET_STATES.get(status, State.BUSY)


def best_state(of_box: State | None, states: Collection[State]) -> State:
    """The best that the outlets of a box offer, in the order of `State`."""
    return of_box or next((state for state in State if state in states), State.OFFLINE)


_BOX_STATES = {"Faulted": State.FAULT, "Unavailable": State.OFFLINE}
_OUTLET_STATES = {
    "": State.OFFLINE,
    "Available": State.FREE,
    "Reserved": State.BOOKED,
    "Unavailable": State.OFFLINE,
    "Faulted": State.FAULT,
}


class ChargePoint(models.Model):
    """A box with connectors. `code` is its public name; `identity` is its OCPP name, which only the owner sees."""

    class Access(models.TextChoices):
        PUBLIC = "public", _("anyone")
        MEMBERS = "members", _("anyone with an account")
        PRIVATE = "private", _("me and whom I invited")

    class SecurityProfile(models.IntegerChoices):
        NONE = 0, _("no password")
        BASIC = 1, _("password")
        TLS = 2, _("password and TLS")
        CERTIFICATE = 3, _("client certificate and TLS")

    code = models.CharField(max_length=20, unique=True, default=new_code, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="charge_points")
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    address = models.CharField(_("address"), max_length=200, blank=True)
    latitude = models.DecimalField(_("latitude"), max_digits=9, decimal_places=6)
    longitude = models.DecimalField(_("longitude"), max_digits=9, decimal_places=6)
    public_latitude = models.DecimalField(max_digits=9, decimal_places=6, editable=False, help_text=_("Moved by 150 to 300 m."))
    public_longitude = models.DecimalField(max_digits=9, decimal_places=6, editable=False)
    search_text = models.CharField(max_length=320, blank=True, editable=False, help_text=_("Name and town, without accents, lower case."))
    time_zone = models.CharField(max_length=40, default="Europe/Prague")
    access = models.CharField(_("who may charge"), max_length=10, choices=Access, default=Access.PUBLIC)
    is_published = models.BooleanField(_("on the map"), default=False)
    is_paused = models.BooleanField(_("paused"), default=False, help_text=_("Nobody but the owner can start."))
    is_closed = models.BooleanField(
        _("closed"), default=False, editable=False, help_text=_("By its opening hours, looked at every few seconds.")
    )
    make = models.CharField(_("make"), max_length=50, blank=True, help_text=_("What the owner says; the box says vendor."))

    identity = models.CharField(_("identity"), max_length=48)
    identity_key = models.CharField(max_length=48, null=True, unique=True, editable=False, help_text=_("Case-folded; empty once retired."))
    security_profile = models.PositiveSmallIntegerField(choices=SecurityProfile, default=SecurityProfile.BASIC)
    next_security_profile = models.PositiveSmallIntegerField(
        choices=SecurityProfile, null=True, editable=False, help_text=_("Asked for; the lower one is valid beside it until it was used.")
    )
    password_digest = models.CharField(max_length=150, blank=True, editable=False)
    next_password_digest = models.CharField(max_length=150, blank=True, editable=False, help_text=_("Valid beside the old one until used."))
    password_is_made_up = models.BooleanField(default=True, editable=False)
    path_secret = models.CharField(max_length=64, blank=True, editable=False)
    auto_configure = models.BooleanField(_("set up by us"), default=True)
    starts_without_card = models.BooleanField(_("starts without a card"), default=False, help_text=_("Such a session is the owner's own."))
    configured_firmware = models.CharField(max_length=100, blank=True, editable=False, help_text=_("The firmware we configured last."))

    vendor = models.CharField(max_length=100, blank=True)
    model = models.CharField(max_length=100, blank=True)
    firmware = models.CharField(max_length=100, blank=True)
    serial_number = models.CharField(max_length=100, blank=True)
    box_serial_number = models.CharField(max_length=100, blank=True)
    meter_type = models.CharField(max_length=100, blank=True)
    meter_serial_number = models.CharField(max_length=100, blank=True)
    iccid = models.CharField(max_length=50, blank=True)
    imsi = models.CharField(max_length=50, blank=True)
    booted_at = models.DateTimeField(null=True, blank=True, help_text=_("The last BootNotification."))

    connection = models.UUIDField(null=True, editable=False, help_text=_("The open socket; empty when there is none."))
    connected_at = models.DateTimeField(null=True, editable=False)
    last_seen_at = models.DateTimeField(null=True, editable=False)
    status = models.CharField(max_length=30, blank=True, help_text=_("Of the box itself (connector 0), as OCPP spells it."))
    error_code = models.CharField(max_length=50, blank=True)
    status_at = models.DateTimeField(null=True)
    clock_skew_s = models.IntegerField(null=True, editable=False, help_text=_("Our clock less the charger's, once it has proved steady."))
    clock_lag_s = models.IntegerField(null=True, editable=False, help_text=_("The same as its last words show it."))
    clock_lag_since = models.DateTimeField(null=True, editable=False, help_text=_("Since when they have shown the same."))

    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["ChargePoint"]] = ChargePointQuerySet.as_manager()

    class Meta:
        verbose_name = _("charge point")
        verbose_name_plural = _("charge points")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="charge_point_of_owner"),
            models.Index(
                fields=["public_latitude", "public_longitude"],
                condition=Q(is_published=True, retired_at=None),
                name="charge_point_on_map",
            ),
            models.Index(fields=["last_seen_at"], condition=Q(connection__isnull=False), name="charge_point_connected"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The public page."""
        return reverse("stations:charge_point_detail", args=[self.code])

    @property
    def is_online(self) -> bool:
        """An authenticated socket whose last sign of life is young enough."""
        return (
            self.connection is not None
            and self.last_seen_at is not None
            and self.last_seen_at > timezone.now() - timedelta(seconds=settings.OFFLINE_AFTER_S)
        )

    @property
    def own_state(self) -> State | None:
        """What holds for the whole box whatever its connectors say; None when they decide."""
        return box_state(self.status, is_online=self.is_online, is_paused=self.is_paused or self.is_closed)

    @property
    def state(self) -> State:
        """The best its connectors offer, in the order of `State`."""
        return best_state(self.own_state, {connector.state for connector in self.connectors.all()})

    @property
    def is_retired(self) -> bool:
        """Whether its owner took it out of service for good."""
        return self.retired_at is not None


class ConnectorManager(models.Manager["Connector"]):
    """Outlets that know whether somebody charges there: a list of them costs no query more for it."""

    def get_queryset(self) -> models.QuerySet["Connector"]:
        """With `has_session`, which `Connector.state` reads."""
        sessions = apps.get_model("stations", "ChargingSession")._base_manager  # noqa: SLF001 - its module imports this one
        active = sessions.filter(connector=models.OuterRef("pk"), status="ACTIVE")
        return super().get_queryset().annotate(has_session=models.Exists(active))


class Connector(models.Model):
    """One outlet of a charge point; made by the charger's first word about it."""

    class Type(models.TextChoices):
        TYPE_1 = "TYPE_1", "Type 1"
        TYPE_2 = "TYPE_2", "Type 2"
        CCS = "CCS", "CCS"
        CHADEMO = "CHADEMO", "CHAdeMO"
        NACS = "NACS", "NACS"
        SCHUKO = "SCHUKO", "Schuko"

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.PROTECT, related_name="connectors")
    number = models.PositiveIntegerField()
    type = models.CharField(_("type"), max_length=10, choices=Type, blank=True)
    max_power_w = models.PositiveIntegerField(_("power"), null=True, blank=True)
    tariff = models.ForeignKey(Tariff, verbose_name=_("tariff"), null=True, blank=True, on_delete=models.PROTECT, related_name="connectors")
    status = models.CharField(max_length=30, blank=True, help_text=_("As OCPP spells it."))
    error_code = models.CharField(max_length=50, blank=True)
    vendor_error_code = models.CharField(max_length=50, blank=True)
    info = models.CharField(max_length=100, blank=True)
    status_at = models.DateTimeField(null=True, help_text=_("When the charger said so, by our clock."))
    status_received_at = models.DateTimeField(null=True)
    kept_until = models.DateTimeField(null=True, help_text=_("For a booking, whether or not the charger can say so."))

    objects: ClassVar[models.Manager["Connector"]] = ConnectorManager()

    class Meta:
        verbose_name = _("connector")
        verbose_name_plural = _("connectors")
        ordering = ["charge_point", "number"]
        constraints = [
            models.UniqueConstraint(fields=["charge_point", "number"], name="one_connector_per_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="connector_is_an_outlet"),
        ]

    def __str__(self) -> str:
        return f"{self.charge_point} · {self.number}"

    @property
    def is_charging(self) -> bool:
        """Whether a session is open here, whatever the charger says: some are Available while a car is plugged in."""
        known = self.__dict__.get("has_session")
        return bool(known) if known is not None else self.sessions.filter(status="ACTIVE").exists()

    @property
    def is_kept(self) -> bool:
        """Whether it is kept for a booking now: many chargers cannot say so themselves."""
        return self.kept_until is not None and self.kept_until > timezone.now()

    @property
    def state(self) -> State:
        """What a driver must know; the charger's own word is `status`. Never told: not to be counted on."""
        is_available = self.status == "Available"  # else it does not matter who charges, and nobody is asked
        return outlet_state(self.charge_point.own_state, self.status, is_charging=is_available and self.is_charging, is_kept=self.is_kept)

    @property
    def is_ready_to_publish(self) -> bool:
        """Whether a stranger could know what she gets and for how much."""
        return bool(self.type and self.max_power_w and self.tariff_id)


class Invitation(models.Model):
    """A person whom the owner of a private charge point lets charge there."""

    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="invitations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [models.UniqueConstraint(fields=["charge_point", "user"], name="invited_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.charge_point}"
