"""`{% power_curve session %}` and `{% meter_curve steps %}`: a session as SVG with attributes alone, drawn on the server."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django import template

from stations import curves
from stations.meter_steps import Step, Steps, Verdict
from stations.models import ChargingSession

register = template.Library()

STEPS_W = (500, 1000, 2000, 3000, 4000, 5000, 8000, 10_000, 20_000, 30_000, 50_000, 100_000, 200_000)
ROWS = 3
SHORTEST = timedelta(minutes=10)


@dataclass(frozen=True)
class Frame:
    """The piece of time and power the picture shows, on a field of 100 by 100 that the page stretches."""

    begins: datetime
    ends: datetime
    top_w: int
    """Watts, or watt-hours where it is the meter that is drawn."""

    def x(self, at: datetime) -> float:
        """From the left."""
        whole = (self.ends - self.begins).total_seconds()
        return round(min(100.0, max(0.0, (at - self.begins).total_seconds() / whole * 100)), 2)

    def y(self, power_w: int) -> float:
        """From the top."""
        return round(100 - min(power_w, self.top_w) / self.top_w * 100, 2)


@register.inclusion_tag("stations/_power_curve.html")
def power_curve(session: ChargingSession, until: datetime | None = None) -> dict[str, Any]:
    """The curve of a session; `until` draws on at the present power, dotted, up to the expected end."""
    points = curves.of(session)
    if len(points) < 2:
        return {"is_empty": True}
    last = points[-1]
    forecast = until if until is not None and until > last.at else None
    begins = points[0].at
    ends = forecast or last.at
    ends = max(ends, begins + SHORTEST)
    most_w = max([session.connector.max_power_w or 0, *(point.power_w for point in points)])
    frame = Frame(begins, ends, top(most_w))
    line = [(frame.x(point.at), frame.y(point.power_w)) for point in points]
    return {
        "is_empty": False,
        "line": _path(line),
        "area": f"{_path(line)}L{line[-1][0]} 100L{line[0][0]} 100Z",
        "now": line[-1] if not session.has_ended else None,
        "forecast": (*line[-1], frame.x(forecast), line[-1][1]) if forecast else None,
        "rows": [frame.top_w * step // ROWS for step in range(ROWS, -1, -1)],
        "lines": [round(100 * step / ROWS, 2) for step in range(ROWS + 1)],
        "columns": [begins + (ends - begins) * step / ROWS for step in range(ROWS + 1)],
        "most_w": most_w,
    }


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)


def top(most_w: int) -> int:
    """The next figure that three equal steps reach."""
    return next((step * ROWS for step in STEPS_W if step * ROWS >= most_w), STEPS_W[-1] * ROWS)


NARROWEST = 1.5
MOST_STEPS = 400


@register.inclusion_tag("stations/_meter_curve.html")
def meter_curve(steps: Steps) -> dict[str, Any]:
    """What a meter reported and what of it is plausible, over time; steps that cannot be are broken out of the line and marked."""
    told = [step for step in steps.all if step.verdict is not Verdict.OLD]
    if len(told) < 2:
        return {"is_empty": True}
    reported = _reported(told)
    begins, ends = told[0].at, max(step.at for step in told)
    ends = max(ends, begins + SHORTEST)
    frame = Frame(begins, ends, _top_wh(max(*reported, told[-1].counted_wh)))
    points = [(frame.x(step.at), frame.y(value)) for step, value in zip(told, reported, strict=True)]
    pieces: list[list[tuple[float, float]]] = [[points[0]]]
    jumps = []
    for step, before, point in zip(told[1:], points, points[1:], strict=False):
        if step.is_doubtful:
            jumps.append(_jump(before, point, is_marked=step.verdict is Verdict.IMPOSSIBLE))
            pieces.append([point])
        else:
            pieces[-1].append(point)
    believed = [(frame.x(step.at), frame.y(step.counted_wh)) for step in told]
    return {
        "is_empty": False,
        "reported": [_path(curves.evenly(piece, MOST_STEPS)) for piece in pieces if len(piece) > 1],
        "believed": _path(curves.evenly(believed, MOST_STEPS)),
        "jumps": jumps[:MOST_STEPS],
        "reported_wh": reported[-1],
        "believed_wh": told[-1].counted_wh,
        "rows": [frame.top_w * step // ROWS for step in range(ROWS, -1, -1)],
        "lines": [round(100 * step / ROWS, 2) for step in range(ROWS + 1)],
        "columns": [begins + (ends - begins) * step / ROWS for step in range(ROWS + 1)],
    }


def _reported(told: Sequence[Step]) -> list[int]:
    """What the display would say of the session at each step; where the register counts anew, it goes on from there."""
    values = [0]
    for before, step in pairwise(told):
        gain = step.register_wh - before.register_wh
        values.append(max(0, values[-1] + (step.register_wh if step.verdict is Verdict.RESTARTED else gain)))
    return values


def _jump(before: tuple[float, float], after: tuple[float, float], *, is_marked: bool) -> dict[str, Any]:
    """The step as a broken line; a band behind it says when, where that is a moment and not the whole session."""
    width = max(NARROWEST, round(after[0] - before[0], 2))
    left = round(min(100 - width, (before[0] + after[0] - width) / 2), 2)
    ends = [f"M{x} {y}" for x, y in (before, after)]
    return {"left": max(0, left), "width": width if is_marked else 0, "path": _path([before, after]), "ends": ends}


def _top_wh(most_wh: int) -> int:
    """The next figure that three equal, round steps reach, however far a meter leapt."""
    tens = 100
    while True:
        for step in (tens, 2 * tens, 4 * tens, 5 * tens):
            if step * ROWS >= most_wh:
                return step * ROWS
        tens *= 10
