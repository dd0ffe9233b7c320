"""One, two and four serving processes behind a plain balancer, on PostgreSQL and Redis: what each of them adds to the work.

Two cores cannot show more throughput; they can show what a charger costs when its neighbours are held by other processes.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.door import parent_of_database
from tests.bench.running import CHARGERS, ROOT, Failed, fresh_database, load, quiet, run, server, show
from tests.bench.storm import WITNESSES, all_stored
from tests.servers import free_port, redis_server

PROCESSES = (1, 2, 4)
COMING = 1_000
CHARGING_S = 5
DRAIN_SECONDS = 5


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """Readings, a storm of the same size, and the end of one of the processes, through each number of them."""
    alone: dict[str, float] = {}
    for count in PROCESSES:
        with fresh_database(postgresql) as url, redis_server() as redis:
            one = through(url, redis.url, count)
        plural = "process" if count == 1 else "processes"
        for name, what, figure, unit in (
            ("", "CPU of all to let a charger in and hear its boot and statuses", one["server_cpu_s"] / COMING * 1e3, "ms"),
            ("-database", "of PostgreSQL, for the same", one["database_cpu_s"] / COMING * 1e3, "ms"),
            ("-reading", "CPU of all per MeterValues", one["reading"]["server_cpu_us"], "µs"),
            ("-reading-database", "of PostgreSQL, for the same", one["reading"]["database_cpu_us"], "µs"),
            ("-connections", "connections to PostgreSQL that each holds", one["connections"] / count, "connections"),
        ):
            ratio = round(figure / alone.setdefault(name, figure), 2) if figure else None
            yield show(f"{count} {plural}: {what}", figure, unit, name=f"spread-{count}{name}", ratio_to_one=ratio)
        if count > 1:
            held, name = one["left"], f"spread-{count}-drain"
            what = f"{count} {plural}: one ends at a deploy; until the last of the {held} it held has been sent away"
            yield show(what, one["drained_s"], "s", name=name, goal=DRAIN_SECONDS + 5, held=held)
            what = f"{count} {plural}: longest that one of them was outside"
            again = one["dialled_again"]
            yield show(what, one["longest_outside_s"], "s", name=f"{name}-outside", goal=10, dialled_again=again)


def through(database_url: str, redis_url: str, count: int) -> dict[str, Any]:
    """All of it through so many processes; nobody may be refused or lost, everything must be stored, and the books must balance."""
    with tempfile.TemporaryDirectory(prefix="chargeshare-bench-") as name, contextlib.ExitStack() as stack:
        directory, database = Path(name), str(parent_of_database(database_url))
        drain = {"DRAIN_SECONDS": str(DRAIN_SECONDS)}
        environment = quiet(database_url, SPOOL_DIR=f"{directory}/spool", REDIS_URL=redis_url, **drain)
        run(environment, "manage.py", "migrate", "-v0")
        coming, charging = directory / "coming.json", directory / "charging.json"
        coming.write_text(run(environment, "-m", "tests.bench.fleet", str(COMING + WITNESSES)))
        charging.write_text(run(environment, "-m", "tests.bench.prepare", str(CHARGERS)))
        ports = [free_port() for _ in range(count)]
        pids = [
            stack.enter_context(server(environment, "manage.py", "serve", "--port", str(port), port=port, directory=directory))
            for port in ports
        ]
        front = stack.enter_context(_balancer(ports))
        reading = load(environment, front, pids, charging, "--database-pid", database, "--seconds", str(CHARGING_S))
        began = datetime.now(UTC)
        command = ["-m", "tests.bench.crowd", "--url", f"ws://127.0.0.1:{front}/ocpp", "--fleet", str(coming), "--database-pid", database]
        command += ["--server-pid", *map(str, pids), "--count", str(COMING), "--witnesses", str(WITNESSES)]
        command += ["--end-pid", str(pids[0])] if count > 1 else []
        connections = _connections(database_url)
        result: dict[str, Any] = json.loads(run(environment, *command))
        if result["refused"] or result["lost"] or (count > 1 and not result["left"]):
            raise Failed(f"Chargers were refused or lost, or none had to move: {result}")
        all_stored(environment, COMING, began)
        run(environment, "manage.py", "check_ledger")
        return {**result, "reading": reading, "connections": connections}


def _connections(database_url: str) -> int:
    """How many connections the processes hold, once they have worked."""
    with psycopg.connect(database_url) as connection:
        held = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        row = connection.execute(held).fetchone()
    return int(row[0]) if row else 0


@contextlib.contextmanager
def _balancer(ports: list[int]) -> Iterator[int]:
    front = free_port()
    command = [sys.executable, "-m", "tests.bench.balancer", str(front), *map(str, ports)]
    process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ))
    try:
        for _tenth in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", front), 1):
                break
            time.sleep(0.1)
        yield front
    finally:
        process.terminate()
        process.wait(20)
