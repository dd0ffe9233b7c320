"""Connecting a charger: what to type into the box, and what comes of it."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.pages import explained
from ocpp_core.models import ConnectionAttempt
from stations import charge_points, makes
from stations.api.permissions import own_charge_point
from stations.models import ChargePoint, PasswordRotation

ATTEMPTS_SHOWN = 8
Profile = ChargePoint.SecurityProfile


@login_required
@explained
@require_GET
@never_cache
def connection(request: HttpRequest, code: str) -> HttpResponse:
    """What to type into the box, and what comes of it while one watches. The password stands here once."""
    charge_point = own_charge_point(request, code)
    password = _password_once(request, code)
    attempts = list(ConnectionAttempt.objects.filter(charge_point=charge_point)[:ATTEMPTS_SHOWN])
    address = charge_points.ocpp_url(charge_point)
    context = {
        "charge_point": charge_point,
        "tab": "connection",
        "password": password,
        "ocpp_url": address,
        "ocpp_base": address.removesuffix(address.rsplit("/", 1)[1]),
        "rotation": PasswordRotation.objects.filter(charge_point=charge_point).first(),
        "has_password": password is not None or charge_point.security_profile in (Profile.BASIC, Profile.TLS),
        "has_certificate": charge_point.security_profile == Profile.CERTIFICATE,
        "make": makes.find(charge_point.make),
        "attempts": attempts[::-1],
        "last": attempts[0] if attempts else None,
        "was_connected": charge_point.connected_at is not None,
        "step": 4,
        "steps": 6,
        "is_new": charge_point.booted_at is None or not charge_point.is_published,
        "next_connector": charge_point.connectors.all().first(),
        "offline_after_s": settings.OFFLINE_AFTER_S,
    }
    return render(request, "ocpp_core/connection.html", context)


def _password_once(request: HttpRequest, code: str) -> str | None:
    """The password that was made a moment ago. The page's own second looks must not take it from the eyes it is meant for."""
    made = request.session.get("charger_password", {})
    if made.get("code") != code or request.headers.get("X-Look"):
        return None
    del request.session["charger_password"]
    password: str = made["password"]
    return password
