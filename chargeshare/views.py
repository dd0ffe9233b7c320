"""What no floor owns: probes for machines, and what makes the site an app on a phone."""

import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from accounts.addresses import client_address
from chargeshare import __version__
from chargeshare.metrics import told
from chargeshare.metrics.reachability import PARTS, PATIENCE_S

_probes = ThreadPoolExecutor(max_workers=4, thread_name_prefix="probe")


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is alive; it says nothing about what it needs."""
    return JsonResponse({"status": "ok", "version": __version__})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether pages and chargers can be served: the parts that do not answer in time are named."""
    asked = {part: _probes.submit(ask) for part, ask in PARTS.items()}
    failing = {}
    for part, answer in asked.items():
        try:
            answer.result(timeout=PATIENCE_S)
        except TimeoutError:
            failing[part] = "no answer in time"
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the part is not there
            failing[part] = type(error).__name__  # the text may hold an address or a password
    if failing:
        return JsonResponse({"status": "unavailable", "failing": failing}, status=503)
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """What Prometheus reads. To anyone who may not, there is nothing here."""
    if not (_is_near(request) or _bears_the_token(request)):
        raise Http404
    export: Callable[[HttpRequest], HttpResponse] = ExportToDjangoView
    response = export(request)
    response.write(told())
    return response


def _is_near(request: HttpRequest) -> bool:
    """From this machine or a private network, seen through the proxies we trust."""
    try:
        address = ip_address(client_address(request))
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_private


def _bears_the_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """What a phone needs to put the site among its apps."""
    return JsonResponse(
        {
            "name": "ChargeShare",
            "short_name": "ChargeShare",
            "description": _("Share the charger at home."),
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#F6F8F3",
            "theme_color": "#0B6B4F",
            "icons": [{"src": static("img/favicon.svg"), "type": "image/svg+xml", "sizes": "any", "purpose": "any"}],
        },
        content_type="application/manifest+json",
    )


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Keeps the look of the site on the device; served from the root, for a worker rules only what lies below it."""
    return render(request, "chargeshare/sw.js", {"version": __version__}, content_type="text/javascript; charset=utf-8")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers look for an icon of pages that name none: the administration, JSON, a PDF."""
    return redirect(static("img/favicon.svg"))
