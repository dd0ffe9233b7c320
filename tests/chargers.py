"""Chargers inside a test: a real server, a real socket, and at its other end a simulated wallbox or bare frames."""

import asyncio
import contextlib
import itertools
import json
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from websockets.frames import Frame, Opcode

from ocpp_core import simulator
from ocpp_core.simulator.link import WebSocketLink
from stations.models import ChargePoint
from tests.factories import CHARGER_PASSWORD
from tests.serving import Served


class RawCharger:
    """A socket that sends frames exactly as given and hands back what comes, text by text."""

    def __init__(self, link: WebSocketLink) -> None:
        self.link = link
        self._asked: deque[Any] = deque()

    @property
    def subprotocol(self) -> str | None:
        """What the server chose."""
        return self.link.subprotocol

    async def send(self, frame: Any) -> None:
        """Send a text (or bytes) as it is, anything else as JSON."""
        await self.link.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))

    async def receive(self, timeout: float = 30.0) -> Any:  # noqa: ASYNC109 - as a test says it
        """Wait for the next frame."""
        return self._asked.popleft() if self._asked else await self._next(timeout)

    async def _next(self, timeout: float = 30.0) -> Any:  # noqa: ASYNC109
        return json.loads(await asyncio.wait_for(self.link.recv(), timeout))

    async def ask(self, frame: Any) -> Any:
        """Send a frame and wait for the next that comes."""
        await self.send(frame)
        return await self.receive()

    async def call(self, action: str, payload: dict[str, Any], message_id: str = "1") -> dict[str, Any]:
        """Send a request and give the payload of its answer. What is asked of the charger meanwhile is received afterwards."""
        await self.send([2, message_id, action, payload])
        while (frame := await self._next())[0] == 2:
            self._asked.append(frame)
        kind, answered_id, *rest = frame
        assert (kind, answered_id) == (3, message_id), rest
        answer: dict[str, Any] = rest[0]
        return answer

    async def is_silent(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        try:
            await self.receive(seconds)
        except TimeoutError:
            return True
        return False

    async def closed(self, timeout: float = 30.0) -> int | None:  # noqa: ASYNC109 - as a test says it
        """Wait until the server hangs up; its close code."""
        async with asyncio.timeout(timeout):
            while True:
                try:
                    await self.link.recv()
                except simulator.LinkClosed as closed:
                    return closed.code

    async def flood(self, action: str, payload: dict[str, Any]) -> int | None:
        """Ask without waiting for an answer until the server hangs up; its close code.

        A thousand frames leave in one piece, and so they arrive: said one by one, a machine with much else to do would
        answer most of them in between, which is no flood.
        """
        end = asyncio.create_task(self.closed(120))
        numbers = itertools.count()
        try:
            while not end.done():
                calls = (json.dumps([2, f"flood-{next(numbers)}", action, payload]) for _ in range(1_000))
                self.link._connection.transport.write(b"".join(Frame(Opcode.TEXT, call.encode()).serialize(mask=True) for call in calls))
                await asyncio.wait({end}, timeout=1)
            return await end
        finally:
            end.cancel()


@contextlib.asynccontextmanager
async def charger_for(
    charge_point: ChargePoint,
    served: Served,
    *,
    password: str | None = CHARGER_PASSWORD,
    clock: simulator.Clock | None = None,
    **options: Any,
) -> AsyncIterator[simulator.SimulatedChargePoint]:
    """Connect a simulated wallbox. Its clock stands two hours back, so that a whole session fits between then and now.

    It leaves the time out of its statuses, as some makes do, or it would be known by them as a clock that goes wrong.
    """
    box = simulator.SimulatedChargePoint(
        charge_point.identity,
        simulator.dialler(url_of(charge_point, served), charge_point.identity),
        password=password,
        clock=clock or simulator.ManualClock(datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)),
        tells_time_of_status=clock is not None,
        **options,
    )
    async with box:
        yield box


@contextlib.asynccontextmanager
async def raw_charger_for(
    charge_point: ChargePoint,
    served: Served,
    *,
    password: str | None = CHARGER_PASSWORD,
    subprotocols: tuple[str, ...] = ("ocpp1.6",),
) -> AsyncIterator[RawCharger]:
    """Connect a bare socket; the password is right and nothing has been said yet."""
    link = await simulator.connect(url_of(charge_point, served), charge_point.identity, password, subprotocols=subprotocols)
    try:
        yield RawCharger(link)
    finally:
        await link.close()


def url_of(charge_point: ChargePoint, served: Served) -> str:
    """The address a charger dials."""
    parts = ["ocpp", charge_point.path_secret, quote(charge_point.identity, safe=":")]
    return f"ws://127.0.0.1:{served.port}/" + "/".join(part for part in parts if part)
