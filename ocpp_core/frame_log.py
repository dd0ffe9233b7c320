"""The log of frames: written in bulk beside what they caused, without secrets, pruned after a month."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple

from django.db import connection

from ocpp_core.frames import MessageId
from ocpp_core.models import OcppFrame

KEPT = timedelta(days=30)
PRUNED_AT_ONCE = 5_000  # so that nobody waits for a lock of it
PRUNES_S = 10.0

FROM_CHARGER = OcppFrame.Direction.FROM_CHARGER.value
TO_CHARGER = OcppFrame.Direction.TO_CHARGER.value
CALL = OcppFrame.Type.CALL.value
RESULT = OcppFrame.Type.RESULT.value
ERROR = OcppFrame.Type.ERROR.value

_TABLE = OcppFrame._meta.db_table
_COLUMNS = "charge_point_id, at, direction, type, message_id, action, raw, answered_in_ms"
_COPY = f"COPY {_TABLE} ({_COLUMNS}) FROM STDIN"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_INSERT = f"INSERT INTO {_TABLE} ({_COLUMNS}) VALUES ({', '.join(['%s'] * 8)})"  # noqa: S608 - names of ours
_SECRETS = (
    re.compile(r'("key"\s*:\s*"AuthorizationKey"[^{}]*?"value"\s*:\s*")((?:[^"\\]|\\.)*)', re.IGNORECASE),
    re.compile(r'("value"\s*:\s*")((?:[^"\\]|\\.)*)("[^{}]*?"key"\s*:\s*"AuthorizationKey")', re.IGNORECASE),
    re.compile(r"(\bBasic\s+)[A-Za-z0-9+/=]{8,}", re.IGNORECASE),
)


class Row(NamedTuple):
    """One frame as it will be kept, in the order of the columns."""

    charge_point_id: int
    at: datetime
    direction: str
    type: str
    message_id: str
    action: str
    raw: str
    answered_in_ms: int | None


def row(
    charge_point_id: int,
    at: datetime,
    direction: str,
    kind: str,
    message_id: MessageId,
    action: str,
    raw: str,
    answered_in_ms: int | None = None,
) -> Row:
    """Make a row of a frame: cut to the columns, secrets blotted out."""
    if "\0" in raw:
        raw = raw.replace("\0", "\\u0000")  # PostgreSQL takes no NUL
    if action != "MeterValues":
        raw = without_secrets(raw)
    return Row(charge_point_id, at, direction, kind, str(message_id)[:64], action[:40], raw, answered_in_ms)


def without_secrets(raw: str) -> str:
    """Blot out keys and credentials, wherever a charger or we may have put them."""
    lowered = raw.lower()
    if "authorizationkey" not in lowered and "basic " not in lowered:
        return raw
    raw = _SECRETS[0].sub(r"\1***", raw)
    raw = _SECRETS[1].sub(r"\1***\3", raw)
    return _SECRETS[2].sub(r"\1***", raw)


def write(rows: Sequence[Row]) -> None:
    """Store frames, within the transaction of the caller."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and len(rows) > 1:
            with cursor.copy(_COPY) as copy:
                copy.write("".join(map(_line, rows)))
        elif len(rows) == 1:
            cursor.execute(_INSERT, rows[0])
        else:
            cursor.executemany(_INSERT, rows)


def _line(one: Row) -> str:
    """A row as COPY reads it. Spelt here, because a driver that must expect anything in any column is slow."""
    took_ms = "\\N" if one.answered_in_ms is None else one.answered_in_ms
    texts = f"{_escaped(one.message_id)}\t{_escaped(one.action)}\t{_escaped(one.raw)}"
    return f"{one.charge_point_id}\t{one.at}\t{one.direction}\t{one.type}\t{texts}\t{took_ms}\n"


def _escaped(text: str) -> str:
    if "\\" in text or "\n" in text or "\t" in text or "\r" in text:
        return text.translate(_ESCAPES)
    return text


def last_words(charge_point_id: int) -> datetime | None:
    """When a charger itself said something last, asked or answered: that its socket stands is no word of it."""
    said = OcppFrame.objects.filter(charge_point_id=charge_point_id, direction=FROM_CHARGER).order_by("-id")
    return said.values_list("at", flat=True).first()


def prune(*, now: datetime) -> int:
    """Remove frames older than a month, a chunk at a time so that nobody waits, for some seconds; returns how many went.

    What is left then goes with the next call: nothing needs to be remembered, for the oldest are always first.
    """
    oldest = OcppFrame.objects.order_by("id").values_list("id", flat=True).first()
    if oldest is None:
        return 0
    removed, until = 0, monotonic() + PRUNES_S
    kept_from = _first_since(now - KEPT, oldest)
    for begin in range(oldest, kept_from, PRUNED_AT_ONCE):
        chunk, _details = OcppFrame.objects.filter(id__gte=begin, id__lt=min(begin + PRUNED_AT_ONCE, kept_from)).delete()
        removed += chunk
        if monotonic() >= until:
            break
    return removed


def first_since(moment: datetime) -> int:
    """Find the id from which on frames are younger, of all chargers'."""
    oldest = OcppFrame.objects.order_by("id").values_list("id", flat=True).first()
    return 0 if oldest is None else _first_since(moment, oldest)


def _first_since(moment: datetime, oldest: int) -> int:
    """Find the id from which on frames are younger: ids grow with time, so a few looks are enough and no index is needed."""
    below, above = oldest, (OcppFrame.objects.order_by("-id").values_list("id", flat=True).first() or oldest) + 1
    while below < above:
        middle = (below + above) // 2
        found = OcppFrame.objects.filter(id__gte=middle, id__lt=above).order_by("id").values_list("id", "at").first()
        if found is None or found[1] >= moment:
            above = middle
        else:
            below = found[0] + 1
    return below
