"""Short random pauses where threads, processes and chargers meet, and the tests in a random order: `TEST_JITTER=7 pytest tests/flows`.

A test that holds under several seeds does not depend on who comes first. A seed gives every meeting place a character of its own, the
same in all processes: one is always slow while another never waits. So answers arrive before what they answer is written down, and
the other way round; pauses drawn alike everywhere would find only the commonest orders. It lives in the settings of tests alone.
"""

import asyncio
import dataclasses
import gc
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from importlib import import_module
from typing import Any

import pytest
from django.apps import AppConfig

SEED = os.environ.get("TEST_JITTER", "")
LONGEST_S = 0.05
LOOP_STALLS = 0.02  # an event loop turns a thousand times where a thread works once

# The place, what is wrapped there, and whether a pause lies before it, after it or on both sides.
MEETINGS = (
    ("worker", "ocpp_core.workers:Workers.guard", "both"),
    ("writer", "ocpp_core.writer:Writer._work", "before"),
    ("batch", "ocpp_core.writer:Writer._store_or_spool", "after"),
    ("spool", "ocpp_core.spool:Spool.append", "both"),
    ("replay", "ocpp_core.spool:Spool.replay", "both"),
    ("bus", "chargeshare.bus:_send", "before"),
    ("message", "chargeshare.bus:_group_send", "before"),
    ("before commit", "django.db.backends.base.base:BaseDatabaseWrapper._commit", "before"),
    ("after commit", "django.db.backends.base.base:BaseDatabaseWrapper._commit", "after"),
    ("request", "django.core.handlers.base:BaseHandler.get_response_async", "before"),
    ("response", "django.core.handlers.base:BaseHandler.get_response_async", "after"),
    ("hop", "asyncio.base_events:BaseEventLoop.call_soon_threadsafe", "before"),
    ("loop", "asyncio.base_events:BaseEventLoop._run_once", "before"),
    ("charger speaks", "ocpp_core.simulator.link:WebSocketLink.send", "before"),
    ("charger hears", "ocpp_core.simulator.link:WebSocketLink.recv", "after"),
    ("program asks", "tests.flows.doors:Api._ask", "both"),
    ("browser asks", "tests.flows.doors:Pages._load", "both"),
)


class Place:
    """Somewhere that two can meet in either order, and how the seed wants it to be."""

    def __init__(self, name: str) -> None:
        self._draw = random.Random(f"{SEED} {name}")
        characters = [(0.0, 0.0), (0.0, 0.0), (0.1, LONGEST_S), (0.5, LONGEST_S / 4), (1.0, LONGEST_S / 2)]
        self._often, self._longest_s = self._draw.choice(characters)
        if name == "loop":
            self._often *= LOOP_STALLS

    def pause_s(self) -> float:
        """How long to wait this time."""
        return self._draw.uniform(0, self._longest_s) if self._draw.random() < self._often else 0.0

    def wait(self) -> None:
        """Hold this thread up."""
        if pause := self.pause_s():
            time.sleep(pause)

    async def wait_async(self) -> None:
        """Hold this task up, and let others go by."""
        if pause := self.pause_s():
            await asyncio.sleep(pause)


class Jitter(AppConfig):
    """Comes last of all apps of a served process, so that everything it holds up is there."""

    name, label = "tests", "jitter"

    def ready(self) -> None:
        """Put the pauses where they belong."""
        install()


def install() -> None:
    """Put a pause into every meeting place."""
    for name, where, side in MEETINGS:
        module, path = where.split(":")
        holder: Any = import_module(module)
        *outer, last = path.split(".")
        for one in outer:
            holder = getattr(holder, one)
        setattr(holder, last, _held_up(getattr(holder, last), Place(name), side))
    housekeeping: Any = import_module("chargeshare.housekeeping")
    housekeeping.JOBS = tuple(dataclasses.replace(job, do=_held_up(job.do, Place(job.name), "both")) for job in housekeeping.JOBS)


def _held_up(function: Callable[..., Any], place: Place, side: str) -> Callable[..., Any]:
    is_before, is_after = side != "after", side != "before"

    @wraps(function)
    def held_up(*args: Any, **kwargs: Any) -> Any:
        if is_before:
            place.wait()
        result = function(*args, **kwargs)
        if is_after:
            place.wait()
        return result

    @wraps(function)
    async def held_up_async(*args: Any, **kwargs: Any) -> Any:
        if is_before:
            await place.wait_async()
        answer: Awaitable[Any] = function(*args, **kwargs)
        result = await answer
        if is_after:
            await place.wait_async()
        return result

    return held_up_async if asyncio.iscoroutinefunction(function) else held_up


class Plugin:
    """What pytest does under a seed: the modules and the tests of each in a random order, and no garbage left to the next test."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Shuffle the modules, and the tests inside of each."""
        draw = random.Random(SEED)
        order: dict[str, float] = {}
        for item in items:
            order.setdefault(item.nodeid.partition("::")[0], draw.random())
        items.sort(key=lambda item: (order[item.nodeid.partition("::")[0]], draw.random()))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Iterator[None]:
        """What a test leaves behind complains in its own name."""
        result = yield
        gc.collect()
        return result
