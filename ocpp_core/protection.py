"""Security profiles: how a charger proves who it is, raised over the air or by hand, and never lowered by the charger.

A higher profile that was asked for is valid beside the old one until the charger has come in by it: a box that cannot reach
us the new way falls back to the old one, as the standard has it. From then on the old one is refused.
"""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chargeshare.errors import DomainError, Invalid
from ocpp_core import authority, certificates
from stations import charge_points, commands, live
from stations.models import ChargePoint

Profile = ChargePoint.SecurityProfile
KEY = "SecurityProfile"


class NoCertificate(DomainError):
    """What a charger would prove itself with is not there yet."""

    code = "no_certificate"
    message = _("The charger has no certificate of ours yet. Ask it for one first.")


class NoTls(DomainError):
    """A charger that insisted on TLS would not reach us any more."""

    code = "no_tls"
    message = _("This site is not reached over TLS, so a charger cannot insist on it.")


@transaction.atomic
def ask(charge_point: ChargePoint, profile: int, *, asked_by: User | None = None) -> str | None:
    """Ask a charger to prove itself better from now on. Gives a password, shown this once, where it had none.

    One that is offline, or does not know how, can be set by hand: the profile rises when it comes in the better way.
    """
    _must_rise(charge_point, profile)
    if profile >= Profile.TLS and not has_tls(charge_point):
        raise NoTls
    if profile == Profile.CERTIFICATE and _we_sign() and not certificates.has_usable(charge_point):
        raise NoCertificate
    password = None
    if charge_point.security_profile == Profile.NONE and profile != Profile.CERTIFICATE:
        password = charge_points.give_password(charge_point)
        _change(charge_point, "AuthorizationKey", password.encode().hex(), asked_by)  # as the standard writes it; the same at the door
    await_rise(charge_point, profile)
    _change(charge_point, KEY, str(profile), asked_by)
    return password


def await_rise(charge_point: ChargePoint, profile: int) -> None:
    """Let the charger in by a higher profile as well, and only by it once it has."""
    charge_point.next_security_profile = profile
    charge_point.save(update_fields=["next_security_profile"])
    live.charge_point_changed(charge_point, "security")


def forget_rise(charge_point: ChargePoint) -> None:
    """Leave the profile as it is."""
    charge_point.next_security_profile = None
    charge_point.save(update_fields=["next_security_profile"])
    live.charge_point_changed(charge_point, "security")


def risen(charge_point: ChargePoint) -> None:
    """Note that the charger came in by the higher profile: the old one is over, and with it a secret in the address."""
    profile = charge_point.next_security_profile
    if profile is None:
        return
    changes: dict[str, Any] = {"security_profile": profile, "next_security_profile": None, "path_secret": ""}
    if ChargePoint.objects.filter(pk=charge_point.pk, next_security_profile=profile).update(**changes):
        for name, value in changes.items():
            setattr(charge_point, name, value)
        live.charge_point_changed(charge_point, "security")


@transaction.atomic
def lower(charge_point: ChargePoint, profile: int) -> str | None:
    """Let the charger in by a lower profile: only its owner, here, and for a box that lost what it proved itself with.

    Nothing is sent to the charger, and no password at all is nothing one can go back to. Gives a password where it had none.
    """
    if profile not in (Profile.BASIC, Profile.TLS) or profile >= charge_point.security_profile:
        raise Invalid(_("The profile can only be lowered to one with a password."), code="no_such_profile")
    changes: dict[str, Any] = {"security_profile": profile, "next_security_profile": None}
    ChargePoint.objects.filter(pk=charge_point.pk).update(**changes)
    for name, value in changes.items():
        setattr(charge_point, name, value)
    live.charge_point_changed(charge_point, "security")
    return None if charge_point.password_digest else charge_points.give_password(charge_point)


def answered(charge_point_id: int, value: str) -> None:
    """A charger let its profile be set, by whomever: a higher one is awaited, a lower one changes nothing here."""
    if value not in {str(profile.value) for profile in Profile}:
        return
    charge_point = ChargePoint.objects.get(pk=charge_point_id)
    if int(value) > max(charge_point.security_profile, charge_point.next_security_profile or 0):
        await_rise(charge_point, int(value))


def has_tls(charge_point: ChargePoint) -> bool:
    """Whether the address we give out for this charger is one with TLS."""
    return charge_points.ocpp_url(charge_point).startswith("wss:")


def _must_rise(charge_point: ChargePoint, profile: int) -> None:
    if profile not in Profile.values or profile <= charge_point.security_profile:
        message = str(_("A security profile can only be raised: to 1, 2 or 3."))
        raise Invalid(message, fields={"security_profile": [message]}, code="no_such_profile")


def _we_sign() -> bool:
    try:
        return authority.current() is not None
    except authority.Misconfigured:
        return True


def _change(charge_point: ChargePoint, key: str, value: str, asked_by: User | None) -> None:
    commands.ask(charge_point, "ChangeConfiguration", {"key": key, "value": value}, asked_by=asked_by)
