"""The real `manage.py serve` in a process of its own, on the test's database and Redis."""

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote
from weakref import WeakSet

from django.conf import settings
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

from tests import nursery
from tests.servers import free_port

HOUSE = nursery.HOUSE
PATIENCE_S = 120
_all: "WeakSet[Served]" = WeakSet()


def running() -> list["Served"]:
    """The servers that this test process has started and not ended."""
    return sorted((one for one in _all if one.process is not None), key=lambda one: one.port)


class Served:
    """One serving process. What it writes goes to `log`; started again, it keeps its port, its spool and its settings."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ocpp_url = f"ws://127.0.0.1:{self.port}/ocpp"
        self.log = home / f"serve-{self.port}.log"
        self.process: nursery.Child | subprocess.Popen[bytes] | None = None
        _all.add(self)
        self.environment = {
            "DJANGO_SETTINGS_MODULE": "tests.settings_served",
            "DATABASE_URL": database_url(),
            "REDIS_URL": settings.REDIS_URL,
            "PUBLIC_URL": self.url,
            "SPOOL_DIR": str(home / "spool"),
            "MEDIA_ROOT": str(settings.MEDIA_ROOT),  # what a test has kept there is shown, and the other way round
            "DIAGNOSTICS_DIR": str(home / "diagnostics"),
            "HOUSEKEEPING_INTERVAL_S": "1",
            "OCPP_SETTLE_DELAY_S": "0.2",
            "DRAIN_SECONDS": "0.5",
            **environment,
        }

    def start(self) -> "Served":
        """Serve, and return once database and channel layer are reached."""
        arguments = ["serve", "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = nursery.begin(arguments, {**os.environ, **self.environment}, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + PATIENCE_S
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the server did not start:\n{self.said()[-3000:]}")
            time.sleep(0.05)
        return self

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=30) as response:  # noqa: S310 - our own address
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def readiness(self) -> tuple[int, set[str]]:
        """What the probe says: its status, and which parts fail."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=30) as response:  # noqa: S310 - our own address
                return response.status, set()
        except urllib.error.HTTPError as unready:
            with unready:
                return unready.code, set(json.loads(unready.read())["failing"])

    def told(self) -> dict[str, float]:
        """What it tells Prometheus: every figure by its name and the values of its labels."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=60) as response:  # noqa: S310 - our own address
            families = text_string_to_metric_families(response.read().decode())
        return {" ".join([one.name, *one.labels.values()]): one.value for family in families for one in family.samples}

    def kill(self) -> None:
        """End it as a lost machine ends: nothing is finished, nobody is told."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end, as a deployment does; returns its exit status."""
        return self._end(signal.SIGTERM)

    def restart(self, **environment: str) -> "Served":
        """Start it again where it was."""
        self.environment.update(environment)
        return self.start()

    def _end(self, how: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            return process.wait(PATIENCE_S / 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the server did not end:\n{self.said()[-3000:]}") from None

    def said(self) -> str:
        """Everything it has written."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def manage(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Another command of manage.py with the same settings."""
        everything = {**os.environ, **self.environment, **environment}
        with tempfile.TemporaryDirectory() as said:
            out, err = Path(said) / "out", Path(said) / "err"
            process = nursery.begin(list(arguments), everything, stdout=out, stderr=err)
            try:
                status = process.wait(PATIENCE_S)
            finally:
                process.kill()
            return subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())


def database_url() -> str:
    """Where the database of this test run is, for another process."""
    said = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{said['NAME']}"
    return f"postgres://{quote(said['USER'])}:{quote(said['PASSWORD'])}@{said['HOST']}:{said['PORT']}/{said['NAME']}"
