"""How a charger proves who it is, its certificates, and what it reports of its security."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts.pages import explained
from accounts.paging import Paginator
from chargeshare.errors import DomainError, NotFound
from ocpp_core import authority, certificates, installed_certificates, pem, protection, security_events
from ocpp_core.models import Certificate, InstalledCertificate, SecurityEvent
from stations import commands
from stations.api.permissions import own_charge_point
from stations.models import ChargePoint
from stations.views.owner import person
from stations.views.owner_charge_point import show_once

EVENTS_ON_A_PAGE = 25
CERTIFICATES_SHOWN = 10
Profile = ChargePoint.SecurityProfile

WORDS: dict[int, tuple[str | Promise, str | Promise]] = {
    Profile.NONE: (
        gettext_lazy("No password"),
        gettext_lazy("A secret in its address stands in for one. Whoever hears the address can pretend to be your charger."),
    ),
    Profile.BASIC: (
        gettext_lazy("Password"),
        gettext_lazy("Whoever listens on the way can read it, unless the address begins with wss://."),
    ),
    Profile.TLS: (
        gettext_lazy("Password and encryption"),
        gettext_lazy("Nobody on the way can read the password. Without encryption the charger is refused."),
    ),
    Profile.CERTIFICATE: (
        gettext_lazy("Certificate and encryption"),
        gettext_lazy("The charger has a key of its own that never leaves it. There is no password anybody could steal."),
    ),
}
USES = {
    installed_certificates.CENTRAL_SYSTEM: gettext_lazy("to recognise this server"),
    installed_certificates.MANUFACTURER: gettext_lazy("to recognise its maker's firmware"),
}


class NoRoot(DomainError):
    """There is nothing to install."""

    code = "no_root"
    message = gettext_lazy("This site names no root certificate of its own.")


class NotConnected(DomainError):
    """Nobody would hear the question."""

    code = "charger_offline"
    message = gettext_lazy("The charger is not connected. Ask again when it is.")


@dataclass(frozen=True)
class Step:
    """One security profile as a row of the page."""

    profile: int
    title: str | Promise
    text: str | Promise
    is_current: bool
    is_awaited: bool
    may_rise: bool
    may_fall: bool
    hindrance: str | Promise = ""


@login_required
@explained
@require_GET
def security(request: HttpRequest, code: str) -> HttpResponse:
    """How it proves who it is and how to raise that, its certificates, and what happened."""
    charge_point = own_charge_point(request, code)
    events = Paginator(SecurityEvent.objects.filter(charge_point=charge_point), EVENTS_ON_A_PAGE).get_page(request.GET.get("page"))
    ours = list(Certificate.objects.filter(charge_point=charge_point)[:CERTIFICATES_SHOWN])
    installed = InstalledCertificate.objects.filter(charge_point=charge_point)
    has_authority, has_root = _is_there(authority.current), _is_there(authority.server_root)
    context = {
        "charge_point": charge_point,
        "tab": "security",
        "steps": _steps(charge_point, has_authority=has_authority),
        "awaited": charge_point.next_security_profile,
        "without_password": charge_point.security_profile == Profile.NONE,
        "has_password": charge_point.security_profile in (Profile.BASIC, Profile.TLS),
        "page": events,
        "events": [(event, security_events.meaning(event.type)) for event in events],
        "certificates": ours,
        "expiring": next((one for one in ours if one.expires_soon), None),
        "installed": [(one, USES.get(one.use, one.use)) for one in installed],
        "has_authority": has_authority,
        "has_root": has_root,
    }
    return render(request, "ocpp_core/security.html", context)


@login_required
@explained
@require_POST
def security_ask(request: HttpRequest, code: str) -> HttpResponse:
    """One of the buttons. What it asks of the charger is answered when the charger answers; the page shows it then."""
    charge_point = own_charge_point(request, code)
    deed = DEEDS.get(request.POST.get("deed", ""))
    if deed is None:
        raise NotFound
    if deed in QUESTIONS and not charge_point.is_online:
        raise NotConnected
    password = deed(request, charge_point)
    if password is not None:
        show_once(request, charge_point, password)
        return redirect("ocpp_core:connection", code)
    return redirect("ocpp_core:security", code)


def _raise(request: HttpRequest, charge_point: ChargePoint) -> str | None:
    password = protection.ask(charge_point, _number(request, "profile"), asked_by=person(request))
    messages.success(request, _("We asked the charger. The profile rises as soon as it connects the better way."))
    return password


def _forget(request: HttpRequest, charge_point: ChargePoint) -> None:
    protection.forget_rise(charge_point)


def _lower(request: HttpRequest, charge_point: ChargePoint) -> str | None:
    password = protection.lower(charge_point, _number(request, "profile"))
    messages.success(request, _("The charger may come in by its password again."))
    return password


def _renew(request: HttpRequest, charge_point: ChargePoint) -> None:
    certificates.ask_for_request(charge_point, asked_by=person(request))
    messages.success(request, _("We asked the charger to ask for a new certificate."))


def _list(request: HttpRequest, charge_point: ChargePoint) -> None:
    for use in installed_certificates.USES:
        commands.ask(charge_point, "GetInstalledCertificateIds", {"certificateType": use}, asked_by=person(request))


def _install(request: HttpRequest, charge_point: ChargePoint) -> None:
    try:
        root = authority.server_root()
    except authority.Misconfigured as fault:
        raise NoRoot from fault
    if root is None:
        raise NoRoot
    payload = {"certificateType": installed_certificates.CENTRAL_SYSTEM, "certificate": pem.written(root)}
    commands.ask(charge_point, "InstallCertificate", payload, asked_by=person(request))


def _delete(request: HttpRequest, charge_point: ChargePoint) -> None:
    one = get_object_or_404(InstalledCertificate, charge_point=charge_point, pk=_number(request, "certificate"))
    payload = {"certificateHashData": installed_certificates.hash_data(one)}
    commands.ask(charge_point, "DeleteCertificate", payload, asked_by=person(request))


def _revoke(request: HttpRequest, charge_point: ChargePoint) -> None:
    one = get_object_or_404(
        Certificate.objects.select_related("charge_point"), charge_point=charge_point, pk=_number(request, "certificate")
    )
    certificates.revoke(one)
    messages.success(request, _("The certificate is withdrawn. Nobody connects with it any more."))


DEEDS: dict[str, Callable[[HttpRequest, ChargePoint], str | None]] = {
    "raise": _raise,
    "forget": _forget,
    "lower": _lower,
    "renew": _renew,
    "list": _list,
    "install": _install,
    "delete": _delete,
    "revoke": _revoke,
}
QUESTIONS = (_renew, _list, _install, _delete)  # a profile may rise later, and we withdraw by ourselves


def _steps(charge_point: ChargePoint, *, has_authority: bool) -> list[Step]:
    current = charge_point.security_profile
    return [
        Step(
            profile,
            *WORDS[profile],
            is_current=profile == current,
            is_awaited=profile == charge_point.next_security_profile,
            may_rise=profile > current and profile != charge_point.next_security_profile,
            may_fall=Profile.NONE < profile < current,
            hindrance=_hindrance(charge_point, profile, has_authority=has_authority) if profile > current else "",
        )
        for profile in Profile
        if profile or not current
    ]


def _hindrance(charge_point: ChargePoint, profile: int, *, has_authority: bool) -> str | Promise:
    """Why a profile cannot be asked for yet."""
    if profile >= Profile.TLS and not protection.has_tls(charge_point):
        return protection.NoTls.message
    if profile == Profile.CERTIFICATE and not has_authority:
        return certificates.NoAuthority.message
    if profile == Profile.CERTIFICATE and not certificates.has_usable(charge_point):
        return protection.NoCertificate.message
    return ""


def _is_there(read: Callable[[], object]) -> bool:
    try:
        return read() is not None
    except authority.Misconfigured:
        return False


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else -1
