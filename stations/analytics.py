"""What chargers earned and sold, by time and by charger, out of the frozen receipts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Self

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User
from billing import kept, spans
from billing.models import ChargeDetailRecord


class Period(StrEnum):
    """How far back an owner looks."""

    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True)
class Span:
    """Whole days, the last one included, cut into days or (a year) into months."""

    period: Period
    first: date
    last: date

    @classmethod
    def of(cls, period: Period, today: date) -> Self:
        """This week, this month or this year, to its end."""
        if period == Period.WEEK:
            first = today - timedelta(days=today.weekday())
            return cls(period, first, first + timedelta(days=6))
        if period == Period.MONTH:
            return cls(period, today.replace(day=1), _next_month(today) - timedelta(days=1))
        return cls(period, date(today.year, 1, 1), date(today.year, 12, 31))

    @property
    def before(self) -> "Span":
        """The one that ended when this began."""
        return Span.of(self.period, self.first - timedelta(days=1))

    @property
    def slots(self) -> list[date]:
        """The first days of its parts."""
        if self.period == Period.YEAR:
            return [date(self.first.year, month, 1) for month in range(1, 13)]
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    def slot(self, day: date) -> date:
        """The part a day belongs to."""
        return day.replace(day=1) if self.period == Period.YEAR else day


@dataclass
class Tally:
    """What some sessions came to, after the platform's fee."""

    earned_minor: int = 0
    energy_wh: int = 0
    sessions: int = 0

    def add(self, other: "Tally") -> None:
        """Count some more."""
        self.earned_minor += other.earned_minor
        self.energy_wh += other.energy_wh
        self.sessions += other.sessions

    @property
    def average_wh(self) -> int:
        """Energy of one visit."""
        return self.energy_wh // self.sessions if self.sessions else 0


@dataclass
class Harvest:
    """What an owner's chargers brought in a span."""

    span: Span
    earlier_minor: int = 0
    """What the span before brought."""
    total: Tally = field(default_factory=Tally)
    by_slot: dict[date, Tally] = field(default_factory=dict)
    by_charge_point: dict[str, Tally] = field(default_factory=dict)


def harvest(owner: User, span: Span) -> Harvest:
    """What came in during a span. The owner's own charging brings nothing; a correction is no visit of its own."""
    if span.period == Period.YEAR:
        return _of_year(owner, span)
    slots = span.slots
    edges = [spans.midnight(day) for day in (*slots, span.last + timedelta(days=1))]
    *found, before = spans.sums(owner.pk, [*pairwise(edges), (spans.midnight(span.before.first), edges[0])])
    by_slot = {slot: _tally(one) for slot, one in zip(slots, found, strict=True)}
    within = (
        ChargeDetailRecord.objects.filter(owner=owner, stopped_at__gte=edges[0], stopped_at__lt=edges[-1]).exclude(driver=owner).order_by()
    )
    visits = Q(corrects=None)
    rows = within.values_list("charge_point_code").annotate(
        earned=Sum("owner_minor"), energy=Coalesce(Sum("energy_wh", filter=visits), 0), visits=Count("pk", filter=visits)
    )
    one = Harvest(span, before["earned_minor"], by_slot=by_slot, by_charge_point={code: Tally(*figures) for code, *figures in rows})
    for code, stopped_at, more_wh in _corrections(within):
        by_slot[span.slot(timezone.localdate(stopped_at))].energy_wh += more_wh
        one.by_charge_point[code].energy_wh += more_wh
    return _added_up(one)


def _of_year(owner: User, span: Span) -> Harvest:
    """The same of a year, which is made of whole months."""
    slots, before = span.slots, span.before.slots
    by_slot = kept.sums(owner.pk, slots, of=kept.Of.ENDED, per="month")
    chargers = kept.sums(owner.pk, slots, of=kept.Of.ENDED, per="charge_point_code")
    earlier = kept.sums(owner.pk, before, of=kept.Of.ENDED, per="month")
    one = Harvest(
        span,
        sum(month["earned_minor"] for month in earlier.values()),
        by_slot={slot: _tally(by_slot[slot]) if slot in by_slot else Tally() for slot in slots},
        by_charge_point={code: _tally(charger) for code, charger in chargers.items()},
    )
    return _added_up(one)


def _tally(figures: dict[str, int]) -> Tally:
    return Tally(figures["earned_minor"], figures["energy_wh"] + figures.get("corrected_wh", 0), figures["sessions"])


def _added_up(one: Harvest) -> Harvest:
    for tally in one.by_slot.values():
        one.total.add(tally)
    return one


def _corrections(within: QuerySet[ChargeDetailRecord]) -> Iterable[tuple[str, datetime, int]]:
    """The few that put an earlier receipt right, with how much energy is more by it: theirs replaces that of the earlier."""
    rows = within.filter(corrects__isnull=False).values_list("charge_point_code", "stopped_at", "energy_wh", "corrects__energy_wh")
    return ((code, stopped_at, energy_wh - before_wh) for code, stopped_at, energy_wh, before_wh in rows)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
