"""What every measurement needs: programs and servers that are ended whatever happens, databases that are dropped, and figures.

A figure is a dict as `show` makes it. A module of a matter has `figures(postgresql) -> Iterator[dict]`: it yields each figure as
soon as it is known, so that a run which is interrupted has measured what it has shown.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
SQLITE = "sqlite:///{directory}/bench.sqlite3"
"""For databases in a directory of the measurement: `SQLITE.format(directory=…)`."""
CHARGERS = int(os.environ.get("BENCH_CHARGERS", "200"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
QUIET = {
    "DEBUG": "False",  # with it Django keeps the text of every statement
    "SECRET_KEY": "measurements-only-key-that-protects-nothing-at-all",
    "HOUSEKEEPING": "False",
    "REDIS_URL": "",
    "METER_SLACK_WH": "100000000",
    "LIMIT_TOP_UPS": "1000000",
    "EMAIL_URL": "dummymail://",
}
DJANGO = {"DJANGO_SETTINGS_MODULE": "chargeshare.settings"}


class Failed(Exception):
    """What was measured did not do what it is for, so that no figure would mean anything."""


def run(environment: dict[str, str], *command: str) -> str:
    """One of our own programs, to its end; its output."""
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)} failed with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


@contextlib.contextmanager
def server(environment: dict[str, str], *command: str, port: int, directory: Path) -> Iterator[int]:
    """A server process that answers on `port`; its pid. It hears no Ctrl-C of the terminal: it is ended here."""
    log = directory / f"server-{port}.log"
    with log.open("wb") as output:
        command = (sys.executable, *command)
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        _until_it_answers(process, port, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _tenth in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    raise Failed(f"the server does not answer:\n{log.read_text()[-4000:]}")


def load(environment: dict[str, str], port: int, pid: int, fleet: Path, *arguments: str) -> dict[str, Any]:
    """One run of the load generator."""
    command = ["-m", "tests.bench.load", "--url", f"ws://127.0.0.1:{port}/ocpp", "--fleet", str(fleet), "--server-pid", str(pid)]
    result: dict[str, Any] = json.loads(run(environment, *command, "--count", str(CHARGERS), "--seconds", str(SECONDS), *arguments))
    if result["failures"]:
        raise Failed(f"The load met failures: {result['problems']}")
    return result


@contextlib.contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """A database of its own on the PostgreSQL server of `url`, with our tables still to be made."""
    name = f"bench_{os.getpid()}_{free_port()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def quiet(database_url: str, **others: str) -> dict[str, str]:
    """The environment of a program that works on one database, with nothing of ours beside it."""
    return {**os.environ, **QUIET, **DJANGO, "DATABASE_URL": database_url, **others}


def show(
    what: str, figure: float, unit: str, *, name: str = "", goal: float | None = None, beside: float | None = None, **more: Any
) -> dict[str, Any]:
    """One line of the report: less is better, `goal` is the most it may be, `beside` what the naive path took in the same run.

    Documents quote a figure by its `name`, which is made of `what` where none is given. `more` is kept beside it.
    """
    line = f"  {what:<70}{figure:>10,.1f} {unit}"
    line += f"   goal {goal:g}: {'met' if figure <= goal else 'MISSED'}" if goal is not None else ""
    line += f"   {beside / figure:.1f} times less than the naive path ({beside:,.1f})" if beside and figure else ""
    print(line, flush=True)  # noqa: T201 - the result
    name = name or re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")
    return {"name": name, "what": what, "figure": figure, "unit": unit, "goal": goal, "naive": beside, **more}
