"""Hours of the week by the clock on a charger's wall. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from billing.bands import day_words
from chargeshare.errors import Invalid

DAYS = 7
MINUTES_OF_DAY = 24 * 60
MOST_ROWS = 50
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")

Span = tuple[datetime, datetime]


class BadHours(Invalid):
    """Hours that cannot be read."""

    message = _("Write hours as days (1 is Monday), from and to, like 06:00 and 22:00.")


@dataclass(frozen=True, order=True)
class Hours:
    """Some minutes of one weekday; Monday is 0."""

    weekday: int
    from_minute: int
    to_minute: int


def read(written: object) -> list[Hours]:
    """Hours as a form or a program writes them: `{"days": [1, 2], "from": "06:00", "to": "22:00"}`; past midnight they go on."""
    if not isinstance(written, list) or len(written) > MOST_ROWS:
        raise BadHours
    found: list[Hours] = []
    for row in written:
        if not isinstance(row, dict) or set(row) - {"days", "from", "to"}:
            raise BadHours
        begins, ends = _minutes(row.get("from")), _minutes(row.get("to"))
        days = row.get("days") or list(range(1, 8))
        if not isinstance(days, list) or not all(type(day) is int and 1 <= day <= 7 for day in days):
            raise BadHours
        for day in set(days):
            found += _split(day - 1, begins, ends if ends > begins else ends + MINUTES_OF_DAY)
    return merged(found)


def merged(found: Iterable[Hours]) -> list[Hours]:
    """The same hours without overlaps, those that touch joined."""
    whole: list[Hours] = []
    for hours in sorted(found):
        last = whole[-1] if whole else None
        if last is not None and last.weekday == hours.weekday and hours.from_minute <= last.to_minute:
            whole[-1] = Hours(last.weekday, last.from_minute, max(last.to_minute, hours.to_minute))
        else:
            whole.append(hours)
    return whole


def without(hours: Iterable[Hours], taken: Iterable[Hours]) -> list[Hours]:
    """What is left of some hours when others are taken out of them."""
    left = list(hours)
    for one in taken:
        left = [
            Hours(piece.weekday, begins, ends)
            for piece in left
            for begins, ends in (
                [(piece.from_minute, min(piece.to_minute, one.from_minute)), (max(piece.from_minute, one.to_minute), piece.to_minute)]
                if piece.weekday == one.weekday and piece.from_minute < one.to_minute and one.from_minute < piece.to_minute
                else [(piece.from_minute, piece.to_minute)]
            )
            if begins < ends
        ]
    return merged(left)


def written(found: Iterable[Hours]) -> list[dict[str, Any]]:
    """Hours as JSON, days that have the same ones together."""
    by_clock: dict[tuple[int, int], list[int]] = {}
    for hours in sorted(found):
        by_clock.setdefault((hours.from_minute, hours.to_minute), []).append(hours.weekday + 1)
    return [{"days": days, "from": clock(begins), "to": clock(ends)} for (begins, ends), days in by_clock.items()]


def spoken(found: Iterable[Hours]) -> list[str]:
    """Hours in the language that is active: po–pá 06:00–22:00; the hours alone where they are the same every day."""
    return [_spoken(row["days"], f"{row['from']}–{row['to']}") for row in written(found)]


def _spoken(days: list[int], clocks: str) -> str:
    return clocks if len(days) == DAYS else f"{day_words(day - 1 for day in days).replace(',', ', ')} {clocks}"


def clock(minute: int) -> str:
    """A minute of the day as a clock shows it; the last one is 24:00."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def pieces(begins_at: datetime, ends_at: datetime, zone: ZoneInfo) -> list[Hours]:
    """What a slot takes of each weekday by the clock on the wall; of an hour that comes twice, what it takes of both."""
    found = []
    for first, last in _steady(begins_at, ends_at, zone):
        day = first.date()
        while day <= last.date():
            from_minute = first.hour * 60 + first.minute if day == first.date() else 0
            to_minute = last.hour * 60 + last.minute if day == last.date() else MINUTES_OF_DAY
            if day == first.date() == last.date():
                to_minute = max(to_minute, from_minute + 1)
            if to_minute > from_minute:
                found.append(Hours(day.weekday(), from_minute, to_minute))
            day += timedelta(days=1)
    return found


def covers(hours: Sequence[Hours], wanted: Iterable[Hours]) -> bool:
    """Whether all of the wanted minutes lie within these merged hours."""
    return all(
        any(one.weekday == piece.weekday and one.from_minute <= piece.from_minute and one.to_minute >= piece.to_minute for one in hours)
        for piece in wanted
    )


def touches(hours: Sequence[Hours], wanted: Iterable[Hours]) -> bool:
    """Whether any of the wanted minutes lies within these hours."""
    return any(
        one.weekday == piece.weekday and one.from_minute < piece.to_minute and one.to_minute > piece.from_minute
        for piece in wanted
        for one in hours
    )


def spans(hours: Sequence[Hours], zone: ZoneInfo, first: datetime, last: datetime) -> list[Span]:
    """When the clock on the wall shows these hours between two moments."""
    found: list[Span] = []
    for begins_at, ends_at in _steady(first, last, zone):
        midnight = begins_at.replace(hour=0, minute=0, second=0, microsecond=0)
        while midnight < ends_at:
            for one in hours:
                if one.weekday == midnight.weekday():
                    opens_at, closes_at = (midnight + timedelta(minutes=minute) for minute in (one.from_minute, one.to_minute))
                    found.append((max(opens_at, begins_at).astimezone(UTC), min(closes_at, ends_at).astimezone(UTC)))
            midnight += timedelta(days=1)
    return joined(found)


def joined(found: Iterable[Span]) -> list[Span]:
    """The same moments without overlaps, those that touch as one."""
    whole: list[Span] = []
    for begins_at, ends_at in sorted(found):
        if whole and begins_at <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], ends_at))
        elif begins_at < ends_at:
            whole.append((begins_at, ends_at))
    return whole


def gaps(found: Iterable[Span], first: datetime, last: datetime) -> list[Span]:
    """What is left between two moments."""
    left, at = [], first
    for begins_at, ends_at in joined(found):
        if begins_at > at:
            left.append((at, min(begins_at, last)))
        at = max(at, ends_at)
        if at >= last:
            return left
    left.append((at, last))
    return left


def same_hours(begins_at: datetime, weeks: int, zone: ZoneInfo) -> datetime:
    """The same time of the clock so many weeks later, whatever has been done to the clocks meanwhile."""
    local = begins_at.astimezone(zone)
    return datetime.combine(local.date() + timedelta(weeks=weeks), local.timetz().replace(tzinfo=None), zone).astimezone(UTC)


def _split(weekday: int, begins: int, ends: int) -> list[Hours]:
    if ends <= MINUTES_OF_DAY:
        return [Hours(weekday, begins, ends)]
    rest = Hours((weekday + 1) % 7, 0, ends - MINUTES_OF_DAY)
    today = [Hours(weekday, begins, MINUTES_OF_DAY)] if begins < MINUTES_OF_DAY else []
    return [*today, rest] if rest.to_minute else today


def _minutes(said: object) -> int:
    if not isinstance(said, str) or not _CLOCK.fullmatch(said):
        raise BadHours
    return int(said[:2]) * 60 + int(said[3:])


def _steady(begins_at: datetime, ends_at: datetime, zone: ZoneInfo) -> Iterator[Span]:
    """A time in pieces of at most a day in which nobody sets the clock, each told by the clock as it goes then."""
    at, end = begins_at.astimezone(UTC), ends_at.astimezone(UTC)
    while at < end:
        until, wall = min(end, at + timedelta(days=1)), _wall(at, zone)
        if _wall(until, zone) != wall:
            before_s, after_s = int(at.timestamp()), ceil(until.timestamp())
            while after_s - before_s > 1:
                middle_s = (before_s + after_s) // 2
                is_before = _wall(datetime.fromtimestamp(middle_s, UTC), zone) == wall
                before_s, after_s = (middle_s, after_s) if is_before else (before_s, middle_s)
            until = min(end, datetime.fromtimestamp(after_s, UTC))
        yield at.astimezone(wall), until.astimezone(wall)
        at = until


def _wall(at: datetime, zone: ZoneInfo) -> timezone:
    """How far the clock on the wall is ahead at a moment."""
    return timezone(at.astimezone(zone).utcoffset() or timedelta(0))
