"""Pages, lists and the map with a hundred thousand charge points, 200 000 sessions and five million readings behind them.

BENCH_SCALE makes all of it smaller: 0.1 is a tenth.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from tests.bench.page_list import PAGES
from tests.bench.running import SQLITE, fresh_database, quiet, run, show

SCALE = float(os.environ.get("BENCH_SCALE", "1"))


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """Each page on both databases: p95 of server time in CPU, PostgreSQL's own included, wall time and the naive way beside it."""
    with tempfile.TemporaryDirectory(prefix="chargeshare-bench-") as directory:
        yield from _of("SQLite", SQLITE.format(directory=directory))
    with fresh_database(postgresql) as url:
        yield from _of("PostgreSQL", url)


def _of(database: str, url: str) -> Iterator[dict[str, Any]]:
    environment = quiet(url, LIMIT_API_PER_MINUTE="1000000", DEBUG="False")
    run(environment, "manage.py", "migrate", "-v0")
    run(environment, "manage.py", "collectstatic", "--noinput", "-v0")
    asked = json.loads(run(environment, "-m", "tests.bench.asked", str(SCALE)).splitlines()[-1])
    yield show(f"building it all, {database}", asked["built_s"], "s", scale=SCALE)
    yield show(f"counting the map beforehand, {database}: CPU", asked["counting"], "ms")
    yield show(f"writing the sums of the books down, {database}: CPU", asked["keeping"], "ms")
    for name, page in PAGES.items():
        one, naive = asked["figures"][name], asked["naive"].get(name)
        yield show(
            f"{page.what}, {database}: CPU p95",
            one["cpu_p95_ms"],
            "ms",
            name=f"pages-{name}-{database.lower()}",
            goal=page.goal,
            beside=naive["cpu_p95_ms"] if naive else None,
            **one,
        )
