"""Very many chargers that connect at once, and then stay: run as `python -m tests.bench.crowd --url … --fleet … --server-pid …`.

Each connects, boots and says how its box and its two outlets stand, one request after the other as the standard has it. Some
witnesses are there before and ask for the time all along (tests/bench/witness.py). Prints one JSON line.

Who dials ten thousand at once must not take the processors from who answers: this process is nice, the witnesses are not. With
`--end-pid` one of the servers is told to go at the end, and whoever it held dials again.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import uvloop
from picows import WSListener, WSMsgType, WSTransport, ws_connect

from tests.bench.load import Watched

PATIENCE_S = 300
NICE = 10
DRAINED_WITHIN_S = 120
QUIET_S = 1.0  # after a process is gone and nobody lost anything any more, everybody has noticed
HEARTBEAT = (b"Heartbeat", b"{}")
PORTS_OF_AN_ADDRESS = 9_000  # a loopback address has 28 000 for us, and a closed connection keeps its own for a minute
SAYS = (
    (b"BootNotification", b'{"chargePointVendor":"Bench","chargePointModel":"Storm","firmwareVersion":"1.0"}'),
    (b"StatusNotification", b'{"connectorId":0,"errorCode":"NoError","status":"Available"}'),
    (b"StatusNotification", b'{"connectorId":1,"errorCode":"NoError","status":"Available"}'),
    (b"StatusNotification", b'{"connectorId":2,"errorCode":"NoError","status":"Available"}'),
)


class Box(WSListener):
    """A charger that says what it has to say and then keeps still."""

    on_lost: "Callable[[Box], None] | None" = None

    def __init__(self, identity: str, password: str, says: tuple[tuple[bytes, bytes], ...], tally: Counter[str]) -> None:
        self.identity, self.password, self.tally = identity, password, tally
        self.serial = 0
        self.will_say(*says)
        self.transport: WSTransport | None = None

    def will_say(self, *says: tuple[bytes, bytes]) -> None:
        """Have something to say, one after the other; `done` when the last of it is answered."""
        self.says: Iterator[tuple[bytes, bytes]] = iter(says)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def connect(self, url: str, number: int) -> None:
        """Dial, with the password; from there on everything happens by itself."""
        token = base64.b64encode(f"{self.identity}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Sec-WebSocket-Protocol": "ocpp1.6"}
        address = (f"127.0.0.{2 + number // PORTS_OF_AN_ADDRESS}", 0)
        self.transport = None
        await ws_connect(
            lambda: self,
            f"{url}/{self.identity}",
            extra_headers=headers,
            websocket_handshake_timeout=PATIENCE_S,
            read_buffer_init_size=512,
            local_addr=address,
        )
        if self.transport is None:  # the client's library says nothing where somebody hangs up instead of an answer
            raise ConnectionError("hung up during the handshake")

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.say()

    def say(self) -> None:
        """Say the next of it."""
        said = next(self.says, None)
        if said is None:
            if not self.done.done():
                self.done.set_result(None)
            return
        self.serial += 1
        assert self.transport is not None
        self.transport.send(WSMsgType.TEXT, b'[2,"%d","%s",%s]' % (self.serial, *said))

    def on_ws_frame(self, transport: WSTransport, frame: Any) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self.tally[f"closed {frame.get_close_code()}"] += 1
            transport.disconnect()
        elif frame.msg_type == WSMsgType.TEXT:
            message = orjson.loads(frame.get_payload_as_memoryview())
            if message[0] == 2:
                transport.send(WSMsgType.TEXT, orjson.dumps([4, message[1], "NotSupported", "", {}]))
                return
            self.tally["answers" if message[0] == 3 else f"error {message[2]}"] += 1
            self.say()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self.on_lost is not None:
            self.on_lost(self)
            return
        self.tally["lost"] += 1
        if not self.done.done():
            self.done.set_exception(ConnectionError("lost"))


async def storm(arguments: argparse.Namespace) -> dict[str, Any]:
    """All come at once; the time until the last word of the last one is answered."""
    password, identities = arguments.fleet
    servers, tally, watched = [psutil.Process(pid) for pid in arguments.server_pid], Counter[str](), Watched(arguments)
    witnesses = await _witnesses(arguments.url, password, identities[: arguments.witnesses])
    os.nice(NICE)
    await asyncio.sleep(1)
    boxes = [Box(identity, password, SAYS, tally) for identity in identities[arguments.witnesses :][: arguments.count]]
    first, others = boxes[: arguments.first], boxes[arguments.first :]
    if first:
        await _come_together(first, arguments.url, tally)
        await asyncio.sleep(arguments.rest)
    before_bytes = _bytes(servers)
    watched.begin()
    await _come_together(others, arguments.url, tally)
    window = watched.figures()
    await asyncio.sleep(arguments.rest)
    bytes_each = (_bytes(servers) - before_bytes) / len(others)
    watched.begin()
    await asyncio.sleep(arguments.watch)
    idle_s = watched.figures()["server"]
    saw = await _said_by(witnesses)
    said = {
        "chargers": len(others),
        "seconds": round(window["wall"], 2),
        "server_cpu_s": round(window["server"], 2),
        "database_cpu_s": round(window["database"], 2),
        "refused": tally["refused"],
        "lost": tally["lost"],
        "tally": dict(tally),
        **saw,
        "kib_each": round(bytes_each / 1024, 2),
        "idle_cpu_percent": round(idle_s / max(1.0, arguments.watch) * 100, 2),
    }
    if arguments.end_pid:
        said |= await _drained(boxes, arguments.url, psutil.Process(arguments.end_pid))
        said |= {"refused": tally["refused"], "lost": tally["lost"]}
    if arguments.hold:
        print(json.dumps(said), flush=True)  # noqa: T201 - so far
        await asyncio.sleep(arguments.hold)
    return said


async def _witnesses(url: str, password: str, identities: list[str]) -> asyncio.subprocess.Process:
    """Those who are there before."""
    pipe = asyncio.subprocess.PIPE
    witnesses = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench.witness", url, stdin=pipe, stdout=pipe)
    assert witnesses.stdin is not None
    assert witnesses.stdout is not None
    witnesses.stdin.write(orjson.dumps([password, identities]) + b"\n")
    if await witnesses.stdout.readline() != b"ready\n":
        sys.exit("The witnesses did not get in.")
    return witnesses


async def _said_by(witnesses: asyncio.subprocess.Process) -> dict[str, Any]:
    """End their input, which with nothing to write in it stays open for ever, and hear what they saw."""
    said, _errors = await witnesses.communicate(b"")
    saw: dict[str, Any] = json.loads(said or "{}")
    if witnesses.returncode or not saw:
        sys.exit("The witnesses did not come to their end: one of them was not answered.")
    return saw


async def _come_together(boxes: list[Box], url: str, tally: Counter[str]) -> None:
    await asyncio.gather(*(_come(box, url, number, tally) for number, box in enumerate(boxes)))


async def _come(box: Box, url: str, number: int, tally: Counter[str]) -> None:
    try:
        await box.connect(url, number)
        await asyncio.wait_for(box.done, PATIENCE_S)
    except Exception as error:  # noqa: BLE001 - whatever it is, this one did not get in
        tally["refused"] += 1
        if tally["refused"] < 6:
            print(f"{box.identity}: {error!r}", file=sys.stderr)  # noqa: T201 - who measures wants to know


class Moving:
    """Boxes that dial again when they lose their socket, until they are inside."""

    def __init__(self, boxes: list[Box], url: str) -> None:
        self._url = url
        self.again = Counter[str]()
        self._numbers = {box: number for number, box in enumerate(boxes)}
        self.coming: dict[Box, asyncio.Task[float]] = {}
        self.noticed_at = time.monotonic()
        for box in boxes:
            box.on_lost = self.lost

    def lost(self, box: Box) -> None:
        """One has noticed; who is on the way already has come to one that is going too."""
        self.noticed_at = time.monotonic()
        if box not in self.coming or self.coming[box].done():
            self.coming[box] = asyncio.create_task(self._come_back(box))
        elif not box.done.done():
            box.done.set_exception(ConnectionError("lost"))

    async def _come_back(self, box: Box) -> float:
        lost_at = time.monotonic()
        while True:
            box.will_say(HEARTBEAT)
            try:
                await box.connect(self._url, self._numbers[box])
                await box.done
            except Exception as error:  # noqa: BLE001 - whatever it is: it dials again, as chargers do
                self.again[repr(error)[:100]] += 1
                await asyncio.sleep(random.uniform(0.5, 1.5))
            else:
                return time.monotonic() - lost_at


async def _drained(boxes: list[Box], url: str, process: psutil.Process) -> dict[str, Any]:
    """One process is told to go: how many it held, how long each of those was outside, and how long it all took."""
    moving, began = Moving(boxes, url), time.monotonic()
    process.terminate()
    async with asyncio.timeout(DRAINED_WITHIN_S):
        while _runs(process) or time.monotonic() - moving.noticed_at < QUIET_S:  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.1)
        outside = await asyncio.gather(*moving.coming.values())
        for box in boxes:
            box.will_say(HEARTBEAT)
            box.say()
        await asyncio.gather(*(box.done for box in boxes))  # everybody is inside
    return {
        "left": len(outside),
        "drained_s": round(moving.noticed_at - began, 2),
        "longest_outside_s": round(max(outside, default=0.0), 2),
        "dialled_again": dict(moving.again),
    }


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _bytes(processes: list[psutil.Process]) -> int:
    return sum(int(process.memory_full_info().uss) for process in processes)


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument(
        "--fleet", required=True, type=lambda path: json.loads(Path(path).read_text()), help="JSON file of [password, identities]"
    )
    parser.add_argument("--server-pid", type=int, nargs="+", required=True)
    parser.add_argument("--database-pid", type=int, default=0)
    parser.add_argument("--end-pid", type=int, default=0, help="a server that is told to go at the end")
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--witnesses", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="so many come and rest before anything is measured")
    parser.add_argument("--rest", type=float, default=0, help="seconds before memory is looked at")
    parser.add_argument("--watch", type=float, default=0, help="seconds in which nobody says anything but the witnesses")
    parser.add_argument("--hold", type=float, default=0, help="seconds to stay connected afterwards")
    print(json.dumps(uvloop.run(storm(parser.parse_args()))))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
