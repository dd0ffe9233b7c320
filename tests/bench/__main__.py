"""What `make bench` runs: the charger door under load, beside the naive path measured in the same run.

Figures are server CPU per message, for wall time on a shared machine measures the neighbours; each goal stands beside
its figure. The result is also written to var/bench.json.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.bench.load import REPLAYED_FRAMES, REPLAYED_SESSIONS
from tests.servers import free_port

CHARGERS = int(os.environ.get("BENCH_CHARGERS", "200"))
SCENARIOS = ("metervalues", "heartbeat")
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
ROOT = Path(__file__).resolve().parents[2]
QUIET = {
    "SECRET_KEY": "measurements-only-key-that-protects-nothing-at-all",
    "HOUSEKEEPING": "False",
    "REDIS_URL": "",
    "METER_SLACK_WH": "100000000",
    "LIMIT_TOP_UPS": "1000000",
    "EMAIL_URL": "dummymail://",
}


def run(environment: dict[str, str], *command: str) -> str:
    """One of our own programs, to its end; its output."""
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


@contextlib.contextmanager
def server(environment: dict[str, str], *command: str, port: int, directory: Path) -> Iterator[int]:
    """A server process that answers on `port`; its pid."""
    log = directory / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                if process.poll() is not None:
                    sys.exit(log.read_text()[-4000:])
                time.sleep(0.1)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def load(environment: dict[str, str], port: int, pid: int, fleet: Path, *arguments: str) -> dict[str, Any]:
    """One run of the load generator."""
    command = ["-m", "tests.bench.load", "--url", f"ws://127.0.0.1:{port}/ocpp", "--fleet", str(fleet), "--server-pid", str(pid)]
    result: dict[str, Any] = json.loads(run(environment, *command, "--count", str(CHARGERS), "--seconds", str(SECONDS), *arguments))
    if result["failures"]:
        sys.exit(f"The load met failures: {result['problems']}")
    return result


def door(database_url: str, *scenarios: str, naive: bool = False) -> list[dict[str, Any]]:
    """Loads against one database, through the real door or the naive path; afterwards the real one's books must balance."""
    with tempfile.TemporaryDirectory(prefix="chargeshare-bench-") as name:
        directory = Path(name)
        port = free_port()
        environment = {**os.environ, **QUIET, "DATABASE_URL": database_url.format(directory=directory), "SPOOL_DIR": f"{directory}/spool"}
        run(environment, "manage.py", "migrate", "-v0")
        fleet = directory / "fleet.json"
        fleet.write_text(run(environment, "-m", "tests.bench.prepare", str(CHARGERS)))
        command = ["-m", "tests.bench.naive", str(port)] if naive else ["manage.py", "serve", "--port", str(port)]
        with server(environment, *command, port=port, directory=directory) as pid:
            bare = ["--bare"] if naive else []
            results = [load(environment, port, pid, fleet, "--scenario", scenario, *bare) for scenario in scenarios]
        if not naive:
            run(environment, "manage.py", "check_ledger")
        if "replay" in scenarios:
            _all_replayed(environment)
        return results


def _all_replayed(environment: dict[str, str]) -> None:
    """Every session of every queue is there and settled, or the figure says nothing."""
    program = (
        "import django; django.setup(); from stations.models import ChargingSession\n"
        "print(ChargingSession.objects.filter(status='COMPLETED', cdr__total_minor__gt=0).count())"
    )
    settled = int(run({**environment, "DJANGO_SETTINGS_MODULE": "chargeshare.settings"}, "-c", program))
    if settled != CHARGERS * REPLAYED_SESSIONS:
        sys.exit(f"Only {settled} of {CHARGERS * REPLAYED_SESSIONS} replayed sessions were settled.")


@contextlib.contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """A database of its own on the PostgreSQL server of `url`."""
    name = f"bench_{os.getpid()}_{free_port()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def reader_us() -> float:
    """Reading one MeterValues of five values and checking it against the official schema, in µs."""
    program = (
        "import timeit; from ocpp_core import frames, schemas; from tests.bench.sample import FRAME\n"
        "def one():\n    call = frames.parse(FRAME); assert schemas.problems(call.action, call.payload) is None\n"
        "n = 20000; print(min(timeit.repeat(one, number=n, repeat=5)) / n * 1e6)"
    )
    return round(float(run({**os.environ, "DJANGO_SETTINGS_MODULE": "chargeshare.settings"}, "-c", program)), 1)


def books(database_url: str) -> dict[str, Any]:
    """The proof of a million entries."""
    environment = {**os.environ, **QUIET, "DATABASE_URL": database_url}
    run(environment, "manage.py", "migrate", "-v0")
    result: dict[str, Any] = json.loads(run(environment, "-m", "tests.bench.ledger", "1000000"))
    return result


def show(what: str, figure: float, unit: str, goal: float | None = None, beside: float | None = None) -> dict[str, Any]:
    """One line of the report."""
    line = f"{what:<58}{figure:>10,.1f} {unit}"
    line += f"   goal {goal:g}: {'met' if figure <= goal else 'MISSED'}" if goal else ""
    line += f"   {beside / figure:.1f} times less than the naive path" if beside else ""
    print(line, flush=True)  # noqa: T201 - the result
    return {"what": what, "figure": figure, "unit": unit, "goal": goal, "naive": beside}


def main() -> None:
    """All measurements, one after the other."""
    postgresql = os.environ["TEST_DATABASE_URL"]
    report = [show("Read and check a MeterValues frame", reader_us(), "µs", goal=10)]
    with fresh_database(postgresql) as url:
        naive = door(url, *SCENARIOS, naive=True)
    with fresh_database(postgresql) as url:
        ours = door(url, *SCENARIOS)
    for ours_one, naive_one, goal in zip(ours, naive, (150, None), strict=True):
        what = f"{ours_one['scenario']}, {CHARGERS} chargers, PostgreSQL: server CPU"
        report.append(show(what, ours_one["server_cpu_us"], "µs", goal=goal, beside=naive_one["server_cpu_us"]))
        report[-1] |= {"per_second": ours_one["per_second"], "p50_ms": ours_one["p50_ms"], "p99_ms": ours_one["p99_ms"]}
    report += [
        show(f"{one['scenario']}, {CHARGERS} chargers, SQLite: server CPU", one["server_cpu_us"], "µs")
        for one in door("sqlite:///{directory}/bench.sqlite3", *SCENARIOS)
    ]
    with fresh_database(postgresql) as url:
        [replayed] = door(url, "replay")
    what = f"replay, {CHARGERS} chargers with {REPLAYED_FRAMES} queued frames each"
    report.append(show(what, replayed["seconds"], "s", goal=60) | {"server_cpu_s": replayed["server_cpu_s"]})
    with fresh_database(postgresql) as url:
        proved = books(url)
    report.append(show(f"check_ledger over {proved['entries']:,} entries", proved["seconds"], "s", goal=10))
    report.append(show("the same: memory it takes", proved["grown_mib"], "MiB", goal=50))
    target = ROOT / "var/bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(report, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
