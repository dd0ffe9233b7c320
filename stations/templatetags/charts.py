"""`{% power_curve session %}`: the power of a session as SVG with attributes alone, drawn on the server, live page and receipt alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import template

from stations import curves
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
