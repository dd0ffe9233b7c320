"""A storm: everybody comes back at once after a power cut, boots, and says how the box and its outlets stand.

Whoever dials for all of them is nice (10), so that it takes no processor from the server; those whose Heartbeats are timed are not,
and have a process of their own, whose lateness is measured as well.
"""

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.door import parent_of_database
from tests.bench.running import SQLITE, Failed, fresh_database, quiet, run, server, show
from tests.servers import free_port

WITNESSES = 5
FEW = 500  # enough for the naive path, which takes each of them as long


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """One that the naive path can bear as well, and the great ones, on both databases."""
    with fresh_database(postgresql) as url:
        naive = through(url, FEW, naive=True)
    for count, goal_s in ((FEW, None), (2_000, 10), (10_000, 60)):
        with fresh_database(postgresql) as url:
            yield from _shown(through(url, count), "PostgreSQL", goal_s, naive)
    naive = through(SQLITE, FEW, naive=True)
    for count, goal_s in ((FEW, None), (2_000, 20)):
        yield from _shown(through(SQLITE, count), "SQLite", goal_s, naive)


def _shown(one: dict[str, Any], database: str, goal_s: float | None, naive: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a charger costs is compared at any size; how long somebody waits is compared at the same one alone."""
    name = f"storm-{one['chargers']}-{database.lower()}"
    what = f"storm of {one['chargers']:,}, {database}"
    more = {key: one[key] for key in ("refused", "lost")}
    same = naive if one["chargers"] == naive["chargers"] else None
    beside = same["seconds"] if same else None
    yield show(f"{what}: until the last word is answered", one["seconds"], "s", name=name, goal=goal_s, beside=beside, **more)
    each, naive_each = (of["server_cpu_s"] / of["chargers"] * 1e3 for of in (one, naive))
    yield show(f"{what}: server CPU per charger", each, "ms", name=f"{name}-cpu", beside=naive_each)
    if one["database_cpu_s"]:
        each, naive_each = (of["database_cpu_s"] / of["chargers"] * 1e3 for of in (one, naive))
        yield show(f"{what}: CPU of the database per charger", each, "ms", name=f"{name}-database", beside=naive_each)
    beside = same["longest_wait_s"] * 1e3 if same else None
    longest_ms = one["longest_wait_s"] * 1e3
    yield show(f"{what}: longest Heartbeat of others", longest_ms, "ms", name=f"{name}-others", goal=1_000, beside=beside)
    own = "of it, at most, lateness of the process that asks"
    yield show(f"{what}: {own}", one["own_lateness_s"] * 1e3, "ms", name=f"{name}-lateness", asked=one["asked"])


def through(database_url: str, count: int, *arguments: str, naive: bool = False, **settings: str) -> dict[str, Any]:
    """One storm, with other settings where they are given; whoever is refused or lost, and what is not stored, makes the figure void."""
    with tempfile.TemporaryDirectory(prefix="chargeshare-bench-") as name:
        directory, port = Path(name), free_port()
        environment = quiet(database_url.format(directory=directory), SPOOL_DIR=f"{directory}/spool", **settings)
        run(environment, "manage.py", "migrate", "-v0")
        fleet = directory / "fleet.json"
        fleet.write_text(run(environment, "-m", "tests.bench.fleet", str(count + WITNESSES)))
        began = datetime.now(UTC)
        serve = ["-m", "tests.bench.naive", str(port)] if naive else ["manage.py", "serve", "--port", str(port)]
        with server(environment, *serve, port=port, directory=directory) as pid:
            command = ["-m", "tests.bench.crowd", "--url", f"ws://127.0.0.1:{port}/ocpp", "--fleet", str(fleet)]
            command += ["--server-pid", str(pid), "--database-pid", str(parent_of_database(database_url))]
            command += ["--count", str(count), "--witnesses", str(WITNESSES), *arguments]
            result: dict[str, Any] = json.loads(run(environment, *command))
        if result["refused"] or result["lost"]:
            raise Failed(f"Chargers were refused or lost: {result}")
        all_stored(environment, count, began)
        return result


def all_stored(environment: dict[str, str], count: int, began: datetime) -> None:
    """Every Boot and every status of every charger is in the tables, and so are their frames."""
    program = (
        "import django; django.setup(); from stations.models import ChargePoint, Connector; from ocpp_core.models import OcppFrame\n"
        f"began = {began.isoformat()!r}\n"
        "print(ChargePoint.objects.filter(booted_at__gte=began, vendor='Bench', status='Available').count(),\n"
        "      Connector.objects.filter(status='Available', status_received_at__gte=began).count(),\n"
        "      OcppFrame.objects.exclude(action='Heartbeat').count())"
    )
    boxes, outlets, frames = map(int, run(environment, "-c", program).split())
    if boxes < count or outlets < 2 * count or frames < 8 * count:
        raise Failed(f"Of {count} chargers only {boxes} boxes, {outlets} outlets and {frames} frames were stored.")
