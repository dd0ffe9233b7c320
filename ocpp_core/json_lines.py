"""A file of JSON lines, sent while it is made, so that a million lines cost no more memory than a few."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

LINES = "application/x-ndjson"


def as_file(request: HttpRequest, chunks: Iterator[bytes], code: str) -> StreamingHttpResponse:
    """Send chunks of lines as they come, under a name with the charge point and the day."""
    lines: AsyncIterator[bytes] | Iterator[bytes] = _in_a_thread(chunks) if isinstance(request, ASGIRequest) else chunks
    response = StreamingHttpResponse(lines, content_type=LINES)
    response["Content-Disposition"] = f'attachment; filename="messages-{code}-{timezone.localdate():%Y-%m-%d}.jsonl"'
    response["Cache-Control"] = "no-store"
    return response


async def _in_a_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The event loop makes no queries; a list of all chunks it must not make either."""
    while chunk := await sync_to_async(_next)(chunks):
        yield chunk


def _next(chunks: Iterator[bytes]) -> bytes:
    return next(chunks, b"")
