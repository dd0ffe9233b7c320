"""What comes with a request, limited while it comes.

Daphne takes a body of any size, and before the application hears of it the whole of it lies in memory. Here a body beyond
its limit is cut off, said or counted; and a file that a charger uploads goes to the disk as it comes and is handed over
as a file. One for an address that nobody made is not kept at all.
"""

import asyncio
import json
import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from daphne.http_protocol import WebRequest
from django.conf import settings
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.utils.translation.trans_real import parse_accept_lang_header

logger = logging.getLogger(__name__)

BODY_EXTENSION = "chargeshare.body"
LARGEST_BODY = 6 * 1024 * 1024  # of a page or of the API; the proxy of docs/deployment.md says the same
PATIENCE = 10  # so many times its limit a refused body may still come, and is dropped: a browser reads no answer before it has sent all
_PAGE = """<!doctype html>
<html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>ChargeShare</title>
<h1>{sentence}</h1></html>
"""


@dataclass(frozen=True)
class Uploads:
    """Where files come in: below which path, how large, to which folder; which addresses we made; who is told of what was cut off."""

    prefix: str
    most_bytes: int
    folder: Callable[[], Path]
    is_known: Callable[[str], bool]
    on_too_large: Callable[[str], Any]


class Request(WebRequest):  # type: ignore[misc]
    """One HTTP request, its body counted as it comes."""

    content: IO[bytes]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Leave forms to the application: Twisted would read each a second time, and answer one that is spoilt with not a word."""
        super().__init__(*args, **kwargs)
        self._parsePOSTFormSubmission = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """Choose where the body goes, once the headers have come. No `length` is a body in chunks."""
        path = unquote(self.channel._path.split(b"?", 1)[0].decode("latin1"))  # noqa: SLF001 - the request itself learns it at its end
        uploads: Uploads | None = self.server.uploads
        self._path_said = path
        self._size = self._dropped = 0
        self._is_refused = False
        self.upload: Uploads | None = uploads if uploads is not None and path.startswith(uploads.prefix) else None
        self._is_kept = self.upload is None or self.upload.is_known(path)
        self._limit = LARGEST_BODY if self.upload is None else self.upload.most_bytes
        if self.upload is not None and self._is_kept and length != 0:
            self.content = tempfile.TemporaryFile(dir=self.upload.folder())  # noqa: SIM115 - closed by who reads it
        elif self._is_kept:
            super().gotLength(length)
        else:
            self.content = BytesIO()
        if length is not None and length > self._limit:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take a piece of the body."""
        if self._is_refused:
            self._dropped += len(data)
            if self._dropped > self._limit * (PATIENCE if self.upload is None else 1):  # it was told, and does not hear
                self.channel.loseConnection()
            return
        self._size += len(data)
        if self._size > self._limit:
            self._refuse()
        elif self._is_kept:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 - Twisted's name
        """The whole of it is here. One that was refused has had its answer."""
        if self._is_refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def hand_over(self) -> Any:
        """Give the file to the application instead of its bytes."""
        file, self.content = self.content, BytesIO()
        file.seek(0)
        return file

    def _refuse(self) -> None:
        """Answer at once. What still comes is dropped for a while, or a sender that has not finished would never read the answer."""
        self._is_refused = True
        self.content.close()
        self.content = BytesIO()
        self.channel.write(too_large(self._path_said, _accepted(self)))
        if self.upload is not None and self._is_kept:
            self.upload.on_too_large(self._path_said)


def too_large(path: str, accepted: str) -> bytes:
    """What a body beyond its limit is answered: one sentence, for people in a language they read, for programs as JSON."""
    known = dict(settings.LANGUAGES)
    spoken = (code for code, _weight in parse_accept_lang_header(accepted))
    language = next((code[:2] for code in spoken if code[:2] in known), settings.LANGUAGE_CODE)
    with override(language):
        sentence = _("This is more than %(most)s MB. Nothing was saved; make the photo smaller and send it again.") % {
            "most": LARGEST_BODY // 1024 // 1024
        }
    if path.startswith(("/api/", "/ocpp")):
        kind, text = "application/json", json.dumps({"code": "too_large", "detail": sentence, "fields": {}})
    else:
        kind, text = "text/html; charset=utf-8", _PAGE.format(language=language, sentence=escape(sentence))
    content = text.encode()
    head = (
        "HTTP/1.1 413 Content Too Large\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
        "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + content


def _accepted(request: WebRequest) -> str:
    """The languages a browser asks for."""
    said = request.requestHeaders.getRawHeaders(b"accept-language") or [b""]
    return bytes(said[0])[:200].decode("latin1")


def take_requests(factory: Any) -> None:
    """Let Daphne's factory of connections make our requests."""
    build = factory.buildProtocol

    def build_ours(address: Any) -> Any:
        protocol = build(address)
        protocol.requestFactory = Request
        return protocol

    factory.buildProtocol = build_ours


def tell_later(function: Callable[[str], Any], run: Callable[..., "asyncio.Future[Any]"]) -> Callable[[str], None]:
    """Make of a function that asks the database one that the event loop may call: it runs in a thread, and nobody waits for it."""

    def tell(path: str) -> None:
        run(function, path).add_done_callback(_note_failure)

    return tell


def _note_failure(done: "asyncio.Future[Any]") -> None:
    error = None if done.cancelled() else done.exception()
    if error is not None:
        logger.warning("that an upload was too large could not be kept: %s", error)
