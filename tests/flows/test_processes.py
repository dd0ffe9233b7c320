"""Two serving processes on PostgreSQL and Redis: a command finds its charger, a charger moves, Redis may go and come."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connection

from ocpp_core.listener import GROUP
from ocpp_core.models import ConnectionAttempt
from stations.models import Command
from tests import factories
from tests.bench.balancer import balanced
from tests.chargers import charger_for, raw_charger_for
from tests.conftest import OPENING_CREDIT_MINOR
from tests.flows.doors import Api, assert_settled
from tests.flows.fleet import Fleet, assert_kept, is_told, unexplained
from tests.ocpp_core.conftest import until
from tests.servers import redis_server

BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box"}


@pytest.fixture(autouse=True)
def _several_processes(db):
    if connection.vendor != "postgresql" or not settings.REDIS_URL:
        pytest.skip("several processes need PostgreSQL and Redis")


@pytest.fixture
def charge_point(owner, tariff):
    return factories.make_charge_point(owner, tariff=tariff, auto_configure=False)


def test_a_button_in_one_process_reaches_a_charger_held_by_the_other(serve_process, driver, charge_point):
    here, there = serve_process(), serve_process()

    async def story():
        api = Api(there, driver)
        async with charger_for(charge_point, here) as box:
            await box.plug_in()
            status, session = await api.post("sessions/", {"connector": f"{charge_point.code}/1"})
            assert status == 202
            await box.expect("RemoteStartTransaction")
            await api.session(status="active")
            await box.charge(2_000)
            await api.post(f"sessions/{session['code']}/stop/")
            await box.expect("RemoteStopTransaction")
            await api.session(status="completed")

    async_to_sync(story)()
    session = driver.sessions.get()
    assert_settled(session, opening_minor=OPENING_CREDIT_MINOR, energy_wh=session.meter_stop_wh)


def test_a_charger_moves_between_processes(serve_process, owner, charge_point):
    here, there = serve_process(), serve_process()

    async def story():
        api = Api(here, owner)
        async with raw_charger_for(charge_point, here) as old:
            await old.call("BootNotification", BOOT)
            async with raw_charger_for(charge_point, there) as new:
                await new.call("BootNotification", BOOT)
                assert await old.closed() is not None
                assert (await api.get(f"charge-points/{charge_point.code}/"))["is_online"] is True
                asked = asyncio.create_task(api.post(f"charge-points/{charge_point.code}/commands/?wait=30", {"action": "ClearCache"}))
                _kind, message_id, action, _payload = await new.receive()
                assert action == "ClearCache"
                await new.send([3, message_id, {"status": "Accepted"}])
                status, command = await asked
                assert (status, command["status"], command["response"]) == (201, "accepted", {"status": "Accepted"})

    async_to_sync(story)()


def test_a_deploy_sends_chargers_to_the_other_process_and_no_session_notices(serve_process, owner):
    """Behind a balancer that knows nothing of them. They leave one after the other; what was under way is asked for again."""
    leaving, staying = serve_process(DRAIN_SECONDS="3"), serve_process()
    front: Any = SimpleNamespace(port=0)
    fleet = Fleet(front, owner, 8, pause_s=0.2)

    def held():
        return ConnectionAttempt.objects.filter(closed_at=None).count()

    async def story():
        async with balanced([leaving.port, staying.port]) as front.port, fleet.living():
            await fleet.goes_on("MeterValues")
            assert await asyncio.to_thread(held) == 8
            assert await asyncio.to_thread(leaving.stop) == 0
            await fleet.goes_on("MeterValues", 2)
            assert await asyncio.to_thread(held) == 8
            charge_point = fleet.boxes[0].charge_point
            status, command = await Api(staying, owner).post(
                f"charge-points/{charge_point.code}/commands/?wait=30", {"action": "ClearCache"}
            )
            assert (status, command["status"]) == (201, "accepted")

    async_to_sync(story)()
    left = [one.closed_at for one in ConnectionAttempt.objects.filter(close_code=1001).order_by("closed_at") if one.closed_at]
    assert len(left) == fleet.falls == 4
    assert left[-1] - left[0] > timedelta(seconds=0.3), "not all at once"
    until(lambda: is_told(fleet), 60)
    assert_kept(fleet)
    assert unexplained(leaving) == unexplained(staying) == []


def test_redis_goes_and_comes_and_nothing_is_lost(serve_process, owner, charge_point):
    with redis_server() as broker:
        here, there = serve_process(REDIS_URL=broker.url), serve_process(REDIS_URL=broker.url)

        async def command(api, box):
            asked = asyncio.create_task(api.post(f"charge-points/{charge_point.code}/commands/?wait=30", {"action": "ClearCache"}))
            _kind, message_id, action, _payload = await box.receive()
            assert action == "ClearCache"
            await box.send([3, message_id, {"status": "Accepted"}])
            status, _body = await asked
            assert status == 201

        def both_listen():
            with redis.Redis.from_url(broker.url) as client:
                until(lambda: client.zcard(f"asgi:group:{GROUP}") == 2, 60)

        async def story():
            api = Api(there, owner)
            async with raw_charger_for(charge_point, here) as box:
                await box.call("BootNotification", BOOT)
                await command(api, box)
                broker.stop()
                await box.call("Heartbeat", {}, "while away")
                await command(api, box)
                broker.start()
                await box.call("Heartbeat", {}, "back again")
                await asyncio.to_thread(both_listen)
                await command(api, box)

        async_to_sync(story)()
    assert list(Command.objects.values_list("status", flat=True)) == ["accepted"] * 3
    assert "Traceback" not in here.said()
