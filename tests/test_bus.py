"""News on their way to open pages."""

import asyncio
from typing import Any

from channels.layers import get_channel_layer

from chargeshare import bus


def test_who_says_the_same_twice_in_one_breath_is_heard_once():
    """A breath ends when the loop comes to send: here it cannot before all is said."""
    heard: list[dict[str, Any]] = []

    async def listen():
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add("town", channel)
        bus.attach(asyncio.get_running_loop())
        try:
            for word in ("bells", "fire", "bells", "end"):
                bus._send("town", {"type": "square.changed", "what": word})
            while not heard or heard[-1]["what"] != "end":
                heard.append(await asyncio.wait_for(layer.receive(channel), 30))
        finally:
            bus.attach(None)

    asyncio.run(listen())

    assert [message["what"] for message in heard] == ["bells", "fire", "end"]
