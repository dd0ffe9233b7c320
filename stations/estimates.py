"""What charging will cost here, how long it takes and how much the meter will count: one computation for every page.

It prices with the function that writes the bill, from a moment on by the clock on the charger's wall. Standing after
charging is not in it: nobody knows when the driver comes back.

A car takes the least of what the charger gives and what it can take itself. By alternating current it takes that to the
end. By direct current it takes it up to 80 % of its battery, and from there less by the percent in a straight line, a
fifth of it just before it is full; batteries differ, and this errs on the slow side.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Vehicle
from billing import pricing
from billing.pricing import Prices, Usage
from chargeshare.errors import Invalid
from stations import circles, footprint
from stations.models import Connector

FROM_PERCENT, TO_PERCENT = 20, 80
TAPER_FROM = 80
LEAST_SHARE = 20  # of the full power, at 100 %
ALTERNATING = frozenset({"TYPE_1", "TYPE_2", "SCHUKO"})


@dataclass(frozen=True)
class Need:
    """What a driver wants: so much energy, or her car from one percent to another."""

    energy_wh: int = 20_000
    vehicle: Vehicle | None = None
    from_percent: int = FROM_PERCENT
    to_percent: int = TO_PERCENT

    @property
    def gain_wh(self) -> int:
        """What the battery gains."""
        return self.vehicle.battery_wh * (self.to_percent - self.from_percent) // 100 if self.vehicle else self.energy_wh


@dataclass(frozen=True)
class Course:
    """How a charging goes: pieces of (seconds, Wh by the meter), or no seconds at all where nobody knows the power."""

    energy_wh: int
    power_w: int | None
    pieces: tuple[tuple[int, int], ...]
    fits: bool = True

    @property
    def seconds(self) -> int | None:
        """How long it takes at best."""
        return sum(seconds for seconds, _energy_wh in self.pieces) if self.power_w else None


@dataclass(frozen=True)
class Estimate:
    """What a driver is told beforehand; the bill goes by the meter."""

    total_minor: int
    currency: str
    energy_wh: int
    seconds: int | None
    power_w: int | None
    begins_at: datetime
    fits: bool = True
    saved_g: int | None = None

    @property
    def done_at(self) -> datetime | None:
        """When it would be done."""
        return self.begins_at + timedelta(seconds=self.seconds) if self.seconds else None

    @property
    def per_kwh(self) -> Decimal | None:
        """What a kWh comes to with everything in it: tariffs of all kinds by one measure."""
        if not self.energy_wh:
            return None
        return (Decimal(self.total_minor) * 10 / self.energy_wh).quantize(Decimal("0.01"), ROUND_HALF_UP)


def percents(from_percent: object, to_percent: object) -> tuple[int, int]:
    """From where to where a battery is to be charged, or a sentence that says why it cannot."""
    if not isinstance(from_percent, int) or not isinstance(to_percent, int) or not (0 <= from_percent <= 100 and 0 <= to_percent <= 100):
        raise Invalid(_("A battery is charged from 0 to 100 %."))
    if from_percent >= to_percent:
        raise Invalid(_("The battery has %(from)s %%, so it cannot be charged to %(to)s %%.") % {"from": from_percent, "to": to_percent})
    return from_percent, to_percent


def course(need: Need, connector_type: str, max_power_w: int | None) -> Course:
    """How charging so much goes at an outlet."""
    vehicle = need.vehicle
    if vehicle is None:
        seconds = charging_seconds(need.energy_wh, max_power_w) or 0
        return Course(need.energy_wh, max_power_w, ((seconds, need.energy_wh),))
    is_direct = connector_type in footprint.DIRECT
    limit_w = vehicle.dc_limit_w if is_direct else vehicle.ac_limit_w
    power_w = min(filter(None, (limit_w, max_power_w)), default=None)
    energy_wh = footprint.metered_wh(need.gain_wh, connector_type)
    fits = fits_car(vehicle, connector_type)
    if not is_direct or power_w is None or need.to_percent <= TAPER_FROM:
        return Course(energy_wh, power_w, ((charging_seconds(energy_wh, power_w) or 0, energy_wh),), fits)
    pieces, counted_wh = [], 0
    steady_percent = max(0, TAPER_FROM - need.from_percent)
    ends = [need.from_percent + steady_percent, *range(max(TAPER_FROM, need.from_percent) + 1, need.to_percent + 1)]
    for end in ends:
        until_wh = energy_wh * (end - need.from_percent) // (need.to_percent - need.from_percent)
        piece_w = power_w * _share_at(end) // 100 if end > TAPER_FROM else power_w
        pieces.append((charging_seconds(until_wh - counted_wh, piece_w) or 0, until_wh - counted_wh))
        counted_wh = until_wh
    return Course(energy_wh, power_w, tuple(piece for piece in pieces if piece[1]), fits)


def fits_car(vehicle: Vehicle, connector_type: str) -> bool:
    """Whether a car can be plugged in: a cable goes with either socket of alternating current, a household socket with any."""
    if connector_type in ALTERNATING:
        return bool(ALTERNATING & set(vehicle.connector_types))
    return not connector_type or connector_type in vehicle.connector_types


def usable_types(vehicle: Vehicle) -> tuple[str, ...]:
    """Into which outlets it can be plugged."""
    return tuple(kind for kind in Connector.Type.values if fits_car(vehicle, kind))


def _share_at(percent: int) -> int:
    """The power while the battery goes through this percent, as a share of the full one; the middle of it counts."""
    return 100 - (100 - LEAST_SHARE) * (2 * (percent - TAPER_FROM) - 1) // (2 * (100 - TAPER_FROM))


def charging_seconds(energy_wh: int, power_w: int | None) -> int | None:
    """How long so much energy takes at best."""
    return round(energy_wh * 3600 / power_w) if power_w else None


def cost_minor(prices: Prices, planned: Course, time_zone: str, begins_at: datetime) -> int:
    """What a course costs by these prices if it begins then."""
    begins_at = begins_at.astimezone(UTC)  # where the clock is changed, hours are counted and not read
    intervals, at = [], begins_at
    for seconds, energy_wh in planned.pieces:
        intervals.append((at, at + timedelta(seconds=seconds), energy_wh))
        at += timedelta(seconds=seconds)
    usage = Usage(
        energy_wh=planned.energy_wh,
        started_at=begins_at,
        stopped_at=at,
        seconds=planned.seconds or 0,
        time_zone=time_zone,
        intervals=tuple(intervals) if len(intervals) > 1 else (),
    )
    return pricing.total(pricing.price(prices, usage))


def of(connector: Connector, need: Need, *, begins_at: datetime | None = None, prices: Prices | None = None) -> Estimate | None:
    """What this costs here for her whom `circles.look_up` has looked the prices up for; nothing where there is no price yet."""
    prices = prices or prices_of(connector)
    if prices is None:
        return None
    begins_at = (begins_at or timezone.now()).astimezone(UTC)
    planned = course(need, connector.type, connector.max_power_w)
    return Estimate(
        total_minor=cost_minor(prices, planned, connector.charge_point.time_zone, begins_at),
        currency=prices.currency,
        energy_wh=planned.energy_wh,
        seconds=planned.seconds,
        power_w=planned.power_w,
        begins_at=begins_at,
        fits=planned.fits,
        saved_g=footprint.saved_g(planned.energy_wh, connector.type, need.vehicle.consumption_wh_100km) if need.vehicle else None,
    )


def for_car(connectors: Iterable[Connector], need: Need, *, begins_at: datetime | None = None) -> dict[int, Estimate]:
    """The same for many outlets in one go, by their primary keys, those without a price left out.

    It asks the database nothing where `circles.look_up` has been there and the chargers of the outlets are loaded;
    the prices of a tariff are read once, however many outlets have it.
    """
    begins_at = begins_at or timezone.now()
    known: dict[int, Prices] = {}
    found: dict[int, Estimate] = {}
    for connector in connectors:
        tariff = circles.shown_tariff(connector)
        if tariff is None or tariff.current is None:
            continue
        version = tariff.current
        if version.pk not in known:
            known[version.pk] = Prices.of(version)
        estimate = of(connector, need, begins_at=begins_at, prices=known[version.pk])
        if estimate is not None:
            found[connector.pk] = estimate
    return found


def prices_of(connector: Connector | None) -> Prices | None:
    """The prices of an outlet as they are now for her who looks."""
    tariff = circles.shown_tariff(connector) if connector is not None else None
    return Prices.of(tariff.current) if tariff is not None and tariff.current is not None else None


def energy_until_wh(need: Need, connector: Connector) -> int:
    """At how much energy by the meter to stop, so that the battery has about what the driver wants."""
    return footprint.metered_wh(need.gain_wh, connector.type)
