"""The database on a bad day, under load: restarted, away, slow. Chargers notice as little as can be, and nothing is lost or doubled."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, connections

from tests import factories
from tests.flows.fleet import Fleet, assert_kept, is_told, unexplained
from tests.ocpp_core.conftest import until
from tests.servers import PostgreSQL, postgresql_server
from tests.serving import HOUSE, Served

BOXES = 12

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="a database in a file does not go away")


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[PostgreSQL]:
    """A PostgreSQL of our own that keeps what it commits; for this module it is also the test's."""
    known = connections["default"].settings_dict
    before = dict(known)
    with django_db_blocker.unblock(), postgresql_server(durable=True) as server:  # type: ignore[attr-defined]
        parts = urlsplit(server.url)
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        own = {"NAME": "postgres", "USER": parts.username, "PASSWORD": unquote(parts.password or ""), "HOST": "127.0.0.1"}
        known.update(own, PORT=str(parts.port), OPTIONS={}, CONN_MAX_AGE=0)
        try:
            environment = {**os.environ, "DATABASE_URL": server.url, "DJANGO_SETTINGS_MODULE": "tests.settings_served"}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=HOUSE, env=environment, check=True)
            yield server
        finally:
            connection.close()
            known.update(before)


@pytest.fixture(scope="module")
def served(database: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all of it: it must be as good as new after each."""
    one = Served(tmp_path_factory.mktemp("bad"), EMAIL_URL="dummymail://")
    one.start()
    yield one
    one.kill()


def live(fleet, story):
    """Let the fleet live through a story; afterwards everything is there."""

    async def day():
        async with fleet.living():
            await fleet.goes_on("StopTransaction")
            await story()
            await fleet.goes_on("StartTransaction")
            await fleet.goes_on("StopTransaction")

    connection.close()
    async_to_sync(day)()
    until(lambda: is_told(fleet), 60)
    assert_kept(fleet)
    connection.close()


def test_restarted_under_load(database, served):
    """Stopped at once, as by a crash, and started again, three times while everybody talks: no socket falls."""
    fleet = Fleet(served, factories.make_user(), BOXES)

    async def story():
        for is_looked_at in (True, False, False):
            await asyncio.to_thread(database.stop, signal.SIGQUIT)
            if is_looked_at:
                await fleet.sees(lambda: served.readiness() == (503, {"database"}))
                await fleet.sees(lambda: served.told()["chargeshare_database_away"] == 1)
            await asyncio.to_thread(database.start)
            await fleet.goes_on("MeterValues", 2)

    live(fleet, story)
    assert fleet.falls == 0
    until(lambda: served.readiness() == (200, set()))
    until(lambda: served.told()["chargeshare_up database"] == 1)
    assert "database away" in served.said()
    assert "database back" in served.said()
    assert unexplained(served) == []


@pytest.mark.parametrize("seconds", [4, pytest.param(120, marks=pytest.mark.slow), pytest.param(600, marks=pytest.mark.slow)])
def test_away_for_a_while(database, served, seconds):
    """Readings and ends are kept in files and acknowledged, starts are asked for again; when it is back all of it is told, once."""
    fleet = Fleet(served, factories.make_user(), BOXES, pause_s=seconds / 60, readings=(3, 40))

    async def story():
        database.stop()
        told, ended = fleet.total("MeterValues"), fleet.total("StopTransaction")
        await asyncio.sleep(seconds)
        await fleet.until(lambda: fleet.total("MeterValues") > told and fleet.total("StopTransaction") > ended)
        await fleet.until(lambda: any(box.refused["StartTransaction InternalError"] for box in fleet.boxes))
        await fleet.sees(lambda: served.readiness() == (503, {"database"}))
        await fleet.sees(lambda: served.told()["chargeshare_up database"] == 0)
        away = await asyncio.to_thread(served.told)
        assert away["chargeshare_spool_files"] >= 1
        assert away["chargeshare_spool_oldest_seconds"] >= 0
        for action in ("MeterValues", "StopTransaction"):
            assert away[f"chargeshare_spooled_messages_total {action}"] > 0
        assert away["chargeshare_charger_messages_total StartTransaction failed"] > 0
        await asyncio.to_thread(database.start)

    live(fleet, story)
    assert fleet.falls == 0
    until(lambda: served.readiness() == (200, set()))
    until(lambda: served.told()["chargeshare_spool_files"] == 0)
    assert "messages told to the database that came while it was away" in served.said()
    assert unexplained(served) == []
