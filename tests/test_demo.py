"""The demo town: real rules, balanced books, alive."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from billing import audit, ledger
from billing.models import LedgerTransaction, Tariff, TopUp
from chargeshare import demo
from chargeshare.demo import bookings, drawings, history, living, town
from ocpp_core import uptime
from stations.models import (
    AreaAlert,
    ChargePoint,
    ChargingSession,
    Connector,
    Favourite,
    FilterProfile,
    MeterValue,
    Photo,
    Reliability,
    Reservation,
    Review,
    SiteFacts,
    Thread,
    WaitlistPlace,
)
from tests.paper_central import scenario
from tests.servers import free_port

Status = ChargingSession.Status


def test_the_town_is_built_once_by_real_rules(db):
    now = timezone.now()

    assert demo.seed(now=now)

    charged_a_lot()
    happened_then(now)
    driver_can_try_things()
    assert audit.check() == []
    assert Review.objects.shown(timezone.now()).of_places().count() >= 3
    assert Review.objects.filter(opens_at__gt=timezone.now()).exists()  # somebody waits for the other side
    assert Favourite.objects.exists()
    assert SiteFacts.objects.count() == len(bookings.FACTS)
    assert FilterProfile.objects.exists()
    assert uptime.count(now=timezone.now()) == len(town.BOXES)
    assert {one.word.value for one in Reliability.objects.all()} == {"reliable", "fails", "new"}
    assert ChargePoint.objects.published().count() == len(town.BOXES), "a town of which nothing has left the map"
    assert AreaAlert.objects.exists()
    counted = ChargingSession.objects.count(), MeterValue.objects.count(), User.objects.count()
    assert bookings.make(now) == len(bookings.PLANS) + len(bookings.REQUESTS) + bookings.WEEKS
    assert Reservation.objects.filter(status="booked").count() == len(bookings.PLANS) + bookings.WEEKS
    assert drawings.hang() == Photo.objects.count()
    assert {thread.reservation is None for thread in Thread.objects.filter(driver__email=town.DRIVER)} == {True, False}
    assert Reservation.objects.filter(status="requested").count() == len(bookings.REQUESTS)
    assert WaitlistPlace.objects.filter(status="waiting").count() == 1
    assert not demo.seed()
    assert counted == (ChargingSession.objects.count(), MeterValue.objects.count(), User.objects.count())


def test_building_that_was_interrupted_goes_on(db, monkeypatch):
    charge, charged = history._charge, []

    def stumble(visit, *rest):
        charged.append(visit)
        if len(charged) == 60:
            raise KeyboardInterrupt
        charge(visit, *rest)

    monkeypatch.setattr(history, "_charge", stumble)
    with pytest.raises(KeyboardInterrupt):
        demo.seed()
    before = set(ChargingSession.objects.values_list("pk", flat=True))
    monkeypatch.setattr(history, "_charge", charge)

    assert demo.seed()

    charged_a_lot()
    starts = ChargingSession.objects.values_list("started_at", flat=True)
    assert len(starts) == len(set(starts))
    assert 0 < len(before) < 60
    assert before < set(ChargingSession.objects.values_list("pk", flat=True))
    assert audit.check() == []


def charged_a_lot():
    assert ChargePoint.objects.published().count() == len(town.BOXES) >= 20
    assert all(connector.is_ready_to_publish for connector in Connector.objects.all())
    assert len(set(Tariff.objects.values_list("current__price_per_kwh", flat=True))) >= 7
    statuses = Counter(ChargingSession.objects.values_list("status", flat=True))
    assert statuses[Status.COMPLETED] > 90
    assert (statuses[Status.REVIEW], statuses[Status.ACTIVE], statuses[Status.PENDING]) == (1, 0, 0)
    assert ChargingSession.objects.filter(is_estimated=True).exists()
    assert ChargingSession.objects.filter(status=Status.INVALID, id_tag_status="Invalid").exists()


def happened_then(now):
    """The clock was set back for everything: sessions, receipts, the books, the people."""
    month_ago = now - timedelta(days=30)
    oldest = ChargingSession.objects.exclude(cdr=None).earliest("started_at")
    assert oldest.started_at == oldest.created_at < month_ago + timedelta(days=4)
    assert oldest.cdr is not None
    assert oldest.cdr.created_at == oldest.stopped_at
    assert User.objects.get(email=town.DRIVER).date_joined < month_ago
    assert TopUp.objects.earliest("created_at").created_at < month_ago + timedelta(days=4)
    assert LedgerTransaction.objects.filter(created_at__gt=now - timedelta(hours=2)).count() == 0


def driver_can_try_things():
    driver = User.objects.get(email=town.DRIVER)
    assert driver.check_password(town.PASSWORD)
    assert driver.id_tokens.count() == 2
    assert driver.sessions.filter(status=Status.COMPLETED).count() > 8
    assert ledger.wallet(driver).available_minor > 20_000
    assert User.objects.get(email=town.STAFF).is_staff
    assert User.objects.get(email=town.OWNER).hosted_sessions.exclude(cdr=None).count() > 5


def test_who_starts_from_her_phone_has_a_car_there(monkeypatch):
    monkeypatch.setattr(living, "CABLE_S", 0)

    async def story(central, box):
        outlet, life = box.outlets[1], asyncio.create_task(living.come_when_called(box))
        assert await central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "VISITOR"}) == {"status": "Accepted"}
        await come_about(lambda: outlet.transaction is not None and outlet.transaction.id)
        assert await central.ask("RemoteStopTransaction", {"transactionId": outlet.transaction.id}) == {"status": "Accepted"}
        await come_about(lambda: not outlet.is_plugged)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        assert central.statuses()[-1] == "Available"
        assert [start["idTag"] for start in central.said("StartTransaction")] == ["VISITOR"]

    async def come_about(condition):
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - the simulated box tells nobody
                await asyncio.sleep(0)

    scenario(story)


@pytest.mark.parametrize("command", ["seed_demo", "demo"])
def test_a_real_site_gets_no_town(db, settings, command):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="DEBUG"):
        call_command(command)

    assert not User.objects.exists()


@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="brings its own SQLite file, so once is enough")
def test_make_run_shows_two_cars_charging_and_ends_at_ctrl_c(tmp_path):
    """The one command of the README, in an empty place; then again, with the data kept."""
    port = free_port()
    environment = {
        "PATH": "/usr/bin:/bin",
        "ENV_FILE": "",
        "DATABASE_URL": f"sqlite:///{tmp_path}/demo.sqlite3",
        "SPOOL_DIR": f"{tmp_path}/spool",
        "MEDIA_ROOT": f"{tmp_path}/media",
        "DIAGNOSTICS_DIR": f"{tmp_path}/diagnostics",
        "PYTHONUNBUFFERED": "1",
    }
    log, seen = tmp_path / "log", []
    for patience_s in (400, 400):
        with log.open("wb") as written:
            command = [sys.executable, "manage.py", "demo", "--port", str(port)]
            process = subprocess.Popen(command, env=environment, stdout=written, stderr=subprocess.STDOUT)
        try:
            _until(lambda: b"Ctrl-C ends everything" in log.read_bytes(), process, log, patience_s)
            _until(lambda: len(_rows(tmp_path, "status = 'ACTIVE' AND energy_wh > 0")) == 2, process, log, 120)
            assert town.PASSWORD in log.read_text()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
                assert page.status == 200
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(120) == 0, log.read_text()
        assert "Traceback" not in log.read_text()
        assert not _rows(tmp_path, "status = 'ACTIVE'"), "who left has paid"
        seen.append(_rows(tmp_path, "1"))
    assert seen[1][: len(seen[0])] == seen[0]


def _rows(home, condition):
    with contextlib.closing(sqlite3.connect(home / "demo.sqlite3")) as database:
        return database.execute(f"SELECT id, status, energy_wh FROM stations_chargingsession WHERE {condition} ORDER BY id").fetchall()  # noqa: S608


def _until(is_true, process, log, patience_s):
    deadline = time.monotonic() + patience_s
    while not is_true():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
