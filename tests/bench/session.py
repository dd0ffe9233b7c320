"""A whole session, from the box that starts to the session that is settled: CPU of server and database together.

Boot, Status, Authorize, Start, ten MeterValues and Stop of many chargers at once, four times each.
"""

from collections.abc import Iterator
from typing import Any

from tests.bench.door import through
from tests.bench.running import CHARGERS, SQLITE, fresh_database, show

GOAL_MS = 15.0
FEW = 50  # enough for the naive path, which takes each session as long


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """On both databases; SQLite is part of the server process."""
    with fresh_database(postgresql) as url:
        naive = naively(url)
    with fresh_database(postgresql) as url:
        yield _shown(through(url, "session")[0], "PostgreSQL", naive)
    naive = naively(SQLITE)
    yield _shown(through(SQLITE, "session")[0], "SQLite", naive)


def naively(database_url: str) -> float:
    """The same sessions as one would write them first, in ms."""
    return _together_ms(through(database_url, "session", naive=True, count=FEW, arguments=("--visits", "1"))[0])


def _together_ms(one: dict[str, Any]) -> float:
    return float(round(one["server_cpu_ms"] + one["database_cpu_ms"], 2))


def _shown(one: dict[str, Any], database: str, naive_ms: float) -> dict[str, Any]:
    what = f"A whole session, {CHARGERS} chargers, {database}: CPU of server and database"
    more = {key: one[key] for key in ("server_cpu_ms", "database_cpu_ms", "per_second", "sessions")}
    return show(what, _together_ms(one), "ms", name=f"session-{database.lower()}", goal=GOAL_MS, beside=naive_ms, **more)
