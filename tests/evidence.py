"""What a failed test leaves for whoever reads its report: the last that its servers said, and the newest rows of what tests wait for.

A test that fails once in a hundred runs, on a machine that nobody can look at, is understood from its report or not at all.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connections
from django.db.models import Model

from billing.models import TopUp
from ocpp_core.models import ConnectionAttempt, OcppFrame
from stations.models import ChargePoint, ChargingSession, Command
from tests.serving import running

ROWS = 15
LOG_CHARACTERS = 4_000
TABLES = (OcppFrame, ConnectionAttempt, Command, ChargingSession, TopUp, ChargePoint)


def add_to(report: pytest.TestReport) -> None:
    """Write it below a failure, while server and rows are still there. What no server was asked for shows by itself why it failed."""
    served = running()
    for one in served:
        report.sections.append((f"server at port {one.port} said at last", one.said()[-LOG_CHARACTERS:]))
    if served:  # in a thread of its own: the test's may be a browser's, or hold a transaction that broke
        with ThreadPoolExecutor(max_workers=1) as thread:
            report.sections.append(("newest rows", thread.submit(_rows).result()))


def _rows() -> str:
    try:
        return "\n".join(line for model in TABLES for line in _of(model))
    except DatabaseError as error:
        return f"cannot be read: {error}"
    finally:
        connections.close_all()


def _of(model: type[Model]) -> list[str]:
    newest = reversed(model._default_manager.order_by("-pk").values()[:ROWS])
    return [f"{model.__name__} " + " ".join(f"{name}={str(said)[:300]}" for name, said in row.items() if said) for row in newest]
