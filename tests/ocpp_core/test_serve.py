import asyncio
import contextlib
import json
import socket
import sqlite3
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from ocpp_core.models import OcppFrame
from stations.models import ChargePoint, ChargingSession, MeterValue
from tests import factories
from tests.chargers import raw_charger_for
from tests.ocpp_core.conftest import run, until
from tests.serving import database_url

BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box"}


@pytest.fixture
def charge_point(owner, tariff):
    return factories.make_charge_point(owner, tariff=tariff, auto_configure=False)


def at(hours=0.0):
    return (datetime.now(UTC) - timedelta(hours=2 - hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_port_in_use_is_one_sentence_and_status_1(serve_process):
    served = serve_process()
    second = served.manage("serve", "--port", str(served.port))
    assert second.returncode == 1
    assert f"Port {served.port} on 127.0.0.1 is in use" in second.stderr
    assert "Traceback" not in second.stdout + second.stderr
    assert f"Listening on http://127.0.0.1:{served.port}\n" in served.said()


def test_draining_finishes_what_is_under_way_and_closes_politely(serve_process, owner, charge_point):
    served = serve_process(DRAIN_SECONDS="3")
    others = [factories.make_charge_point(owner, published=False, auto_configure=False) for _ in range(4)]

    async def story():
        async with contextlib.AsyncExitStack() as stack:
            boxes = [await stack.enter_async_context(raw_charger_for(one, served)) for one in [charge_point, *others]]
            for box in boxes:
                await box.call("BootNotification", BOOT)
            sample = {"timestamp": at(1), "sampledValue": [{"value": "1"}]}
            await boxes[0].send([2, "last", "MeterValues", {"connectorId": 1, "meterValue": [sample]}])
            ending = asyncio.create_task(asyncio.to_thread(served.stop))
            began = time.monotonic()
            codes, times = [], []
            for box in boxes:
                codes.append(await box.closed())
                times.append(time.monotonic() - began)
            assert codes == [1001] * 5
            assert max(times) > 0.3, "not all at once"
            assert await ending == 0
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", served.port), 1)

    run(story)
    assert MeterValue.objects.count() == 1
    assert not ChargePoint.objects.filter(connection__isnull=False).exists()
    assert "Traceback" not in served.said()


def test_pages_and_chargers_share_one_port(serve_process, charge_point):
    served = serve_process()
    with urllib.request.urlopen(f"{served.url}/healthz", timeout=30) as response:  # noqa: S310 - our own address
        assert response.status == 200
        assert response.headers["Server"] is None
    spoilt = urllib.request.Request(  # noqa: S310 - our own address
        f"{served.url}/api/v1/auth/token/", b"--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(spoilt, timeout=30):  # noqa: S310
        pass
    with refused.value:
        assert json.load(refused.value)["code"] == "unsupported_media_type"  # an answer of ours, with words in it

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            assert "currentTime" in await box.call("Heartbeat", {})

    run(story)


def let_everybody_in(answer):
    """Let nobody but this test reach the database, as if it had gone away under the server; or let them in again."""
    name, outside = connection.settings_dict["NAME"], database_url().rsplit("/", 1)[0] + "/postgres"
    with psycopg.connect(outside, autocommit=True) as other:
        other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {answer}')
        if answer == "false":
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's alone


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a file does not go away")
def test_while_the_database_is_away_nothing_acknowledged_is_lost(serve_process, charge_point, driver):
    """Stop and readings are kept in files and told later; a Start is asked for again; heartbeats go on."""
    card = factories.make_id_token(driver).uid
    served = serve_process(HOUSEKEEPING="False")
    start = {"connectorId": 1, "idTag": card, "meterStart": 1000, "timestamp": at()}

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            transaction_id = (await box.call("StartTransaction", start, "s"))["transactionId"]
            await asyncio.to_thread(let_everybody_in, "false")
            try:
                for number in range(3):
                    sample = {"timestamp": at(0.5), "sampledValue": [{"value": str(2000 + number)}]}
                    said = {"connectorId": 1, "transactionId": transaction_id, "meterValue": [sample]}
                    assert await box.call("MeterValues", said, f"m{number}") == {}
                stop = {"transactionId": transaction_id, "meterStop": 4000, "timestamp": at(1)}
                assert await box.call("StopTransaction", stop, "e") == {}
                kind, _message_id, code, _description, _details = await box.ask([2, "b", "StartTransaction", {**start, "meterStart": 4000}])
                assert (kind, code) == (4, "InternalError")
                assert "currentTime" in await box.call("Heartbeat", {}, "h")
                status = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
                assert await box.call("StatusNotification", status, "a") == {}
            finally:
                await asyncio.to_thread(let_everybody_in, "true")
            async with asyncio.timeout(30):
                while not await asyncio.to_thread(is_settled):  # noqa: ASYNC110 - in another process
                    await asyncio.sleep(0.2)
            again = {**start, "meterStart": 4000, "timestamp": at(1.5)}
            assert (await box.call("StartTransaction", again, "b2"))["idTagInfo"]["status"] == "Accepted"

    def is_settled():
        try:
            return ChargingSession.objects.filter(status=ChargingSession.Status.COMPLETED, energy_wh=3000).exists()
        finally:
            connection.close()

    try:
        run(story)
    finally:
        connection.close()
    until(lambda: OcppFrame.objects.filter(action="StopTransaction", type="call").count() == 1)
    assert "Traceback" not in served.said()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only a file is in other hands as a whole")
def test_while_a_file_is_in_other_hands_nothing_acknowledged_is_lost(serve_process, charge_point, driver):
    """A backup that holds the file for longer than a charger waits: a Stop is acknowledged in time and told later."""
    card = factories.make_id_token(driver).uid
    served = serve_process(HOUSEKEEPING="False")
    start = {"connectorId": 1, "idTag": card, "meterStart": 1000, "timestamp": at()}
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False)

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            transaction_id = (await box.call("StartTransaction", start, "s"))["transactionId"]
            await asyncio.sleep(0.5)
            other.execute("BEGIN EXCLUSIVE")
            try:
                await box.send([2, "e", "StopTransaction", {"transactionId": transaction_id, "meterStop": 4000, "timestamp": at(1)}])
                assert await box.receive(25) == [3, "e", {}]
                kind, _message_id, code, *_rest = await box.ask([2, "b", "StartTransaction", {**start, "meterStart": 4000}])
                assert (kind, code) == (4, "InternalError")
            finally:
                other.execute("ROLLBACK")
                other.close()

    run(story)
    until(lambda: ChargingSession.objects.filter(status=ChargingSession.Status.COMPLETED, energy_wh=3000).exists(), 60)
    assert "Traceback" not in served.said()
