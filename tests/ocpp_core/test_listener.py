"""What is said to all processes is heard, also after the channel layer has lost its memory."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from channels.layers import get_channel_layer

from ocpp_core import listener
from ocpp_core.connection import NORMAL
from ocpp_core.listener import GROUP, Listener
from ocpp_core.registry import Registry
from ocpp_core.workers import DatabaseAway, Workers
from stations import connectivity
from tests.ocpp_core.conftest import run


class Asker:
    def __init__(self, woken):
        self.woken = woken

    def wake(self):
        self.woken.set()


class Connection:
    id = "here"
    charge_point_id = 7

    def __init__(self):
        self.woken = asyncio.Event()
        self.asker = Asker(self.woken)
        self.closed = []

    def close(self, code):
        self.closed.append(code)


async def forget_everything(layer):
    """What an emptied Redis has forgotten; the layer in memory would forget the queues as well, which no Redis can."""
    if hasattr(layer, "groups"):
        layer.groups.clear()
    else:
        await layer.flush()


@pytest.mark.django_db(transaction=True)
def test_it_is_back_in_the_group_after_the_layer_was_emptied(monkeypatch):
    monkeypatch.setattr(listener, "JOIN_AGAIN_AFTER_S", 0.05)

    async def story():
        layer = get_channel_layer()
        held: Any = Connection()
        registry = Registry()
        registry.add(held)
        workers = Workers(asyncio.get_running_loop())
        listening = asyncio.create_task(Listener(registry, workers).listen())

        async def say(kind, until, **message):
            async with asyncio.timeout(30):
                while not until():
                    await layer.group_send(GROUP, {"type": kind, "charge_point_id": 7, **message})
                    await asyncio.sleep(0.05)

        await say("command.requested", held.woken.is_set)
        held.woken.clear()
        await forget_everything(layer)
        await say("command.requested", held.woken.is_set)
        await say("charger.moved", lambda: held.closed, connection="elsewhere")
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await asyncio.get_running_loop().run_in_executor(None, workers.close)
        if hasattr(layer, "close_pools"):
            await layer.close_pools()

    run(story)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_away_first", [False, True])
def test_a_word_that_was_long_under_way_closes_no_newer_socket(charge_point, monkeypatch, is_away_first):
    """A charger was here, went there and came back, and only now is it heard that it went: the tables know where it is."""
    monkeypatch.setattr(listener, "POLL_EVERY_S", 0.01)
    away = [is_away_first]

    sockets = connectivity.sockets

    def asked(charge_point_ids):
        if away and away.pop():
            raise DatabaseAway
        return sockets(charge_point_ids)

    monkeypatch.setattr(connectivity, "sockets", asked)
    here, there = uuid4(), uuid4()

    async def story():
        held: Any = Connection()
        held.id, held.charge_point_id = here, charge_point.pk
        registry = Registry()
        registry.add(held)
        workers = Workers(asyncio.get_running_loop())
        ears = Listener(registry, workers)

        async def hear(newest):
            await workers.run(connectivity.connected, charge_point.pk, newest, at=datetime.now(UTC))
            ears._take({"type": "chargers.moved", "moved": [[charge_point.pk, str(there)]]})
            await asyncio.wait_for(asyncio.gather(*ears._doubts), 30)
            return list(held.closed)

        try:
            assert await hear(here) == []
            assert await hear(there) == [NORMAL]
        finally:
            await asyncio.get_running_loop().run_in_executor(None, workers.close)

    run(story)
