"""The chargers' door of one process: everything that runs behind its sockets, started and stopped together."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings

from chargeshare import bus
from ocpp_core import admission, frames, versions
from ocpp_core.admission import Ended
from ocpp_core.backstage import Backstage
from ocpp_core.connection import GOING_AWAY, Connection
from ocpp_core.frame_log import CALL, FROM_CHARGER, row
from ocpp_core.gathering import Gathering
from ocpp_core.handlers.requests import Facts, Request
from ocpp_core.listener import Listener
from ocpp_core.registry import Registry
from ocpp_core.spool import Entry, Spool
from ocpp_core.workers import DatabaseAway, Workers
from ocpp_core.writer import Writer

logger = logging.getLogger(__name__)

REPLAY_EVERY_S = 2.0
MOST_WORK_LEFT_S = 10.0
LONGEST_LOOK_S = 5.0  # two commits, on a bad day

R = TypeVar("R")


class Door:
    """Belongs to one event loop. Chargers may come in between `start` and `drain`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        workers = Workers(loop)
        spool = Spool(settings.SPOOL_DIR, tell_again)
        self.backstage = Backstage(loop, workers, Writer(loop, workers, spool), spool, _hearing_together(workers, spool))
        self.registry = Registry()
        self.is_draining = False
        self._listener = Listener(self.registry, workers)
        self._tasks: list[asyncio.Task[None]] = []
        self._endings: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to listen, to look after presence, and to tell the database what it missed."""
        loop = self.backstage.loop
        bus.attach(loop)
        jobs: list[Coroutine[Any, Any, None]] = [
            self._listener.listen(),
            self._listener.poll(),
            self.registry.tell_presence(self.backstage.workers),
            self._replay(),
        ]
        self._tasks = [loop.create_task(job) for job in jobs]

    async def drain(self, seconds: float) -> None:
        """Let nobody in, finish what is under way, and send the chargers off spread over the time given."""
        self.is_draining = True
        connections = list(self.registry)
        random.shuffle(connections)
        logger.info("asked to end: %d chargers are sent off within %g s", len(connections), seconds)
        loop, each = self.backstage.loop, seconds / max(1, len(connections))
        due_at = loop.time()
        for connection in connections:
            connection.close(GOING_AWAY)
            due_at += each
            await asyncio.sleep(max(0.0, due_at - loop.time()))  # who is late hurries: the time given is for all of them
        await self._finish_work()

    def lost(self, connection: Connection, code: int) -> None:
        """A socket that nothing waits for has ended."""
        task = self.backstage.loop.create_task(self.has_lost(connection, code))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def has_lost(self, connection: Connection, code: int) -> None:
        """Strike a socket out that has ended, and write that down."""
        self.registry.remove(connection)
        connection.ended()
        ended = Ended(connection.attempt_id, connection.charge_point_id, connection.id, code, datetime.now(UTC))
        try:
            await self.backstage.ask(admission.forget_together, admission.forget_alone, ended)
        except DatabaseAway:
            logger.info("the end of a socket of %r could not be written down", connection.facts.identity)

    async def stop(self) -> None:
        """End everything and give the database connections back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._endings, return_exceptions=True)
        await self.backstage.writer.flush()
        bus.attach(None)
        loop = self.backstage.loop
        await loop.run_in_executor(None, self._close)

    def _close(self) -> None:
        self.backstage.writer.close()
        self.backstage.workers.close()
        self.backstage.spool.close()

    async def _finish_work(self) -> None:
        for _tenth in range(int(MOST_WORK_LEFT_S * 10)):
            if not len(self.registry):
                break
            for connection in self.registry:  # who was already at the door when it closed
                connection.close(GOING_AWAY)
            await asyncio.sleep(0.1)
        await self.backstage.writer.flush()

    async def _replay(self) -> None:
        while True:
            await asyncio.sleep(REPLAY_EVERY_S)
            if self.backstage.spool.has_entries:
                try:
                    await self.backstage.workers.run(self.backstage.spool.replay)
                except DatabaseAway:
                    continue
                except Exception:
                    logger.exception("the spool could not be told")


def _hearing_together(workers: Workers, spool: Spool) -> dict[tuple[Any, ...], Gathering[Any, Any]]:
    """Who hears the many; what came while the database was away is told before what comes now."""

    def after_the_spool(hear: Callable[[Any], R]) -> Callable[[Any], R]:
        def heard(said: Any) -> R:
            if spool.has_entries:
                spool.replay()
            return hear(said)

        return heard

    return {
        (version.subprotocol, action): Gathering(workers, after_the_spool(together), after_the_spool(version.in_a_thread[action]))
        for version in versions.SPOKEN
        for action, together in version.together.items()
    }


def tell_again(entry: Entry) -> None:
    """Handle a message of the spool as if it came now, except for when it came."""
    call = frames.parse(entry.raw)
    if not isinstance(call, frames.Call):
        raise TypeError("the spool keeps requests alone")
    kept = row(entry.charge_point_id, entry.received_at, FROM_CHARGER, CALL, call.message_id, call.action, entry.raw)
    request = Request(Facts(entry.charge_point_id, ""), call.action, call.payload, entry.received_at, kept)
    versions.named(entry.subprotocol).spooled[entry.action](request)


_current: Door | None = None


def current() -> Door:
    """The door of the running event loop; opened by the first charger where no server opened it before."""
    global _current  # noqa: PLW0603 - one door per process is a fact of the process
    loop = asyncio.get_running_loop()
    if _current is None or _current.backstage.loop is not loop:
        _current = Door(loop)
        _current.start()
    return _current


def opened() -> Door | None:
    """The door of this process, if it is open."""
    return _current


def write_down() -> None:
    """For who looks at the log of frames, in a thread: have what came and went so far written down first.

    The writer gives a frame a moment for company, in which somebody who looks at once would miss the answer she just heard.
    """
    door = _current
    if door is None or not door.backstage.loop.is_running():
        return
    written = asyncio.run_coroutine_threadsafe(door.backstage.writer.write_down(), door.backstage.loop)
    with suppress(TimeoutError, CancelledError):
        written.result(LONGEST_LOOK_S)


async def close() -> None:
    """Close the door of this process, if it is open."""
    global _current
    if _current is not None:
        door, _current = _current, None
        await door.stop()
