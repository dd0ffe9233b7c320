"""The nightly proof of the books, over a million entries."""

import json
from collections.abc import Iterator
from typing import Any

from tests.bench.running import fresh_database, quiet, run, show

ENTRIES = 1_000_000


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """How long the proof takes, and how much memory."""
    with fresh_database(postgresql) as url:
        environment = quiet(url)
        run(environment, "manage.py", "migrate", "-v0")
        proved = json.loads(run(environment, "-m", "tests.bench.books", str(ENTRIES)))
    yield show(f"check_ledger over {proved['entries']:,} entries", proved["seconds"], "s", name="check-ledger", goal=10)
    yield show("The same: memory it takes", proved["grown_mib"], "MiB", name="check-ledger-memory", goal=50)
