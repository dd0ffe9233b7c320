"""Load for a central system: many chargers on real sockets, each waiting for its answer before it goes on.

Run as `python -m tests.bench.load --url ws://127.0.0.1:8000/ocpp --count 200 --server-pid 123`; prints one JSON line.
CPU per message is the figure to trust: wall time on a shared machine measures the neighbours. With `--database-pid`, the
parent of PostgreSQL's processes, what they take is counted as well.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psutil
import uvloop
from picows import WSListener, WSMsgType, WSTransport, ws_connect

REPLAYED_SESSIONS = 5
REPLAYED_READINGS = 8
REPLAYED_FRAMES = REPLAYED_SESSIONS * (REPLAYED_READINGS + 2)
SESSION_READINGS = 10
SESSION_READING_WH = 500  # what flows between two readings of a whole session: it ends with money to be moved
SETTLING_S = 0.5  # what is written after the last answer: frames that nobody waits for


@dataclass
class Tally:
    """What the whole fleet saw."""

    latencies: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class LoadCharger(WSListener):
    """One charger: a request, its answer, the next request."""

    def __init__(self, identity: str, password: str, id_tag: str, tally: Tally) -> None:
        self.identity, self.password, self.id_tag, self.tally = identity, password, id_tag, tally
        self.transport: WSTransport | None = None
        self.answer: asyncio.Future[Any] | None = None
        self.serial = 0
        self.energy = 1_000_000
        self.clock = datetime.now(UTC)
        self.step = timedelta(seconds=1)  # short enough that no run comes a quarter of an hour ahead: that would be a wrong clock
        self.reading_wh: int | None = None
        self.transaction_id = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: Any) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self.tally.outcomes["closed"] += 1
            self._fail(f"closed with {frame.get_close_code()}")
            transport.disconnect()
            return
        if frame.msg_type != WSMsgType.TEXT:
            return
        message = orjson.loads(frame.get_payload_as_memoryview())
        if message[0] == 2:
            transport.send(WSMsgType.TEXT, orjson.dumps([3, message[1], {"status": "Accepted"}]))
        elif self.answer is not None and not self.answer.done() and message[1] == str(self.serial):
            if message[0] == 3:
                self.answer.set_result(message[2])
            else:
                self.answer.set_exception(RuntimeError(f"CALLERROR {message[2]}"))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._fail("disconnected")

    def _fail(self, why: str) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionError(why))

    async def connect(self, url: str) -> None:
        token = base64.b64encode(f"{self.identity}:{self.password}".encode()).decode()
        await ws_connect(
            lambda: self,
            f"{url}/{self.identity}",
            extra_headers={"Authorization": f"Basic {token}", "Sec-WebSocket-Protocol": "ocpp1.6"},
        )

    async def call(self, action: str, payload: bytes) -> Any:
        """Send one CALL and wait for its answer; `payload` is JSON text, made by hand to keep the client cheap."""
        assert self.transport is not None
        self.serial += 1
        self.answer = asyncio.get_running_loop().create_future()
        started = time.perf_counter()
        self.transport.send(WSMsgType.TEXT, b'[2,"%d","%s",%s]' % (self.serial, action.encode(), payload))
        try:
            result = await asyncio.wait_for(self.answer, 60)
        except Exception as error:
            self.tally.outcomes[f"{action} failed"] += 1
            self.tally.problems.append(f"{self.identity} {action}: {error!r}")
            raise
        self.tally.outcomes[action] += 1
        self.tally.latencies.append(time.perf_counter() - started)
        return result

    def now(self) -> bytes:
        self.clock += self.step
        return self.clock.strftime("%Y-%m-%dT%H:%M:%SZ").encode()

    async def boot(self) -> None:
        """Say what one is, and that a cable is in."""
        await self.call("BootNotification", b'{"chargePointVendor":"Bench","chargePointModel":"Load"}')
        await self.call("StatusNotification", b'{"connectorId":1,"errorCode":"NoError","status":"Preparing"}')

    async def begin(self) -> None:
        """Start a session, which the readings then belong to."""
        started = await self.call(
            "StartTransaction",
            b'{"connectorId":1,"idTag":"%s","meterStart":%d,"timestamp":"%s"}' % (self.id_tag.encode(), self.energy, self.now()),
        )
        self.transaction_id = started["transactionId"]
        if started["idTagInfo"]["status"] != "Accepted":
            self.tally.problems.append(f"{self.identity} start: {started}")

    async def read(self) -> None:
        """One MeterValues of five values."""
        self.energy += self.reading_wh or int(2 * self.step.total_seconds())
        await self.call(
            "MeterValues",
            b'{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%s","sampledValue":['
            b'{"value":"%d","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
            b'{"value":"7200.0","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
            b'{"value":"16.1","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1","unit":"A"},'
            b'{"value":"231.2","context":"Sample.Periodic","measurand":"Voltage","phase":"L1","unit":"V"},'
            b'{"value":"24.0","context":"Sample.Periodic","measurand":"Temperature","location":"Body","unit":"Celsius"}]}]}'
            % (self.transaction_id, self.now(), self.energy),
        )

    async def end(self) -> None:
        await self.call(
            "StopTransaction",
            b'{"transactionId":%d,"meterStop":%d,"timestamp":"%s","reason":"Local"}' % (self.transaction_id, self.energy, self.now()),
        )

    async def replay(self, url: str) -> None:
        """Come back from hours offline and tell what was queued: whole sessions, each message when the last was answered."""
        self.clock -= timedelta(hours=2)
        self.step = timedelta(seconds=10)
        await self.connect(url)
        await self.boot()
        for _session in range(REPLAYED_SESSIONS):
            await self.begin()
            for _reading in range(REPLAYED_READINGS):
                await self.read()
            await self.end()

    async def visit(self) -> None:
        """A whole session, from the box that starts to the session that is settled."""
        self.reading_wh = SESSION_READING_WH
        await self.boot()
        await self.call("Authorize", b'{"idTag":"%s"}' % self.id_tag.encode())
        await self.begin()
        for _reading in range(SESSION_READINGS):
            await self.read()
        await self.end()


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Connect, start, warm up, measure for a while, stop."""
    tally = Tally()
    fleet = fleet_of(arguments, tally)
    for start in range(0, len(fleet), 50):
        await asyncio.gather(*(charger.connect(arguments.url) for charger in fleet[start : start + 50]))
    if not arguments.bare:
        await asyncio.gather(*(charger.boot() for charger in fleet))
        await asyncio.gather(*(charger.begin() for charger in fleet))
    watched = Watched(arguments)
    deadline = time.monotonic() + arguments.warm_up + arguments.seconds
    window: dict[str, float] = {}

    async def drive(charger: LoadCharger) -> None:
        while time.monotonic() < deadline:
            if arguments.scenario == "heartbeat":
                await charger.call("Heartbeat", b"{}")
            else:
                await charger.read()

    async def watch() -> None:
        await asyncio.sleep(arguments.warm_up)
        tally.latencies.clear()
        watched.begin()
        await asyncio.sleep(max(0.0, deadline - time.monotonic()))
        window.update(watched.figures(), messages=len(tally.latencies))

    results = await asyncio.gather(watch(), *(drive(charger) for charger in fleet), return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if not arguments.bare:
        await asyncio.gather(*(charger.end() for charger in fleet), return_exceptions=True)
    latencies = sorted(tally.latencies)
    messages = int(window["messages"])
    return {
        "scenario": arguments.scenario,
        "chargers": len(fleet),
        "messages": messages,
        "per_second": round(messages / window["wall"]),
        "server_cpu_us": round(window["server"] / max(1, messages) * 1e6, 1),
        "database_cpu_us": round(window["database"] / max(1, messages) * 1e6, 1),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 1),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1000, 1),
        "failures": len(failures),
        "problems": tally.problems[:5],
    }


async def measure_replay(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everybody comes back at once, as after a cut of the network; the time until the last word of the last queue is answered."""
    tally = Tally()
    fleet = fleet_of(arguments, tally)
    watched = Watched(arguments)
    watched.begin()
    results = await asyncio.gather(*(charger.replay(arguments.url) for charger in fleet), return_exceptions=True)
    window = watched.figures()
    failures = [result for result in results if isinstance(result, BaseException)]
    return {
        "scenario": "replay",
        "chargers": len(fleet),
        "seconds": round(window["wall"], 1),
        "server_cpu_s": round(window["server"], 1),
        "database_cpu_s": round(window["database"], 1),
        "failures": len(failures),
        "problems": tally.problems[:5] or [repr(failure) for failure in failures[:5]],
    }


async def measure_sessions(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everybody charges a few times, one visit after the other. The first of all is no part of it: it makes accounts as well."""
    tally = Tally()
    fleet = fleet_of(arguments, tally)
    for start in range(0, len(fleet), 50):
        await asyncio.gather(*(charger.connect(arguments.url) for charger in fleet[start : start + 50]))
    watched = Watched(arguments)

    async def charge(charger: LoadCharger, times: int) -> None:
        for _time in range(times):
            await charger.visit()

    results = await asyncio.gather(*(charge(charger, 1) for charger in fleet), return_exceptions=True)
    await asyncio.sleep(SETTLING_S)
    watched.begin()
    results += await asyncio.gather(*(charge(charger, arguments.visits) for charger in fleet), return_exceptions=True)
    await asyncio.sleep(SETTLING_S)
    window = watched.figures()
    failures = [result for result in results if isinstance(result, BaseException)]
    sessions = arguments.visits * len(fleet)
    return {
        "scenario": "session",
        "chargers": len(fleet),
        "sessions": sessions,
        "server_cpu_ms": round(window["server"] / sessions * 1000, 2),
        "database_cpu_ms": round(window["database"] / sessions * 1000, 2),
        "per_second": round(sessions / window["wall"], 1),
        "failures": len(failures),
        "problems": tally.problems[:5] or [repr(failure) for failure in failures[:5]],
    }


class Watched:
    """What the server and the database take of the processors, between two looks."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._servers = [psutil.Process(pid) for pid in arguments.server_pid]
        self._database = psutil.Process(arguments.database_pid) if arguments.database_pid else None

    def begin(self) -> None:
        """Count from now on."""
        self._before = self._look()

    def figures(self) -> dict[str, float]:
        """Seconds of server, of database, and of the clock on the wall."""
        return {name: value - self._before[name] for name, value in self._look().items()}

    def _look(self) -> dict[str, float]:
        database = 0.0
        if self._database is not None:
            ended = self._database.cpu_times()
            database = float(ended.children_user + ended.children_system)
            for process in [self._database, *self._database.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    database += cpu_s(process)
        return {"server": sum(map(cpu_s, self._servers)), "database": database, "wall": time.monotonic()}


def fleet_of(arguments: argparse.Namespace, tally: Tally) -> list[LoadCharger]:
    """The chargers that were prepared, as many as wanted."""
    with open(arguments.fleet) as file:  # noqa: PTH123 - before anything is measured
        return [LoadCharger(identity, password, id_tag, tally) for identity, password, id_tag in json.load(file)][: arguments.count]


def cpu_s(process: psutil.Process) -> float:
    """User and system time of a process, in seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


SCENARIOS = {"metervalues": measure, "heartbeat": measure, "replay": measure_replay, "session": measure_sessions}


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--fleet", required=True, help="JSON file of [identity, password, idTag]")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--scenario", choices=list(SCENARIOS), default="metervalues")
    parser.add_argument("--bare", action="store_true", help="no Boot, no session: for a server that knows none")
    parser.add_argument("--warm-up", type=float, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--visits", type=int, default=4, help="of each charger, in the scenario of sessions")
    parser.add_argument("--server-pid", type=int, nargs="+", required=True)
    parser.add_argument("--database-pid", type=int, default=0)
    arguments = parser.parse_args()
    print(json.dumps(uvloop.run(SCENARIOS[arguments.scenario](arguments))))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
