"""What `make bench` runs: `python -m tests.bench [MATTER…]` measures the matters named, or all, in a fixed order.

Each figure is printed beside its goal and beside the naive path measured in the same run, and merged into var/bench.json as soon
as it is known. An interrupted run ends its servers, drops its databases and keeps what it has shown.
"""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg

from tests.bench.running import ROOT, Failed

MATTERS = ("door", "session", "replay", "storm", "idle", "spread", "settling", "ledger", "pages")
"""Each is a module of this package with `figures`; a new one is entered here, where it shall come in the order."""
REPORT = ROOT / "var/bench.json"
LIBRARIES = ("Django", "channels", "daphne", "orjson", "psycopg")


def main(names: list[str]) -> int:
    """Measure; 1 where something failed, 130 where somebody ended it. A goal that is missed is no failure: it is in the report."""
    unknown = [name for name in names if name not in MATTERS]
    if unknown:
        print(f"There is no measurement named {', '.join(unknown)}: {', '.join(MATTERS)}.", file=sys.stderr)  # noqa: T201 - a program
        return 2
    postgresql = os.environ["TEST_DATABASE_URL"]
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    failed = []
    for name in [one for one in MATTERS if one in names or not names]:
        about = (import_module(f"tests.bench.{name}").__doc__ or "").splitlines()
        print(f"{name}: {about[0]}", flush=True)  # noqa: T201 - progress
        try:
            measure(name, postgresql)
        except KeyboardInterrupt:
            print(f"\nEnded in {name}. What is above is kept in {REPORT.relative_to(ROOT)}.", file=sys.stderr)  # noqa: T201 - a program
            return 130
        except Failed as failure:
            print(f"{name} FAILED: {failure}", file=sys.stderr, flush=True)  # noqa: T201 - a program
            failed.append(name)
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)  # noqa: T201 - a program
    return 1 if failed else 0


def _end(number: int, frame: FrameType | None) -> None:
    """Once is enough: a second signal must not interrupt the tidying up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def measure(name: str, postgresql: str) -> None:
    """One matter, each figure written down as it comes."""
    of_run = circumstances(postgresql)
    began = time.monotonic()
    shown: list[dict[str, Any]] = []
    figures = import_module(f"tests.bench.{name}").figures(postgresql)
    try:
        for figure in figures:
            shown.append(figure)
            keep(name, {**of_run, "is_complete": False, "figures": shown})
    finally:
        figures.close()
    keep(name, {**of_run, "is_complete": True, "seconds": round(time.monotonic() - began), "figures": shown})


def keep(name: str, result: dict[str, Any]) -> None:
    """Put the result of one matter beside those of other runs."""
    report = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    report = report if isinstance(report, dict) else {}
    report[name] = result
    REPORT.parent.mkdir(exist_ok=True)
    ordered = {one: report[one] for one in MATTERS if one in report}
    unfinished = REPORT.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(ordered, indent=1, ensure_ascii=False))
    unfinished.replace(REPORT)


def circumstances(postgresql: str) -> dict[str, Any]:
    """When, where and with what: a figure without them says little."""
    with psycopg.connect(postgresql) as connection:
        version = connection.info.parameter_status("server_version") or ""
        durable = connection.execute("SHOW fsync").fetchone() == ("on",)
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _said("git", "rev-parse", "--short=12", "HEAD") + ("+" if _said("git", "status", "--porcelain") else ""),
        "cpu": f"{os.cpu_count()} × {_cpu()}",
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "postgresql": version.split()[0] + ("" if durable else ", not durable"),
        **{library.lower(): metadata.version(library) for library in LIBRARIES},
    }


def _said(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if not done.returncode else ""


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
