"""The one way up: a small dict sent to a group of the channel layer once the database has committed.

The database is the truth; a message only says "look again". So a message that is lost, because Redis is away, costs
freshness and nothing else, and publishing never fails and never waits for the network.
"""

import asyncio
import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)

_loop: asyncio.AbstractEventLoop | None = None


def attach(loop: asyncio.AbstractEventLoop | None) -> None:
    """Name the event loop that owns the channel layer: the server's. None detaches (at shutdown, and in tests)."""
    global _loop  # noqa: PLW0603 - one server loop per process is a fact of the process
    _loop = loop


def publish(group: str, kind: str, **message: Any) -> None:
    """Send `{"type": kind, **message}` to `group` after the current transaction commits, or at once outside of one.

    `kind` names the method of the consumers that read it, with a dot for the underscore: "session.changed".
    Values must be JSON: ids and words, never rows.
    """
    transaction.on_commit(lambda: _send(group, {"type": kind, **message}))


def _send(group: str, message: dict[str, Any]) -> None:
    loop = _loop
    if loop is not None and loop.is_running():
        asyncio.run_coroutine_threadsafe(_group_send(group, message), loop)
    else:
        async_to_sync(_group_send)(group, message)


async def _group_send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(group, message)
    except Exception as error:  # noqa: BLE001 - whatever the layer's client raises, the business goes on
        logger.warning("channel layer unreachable, %s to %s not sent: %s", message["type"], group, error)
