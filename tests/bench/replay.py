"""Everybody comes back after hours offline and tells what was queued."""

from collections.abc import Iterator
from typing import Any

from tests.bench.door import through
from tests.bench.load import REPLAYED_FRAMES
from tests.bench.running import CHARGERS, fresh_database, show


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """The time until the last word of the last queue is answered, and every session of them settled."""
    with fresh_database(postgresql) as url:
        [replayed] = through(url, "replay")
    what = f"{CHARGERS} chargers tell {REPLAYED_FRAMES} queued frames each: until all is answered"
    yield show(what, replayed["seconds"], "s", name="replay", goal=60, server_cpu_s=replayed["server_cpu_s"])
