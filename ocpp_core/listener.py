"""Carries what is said to all processes to the sockets of this one.

The channel layer may go away at any time: the listener begins again when it is back, and meanwhile the tables are looked
through every few seconds. A charger's socket takes no part in any of this and cannot be closed by it.
"""

import asyncio
import logging
from contextlib import suppress
from time import monotonic
from typing import Any

from channels.layers import BaseChannelLayer, get_channel_layer

from ocpp_core import commands
from ocpp_core.connection import NORMAL, POLICY_VIOLATION
from ocpp_core.registry import Registry
from ocpp_core.workers import DatabaseAway, Workers

logger = logging.getLogger(__name__)

GROUP = "chargers"
LONGEST_PAUSE_S = 10.0
JOIN_AGAIN_AFTER_S = 30.0  # a group forgets its members after a day, and at once where somebody empties Redis
POLL_EVERY_S = 3.0


class Listener:
    """One per process."""

    def __init__(self, registry: Registry, workers: Workers) -> None:
        self._registry = registry
        self._workers = workers

    async def listen(self) -> None:
        """For ever: hear what is said to all processes."""
        pause = 0.1
        while True:
            began = monotonic()
            try:
                await self._hear()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the layer's client raises
                pause = 0.1 if monotonic() - began > LONGEST_PAUSE_S else min(2 * pause, LONGEST_PAUSE_S)
                logger.warning("channel layer unreachable, listening again in %.1f s: %s", pause, error)
                await asyncio.sleep(pause)

    async def poll(self) -> None:
        """For ever: look for commands that nobody told us of."""
        while True:
            await asyncio.sleep(POLL_EVERY_S)
            if not len(self._registry):
                continue
            try:
                due = await self._workers.run(commands.due_charge_points)
            except DatabaseAway:
                continue
            except Exception:
                logger.exception("looking for commands failed")
                continue
            for charge_point_id in due:
                self._wake(charge_point_id)

    async def _hear(self) -> None:
        layer = get_channel_layer()
        if layer is None:
            await asyncio.Event().wait()
            return
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        staying = asyncio.create_task(_stay(layer, channel))
        try:
            while True:
                self._take(await layer.receive(channel))
        finally:
            staying.cancel()
            await asyncio.gather(staying, return_exceptions=True)
            with suppress(Exception):  # it is being left because it cannot be reached, or at the end
                await asyncio.wait_for(layer.group_discard(GROUP, channel), 1.0)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("type") == "chargers.moved":
            for moved, socket in message["moved"]:
                self._take({"type": "charger.moved", "charge_point_id": moved, "connection": socket})
            return
        charge_point_id = message.get("charge_point_id", 0)
        connection = self._registry.get(charge_point_id)
        match message.get("type"):
            case "command.requested":
                self._wake(charge_point_id)
            case "charger.moved" if connection is not None and str(connection.id) != message.get("connection"):
                connection.close(NORMAL)
            case "charger.dismissed" if connection is not None:
                connection.close(POLICY_VIOLATION)

    def _wake(self, charge_point_id: int) -> None:
        connection = self._registry.get(charge_point_id)
        if connection is not None:
            connection.asker.wake()


async def _stay(layer: BaseChannelLayer, channel: str) -> None:
    """For ever: join the group again, for nobody tells us when it was forgotten. If the layer is away, who receives notices it too."""
    while True:
        await asyncio.sleep(JOIN_AGAIN_AFTER_S)
        with suppress(Exception):  # whatever the layer's client raises
            await layer.group_add(GROUP, channel)
