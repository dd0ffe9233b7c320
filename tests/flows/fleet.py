"""Chargers that work through a bad day: each repeats what nobody has acknowledged, and remembers what was.

Afterwards what they were told is kept is compared with the tables: all of it is there, nothing is there twice, and the
books balance.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import User
from billing import ledger
from billing.models import ChargeDetailRecord, LedgerAccount
from ocpp_core.simulator import LinkClosed
from stations.charge_points import LIMIT_PER_ACCOUNT
from stations.models import ChargePoint, ChargingSession, MeterValue, QuarantinedMessage
from tests import factories
from tests.chargers import RawCharger, raw_charger_for
from tests.flows.doors import assert_books, price_minor
from tests.serving import Served

BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box"}
CREDIT_MINOR = 1_000_000
STEP_WH = 150
PATIENCE_S = 60.0
LONGEST_DAY_S = 1_200.0
MOST_DIAL_AT_ONCE = 50
MADE_AT_ONCE = 50
AGO = timedelta(hours=40)


@dataclass
class Visit:
    """One visit as the box kept it."""

    began_at: datetime
    meter_wh: int
    readings: int = 0
    transaction_id: int = 0
    is_over: bool = False

    def at(self, minutes: int) -> str:
        """The time of the box, so many minutes into the visit."""
        return (self.began_at + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Box:
    """One charger, with a driver of its own who visits it again and again."""

    charge_point: ChargePoint
    driver: User
    card: str
    served: Served
    chance: random.Random
    line: asyncio.Semaphore
    pause_s: float = 0.0
    readings: tuple[int, int] = (3, 8)
    wordiness: int = 0
    visits: list[Visit] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    falls: int = 0
    _link: RawCharger | None = None
    _ends: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _serial: int = 0

    async def tell(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Say it until it is acknowledged, as chargers do, over as many sockets as that takes."""
        self._serial += 1
        message_id = str(self._serial)
        while True:
            try:
                link = await self._dialled()
                await link.send([2, message_id, action, payload])
                answer = await self._answer_to(message_id, link)
            except (LinkClosed, TimeoutError):
                await self._fall()
                continue
            if answer[0] == 3:
                self.acknowledged[action] += 1
                result: dict[str, Any] = answer[2]
                return result
            self.refused[f"{action} {answer[2]}"] += 1
            await asyncio.sleep(0.2)

    async def _answer_to(self, message_id: str, link: RawCharger) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await link.receive(PATIENCE_S)
                if frame[0] == 2:
                    await link.send([3, frame[1], {"status": "Rejected"}])
                elif frame[1] == message_id:
                    return frame

    async def _dialled(self) -> RawCharger:
        while self._link is None:
            try:
                async with self.line:
                    link = await self._ends.enter_async_context(raw_charger_for(self.charge_point, self.served))
            except LinkClosed:
                await asyncio.sleep(0.2)
                continue
            self._link = link
            await link.send([2, "boot", "BootNotification", BOOT])
            await self._answer_to("boot", link)
        return self._link

    async def _fall(self) -> None:
        self.falls += self._link is not None
        self._link = None
        await self.hang_up()
        await asyncio.sleep(0.1)

    async def hang_up(self) -> None:
        """Close the socket, if there is one."""
        self._link = None
        await self._ends.aclose()

    async def live(self, is_over: asyncio.Event) -> None:
        """One visit after the other until told to end, and then to the end of the visit."""
        while not is_over.is_set():
            await self.begin()
            for _ in range(self.chance.randint(*self.readings)):
                await asyncio.sleep(self.pause_s)
                await self.read()
                await self.tell("Heartbeat", {})
            await self.stop()
        await self.hang_up()

    async def begin(self) -> None:
        """A card, and the car charges."""
        before = self.visits[-1] if self.visits else None
        if before is None:
            began_at, meter_wh = datetime.now(UTC).replace(microsecond=0) - AGO, 1_000
        else:
            began_at, meter_wh = before.began_at + timedelta(minutes=before.readings + 5), before.meter_wh + before.readings * STEP_WH
        visit = Visit(began_at, meter_wh)
        said = {"connectorId": 1, "idTag": self.card, "meterStart": visit.meter_wh, "timestamp": visit.at(0)}
        answer = await self.tell("StartTransaction", said)
        assert answer["idTagInfo"]["status"] == "Accepted", answer
        visit.transaction_id = answer["transactionId"]
        self.visits.append(visit)

    async def read(self) -> None:
        """The meter, a minute later."""
        visit = self.visits[-1]
        number = visit.readings + 1
        sample = {"value": str(visit.meter_wh + number * STEP_WH), "unit": "Wh"}
        more = [{"value": "230.5", "measurand": "Voltage", "unit": "V", "location": "Outlet"}] * self.wordiness
        entry = {"timestamp": visit.at(number), "sampledValue": [sample, *more]}
        await self.tell("MeterValues", {"connectorId": 1, "transactionId": visit.transaction_id, "meterValue": [entry]})
        visit.readings = number

    async def stop(self) -> None:
        """The car leaves a minute after the last reading."""
        visit = self.visits[-1]
        meter_wh = visit.meter_wh + visit.readings * STEP_WH
        said = {"transactionId": visit.transaction_id, "meterStop": meter_wh, "timestamp": visit.at(visit.readings + 1), "reason": "Local"}
        await self.tell("StopTransaction", said)
        visit.is_over = True

    @property
    def used_wh(self) -> list[int]:
        """The energy of each visit that is over."""
        return [visit.readings * STEP_WH for visit in self.visits if visit.is_over]


class Fleet:
    """Many boxes that live at the same time; one owner may have only so many, the rest belongs to others."""

    def __init__(self, served: Served, owner: User, count: int, *, seed: int = 1, **options: Any) -> None:
        self.boxes: list[Box] = []
        options["line"] = asyncio.Semaphore(MOST_DIAL_AT_ONCE)  # how a storm is borne is tested elsewhere
        for begin in range(0, count, MADE_AT_ONCE):
            with transaction.atomic():
                for number in range(begin, min(begin + MADE_AT_ONCE, count)):
                    if number % LIMIT_PER_ACCOUNT == 0:
                        host = factories.make_user() if number else owner
                        tariff = factories.make_tariff(host)
                    self.boxes.append(self._made(served, host, tariff, random.Random(seed * 1_000 + number), options))
        self._is_over = asyncio.Event()
        self._lives: list[asyncio.Task[None]] = []

    @staticmethod
    def _made(served: Served, owner: User, tariff: Any, chance: random.Random, options: dict[str, Any]) -> Box:
        driver = factories.make_user()
        factories.give_credit(driver, CREDIT_MINOR)
        charge_point = factories.make_charge_point(owner, tariff=tariff, auto_configure=False)
        return Box(charge_point, driver, factories.make_id_token(driver).uid, served, chance, **options)

    @contextlib.asynccontextmanager
    async def living(self) -> AsyncIterator["Fleet"]:
        """Let them live meanwhile; at the end each finishes its visit."""
        self._lives = [asyncio.create_task(box.live(self._is_over)) for box in self.boxes]
        try:
            yield self
            self._is_over.set()
            async with asyncio.timeout(LONGEST_DAY_S):
                await asyncio.gather(*self._lives)
        finally:
            for life in self._lives:
                life.cancel()
            await asyncio.gather(*self._lives, return_exceptions=True)
            for box in self.boxes:
                await box.hang_up()

    async def goes_on(self, action: str, times: int = 1) -> None:
        """Wait until so much more of this was acknowledged at every box."""
        wanted = {id(box): box.acknowledged[action] + times for box in self.boxes}
        await self.until(lambda: all(box.acknowledged[action] >= wanted[id(box)] for box in self.boxes))

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for it while they live; one that broke down is an error at once."""
        async with asyncio.timeout(LONGEST_DAY_S):
            while not condition():
                for life in self._lives:
                    if life.done():
                        life.result()
                await asyncio.sleep(0.02)

    async def sees(self, condition: Callable[[], Any]) -> None:
        """The same for what must be asked for over a network or of a table: they live on meanwhile."""
        async with asyncio.timeout(LONGEST_DAY_S):
            while not await asyncio.to_thread(condition):
                await self.until(lambda: True)
                await asyncio.sleep(0.1)

    def total(self, action: str) -> int:
        """How much of this was acknowledged altogether."""
        return sum(box.acknowledged[action] for box in self.boxes)

    @property
    def falls(self) -> int:
        """How many sockets fell."""
        return sum(box.falls for box in self.boxes)


def unexplained(served: Served) -> list[str]:
    """What the server wrote that nobody understands: tracebacks, each with the lines around it."""
    lines = served.said().split("\n")
    return ["\n".join(lines[max(0, at - 2) : at + 60]) for at, line in enumerate(lines) if line.startswith("Traceback")]


def is_told(fleet: Fleet) -> bool:
    """Whether the tables know the end of every visit; what came while the database was away is told a little later."""
    visits = sum(len(box.visits) for box in fleet.boxes)
    ended = ChargingSession.objects.filter(charge_point__in=[box.charge_point for box in fleet.boxes], status="COMPLETED")
    return ended.count() == visits


def assert_kept(fleet: Fleet) -> None:
    """What was acknowledged is there, once, and costs what it must."""
    for box in fleet.boxes:
        sessions = {one.transaction_id: one for one in ChargingSession.objects.filter(charge_point=box.charge_point)}
        assert set(sessions) == {visit.transaction_id for visit in box.visits}
        for visit in box.visits:
            session = sessions[visit.transaction_id]
            assert visit.is_over
            assert (session.status, session.energy_wh, session.is_estimated) == ("COMPLETED", visit.readings * STEP_WH, False)
            said = Counter(MeterValue.objects.filter(session=session).values_list("at", flat=True))
            assert said == Counter(visit.began_at + timedelta(minutes=number + 1) for number in range(visit.readings))
            assert ChargeDetailRecord.objects.filter(session_code=session.code).count() == 1
        purse = ledger.wallet(box.driver)
        assert (purse.balance_minor, purse.held_minor) == (CREDIT_MINOR - sum(map(price_minor, box.used_wh)), 0)
    assert not QuarantinedMessage.objects.exists()
    assert sum(LedgerAccount.objects.values_list("balance_minor", flat=True)) == 0
    assert_books()
