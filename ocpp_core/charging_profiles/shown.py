"""Charging profiles in plain words: where a limit holds, when, and how much it lets through."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from ocpp_core.charging_profiles.schedules import RECURRENCES, Period, moment, periods_of
from ocpp_core.charging_profiles.units import AMPERES
from ocpp_core.models import ChargingProfile
from stations.models import Command
from stations.templatetags.energy import SPACE, duration, kw, number, written_day

Words = str | Promise
WEEKDAYS: tuple[Words, ...] = (
    gettext_lazy("Mon"),
    gettext_lazy("Tue"),
    gettext_lazy("Wed"),
    gettext_lazy("Thu"),
    gettext_lazy("Fri"),
    gettext_lazy("Sat"),
    gettext_lazy("Sun"),
)
MOST_LINES = 24


@dataclass(frozen=True)
class Line:
    """From when on, and how much."""

    when: Words
    limit: str


@dataclass(frozen=True)
class Shown:
    """One profile for eyes."""

    row: ChargingProfile
    where: str
    how_often: Words
    lines: list[Line]
    begins: str
    ends: str

    @property
    def has_one_limit(self) -> bool:
        """Whether it says the same at any time."""
        return len(self.lines) == 1

    @property
    def is_ours(self) -> bool:
        """Whether protection put it there."""
        return self.row.command is not None and self.row.command.source == Command.Source.PROTECTION


def profile(row: ChargingProfile, zone: tzinfo) -> Shown:
    """Say what a profile means, in the time of the place."""
    schedule = row.profile["chargingSchedule"]
    periods = periods_of(schedule)
    base = moment(schedule.get("startSchedule"))
    lines = [
        Line(_when(row, period, base, zone, is_only=len(periods) == 1), _most(period.limit, schedule["chargingRateUnit"]))
        for period in periods[:MOST_LINES]
    ]
    begins = row.valid_from or (base if row.kind == ChargingProfile.Kind.ABSOLUTE else None)
    is_to_come = begins is not None and begins > row.accepted_at + timedelta(minutes=1)
    return Shown(
        row,
        where(row.purpose, row.connector_number),
        _how_often(row, is_only=len(periods) == 1),
        lines,
        _at(begins, zone) if begins is not None and is_to_come else "",
        _at(row.ends_at, zone) if row.ends_at is not None else "",
    )


def where(purpose: str, connector_number: int | None) -> str:
    """What a limit holds for."""
    if purpose == ChargingProfile.Purpose.CHARGE_POINT_MAX:
        return _("The whole charger")
    if purpose == ChargingProfile.Purpose.TX:
        if not connector_number:
            return _("One session")
        return _("Connector %(number)d, one session") % {"number": connector_number}
    if not connector_number:
        return _("Every session at any connector")
    return _("Connector %(number)d, every session") % {"number": connector_number}


def amount(limit: float, unit: str) -> str:
    """16 A, 11 kW."""
    if unit == AMPERES:
        exact = Decimal(str(limit))
        return f"{number(exact, 1 if exact % 1 else 0)}{SPACE}A"
    return kw(round(limit))


def _most(limit: float, unit: str) -> str:
    return _("at most %(limit)s") % {"limit": amount(limit, unit)} if limit > 0 else _("no charging")


def _how_often(row: ChargingProfile, *, is_only: bool) -> Words:
    if row.kind == ChargingProfile.Kind.RECURRING:
        return _("every week") if row.recurrency == "Weekly" else _("every day")
    if is_only:
        return ""
    return row.get_kind_display()


def _when(row: ChargingProfile, period: Period, base: datetime | None, zone: tzinfo, *, is_only: bool) -> Words:
    if is_only:
        return _("at any time")
    offset = timedelta(seconds=min(period.start_s, 10**8))
    if row.kind == ChargingProfile.Kind.RECURRING and base is not None:
        # The box counts on from the base; what its hours are here and now depends on the offset that holds now.
        local = _local(_later(_near(base, row), offset), zone)
        clock = formats.date_format(local, "G:i")
        if RECURRENCES.get(row.recurrency) == RECURRENCES["Weekly"]:
            return f"{WEEKDAYS[local.weekday()]} {clock}"
        return clock
    if row.kind == ChargingProfile.Kind.ABSOLUTE and base is not None:
        return _at(_later(base, offset), zone)
    if not period.start_s:
        return _("from the start of charging")
    return _("after %(length)s") % {"length": duration(period.start_s)}


def _near(base: datetime, row: ChargingProfile) -> datetime:
    """The base moved by whole rounds to when the profile was taken: hours of summer and winter differ."""
    every = RECURRENCES.get(row.recurrency, RECURRENCES["Daily"])
    return base + max(0, (row.accepted_at - base) // every) * every


def _at(at: datetime, zone: tzinfo) -> str:
    local = _local(at, zone)
    return f"{written_day(local.date())} {formats.date_format(local, 'G:i')}"


def _local(at: datetime, zone: tzinfo) -> datetime:
    """By the clock of the place, unless that lies past the ends of the calendar."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at


def _later(at: datetime, offset: timedelta) -> datetime:
    try:
        return at + offset
    except OverflowError:
        return at


def limits(steps: Iterator[tuple[datetime, float | None]], zone: tzinfo) -> list[Line]:
    """The steps of a curve in words, for who cannot see it."""
    said: list[Any] = []
    for at, limit_w in steps:
        words = pgettext("of power", "no limit") if limit_w is None else kw(round(limit_w))
        said.append(Line(formats.date_format(at.astimezone(zone), "G:i") if said else _("now"), words))
    return said
