"""Hours of the week by the clock on a charger's wall. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
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
    """What a slot takes of each weekday by the clock on the wall."""
    first, last = begins_at.astimezone(zone), ends_at.astimezone(zone)
    found = []
    day = first.date()
    while day <= last.date():
        from_minute = first.hour * 60 + first.minute if day == first.date() else 0
        to_minute = last.hour * 60 + last.minute if day == last.date() else MINUTES_OF_DAY
        if to_minute > from_minute:
            found.append(Hours(day.weekday(), from_minute, to_minute))
        elif day == first.date() == last.date():  # the hour that comes twice
            found.append(Hours(day.weekday(), min(from_minute, MINUTES_OF_DAY - 1), min(from_minute, MINUTES_OF_DAY - 1) + 1))
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
    """When these hours are between two moments."""
    found: list[Span] = []
    day, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    while day <= end:
        for one in hours:
            if one.weekday == day.weekday():
                begins_at, ends_at = _moment(day, one.from_minute, zone), _moment(day, one.to_minute, zone)
                if max(begins_at, first) < min(ends_at, last):
                    found.append((max(begins_at, first), min(ends_at, last)))
        day += timedelta(days=1)
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


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    if minute == MINUTES_OF_DAY:
        return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)
