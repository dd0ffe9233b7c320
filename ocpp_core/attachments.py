"""Files that chargers sent, on their way to a person: to be saved, never to be opened by a browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from ocpp_core import diagnostics
from ocpp_core.models import DiagnosticsUpload

SENT_AT_ONCE = 65_536
HARMLESS = re.compile(r"\.(tar\.(gz|bz2|xz)|7z|bin|bz2|csv|enc|gpg|gz|json|log|pcap|tar|tgz|txt|xz|zip)$", re.IGNORECASE)


def as_attachment(upload: DiagnosticsUpload) -> StreamingHttpResponse:
    """A file to be saved and never opened by a browser, under a name of ours; only a harmless ending of the charger's name stays."""
    path = diagnostics.file_of(upload)
    ending = HARMLESS.search(upload.file_name)
    name = f"{upload.type}-{upload.charge_point.code}-{upload.pk}{ending[0].lower() if ending else '.bin'}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(upload.size_bytes),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return StreamingHttpResponse(_pieces(path), content_type="application/octet-stream", headers=headers)


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    """A piece after the other: what is no asynchronous iterator, Django would read whole before it sends the first."""

    def opened() -> IO[bytes]:
        return path.open("rb")

    with await sync_to_async(opened)() as file:
        while piece := await sync_to_async(file.read)(SENT_AT_ONCE):
            yield piece
