"""One outlet with its cable, contactor and meter, and the car that hangs on it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

RAMP_S = 40.0
TAPER_FROM = 0.85
VOLTAGE_V = 230
MAINS_HZ = 50


@dataclass
class Car:
    """What a car takes: up to `max_power_w`, until `wanted_wh` are in; it slows down towards the end as batteries do."""

    wanted_wh: float = 30_000
    max_power_w: float = 11_000
    battery_wh: float = 60_000

    def power_w(self, offered_w: float, seconds: float, charged_wh: float) -> float:
        """Give the power it draws after so many seconds and so much energy."""
        done = charged_wh / self.wanted_wh if self.wanted_wh else 1.0
        if done >= 1:
            return 0.0
        ramp = min(1.0, 0.2 + 0.8 * seconds / RAMP_S)
        taper = 1.0 if done < TAPER_FROM else max(0.15, (1 - done) / (1 - TAPER_FROM))
        return min(offered_w, self.max_power_w) * ramp * taper

    def soc_percent(self, charged_wh: float) -> int:
        """Give its state of charge; it is full when it has what it wanted."""
        return max(0, min(100, round(100 - 100 * (self.wanted_wh - charged_wh) / self.battery_wh)))


@dataclass
class Transaction:
    """One charging from StartTransaction to StopTransaction; `id` is None until the central system has given one."""

    id_tag: str
    started_at: datetime
    meter_start_wh: int
    id: int | None = None
    parent_tag: str | None = None
    seconds: float = 0.0
    charged_wh: float = 0.0
    stopped: bool = False


@dataclass
class Reservation:
    """An outlet kept for one tag."""

    id: int
    id_tag: str
    parent_tag: str | None
    expires_at: datetime

    def admits(self, id_tag: str, parent_tag: str | None) -> bool:
        """Whether this card, or another of its group, may use it."""
        return id_tag == self.id_tag or (parent_tag is not None and parent_tag == self.parent_tag)


@dataclass
class Outlet:
    """One outlet. Energy flows only while a cable is plugged in, a transaction runs and nothing suspends it."""

    number: int
    max_power_w: float = 11_000
    meter_wh: float = 0.0
    car: Car = field(default_factory=Car)
    status: str = "Available"
    error_code: str = "NoError"
    is_plugged: bool = False
    is_available: bool = True
    becomes_available: bool | None = None
    transaction: Transaction | None = None
    authorized_tag: str | None = None
    authorized_until: datetime | None = None
    coming_profile: tuple[str, dict[str, Any]] | None = None
    reservation: Reservation | None = None
    limit_w: float | None = None
    power_w: float = 0.0

    @property
    def register_wh(self) -> int:
        """The meter as its display shows it."""
        return int(self.meter_wh)

    def advance(self, seconds: float) -> None:
        """Let energy flow for a while."""
        running = self.transaction
        if running is None or not self.is_plugged or self.status not in ("Charging", "SuspendedEV", "SuspendedEVSE"):
            self.power_w = 0.0
            return
        offered = self.max_power_w if self.limit_w is None else min(self.max_power_w, self.limit_w)
        while seconds > 0:
            step = min(seconds, 5.0)
            self.power_w = self.car.power_w(offered, running.seconds, running.charged_wh)
            energy = min(self.power_w * step / 3600, max(0.0, self.car.wanted_wh - running.charged_wh))
            self.meter_wh += energy
            running.charged_wh += energy
            running.seconds += step
            seconds -= step
        if running.charged_wh >= self.car.wanted_wh:
            self.power_w = 0.0

    def resting_status(self) -> str:
        """Give the status of an outlet at which nothing runs."""
        if self.error_code != "NoError":
            return "Faulted"
        if not self.is_available:
            return "Unavailable"
        if self.is_plugged:
            return "Preparing"
        return "Reserved" if self.reservation else "Available"

    def running_status(self) -> str:
        """Give the status of an outlet at which a transaction runs."""
        if self.limit_w is not None and self.limit_w <= 0:
            return "SuspendedEVSE"
        running = self.transaction
        return "SuspendedEV" if running is None or running.charged_wh >= self.car.wanted_wh else "Charging"

    def sampled_values(self, measurands: str, context: str) -> list[dict[str, Any]]:
        """Read the meter: one sampled value for each measurand it has been asked for and knows."""
        charged = self.transaction.charged_wh if self.transaction else 0.0
        phases = 1 if self.max_power_w <= 7_400 else 3
        known = {
            "Energy.Active.Import.Register": (str(self.register_wh), "Wh"),
            "Power.Active.Import": (str(round(self.power_w)), "W"),
            "Current.Import": (f"{self.power_w / phases / VOLTAGE_V:.1f}", "A"),
            "Current.Offered": (f"{self.max_power_w / phases / VOLTAGE_V:.1f}", "A"),
            "Voltage": (str(VOLTAGE_V), "V"),
            "Frequency": (str(MAINS_HZ), "Hertz"),
            "SoC": (str(self.car.soc_percent(charged)), "Percent"),
        }
        values = []
        for measurand in (name.strip() for name in measurands.split(",")):
            if measurand in known:
                value, unit = known[measurand]
                location = "EV" if measurand == "SoC" else "Outlet"
                values.append({"value": value, "context": context, "measurand": measurand, "location": location})
                if measurand != "Frequency":  # the standard's schema forgot Hertz at first, and some systems with it
                    values[-1]["unit"] = unit
        return values
