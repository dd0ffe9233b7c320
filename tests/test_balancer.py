"""The plain balancer of the tests and measurements: whoever it cannot pass on hears so at once."""

import asyncio
from typing import cast

from asgiref.sync import async_to_sync

from tests.bench.balancer import balanced

KNOCKS = 40


class Echo(asyncio.Protocol):
    """Says what it hears."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Going(asyncio.Protocol):
    """Hangs up on whoever comes, as a process does that is about to end."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()


async def knock(port: int) -> bytes:
    """What comes back of a word; nothing where somebody hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"hello")
        return await reader.read(5)
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def test_nobody_is_kept_waiting_by_a_process_that_goes():
    async def story() -> list[bytes]:
        loop = asyncio.get_running_loop()
        going = await loop.create_server(Going, "127.0.0.1", 0)
        staying = await loop.create_server(Echo, "127.0.0.1", 0)
        ports = [int(server.sockets[0].getsockname()[1]) for server in (going, staying)]
        try:
            async with balanced(ports) as front:
                return await asyncio.wait_for(asyncio.gather(*(knock(front) for _ in range(KNOCKS))), 60)
        finally:
            going.close()
            staying.close()

    heard = async_to_sync(story)()
    assert set(heard) <= {b"", b"hello"}
    assert heard.count(b"hello") >= KNOCKS // 2, "half of them come to the one that stays"


def test_where_one_is_gone_everybody_comes_to_the_next():
    async def story() -> list[bytes]:
        loop = asyncio.get_running_loop()
        gone = await loop.create_server(Echo, "127.0.0.1", 0)
        staying = await loop.create_server(Echo, "127.0.0.1", 0)
        ports = [int(server.sockets[0].getsockname()[1]) for server in (gone, staying)]
        gone.close()
        await gone.wait_closed()
        try:
            async with balanced(ports) as front:
                return await asyncio.wait_for(asyncio.gather(*(knock(front) for _ in range(KNOCKS))), 60)
        finally:
            staying.close()

    assert async_to_sync(story)() == [b"hello"] * KNOCKS
