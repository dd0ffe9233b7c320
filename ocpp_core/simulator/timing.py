"""The charger's clock: the real one, or one that runs as fast as it is told."""

import asyncio
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time, or `speed` times as fast, from `start` on."""

    def __init__(self, *, speed: float = 1.0, start: datetime | None = None) -> None:
        self._speed = speed
        self._real_start = datetime.now(UTC)
        self._start = start or self._real_start

    def now(self) -> datetime:
        """Tell the time."""
        return self._start + (datetime.now(UTC) - self._real_start) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds / self._speed)


class ManualClock(Clock):
    """A clock that stands still until somebody sleeps: an hour of charging takes no time at all."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start=start)
        self._now = start

    def now(self) -> datetime:
        """Tell the time it was left at."""
        return self._now

    def set(self, now: datetime) -> None:
        """Put the hands where they are wanted."""
        self._now = now

    async def sleep(self, seconds: float) -> None:
        """Jump ahead."""
        self._now += timedelta(seconds=seconds)
        await asyncio.sleep(0)
