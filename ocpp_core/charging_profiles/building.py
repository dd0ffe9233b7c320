"""Charging profiles made of what an owner wishes, in the words that her box takes. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any, TypeAlias

from django.utils.translation import gettext_lazy as _

from chargeshare.errors import Invalid
from ocpp_core.charging_profiles.abilities import Abilities
from ocpp_core.charging_profiles.schedules import CHARGE_POINT_MAX, TX, TX_DEFAULT
from ocpp_core.charging_profiles.units import AMPERES, DIRECT_TYPES, WATTS, converted, phases_of, spelt

DAY_S, WEEK_S = 86_400, 604_800
WHOLE_WEEK = frozenset(range(7))
SLOW_CLOCK = timedelta(hours=1)  # a box whose clock is behind obeys at once all the same
_PURPOSES = (CHARGE_POINT_MAX, TX_DEFAULT, TX)
_LEVELS_EACH = 100
_CONNECTORS_EACH = 1_000

Profile: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Amount:
    """So much, in amperes for each phase or in watts."""

    value: Decimal
    unit: str


@dataclass(frozen=True)
class Place:
    """What a limit is for: the whole charger, every session at an outlet, or the one that runs there."""

    connector_number: int
    max_power_w: int | None = None
    connector_type: str = ""
    transaction_id: int | None = None

    @property
    def purpose(self) -> str:
        """In the standard's words."""
        if self.connector_number == 0:
            return CHARGE_POINT_MAX
        return TX_DEFAULT if self.transaction_id is None else TX

    @property
    def phases(self) -> int:
        """How many phases it is thought to have."""
        return phases_of(self.max_power_w, self.connector_type)


@dataclass(frozen=True)
class Plan:
    """So much between two times of day, and so much otherwise; on every day, or on some days of the week (Monday is 0)."""

    within: Amount
    otherwise: Amount
    begins: time
    ends: time
    days: frozenset[int] = WHOLE_WEEK


@dataclass(frozen=True)
class Built:
    """A profile ready to be sent, and what its owner should know of it."""

    connector_number: int
    profile: Profile
    notes: tuple[str, ...] = ()

    @property
    def payload(self) -> Profile:
        """The payload of SetChargingProfile."""
        return {"connectorId": self.connector_number, "csChargingProfiles": self.profile}


def limit(place: Place, amount: Amount, can: Abilities, *, now: datetime, until: datetime | None = None) -> Built:
    """At most so much, from now on: for good, or until then.

    What has an end stands above what has none, so that a plan below it holds again afterwards, where the box can keep both.
    """
    if until is not None and until <= now:
        raise Invalid(fields={"until": [str(_("This time is over."))]})
    level = can.level(0 if until is None else 1)
    is_relative = can.relative_only or place.purpose == TX
    profile = _profile(place, level, "Relative" if is_relative else "Absolute")
    schedule, notes = _schedule(place, can, [(0, amount)])
    if not is_relative:
        begun = now - SLOW_CLOCK
        schedule["startSchedule"] = _written(begun)
        if until is not None:
            schedule["duration"] = int((until - begun).total_seconds())
    if until is not None:
        profile["validTo"] = _written(until)
    return Built(place.connector_number, {**profile, "chargingSchedule": schedule}, notes)


def day_plan(place: Place, plan: Plan, can: Abilities, *, now: datetime, zone: tzinfo, until: datetime | None = None) -> Built:
    """So much between two times of day and so much otherwise, again and again.

    A box counts in hours of its own, so a plan moves by one when summer time begins or ends, until it is sent anew.
    """
    if can.relative_only:
        raise Invalid(_("This charger takes no plans by the clock, only a limit that holds at any time."))
    if plan.begins == plan.ends:
        raise Invalid(fields={"ends": [str(_("The two times are the same."))]})
    if not plan.days:
        raise Invalid(fields={"days": [str(_("Choose at least one day."))]})
    if until is not None and until <= now:
        raise Invalid(fields={"until": [str(_("This time is over."))]})
    weekly = plan.days != WHOLE_WEEK
    local = now.astimezone(zone)
    midnight = datetime.combine(local.date() - timedelta(days=local.weekday() if weekly else 0), time(), tzinfo=UTC) - (
        local.utcoffset() or timedelta(0)
    )
    whole = WEEK_S if weekly else DAY_S
    stretches = _stretches(plan.begins, plan.ends, sorted(plan.days) if weekly else [0], whole)
    schedule, notes = _schedule(place, can, _turns(stretches, plan, whole))
    periods = len(schedule["chargingSchedulePeriod"])
    if can.most_periods is not None and periods > can.most_periods:
        message = _("This plan has %(periods)d parts and the charger takes %(most)d. Choose fewer days, or all of them.")
        raise Invalid(str(message) % {"periods": periods, "most": can.most_periods})
    schedule |= {"startSchedule": _written(midnight), "duration": whole}
    profile = {
        **_profile(place, can.level(0), "Recurring"),
        "recurrencyKind": "Weekly" if weekly else "Daily",
        "chargingSchedule": schedule,
    }
    if until is not None:
        profile["validTo"] = _written(until)
    return Built(place.connector_number, profile, notes)


def of_start(place: Place, amount: Amount, can: Abilities) -> Built:
    """A limit for a session that is asked for: it has no number yet, and the profile none of a transaction."""
    own = Place(place.connector_number, place.max_power_w, place.connector_type, transaction_id=0)
    schedule, notes = _schedule(own, can, [(0, amount)])
    profile = _profile(own, can.level(0), "Relative")
    del profile["transactionId"]
    return Built(place.connector_number, {**profile, "chargingSchedule": schedule}, notes)


def fitted(profile: Profile, can: Abilities, phases: int) -> Profile:
    """The same profile in the unit and at the level that the box takes."""
    schedule = profile["chargingSchedule"]
    unit = can.unit(schedule["chargingRateUnit"])
    level = can.level(profile["stackLevel"]) if can.only_level is not None else profile["stackLevel"]
    if unit == schedule["chargingRateUnit"]:
        return {**profile, "stackLevel": level}
    periods = [
        {
            **period,
            "limit": spelt(
                converted(Decimal(str(period["limit"])), schedule["chargingRateUnit"], unit, period.get("numberPhases") or phases)
            ),
        }
        for period in schedule["chargingSchedulePeriod"]
    ]
    changed = {**schedule, "chargingRateUnit": unit, "chargingSchedulePeriod": periods}
    return {**profile, "stackLevel": level, "chargingSchedule": changed}


def profile_id(purpose: str, connector_number: int, level: int) -> int:
    """The number of a profile of ours: the same for the same place, so that a new one replaces the old whatever a box thinks of levels."""
    return ((_PURPOSES.index(purpose) + 1) * _CONNECTORS_EACH + connector_number % _CONNECTORS_EACH) * _LEVELS_EACH + level % _LEVELS_EACH


def _profile(place: Place, level: int, kind: str) -> Profile:
    profile: Profile = {
        "chargingProfileId": profile_id(place.purpose, place.connector_number, level),
        "stackLevel": level,
        "chargingProfilePurpose": place.purpose,
        "chargingProfileKind": kind,
    }
    return profile if place.transaction_id is None else {**profile, "transactionId": place.transaction_id}


def _schedule(place: Place, can: Abilities, turns: Iterable[tuple[int, Amount]]) -> tuple[Profile, tuple[str, ...]]:
    turns = list(turns)
    unit = can.unit(turns[0][1].unit)
    if place.connector_type in DIRECT_TYPES and not can.is_known:
        unit = WATTS
    limits = [(start, _in(place, amount, unit)) for start, amount in turns]
    notes: tuple[str, ...] = ()
    if any(amount.unit != unit for _start, amount in turns):
        notes = (_note(unit, place.phases),)
    periods = [{"startPeriod": start, "limit": spelt(value)} for start, value in limits]
    return {"chargingRateUnit": unit, "chargingSchedulePeriod": periods}, notes


def _in(place: Place, amount: Amount, unit: str) -> Decimal:
    if amount.unit != unit and place.connector_type in DIRECT_TYPES:
        raise Invalid(fields={"unit": [str(_("Say the limit of direct current in kW."))]})
    return converted(amount.value, amount.unit, unit, place.phases)


def _note(unit: str, phases: int) -> str:
    """What was assumed where one unit became the other."""
    if unit == AMPERES:
        message = _(
            "The charger takes limits in amperes. It was counted with %(phases)d × 230 V; if yours has fewer phases, it gives less."
        )
        if phases == 1:
            message = _("The charger takes limits in amperes. It was counted with one phase of 230 V; if yours has three, it gives more.")
    else:
        message = _("The charger takes limits in watts. It was counted with %(phases)d × 230 V; if yours has fewer phases, it gives more.")
        if phases == 1:
            message = _("The charger takes limits in watts. It was counted with one phase of 230 V; if yours has three, it gives less.")
    return str(message) % {"phases": phases}


def _stretches(begins: time, ends: time, days: Sequence[int], whole: int) -> list[tuple[int, int]]:
    """From which second to which of the round; what goes past midnight runs into the next day, past the end to the beginning."""
    first, last = _seconds(begins), _seconds(ends)
    length = last - first if last > first else last + DAY_S - first
    found = []
    for day in days:
        start = day * DAY_S + first
        end = start + length
        found.append((start, min(end, whole)))
        if end > whole:
            found.append((0, end - whole))
    return found


def _turns(stretches: Sequence[tuple[int, int]], plan: Plan, whole: int) -> list[tuple[int, Amount]]:
    edges = sorted({0, *(edge for stretch in stretches for edge in stretch if edge < whole)})
    turns: list[tuple[int, Amount]] = []
    for edge in edges:
        amount = plan.within if any(start <= edge < end for start, end in stretches) else plan.otherwise
        if not turns or turns[-1][1] != amount:
            turns.append((edge, amount))
    return turns


def _seconds(of_day: time) -> int:
    return of_day.hour * 3600 + of_day.minute * 60 + of_day.second


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
