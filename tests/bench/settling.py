"""What settling a session takes, in statements, and two hundred of them at the same moment."""

import json
import tempfile
from collections.abc import Iterator
from typing import Any

from tests.bench.running import SQLITE, fresh_database, quiet, run, show

STOPS = 200


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """Both databases; only a server has deadlocks."""
    with fresh_database(postgresql) as url:
        yield from _shown("PostgreSQL", url)
    with tempfile.TemporaryDirectory(prefix="chargeshare-bench-") as directory:
        yield from _shown("SQLite", SQLITE.format(directory=directory))


def _shown(database: str, url: str) -> Iterator[dict[str, Any]]:
    environment = quiet(url, DJANGO_SETTINGS_MODULE="tests.settings_served")  # where accounts are quickly made
    run(environment, "manage.py", "migrate", "-v0")
    one = json.loads(run(environment, "-m", "tests.bench.settle", str(STOPS)))
    name = database.lower()
    yield show(f"Settling a session, {database}", one["settle"], "statements", name=f"settle-{name}", goal=14, beside=one["naive"])
    yield show("The same: transactions", one["transactions"], "", name=f"settle-{name}-transactions", goal=1)
    yield show(f"The whole StopTransaction, {database}", one["stop"], "statements", name=f"stop-{name}")
    yield show(f"{STOPS} StopTransactions at once, {database}", one["seconds"], "s", name=f"stops-{name}")
    if database == "PostgreSQL":
        yield show("The same: deadlocks", one["deadlocks"], "", name=f"stops-{name}-deadlocks", goal=0)
