"""What takes a moment to find out, for who must not wait longer than a moment."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

FRESH_S = 5.0
PATIENCE_S = 2.0


class Kept(Generic[T]):
    """Found out in a thread of its own, by one at a time however many ask, and good for some seconds."""

    def __init__(self, find: Callable[[], T], begin: Callable[[], None] | None = None) -> None:
        """`begin` prepares the thread."""
        self._find = find
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="metrics", initializer=begin)
        self._looking: Future[T] | None = None
        self._found_at = 0.0

    def look(self) -> Future[T]:
        """Begin to find out, unless somebody does or the last answer is fresh."""
        with self._lock:
            looking = self._looking
            if looking is None or (looking.done() and (looking.exception() or monotonic() - self._found_at > FRESH_S)):
                looking = self._looking = self._thread.submit(self._look)
            return looking

    def get(self, until: float | None = None) -> T | None:
        """The answer; None where there is none in time, whatever the reason. `until` is when a patience shared with others ends."""
        try:
            return self.look().result(timeout=PATIENCE_S if until is None else max(0.0, until - monotonic()))
        except TimeoutError:
            return None
        except Exception as error:  # noqa: BLE001 - whatever a driver raises; its words may hold an address or a password
            logger.debug("metrics: %s", type(error).__name__)
            return None

    def forget(self) -> None:
        """Find out anew at the next question."""
        with self._lock:
            self._looking = None

    def _look(self) -> T:
        found = self._find()
        self._found_at = monotonic()
        return found
