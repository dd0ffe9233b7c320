"""What no floor owns: probes for machines, and what makes the site an app on a phone, with and without a network."""

import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from accounts import offline
from accounts.adapter import known_language
from accounts.addresses import client_address
from accounts.models import User
from billing.models import ChargeDetailRecord
from chargeshare import __version__
from chargeshare.metrics import told
from chargeshare.metrics.reachability import PARTS, PATIENCE_S
from stations.models import ChargingSession, Reservation

Session = ChargingSession.Status
POCKET_BOOKINGS = 10
POCKET_RECEIPTS = 5
POCKET_VISITS = 5

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
    shortcuts = (
        (_("Map"), "map", "stations:map"),
        (_("Bookings"), "bookings", "stations:reservation_list"),
        (_("Wallet"), "wallet", "billing:wallet"),
    )
    return JsonResponse(
        {
            "id": "/",
            "name": "ChargeShare",
            "short_name": "ChargeShare",
            "description": _("Share the charger at home."),
            "lang": get_language(),
            "dir": "ltr",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#F6F8F3",
            "theme_color": "#0B6B4F",
            "categories": ["navigation", "travel", "utilities"],
            "icons": [
                {"src": static("img/icon-192.png"), "type": "image/png", "sizes": "192x192", "purpose": "any"},
                {"src": static("img/icon-512.png"), "type": "image/png", "sizes": "512x512", "purpose": "any"},
                {"src": static("img/icon-maskable-192.png"), "type": "image/png", "sizes": "192x192", "purpose": "maskable"},
                {"src": static("img/icon-maskable-512.png"), "type": "image/png", "sizes": "512x512", "purpose": "maskable"},
                {"src": static("img/favicon.svg"), "type": "image/svg+xml", "sizes": "any", "purpose": "any"},
            ],
            "shortcuts": [
                {
                    "name": name,
                    "url": reverse(page),
                    "icons": [{"src": static(f"img/shortcut-{icon}.png"), "type": "image/png", "sizes": "96x96"}],
                }
                for name, icon, page in shortcuts
            ],
            "share_target": {
                "action": reverse("stations:share"),
                "method": "GET",
                "params": {"title": "title", "text": "text", "url": "url"},
            },
        },
        content_type="application/manifest+json",
    )


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Keeps the site on the device; served from the root, for a worker rules only what lies below it."""
    said = {
        "version": "-".join(filter(None, (__version__, getattr(staticfiles_storage, "manifest_hash", "")))),
        "static": f"/{settings.STATIC_URL.strip('/')}/",
        "keep": offline.KEEP,
        "owner": offline.OWNER,
        "edition": offline.EDITION,
        "nobody": offline.NOBODY,
        "moving": offline.MOVING,
        "patienceMs": int(settings.PAGE_PATIENCE_S * 1000),
        "languages": [code for code, _name in settings.LANGUAGES],
        "offline": reverse("offline"),
        "pages": reverse("offline_pages"),
    }
    response = render(request, "chargeshare/sw.js", {"said": json.dumps(said)}, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


@require_safe
@never_cache
def offline_page(request: HttpRequest) -> HttpResponse:
    """What a phone shows where it has neither network nor a copy; with `sent`, where nobody knows whether a deed arrived."""
    with override(known_language(request.GET.get("lang", get_language()))):
        return render(request, "chargeshare/offline.html", {"was_sent": "sent" in request.GET})


@require_safe
@never_cache
def offline_pages(request: HttpRequest) -> HttpResponse:
    """What a phone should have in its pocket before the network goes. Whether each may be kept, and how long, its own answer says."""
    user, pages = request.user, []
    if isinstance(user, User):
        pages.append(reverse("stations:map"))
        receipts = ChargeDetailRecord.objects.filter(driver=user).order_by("-pk")[:POCKET_RECEIPTS]
        bookings = Reservation.objects.filter(driver=user, status__in=Reservation.OPEN).order_by("begins_at")[:POCKET_BOOKINGS]
        if not user.is_guest:
            pages += [reverse("stations:reservation_list"), reverse("stations:session_list")]
            pages += [booking.get_absolute_url() for booking in bookings]
        visits = (
            ChargingSession.objects.filter(driver=user)
            .exclude(status__in=[Session.PENDING, Session.ACTIVE])
            .order_by("-pk")[:POCKET_VISITS]
        )
        pages += [one.get_absolute_url() for one in (*visits, *receipts)]
    return JsonResponse({"pages": pages}, headers={offline.OWNER: offline.owner(user)})


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Where browsers look for an icon of pages that name none: the administration, JSON, a PDF."""
    return redirect(static("img/favicon.svg"))
