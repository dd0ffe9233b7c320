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
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
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
KEEP = os.environ.get("BENCH_KEEP", "")
"""A directory where what takes long to build is kept for the next run, PostgreSQL's data too (tests.servers)."""
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


def told(environment: dict[str, str], *command: str) -> Iterator[dict[str, Any]]:
    """What one of our own programs tells, line by line as JSON, while it works; with us it ends too."""
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as process:
            try:
                yield from map(json.loads, process.stdout or ())
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            complaints.seek(0)
            raise Failed(f"{' '.join(command)} failed with {process.returncode}:\n{complaints.read()[-4000:]}")


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


def load(environment: dict[str, str], port: int, pids: Iterable[int], fleet: Path, *arguments: str) -> dict[str, Any]:
    """One run of the load generator; the server may be several processes."""
    command = ["-m", "tests.bench.load", "--url", f"ws://127.0.0.1:{port}/ocpp", "--fleet", str(fleet), "--server-pid", *map(str, pids)]
    result: dict[str, Any] = json.loads(run(environment, *command, "--count", str(CHARGERS), "--seconds", str(SECONDS), *arguments))
    if result["failures"]:
        raise Failed(f"The load met failures: {result['problems']}")
    return result


@contextlib.contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """A database of its own on the PostgreSQL server of `url`, with our tables still to be made."""
    name = f"bench_{os.getpid()}_{free_port()}"
    _at(url, f"CREATE DATABASE {name}")
    try:
        yield _named(url, name)
    finally:
        _at(url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _at(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _named(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@contextlib.contextmanager
def built(url: str, name: str, build: Callable[[str], None]) -> Iterator[str]:
    """A database that `build` has filled: with BENCH_KEEP the one of an earlier run, else a new one that is dropped afterwards.

    `url` is a PostgreSQL server, or empty for a file of SQLite. What is not built to its end is never taken for a whole one.
    """
    with contextlib.ExitStack() as stack:
        if not KEEP and url:
            database = stack.enter_context(fresh_database(url))
            build(database)
        elif not url:
            directory = Path(KEEP or stack.enter_context(tempfile.TemporaryDirectory(prefix="chargeshare-bench-")))
            whole, part = directory / f"{name}.sqlite3", directory / f"{name}.part"
            database = f"sqlite:///{whole}"
            if not whole.exists():
                directory.mkdir(parents=True, exist_ok=True)
                for old in directory.glob(f"{part.name}*"):
                    old.unlink()
                build(f"sqlite:///{part}")
                part.rename(whole)
        else:
            database = _named(url, name)
            with psycopg.connect(url) as connection:
                is_there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if not is_there:
                _at(url, f"DROP DATABASE IF EXISTS {name}_part WITH (FORCE)")
                _at(url, f"CREATE DATABASE {name}_part")
                build(_named(url, f"{name}_part"))
                _at(url, f"ALTER DATABASE {name}_part RENAME TO {name}")
        yield database


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
