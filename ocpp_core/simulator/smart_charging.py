"""The charging profiles of a simulated charger: taken, refused, obeyed and cleared as the standard says."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from ocpp_core.charging_profiles.schedules import CHARGE_POINT_MAX, TX, Charging, Held, Question, composite, limit_at
from ocpp_core.charging_profiles.units import AMPERES, STANDARD_PHASES, VOLTAGE_V, WATTS, phases_of
from ocpp_core.simulator.configuration import Configuration
from ocpp_core.simulator.outlet import Outlet, Transaction
from ocpp_core.simulator.timing import Clock

Payload: TypeAlias = dict[str, Any]
Answer: TypeAlias = tuple[Payload, Callable[[], Awaitable[object]] | None]

UNIT_WORDS = {AMPERES: "Current", WATTS: "Power"}


@dataclass
class Installed:
    """A profile in the box; one for a session knows its transaction, which may have no number yet."""

    connector: int
    profile: Payload
    at: datetime
    transaction: Transaction | None = None

    @property
    def level(self) -> tuple[int, str, int]:
        """What no two of them share."""
        return self.connector, self.profile["chargingProfilePurpose"], self.profile["stackLevel"]


class Box(Protocol):
    """What smart charging needs of the charge point."""

    clock: Clock
    outlets: dict[int, Outlet]
    configuration: Configuration
    profiles: list[Installed]

    async def notify_status(self, connector: int, status: str | None = None) -> None:
        """Say how an outlet stands."""


def refresh(box: Box) -> None:
    """Let every outlet know its limit of this moment."""
    for outlet in box.outlets.values():
        outlet.limit_w = limit_w(box, outlet) if box.profiles else None


def limit_w(box: Box, outlet: Outlet) -> float | None:
    """The power the profiles allow an outlet now."""
    now = box.clock.now()
    return limit_at(_held(box, outlet.transaction), _question(box, outlet.number, now, now, WATTS), now)


def begun(box: Box, outlet: Outlet, transaction: Transaction) -> None:
    """A transaction begins: a profile that came with the request to start it is its own from now on."""
    coming, outlet.coming_profile = outlet.coming_profile, None
    if coming is not None and coming[0] == transaction.id_tag:
        install(box, outlet.number, coming[1], transaction)
    refresh(box)


def forget(box: Box, transaction: Transaction) -> None:
    """A transaction has ended, and its profiles with it."""
    box.profiles = [installed for installed in box.profiles if installed.transaction is not transaction]
    refresh(box)


def install(box: Box, connector: int, profile: Payload, transaction: Transaction | None = None) -> bool:
    """Put a profile in the place of what the standard says it replaces; False where there is no room for it."""
    new = Installed(connector, profile, box.clock.now(), transaction)
    number = profile["chargingProfileId"]
    rest = [known for known in box.profiles if known.profile["chargingProfileId"] != number and known.level != new.level]
    if len(rest) >= box.configuration.number("MaxChargingProfilesInstalled"):
        return False
    box.profiles = [*rest, new]
    refresh(box)
    return True


def set_profile(box: Box, payload: Payload) -> Answer:
    """Answer SetChargingProfile."""
    number, profile = payload["connectorId"], payload["csChargingProfiles"]
    if "SmartCharging" not in box.configuration.text("SupportedFeatureProfiles"):
        return {"status": "NotSupported"}, None
    transaction = box.outlets[number].transaction if number in box.outlets else None
    purpose = profile["chargingProfilePurpose"]
    if number not in (0, *box.outlets) or not is_acceptable(box, profile) or (purpose == CHARGE_POINT_MAX and number != 0):
        return {"status": "Rejected"}, None
    if purpose == TX:
        named = profile.get("transactionId")
        if transaction is None or named not in (None, transaction.id):
            return {"status": "Rejected"}, None
    if not install(box, number, profile, transaction if purpose == TX else None):
        return {"status": "Rejected"}, None
    return {"status": "Accepted"}, lambda: _notify(box)


def clear_profile(box: Box, payload: Payload) -> Answer:
    """Answer ClearChargingProfile: the one of this number, or all that the other words choose."""
    if "id" in payload:
        kept = [known for known in box.profiles if known.profile["chargingProfileId"] != payload["id"]]
    else:
        kept = [known for known in box.profiles if not _is_chosen(known, payload)]
    found = len(kept) < len(box.profiles)
    box.profiles = kept
    refresh(box)
    return {"status": "Accepted" if found else "Unknown"}, lambda: _notify(box)


def composite_schedule(box: Box, payload: Payload) -> Answer:
    """Answer GetCompositeSchedule. Where no profile says anything, what the outlet can give is the limit."""
    number, unit = payload["connectorId"], payload.get("chargingRateUnit", WATTS)
    if number not in (0, *box.outlets):
        return {"status": "Rejected"}, None
    begins = box.clock.now()
    outlets = [outlet for outlet in box.outlets.values() if number in (0, outlet.number)]
    asked = _question(box, number, begins, begins + timedelta(seconds=payload["duration"]), unit)
    most_w = sum(outlet.max_power_w for outlet in outlets)
    most = most_w if unit == WATTS else most_w / VOLTAGE_V / asked.phases
    steps = composite(_held(box, outlets[0].transaction if number else None), asked)
    periods = [
        {
            "startPeriod": int((step.at - begins).total_seconds()),
            "limit": round(most if step.limit is None else min(most, step.limit), 1),
        }
        for step in steps[: box.configuration.number("ChargingScheduleMaxPeriods")]
    ]
    schedule = {"duration": payload["duration"], "chargingRateUnit": unit, "chargingSchedulePeriod": periods}
    answer = {"status": "Accepted", "connectorId": number, "chargingSchedule": schedule}
    return {**answer, "scheduleStart": begins.strftime("%Y-%m-%dT%H:%M:%SZ")}, None


def is_acceptable(box: Box, profile: Payload) -> bool:
    """Whether the box can keep to it: level, unit, number of periods, and a time to come again from."""
    schedule = profile["chargingSchedule"]
    if not 0 <= profile["stackLevel"] <= box.configuration.number("ChargeProfileMaxStackLevel"):
        return False
    if UNIT_WORDS[schedule["chargingRateUnit"]] not in box.configuration.text("ChargingScheduleAllowedChargingRateUnit"):
        return False
    if profile["chargingProfileKind"] == "Recurring" and ("recurrencyKind" not in profile or "startSchedule" not in schedule):
        return False
    periods = schedule["chargingSchedulePeriod"]
    return 0 < len(periods) <= box.configuration.number("ChargingScheduleMaxPeriods") and periods[0]["startPeriod"] == 0


def _held(box: Box, transaction: Transaction | None) -> list[Held]:
    """The profiles as the reckoning takes them; those of other transactions say nothing here."""
    return [
        Held.of({**known.profile, "transactionId": None}, known.connector, known.at)
        for known in box.profiles
        if known.transaction is None or known.transaction is transaction
    ]


def _question(box: Box, connector: int, begins: datetime, ends: datetime, unit: str) -> Question:
    outlet = box.outlets.get(connector)
    running = outlet.transaction if outlet is not None else None
    phases = STANDARD_PHASES if outlet is None else phases_of(round(outlet.max_power_w))
    return Question(connector, begins, ends, unit, phases, None if running is None else Charging(running.started_at))


def _is_chosen(known: Installed, payload: Payload) -> bool:
    told = {
        "connectorId": known.connector,
        "chargingProfilePurpose": known.profile["chargingProfilePurpose"],
        "stackLevel": known.profile["stackLevel"],
    }
    return all(told[name] == value for name, value in payload.items() if name in told)


async def _notify(box: Box) -> None:
    for outlet in box.outlets.values():
        if outlet.transaction is not None and outlet.status != outlet.running_status():
            await box.notify_status(outlet.number)
