"""One day of an outlet as a page shows it: when it can be booked, when it is taken, what has been chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

from django.http import QueryDict
from django.utils import timezone

from stations.weekly import Span

STEP = timedelta(minutes=30)
PART = timedelta(hours=6)
LEAST_MINUTES, MOST_MINUTES, USUAL_MINUTES = 30, 72 * 60, 120
DAYS_SHOWN = 14
DAYS_AHEAD = 364
BAND_UNITS = 960


@dataclass(frozen=True)
class Start:
    """A time at which a booking may begin."""

    at: datetime
    is_free: bool
    is_chosen: bool

    @property
    def clock(self) -> str:
        """As the address has it."""
        return f"{timezone.localtime(self.at):%H:%M}"


@dataclass(frozen=True)
class Stripe:
    """A piece of the band of the day, in units of its width."""

    x: float
    width: float


@dataclass(frozen=True)
class Choice:
    """What a visitor has chosen so far, read from the address: every step is a link, so it works without a script."""

    day: date
    begins_at: datetime
    minutes: int

    @classmethod
    def read(cls, query: QueryDict, now: datetime) -> "Choice":
        """Read it; what makes no sense is replaced by what is next."""
        first = _next_step(now)
        day = _date(query.get("day", "")) or timezone.localtime(first).date()
        day = min(max(day, timezone.localtime(now).date()), timezone.localtime(now).date() + timedelta(days=DAYS_AHEAD))
        begins_at = _at(day, _time(query.get("start", ""))) or max(first, _at(day, time(8)) or first)
        end = _at(day, _time(query.get("end", "")))
        minutes = _minutes(query.get("minutes", ""))
        if end is not None:  # typed as two times of the clock; the second may be one of the next day
            end = end if end > begins_at else end + timedelta(days=1)
            minutes = int((end - begins_at).total_seconds()) // 60
        return cls(day, begins_at, max(LEAST_MINUTES, min(MOST_MINUTES, minutes)))

    @property
    def ends_at(self) -> datetime:
        """When it is over."""
        return self.begins_at + timedelta(minutes=self.minutes)

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.minutes * 60

    @property
    def clock(self) -> str:
        """The beginning as the address and a time field have it."""
        return f"{timezone.localtime(self.begins_at):%H:%M}"

    @property
    def end_clock(self) -> str:
        """The end as a time field has it."""
        return f"{timezone.localtime(self.ends_at):%H:%M}"

    @property
    def shorter(self) -> int | None:
        """Half an hour less."""
        return self.minutes - 30 if self.minutes - 30 >= LEAST_MINUTES else None

    @property
    def longer(self) -> int | None:
        """Half an hour more."""
        return self.minutes + 30 if self.minutes + 30 <= MOST_MINUTES else None


@dataclass(frozen=True)
class Day:
    """The chosen day of an outlet."""

    choice: Choice
    taken: Sequence[Span]
    now: datetime
    part: int
    closed: Sequence[Span] = ()

    @property
    def days(self) -> list[date]:
        """The days to choose from: two weeks from today, or from a day before one that lies farther."""
        today = timezone.localtime(self.now).date()
        first = today if self.choice.day < today + timedelta(days=DAYS_SHOWN) else self.choice.day - timedelta(days=1)
        return [first + timedelta(days=number) for number in range(DAYS_SHOWN)]

    @cached_property
    def span(self) -> tuple[datetime, datetime]:
        """From midnight to midnight, where it is not always 24 hours."""
        return _midnight(self.choice.day), _midnight(self.choice.day + timedelta(days=1))

    @property
    def starts(self) -> list[Start]:
        """The times of the shown quarter of the day."""
        first, last = self.span
        moments = [first + number * STEP for number in range(int((last - first) / STEP))]
        shown = [moment for moment in moments if timezone.localtime(moment).hour // 6 == self.part]
        return [Start(moment, self._is_free(moment), moment == self.choice.begins_at) for moment in shown]

    @property
    def earlier(self) -> int | None:
        """The quarter of the day before this one, unless it has passed."""
        is_over = self.part == 0 or self.span[0] + self.part * PART <= self.now
        return None if is_over else self.part - 1

    @property
    def later(self) -> int | None:
        """The quarter of the day after this one."""
        return None if self.part == 3 else self.part + 1

    @property
    def is_free(self) -> bool:
        """Whether what is chosen can be booked."""
        return self.choice.begins_at >= self.now - timedelta(minutes=1) and not self.is_taken and not self._is_chosen_in(self.closed)

    @property
    def is_taken(self) -> bool:
        """Whether somebody else has what is chosen: it can be waited for."""
        return self._is_chosen_in(self.taken)

    @property
    def band_of_taken(self) -> list[Stripe]:
        """When it is taken on this day."""
        return [stripe for span in self.taken if (stripe := self._stripe(*span))]

    @property
    def band_of_closed(self) -> list[Stripe]:
        """When it cannot be had on this day: what has passed, and what the owner has closed."""
        return [stripe for span in self.closed if (stripe := self._stripe(*span))]

    @property
    def band_of_choice(self) -> Stripe | None:
        """What is chosen of this day."""
        return self._stripe(self.choice.begins_at, self.choice.ends_at)

    def _is_free(self, moment: datetime) -> bool:
        spans = (*self.taken, *self.closed)
        return moment >= self.now - STEP / 30 and not any(begins_at <= moment < ends_at for begins_at, ends_at in spans)

    def _is_chosen_in(self, spans: Sequence[Span]) -> bool:
        return any(begins_at < self.choice.ends_at and ends_at > self.choice.begins_at for begins_at, ends_at in spans)

    def _stripe(self, begins_at: datetime, ends_at: datetime) -> Stripe | None:
        first, last = self.span
        begins_at, ends_at = max(begins_at, first), min(ends_at, last)
        if begins_at >= ends_at:
            return None
        unit = (last - first) / BAND_UNITS
        return Stripe(round((begins_at - first) / unit, 1), round((ends_at - begins_at) / unit, 1))


def shown_part(query: QueryDict, choice: Choice) -> int:
    """Which quarter of the day is shown: the one asked for, else the one of the chosen time."""
    asked = query.get("part_of_day", "")
    return int(asked) if asked in ("0", "1", "2", "3") else timezone.localtime(choice.begins_at).hour // 6


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone()).astimezone(UTC)


def _at(day: date, clock: time | None) -> datetime | None:
    return None if clock is None else datetime.combine(day, clock, timezone.get_current_timezone()).astimezone(UTC)


def _next_step(now: datetime) -> datetime:
    seconds = STEP.total_seconds()
    return datetime.fromtimestamp((now.timestamp() // seconds + 1) * seconds, UTC)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _time(text: str) -> time | None:
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        return None


def _minutes(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else USUAL_MINUTES
