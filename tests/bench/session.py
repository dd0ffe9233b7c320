"""A whole session, from the box that starts to the session that is settled: CPU of server and database together.

Boot, Status, Authorize, Start, ten MeterValues and Stop of many chargers at once, four times each.
"""

from collections.abc import Iterator
from typing import Any

from tests.bench.door import through
from tests.bench.running import CHARGERS, SQLITE, fresh_database, show

GOAL_MS = 15.0


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """On both databases; SQLite is part of the server process."""
    with fresh_database(postgresql) as url:
        yield _shown(through(url, "session")[0], "PostgreSQL")
    yield _shown(through(SQLITE, "session")[0], "SQLite")


def _shown(one: dict[str, Any], database: str) -> dict[str, Any]:
    together_ms = round(one["server_cpu_ms"] + one["database_cpu_ms"], 2)
    what = f"A whole session, {CHARGERS} chargers, {database}: CPU of server and database"
    more = {key: one[key] for key in ("server_cpu_ms", "database_cpu_ms", "per_second", "sessions")}
    return show(what, together_ms, "ms", name=f"session-{database.lower()}", goal=GOAL_MS, **more)
