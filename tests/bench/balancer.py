"""A plain TCP balancer, as nothing but a relay in turn: `python -m tests.bench.balancer PORT TARGET_PORT…`."""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import AsyncIterator, Iterator
from typing import cast

import uvloop


class Half(asyncio.Protocol):
    """One of the two sides of a relayed connection."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Half | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass

    def data_received(self, data: bytes) -> None:
        if self.other is None or self.other.transport is None:
            self.early.append(data)
        else:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class Front(Half):
    """The side of the charger; it finds itself a process."""

    def __init__(self, ports: Iterator[list[int]], everybody: set["Front"]) -> None:
        super().__init__()
        self.ports = ports
        self.everybody = everybody
        self.dialling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.everybody.add(self)
        self.dialling = asyncio.get_running_loop().create_task(self.dial())

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.everybody.discard(self)

    async def dial(self) -> None:
        """Take the next process; where it is gone, the one after it, whomever others take meanwhile."""
        assert self.transport is not None
        for port in next(self.ports) * 2:
            try:
                _transport, back = await asyncio.get_running_loop().create_connection(Half, "127.0.0.1", port)
            except OSError:
                continue
            assert back.transport is not None
            if back.transport.is_closing():  # it was going, and has hung up before we knew that it was there
                continue
            self.other, back.other = back, self
            back.transport.writelines(self.early)
            if self.transport.is_closing():
                back.transport.close()
            return
        self.transport.abort()


@contextlib.asynccontextmanager
async def balanced(targets: list[int], port: int = 0) -> AsyncIterator[int]:
    """Relay to these ports in turn, from a port of one's own."""
    ports = itertools.cycle([targets[begin:] + targets[:begin] for begin in range(len(targets))])
    everybody = set[Front]()
    server = await asyncio.get_running_loop().create_server(lambda: Front(ports, everybody), "127.0.0.1", port, backlog=4096)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        dialling = [front.dialling for front in everybody if front.dialling is not None]
        for front in list(everybody):
            assert front.transport is not None
            front.transport.abort()
        await asyncio.gather(*dialling, return_exceptions=True)


async def relay(port: int, targets: list[int]) -> None:
    """For ever."""
    async with balanced(targets, port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(relay(int(sys.argv[1]), [int(word) for word in sys.argv[2:]]))
