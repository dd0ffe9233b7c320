"""What every request passes through, beside what the libraries bring."""

from collections.abc import Callable
from datetime import UTC

from django.http import HttpRequest, HttpResponse
from django.utils import timezone


def programs_read_utc(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer the API in UTC: its times end in Z, while pages speak the time of the place."""

    def answer(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return get_response(request)
        with timezone.override(UTC):
            return get_response(request)

    return answer
