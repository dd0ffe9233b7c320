"""What is said to all processes is heard, also after the channel layer has lost its memory."""

import asyncio
from typing import Any

import pytest
from channels.layers import get_channel_layer

from ocpp_core import listener
from ocpp_core.listener import GROUP, Listener
from ocpp_core.registry import Registry
from ocpp_core.workers import Workers
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


def test_it_is_back_in_the_group_after_the_layer_was_emptied(monkeypatch):
    monkeypatch.setattr(listener, "JOIN_AGAIN_AFTER_S", 0.05)

    async def story():
        layer = get_channel_layer()
        held: Any = Connection()
        registry = Registry()
        registry.add(held)
        listening = asyncio.create_task(Listener(registry, Workers(asyncio.get_running_loop())).listen())

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
        if hasattr(layer, "close_pools"):
            await layer.close_pools()

    run(story)
