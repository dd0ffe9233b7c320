"""Hours of the week with a price of their own, in the local time of the charger. Pure.

A band belongs to the day on which it begins, so `22:00` to `06:00` on Sundays ends on Monday morning. It holds while the
clock on the charger's wall shows its hours: where the clock is set back, what comes twice counts twice, and what is left
out where it is set forward does not count.
"""

import bisect
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Self
from zoneinfo import ZoneInfo

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext_lazy as _

from chargeshare.errors import Invalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_OF_DAY = 24 * 60
MOST_BANDS = 50
MOST_PER_KWH = Decimal(100)

Interval = tuple[datetime, datetime, int]


class BadBands(Invalid):
    """Bands that cannot be read, or that overlap."""

    message = _("A band has days (1 is Monday), from, to and price_per_kwh.")


@dataclass(frozen=True)
class Band:
    """Some minutes of some days, and what a kWh costs in them. `days` and times are kept as they were written."""

    days: tuple[int | str, ...]
    begins: str
    ends: str
    price_per_kwh: Decimal

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """A band as `written()` wrote it, or as a form or a program sent it and `check` has passed it."""
        return cls(tuple(written["days"]), written["from"], written["to"], Decimal(written["price_per_kwh"]))

    def written(self) -> dict[str, Any]:
        """The band as JSON."""
        return {"days": list(self.days), "from": self.begins, "to": self.ends, "price_per_kwh": str(self.price_per_kwh)}

    def __str__(self) -> str:
        """When it holds, as a price list says it: po–pá 22:00–06:00, or the hours alone where it is every day."""
        return self.label if len(self.weekdays) == len(DAYS) else f"{day_words(self.weekdays).replace(',', ', ')} {self.label}"

    @property
    def label(self) -> str:
        """The hours, as a receipt names them."""
        return f"{self.begins}–{self.ends}"

    @property
    def weekdays(self) -> frozenset[int]:
        """Monday is 0; no day written means every day."""
        return frozenset(_weekday(day) for day in self.days) or frozenset(range(7))

    @property
    def minutes(self) -> tuple[int, int]:
        """Its beginning and end as minutes after the midnight before it begins."""
        begins, ends = _minutes(self.begins), _minutes(self.ends)
        return begins, ends if ends > begins else ends + MINUTES_OF_DAY


def day_words(weekdays: Iterable[int], *, joint: str = "–") -> str:
    """Days in the language that is active, three and more in a row joined: po–pá,ne. Monday is 0."""
    runs: list[list[int]] = []
    for weekday in sorted(weekdays):
        if runs and runs[-1][-1] == weekday - 1:
            runs[-1].append(weekday)
        else:
            runs.append([weekday])
    names = [str(WEEKDAYS_ABBR[weekday]) for weekday in range(len(DAYS))]
    said = ([f"{names[run[0]]}{joint}{names[run[-1]]}"] if len(run) > 2 else [names[day] for day in run] for run in runs)
    return ",".join(word for words in said for word in words)


def weekday_named(word: str) -> int | None:
    """The day somebody means by its short name in the language that is active, with accents or without, or in English."""
    plain = _plain(word)
    names = {_plain(str(name)): weekday for weekday, name in WEEKDAYS_ABBR.items()} | {name: day for day, name in enumerate(DAYS)}
    return names.get(plain)


def _plain(word: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(letter))


def check(written: object) -> list[dict[str, Any]]:
    """Read bands that somebody typed or sent; what comes back can be stored, and `Band.read` will understand it."""
    if not isinstance(written, list) or len(written) > MOST_BANDS:
        raise BadBands
    bands = [_checked(band) for band in written]
    taken: set[int] = set()
    for band in bands:
        begins, ends = band.minutes
        for weekday in band.weekdays:
            minutes = {(weekday * MINUTES_OF_DAY + minute) % (7 * MINUTES_OF_DAY) for minute in range(begins, ends)}
            if taken & minutes:
                raise BadBands(_("Two bands overlap."))
            taken |= minutes
    return [band.written() for band in bands]


def split(bands: Sequence[Band], energy_wh: int, intervals: Sequence[Interval], time_zone: str) -> list[tuple[Band | None, int]]:
    """Share out the energy among the bands in which it flowed, to the last watt-hour; None is the time outside all of them.

    The intervals say how it was spread; where they do not add up to `energy_wh`, they are weights.
    """
    weights: dict[Band | None, int] = {}
    zone = ZoneInfo(time_zone)
    windows = _windows(bands, intervals, zone)
    for begins, ends, interval_wh in intervals:
        pieces = list(_pieces(windows, begins, ends))
        microseconds = sum(weight for _band, weight in pieces)
        for band, weight in pieces:
            # A common denominator for all intervals would grow without bound; 2^40 parts of a watt-hour are enough.
            weights[band] = weights.get(band, 0) + (max(interval_wh, 0) << 40) * weight // microseconds
    whole = sum(weights.values())
    if whole == 0:
        return [(next(iter(weights), None), energy_wh)]
    return _in_proportion(energy_wh, weights, whole)


def outside(band: Band | None, begins: datetime, ends: datetime, time_zone: str) -> timedelta:
    """How much of an interval lies outside the hours of a band."""
    if band is None:
        return ends - begins
    windows = _windows([band], [(begins, ends, 0)], ZoneInfo(time_zone))
    return timedelta(microseconds=sum(length for window, length in _pieces(windows, begins, ends) if window is None))


def _in_proportion(energy_wh: int, weights: Mapping[Band | None, int], whole: int) -> list[tuple[Band | None, int]]:
    parts, passed, given = [], 0, 0
    for band, weight in weights.items():
        passed += weight
        upto = energy_wh * passed // whole
        if upto > given:
            parts.append((band, upto - given))
        given = upto
    return parts


def _windows(bands: Sequence[Band], intervals: Sequence[Interval], zone: ZoneInfo) -> list[tuple[datetime, datetime, Band]]:
    first = min(begins for begins, _ends, _wh in intervals).astimezone(zone).date() - timedelta(days=1)
    last = max(max(begins, ends) for begins, ends, _wh in intervals).astimezone(zone).date()
    windows = []
    for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
        for band in bands:
            if day.weekday() in band.weekdays:
                windows += [(begins, ends, band) for begins, ends in _instants(day, band.minutes, zone)]
    return sorted(windows, key=lambda window: window[:2])


def _pieces(windows: Sequence[tuple[datetime, datetime, Band]], begins: datetime, ends: datetime) -> Iterator[tuple[Band | None, int]]:
    """Cut an interval where bands begin and end; an interval without length is one piece."""
    begins, ends = begins.astimezone(UTC), max(begins, ends).astimezone(UTC)
    at = begins
    index = max(0, bisect.bisect_right(windows, at, key=lambda window: window[0]) - 1)
    while at < ends or at == begins:
        while index < len(windows) and windows[index][1] <= at:
            index += 1
        band, until = None, ends
        if index < len(windows):
            from_, to, candidate = windows[index]
            band, until = (candidate, min(to, ends)) if from_ <= at else (None, min(from_, ends))
        yield band, max(1, (until - at) // timedelta(microseconds=1))
        if until <= at:
            return
        at = until


def _instants(day: date, minutes: tuple[int, int], zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """When the clock on the wall shows these minutes after a midnight: once; on the days on which it is changed in two pieces, or never."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    begins, ends = (midnight + timedelta(minutes=minute) for minute in minutes)
    before, after = (_offset(moment, zone) for moment in (begins - timedelta(days=1), ends + timedelta(days=1)))
    if before == after:
        yield begins - before, ends - before
        return
    change = _change(begins - timedelta(days=1), ends + timedelta(days=1), zone)
    for from_, to in ((begins - before, min(ends - before, change)), (max(begins - after, change), ends - after)):
        if from_ < to:
            yield from_, to


def _change(early: datetime, late: datetime, zone: ZoneInfo) -> datetime:
    """The instant between two at which the clock is changed, to the minute."""
    before = _offset(early, zone)
    while late - early > timedelta(minutes=1):
        middle = early + (late - early) // timedelta(minutes=2) * timedelta(minutes=1)
        early, late = (middle, late) if _offset(middle, zone) == before else (early, middle)
    return late


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _minutes(written: str) -> int:
    hours, minutes = written.split(":")[:2]
    return int(hours) * 60 + int(minutes)


def _weekday(day: int | str) -> int:
    return day - 1 if isinstance(day, int) else DAYS.index(day[:3].lower())


def _checked(written: object) -> Band:
    if not isinstance(written, dict) or not set(written) <= {"days", "from", "to", "price_per_kwh"}:
        raise BadBands
    days = written.get("days", [])
    if not isinstance(days, list) or not all(_is_day(day) for day in days):
        raise BadBands(_("The days of a band are numbers from 1 (Monday) to 7, or names such as mon."))
    for name in ("from", "to"):
        if not isinstance(written.get(name), str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:00)?|24:00", written[name]):
            raise BadBands(_("The times of a band are written 06:00."))
    if written["from"][:5] in (written["to"][:5], "24:00"):
        raise BadBands(_("A band must end at another time than it begins."))
    return Band(tuple(days), written["from"][:5], written["to"][:5], _price(written.get("price_per_kwh")))


def _is_day(day: object) -> bool:
    if isinstance(day, str):
        return day[:3].lower() in DAYS and day.isalpha()
    return isinstance(day, int) and not isinstance(day, bool) and 1 <= day <= 7


def _price(written: object) -> Decimal:
    try:
        price = Decimal(str(written))
    except InvalidOperation as error:
        raise BadBands(_("The price of a band is a decimal number.")) from error
    if not price.is_finite() or not 0 <= price <= MOST_PER_KWH or price * 10_000 != int(price * 10_000):
        raise BadBands(_("The price of a band lies between 0 and 100 and has at most four decimals."))
    return price
