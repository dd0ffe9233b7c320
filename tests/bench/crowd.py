"""Very many chargers that connect at once, and then stay: run as `python -m tests.bench.crowd --url … --fleet … --server-pid …`.

Each connects, boots and says how its box and its two outlets stand, one request after the other as the standard has it. Some
witnesses are there before and ask for the time all along (tests/bench/witness.py). Prints one JSON line.

Who dials ten thousand at once must not take the processors from who answers: this process is nice, the witnesses are not.
"""

import argparse
import asyncio
import base64
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import uvloop
from picows import WSListener, WSMsgType, WSTransport, ws_connect

PATIENCE_S = 300
NICE = 10
PORTS_OF_AN_ADDRESS = 9_000  # a loopback address has 28 000 for us, and a closed connection keeps its own for a minute
SAYS = (
    (b"BootNotification", b'{"chargePointVendor":"Bench","chargePointModel":"Storm","firmwareVersion":"1.0"}'),
    (b"StatusNotification", b'{"connectorId":0,"errorCode":"NoError","status":"Available"}'),
    (b"StatusNotification", b'{"connectorId":1,"errorCode":"NoError","status":"Available"}'),
    (b"StatusNotification", b'{"connectorId":2,"errorCode":"NoError","status":"Available"}'),
)


class Box(WSListener):
    """A charger that says what it has to say and then keeps still."""

    def __init__(self, identity: str, password: str, says: tuple[tuple[bytes, bytes], ...], tally: Counter[str]) -> None:
        self.identity, self.password, self.tally = identity, password, tally
        self.says: Iterator[tuple[bytes, bytes]] = iter(says)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.serial = 0
        self.transport: WSTransport | None = None

    async def connect(self, url: str, number: int) -> None:
        """Dial, with the password; from there on everything happens by itself."""
        token = base64.b64encode(f"{self.identity}:{self.password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Sec-WebSocket-Protocol": "ocpp1.6"}
        address = (f"127.0.0.{2 + number // PORTS_OF_AN_ADDRESS}", 0)
        await ws_connect(
            lambda: self,
            f"{url}/{self.identity}",
            extra_headers=headers,
            websocket_handshake_timeout=PATIENCE_S,
            read_buffer_init_size=512,
            local_addr=address,
        )

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self._say()

    def _say(self) -> None:
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
            self._say()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.tally["lost"] += 1
        if not self.done.done():
            self.done.set_exception(ConnectionError("lost"))


async def storm(arguments: argparse.Namespace) -> dict[str, Any]:
    """All come at once; the time until the last word of the last one is answered."""
    password, identities = arguments.fleet
    servers, tally = [psutil.Process(pid) for pid in arguments.server_pid], Counter[str]()
    witnesses = await _witnesses(arguments.url, password, identities[: arguments.witnesses])
    os.nice(NICE)
    await asyncio.sleep(1)
    before_bytes, before_s = _bytes(servers), _cpu_s(servers)
    boxes = [Box(identity, password, SAYS, tally) for identity in identities[arguments.witnesses :][: arguments.count]]
    began = time.monotonic()
    await asyncio.gather(*(_come(box, arguments.url, number, tally) for number, box in enumerate(boxes)))
    seconds, cpu_s = time.monotonic() - began, _cpu_s(servers) - before_s
    await asyncio.sleep(arguments.rest)
    bytes_each = (_bytes(servers) - before_bytes) / len(boxes)
    quiet_s = _cpu_s(servers)
    await asyncio.sleep(arguments.watch)
    saw = await _said_by(witnesses)
    said = {
        "chargers": len(boxes),
        "seconds": round(seconds, 2),
        "server_cpu_s": round(cpu_s, 2),
        "refused": tally["refused"],
        "lost": tally["lost"],
        "tally": dict(tally),
        **saw,
        "kib_each": round(bytes_each / 1024, 2),
        "idle_cpu_percent": round((_cpu_s(servers) - quiet_s) / max(1.0, arguments.watch) * 100, 2),
    }
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


async def _come(box: Box, url: str, number: int, tally: Counter[str]) -> None:
    try:
        await box.connect(url, number)
        await asyncio.wait_for(box.done, PATIENCE_S)
    except Exception as error:  # noqa: BLE001 - whatever it is, this one did not get in
        tally["refused"] += 1
        if tally["refused"] < 6:
            print(f"{box.identity}: {error!r}", file=sys.stderr)  # noqa: T201 - who measures wants to know


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(float(times.user + times.system) for times in (process.cpu_times() for process in processes))


def _bytes(processes: list[psutil.Process]) -> int:
    return sum(int(process.memory_full_info().uss) for process in processes)


def _fleet(path: str) -> tuple[str, list[str]]:
    password, identities = json.loads(Path(path).read_text())
    return password, identities


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument(
        "--fleet", required=True, type=lambda path: json.loads(Path(path).read_text()), help="JSON file of [password, identities]"
    )
    parser.add_argument("--server-pid", type=int, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--witnesses", type=int, default=5)
    parser.add_argument("--rest", type=float, default=0, help="seconds before memory is looked at")
    parser.add_argument("--watch", type=float, default=0, help="seconds in which nobody says anything but the witnesses")
    parser.add_argument("--hold", type=float, default=0, help="seconds to stay connected afterwards")
    print(json.dumps(uvloop.run(storm(parser.parse_args()))))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
