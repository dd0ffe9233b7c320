"""The simulated charge point: what a person does at it, what it does by itself, and what it says about both."""

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Self

from ocpp_core import frames
from ocpp_core.simulator import answers, smart_charging
from ocpp_core.simulator.certificates import Certificates
from ocpp_core.simulator.configuration import Configuration
from ocpp_core.simulator.connection import Connection, Queued, Refused
from ocpp_core.simulator.link import Dial, LinkClosed
from ocpp_core.simulator.local_list import LocalList
from ocpp_core.simulator.maintenance import Maintenance
from ocpp_core.simulator.outlet import Car, Outlet, Transaction
from ocpp_core.simulator.timing import Clock

__all__ = ["Refused", "SimulatedChargePoint"]

FIRST_BACK_OFF_S = 1.0
LAST_BACK_OFF_S = 60.0


class SimulatedChargePoint:
    """A wallbox. Use it as a context manager to have it connected, and call what a person would do; or let it `run()`."""

    def __init__(
        self,
        identity: str,
        dial: Dial,
        *,
        password: str | None = None,
        connectors: int = 1,
        max_power_w: float = 11_000,
        meter_wh: float = 0,
        clock: Clock | None = None,
        tells_time_of_status: bool = True,
    ) -> None:
        self.identity = identity
        self.password = password
        self.clock = clock or Clock()
        self.tells_time_of_status = tells_time_of_status
        self.outlets = {number: Outlet(number, max_power_w, meter_wh) for number in range(1, connectors + 1)}
        self.configuration = Configuration(connectors)
        self.certificates = Certificates(identity)
        self.connection = Connection(dial, self._hear)
        self.boot_payload = {
            "chargePointVendor": "ChargeShare",
            "chargePointModel": "Simulated wallbox",
            "chargeBoxSerialNumber": identity[:25],
            "firmwareVersion": "1.6.0",
        }
        self.known_tags: dict[str, dict[str, Any]] = {}
        self.local_list = LocalList(self.configuration)
        self.maintenance = Maintenance()
        self.profiles: list[smart_charging.Installed] = []
        self.on_event: Callable[[str], None] = lambda _event: None
        self.ready = asyncio.Event()
        self._runs = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._inbox: defaultdict[str, asyncio.Queue[dict[str, Any]]] = defaultdict(asyncio.Queue)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    # The link

    async def connect(self) -> None:
        """Dial, boot, say how every outlet stands, and deliver what was kept while offline."""
        by_certificate = self.configuration.number("SecurityProfile") == 3
        await self.connection.open(None if by_certificate else self.password)
        await self.boot()
        for number in (0, *self.outlets):
            await self.notify_status(number)
        await self.connection.flush()
        self.ready.set()

    async def boot(self) -> dict[str, Any]:
        """Send BootNotification until it is accepted."""
        while True:
            answer = await self.connection.call("BootNotification", self.boot_payload)
            if answer.get("status") == "Accepted":
                self.configuration.change("HeartbeatInterval", str(max(1, int(answer.get("interval") or 300))))
                return answer
            await self.clock.sleep(max(1, int(answer.get("interval") or 60)))

    async def close(self) -> None:
        """Hang up for good; nothing runs on, not even what was asked while hanging up."""
        await self._drop_tasks()
        await self.connection.close()
        await self._drop_tasks()

    async def run(self) -> None:
        """Live like a wallbox until cancelled: stay connected, with longer and longer pauses; heartbeat; meter."""
        self._runs = True
        back_off = FIRST_BACK_OFF_S
        metering = asyncio.create_task(self._meter_for_ever())
        try:
            while True:
                try:
                    await self.connect()
                    self.on_event("connected")
                    back_off = FIRST_BACK_OFF_S
                    await self._heartbeat_until_closed()
                except (LinkClosed, Refused, TimeoutError) as fault:
                    self.on_event(f"offline: {fault}")
                self.ready.clear()
                await self.connection.close()
                await asyncio.sleep(back_off * random.uniform(0.5, 1.0))
                back_off = min(LAST_BACK_OFF_S, back_off * 2)
        finally:
            self._runs = False
            metering.cancel()
            await self.close()

    # What a person does

    async def plug_in(self, connector: int = 1, car: Car | None = None) -> None:
        """Put the cable in. A start that was waiting for it begins."""
        outlet = self.outlets[connector]
        outlet.is_plugged = True
        outlet.car = car or outlet.car
        await self._settle_status(outlet)
        if outlet.authorized_tag is not None and outlet.authorized_until is not None and self.clock.now() < outlet.authorized_until:
            await self.begin(outlet, outlet.authorized_tag)

    async def unplug(self, connector: int = 1) -> None:
        """Pull the cable out; what charges ends."""
        outlet = self.outlets[connector]
        if outlet.transaction is not None:
            await self.stop(outlet, "EVDisconnected")
        outlet.is_plugged = False
        await self._settle_status(outlet)

    async def tap(self, id_tag: str, connector: int = 1) -> str:
        """Hold a card to the reader: it ends the transaction it began (or its group's), else asks and starts one."""
        outlet = self.outlets[connector]
        running = outlet.transaction
        if running is not None and running.id_tag == id_tag:
            await self.stop(outlet, "Local", id_tag)
            return "Accepted"
        verdict = await self._authorize(id_tag)
        status = str(verdict.get("status"))
        if status != "Accepted":
            return status
        parent = verdict.get("parentIdTag")
        if running is not None:
            if parent is not None and parent == running.parent_tag:
                await self.stop(outlet, "Local", id_tag)
            return status
        if (
            outlet.reservation is not None
            and id_tag != outlet.reservation.id_tag
            and (parent is None or parent != outlet.reservation.parent_tag)
        ):
            return "Blocked"
        await self.start_or_wait(outlet, id_tag)
        return status

    async def charge(self, wh: float, connector: int = 1) -> None:
        """Let energy flow until the transaction has `wh` more, with the meter read out as often as configured."""
        outlet = self.outlets[connector]
        if outlet.transaction is None:
            raise RuntimeError("nothing charges here")
        goal = outlet.meter_wh + wh
        while outlet.meter_wh < goal:
            before = outlet.meter_wh
            await self._meter_interval(outlet, goal)
            if outlet.meter_wh <= before or outlet.transaction is None:
                return

    async def until_full(self, connector: int = 1) -> None:
        """Wait, while the box runs by itself, until the car has what it wanted or the transaction is over."""
        outlet = self.outlets[connector]
        while outlet.transaction is not None and outlet.transaction.charged_wh < outlet.car.wanted_wh:
            await self.clock.sleep(1)

    async def plug_in_and_charge(self, id_tag: str, wh: float, connector: int = 1) -> None:
        """Make a whole visit: cable, card (unless a remote start came first), energy, cable out."""
        outlet = self.outlets[connector]
        await self.plug_in(connector)
        if outlet.transaction is None:
            await self.tap(id_tag, connector)
        await self.charge(wh, connector)
        await self.unplug(connector)

    async def expect(self, action: str, timeout: float = 60.0) -> dict[str, Any]:  # noqa: ASYNC109 - as a test says it
        """Wait for the central system's next CALL of this action; it has been answered, and may already be done."""
        return await asyncio.wait_for(self._inbox[action].get(), timeout)

    # What the box does

    async def start_or_wait(self, outlet: Outlet, id_tag: str) -> None:
        """Begin at once with a cable in, else when it is put in within ConnectionTimeOut."""
        outlet.authorized_tag = id_tag
        outlet.authorized_until = self.clock.now() + timedelta(seconds=self.configuration.number("ConnectionTimeOut"))
        if outlet.is_plugged:
            await self.begin(outlet, id_tag)
        else:
            await self.notify_status(outlet.number, "Preparing")

    async def begin(self, outlet: Outlet, id_tag: str) -> Transaction:
        """Close the contactor and say so. A start the central system does not accept is ended again."""
        outlet.authorized_tag = outlet.authorized_until = None
        running = Transaction(id_tag, self.clock.now(), outlet.register_wh)
        outlet.transaction = running
        smart_charging.begun(self, outlet, running)
        payload = {"connectorId": outlet.number, "idTag": id_tag, "meterStart": running.meter_start_wh, "timestamp": self._time()}
        if outlet.reservation is not None:
            payload["reservationId"] = outlet.reservation.id
            outlet.reservation = None
        answer = await self.connection.deliver(Queued("StartTransaction", payload, running))
        verdict = (answer or {}).get("idTagInfo", {})
        running.parent_tag = verdict.get("parentIdTag")
        if answer is not None and verdict.get("status") != "Accepted" and self.configuration.flag("StopTransactionOnInvalidId"):
            await self.stop(outlet, "DeAuthorized")
            return running
        self.on_event(f"charging at {outlet.number}")
        await self.notify_status(outlet.number, outlet.running_status())
        return running

    async def stop(self, outlet: Outlet, reason: str, id_tag: str | None = None) -> None:
        """Open the contactor and say so."""
        running = outlet.transaction
        if running is None or running.stopped:
            return
        running.stopped = True
        outlet.power_w = 0.0
        payload: dict[str, Any] = {"meterStop": outlet.register_wh, "timestamp": self._time(), "reason": reason}
        if id_tag is not None:
            payload["idTag"] = id_tag
        outlet.transaction = None
        smart_charging.forget(self, running)
        await self.connection.deliver(Queued("StopTransaction", payload, running))
        self.on_event(f"stopped at {outlet.number}: {running.charged_wh / 1000:.2f} kWh, {reason}")
        if outlet.becomes_available is not None:
            outlet.is_available, outlet.becomes_available = outlet.becomes_available, None
        await self.notify_status(outlet.number, "Finishing" if outlet.is_plugged and outlet.is_available else outlet.resting_status())

    async def send_meter_values(self, outlet: Outlet, context: str = "Sample.Periodic") -> None:
        """Read the meter out."""
        sampled = outlet.sampled_values(self.configuration.text("MeterValuesSampledData"), context)
        payload = {"connectorId": outlet.number, "meterValue": [{"timestamp": self._time(), "sampledValue": sampled}]}
        if outlet.transaction is not None:
            await self.connection.deliver(Queued("MeterValues", payload, outlet.transaction))
        else:
            await self.connection.call("MeterValues", payload)

    async def notify_status(self, connector: int, status: str | None = None) -> None:
        """Say how an outlet stands; nothing is said while offline, for on reconnecting everything is."""
        payload = {"connectorId": connector, "errorCode": "NoError", "status": "Available"}
        if connector != 0:
            outlet = self.outlets[connector]
            outlet.status = status or (outlet.running_status() if outlet.transaction else outlet.resting_status())
            payload |= {"errorCode": outlet.error_code, "status": outlet.status}
        if self.tells_time_of_status:
            payload["timestamp"] = self._time()
        if self.connection.is_open:
            with contextlib.suppress(LinkClosed, Refused, TimeoutError):
                await self.connection.call("StatusNotification", payload)

    async def fail(self, connector: int = 1, error_code: str = "GroundFailure") -> None:
        """Break down (or, with "NoError", be repaired)."""
        outlet = self.outlets[connector]
        outlet.error_code = error_code
        if outlet.transaction is not None:
            await self.stop(outlet, "Other")
        await self.notify_status(connector)

    async def reset(self, *, hard: bool) -> None:
        """Stop everything, hang up, boot again."""
        for outlet in self.outlets.values():
            await self.stop(outlet, "HardReset" if hard else "SoftReset")
        await self.connection.close()
        if not self._runs:  # run() dials again by itself
            await self.connect()

    def spawn(self, job: Coroutine[Any, Any, None], *, name: str | None = None) -> None:
        """Do something beside answering. What the link interrupts is not missed: the box says everything again."""
        task = asyncio.create_task(self._quietly(job), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task cancelled before its first step never gets to the job, and Python complains of what nobody awaited.
        task.add_done_callback(lambda _task: job.close())

    async def idle(self) -> None:
        """Wait until what the central system asked for is done."""
        while doing := [task for task in self._tasks if task.get_name() != answers.WATCH]:
            await asyncio.wait(doing)

    # Inside

    async def _drop_tasks(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _quietly(self, job: Coroutine[Any, Any, None]) -> None:
        with contextlib.suppress(LinkClosed, Refused, TimeoutError):
            await job

    def _hear(self, call: frames.Call) -> None:
        self.spawn(self._answer(call))

    async def _answer(self, call: frames.Call) -> None:
        try:
            payload, then = answers.answer(self, call.action, call.payload)
        except answers.NotImplementedHere as refusal:
            await self.connection.answer(frames.error(call.message_id, refusal.code, str(refusal)))
            return
        self._inbox[call.action].put_nowait(call.payload)
        await self.connection.answer(frames.result(call.message_id, payload))
        if then is not None:
            await then()

    async def _authorize(self, id_tag: str) -> dict[str, Any]:
        """Ask, or offline decide as the configuration allows: the list of cards stands above what was remembered."""
        listed, asks_itself = self.local_list.info(id_tag, self.clock.now()), self.configuration.flag("LocalPreAuthorize")
        if self.connection.is_open:
            if asks_itself and listed is not None and listed["status"] == "Accepted":
                return listed
            answer = await self.connection.call("Authorize", {"idTag": id_tag})
            verdict: dict[str, Any] = answer.get("idTagInfo", {})
            self.known_tags[id_tag] = verdict
            return verdict
        remembered = self.known_tags.get(id_tag) if self.configuration.flag("AuthorizationCacheEnabled") else None
        known = listed or remembered
        if known is not None and self.configuration.flag("LocalAuthorizeOffline"):
            return known
        return {"status": "Accepted" if self.configuration.flag("AllowOfflineTxForUnknownId") else "Invalid"}

    async def _settle_status(self, outlet: Outlet) -> None:
        resting = outlet.running_status() if outlet.transaction else outlet.resting_status()
        if outlet.status != resting:
            await self.notify_status(outlet.number, resting)

    async def _meter_interval(self, outlet: Outlet, goal_wh: float | None = None) -> None:
        """Let one interval pass (less of it if the goal is reached earlier), then read the meter out."""
        interval = max(1.0, float(self.configuration.number("MeterValueSampleInterval") or 60))
        passed = 0.0
        while passed < interval and (goal_wh is None or outlet.meter_wh < goal_wh):
            step = min(1.0 if goal_wh is not None else interval, interval - passed)
            await self.clock.sleep(step)
            smart_charging.refresh(self)
            outlet.advance(step)
            passed += step
        if outlet.transaction is not None:
            await self.send_meter_values(outlet)
            if outlet.transaction is not None and outlet.status != outlet.running_status():
                await self.notify_status(outlet.number)

    async def _meter_for_ever(self) -> None:
        due: dict[int, datetime] = {}
        last = self.clock.now()
        while True:
            await self.clock.sleep(1)
            now, before = self.clock.now(), last
            last = now
            smart_charging.refresh(self)
            for outlet in self.outlets.values():
                outlet.advance((now - before).total_seconds())
                if outlet.transaction is None:
                    due.pop(outlet.number, None)
                    continue
                interval = timedelta(seconds=self.configuration.number("MeterValueSampleInterval") or 60)
                if now >= due.setdefault(outlet.number, now + interval):
                    due[outlet.number] = now + interval
                    await self._quietly(self._meter_once(outlet))

    async def _meter_once(self, outlet: Outlet) -> None:
        await self.send_meter_values(outlet)
        if outlet.transaction is not None:
            self.on_event(f"{outlet.power_w / 1000:.1f} kW, {outlet.transaction.charged_wh / 1000:.2f} kWh at {outlet.number}")
            if outlet.status != outlet.running_status():
                await self.notify_status(outlet.number)

    async def _heartbeat_until_closed(self) -> None:
        while self.connection.is_open:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.connection.closed.wait(), self.configuration.number("HeartbeatInterval"))
            if self.connection.is_open:
                await self.connection.call("Heartbeat", {})

    def _time(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
