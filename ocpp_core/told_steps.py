"""The steps of a session's meter beside the frames that told them, as long as those are kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ocpp_core import frame_log
from ocpp_core.models import OcppFrame
from stations.meter_steps import Step, Steps
from stations.models import ChargingSession

MOST_RAW = 4_000
TELLING = ("StartTransaction", "MeterValues", "StopTransaction")


@dataclass(frozen=True)
class Told:
    """One step and the frame it came in."""

    step: Step
    frame: OcppFrame | None
    follows_gap: bool

    @property
    def action(self) -> str:
        """How chargers call what told it."""
        if self.frame is not None:
            return self.frame.action
        return {"start": "StartTransaction", "stop": "StopTransaction"}.get(str(self.step.source), "MeterValues")

    @property
    def raw(self) -> str:
        """The frame as it came."""
        return self.frame.raw[:MOST_RAW] if self.frame is not None else ""


def of(session: ChargingSession, steps: Steps) -> list[Told]:
    """Those around what is doubtful, with a mark where others are left out."""
    shown = steps.around()
    frames = _frames(session, shown)
    places = {id(step): index for index, step in enumerate(steps.all)}
    told = []
    before = None
    for step in shown:
        place = places[id(step)]
        told.append(Told(step, frames.get(step.received_at), before is not None and place > before + 1))
        before = place
    return told


def _frames(session: ChargingSession, shown: list[Step]) -> dict[datetime, OcppFrame]:
    """The charger's own words for these steps: a frame and what it told bear the same time of receipt."""
    if not shown:
        return {}
    times = {step.received_at for step in shown}
    begin, end = frame_log.first_since(min(times)), frame_log.first_since(max(times) + timedelta(seconds=1))
    said = OcppFrame.objects.filter(charge_point=session.charge_point_id, id__gte=begin, id__lt=end)
    telling = said.filter(direction=frame_log.FROM_CHARGER, type=frame_log.CALL, action__in=TELLING)
    wanted = [pk for pk, at in telling.values_list("pk", "at").iterator(chunk_size=2_000) if at in times]
    return {frame.at: frame for frame in OcppFrame.objects.filter(pk__in=wanted)}
