"""Whether what the house needs answers: for `/readyz` and `/metrics` alike."""

import asyncio
from collections.abc import Callable

from channels.layers import get_channel_layer
from django.db import connection

PATIENCE_S = 2.0


def ask_database() -> bool:
    """Have the database say something, over a connection of our own that waits for no turn in the pool, and not long."""
    own = connection.copy()
    if own.vendor == "postgresql":
        own.settings_dict["OPTIONS"] = {"connect_timeout": int(PATIENCE_S)}
    try:
        with own.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        own.close()
    return True


def ask_channel_layer() -> bool:
    """Join a group and leave it. Receiving would prove no more, and belongs to the server's own loop."""

    async def join_and_leave() -> None:
        layer = get_channel_layer()
        if layer is None:
            raise LookupError("no channel layer")
        await layer.group_add("probes", "probe")
        await layer.group_discard("probes", "probe")

    asyncio.run(asyncio.wait_for(join_and_leave(), PATIENCE_S))
    return True


PARTS: dict[str, Callable[[], bool]] = {"database": ask_database, "channel_layer": ask_channel_layer}
