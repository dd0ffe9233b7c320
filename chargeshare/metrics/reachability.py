"""Whether what the house needs answers: for `/readyz` and `/metrics` alike."""

import asyncio
from collections.abc import Callable
from time import monotonic

from channels.layers import get_channel_layer
from django.db import connection

from ocpp_core import door

PATIENCE_S = 2.0
FAILED_LATELY_S = 5.0


def ask_database() -> bool:
    """Have the database say something, over a connection of our own that waits for no turn in the pool, and not long."""
    here = door.opened()
    if here is not None and here.backstage.workers.database_is_away:
        raise ConnectionError  # it may answer, and yet keep nothing
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


def ask_spool() -> bool:
    """What comes while there is no database is kept in files: unless the last of it just could not be."""
    here = door.opened()
    failed_at = here.backstage.spool.failed_at if here is not None else None
    if failed_at is not None and monotonic() - failed_at < FAILED_LATELY_S:
        raise OSError
    return True


PARTS: dict[str, Callable[[], bool]] = {"database": ask_database, "channel_layer": ask_channel_layer, "spool": ask_spool}
