"""What a charger's clock says, and what time it was. Pure.

A right clock is believed, also hours after the fact: chargers replay what they kept while offline. A wrong one still
measures the time between two readings of a frame, so a frame is moved as a whole. Only a time that cannot be read at all
becomes the time of receipt.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ocpp_core.dialects.coercion import Deviations

TOLERANCE = timedelta(minutes=15)
AGREEMENT = timedelta(minutes=2)
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SAID_LIMIT = 40
_SPACE_BEFORE_ZONE = re.compile(r"\s+(?=(?:[+-]\d|Z$))")
_ONE_DIGIT_ZONE = re.compile(r"([+-])(\d)$")


@dataclass(frozen=True, slots=True)
class Stamp:
    """A timestamp as it stands in a frame. `at` is None where nothing could be read from it."""

    said: str
    at: datetime | None = None
    is_naive: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """What must be added to the times of one frame to get ours."""

    received_at: datetime
    offset: timedelta = timedelta()

    def time_of(self, stamp: Stamp) -> datetime:
        """Give the time a stamp means: the charger's where its clock is right, else the nearest to it that can be true."""
        if stamp.at is None:
            return self.received_at
        try:
            moved = stamp.at + self.offset
        except OverflowError:
            return self.received_at
        return moved if moved >= EARLIEST else self.received_at


def read(given: object, seen: Deviations, member: str = "timestamp") -> Stamp:
    """Read one timestamp by its spellings, from the standard's own down to seconds since 1970."""
    if isinstance(given, str):
        said = given.strip(" \t\r\n\0")[:_SAID_LIMIT]
        if not said or said.casefold() == "null":
            seen.note(f"{member}:missing")
            return Stamp("")
        at = _spelled(said) or _counted(said, seen, member)
    elif isinstance(given, (int, float)) and not isinstance(given, bool):
        said = str(given)[:_SAID_LIMIT]
        at = _counted(said, seen, member)
    else:
        seen.note(f"{member}:missing" if given is None else f"{member}:type")
        return Stamp("")
    if at is None or at == _EPOCH or at == _EPOCH.replace(tzinfo=None):
        seen.note(f"{member}:unreadable")
        return Stamp(said)
    if at.tzinfo is None:
        seen.note(f"{member}:naive")
        return Stamp(said, at.replace(tzinfo=UTC), is_naive=True)
    try:
        return Stamp(said, at.astimezone(UTC))
    except OverflowError:
        seen.note(f"{member}:unreadable")
        return Stamp(said)


def judge(stamps: Iterable[Stamp], received_at: datetime, clock_skew_s: int | None, seen: Deviations, member: str = "timestamp") -> Clock:
    """Decide from all times of a frame, and from how far off this charger's clock has been, what to make of them.

    `clock_skew_s` is our clock less the charger's as known from earlier, None where it is not known. It corrects a message
    only that is late by as much: one that is late by more or less was kept while offline, perhaps since before the clock went wrong.
    """
    times = [stamp for stamp in stamps if stamp.at is not None]
    if not times:
        return Clock(received_at)
    latest = max(stamp.at for stamp in times if stamp.at is not None)
    behind = received_at - latest
    if abs(behind) < TOLERANCE:
        return Clock(received_at)
    is_off = clock_skew_s is not None and abs(clock_skew_s) >= TOLERANCE.total_seconds()
    if clock_skew_s is not None and is_off and abs(behind - timedelta(seconds=clock_skew_s)) <= AGREEMENT:
        seen.note(f"{member}:skewed")
        return Clock(received_at, min(timedelta(seconds=clock_skew_s), behind))
    is_doubtful = any(stamp.is_naive for stamp in times) and (clock_skew_s is None or is_off)
    if latest > received_at or latest < EARLIEST or is_doubtful:
        seen.note(f"{member}:moved")
        return Clock(received_at, behind)
    return Clock(received_at)


def skew_s(stamp: Stamp, received_at: datetime) -> int | None:
    """Give our clock less the charger's as this message shows it; None where it shows nothing."""
    if stamp.at is None or stamp.at < EARLIEST:
        return None
    return round((received_at - stamp.at).total_seconds())


def _spelled(said: str) -> datetime | None:
    if len(said) < 15:
        return None
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        pass
    said = _SPACE_BEFORE_ZONE.sub("", said.replace("/", "-").replace("z", "Z"))
    try:
        return datetime.fromisoformat(_ONE_DIGIT_ZONE.sub(r"\g<1>0\2", said))
    except ValueError:
        return None


def _counted(said: str, seen: Deviations, member: str) -> datetime | None:
    """Read seconds or milliseconds since 1970."""
    try:
        seconds = float(said)
        if abs(seconds) >= 1e11:
            seconds /= 1000
        at = _EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None
    seen.note(f"{member}:epoch")
    return at


def stamp_of(payload: dict[str, Any], seen: Deviations) -> Stamp:
    """Read the `timestamp` of a payload."""
    return read(payload.get("timestamp"), seen)
