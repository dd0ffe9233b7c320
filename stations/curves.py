"""The power of a session over time, as its meter told it, thinned to what a picture can show."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

from stations import metering
from stations.models import ChargingSession, MeterValue

MOST_POINTS = 240
LONGEST_GAP_S = 3600
T = TypeVar("T")


class Point(NamedTuple):
    """So much power at that time."""

    at: datetime
    power_w: int


def of(session: ChargingSession) -> list[Point]:
    """The curve of one session, oldest first: reported power, else what the energy between two readings comes to."""
    rows = MeterValue.objects.filter(session=session).order_by("at", "id").values_list("at", "samples")
    readings = (metering.Reading(at=at, samples=samples) for at, samples in rows.iterator(chunk_size=500))
    points = list(_points(readings))
    if session.started_at is not None and points and session.started_at < points[0].at:
        points.insert(0, Point(session.started_at, 0))
    return thinned(points)


def thinned(points: list[Point]) -> list[Point]:
    """At most MOST_POINTS of them: of each stretch the highest, and always the first and the last."""
    if len(points) <= MOST_POINTS:
        return points
    inner, step = points[1:-1], (len(points) - 2) / (MOST_POINTS - 2)
    stretches = (inner[int(index * step) : int((index + 1) * step)] for index in range(MOST_POINTS - 2))
    return [points[0], *(max(stretch, key=lambda point: point.power_w) for stretch in stretches if stretch), points[-1]]


def evenly(rows: list[T], most: int) -> list[T]:
    """At most so many of them, evenly spread, the first and the last among them."""
    if len(rows) <= most:
        return rows
    return [rows[index * (len(rows) - 1) // (most - 1)] for index in range(most)]


def _points(readings: Iterable[metering.Reading]) -> Iterable[Point]:
    before: tuple[datetime, int] | None = None
    for reading in readings:
        power_w = metering.power_w(reading)
        energy_wh = metering.energy_wh(reading)
        if power_w is not None:
            yield Point(reading.at, max(0, power_w))
        elif energy_wh is not None and before is not None:
            seconds = (reading.at - before[0]).total_seconds()
            if 0 < seconds <= LONGEST_GAP_S:
                yield Point(reading.at, max(0, round((energy_wh - before[1]) * 3600 / seconds)))
        if energy_wh is not None:
            before = (reading.at, energy_wh)
