"""Carries what is said to all processes to the sockets of this one.

The channel layer may go away at any time: the listener begins again when it is back, and meanwhile the tables are looked
through every few seconds. A charger's socket takes no part in any of this and cannot be closed by it.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from channels.layers import BaseChannelLayer, get_channel_layer

from ocpp_core import commands
from ocpp_core.connection import NORMAL, POLICY_VIOLATION, Connection
from ocpp_core.registry import Registry
from ocpp_core.workers import DatabaseAway, Workers
from stations import connectivity

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
        self._doubts: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """For ever: hear what is said to all processes."""
        try:
            await self._listen()
        finally:
            for doubt in self._doubts:
                doubt.cancel()
            await asyncio.gather(*self._doubts, return_exceptions=True)

    async def _listen(self) -> None:
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
        charge_point_id = message.get("charge_point_id", 0)
        match message.get("type"):
            case "command.requested":
                self._wake(charge_point_id)
            case "chargers.moved":
                self._doubt(message["moved"])
            case "charger.moved":
                self._doubt([(charge_point_id, message.get("connection"))])
            case "charger.dismissed" if (connection := self._registry.get(charge_point_id)) is not None:
                connection.close(POLICY_VIOLATION)

    def _doubt(self, moved: Iterable[Sequence[Any]]) -> None:
        """Other sockets were let in of chargers that we hold: if those are newer, ours has had its day."""
        held = [(self._registry.get(charge_point_id), socket) for charge_point_id, socket in moved]
        doubtful = [one for one, socket in held if one is not None and str(one.id) != socket]
        if doubtful:
            task = asyncio.create_task(self._close_older(doubtful))
            self._doubts.add(task)
            task.add_done_callback(self._doubts.discard)

    async def _close_older(self, doubtful: list[Connection]) -> None:
        """Close what is not the newest. The tables know: what was said may have been under way while the charger came to us."""
        while True:
            try:
                newest = await self._workers.run(connectivity.sockets, [one.charge_point_id for one in doubtful])
            except DatabaseAway:
                await asyncio.sleep(POLL_EVERY_S)
                continue
            except Exception:
                logger.exception("looking for the newest sockets failed")
                return
            for one in doubtful:
                if newest.get(one.charge_point_id) != one.id:
                    one.close(NORMAL)
            return

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
