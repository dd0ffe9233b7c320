"""Gathers readings and frames while the last batch is being committed; answers after the commit that holds them.

Whatever queued meanwhile is the next batch, so the batch grows with the load and nobody waits for a timer. Frames that
nobody waits for ride along; alone they wait a moment for company.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from time import monotonic, perf_counter
from typing import NamedTuple

from django.db import InterfaceError, OperationalError, transaction

from chargeshare import tally
from ocpp_core import deviations, frame_log
from ocpp_core.frame_log import Row
from ocpp_core.spool import Entry, Spool
from ocpp_core.workers import DatabaseAway, Workers, close_threads, own_connection
from stations import readings
from stations.readings import Incoming

logger = logging.getLogger(__name__)

LONGEST_GATHERING_S = 0.02
COMPANY_WAIT_S = 0.025
MOST_IN_A_BATCH = 2_000
MOST_ROWS_KEPT = 20_000
SLOW_S = 0.5  # for a batch; what takes this long is told, but not with every batch
TOLD_EVERY_S = 60.0

Done = Callable[[BaseException | None], None]


class Item(NamedTuple):
    """One MeterValues: what it said, its frame, how it is kept without a database, and whom to tell."""

    incoming: Incoming
    row: Row
    entry: Entry
    done: Done


class Outcome(NamedTuple):
    """What became of one item."""

    item: Item
    error: BaseException | None


class Writer:
    """One per process, with a thread and a database connection of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, workers: Workers, spool: Spool) -> None:
        self._loop = loop
        self._workers = workers
        self._spool = spool
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer", initializer=own_connection)
        self._items: list[Item] = []
        self._rows: deque[Row] = deque(maxlen=MOST_ROWS_KEPT)
        self._is_storing = False
        self._gathering_since = 0.0
        self._first_at = 0.0  # when the first of the items came
        self._gathered = 0
        self._company: asyncio.TimerHandle | None = None
        self._slow_told_at = -TOLD_EVERY_S
        self._is_closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._batch_has_ended = asyncio.Event()

    def store(self, item: Item) -> None:
        """Store a reading and its frame in the next batch; `done` is called in the loop after the commit."""
        if not self._items:
            self._first_at = self._loop.time()
        self._items.append(item)
        if not self._is_storing and not self._gathering_since:
            self._gather()

    def log(self, row: Row) -> None:
        """Store a frame some time soon."""
        self._rows.append(row)
        if not self._is_storing and self._company is None:
            self._company = self._loop.call_later(COMPANY_WAIT_S, self._begin)

    @property
    def waiting(self) -> tuple[int, int]:
        """How many readings and how many frames wait for their batch to begin."""
        return len(self._items), len(self._rows)

    async def flush(self) -> None:
        """Wait until all that was given so far is stored, as far as there is a database."""
        if not self._is_storing and (self._items or self._rows):
            self._begin()
        await self._idle.wait()

    async def write_down(self) -> None:
        """Wait until the frames given so far are stored: by the batch under way or the next one, however many come after them."""
        for _batch in range(2):
            if not self._is_storing:
                if not self._rows:
                    return
                self._begin()
            await self._batch_has_ended.wait()

    def close(self) -> None:
        """End the thread and give its database connection back. Blocks; what is given afterwards is not stored."""
        self._is_closed = True
        close_threads(self._thread, 1)

    def _gather(self) -> None:
        """Begin once the loop has nothing more to read.

        A batch that began with the first reading would fight with the loop for the interpreter while the others are still
        being read: many small batches, each as dear as a great one.
        """
        now = self._loop.time()
        self._gathering_since = self._gathering_since or now
        if len(self._items) > self._gathered and now - self._gathering_since < LONGEST_GATHERING_S:
            self._gathered = len(self._items)
            self._loop.call_soon(self._gather)
        else:
            self._begin()

    def _begin(self) -> None:
        self._gathering_since, self._gathered = 0.0, 0
        if self._company is not None:
            self._company.cancel()
            self._company = None
        if self._is_storing or self._is_closed:
            return
        items, self._items = self._items[:MOST_IN_A_BATCH], self._items[MOST_IN_A_BATCH:]
        rows = list(self._rows)
        self._rows.clear()
        self._is_storing = True
        self._batch_has_ended = asyncio.Event()
        self._idle.clear()
        self._thread.submit(self._work, items, rows, self._first_at)
        self._first_at = self._loop.time()  # of those that did not fit

    def _work(self, items: list[Item], rows: list[Row], first_at: float) -> None:
        """In the thread. Whatever happens, every item gets an answer."""
        try:
            outcomes, rows_left = self._store_or_spool(items, rows)
        except BaseException as error:
            logger.exception("a batch could not be stored")
            outcomes, rows_left = [Outcome(item, error) for item in items], []
        self._loop.call_soon_threadsafe(self._answer, outcomes, rows_left, first_at)
        deviations.write_due()  # nobody waits for it

    def _answer(self, outcomes: list[Outcome], rows_left: list[Row], first_at: float) -> None:
        self._is_storing = False
        self._batch_has_ended.set()
        if outcomes:
            tally.batch_readings.note(len(outcomes))
            tally.batch_wait_s.note(self._loop.time() - first_at)
        for item, error in outcomes:
            try:
                item.done(error)
            except Exception:
                logger.exception("an answer could not be given")
        if rows_left:
            self._rows.extendleft(reversed(rows_left[: MOST_ROWS_KEPT - len(self._rows)]))
        if self._items:
            self._gather()
            return
        self._idle.set()
        if self._rows and self._company is None:
            self._company = self._loop.call_later(2.0 if rows_left else COMPANY_WAIT_S, self._begin)

    def _store_or_spool(self, items: list[Item], rows: list[Row]) -> tuple[list[Outcome], list[Row]]:
        try:
            return self._workers.guard(self._store, items, rows), []
        except DatabaseAway:
            pass
        if not items:
            return [], rows
        try:
            self._spool.append(item.entry for item in items)
        except OSError as error:
            logger.error("neither database nor spool: %s", error)
            return [Outcome(item, error) for item in items], rows
        return [Outcome(item, None) for item in items], rows

    def _store(self, items: list[Item], rows: list[Row]) -> list[Outcome]:
        if self._spool.has_entries:
            self._spool.replay()  # what came earlier is told earlier
        try:
            took_s = _commit(items, rows)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 - told below, for the one that caused it
            return self._store_in_parts(items, rows, error)
        if took_s > SLOW_S and monotonic() - self._slow_told_at >= TOLD_EVERY_S:
            self._slow_told_at = monotonic()
            logger.warning("database slow: %d readings and %d frames took it %.1f s", len(items), len(rows), took_s)
        return [Outcome(item, None) for item in items]

    def _store_in_parts(self, items: list[Item], rows: list[Row], error: Exception) -> list[Outcome]:
        """Find the one that spoils the batch, so that its neighbours are stored all the same."""
        if rows and items:
            return [*self._store([], rows), *self._store(items, [])]
        if len(rows) > 1:
            middle = len(rows) // 2
            return [*self._store([], rows[:middle]), *self._store([], rows[middle:])]
        if len(items) > 1:
            middle = len(items) // 2
            return [*self._store(items[:middle], []), *self._store(items[middle:], [])]
        if rows:
            logger.error("a frame could not be logged: %s", error, exc_info=error)
        return [self._set_aside(item, error) for item in items]

    def _set_aside(self, item: Item, error: Exception) -> Outcome:
        """Keep a reading that no rule can store where staff will see it: refusing it would only make the charger repeat it."""
        logger.error("a reading of charge point %d was set aside", item.incoming.charge_point_id, exc_info=error)
        try:
            with transaction.atomic():
                frame_log.write([item.row])
                readings.set_aside(item.incoming, str(error), raw=item.row.raw)
        except (OperationalError, InterfaceError):
            raise
        except Exception as worse:
            logger.exception("not even set aside")
            return Outcome(item, worse)
        return Outcome(item, None)


def _commit(items: Sequence[Item], rows: Sequence[Row]) -> float:
    """Store them together; how many seconds that took."""
    began = perf_counter()
    with transaction.atomic():
        frame_log.write(list(chain(rows, (item.row for item in items))))
        if items:
            readings.store([item.incoming for item in items])
    took_s = perf_counter() - began
    tally.commit_s.note(took_s)
    return took_s
