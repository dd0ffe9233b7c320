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

from tests.bench.running import ROOT, Failed, fresh_database, quiet, run, server, show
from tests.bench.storm import WITNESSES, all_stored
from tests.servers import free_port, redis_server

CHARGERS = 1_000


def figures(postgresql: str) -> Iterator[dict[str, Any]]:
    """A storm of the same size through each number of processes."""
    alone = None
    for count in (1, 2, 4):
        with fresh_database(postgresql) as url, redis_server() as redis:
            one = through(url, redis.url, count)
        each = one["server_cpu_s"] / CHARGERS * 1e3
        alone = alone or each
        plural = "process" if count == 1 else "processes"
        what = f"{count} {plural}: CPU of all to let a charger in and hear its boot and statuses"
        yield show(what, each, "ms", name=f"spread-{count}", ratio_to_one=round(each / alone, 2))


def through(database_url: str, redis_url: str, count: int) -> dict[str, Any]:
    """A storm through so many processes; nobody may be refused or lost, and everything must be stored."""
    with tempfile.TemporaryDirectory(prefix="chargeshare-bench-") as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        environment = quiet(database_url, SPOOL_DIR=f"{directory}/spool", REDIS_URL=redis_url)
        run(environment, "manage.py", "migrate", "-v0")
        fleet = directory / "fleet.json"
        fleet.write_text(run(environment, "-m", "tests.bench.fleet", str(CHARGERS + WITNESSES)))
        began = datetime.now(UTC)
        ports = [free_port() for _ in range(count)]
        pids = [
            stack.enter_context(server(environment, "manage.py", "serve", "--port", str(port), port=port, directory=directory))
            for port in ports
        ]
        front = stack.enter_context(_balancer(ports))
        command = ["-m", "tests.bench.crowd", "--url", f"ws://127.0.0.1:{front}/ocpp", "--fleet", str(fleet)]
        command += ["--server-pid", *map(str, pids), "--count", str(CHARGERS), "--witnesses", str(WITNESSES)]
        result: dict[str, Any] = json.loads(run(environment, *command))
        if result["refused"] or result["lost"]:
            raise Failed(f"Chargers were refused or lost: {result}")
        all_stored(environment, CHARGERS, began)
        return result


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
