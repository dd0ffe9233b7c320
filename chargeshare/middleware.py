"""What every request passes through, beside what the libraries bring."""

from collections.abc import Callable
from datetime import UTC

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseNotFound
from django.urls import resolve
from django.utils import timezone

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


def programs_read_utc(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer the API in UTC: its times end in Z, while pages speak the time of the place."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return get_response(request)
        with timezone.override(UTC):
            return get_response(request)

    return answer
