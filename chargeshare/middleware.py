"""What every request passes through, beside what the libraries bring."""

import hashlib
from collections.abc import Callable
from datetime import UTC

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseNotFound
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import redirect
from django.urls import resolve
from django.utils import timezone

from accounts import addresses, counting, offline

NOTED_EVERY_S = 300
PERMISSIONS = "geolocation=(self), camera=(), microphone=(), payment=(), usb=(), serial=(), midi=(), display-capture=()"
PROBES = ("/healthz", "/readyz", "/metrics")


def probes_pass_by(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer machines that look after this one at once: they call by any host name, need no session and fill no log."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path_info not in PROBES:
            return get_response(request)
        try:
            response: HttpResponse = resolve(request.path_info).func(request)
        except Http404:
            response = HttpResponseNotFound()
        return response

    return answer


def no_nul_in_questions(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse a query that holds a NUL, which no text of ours does and PostgreSQL cannot be asked for. The API says so in its own words."""

    def answer(request: HttpRequest) -> HttpResponse:
        if "%00" in request.META["QUERY_STRING"] and not request.path_info.startswith("/api/"):
            return HttpResponseBadRequest("The address holds a character that is none.", content_type="text/plain")
        return get_response(request)

    return answer


def pages_use_little(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Tell browsers what of the device our pages use: the place, for the map, and nothing else."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        return response

    return answer


TEXTS = ("text/", "application/json", "application/javascript", "application/manifest+json", "image/svg+xml")


def texts_travel_compressed(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Press what is text, for a phone on a bad line. What is pressed already, pictures, type and parts of files go as they are."""
    press = GZipMiddleware(get_response)

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.status_code == 206 or not response.headers.get("Content-Type", "").startswith(TEXTS):
            return response
        press.process_response(request, response)  # which changes it where that pays
        return response

    return answer


def programs_read_utc(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer the API in UTC: its times end in Z, while pages speak the time of the place."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return get_response(request)
        with timezone.override(UTC):
            return get_response(request)

    return answer


def devices_are_remembered(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Note on which device somebody is logged in: when it is new, and every few minutes while it is used.

    The library's own middleware writes a row with each page, and on SQLite every page waits for the chargers' turn to write.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.session.session_key and _is_news(request):
            UserSession.objects.create_from_request(request)
        return get_response(request)

    return answer


def _is_news(request: HttpRequest) -> bool:
    seen = f"{request.session.session_key} {addresses.client_address(request)} {request.META.get('HTTP_USER_AGENT', '')}"
    return counting.add_one(f"device:{hashlib.sha256(seen.encode()).hexdigest()}", keep_s=NOTED_EVERY_S) == 1


def phones_know_whose_it_is(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Say with every page whom it was for, so that a phone throws away what it keeps as soon as that is somebody else.

    What is for one person is kept by nobody on the way to her.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if offline.KEEP in response.headers or response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers[offline.OWNER] = offline.owner(request.user)
            if request.user.is_authenticated:
                response.headers.setdefault("Cache-Control", "private")
        if offline.is_edition(request):
            response.headers["Cache-Control"] = "no-store"
        return response

    return answer


GUESTS_SEE = frozenset({"map", "charge_point_detail", "connector_qr", "sticker", "prepay", "prepaid_start", "dispute_open"})
GUESTS_SEE_OF_MONEY = frozenset(
    {"receipt", "receipt_pdf", "receipt_verify", "demo_gateway", "dispute", "dispute_reply", "dispute_withdraw"}
)


def guests_see_their_visit(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Keep an account that lives as long as one visit to that visit: whoever wants more signs up."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not getattr(request.user, "is_guest", False) or _is_of_the_visit(request):
            return get_response(request)
        if request.path_info.startswith("/api/"):
            return HttpResponseNotFound()
        logout(request)
        return redirect("account_signup")

    return answer


def _is_of_the_visit(request: HttpRequest) -> bool:
    try:
        match = resolve(request.path_info)
    except Http404:
        return True
    name = match.url_name or ""
    if match.namespace == "stations":
        return name in GUESTS_SEE or name.startswith("session_")
    if match.namespace == "billing":
        return name in GUESTS_SEE_OF_MONEY
    return not match.namespace and not request.path_info.startswith(("/accounts/", f"/{settings.ADMIN_PATH}", "/api/v1/"))
