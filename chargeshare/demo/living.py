"""The demo town of today: its chargers as simulated wallboxes on real sockets, two of them charging all the time."""

import asyncio
import contextlib
import random
from collections.abc import Callable

from accounts.models import User
from billing import ledger
from chargeshare.demo import bookings, history, town
from chargeshare.demo.town import BOXES, Box
from ocpp_core.simulator import Car, LinkClosed, Refused, SimulatedChargePoint, dialler
from stations import charge_points
from stations.models import ChargePoint

# Who charges at the boxes where somebody always does.
GUESTS = {"DEMO-NOVAK-1": "jakub.cerny@example.com", "DEMO-DVORAKOVA-1": town.DRIVER}
LIVE_INTERVAL_S = 10
LOW_CREDIT_MINOR = 40_000
ADDED_MINOR = 100_000
PARTING_S = 5.0
CABLE_S = 5.0


class Town:
    """Everything that stands and drives in the demo town while it runs."""

    def __init__(self, ocpp_url: str, say: Callable[[str], None]) -> None:
        self._say = say
        self._boxes = {box.identity: box for box in BOXES if box.today != "offline"}
        self._chargers = {identity: self._charger(box, ocpp_url) for identity, box in self._boxes.items()}
        self._tasks: list[asyncio.Task[None]] = []
        self.charging = asyncio.Event()

    def _charger(self, box: Box, ocpp_url: str) -> SimulatedChargePoint:
        charge_point = ChargePoint.objects.get(identity=box.identity, retired_at=None)
        charger = SimulatedChargePoint(
            charge_point.identity,
            dialler(ocpp_url, charge_point.identity),
            password=history.charger_password(box.identity),
            connectors=len(box.outlets),
        )
        vendor, model, firmware = box.make
        charger.boot_payload = {
            "chargePointVendor": vendor[:20],
            "chargePointModel": model[:20],
            "chargeBoxSerialNumber": box.identity[:25],
            "chargePointSerialNumber": charge_point.serial_number[:25],
            "firmwareVersion": firmware,
        }
        charger.configuration.change("MeterValueSampleInterval", str(LIVE_INTERVAL_S))
        for connector in charge_point.connectors.all():
            outlet = charger.outlets[connector.number]
            outlet.max_power_w = connector.max_power_w or outlet.max_power_w
            outlet.meter_wh = history.register_wh(connector)
        if box.today == "faulty":
            charger.outlets[1].error_code = "GroundFailure"
        return charger

    async def live(self) -> None:
        """Connect everything and let people charge, until cancelled."""
        self._tasks = [asyncio.create_task(charger.run()) for charger in self._chargers.values()]
        self._tasks += [asyncio.create_task(self._charge_for_ever(self._chargers[identity], email)) for identity, email in GUESTS.items()]
        self._tasks += [
            asyncio.create_task(self._leave_plugged(self._chargers[identity]))
            for identity, box in self._boxes.items()
            if box.today == "plugged"
        ]
        self._tasks += [
            asyncio.create_task(come_when_called(charger)) for identity, charger in self._chargers.items() if identity not in GUESTS
        ]
        await asyncio.gather(*self._tasks)

    async def end(self) -> None:
        """Let the drivers go home: their sessions end and are paid, then every charger hangs up."""
        charging = [
            (charger, outlet.number)
            for charger in self._chargers.values()
            if charger.connection.is_open
            for outlet in charger.outlets.values()
            if outlet.transaction is not None
        ]
        for task in self._tasks[len(self._chargers) :]:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PARTING_S):
                await asyncio.gather(*(charger.unplug(number) for charger, number in charging), return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _charge_for_ever(self, charger: SimulatedChargePoint, email: str) -> None:
        outlet = charger.outlets[1]
        while True:
            await charger.ready.wait()
            id_tag = await asyncio.to_thread(self._card_with_credit, email)
            try:
                await charger.plug_in(car=Car(wanted_wh=random.uniform(18_000, 34_000), battery_wh=58_000))
                if outlet.transaction is None and (status := await charger.tap(id_tag)) != "Accepted":
                    self._say(f"{charger.identity}: the card was answered {status}.")
                elif email == town.DRIVER:
                    await asyncio.to_thread(bookings.make_for_now, email, charger.identity)
                self.charging.set()
                await charger.until_full()
                await asyncio.sleep(random.uniform(30, 90))
                await charger.unplug()
                await asyncio.sleep(random.uniform(20, 60))
            except (LinkClosed, Refused, TimeoutError) as fault:
                self._say(f"{charger.identity}: {fault}")
                await asyncio.sleep(5)

    async def _leave_plugged(self, charger: SimulatedChargePoint) -> None:
        """Park a car that has its cable in and charges nothing."""
        await charger.ready.wait()
        with contextlib.suppress(LinkClosed, Refused, TimeoutError):
            await charger.plug_in()

    def _card_with_credit(self, email: str) -> str:
        driver = User.objects.get(email=email)
        purse = ledger.wallet(driver)
        if purse.available_minor < LOW_CREDIT_MINOR:
            history.top_up(driver, ADDED_MINOR - purse.debt_minor)
        return next(person.cards[0][0] for person in town.PEOPLE if person.email == email)


async def come_when_called(charger: SimulatedChargePoint) -> None:
    """Put a cable in where a visitor has started from her phone, as if her car stood there, and pull it out when it is over."""
    hers: set[int] = set()
    while True:
        await asyncio.sleep(CABLE_S)
        for number, outlet in charger.outlets.items():
            with contextlib.suppress(LinkClosed, Refused, TimeoutError):
                if outlet.authorized_until is not None and charger.clock.now() < outlet.authorized_until and not outlet.is_plugged:
                    hers.add(number)
                    await charger.plug_in(number, car=Car(wanted_wh=random.uniform(18_000, 34_000), battery_wh=58_000))
                elif number in hers and outlet.transaction is None:
                    hers.discard(number)
                    await charger.unplug(number)


def pages(public_url: str) -> list[tuple[str, str]]:
    """List what is worth opening first."""
    live = charge_points.find_by_identity("DEMO-DVORAKOVA-1")
    found = [("map", f"{public_url}/"), ("wallet", f"{public_url}/wallet/"), ("owner's overview", f"{public_url}/owner/")]
    if live is not None:
        found.insert(1, ("a charger at work", public_url + live.get_absolute_url()))
    return [*found, ("API", f"{public_url}/api/docs/")]
