"""News on their way to open pages."""

import asyncio
from typing import Any

from channels.layers import get_channel_layer

from chargeshare import bus


async def all_is_sent() -> None:
    async with asyncio.timeout(60):
        while bus._waiting or bus._sender is None or not bus._sender.done():  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)


def test_who_says_the_same_twice_in_one_breath_is_heard_once():
    """A breath ends when the loop comes to send: here it cannot before all is said."""
    heard: list[dict[str, Any]] = []

    async def listen():
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add("town", channel)
        bus.attach(asyncio.get_running_loop())
        try:
            for word in ("bells", "fire", "bells"):
                bus._send("town", {"type": "square.changed", "what": word})
            await all_is_sent()  # over as many connections, in whatever order
            bus._send("town", {"type": "square.changed", "what": "end"})
            while not heard or heard[-1]["what"] != "end":
                heard.append(await asyncio.wait_for(layer.receive(channel), 30))
        finally:
            bus.attach(None)

    asyncio.run(listen())

    *words, last = [message["what"] for message in heard]
    assert (sorted(words), last) == (["bells", "fire"], "end")


def test_of_many_things_said_at_once_none_is_lost(caplog):
    """A storm of chargers says more in one breath than the layer's client has connections for."""
    many = 400

    async def speak():
        bus.attach(asyncio.get_running_loop())
        try:
            for number in range(many):
                bus._send(f"house-{number}", {"type": "house.changed"})
            await all_is_sent()
        finally:
            bus.attach(None)

    asyncio.run(speak())

    assert "not sent" not in caplog.text
