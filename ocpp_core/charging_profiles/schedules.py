"""What several charging profiles come to: the composite schedule, by the rules of the standard. Pure.

Of each purpose the highest stack level that has something to say counts. A session's own profile stands above the default
for sessions, and the least of that and the limit of the whole charger holds.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ocpp_core.charging_profiles.units import AMPERES, STANDARD_PHASES, VOLTAGE_V, WATTS

CHARGE_POINT_MAX, TX_DEFAULT, TX = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"
RECURRENCES = {"Daily": timedelta(days=1), "Weekly": timedelta(weeks=1)}
MOST_STEPS = 2_000
MOST = 10**9  # of amperes or watts
LONGEST_S = 10**9


@dataclass(frozen=True)
class Period:
    """A limit from so many seconds after the schedule began."""

    start_s: int
    limit: float
    phases: int | None = None


@dataclass(frozen=True)
class Held:
    """One profile as a box holds it."""

    connector_number: int
    purpose: str
    stack_level: int
    kind: str
    periods: tuple[Period, ...]
    unit: str
    accepted_at: datetime
    recurrency: str = ""
    begins_at: datetime | None = None
    duration_s: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction_id: int | None = None

    @classmethod
    def of(cls, profile: Mapping[str, Any], connector_number: int, accepted_at: datetime, transaction_id: int | None = None) -> "Held":
        """Read a profile in the standard's words, such as the schema lets through."""
        schedule = profile["chargingSchedule"]
        return cls(
            connector_number=connector_number,
            purpose=profile["chargingProfilePurpose"],
            stack_level=profile["stackLevel"],
            kind=profile["chargingProfileKind"],
            recurrency=profile.get("recurrencyKind", ""),
            periods=periods_of(schedule),
            unit=schedule["chargingRateUnit"],
            begins_at=moment(schedule.get("startSchedule")),
            duration_s=schedule.get("duration"),
            valid_from=moment(profile.get("validFrom")),
            valid_to=moment(profile.get("validTo")),
            transaction_id=profile.get("transactionId", transaction_id),
            accepted_at=accepted_at,
        )


@dataclass(frozen=True)
class Charging:
    """A session that runs: schedules that are relative count from its start."""

    started_at: datetime
    transaction_id: int | None = None


@dataclass(frozen=True)
class Step:
    """From here on this limit holds; None is no limit."""

    at: datetime
    limit: float | None


@dataclass(frozen=True)
class Question:
    """What is asked of the profiles: which outlet, which stretch of time, in which unit."""

    connector_number: int
    begins: datetime
    ends: datetime
    unit: str = WATTS
    phases: int = STANDARD_PHASES
    charging: Charging | None = None


def moment(said: object) -> datetime | None:
    """A time as the standard writes it; None where there is none, or none that can be."""
    if not isinstance(said, str):
        return None
    try:
        read = datetime.fromisoformat(said)
        return read.astimezone(UTC) if read.tzinfo is not None else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def periods_of(schedule: Mapping[str, Any]) -> tuple[Period, ...]:
    """The periods of a schedule in their order. The schema knows no bounds, so figures out of this world are cut."""
    said = (
        Period(
            min(entry["startPeriod"], LONGEST_S),
            float(max(0, min(entry["limit"], MOST))),
            entry.get("numberPhases") if entry.get("numberPhases") in (1, 2, 3) else None,
        )
        for entry in schedule["chargingSchedulePeriod"]
    )
    return tuple(sorted(said, key=lambda period: period.start_s))


def composite(profiles: Iterable[Held], asked: Question) -> list[Step]:
    """The limit over a stretch of time, a step wherever it changes. The whole charger (0) knows its own limit alone."""
    that_count = [profile for profile in profiles if _concerns(profile, asked)]
    moments = sorted({asked.begins, *(at for profile in that_count for at in _turns(profile, asked))})
    steps: list[Step] = []
    for at in moments[:MOST_STEPS]:
        limit = limit_at(that_count, asked, at)
        if not steps or steps[-1].limit != limit:
            steps.append(Step(at, limit))
    return steps


def limit_at(profiles: Sequence[Held], asked: Question, at: datetime) -> float | None:
    """The limit of one moment."""
    that_count = [profile for profile in profiles if _concerns(profile, asked)]
    own = _prevailing(that_count, TX, asked, at)
    if own is None:
        own = _prevailing(that_count, TX_DEFAULT, asked, at)
    limits = [limit for limit in (own, _prevailing(that_count, CHARGE_POINT_MAX, asked, at)) if limit is not None]
    return min(limits, default=None)


def _concerns(profile: Held, asked: Question) -> bool:
    if profile.purpose == CHARGE_POINT_MAX:
        return profile.connector_number == 0
    if asked.connector_number == 0 or profile.connector_number not in (0, asked.connector_number):
        return False
    if profile.purpose == TX:
        return asked.charging is not None and profile.transaction_id in (None, asked.charging.transaction_id)
    return True


def _prevailing(profiles: Sequence[Held], purpose: str, asked: Question, at: datetime) -> float | None:
    """Of one purpose the highest level that says something now; at the same level what is meant for this very outlet."""
    for profile in sorted(
        (profile for profile in profiles if profile.purpose == purpose),
        key=lambda one: (one.stack_level, one.connector_number, one.accepted_at),
        reverse=True,
    ):
        period = _period(profile, asked, at)
        if period is not None:
            return _in_unit(period, profile.unit, asked)
    return None


def _period(profile: Held, asked: Question, at: datetime) -> Period | None:
    if (profile.valid_from is not None and at < profile.valid_from) or (profile.valid_to is not None and at >= profile.valid_to):
        return None
    base = _base(profile, asked)
    if at < base:
        return None
    passed = at - base
    every = _recurrence(profile)
    if every is not None:
        passed %= every
    seconds = passed.total_seconds()
    if profile.duration_s is not None and seconds >= profile.duration_s:
        return None
    return next((period for period in reversed(profile.periods) if period.start_s <= seconds), None)


def _base(profile: Held, asked: Question) -> datetime:
    """From when its seconds count. Without a session, one is thought to begin with the stretch that is asked about."""
    if profile.kind != "Relative" and profile.begins_at is not None:
        return profile.begins_at
    if profile.purpose == CHARGE_POINT_MAX or profile.kind == "Recurring":
        return profile.accepted_at
    return asked.charging.started_at if asked.charging is not None else asked.begins


def _recurrence(profile: Held) -> timedelta | None:
    return RECURRENCES.get(profile.recurrency, RECURRENCES["Daily"]) if profile.kind == "Recurring" else None


def _in_unit(period: Period, unit: str, asked: Question) -> float:
    if unit == asked.unit:
        return period.limit
    per_ampere = VOLTAGE_V * (period.phases or asked.phases)
    return period.limit * per_ampere if unit == AMPERES else period.limit / per_ampere


def _turns(profile: Held, asked: Question) -> Iterator[datetime]:
    """Every moment of the stretch at which this profile may begin to say something else."""

    def within(at: datetime) -> bool:
        return asked.begins < at < asked.ends

    yield from (at for at in (profile.valid_from, profile.valid_to) if at is not None and within(at))
    base = _base(profile, asked)
    if base >= asked.ends:
        return
    every = _recurrence(profile)
    rounds = 1
    if every is not None:
        skipped = max(0, (asked.begins - base) // every)
        base += skipped * every
        rounds = max(1, math.ceil((asked.ends - base) / every))
    offsets = {period.start_s for period in profile.periods if every is None or period.start_s < every.total_seconds()}
    if profile.duration_s is not None:
        offsets.add(profile.duration_s)
    for turn in range(min(rounds, MOST_STEPS)):
        begun = base if every is None else base + turn * every
        yield from (at for offset in offsets if within(at := begun + timedelta(seconds=min(offset, LONGEST_S))))
        if within(begun):
            yield begun
