"""What a driver's charging came to: money, energy and carbon dioxide, by month and by car."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from django.utils import timezone

from accounts.models import User, Vehicle
from stations import footprint, history
from stations.history import Wanted
from stations.models import ChargingSession

USUAL_WH_100KM = 18_000  # of a car nobody told us about


@dataclass
class Total:
    """Some sessions together."""

    cost_minor: int = 0
    energy_wh: int = 0
    sessions: int = 0
    saved_g: int = 0
    metres: int = 0

    def add(self, session: ChargingSession, spent_minor: int) -> None:
        """Count one more."""
        vehicle, kind = session.vehicle, session.connector.type
        consumption = vehicle.consumption_wh_100km if vehicle else USUAL_WH_100KM
        self.cost_minor += spent_minor
        self.energy_wh += session.energy_wh
        self.sessions += 1
        self.saved_g += footprint.saved_g(session.energy_wh, kind, consumption)
        self.metres += footprint.metres(session.energy_wh, kind, consumption)

    @property
    def average_minor(self) -> int | None:
        """What a kWh came to, everything included."""
        return (self.cost_minor * 1000 + self.energy_wh // 2) // self.energy_wh if self.energy_wh else None

    @property
    def kilometres(self) -> int:
        """About how far that goes."""
        return self.metres // 1000


@dataclass
class Year:
    """A year of a driver."""

    year: int
    total: Total = field(default_factory=Total)
    by_month: dict[date, Total] = field(default_factory=dict)
    by_vehicle: dict[Vehicle | None, Total] = field(default_factory=dict)


def of_year(user: User, year: int) -> Year:
    """What was charged in a year, by the day it began here; sessions that came to nothing are left out."""
    found = Year(year, by_month={date(year, month, 1): Total() for month in range(1, 13)})
    for session in _charged(user, year):
        began = timezone.localdate(session.started_at or session.created_at)
        spent_minor = int(getattr(session, "spent_minor", None) or 0)
        for total in (found.total, found.by_month[began.replace(day=1)], found.by_vehicle.setdefault(session.vehicle, Total())):
            total.add(session, spent_minor)
    return found


def years(user: User) -> list[int]:
    """The years a driver has charged in, the newest first; this one always."""
    began = history.of(user).filter(energy_wh__gt=0, started_at__isnull=False).order_by()
    return sorted({day.year for day in began.datetimes("started_at", "year")} | {timezone.localdate().year}, reverse=True)


def _charged(user: User, year: int) -> Iterator[ChargingSession]:
    wanted = Wanted(since=date(year, 1, 1), until=date(year, 12, 31))
    needed = ("started_at", "created_at", "energy_wh", "connector__type", "vehicle__name", "vehicle__consumption_wh_100km")
    found = history.of(user, wanted).filter(status=ChargingSession.Status.COMPLETED, energy_wh__gt=0)
    return found.select_related("connector", "vehicle").only(*needed).iterator(chunk_size=500)
