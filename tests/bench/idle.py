"""Ten thousand chargers that have booted and say nothing: what they take of one process."""

from collections.abc import Iterator
from typing import Any

from tests.bench.running import fresh_database, show
from tests.bench.storm import through

CHARGERS = 10_000
FEW = 2_000  # enough to see what one of them takes
# With a first crowd a process gives back what it freed while it started: looked at before, the others would seem to take less.
FIRST = "600"
REST = ("--first", FIRST, "--rest", "30")  # what a crowd has left is given back ten seconds after it


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """Memory, and the CPU of looking after them: pings, pongs, presence."""
    with fresh_database(postgresql) as url:
        naive = through(url, FEW, *REST, naive=True)["kib_each"]
    with fresh_database(postgresql) as url:
        one = through(url, CHARGERS, *REST, "--watch", "60")
    what = f"{CHARGERS:,} idle chargers in one process: memory of each"
    yield show(what, one["kib_each"], "KiB", name="idle-memory", goal=25, beside=naive)
    yield show(f"{CHARGERS:,} idle chargers: CPU of one core", one["idle_cpu_percent"], "%", name="idle-cpu")
    with fresh_database(postgresql) as url:
        stock = through(url, FEW, *REST, LEAN_SOCKETS="False")
    what = f"{FEW:,} idle chargers whose sockets stay with Daphne: memory of each"
    yield show(what, stock["kib_each"], "KiB", name="idle-memory-stock", goal=25, beside=naive)
