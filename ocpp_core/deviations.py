"""How chargers stray from the standard, counted for each: gathered in memory, written down once a minute at most.

A word seen for the first time in this process is written with the next batch, so that an owner who looks for a fault sees
it at once; how often it came is brought up to date every minute. Nobody waits for any of it, and a count that is lost with
a process that dies is no loss.
"""

import logging
import re
from collections.abc import Iterable
from datetime import datetime
from threading import Lock
from time import monotonic

from django.db import DatabaseError, InterfaceError, connection, transaction

from ocpp_core.frame_log import without_secrets
from ocpp_core.models import ChargerDeviation

logger = logging.getLogger(__name__)

WRITTEN_EVERY_S = 60.0
MOST_KNOWN = 50_000
SAMPLE_LENGTH = 500

NO_SUBPROTOCOL = "handshake:no-subprotocol"
UNREADABLE_FRAME = "frame:unreadable"
OPENS_AT_ONCE = "session:opens-at-once"
NOT_KEPT = "configuration:not-kept"
TOO_MANY_READINGS = "readings:too-many"

_CARDS = re.compile(r'("(?:idTag|parentIdTag)"\s*:\s*")((?:[^"\\]|\\.)*)', re.IGNORECASE)
_TABLE = ChargerDeviation._meta.db_table
_UPSERT = f"""
    INSERT INTO {_TABLE} (charge_point_id, word, times, first_at, last_at, sample) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (charge_point_id, word) DO UPDATE
    SET times = {_TABLE}.times + excluded.times, last_at = excluded.last_at, sample = excluded.sample
"""  # noqa: S608 - names of ours

_Counted = tuple[int, datetime, datetime, str]
_gathered: dict[tuple[int, str], _Counted] = {}
_known: set[tuple[int, str]] = set()
_lock = Lock()
_written_at = 0.0
_has_news = False


def note(charge_point_id: int, words: Iterable[str], raw: str, at: datetime) -> None:
    """Count words of one message. Costs nothing where there are none."""
    global _has_news  # noqa: PLW0603 - one count per process is a fact of the process
    for word in words:
        key = (charge_point_id, word)
        with _lock:
            before = _gathered.get(key)
            if before is not None:
                _gathered[key] = (before[0] + 1, before[1], at, before[3])
                continue
            _gathered[key] = (1, at, at, sample_of(raw))
            if key not in _known:
                _has_news = True


def sample_of(raw: str) -> str:
    """The beginning of a frame as its owner may read it: no password, no card of anybody."""
    cut = _CARDS.sub(r"\1***", without_secrets(raw[: 2 * SAMPLE_LENGTH]))
    return cut.replace("\0", "").encode("utf-8", "replace").decode()[:SAMPLE_LENGTH]


def write_due() -> int:
    """Write down what was counted, if it is time; returns how many rows. A failure keeps the counts for later."""
    global _written_at, _has_news, _gathered
    now = monotonic()
    if not _gathered or not (_has_news or now - _written_at >= WRITTEN_EVERY_S):
        return 0
    with _lock:
        counted, _gathered = _gathered, {}
        _written_at, _has_news = now, False
        if len(_known) > MOST_KNOWN:
            _known.clear()
        _known.update(counted)
    try:
        _write(counted)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("deviations could not be written down: %s", error)
        _give_back(counted)
        return 0
    return len(counted)


def _write(counted: dict[tuple[int, str], _Counted]) -> None:
    time = connection.ops.adapt_datetimefield_value
    rows = [
        (charge_point_id, word, times, time(first_at), time(last_at), sample)
        for (charge_point_id, word), (times, first_at, last_at, sample) in sorted(counted.items())
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_UPSERT, rows)


def _give_back(counted: dict[tuple[int, str], _Counted]) -> None:
    with _lock:
        for key, (times, first_at, last_at, sample) in counted.items():
            since = _gathered.get(key)
            _gathered[key] = (times, first_at, last_at, sample) if since is None else (times + since[0], first_at, since[2], sample)
