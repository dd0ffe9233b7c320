"""Readings → energy: units and phases, session or lifetime registers, resets, plausibility. Pure.

Chargers lie in many ways without meaning to: registers restart, count since the session instead of ever, jump. What is
billed is the sum of the plausible steps between readings; a step no outlet could have delivered is left out, remembered,
and makes the session one for a person to look at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Self, TypedDict

ENERGY = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"
SOC = "SoC"
UNKNOWN_POWER_W = 43_000
TOLERANCE_WH = 50
MOST_WH = 2**53
MOST_DIGITS = 16
CLOCK_TOLERANCE_S = 300
_UP, _DOWN = 1, -1
_UNITS = {"wh": 1, "": 1, "kwh": 1000}
_POWER_UNITS = {"w": 1, "": 1, "kw": 1000}
_PERCENT = {"percent": 1, "": 1, "%": 1}
_PHASES = {"L1": "L1", "L1-N": "L1", "L2": "L2", "L2-N": "L2", "L3": "L3", "L3-N": "L3"}


class Sample(TypedDict, total=False):
    """One sampled value in the standard's words; `value` is text, as it came."""

    value: str
    measurand: str
    unit: str
    phase: str
    context: str
    location: str
    format: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a charger's meter said at one instant."""

    at: datetime
    samples: list[Sample]


@dataclass(frozen=True, slots=True)
class Measured:
    """What matters in one reading; None for what it does not say."""

    energy_wh: int | None = None
    power_w: int | None = None
    soc_percent: int | None = None


def measured(samples: Sequence[Sample]) -> Measured:
    """Register, power and state of charge of one reading. What stands at the beginning of a session is no progress."""
    energy: list[Sample] = []
    power: list[Sample] = []
    soc: list[Sample] = []
    for sample in samples:
        measurand = sample.get("measurand", ENERGY)
        kind = energy if measurand == ENERGY else power if measurand == POWER else soc if measurand == SOC else None
        if kind is not None and sample.get("format", "Raw") != "SignedData" and sample.get("context") != "Transaction.Begin":
            kind.append(sample)
    percent = _total(soc, _PERCENT) if soc else None
    watts = _total(power, _POWER_UNITS) if power else None
    register = _total(energy, _UNITS) if energy else None
    return Measured(
        energy_wh=register if register is not None and 0 <= register < MOST_WH else None,
        power_w=watts if watts is None or abs(watts) < 2**31 else None,
        soc_percent=percent if percent is not None and 0 <= percent <= 100 else None,
    )


def energy_wh(reading: Reading) -> int | None:
    """The import register of a reading in Wh, if it has one."""
    return measured(reading.samples).energy_wh


def power_w(reading: Reading) -> int | None:
    """The power of a reading in W, if it says so."""
    return measured(reading.samples).power_w


def soc(reading: Reading) -> int | None:
    """The state of charge in percent, if the car tells."""
    return measured(reading.samples).soc_percent


def plausible_wh(power_w: int | None, seconds: float, slack_wh: int) -> int:
    """The most energy an outlet can have delivered in so many seconds."""
    return int((power_w or UNKNOWN_POWER_W) * max(0.0, seconds) * 11 / 36_000) + slack_wh


@dataclass(slots=True)
class Meter:
    """What is remembered of a session's meter between readings; kept as JSON in the session."""

    register: int | None = None
    """The last value of the register; None before the first."""
    at: float = 0.0
    """The charger's time of it, in seconds."""
    received: float = 0.0
    """Our time of it."""
    energy: int = 0
    """The plausible energy so far."""
    readings: int = 0
    """How many readings counted."""
    relative: bool = False
    """Whether the readings count since the session began while the start did not."""
    resets: int = 0
    jumps: int = 0
    before: list[float] | None = None
    """Direction of the last doubtful step, and register, energy and time before it: if the next reading fits there, it was a glitch."""
    interval: float = 0.0
    """Seconds between the last two readings."""

    @classmethod
    def begun(cls, meter_start_wh: int | None, at: datetime, received_at: datetime) -> Self:
        """The meter as a StartTransaction leaves it."""
        return cls(register=meter_start_wh, at=at.timestamp(), received=received_at.timestamp())

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """From the session's JSON."""
        return cls(**state)

    def state(self) -> dict[str, Any]:
        """To the session's JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def is_doubtful(self) -> bool:
        """Whether a step was seen that no outlet could have delivered."""
        return self.jumps > 0

    def advance(self, value: int, at: float, received: float, power_w: int | None, slack_wh: int) -> bool:
        """Take the next value of the register. False if it is an old one that came late."""
        if self.register is None:
            self._note(value, at, received)
            return True
        if value < self.register - TOLERANCE_WH:
            if at <= self.at and self.readings:
                return False
            if not self._undo(_UP, value, at, power_w, slack_wh):
                self._restart(value, plausible_wh(power_w, self.seconds_to(at, received), slack_wh))
        else:
            value = max(value, self.register)
            step = value - self.register
            if step <= plausible_wh(power_w, self.seconds_to(at, received), slack_wh):
                self.energy += step
                self.before = None
            elif not self._undo(_DOWN, value, at, power_w, slack_wh):
                self.before = [_UP, self.register, self.energy, self.at]
                self.jumps += 1
        self._note(value, at, received)
        return True

    def _restart(self, value: int, most_wh: int) -> None:
        """A register lower than before counts since the session began, or it restarted at nought on the way."""
        if self.readings:
            self.before = [_DOWN, self.register or 0, self.energy, self.at]
            self.resets += 1
        else:
            self.relative = True
        if value <= most_wh:
            self.energy += value
        else:
            self.jumps += 1

    def _undo(self, direction: int, value: int, at: float, power_w: int | None, slack_wh: int) -> bool:
        """See whether the last step was a glitch: this reading goes on from where the register stood before it."""
        if self.before is None or self.before[0] != direction:
            return False
        _direction, register, energy, before_at = self.before
        step = value - int(register)
        if not -TOLERANCE_WH <= step <= plausible_wh(power_w, at - before_at, slack_wh):
            return False
        self.energy = int(energy) + max(0, step)
        if direction == _UP:
            self.jumps -= 1
        else:
            self.resets -= 1
        self.before = None
        return True

    def seconds_to(self, at: float, received: float) -> float:
        """How long after the last reading: by the charger's own clock where that can be right, else by ours."""
        if at > self.at and at <= received + CLOCK_TOLERANCE_S:
            return at - self.at
        return received - self.received

    def _note(self, value: int, at: float, received: float) -> None:
        if self.readings:
            self.interval = max(0.0, at - self.at)
        self.register = value
        self.at = max(self.at, at)
        self.received = received
        self.readings += 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a session's meter says in the end."""

    energy_wh: int
    meter_stop_wh: int | None
    doubt: str = ""
    """Why a person must look at it before money moves; empty if there is nothing to doubt."""


def outcome(
    meter: Meter,
    *,
    meter_start_wh: int | None,
    meter_stop_wh: int | None = None,
    at: datetime,
    received_at: datetime,
    power_w: int | None,
    slack_wh: int,
) -> Outcome:
    """The energy of a session that is over. With a doubt, `energy_wh` is the smallest that is plausible.

    A meterStop below the last reading is a rebooted box: then the last reading counts.
    """
    if meter_stop_wh is None:
        stop = meter.register if meter.readings else meter_start_wh
        return Outcome(meter.energy, stop, "jump" if meter.is_doubtful else "")
    most_wh = plausible_wh(power_w, meter.seconds_to(at.timestamp(), received_at.timestamp()), slack_wh)
    if not meter.readings:
        return _without_readings(meter_start_wh, meter_stop_wh, most_wh)
    if meter.relative and meter_start_wh is not None and meter_stop_wh >= meter_start_wh - TOLERANCE_WH:
        # Start and Stop count for ever, the readings between them since the session began.
        total = max(0, meter_stop_wh - meter_start_wh)
        return _judged(meter, total, total - meter.energy, most_wh, meter_stop_wh)
    register = meter.register or 0
    if meter_stop_wh < register - TOLERANCE_WH:
        return Outcome(meter.energy, register, "jump" if meter.is_doubtful else "")
    step = max(0, meter_stop_wh - register)
    return _judged(meter, meter.energy + step, step, most_wh, max(meter_stop_wh, register))


def _judged(meter: Meter, total_wh: int, step_wh: int, most_wh: int, meter_stop_wh: int) -> Outcome:
    if step_wh > most_wh:
        return Outcome(meter.energy, meter_stop_wh, "jump")
    return Outcome(total_wh, meter_stop_wh, "jump" if meter.is_doubtful else "")


def _without_readings(meter_start_wh: int | None, meter_stop_wh: int, most_wh: int) -> Outcome:
    if meter_start_wh is None:
        return Outcome(0, meter_stop_wh, "no start")
    step = meter_stop_wh - meter_start_wh
    if step < -TOLERANCE_WH:
        return Outcome(0, meter_stop_wh, "backwards")
    if step > most_wh:
        return Outcome(0, meter_stop_wh, "jump")
    return Outcome(max(0, step), max(meter_stop_wh, meter_start_wh))


def _total(samples: list[Sample], units: Mapping[str, int]) -> int | None:
    """The total if it was said, else the sum of the phases, never both. One phase alone is the total."""
    if len(samples) == 1:
        phase = samples[0].get("phase")
        return _whole(samples[0], units) if not phase or phase in _PHASES else None
    samples = [sample for sample in samples if sample.get("location", "Outlet") == "Outlet"] or samples
    totals = [sample for sample in samples if not sample.get("phase")]
    for sample in reversed(totals):
        value = _whole(sample, units)
        if value is not None:
            return value
    phases: dict[str, int] = {}
    for sample in samples:
        phase = _PHASES.get(sample.get("phase", ""))
        if phase is not None:
            value = _whole(sample, units)
            if value is None:
                return None
            phases[phase] = value
    return sum(phases.values()) if phases else None


def _whole(sample: Sample, units: Mapping[str, int]) -> int | None:
    """A value in the base unit, rounded to a whole one; None for junk."""
    factor = units.get(sample.get("unit", "").lower())
    if factor is None:
        return None
    text = sample.get("value", "").strip()
    digits, _point, fraction = text.partition(".")
    if factor == 1 and not fraction.strip("0") and digits.isdecimal() and len(digits) <= MOST_DIGITS and digits.isascii():
        return int(digits)
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if not text.isascii() or "_" in text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if not value.is_finite() or value.adjusted() > MOST_DIGITS:
        return None
    return int((value * factor).to_integral_value(ROUND_HALF_UP))
