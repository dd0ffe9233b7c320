"""Charge points of owners: register, edit, publish, retire."""

import re
import secrets
import string
from collections.abc import Collection
from typing import Any, TypedDict, Unpack
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from billing import ledger
from billing.models import Tariff
from chargeshare import bus
from chargeshare.errors import DomainError, Invalid
from stations import areas, live, map_cells, passwords, places
from stations.models import ChargePoint, Connector, Invitation, PasswordRotation

LIMIT_PER_ACCOUNT = 500
_IDENTITY = re.compile(r"[A-Za-z0-9\-_.:]{1,48}")
_IDENTITY_LETTERS = string.ascii_uppercase + string.digits


class IdentityTaken(DomainError):
    """Another charger has this name; letter case makes no difference."""

    code = "identity_taken"
    message = _("Another charger is registered under this identity.")


class TooManyChargePoints(DomainError):
    """An account with as many chargers as a car park has enough."""

    code = "too_many_charge_points"
    message = _("An account can hold at most 500 chargers.")


class NotReadyToPublish(DomainError):
    """A stranger would not know what she gets, or nothing would answer her."""

    code = "not_ready_to_publish"
    message = _("The charger must have connected once, and one connector needs a type, power and tariff.")


class Place(TypedDict, total=False):
    """What an owner may say of her charge point."""

    name: str
    description: str
    address: str
    latitude: Any
    longitude: Any
    access: str
    make: str
    time_zone: str
    auto_configure: bool
    starts_without_card: bool
    is_paused: bool


class Outlet(TypedDict, total=False):
    """What an owner may say of a connector."""

    type: str
    max_power_w: int | None
    tariff: Tariff | None


def register(
    *, owner: User, identity: str | None = None, password: str | None = None, **place: Unpack[Place]
) -> tuple[ChargePoint, str | None]:
    """A new charge point and its password, which is shown this once; None where there is none.

    Without a password one is made up; an empty one means that the box cannot send any, and a long secret in its
    address stands in for it.
    """
    charge_point = ChargePoint(owner=owner)
    _apply(charge_point, {"access": ChargePoint.Access.PUBLIC, "address": "", **place}, required=True)
    charge_point.identity = _checked_identity(identity)
    charge_point.identity_key = charge_point.identity.casefold()
    if password == "":
        charge_point.security_profile = ChargePoint.SecurityProfile.NONE
        charge_point.path_secret = secrets.token_hex(20)
    else:
        if password is None:
            password = passwords.made_up()
        else:
            charge_point.password_is_made_up = False
            passwords.check(password)
        secure = settings.SECURE_SSL
        charge_point.security_profile = ChargePoint.SecurityProfile.TLS if secure else ChargePoint.SecurityProfile.BASIC
        charge_point.password_digest = passwords.digest(password.encode())
    with transaction.atomic():
        User.objects.select_for_update().get(pk=owner.pk)
        if ChargePoint.objects.filter(owner=owner, retired_at=None).count() >= LIMIT_PER_ACCOUNT:
            raise TooManyChargePoints
        try:
            with transaction.atomic():
                charge_point.save(force_insert=True)
        except IntegrityError as error:
            if ChargePoint.objects.filter(identity_key=charge_point.identity_key).exists():
                raise IdentityTaken(fields={"identity": [str(IdentityTaken.message)]}) from error
            raise
        # Her first guests may leave at the same moment: who must make her account then holds the platform's already, and out of order.
        ledger.account(owner, ledger.Kind.EARNINGS_PENDING)
    return charge_point, password or None


def find_by_identity(identity: str) -> ChargePoint | None:
    """The charge point that connects under this name, whatever the case; retired ones are gone.

    What can be nobody's name is not asked about: there are bytes in it that a database refuses to hear.
    """
    if not _IDENTITY.fullmatch(identity):
        return None
    return ChargePoint.objects.select_related("owner").filter(identity_key=identity.casefold(), retired_at=None).first()


def named(identities: Collection[str]) -> QuerySet[ChargePoint]:
    """The same for many names at once."""
    keys = {identity.casefold() for identity in identities if _IDENTITY.fullmatch(identity)}
    return ChargePoint.objects.filter(identity_key__in=keys, retired_at=None)


def ocpp_url(charge_point: ChargePoint) -> str:
    """What to type into the box; it always ends with the identity."""
    public = urlsplit(settings.PUBLIC_URL)
    scheme = "wss" if settings.SECURE_SSL or public.scheme == "https" else "ws"
    secret = f"{charge_point.path_secret}/" if charge_point.path_secret else ""
    return f"{scheme}://{public.netloc}{public.path}/ocpp/{secret}{quote(charge_point.identity, safe='-_.:')}"


def edit(charge_point: ChargePoint, **place: Unpack[Place]) -> ChargePoint:
    """Change what the owner says of it; moving it moves its public place by the same way."""
    stood = charge_point.access, charge_point.latitude, charge_point.longitude
    changed = _apply(charge_point, place)
    with map_cells.recounted(charge_point):
        charge_point.save(update_fields=changed)
        if charge_point.is_published and stood != (charge_point.access, charge_point.latitude, charge_point.longitude):
            areas.arrive(charge_point)
    live.charge_point_changed(charge_point, "details")
    return charge_point


def edit_connector(connector: Connector, **outlet: Unpack[Outlet]) -> Connector:
    """Say what kind of outlet it is and what it costs. Sessions under way keep the prices they began with."""
    tariff = outlet.get("tariff")
    if tariff is not None and (tariff.owner_id != connector.charge_point.owner_id or tariff.deleted_at is not None):
        raise Invalid(fields={"tariff": [str(_("This is none of your tariffs."))]})
    if outlet.get("type") and outlet["type"] not in Connector.Type.values:
        raise Invalid(fields={"type": [str(_("There is no such connector."))]})
    for name, value in outlet.items():
        setattr(connector, name, value)
    with areas.reconsidered(connector.charge_point):
        connector.save(update_fields=list(outlet))
    live.charge_point_changed(connector.charge_point, "details")
    return connector


def publish(charge_point: ChargePoint) -> ChargePoint:
    """Put it on the map. It must have spoken once and have something to offer; everything else is only advice."""
    ready = any(connector.is_ready_to_publish for connector in charge_point.connectors.all())
    if charge_point.booted_at is None or not ready:
        raise NotReadyToPublish
    return _set_published(charge_point, published=True)


def unpublish(charge_point: ChargePoint) -> ChargePoint:
    """Take it off the map. Whoever charges may finish."""
    return _set_published(charge_point, published=False)


def retire(charge_point: ChargePoint) -> None:
    """Take it out of service for good: its name is free again, its history stays, a session under way finishes."""
    was_published = charge_point.is_published
    charge_point.retired_at = timezone.now()
    charge_point.identity_key = None
    charge_point.is_published = False
    charge_point.connection = None
    charge_point.password_digest = charge_point.next_password_digest = charge_point.path_secret = ""
    gone = ["retired_at", "identity_key", "is_published", "connection", "password_digest", "next_password_digest", "path_secret"]
    with map_cells.recounted(charge_point):
        charge_point.save(update_fields=gone)
    PasswordRotation.objects.filter(charge_point=charge_point).delete()
    bus.publish("chargers", "charger.dismissed", charge_point_id=charge_point.pk)
    live.charge_point_changed(charge_point, "connection")
    if was_published:
        bus.publish("map", "connector.changed", charge_point=charge_point.code)


def invite(charge_point: ChargePoint, email: str) -> Invitation:
    """Let somebody charge at a private charge point."""
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise Invalid(fields={"email": [str(_("Nobody with this e-mail has an account here."))]})
    with areas.reconsidered(charge_point):
        return Invitation.objects.get_or_create(charge_point=charge_point, user=user)[0]


def uninvite(charge_point: ChargePoint, user: User) -> None:
    """Take the invitation back. A session under way finishes."""
    Invitation.objects.filter(charge_point=charge_point, user=user).delete()


def password_matches(charge_point: ChargePoint, given: bytes) -> bool:
    """Whether these bytes open the door: the password or the next one, as text or hex-encoded."""
    return passwords.matches(charge_point.password_digest, given) | passwords.matches(charge_point.next_password_digest, given)


def used_password(charge_point: ChargePoint, given: bytes) -> None:
    """Note that the charger came in with these bytes: once it uses the next password, the old one is gone."""
    following = charge_point.next_password_digest
    if not passwords.matches(following, given):
        return
    changed = ChargePoint.objects.filter(pk=charge_point.pk, next_password_digest=following)
    if changed.update(password_digest=following, next_password_digest=""):
        charge_point.password_digest, charge_point.next_password_digest = following, ""
        PasswordRotation.objects.filter(charge_point=charge_point).delete()


def give_password(charge_point: ChargePoint) -> str:
    """A password for a charger that has none, shown this once."""
    password = passwords.made_up()
    charge_point.password_digest = passwords.digest(password.encode())
    charge_point.password_is_made_up = True
    charge_point.save(update_fields=["password_digest", "password_is_made_up"])
    return password


def rotate_password(charge_point: ChargePoint) -> str:
    """A new password, shown this once; the old one works until the charger has used the new one."""
    if charge_point.security_profile == ChargePoint.SecurityProfile.NONE:
        raise Invalid(_("This charger has no password; the secret is in its address."), code="no_password")
    password = passwords.made_up()
    charge_point.next_password_digest = passwords.digest(password.encode())
    charge_point.password_is_made_up = True
    charge_point.save(update_fields=["next_password_digest", "password_is_made_up"])
    return password


def expect_password(charge_point: ChargePoint, key: str) -> None:
    """This AuthorizationKey is being told to the charger. Whether or not we hear its answer, it must find the door open."""
    if charge_point.next_password_digest or not charge_point.password_digest:
        return
    digest = passwords.digest(key.encode())
    waiting = ChargePoint.objects.filter(pk=charge_point.pk, next_password_digest="", retired_at=None)
    if waiting.update(next_password_digest=digest, password_is_made_up=False):
        charge_point.next_password_digest, charge_point.password_is_made_up = digest, False


@transaction.atomic
def password_changed(charge_point: ChargePoint, key: str, *, after_reboot: bool = False) -> None:
    """The charger accepted this AuthorizationKey: it is the password from now on, or from its next reboot.

    A password that we made for it stays beside the old one until it was used, for there are boxes that accept and forget.
    """
    _read_passwords(charge_point)
    is_awaited = passwords.matches(charge_point.next_password_digest, key.encode())
    is_rotating = PasswordRotation.objects.filter(charge_point=charge_point).exists()
    if charge_point.is_retired or (is_rotating and is_awaited):
        return
    digest = passwords.digest(key.encode())
    if not after_reboot:
        charge_point.password_digest = digest
    if after_reboot or not is_rotating:
        charge_point.next_password_digest = digest if after_reboot else ""
        PasswordRotation.objects.filter(charge_point=charge_point).delete()
    charge_point.password_is_made_up = False
    charge_point.save(update_fields=["password_digest", "next_password_digest", "password_is_made_up"])


@transaction.atomic
def password_refused(charge_point: ChargePoint, key: str) -> None:
    """The charger did not take this AuthorizationKey: it opens nothing, unless it is one that its owner may still type in."""
    _read_passwords(charge_point)
    is_awaited = passwords.matches(charge_point.next_password_digest, key.encode())
    if is_awaited and not PasswordRotation.objects.filter(charge_point=charge_point).exists():
        charge_point.next_password_digest = ""
        charge_point.save(update_fields=["next_password_digest"])


def _read_passwords(charge_point: ChargePoint) -> None:
    """As they stand now, locked: a charger may come in with one of them at this moment."""
    names = ["password_digest", "next_password_digest", "retired_at"]
    charge_point.refresh_from_db(fields=names, from_queryset=ChargePoint.objects.select_for_update())


def _set_published(charge_point: ChargePoint, *, published: bool) -> ChargePoint:
    if charge_point.is_published != published:
        charge_point.is_published = published
        with map_cells.recounted(charge_point):
            charge_point.save(update_fields=["is_published"])
            if published:
                areas.arrive(charge_point)
        live.charge_point_changed(charge_point, "details")
        bus.publish("map", "connector.changed", charge_point=charge_point.code)
    return charge_point


def _checked_identity(identity: str | None) -> str:
    if identity is None:
        return "CS-" + "".join(secrets.choice(_IDENTITY_LETTERS) for _ in range(10))
    if not _IDENTITY.fullmatch(identity):
        message = _("An identity has 1 to 48 letters, digits and the characters - _ . :")
        raise Invalid(message, fields={"identity": [str(message)]})
    return identity


def _apply(charge_point: ChargePoint, place: Place, *, required: bool = False) -> list[str]:
    fields: dict[str, list[str]] = {}
    if required or "name" in place:
        charge_point.name = " ".join(place.get("name", "").split())[:100]
        if not charge_point.name:
            fields["name"] = [str(_("Give it a name."))]
    for name, limit in (("latitude", 90), ("longitude", 180)):
        if not required and name not in place:
            continue
        value = places.rounded(place.get(name))
        if value is None or abs(value) > limit:
            fields[name] = [str(_("Pick the place on the map."))]
        else:
            setattr(charge_point, name, value)
    if "access" in place and place["access"] not in ChargePoint.Access.values:
        fields["access"] = [str(_("Choose who may charge."))]
    if fields:
        raise Invalid(fields=fields)
    for name in ("description", "address", "make", "access", "time_zone", "auto_configure", "starts_without_card", "is_paused"):
        if name in place:
            setattr(charge_point, name, place[name])  # type: ignore[literal-required]
    charge_point.public_latitude, charge_point.public_longitude = places.moved(
        charge_point.code, charge_point.latitude, charge_point.longitude
    )
    charge_point.search_text = places.search_text(charge_point.name, charge_point.address)
    return [*place, "public_latitude", "public_longitude", "search_text"]
