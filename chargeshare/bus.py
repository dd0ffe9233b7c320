"""The one way up: a small dict sent to a group of the channel layer once the database has committed.

The database is the truth; a message only says "look again". So a message that is lost, because Redis is away, costs
freshness and nothing else, and publishing never fails and never waits for the network.
"""

import asyncio
import logging
from collections import deque
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

logger = logging.getLogger(__name__)

AT_ONCE = 50
LONGEST_S = 10.0

Message = dict[str, Any]

_loop: asyncio.AbstractEventLoop | None = None
_waiting: deque[tuple[str, Message]] = deque()
_is_due = False
_sender: asyncio.Task[None] | None = None  # the loop itself keeps no hold of it


def attach(loop: asyncio.AbstractEventLoop | None) -> None:
    """Name the event loop that owns the channel layer: the server's. None detaches (at shutdown, and in tests)."""
    global _loop, _is_due, _sender
    _loop, _is_due, _sender = loop, False, None
    _waiting.clear()


def publish(group: str, kind: str, **message: Any) -> None:
    """Send `{"type": kind, **message}` to `group` after the current transaction commits, or at once outside of one.

    `kind` names the method of the consumers that read it, with a dot for the underscore: "session.changed".
    Values must be JSON: ids and words, never rows. Who says the same twice in one breath is heard once.
    """
    transaction.on_commit(lambda: _send(group, {"type": kind, **message}))


def _send(group: str, message: Message) -> None:
    global _is_due  # noqa: PLW0603
    loop = _loop
    if loop is None or not loop.is_running():
        async_to_sync(_group_send)(group, message)
        return
    _waiting.append((group, message))
    if not _is_due:  # waking the loop costs more than what is sent
        _is_due = True
        loop.call_soon_threadsafe(_begin, loop)


def _begin(loop: asyncio.AbstractEventLoop) -> None:
    """In the loop: see that somebody sends what was published. Who still sends goes on with it."""
    global _sender  # noqa: PLW0603
    if _sender is None or _sender.done():
        _sender = loop.create_task(_send_waiting())


async def _send_waiting() -> None:
    """Send what was published since, so much at once: the layer's client has so many connections and drops what finds none free."""
    global _is_due  # noqa: PLW0603
    while True:
        _is_due = False  # what is published from here on wakes the loop
        together: dict[tuple[str, str], tuple[str, Message]] = {}
        while _waiting and len(together) < AT_ONCE:
            group, message = _waiting.popleft()
            together[group, str(message)] = (group, message)
        if not together:
            return
        try:
            async with asyncio.timeout(LONGEST_S):
                await asyncio.gather(*(_group_send(group, message) for group, message in together.values()))
        except TimeoutError:
            logger.warning("channel layer silent, up to %d messages not sent", len(together))


async def _group_send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(group, message)
    except Exception as error:  # noqa: BLE001 - whatever the layer's client raises, the business goes on
        logger.warning("channel layer unreachable, %s to %s not sent: %s", message["type"], group, error)
