"""Usage × prices → lines of a receipt. Pure: no database, no clock, no float."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Self

from billing import bands, money
from billing.bands import Band
from billing.models import CdrLine, TariffVersion
from billing.models.tariff import DEFAULT_IDLE_CAP

FREE_BELOW_WH = 100  # a session that brought no real energy costs nothing, not even its start
EXPECTED_WH = 10_000
EXPECTED_MINUTES = 15
Kind = CdrLine.Kind


@dataclass(frozen=True)
class Prices:
    """What a session costs, as agreed at its start."""

    price_per_kwh: Decimal
    price_per_minute: Decimal
    session_fee: Decimal
    idle_price_per_minute: Decimal
    idle_grace_minutes: int
    bands: tuple[Band, ...]
    currency: str
    minimum_price: Decimal = Decimal(0)
    idle_cap: Decimal = DEFAULT_IDLE_CAP
    idle_quiet_from: str = ""
    idle_quiet_to: str = ""

    @classmethod
    def of(cls, version: TariffVersion) -> Self:
        """The prices of one version of a tariff."""
        return cls(
            price_per_kwh=version.price_per_kwh,
            price_per_minute=version.price_per_minute,
            session_fee=version.session_fee,
            idle_price_per_minute=version.idle_price_per_minute,
            idle_grace_minutes=version.idle_grace_minutes,
            bands=tuple(Band.read(band) for band in version.bands),
            currency=version.tariff.currency,
            minimum_price=version.minimum_price,
            idle_cap=version.idle_cap,
            idle_quiet_from=version.idle_quiet_from,
            idle_quiet_to=version.idle_quiet_to,
        )

    @classmethod
    def from_snapshot(cls, snapshot: Mapping[str, Any]) -> Self:
        """The prices that `snapshot()` wrote down."""
        return cls(
            price_per_kwh=Decimal(snapshot["price_per_kwh"]),
            price_per_minute=Decimal(snapshot["price_per_minute"]),
            session_fee=Decimal(snapshot["session_fee"]),
            idle_price_per_minute=Decimal(snapshot["idle_price_per_minute"]),
            idle_grace_minutes=int(snapshot["idle_grace_minutes"]),
            bands=tuple(Band.read(band) for band in snapshot["bands"]),
            currency=str(snapshot["currency"]),
            # Receipts are for ever: older ones know nothing of what follows.
            minimum_price=Decimal(snapshot.get("minimum_price", 0)),
            idle_cap=Decimal(snapshot.get("idle_cap", DEFAULT_IDLE_CAP)),
            idle_quiet_from=str(snapshot.get("idle_quiet_from", "")),
            idle_quiet_to=str(snapshot.get("idle_quiet_to", "")),
        )

    def snapshot(self) -> dict[str, Any]:
        """The prices as JSON, to be frozen into a receipt."""
        return {
            "price_per_kwh": str(self.price_per_kwh),
            "price_per_minute": str(self.price_per_minute),
            "session_fee": str(self.session_fee),
            "idle_price_per_minute": str(self.idle_price_per_minute),
            "idle_grace_minutes": self.idle_grace_minutes,
            "bands": [band.written() for band in self.bands],
            "currency": self.currency,
            "minimum_price": str(self.minimum_price),
            "idle_cap": str(self.idle_cap),
            "idle_quiet_from": self.idle_quiet_from,
            "idle_quiet_to": self.idle_quiet_to,
        }

    @property
    def is_free(self) -> bool:
        """Whether nothing in it ever costs money: such a session needs neither credit nor a hold."""
        return not any((self.dearest_per_kwh, self.price_per_minute, self.session_fee, self.idle_price_per_minute, self.minimum_price))

    @property
    def dearest_per_kwh(self) -> Decimal:
        """The highest price a kWh can have: what limits must reckon with."""
        return max([self.price_per_kwh, *(band.price_per_kwh for band in self.bands)])

    @property
    def quiet_hours(self) -> Band | None:
        """When standing costs nothing, because nobody drives a car away at night."""
        return Band((), self.idle_quiet_from, self.idle_quiet_to, Decimal(0)) if self.idle_quiet_from else None


@dataclass(frozen=True)
class Usage:
    """What a session used.

    `seconds` counts by our own clock, because a charger's may be wrong; `intervals` say when the energy flowed
    (from, to, Wh) and matter for bands alone; without them it is spread evenly over the session. `idle` says from when to
    when a car that had all it wanted stood there, in order.
    """

    energy_wh: int
    started_at: datetime
    stopped_at: datetime
    seconds: int
    idle: tuple[tuple[datetime, datetime], ...] = ()
    time_zone: str = "Europe/Prague"
    intervals: tuple[tuple[datetime, datetime, int], ...] = ()


@dataclass(frozen=True)
class PricedLine:
    """One line of a receipt."""

    kind: str
    text: str
    quantity: Decimal
    unit_price: Decimal
    amount_minor: int


def price(prices: Prices, usage: Usage) -> list[PricedLine]:
    """The lines of a receipt, each rounded half up for itself; the same function makes estimates and bills."""
    if usage.energy_wh < FREE_BELOW_WH:
        return []
    lines = _energy_lines(prices, usage)
    if prices.price_per_minute:
        lines.append(_time_line(Kind.TIME, usage.seconds, prices.price_per_minute))
    if prices.session_fee:
        lines.append(PricedLine(Kind.SESSION, "", Decimal("1.000"), prices.session_fee, money.minor(prices.session_fee)))
    idle_seconds = _paid_idle_seconds(prices, usage)
    if idle_seconds:
        lines.append(_time_line(Kind.IDLE, idle_seconds, prices.idle_price_per_minute, most_minor=money.minor(prices.idle_cap)))
    missing_minor = money.minor(prices.minimum_price) - total(lines)
    if missing_minor > 0:
        lines.append(PricedLine(Kind.MINIMUM, "", Decimal("1.000"), money.decimal(missing_minor), missing_minor))
    return lines


def total(lines: Sequence[PricedLine]) -> int:
    """The sum of rounded lines: what the receipt says at its foot."""
    return sum(line.amount_minor for line in lines)


def affordable_wh(prices: Prices, amount_minor: int, used: Usage | None = None) -> int | None:
    """The greatest energy whose price still fits the amount, at the dearest hour; None where energy costs nothing.

    `used` says how much time has been used beside it so far.
    """
    scaled = money.ten_thousandths(prices.dearest_per_kwh)
    if scaled == 0:
        return None
    rest_minor = amount_minor - total(_lines_beside_energy(prices, used or _at_once(0)))
    if rest_minor < 0 or amount_minor < money.minor(prices.minimum_price):
        return 0
    return (200_000 * rest_minor + 100_000 - 1) // (2 * scaled)


def affordable_seconds(prices: Prices, amount_minor: int, *, energy_wh: int = 0) -> int | None:
    """The longest time whose price still fits the amount beside the energy used; None where time costs nothing."""
    scaled = money.ten_thousandths(prices.price_per_minute)
    if scaled == 0:
        return None
    rest_minor = amount_minor - money.minor(prices.session_fee) - money.price_minor(energy_wh, prices.dearest_per_kwh)
    if rest_minor < 0 or amount_minor < money.minor(prices.minimum_price):
        return 0
    return (12_000 * rest_minor + 6_000 - 1) // (2 * scaled)


def expected_minor(prices: Prices, *, energy_wh: int = EXPECTED_WH) -> int:
    """What a visit of so much energy and a quarter of an hour costs at the dearest hour: the size of the first hold."""
    beside = total(_lines_beside_energy(prices, _at_once(EXPECTED_MINUTES * 60)))
    return max(money.price_minor(energy_wh, prices.dearest_per_kwh) + beside, money.minor(prices.minimum_price))


def _at_once(seconds: int) -> Usage:
    """So much time, no matter when."""
    epoch = datetime.fromtimestamp(0, UTC)
    return Usage(0, epoch, epoch, seconds)


def _lines_beside_energy(prices: Prices, used: Usage) -> list[PricedLine]:
    """What time and the start cost, whatever energy comes with it."""
    lines = price(replace(prices, bands=(), minimum_price=Decimal(0)), replace(used, energy_wh=FREE_BELOW_WH, intervals=()))
    return [line for line in lines if line.kind != Kind.ENERGY]


def _paid_idle_seconds(prices: Prices, usage: Usage) -> int:
    """How long a car stood beyond the grace, quiet hours left out. The grace runs at night too."""
    if not prices.idle_price_per_minute:
        return 0
    grace = timedelta(minutes=prices.idle_grace_minutes)
    paid = timedelta(0)
    for begins, ends in usage.idle:
        free = min(grace, max(timedelta(0), ends - begins))
        grace -= free
        if begins + free < ends:
            paid += bands.outside(prices.quiet_hours, begins + free, ends, usage.time_zone)
    return paid // timedelta(seconds=1)


def _energy_lines(prices: Prices, usage: Usage) -> list[PricedLine]:
    if not prices.bands:
        return [_energy_line("", usage.energy_wh, prices.price_per_kwh)]
    intervals = usage.intervals or ((usage.started_at, usage.stopped_at, usage.energy_wh),)
    parts = bands.split(prices.bands, usage.energy_wh, intervals, usage.time_zone)
    lines = []
    for band, energy_wh in parts:
        text = band.label if band else ""
        lines.append(_energy_line(text, energy_wh, band.price_per_kwh if band else prices.price_per_kwh))
    return lines


def _energy_line(text: str, energy_wh: int, price_per_kwh: Decimal) -> PricedLine:
    return PricedLine(Kind.ENERGY, text, Decimal(energy_wh).scaleb(-3), price_per_kwh, money.price_minor(energy_wh, price_per_kwh))


def _time_line(kind: str, seconds: int, price_per_minute: Decimal, *, most_minor: int | None = None) -> PricedLine:
    amount_minor = money.rounded_half_up(seconds * money.ten_thousandths(price_per_minute), 6_000)
    if most_minor is not None:
        amount_minor = min(amount_minor, most_minor)
    minutes = (Decimal(seconds) / 60).quantize(Decimal("0.001"), ROUND_HALF_UP)
    return PricedLine(kind, "", minutes, price_per_minute, amount_minor)
