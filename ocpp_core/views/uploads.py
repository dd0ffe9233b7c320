"""The door through which chargers upload what they have logged. No person comes here: no log-in, no form, no cookie."""

import contextlib
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts import addresses, counting
from chargeshare.errors import NotFound
from ocpp_core import diagnostics
from ocpp_core.models import DiagnosticsUpload

BODY = "chargeshare.body"  # a server that keeps the body as a file and hands that over
FORM = "multipart/form-data"
WITHIN_S = 60


@csrf_exempt
@require_http_methods(["PUT", "POST"])
def receive(request: HttpRequest, token: str, name: str = "") -> HttpResponse:
    """Take one file for one address, raw or in a form. Whoever guesses at addresses is soon not listened to."""
    key = f"charger-upload:{addresses.network(addresses.client_address(request))}"
    if counting.so_far(key) >= 6 * settings.LIMIT_CHARGER_FAILURES:
        return _said(429, "Too many failed attempts.", Retry_After=str(WITHIN_S))
    with contextlib.ExitStack() as opened:
        body = opened.enter_context(_body(request))
        try:
            return _keep(request, token, name, body, opened)
        except (NotFound, diagnostics.Expired) as refusal:
            counting.add_one(key, keep_s=WITHIN_S)
            return _said(refusal.status, "This address is not valid." if refusal.status == 404 else "This address is no longer valid.")
        except diagnostics.TooLarge:
            diagnostics.refuse(diagnostics.find(token), DiagnosticsUpload.Refusal.TOO_LARGE)
            return _said(413, "The file is too large.")
        except diagnostics.AlreadyHere:
            return _said(409, "Another file has come to this address.")
        except (diagnostics.Empty, MultiPartParserError, UnreadablePostError):
            return _said(400, "There is no file in it.")


def _keep(request: HttpRequest, token: str, name: str, body: Any, opened: contextlib.ExitStack) -> HttpResponse:
    if diagnostics.token_in(f"{diagnostics.PREFIX}{token}") is None:
        raise NotFound
    upload = diagnostics.find(token)
    now = timezone.now()
    diagnostics.must_be_welcome(upload, now=now)
    if _declared(request) > settings.DIAGNOSTICS_MAX_BYTES:
        raise diagnostics.TooLarge
    if request.content_type == FORM:
        body, name = _file_in_form(request, body, name, opened)
    is_new = diagnostics.keep(upload, body, name=name, now=now)
    return _said(201 if is_new else 200, "Thank you.")


@contextlib.contextmanager
def _body(request: HttpRequest) -> Iterator[Any]:
    """What was sent, to be read: as the server's file, or as the request itself."""
    handed: IO[bytes] | None = getattr(request, "scope", {}).get("extensions", {}).get(BODY)
    if handed is None:
        yield request
    else:
        with handed:
            yield handed


def _declared(request: HttpRequest) -> int:
    said = request.META.get("CONTENT_LENGTH") or ""
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 16 else 0


def _file_in_form(request: HttpRequest, body: Any, name: str, opened: contextlib.ExitStack) -> tuple[IO[bytes], str]:
    """The first file of a form, by way of the disk."""
    length = _declared(request)
    if body is not request:
        length = body.seek(0, 2)
        body.seek(0)
    handler = _ToDisk(request)
    _fields, files = MultiPartParser({**request.META, "CONTENT_LENGTH": str(length)}, body, [handler], "utf-8").parse()
    for found in files.values():
        if isinstance(found, UploadedFile) and found.file is not None:
            opened.callback(found.close)
            return found.file, name or found.name or ""
    raise diagnostics.Empty


class _ToDisk(FileUploadHandler):
    """Puts the first file into the folder of all of them, where there is room; nameless, so it is gone when it is closed."""

    _taken: IO[bytes] | None = None

    def new_file(self, *args: Any, **options: Any) -> None:
        """A file begins."""
        super().new_file(*args, **options)
        if self._taken is not None:
            raise SkipFile
        self._taken = tempfile.TemporaryFile(dir=diagnostics.folder())  # noqa: SIM115 - closed with the request

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:  # noqa: ARG002 - Django's signature
        """A piece of it."""
        if self._taken is not None:
            self._taken.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[bytes] | None":
        """The whole of it."""
        if self._taken is None:
            return None
        self._taken.seek(0)
        return UploadedFile(self._taken, self.file_name, self.content_type, file_size)


def _said(status: int, sentence: str, **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain", headers=named)
