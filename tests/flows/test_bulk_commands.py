"""The same request to many chargers over real sockets: each answers in its own way, or not at all."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from stations.models import Command
from tests import factories
from tests.chargers import charger_for, raw_charger_for
from tests.flows.doors import Api

BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box"}
PATIENCE_S = 60


def run(story):
    async def within_time():
        async with asyncio.timeout(120):
            await story()

    async_to_sync(within_time)()


@pytest.fixture
def boxes(owner, tariff):
    """Asked nothing unasked, for the other end of these sockets says only what the test says."""
    return [factories.make_charge_point(owner, tariff=tariff, auto_configure=False) for _number in range(5)]


async def dialled(stack, boxes, served):
    chargers = [await stack.enter_async_context(raw_charger_for(box, served)) for box in boxes]
    for charger in chargers:
        await charger.call("BootNotification", BOOT)
    return chargers


async def asked(charger):
    kind, message_id, action, payload = await charger.receive(PATIENCE_S)
    assert kind == 2
    return message_id, action, payload


async def progress(api, code, is_so):
    async with asyncio.timeout(PATIENCE_S):
        while True:
            said = await api.get(f"command-batches/{code}/")
            if is_so(said):
                return said
            await asyncio.sleep(0.1)


async def finished(api, code):
    return await progress(api, code, lambda said: said["done"] == said["total"])


def test_each_charger_answers_in_its_own_way(serve_process, owner, boxes):
    served = serve_process(OCPP_CALL_TIMEOUT_S="3")

    async def story():
        api = Api(served, owner)
        async with AsyncExitStack() as stack:
            box = await stack.enter_async_context(charger_for(boxes[0], served))
            refusing, failing, _silent = await dialled(stack, boxes[1:4], served)
            body = {"filter": {}, "action": "ChangeAvailability", "payload": {"connectorId": 0, "type": "Operative"}, "per_minute": 6000}
            status, batch = await api.post("command-batches/", body)
            assert (status, batch["total"], batch["by_status"]["offline"]) == (201, 5, 1)

            assert await box.expect("ChangeAvailability", PATIENCE_S) == body["payload"]
            message_id, action, payload = await asked(refusing)
            assert (action, payload) == ("ChangeAvailability", body["payload"])
            await refusing.send([3, message_id, {"status": "Rejected"}])
            message_id, _action, _payload = await asked(failing)
            await failing.send([4, message_id, "InternalError", "no", {}])

            said = await finished(api, batch["code"])
            assert said["by_status"] == {"accepted": 2, "rejected": 1, "unanswered": 1, "offline": 1}
            assert said["by_answer"] == {"Accepted": 1, "Rejected": 1}
            rows = (await api.get(f"command-batches/{batch['code']}/commands/"))["results"]
            came = {row["charge_point"]: row["status"] for row in rows}
            assert [came[box.code] for box in boxes] == ["accepted", "accepted", "rejected", "unanswered", "offline"]

    run(story)


def test_what_was_not_sent_is_called_off(serve_process, owner, boxes):
    served = serve_process()

    async def story():
        api = Api(served, owner)
        async with AsyncExitStack() as stack:
            chargers = await dialled(stack, boxes[:4], served)
            body = {"charge_points": [box.code for box in boxes[:4]], "action": "ClearCache", "per_minute": 1}
            _status, batch = await api.post("command-batches/", body)
            message_id, action, _payload = await asked(chargers[0])
            assert action == "ClearCache"

            assert (await api.ask("DELETE", f"command-batches/{batch['code']}/"))[0] == 204
            await chargers[0].send([3, message_id, {"status": "Accepted"}])

            said = await finished(api, batch["code"])
            assert said["by_status"] == {"accepted": 1, "cancelled": 3}
            assert said["interrupted_at"] is not None
            for charger in chargers[1:]:
                assert await charger.is_silent()

    run(story)


def test_a_restart_of_the_server_loses_no_turn(serve_process, owner, boxes):
    served = serve_process()

    async def story():
        api = Api(served, owner)
        async with AsyncExitStack() as stack:
            chargers = await dialled(stack, boxes[:3], served)
            body = {"charge_points": [box.code for box in boxes[:3]], "action": "ClearCache", "per_minute": 1}
            _status, batch = await api.post("command-batches/", body)
            message_id, _action, _payload = await asked(chargers[0])
            await chargers[0].send([3, message_id, {"status": "Accepted"}])
            await progress(api, batch["code"], lambda said: said["by_status"].get("accepted"))
            await asyncio.to_thread(served.kill)

        await sync_to_async(Command.objects.filter(status="pending").update)(not_before=timezone.now())  # their turns have come
        await asyncio.to_thread(served.restart)
        async with AsyncExitStack() as stack:
            chargers = await dialled(stack, boxes[:3], served)
            for charger in chargers[1:]:
                message_id, action, _payload = await asked(charger)
                assert action == "ClearCache"
                await charger.send([3, message_id, {"status": "Accepted"}])
            said = await finished(api, batch["code"])
            assert said["by_status"] == {"accepted": 3}
            assert await chargers[0].is_silent()

    run(story)
    assert Command.objects.filter(action="ClearCache").count() == 3
