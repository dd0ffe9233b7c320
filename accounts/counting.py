"""Counting what must not come too often, in the cache that all processes share.

A limit must neither become an outage nor vanish in one: with the cache away, every process counts for itself.
"""

import logging
import time
from collections.abc import Callable

from django.core.cache import BaseCache, cache
from django.core.cache.backends.locmem import LocMemCache

logger = logging.getLogger(__name__)

PAUSE_S = 5.0  # how long a cache that did not answer is left alone
_own = LocMemCache("counting", {"OPTIONS": {"MAX_ENTRIES": 100_000}})
_away_until = 0.0


def add_one(name: str, *, keep_s: int) -> int:
    """Count once more; how often that makes it. A counter is forgotten after `keep_s`."""

    def count(store: BaseCache) -> int:
        store.add(name, 0, timeout=keep_s)
        try:
            return int(store.incr(name))
        except ValueError:  # forgotten between the two
            store.set(name, 1, timeout=keep_s)
            return 1

    return _ask(count)


def so_far(name: str) -> int:
    """How often it was counted."""
    return _ask(lambda store: int(store.get(name, 0)))


def _ask(question: Callable[[BaseCache], int]) -> int:
    global _away_until  # noqa: PLW0603 - one cache, one state of it
    if time.monotonic() >= _away_until:
        try:
            return question(cache)
        except Exception as error:  # noqa: BLE001 - whatever the cache's client raises
            _away_until = time.monotonic() + PAUSE_S
            logger.warning("the cache is away, this process counts for itself: %s", type(error).__name__)
    return question(_own)
