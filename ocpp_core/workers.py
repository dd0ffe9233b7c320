"""The threads in which charger messages meet the database, and what we know of the database's health.

The server's default is one database thread for a whole process; a storm of reconnecting chargers would queue up in it.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident
from time import monotonic, sleep
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, NotSupportedError, OperationalError, connection, connections
from django.db.backends.postgresql import base as postgresql
from psycopg.types.datetime import TimestamptzLoader

from chargeshare.errors import is_in_other_hands

logger = logging.getLogger(__name__)

THREADS = 8
FILE_THREADS = 2  # a file has one writer at a time: more would only wait for each other, unfairly, until one gives up
PROBE_EVERY_S = 2.0
TRIES = 5
CONNECT_TIMEOUT_S = 3
LONGEST_LOCK_MS = 1_000
AGAIN_AFTER_S = (0.5, 2.0)
FILE_TIMEOUT_S = 5

P = ParamSpec("P")
R = TypeVar("R")


class DatabaseAway(Exception):
    """The database cannot be reached; what must not be lost goes to the spool."""


class InOtherHands(DatabaseAway):
    """The database is there, but somebody else has held for too long what this one needs. All others go on; it is tried again later."""


class Workers:
    """A bounded pool of threads, each with a database connection of its own that it keeps."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._count = THREADS if connection.vendor == "postgresql" else FILE_THREADS
        self._pool = ThreadPoolExecutor(self._count, thread_name_prefix="charger", initializer=own_connection)
        self._busy: set[int] = set()
        self._away_until = 0.0

    @property
    def database_is_away(self) -> bool:
        """Whether the database was away a moment ago; every now and then one caller may find out anew."""
        return monotonic() < self._away_until

    def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
        """Run a function of rules in one of the threads. Raises DatabaseAway where there is no database."""
        return self.loop.run_in_executor(self._pool, lambda: self._work(function, *args, **kwargs))

    async def run_patiently(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The same for what nobody would say again: while somebody holds what it needs it is tried anew, and no thread waits."""
        while True:
            try:
                return await self.run(function, *args, **kwargs)
            except InOtherHands:
                await asyncio.sleep(random.uniform(*AGAIN_AFTER_S))

    def _work(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        thread = get_ident()
        self._busy.add(thread)
        try:
            return self.guard(function, *args, **kwargs)
        finally:
            self._busy.discard(thread)

    @property
    def load(self) -> tuple[int, int, int]:
        """How many threads there are, how many of them work, and how much work waits for one."""
        return self._count, len(self._busy), self._pool._work_queue.qsize()  # noqa: SLF001 - the pool tells nobody else

    def guard(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function here and now; if the connection to the database was lost, once more on a fresh one.

        What collides with another transaction is tried again as the database asks; it is no sign that the database is away,
        but what collides every time is kept as if it were. So what runs here must be one transaction, or repeatable. Nor does
        anybody wait long for a row: threads are few, and one wallet that somebody holds must not make all of them wait.
        """
        if self.database_is_away:
            raise DatabaseAway
        try:
            answer = _repeated(lambda: function(*args, **kwargs))
        except (OperationalError, InterfaceError) as error:
            if is_in_other_hands(error):
                raise InOtherHands from error
            connection.close()
            if "no such column" in str(error):  # SQLite's word for a fault of ours; a table is missing where the file was taken away
                raise
            if not _is_collision(error):
                if not self._away_until:
                    logger.error("database away: %s", str(error).strip().split("\n")[0])
                self._away_until = monotonic() + PROBE_EVERY_S
            raise DatabaseAway from error
        except Error:
            connection.close_if_unusable_or_obsolete()
            raise
        if self._away_until:
            self._away_until = 0.0
            logger.info("database back")
        return answer

    def close(self) -> None:
        """Let the work under way end and give the database connections back. Blocks; nothing can be run afterwards."""
        close_threads(self._pool, self._count)


def _repeated(function: Callable[[], R]) -> R:
    for attempt in range(1, TRIES):
        try:
            return function()
        except (OperationalError, InterfaceError) as error:
            if _is_collision(error):
                sleep(random.uniform(0.01, 0.05) * attempt)
                continue
            if is_in_other_hands(error):
                raise
            connection.close()
            if "locked" in str(error):  # SQLite's word for one that stayed in other hands for as long as we can wait
                raise
            break
        except NotSupportedError:  # a table was changed under statements that were prepared for it
            connection.close()
            break
    return function()


def _is_collision(error: Exception) -> bool:
    """Whether the database gave up one of several transactions that waited for each other, and wants it repeated."""
    return getattr(error.__cause__, "sqlstate", None) in ("40001", "40P01")


class OwnConnection(postgresql.DatabaseWrapper):
    """Django's connection, but times are read by the driver's own compiled code: a batch reads hundreds of them."""

    def init_connection_state(self) -> None:
        """Wait no longer for a row than threads can be spared, and let the driver read times once for all cursors.

        They are times of the session's time zone, which Django has set to UTC.
        """
        super().init_connection_state()
        self.connection.adapters.register_loader("timestamptz", TimestamptzLoader)
        if settings.DATABASE_POOLER:
            return  # what is set there would be set for whoever comes next
        with self.connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {LONGEST_LOCK_MS}")

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor that reads times as the connection does: Django would copy all ways to read for a loader of its own."""
        if name is None:
            return self.connection.cursor()
        return self.connection.cursor(name, scrollable=False, withhold=self.connection.autocommit)


def own_connection() -> None:
    """Give this thread a connection of its own instead of one from the pool that the pages share.

    Django asks a pool again even while it cleans up after a lost connection, and a pool lets everybody wait for its own
    timeout while the database is away. A connection of one's own says at once that there is none. One to a file waits no
    longer for others than a charger waits for us, and makes no empty file where there was one. Here the same few hundred
    statements come again and again, so PostgreSQL plans each once and keeps it: that was two thirds of what it did.
    """
    shared = connections[DEFAULT_DB_ALIAS]
    own = {**shared.settings_dict, "CONN_MAX_AGE": None}
    options = {name: value for name, value in own["OPTIONS"].items() if name != "pool"}
    kind = type(shared)
    if shared.vendor == "postgresql":
        kind = OwnConnection
        planned = {"server_side_binding": True, "prepare_threshold": None if settings.DATABASE_POOLER else 3}
        own["OPTIONS"] = {**planned, **options, "connect_timeout": CONNECT_TIMEOUT_S}
    elif "memory" in str(own["NAME"]):
        return
    else:
        own["NAME"] = f"file:{quote(str(own['NAME']))}?mode=rw"
        own["OPTIONS"] = {**options, "timeout": FILE_TIMEOUT_S}
    connections[DEFAULT_DB_ALIAS] = kind(own, DEFAULT_DB_ALIAS)


def close_threads(pool: ThreadPoolExecutor, count: int) -> None:
    """Close the database connection of each thread of a pool, then end it."""
    together = threading.Barrier(count)

    def close(*_: Any) -> None:
        connection.close()
        together.wait(timeout=20)

    for job in [pool.submit(close) for _ in range(count)]:
        job.result()
    pool.shutdown()
