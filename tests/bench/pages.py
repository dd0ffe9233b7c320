"""Pages, lists and the map with a hundred thousand charge points, 200 000 sessions and five million readings behind them.

BENCH_SCALE makes all of it smaller: 0.1 is a tenth. Building takes longer than asking: with BENCH_KEEP, a directory, what was
built is asked again by the next run. A year of history ends when it was built, so build anew in another month.
"""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.bench.page_list import PAGES
from tests.bench.running import built, quiet, run, show, told

SCALE = float(os.environ.get("BENCH_SCALE", "1"))


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """Each page on both databases: p95 of server time in CPU, PostgreSQL's own included, wall time and the naive way beside it."""
    for database, url in (("SQLite", ""), ("PostgreSQL", postgresql)):
        shown: list[dict[str, Any]] = []
        with built(url, f"bench_pages_{SCALE:g}".replace(".", "_"), partial(_build, database, shown)) as kept:
            yield from shown
            environment = _environment(kept)
            run(environment, "manage.py", "migrate", "-v0")
            for one in told(environment, "-m", "tests.bench.asked", "ask"):
                name = one.pop("page")
                page = PAGES[name]
                yield show(
                    f"{page.what}, {database}: CPU p95",
                    one["cpu_p95_ms"],
                    "ms",
                    name=f"pages-{name}-{database.lower()}",
                    goal=page.goal,
                    beside=one.pop("naive"),
                    scale=SCALE,
                    **one,
                )


def _environment(url: str) -> dict[str, str]:
    return quiet(url, LIMIT_API_PER_MINUTE="1000000", DEBUG="False")


def _build(database: str, shown: list[dict[str, Any]], url: str) -> None:
    environment = _environment(url)
    run(environment, "manage.py", "migrate", "-v0")
    run(environment, "manage.py", "collectstatic", "--noinput", "-v0")
    for one in told(environment, "-m", "tests.bench.asked", "build", str(SCALE)):
        if "stage" in one:
            print(f"  {database}, {one['stage']}: built after {one['seconds']:,.0f} s", flush=True)  # noqa: T201 - progress
            continue
        shown.append(show(f"building it all, {database}", one["built_s"], "s", scale=SCALE))
        shown.append(show(f"counting the map beforehand, {database}: CPU", one["counting_ms"], "ms", scale=SCALE))
        shown.append(show(f"writing the sums of the books down, {database}: CPU", one["keeping_ms"], "ms", scale=SCALE))
