"""What happens by itself."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections

from accounts.models import User
from chargeshare import housekeeping
from chargeshare.housekeeping import Job
from ocpp_core.models import ConnectionAttempt
from stations.models import CardPairing, ChargePoint, Command, Connector, QuarantinedMessage
from tests.serving import database_url

HOUSE = Path(__file__).parent.parent
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_done_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_done_at", {})


@pytest.mark.django_db(transaction=True)  # it closes its connection in between
def test_what_cannot_wait_is_done_between_the_looks_at_all(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    stop, done = Event(), []

    def do(now: datetime) -> int:
        done.append(now)
        if len(done) == 3:
            stop.set()
        return 0

    settings.VAPID_PRIVATE_KEY, settings.HOUSEKEEPING_INTERVAL_S = "some key", 3600
    monkeypatch.setattr(housekeeping, "JOBS", ())
    monkeypatch.setattr(housekeeping, "PROMPT", (Job("prompt", do),))
    monkeypatch.setattr(housekeeping, "PROMPT_S", 0.001)

    housekeeping.keep_house(stop)

    assert len(done) == 3


def test_every_job_runs_on_an_empty_house(db: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="chargeshare.housekeeping"):
        call_command("housekeeping", "--once")
        call_command("housekeeping", "--once")
    told = [record.getMessage() for record in caplog.records if record.name == "chargeshare.housekeeping"]
    told = [one for one in told if "ways to pay" not in one]  # the demo gateway has some from the first moment
    assert told in ([], ["housekeeping: books proved: 1"])  # the nightly proof holds for empty books too, and is made once


def test_a_pass_that_failed_says_so_by_its_exit_code(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, now: datetime) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(housekeeping, "JOBS", (housekeeping.Job("failing", fail), housekeeping.Job("working", lambda *, now: 0)))  # noqa: ARG005
    with pytest.raises(CommandError, match="1 of 2"):
        call_command("housekeeping", "--once")


def test_job_that_fails_hinders_no_other(db: None, caplog: pytest.LogCaptureFixture) -> None:
    done = []

    def fail(*, now: datetime) -> int:
        raise ZeroDivisionError

    def do(*, now: datetime) -> int:
        done.append(now)
        return 3

    with caplog.at_level(logging.INFO, logger="chargeshare.housekeeping"):
        housekeeping.run([Job("broken", fail), Job("things done", do)], NOW)
    assert done == [NOW]
    failed, told = (record for record in caplog.records if record.name == "chargeshare.housekeeping")
    assert failed.exc_info is not None
    assert failed.exc_info[0] is ZeroDivisionError
    assert "broken" in failed.getMessage()
    assert told.getMessage() == "housekeeping: things done: 3"


def test_job_rests_as_long_as_it_says(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def noting(name: str) -> Callable[..., int]:
        def note(*, now: datetime) -> int:
            done.append(name)
            return 0

        return note

    often = Job("often", noting("often"))
    seldom = Job("seldom", noting("seldom"), timedelta(hours=1))
    monkeypatch.setattr(housekeeping, "JOBS", (often, seldom))
    for minutes in (0, 1, 59, 60, 61):
        housekeeping.run_due(NOW + timedelta(minutes=minutes))
    assert done == ["often", "seldom", "often", "often", "often", "seldom", "often"]


def test_nothing_rests_longer_because_the_clock_was_set_back(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[datetime] = []

    def note(*, now: datetime) -> int:
        done.append(now)
        return 0

    monkeypatch.setattr(housekeeping, "JOBS", (Job("often", note), Job("seldom", note, timedelta(hours=2))))
    for minutes in (60, 0, 1):
        housekeeping.run_due(NOW + timedelta(minutes=minutes))
    assert [(at - NOW).seconds // 60 for at in done] == [60, 60, 0, 0, 1]


def test_after_the_clock_was_set_the_jobs_wait_until_all_who_live_were_seen(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wall, since_start = [1_000_000.0], [50.0]
    monkeypatch.setattr(housekeeping, "time", lambda: wall[0])
    monkeypatch.setattr(housekeeping, "monotonic", lambda: since_start[0])
    clock = housekeeping.Clock()
    trusted = []
    for wall_by, really in ((30, 30), (3_630, 30), (121, 121), (30, 30), (-3_570, 30), (150, 150)):
        wall[0] += wall_by
        since_start[0] += really
        trusted.append(clock.is_trusted())
    assert trusted == [True, False, False, True, False, True]
    assert [record.args[0] for record in caplog.records if isinstance(record.args, tuple)] == [3600.0, -3600.0]


def test_a_lost_database_is_told_in_one_line_and_a_refusal_hinders_no_other(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    done = []

    def refused(*, now: datetime) -> int:
        raise OperationalError("disk full\nDETAIL: none")

    def do(*, now: datetime) -> int:
        done.append(now)
        return 0

    housekeeping.run([Job("refused", refused), Job("done", do)], NOW)
    with monkeypatch.context() as lost:
        lost.setattr(connections["default"], "is_usable", lambda: False)
        lost.setattr(connections["default"], "close", lambda: None)
        housekeeping.run([Job("losing", refused), Job("not done", do)], NOW)
    assert len(done) == 1
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "housekeeping: the database refused: refused: disk full",
        "housekeeping lost the database and waits for it: disk full",
    ]
    assert "losing" not in housekeeping._done_at


def aged(model: Any, field: str, days: float, **values: Any) -> Any:
    row = model.objects.create(**values)
    model.objects.filter(pk=row.pk).update(**{field: NOW - timedelta(days=days)})
    return row


def test_old_rows_are_forgotten_and_young_ones_kept(
    charge_point: ChargePoint, connector: Connector, driver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "AT_ONCE", 1)
    attempt = {"identity": "BOX", "outcome": ConnectionAttempt.Outcome.WRONG_PASSWORD, "first_at": NOW, "charge_point": charge_point}
    for days in (1, 100, 101, 400):
        aged(Command, "created_at", days, charge_point=charge_point, action="Reset")
        aged(QuarantinedMessage, "received_at", days, charge_point=charge_point, action="X", reason="", fingerprint=str(days))
        aged(ConnectionAttempt, "at", days, at=NOW, **attempt)
        aged(CardPairing, "expires_at", days - 0.5, charge_point=charge_point, user=driver, expires_at=NOW)
        aged(Session, "expire_date", days - 2, session_key=f"{days}", session_data="", expire_date=NOW)
    forgotten = housekeeping.forget_old(now=NOW)
    assert Command.objects.count() == 3
    for model in (QuarantinedMessage, ConnectionAttempt, CardPairing, Session):
        assert model.objects.count() == 1, model
    assert forgotten == 1 + 4 * 3
    assert housekeeping.forget_old(now=NOW) == 0


@pytest.mark.django_db(transaction=True)
def test_process_of_its_own_ends_when_asked() -> None:
    environment = {**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "tests.settings_served"}
    command = [sys.executable, "manage.py", "housekeeping"]
    connection.close()
    with subprocess.Popen(command, cwd=HOUSE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        assert any("looked at every" in line for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        said, _nothing = process.communicate(timeout=300)
        assert process.returncode == 0, said


def test_house_waits_for_its_database() -> None:
    environment = {**os.environ, "DATABASE_URL": "postgres://u:p@127.0.0.1:1/x?connect_timeout=1", "REDIS_URL": ""}
    environment["DJANGO_SETTINGS_MODULE"] = "tests.settings_served"
    command = [sys.executable, "manage.py", "housekeeping", "--once"]
    done = subprocess.run(command, cwd=HOUSE, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1
    assert "waits for the database" in done.stderr
    assert "Traceback" not in done.stderr
