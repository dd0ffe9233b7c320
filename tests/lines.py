"""A line to a server that a test makes slow, or holds altogether, while others speak over it."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator


class Line:
    """What goes from its port to that of the server waits `delay_s` for each piece; while it is held, it waits until it is not."""

    def __init__(self, target: int) -> None:
        self.delay_s = 0.0
        self.port = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._ends: set[asyncio.Task[None]] = set()

    def hold(self) -> None:
        """Let nothing pass."""
        self._loop.call_soon_threadsafe(self._is_open.clear)

    def let_go(self) -> None:
        """Let everything pass again."""
        self._loop.call_soon_threadsafe(self._is_open.set)

    async def serve(self, is_there: threading.Event, is_over: asyncio.Event) -> None:
        """Carry what comes until it is over."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        is_there.set()
        await is_over.wait()
        server.close()
        for end in self._ends:
            end.cancel()
        await asyncio.gather(*self._ends, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(me := asyncio.ensure_future(self._both_ways(reader, writer)))
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await me
        self._ends.discard(me)

    async def _both_ways(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        back = asyncio.ensure_future(self._pump(far_reader, writer, slow=False))
        try:
            await self._pump(reader, far_writer, slow=True)
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            for one in (writer, far_writer):
                one.close()
                with contextlib.suppress(OSError):
                    await one.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool) -> None:
        while data := await reader.read(65_536):
            if slow:
                await self._is_open.wait()
                await asyncio.sleep(self.delay_s)
            writer.write(data)
            await writer.drain()
        writer.write_eof()


@contextlib.contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line to a port of this machine, in a thread of its own."""
    line, is_there, is_over = Line(port), threading.Event(), asyncio.Event()
    loop = line._loop

    def run() -> None:
        loop.run_until_complete(line.serve(is_there, is_over))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert is_there.wait(30)
        yield line
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join()
