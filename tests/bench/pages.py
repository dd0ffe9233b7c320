"""Pages and the map with a hundred thousand charge points, 200 000 sessions and five million readings behind them.

BENCH_SCALE makes all of it smaller: 0.1 is a tenth.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from tests.bench.running import SQLITE, fresh_database, quiet, run, show

SCALE = float(os.environ.get("BENCH_SCALE", "1"))
ASKED = {
    "screen": ("map of 480 places", 25.0),
    "screen-of-a-driver": ("the same for somebody logged in", 25.0),
    "country": ("map of a country, in clusters", 10.0),
    "world": ("map of the world, in clusters", 10.0),
    "dashboard": ("owner's overview", 100.0),
    "chargers": ("owner's 500 chargers", 100.0),
    "hosted-sessions": ("sessions at an owner's chargers", 100.0),
    "earnings": ("owner's earnings by month", 100.0),
    "history": ("driver's sessions", 100.0),
    "frames": ("messages of a charger", 100.0),
    "readings": ("readings of a session", 100.0),
}


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """Each page on both databases: p95 of server time in CPU, wall time and the naive way beside it."""
    with tempfile.TemporaryDirectory(prefix="chargeshare-bench-") as directory:
        yield from _of("SQLite", SQLITE.format(directory=directory))
    with fresh_database(postgresql) as url:
        yield from _of("PostgreSQL", url)


def _of(database: str, url: str) -> Iterator[dict[str, Any]]:
    environment = quiet(url, LIMIT_API_PER_MINUTE="1000000", DEBUG="False")
    run(environment, "manage.py", "migrate", "-v0")
    asked = json.loads(run(environment, "-m", "tests.bench.asked", str(SCALE)).splitlines()[-1])
    yield show(f"building it all, {database}", asked["built_s"], "s", scale=SCALE)
    yield show(f"counting the map beforehand, {database}: CPU", asked["counting"], "ms")
    for name, (what, goal) in ASKED.items():
        one, naive = asked["figures"][name], asked["naive"].get(name)
        beside = naive["cpu_p95_ms"] if naive else None
        yield show(
            f"{what}, {database}: CPU p95",
            one["cpu_p95_ms"],
            "ms",
            name=f"pages-{name}-{database.lower()}",
            goal=goal,
            beside=beside,
            **one,
        )
