"""Days on which something around the server breaks. Chargers notice as little as can be, and nothing is lost or doubled."""

import asyncio
import contextlib
import itertools
import json
import resource
import signal
import urllib.error
import urllib.request
from contextlib import AsyncExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest
import redis
import websockets
from django.conf import settings
from django.db import connection

from stations.models import ChargePoint, ChargingSession
from tests import factories
from tests.chargers import raw_charger_for
from tests.flows.doors import Api
from tests.flows.fleet import BOOT, Fleet, assert_kept, is_told, unexplained
from tests.lines import line_to
from tests.ocpp_core.conftest import run, served, shared_server, until  # noqa: F401 - fixtures among them
from tests.ocpp_core.test_serve import let_everybody_in
from tests.servers import redis_server
from tests.serving import database_url

SERVER = {"EMAIL_URL": "dummymail://"}
ROOM_BYTES = 65_536
STEPPING = {"DJANGO_SETTINGS_MODULE": "tests.settings_stepping", "OFFLINE_AFTER_S": "3"}


def status_of(url):
    """What a page answers with."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - our own address
            return response.status
    except urllib.error.HTTPError as refused:
        return refused.code


def assert_nothing_is_lost(fleet):
    until(lambda: is_told(fleet), 60)
    assert_kept(fleet)


def test_one_charger_floods_and_the_others_are_unharmed(served, owner):  # noqa: F811
    fleet = Fleet(served, owner, 4)
    rogue = factories.make_charge_point(owner, auto_configure=False)
    before = served.told().get("chargeshare_charger_cut_off_total flood", 0)

    async def story():
        async with fleet.living(), raw_charger_for(rogue, served) as box:
            await box.call("BootNotification", BOOT)
            assert await box.flood("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}) == 1008
            await fleet.sees(lambda: served.told().get("chargeshare_charger_cut_off_total flood", 0) == before + 1)
            await fleet.sees(lambda: served.readiness() == (200, set()))
            await fleet.goes_on("StopTransaction")

    run(story)
    assert fleet.falls == 0
    assert not any(box.refused for box in fleet.boxes)
    assert f"charger '{rogue.identity}' floods and is cut off" in served.said()
    assert_nothing_is_lost(fleet)
    assert unexplained(served) == []


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a file is in other hands as a whole")
@pytest.mark.parametrize("seconds", [0, pytest.param(30, marks=pytest.mark.slow)])
def test_one_wallet_in_other_hands(served, owner, seconds):  # noqa: F811
    """More chargers wait for it than there are threads: other wallets, heartbeats and pages go on, and in the end all are answered."""
    fleet = Fleet(served, owner, 4)
    victim = factories.make_user()
    factories.give_credit(victim, 100_000)
    card = factories.make_id_token(victim).uid
    waiting = [factories.make_charge_point(owner, auto_configure=False) for _ in range(12)]
    start = {"connectorId": 1, "idTag": card, "meterStart": 1_000, "timestamp": "2026-11-20T10:00:00Z"}

    def times_put_off():
        return served.told().get("chargeshare_charger_messages_put_off_total StartTransaction", 0)

    before = times_put_off()

    async def story():
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(fleet.living())
            boxes = [await stack.enter_async_context(raw_charger_for(one, served)) for one in waiting]
            for box in boxes:
                await box.call("BootNotification", BOOT)
            holder = stack.enter_context(closing(psycopg.connect(database_url())))
            holder.execute("SELECT * FROM billing_ledgeraccount WHERE user_id = %s FOR UPDATE", [victim.pk])
            for box in boxes:
                await box.send([2, "start", "StartTransaction", start])
            waits = fleet.sees(lambda: times_put_off() > before)
            await asyncio.gather(asyncio.sleep(seconds), fleet.goes_on("StopTransaction", 2), waits)
            pages = [f"{served.url}/", f"{served.url}/charge-points/{waiting[0].code}/", f"{served.url}/readyz"]
            assert [await asyncio.to_thread(status_of, page) for page in pages] == [200, 200, 200]
            assert (await Api(served, fleet.boxes[0].driver).get("wallet/"))["balance"]
            holder.rollback()
            answers = [await box.receive() for box in boxes]
            assert [answer[:2] for answer in answers] == [[3, "start"]] * 12
            told = sorted(answer[2]["idTagInfo"]["status"] for answer in answers)
            assert told == ["Accepted"] * 3 + ["ConcurrentTx"] * 9

    run(story)
    assert fleet.falls == 0
    assert not any(box.refused for box in fleet.boxes)
    assert "waits for what is in other hands" in served.said()
    assert unexplained(served) == []
    assert ChargingSession.objects.filter(driver=victim, status="ACTIVE").count() == 3


def slow_commits(told):
    """How many batches took the database more than half a second."""
    return told["chargeshare_commit_seconds_count"] - told["chargeshare_commit_seconds_bucket 0.5"]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a file is as near as can be")
def test_a_slow_database(serve_process, owner):
    """Two tenths of a second for every question, and then no answer at all for a while: heartbeats are answered as ever."""
    quiet = factories.make_charge_point(owner, auto_configure=False)
    port = int(connection.settings_dict["PORT"])
    with line_to(port) as line:
        server = serve_process(**SERVER, DATABASE_URL=database_url().replace(f":{port}/", f":{line.port}/"))
        fleet = Fleet(server, owner, 3, readings=(2, 3))

        async def story():
            async with raw_charger_for(quiet, server) as box:
                await box.call("BootNotification", BOOT)
                async with fleet.living():
                    await fleet.goes_on("StopTransaction")
                    line.delay_s = 0.2
                    wanted, heartbeats = fleet.total("StopTransaction") + 3, 0
                    while fleet.total("StopTransaction") < wanted:
                        await box.call("Heartbeat", {})
                        heartbeats += 1
                        await asyncio.sleep(0)
                    assert heartbeats > 3, "more than were settled"
                    await fleet.sees(lambda: "database slow" in server.said() and slow_commits(server.told()))
                    line.hold()
                    await fleet.sees(lambda: server.readiness() == (503, {"database"}))
                    for _ in range(30):
                        await box.call("Heartbeat", {})
                    line.delay_s = 0.0
                    line.let_go()

        run(story)
        assert fleet.falls == 0
        assert_nothing_is_lost(fleet)
        assert unexplained(server) == []
        server.kill()


@contextmanager
def little_room(served):  # noqa: F811
    """No file of this process may grow beyond this, as on a disk that is full; in the end there is room again."""
    pid = served.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (ROOM_BYTES, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full(served, owner):  # noqa: F811
    """What can be kept neither in the database nor beside it is not acknowledged, and the charger says it again when there is room."""
    fleet = Fleet(served, owner, 3, wordiness=20, readings=(20, 30))
    is_file = connection.vendor == "sqlite"

    async def story():
        async with fleet.living():
            await fleet.goes_on("MeterValues")
            if not is_file:
                await asyncio.to_thread(let_everybody_in, "false")
            try:
                with little_room(served):
                    await fleet.until(lambda: any(box.refused["MeterValues InternalError"] for box in fleet.boxes))
                    await fleet.sees(lambda: served.readiness() == (503, {"database", "spool"}))
                    await fleet.sees(lambda: (told := served.told())["chargeshare_up spool"] == told["chargeshare_up database"] == 0)
            finally:
                if not is_file:
                    await asyncio.to_thread(let_everybody_in, "true")
            await fleet.goes_on("StopTransaction")

    try:
        run(story)
    finally:
        connection.close()  # the one that was broken off
    assert fleet.falls == 0
    assert "neither database nor spool" in served.said()
    assert_nothing_is_lost(fleet)
    assert unexplained(served) == []
    until(lambda: served.readiness() == (200, set()))
    until(lambda: served.told()["chargeshare_up spool"] == 1)


@pytest.mark.parametrize(("count", "kills"), [(12, 2), pytest.param(200, 20, marks=pytest.mark.slow)])
def test_killed_while_many_are_settled(serve_process, owner, count, kills):
    """Each is settled once, whoever was killed when."""
    server = serve_process(HOUSEKEEPING="False")
    fleet = Fleet(server, owner, count)

    async def charge(box):
        await box.begin()
        await box.read()

    def more_have_ended_than(share):
        return fleet.total("StopTransaction") > share

    async def story():
        await asyncio.gather(*map(charge, fleet.boxes))
        ends = [asyncio.create_task(box.stop()) for box in fleet.boxes]
        for kill in range(kills):
            await fleet.until(partial(more_have_ended_than, count * kill // kills))
            await asyncio.to_thread(server.kill)
            with pytest.raises(urllib.error.URLError):
                await asyncio.to_thread(server.readiness)
            await asyncio.to_thread(server.restart)
        await asyncio.gather(*ends)
        for box in fleet.boxes:
            await box.hang_up()

    run(story, 1_200)
    until(lambda: server.readiness() == (200, set()))
    until(lambda: server.told()["chargeshare_up database"] == 1)
    assert_nothing_is_lost(fleet)
    assert server.said().count("Listening on") == kills + 1
    assert unexplained(server) == []


def test_ended_politely_under_load(serve_process, owner):
    """SIGTERM while everybody talks: what is under way is answered, and what was answered is there."""
    server = serve_process(**SERVER)
    fleet = Fleet(server, owner, 6)

    async def story():
        async with fleet.living():
            await fleet.goes_on("StopTransaction")
            assert await asyncio.to_thread(server.stop) == 0
            with pytest.raises(urllib.error.URLError):
                await asyncio.to_thread(server.readiness)
            await asyncio.to_thread(server.restart)
            await fleet.goes_on("StopTransaction")
            assert (await asyncio.to_thread(server.told))["chargeshare_charger_sockets"] == 6

    run(story)
    assert "asked to end: 6 chargers are sent off" in server.said()
    assert [box.falls for box in fleet.boxes] == [1] * 6
    assert not any(box.refused for box in fleet.boxes)
    assert_nothing_is_lost(fleet)
    assert unexplained(server) == []


def test_the_clock_is_set(serve_process, owner, driver):
    """An hour forward and an hour back: sockets and sessions are as they were, and who waits to plug in still may."""
    server = serve_process(**SERVER, **STEPPING)
    fleet = Fleet(server, owner, 3, pause_s=0.05)
    asked, guarded = (factories.make_charge_point(owner, auto_configure=False) for _ in range(2))
    card = factories.make_id_token(driver).uid

    def is_seen_in_an_hour(charge_point):
        seen = ChargePoint.objects.get(pk=charge_point.pk)
        return seen.connection and seen.last_seen_at and seen.last_seen_at > datetime.now(UTC) + timedelta(minutes=50)

    async def step(which, number):
        server.process.send_signal(which)
        await fleet.until(lambda: server.said().count("the clock was set by") >= number)
        await fleet.goes_on("StopTransaction", 2)

    async def story():
        api = Api(server, driver)
        async with fleet.living(), raw_charger_for(asked, server) as box, raw_charger_for(guarded, server) as other:
            for one in (box, other):
                await one.call("BootNotification", BOOT)
            await fleet.goes_on("StartTransaction")
            said = {"connectorId": 1, "idTag": card, "meterStart": 0, "timestamp": fleet.boxes[0].visits[-1].at(0)}
            transaction_id = (await other.call("StartTransaction", said))["transactionId"]
            status, begun = await api.post("sessions/", {"connector": f"{asked.code}/1"})
            assert status == 202
            _kind, message_id, action, payload = await box.receive()
            assert action == "RemoteStartTransaction"
            await box.send([3, message_id, {"status": "Accepted"}])
            await step(signal.SIGUSR1, 1)
            start = {"connectorId": 1, "idTag": payload["idTag"], "meterStart": 0, "timestamp": said["timestamp"]}
            assert (await box.call("StartTransaction", start))["idTagInfo"]["status"] == "Accepted"
            while not await asyncio.to_thread(is_seen_in_an_hour, asked):
                await box.call("Heartbeat", {})
                await asyncio.sleep(0.2)
            await step(signal.SIGUSR2, 2)
            assert (await api.get(f"sessions/{begun['code']}/"))["status"] == "active"
            guest = await asyncio.to_thread(ChargingSession.objects.get, transaction_id=transaction_id)
            assert guest.status == "ACTIVE"

    run(story)
    assert fleet.falls == 0
    assert not any(box.refused for box in fleet.boxes)
    assert server.told()["chargeshare_clock_steps_total"] == 2
    until(lambda: server.readiness() == (200, set()))
    assert unexplained(server) == []


@contextlib.asynccontextmanager
async def open_page(server, charge_point, cookie):
    """The socket of an owner's page of one charger."""
    url = f"ws://127.0.0.1:{server.port}/live/charge-points/{charge_point.code}/"
    async with websockets.connect(url, additional_headers={"Cookie": cookie}, origin=server.url, proxy=None) as page:
        yield page


@pytest.mark.skipif(connection.vendor == "sqlite", reason="one database is enough for it")
def test_redis_is_stopped_started_again_and_emptied(serve_process, owner, client):
    """Chargers charge on, what is asked arrives by the tables, open pages are told to look for themselves, and the probe says why."""
    client.force_login(owner)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    charge_point = factories.make_charge_point(owner, auto_configure=False)
    with redis_server() as broker:
        server = serve_process(**SERVER, REDIS_URL=broker.url)
        fleet = Fleet(server, owner, 3, pause_s=0.05)

        async def command(box):
            asked = asyncio.create_task(api.post(f"charge-points/{charge_point.code}/commands/?wait=30", {"action": "ClearCache"}))
            _kind, message_id, action, _payload = await box.receive()
            assert action == "ClearCache"
            await box.send([3, message_id, {"status": "Accepted"}])
            assert (await asked)[1]["status"] == "accepted"

        async def is_told(page, box):
            await box.call("StatusNotification", {"connectorId": 0, "errorCode": "NoError", "status": next(statuses)})
            async with asyncio.timeout(60):
                return json.loads(await page.recv())["type"] == "charge_point"

        statuses = itertools.cycle(["Unavailable", "Available"])
        api = Api(server, owner)

        async def story():
            async with fleet.living(), raw_charger_for(charge_point, server) as box:
                await box.call("BootNotification", BOOT)
                async with open_page(server, charge_point, cookie) as page:
                    assert await is_told(page, box)
                    broker.stop()
                    async with asyncio.timeout(60):
                        await page.wait_closed()
                await fleet.sees(lambda: server.readiness() == (503, {"channel_layer"}))
                await fleet.sees(lambda: server.told()["chargeshare_up channel_layer"] == 0)
                assert (await api.get(f"charge-points/{charge_point.code}/"))["is_online"] is True
                await command(box)
                await fleet.goes_on("StopTransaction")
                await asyncio.to_thread(broker.start)
                await fleet.sees(lambda: server.readiness() == (200, set()))
                await fleet.sees(lambda: server.told()["chargeshare_up channel_layer"] == 1)
                async with open_page(server, charge_point, cookie) as page:
                    assert await is_told(page, box)
                with redis.Redis.from_url(broker.url) as emptied:
                    emptied.flushall()
                await command(box)
                await fleet.goes_on("StopTransaction")

        run(story)
        assert fleet.falls == 0
        assert not any(box.refused for box in fleet.boxes)
        assert_nothing_is_lost(fleet)
        assert "channel layer unreachable" in server.said()
        assert unexplained(server) == []
