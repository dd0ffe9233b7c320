"""Which sockets this process holds."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from django.conf import settings

from ocpp_core.workers import DatabaseAway, Workers
from stations import connectivity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocpp_core.connection import Connection

logger = logging.getLogger(__name__)

_GROUPS = 3


class Registry:
    """The open sockets by charge point. The newest one of a charge point is the one."""

    def __init__(self) -> None:
        self._connections: dict[int, Connection] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections.values()))

    def get(self, charge_point_id: int) -> Connection | None:
        """The socket of a charge point, if this process holds it."""
        return self._connections.get(charge_point_id)

    def add(self, connection: Connection) -> Connection | None:
        """Enter a socket; returns the one it takes the place of."""
        former = self._connections.get(connection.charge_point_id)
        self._connections[connection.charge_point_id] = connection
        return former

    def remove(self, connection: Connection) -> None:
        """Strike a socket out, unless a newer one has taken its place."""
        if self._connections.get(connection.charge_point_id) is connection:
            del self._connections[connection.charge_point_id]

    async def tell_presence(self, workers: Workers) -> None:
        """For ever: write down, for all sockets together, when they last gave a sign of life."""
        pause = settings.OFFLINE_AFTER_S / 3
        last = monotonic()
        while True:
            await asyncio.sleep(pause)
            for connection in self:
                connection.forget_answers()
            seen = sorted((connection.last_sign_at, connection.charge_point_id) for connection in self)
            seen = [sign for sign in seen if sign[0] > last]
            last, now = monotonic(), datetime.now(UTC)
            for begin in range(0, len(seen), size := max(1, -(-len(seen) // _GROUPS))):
                group = seen[begin : begin + size]
                at = now - timedelta(seconds=last - group[0][0])
                try:
                    await workers.run(connectivity.seen, [charge_point_id for _sign, charge_point_id in group], at=at)
                except DatabaseAway:
                    break
                except Exception:
                    logger.exception("presence not written")
