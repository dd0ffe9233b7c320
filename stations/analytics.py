"""What chargers earned and sold, by time and by charger, out of the frozen receipts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from django.utils import timezone

from accounts.models import User
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

    def add(self, cdr: ChargeDetailRecord, energy_before_wh: int) -> None:
        """Count a receipt. A correction is no visit of its own: its amount is a difference, its energy replaces the earlier."""
        self.earned_minor += cdr.owner_minor
        self.energy_wh += cdr.energy_wh - energy_before_wh
        self.sessions += cdr.corrects_id is None

    @property
    def average_wh(self) -> int:
        """Energy of one visit."""
        return self.energy_wh // self.sessions if self.sessions else 0


@dataclass
class Harvest:
    """What an owner's chargers brought in a span."""

    span: Span
    total: Tally = field(default_factory=Tally)
    by_slot: dict[date, Tally] = field(default_factory=dict)
    by_charge_point: dict[str, Tally] = field(default_factory=dict)


def harvest(owner: User, spans: Iterable[Span]) -> list[Harvest]:
    """What came in during each of the spans, in one look at the receipts. The owner's own charging brings nothing."""
    harvests = [Harvest(span, by_slot={slot: Tally() for slot in span.slots}) for span in spans]
    first = min(one.span.first for one in harvests) - timedelta(days=1)
    cdrs = ChargeDetailRecord.objects.filter(owner=owner, stopped_at__date__gte=first).exclude(driver=owner)
    fields = ("session_code", "owner_minor", "energy_wh", "corrects_id", "charge_point_code", "stopped_at")
    counted_wh: dict[UUID, int] = {}
    for cdr in cdrs.only(*fields).order_by("pk").iterator(chunk_size=1000):
        day = timezone.localdate(cdr.stopped_at)
        before_wh = counted_wh.get(cdr.session_code, 0)
        counted_wh[cdr.session_code] = cdr.energy_wh
        for one in harvests:
            if one.span.first <= day <= one.span.last:
                one.total.add(cdr, before_wh)
                one.by_slot[one.span.slot(day)].add(cdr, before_wh)
                one.by_charge_point.setdefault(cdr.charge_point_code, Tally()).add(cdr, before_wh)
    return harvests


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
