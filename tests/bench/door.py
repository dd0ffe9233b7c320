"""The chargers' door under load, beside the naive path measured in the same run: server CPU per message.

Wall time on a shared machine measures the neighbours.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.bench.load import REPLAYED_SESSIONS
from tests.bench.running import CHARGERS, SECONDS, SQLITE, Failed, fresh_database, load, quiet, run, server, show
from tests.servers import free_port

SCENARIOS = ("metervalues", "heartbeat")
MANY = 1_000
GOALS = {"metervalues": 100.0, "heartbeat": 40.0}


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """Reading a frame; then readings and heartbeats on both databases, and readings of five times as many chargers."""
    yield show("Read and check a MeterValues frame", reader_us(), "µs", name="reader", goal=10)
    with fresh_database(postgresql) as url:
        naive = naively(url, *SCENARIOS)
    with fresh_database(postgresql) as url:
        yield from (_shown(one, "PostgreSQL", GOALS[one["scenario"]], naive) for one in through(url, *SCENARIOS))
    with fresh_database(postgresql) as url:
        for one in through(url, *SCENARIOS, LEAN_SOCKETS="False"):
            yield _shown(one, "PostgreSQL, sockets of Daphne", GOALS[one["scenario"]], naive)
    with fresh_database(postgresql) as url:
        naive = naively(url, "metervalues", count=MANY)
    with fresh_database(postgresql) as url:
        yield from (_shown(one, "PostgreSQL", GOALS[one["scenario"]], naive) for one in through(url, "metervalues", count=MANY))
    naive = naively(SQLITE, *SCENARIOS)
    yield from (_shown(one, "SQLite", 2 * GOALS[one["scenario"]], naive) for one in through(SQLITE, *SCENARIOS))


def naively(database_url: str, *scenarios: str, count: int = CHARGERS) -> dict[str, float]:
    """What the naive path takes, by scenario. It is even enough to be measured for half as long."""
    loads = through(database_url, *scenarios, naive=True, count=count, arguments=("--bare", "--seconds", str(SECONDS / 2)))
    return {one["scenario"]: one["server_cpu_us"] for one in loads}


def _shown(one: dict[str, Any], database: str, goal: float, naive: dict[str, float]) -> dict[str, Any]:
    what = f"{one['scenario']}, {one['chargers']} chargers, {database}: server CPU per message"
    name = f"{one['scenario']}-{one['chargers']}-{'-'.join(database.lower().replace(',', '').split())}"
    more = {key: one[key] for key in ("per_second", "p50_ms", "p99_ms", "database_cpu_us")}
    return show(what, one["server_cpu_us"], "µs", name=name, goal=goal, beside=naive[one["scenario"]], **more)


def through(
    database_url: str,
    *scenarios: str,
    naive: bool = False,
    count: int = CHARGERS,
    arguments: Sequence[str] = (),
    **settings: str,
) -> list[dict[str, Any]]:
    """Loads against one database, through the real door or the naive path; afterwards the real one's books must balance."""
    with tempfile.TemporaryDirectory(prefix="chargeshare-bench-") as name:
        directory = Path(name)
        port = free_port()
        environment = quiet(database_url.format(directory=directory), SPOOL_DIR=f"{directory}/spool", **settings)
        run(environment, "manage.py", "migrate", "-v0")
        fleet = directory / "fleet.json"
        fleet.write_text(run(environment, "-m", "tests.bench.prepare", str(count)))
        command = ["-m", "tests.bench.naive", str(port)] if naive else ["manage.py", "serve", "--port", str(port)]
        with server(environment, *command, port=port, directory=directory) as pid:
            others = ["--count", str(count), "--database-pid", str(parent_of_database(database_url)), *arguments]
            results = [load(environment, port, [pid], fleet, "--scenario", scenario, *others) for scenario in scenarios]
        if not naive:
            run(environment, "manage.py", "check_ledger")
        if "replay" in scenarios:
            _all_replayed(environment)
        return results


def parent_of_database(url: str) -> int:
    """The process whose children are PostgreSQL's, so that what they take can be counted; 0 for a database in a file."""
    if not url.startswith("postgres"):
        return 0
    with psycopg.connect(url) as connection:
        return int(psutil.Process(connection.info.backend_pid).ppid())


def _all_replayed(environment: dict[str, str]) -> None:
    """Every session of every queue is there and settled, or the figure says nothing."""
    program = (
        "import django; django.setup(); from stations.models import ChargingSession\n"
        "print(ChargingSession.objects.filter(status='COMPLETED', cdr__total_minor__gt=0).count())"
    )
    settled = int(run(environment, "-c", program))
    if settled != CHARGERS * REPLAYED_SESSIONS:
        raise Failed(f"Only {settled} of {CHARGERS * REPLAYED_SESSIONS} replayed sessions were settled.")


def reader_us() -> float:
    """Reading one MeterValues of five values and checking it against the official schema, in µs."""
    program = (
        "import time, timeit; from ocpp_core import frames, schemas; from tests.bench.sample import FRAME\n"
        "def one():\n    call = frames.parse(FRAME); assert schemas.problems(call.action, call.payload) is None\n"
        "import json; n = 20000; print(json.dumps(min(timeit.repeat(one, timer=time.process_time, number=n, repeat=5)) / n * 1e6))"
    )
    return round(float(json.loads(run(quiet("sqlite:///:memory:"), "-c", program))), 1)
