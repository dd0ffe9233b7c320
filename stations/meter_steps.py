"""The meter of one session step by step, each judged anew as it was judged when it came: what staff look at before they decide."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.conf import settings

from stations import metering
from stations.metering import Meter
from stations.models import ChargingSession, MeterValue

MOST_POINTS = 400
AROUND = 4


class Verdict(StrEnum):
    """What is to be said of one step."""

    FIRST = "first"
    FITS = "fits"
    IMPOSSIBLE = "impossible"
    GLITCH = "glitch"
    RESTARTED = "restarted"
    BACKWARDS = "backwards"
    OLD = "old"


class Source(StrEnum):
    """Where a step comes from."""

    START = "start"
    READING = "reading"
    STOP = "stop"


@dataclass
class Step:
    """One reading, with what came since the one before."""

    at: datetime
    received_at: datetime
    source: Source
    register_wh: int
    gain_wh: int | None
    most_wh: int | None
    """What the connector can have given since."""
    seconds: float
    counted_wh: int
    """What is believed of the session up to here."""
    verdict: Verdict

    @property
    def is_doubtful(self) -> bool:
        """Whether it is a reason to look."""
        return self.verdict in (Verdict.IMPOSSIBLE, Verdict.BACKWARDS)


@dataclass
class Steps:
    """All of them, from the start to the end."""

    all: list[Step] = field(default_factory=list)

    @property
    def doubtful(self) -> list[Step]:
        """Those that are a reason to look."""
        return [step for step in self.all if step.is_doubtful]

    def around(self) -> list[Step]:
        """Those around what is doubtful, and always the first and the last."""
        shown = {0, len(self.all) - 1}
        for index, step in enumerate(self.all):
            if step.is_doubtful:
                shown |= set(range(max(0, index - AROUND), index + AROUND))
        if not self.doubtful:
            shown |= set(range(AROUND)) | set(range(len(self.all) - AROUND, len(self.all)))
        return [step for index, step in enumerate(self.all) if index in shown]


def of(session: ChargingSession) -> Steps:
    """Replay what the charger said of its register. Late words that were not settled stand in as they were said."""
    return Steps(list(_steps(session)))


def _steps(session: ChargingSession) -> Iterator[Step]:
    power_w, slack_wh = session.connector.max_power_w, settings.METER_SLACK_WH
    began_at = session.started_at or session.created_at
    heard_at = session.start_received_at or began_at
    meter = Meter.begun(session.meter_start_wh, began_at, heard_at)
    if session.meter_start_wh is not None:
        yield Step(began_at, heard_at, Source.START, session.meter_start_wh, None, None, 0, 0, Verdict.FIRST)
    before: list[Step] = []
    rows = MeterValue.objects.filter(session=session).order_by("at", "pk").values_list("at", "received_at", "samples")
    for at, received_at, samples in rows.iterator(chunk_size=500):
        register = metering.measured(samples).energy_wh
        if register is None:
            continue
        step = _advance(meter, register, at, received_at, power_w, slack_wh)
        if step.verdict is Verdict.GLITCH and before:
            before[-1].verdict, step.verdict = Verdict.GLITCH, Verdict.FITS
        yield from before
        before = [step]
    yield from before
    last = _last(session, meter, power_w, slack_wh)
    if last is not None:
        yield last


def _advance(meter: Meter, register: int, at: datetime, received_at: datetime, power_w: int | None, slack_wh: int) -> Step:
    stood, jumps, resets, relative = meter.register, meter.jumps, meter.resets, meter.relative
    seconds = meter.seconds_to(at.timestamp(), received_at.timestamp())
    is_new = meter.advance(register, at.timestamp(), received_at.timestamp(), power_w, slack_wh)
    verdict = Verdict.FITS
    if not is_new:
        verdict = Verdict.OLD
    elif stood is None:
        verdict = Verdict.FIRST
    elif meter.jumps > jumps:
        verdict = Verdict.IMPOSSIBLE
    elif meter.jumps < jumps or meter.resets < resets:
        verdict = Verdict.GLITCH
    elif meter.resets > resets or meter.relative != relative:
        verdict = Verdict.RESTARTED
    return Step(
        at=at,
        received_at=received_at,
        source=Source.READING,
        register_wh=register,
        gain_wh=None if stood is None else register - stood,
        most_wh=None if stood is None else metering.plausible_wh(power_w, seconds, slack_wh),
        seconds=seconds,
        counted_wh=meter.energy,
        verdict=verdict,
    )


def _last(session: ChargingSession, meter: Meter, power_w: int | None, slack_wh: int) -> Step | None:
    """The end, as the charger told it in time or late."""
    late = next((case for case in session.meter_cases.all() if case.late_meter_stop_wh is not None), None)
    register_wh = late.late_meter_stop_wh if late is not None else session.meter_stop_wh
    at = late.late_stopped_at if late is not None else session.stopped_at
    if register_wh is None or at is None:
        return None
    received_at = late.opened_at if late is not None else session.stop_received_at or at
    stood = meter.register if meter.readings or not meter.relative else None
    seconds = meter.seconds_to(at.timestamp(), received_at.timestamp())
    most_wh = metering.plausible_wh(power_w, seconds, slack_wh)
    gain_wh = None if stood is None else register_wh - stood
    verdict = Verdict.FITS
    if gain_wh is None:
        verdict = Verdict.FIRST
    elif gain_wh > most_wh and not meter.relative:
        verdict = Verdict.IMPOSSIBLE
    elif gain_wh < -metering.TOLERANCE_WH:
        verdict = Verdict.BACKWARDS
    counted_wh = meter.energy + max(0, gain_wh or 0) if verdict is Verdict.FITS and not meter.relative else meter.energy
    return Step(at, received_at, Source.STOP, register_wh, gain_wh, most_wh, seconds, counted_wh, verdict)
