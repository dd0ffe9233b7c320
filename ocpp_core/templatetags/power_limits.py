"""`{% limit_curve curve %}`: the limit of an outlet over a day as steps, drawn on the server with attributes alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django import template
from django.utils import timezone

from stations.templatetags.charts import Frame, top

register = template.Library()

ROWS = 3
COLUMNS = 4
UNKNOWN_MOST_W = 11_000


@dataclass(frozen=True)
class Step:
    """From here on so many watts; None is no limit."""

    at: datetime
    limit_w: float | None


@dataclass(frozen=True)
class Curve:
    """What we reckon, and what the box says, both over the same stretch."""

    begins: datetime
    ends: datetime
    most_w: int | None
    reckoned: Sequence[Step]
    said: Sequence[Step] = ()
    said_until: datetime | None = None
    zone: tzinfo | None = None


@register.inclusion_tag("ocpp_core/_limit_curve.html")
def limit_curve(curve: Curve) -> dict[str, Any]:
    """The steps of a day: filled what we reckon, dotted what the box says."""
    known = [step.limit_w for step in (*curve.reckoned, *curve.said) if step.limit_w is not None]
    most_w = max([curve.most_w or 0, *(round(limit) for limit in known)]) or UNKNOWN_MOST_W
    frame = Frame(curve.begins, curve.ends, top(most_w))
    line = _steps(curve.reckoned, frame, curve.most_w or most_w, curve.ends)
    said = _steps(curve.said, frame, curve.most_w or most_w, min(curve.ends, curve.said_until or curve.ends))
    return {
        "line": line,
        "area": f"{line}V100H0Z" if line else "",
        "said": said,
        "rows": [frame.top_w * step // ROWS for step in range(ROWS, -1, -1)],
        "lines": [round(100 * step / ROWS, 2) for step in range(ROWS + 1)],
        "columns": [
            timezone.localtime(curve.begins + (curve.ends - curve.begins) * step / COLUMNS, curve.zone) for step in range(COLUMNS + 1)
        ],
        "most_w": most_w,
    }


def _steps(steps: Sequence[Step], frame: Frame, most_w: int, ends: datetime) -> str:
    """A path of steps. No limit is drawn as what the outlet can give."""
    inside = [step for step in steps if step.at < ends]
    last = max((index for index, step in enumerate(inside) if step.at <= frame.begins), default=0)
    path = ""
    for step in inside[last:]:
        x, y = frame.x(step.at), frame.y(round(min(most_w, most_w if step.limit_w is None else step.limit_w)))
        path += f"H{x}V{y}" if path else f"M{x} {y}"
    return f"{path}H{frame.x(ends)}" if path and ends > frame.begins + timedelta(0) else ""
