"""What a driver's charging came to: money, energy and carbon dioxide, by month and by car."""

from dataclasses import dataclass, field
from datetime import date, datetime, time

from django.db.models import Case, Count, Sum, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual
from django.utils import timezone

from accounts.models import User, Vehicle
from billing.models import ChargeDetailRecord
from stations import footprint, history
from stations.history import Wanted
from stations.models import ChargingSession

USUAL_WH_100KM = 18_000  # of a car nobody told us about
OUT_OF_TURN = 200  # so many a charger that was offline may tell late
NOT_YET = (ChargingSession.Status.PENDING, ChargingSession.Status.ACTIVE)


@dataclass
class Total:
    """Some sessions together."""

    cost_minor: int = 0
    energy_wh: int = 0
    sessions: int = 0
    saved_g: int = 0
    metres: int = 0

    def add(self, energy_wh: int, visits: int, spent_minor: int, *, kind: str, vehicle: Vehicle | None) -> None:
        """Count some more, of one car at one kind of connector."""
        consumption = vehicle.consumption_wh_100km if vehicle else USUAL_WH_100KM
        self.cost_minor += spent_minor
        self.energy_wh += energy_wh
        self.sessions += visits
        self.saved_g += footprint.saved_g(energy_wh, kind, consumption)
        self.metres += footprint.metres(energy_wh, kind, consumption)

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
    """What was charged in a year, by the day it began here; sessions that came to nothing are left out.

    The database adds up what one car took at one kind of connector in a month: whoever has charged twenty thousand times
    waits no longer for it than others.
    """
    months = [date(year, month, 1) for month in range(1, 13)]
    found = Year(year, by_month={month: Total() for month in months})
    wanted = Wanted(since=months[0], until=date(year, 12, 31))
    charged = history.of(user, wanted).filter(status=ChargingSession.Status.COMPLETED, energy_wh__gt=0).order_by()
    began = Coalesce("started_at", "created_at")
    place = Case(*(When(GreaterThanOrEqual(began, _midnight(month)), then=Value(month.month)) for month in reversed(months)))
    parts = charged.annotate(place=place).values_list("place", "vehicle_id", "connector__type")
    cars = {car.pk: car for car in Vehicle.objects.filter(user=user)}
    for month, car, kind, energy_wh, visits, spent_minor in parts.annotate(
        energy=Sum("energy_wh"), visits=Count("pk"), spent=Coalesce(Sum("cdr__total_minor"), 0)
    ):
        for total in _of(found, months[month - 1], cars.get(car)):
            total.add(energy_wh, visits, spent_minor, kind=kind, vehicle=cars.get(car))
    corrections = ChargeDetailRecord.objects.filter(driver=user, corrects__isnull=False)
    more = dict(corrections.order_by().values_list("session_code").annotate(sum=Sum("total_minor")))
    for code, month, car in charged.annotate(place=place).filter(code__in=more).values_list("code", "place", "vehicle_id"):
        for total in _of(found, months[month - 1], cars.get(car)):
            total.cost_minor += more[code]
    return found


def _of(year: Year, month: date, car: Vehicle | None) -> tuple[Total, ...]:
    """Where a part of the year counts."""
    return year.total, year.by_month[month], year.by_vehicle.setdefault(car, Total())


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def years(user: User) -> list[int]:
    """The years from the first to the last a driver has charged in, the newest first; this one always."""
    charged = ChargingSession.objects.filter(driver=user, energy_wh__gt=0, started_at__isnull=False).exclude(status__in=NOT_YET)
    ends = [charged.order_by(order).values_list("started_at", flat=True)[:OUT_OF_TURN] for order in ("pk", "-pk")]
    began = [timezone.localdate(at).year for end in ends for at in end]
    known = range(min(began), max(began) + 1) if began else range(0)
    return sorted({*known, timezone.localdate().year}, reverse=True)
