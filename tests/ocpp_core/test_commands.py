import asyncio
import contextlib
import time
from functools import partial

import pytest
from django.conf import settings
from django.utils import timezone

from ocpp_core.backstage import Backstage
from ocpp_core.calls import Calls, Unanswered
from ocpp_core.door import tell_again
from ocpp_core.models import ConfigurationKey, OcppFrame
from ocpp_core.provisioning import Setup
from ocpp_core.spool import Spool
from ocpp_core.workers import Workers
from ocpp_core.writer import Writer
from stations import charge_points, commands
from stations.models import ChargePoint, Command
from tests import factories
from tests.chargers import raw_charger_for
from tests.factories import CHARGER_PASSWORD
from tests.flows.doors import Api
from tests.ocpp_core.conftest import basic, knock, run, until

SERVER = {"OCPP_SETTLE_DELAY_S": "4", "OCPP_CALL_TIMEOUT_S": "6"}
BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box", "firmwareVersion": "1.0"}
ACCEPTED = {"status": "Accepted"}


@pytest.fixture
def charge_point(owner, tariff):
    return factories.make_charge_point(owner, tariff=tariff, auto_configure=False)


@pytest.fixture
def ask(served, owner, charge_point):
    """Ask a command at the API, as its owner's program does; the answer's body."""
    api = Api(served, owner)

    async def asked(action, payload, wait=None):
        path = f"charge-points/{charge_point.code}/commands/" + (f"?wait={wait}" if wait else "")
        status, body = await api.post(path, {"action": action, "payload": payload})
        assert status == 201, body
        return body

    return asked


async def answer(box, payload, action=None):
    """Answer the next request that comes; its payload."""
    kind, message_id, asked, said = await box.receive()
    assert kind == 2
    assert action in (None, asked)
    await box.send([3, message_id, payload])
    return said


def test_what_was_asked_waits_for_the_boot_and_goes_out_one_at_a_time_in_order(served, charge_point, ask):
    def ask_for_three():
        for number in range(3):
            payload = {"connectorId": number, "type": "Operative"}
            assert commands.ask(charge_point, "ChangeAvailability", payload).status == Command.Status.PENDING

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await asyncio.to_thread(ask_for_three)
            assert await box.is_silent(), "nothing is asked before its boot"
            assert (await box.call("BootNotification", BOOT))["status"] == "Accepted"
            kind, message_id, action, payload = await box.receive()
            assert (kind, action, payload["connectorId"]) == (2, "ChangeAvailability", 0)
            assert await box.is_silent(), "the next waits for the answer"
            assert "currentTime" in await box.call("Heartbeat", {}), "meanwhile the charger is answered"
            await box.send([3, message_id, {"status": "Scheduled"}])
            assert (await answer(box, ACCEPTED))["connectorId"] == 1
            assert (await answer(box, ACCEPTED))["connectorId"] == 2
            assert (await asyncio.gather(ask("ClearCache", {}, wait=30), answer(box, ACCEPTED, "ClearCache")))[0]["status"] == "accepted"

    run(story)
    assert set(Command.objects.values_list("status", flat=True)) == {"accepted"}
    assert Command.objects.order_by("id").values_list("response", flat=True)[0] == {"status": "Scheduled"}


def test_a_charger_that_has_booted_before_is_asked_after_its_first_word(served, charge_point, ask):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
        async with raw_charger_for(charge_point, served) as box:
            await ask("ClearCache", {})
            assert await box.is_silent()
            await box.send([2, "1", "Heartbeat", {}])
            assert [(await box.receive())[0], (await box.receive())[2]] == [3, "ClearCache"]

    run(story)


def test_a_charger_that_says_nothing_is_asked_after_the_settle_delay(served, charge_point, ask):
    async def story():
        began = time.monotonic()
        async with raw_charger_for(charge_point, served) as box:
            await ask("ClearCache", {})
            await answer(box, ACCEPTED, "ClearCache")
            assert time.monotonic() - began > 0.5

    run(story)


def test_refusals_silence_and_late_answers(served, charge_point, ask):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            refused = asyncio.create_task(ask("ClearCache", {}, wait=30))
            _kind, message_id, *_rest = await box.receive()
            await box.send([4, message_id, "NotSupported", "no", {}])
            body = await refused
            assert (body["status"], body["response"]) == ("rejected", {"code": "NotSupported", "description": "no"})
            silent = asyncio.create_task(ask("ClearCache", {}, wait=30))
            _kind, message_id, *_rest = await box.receive()
            assert (await silent)["status"] == "unanswered"
            await box.send([3, message_id, ACCEPTED])
            await box.send([3, message_id, ACCEPTED])
            assert "currentTime" in await box.call("Heartbeat", {})
            dropped = asyncio.create_task(ask("Reset", {"type": "Soft"}, wait=30))
            await box.receive()
        assert (await dropped)["status"] == "unanswered"

    run(story)
    assert list(Command.objects.order_by("id").values_list("status", flat=True)) == ["rejected", "unanswered", "unanswered"]


def test_an_offline_charger_is_not_waited_for(served, charge_point, ask):
    async def story():
        assert (await ask("ClearCache", {}, wait=30))["status"] == "offline"

    run(story)


def test_what_is_asked_behind_the_servers_back_is_found_in_the_tables(served, charge_point):
    """No message came through the channel layer, as while Redis is away."""

    def ask_quietly():
        Command.objects.create(charge_point=charge_point, action="ClearCache", payload={})

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            await asyncio.to_thread(ask_quietly)
            await answer(box, ACCEPTED, "ClearCache")

    run(story)
    until(lambda: Command.objects.get().status == "accepted")


def test_a_password_that_the_charger_took_is_the_password(served, charge_point, ask):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            change = {"key": "AuthorizationKey", "value": "new-53cr3t-password"}
            body, said = await asyncio.gather(ask("ChangeConfiguration", change, wait=30), answer(box, ACCEPTED))
            assert said == change
            assert "53cr3t" not in str(body)
            entry = {"key": "AuthorizationKey", "readonly": False, "value": "new-53cr3t-password"}
            get = ask("GetConfiguration", {"key": ["AuthorizationKey"]}, wait=30)
            body, _said = await asyncio.gather(get, answer(box, {"configurationKey": [entry]}))
            assert body["status"] == "accepted"
            assert "53cr3t" not in str(body)

    run(story)
    until(lambda: OcppFrame.objects.filter(action="GetConfiguration", type="result").exists())
    path = f"/ocpp/{charge_point.identity}"
    assert knock(served, path, basic(charge_point.identity, CHARGER_PASSWORD)).status == 401
    assert knock(served, path, basic(charge_point.identity, "new-53cr3t-password")).status == 101
    assert not OcppFrame.objects.filter(raw__contains="53cr3t").exists()
    assert not Command.objects.filter(response__icontains="53cr3t").exists()
    assert not ConfigurationKey.objects.filter(value__contains="53cr3t").exists()


class Box:
    """A charger with a few configuration keys, which writes down what it is asked."""

    def __init__(self, link, configuration, readonly=()):
        self.link, self.configuration, self.readonly = link, configuration, readonly
        self.asked = []

    async def serve_until(self, is_done):
        """Answer whatever is asked, until it is over."""
        serving = asyncio.create_task(self._serve())
        try:
            await asyncio.to_thread(until, is_done, 60)
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving

    async def _serve(self):
        while True:
            kind, message_id, action, payload = await self.link.receive(60)
            assert kind == 2
            self.asked.append((action, payload.get("key") or payload.get("requestedMessage")))
            await self.link.send([3, message_id, self.answer(action, payload)])

    def answer(self, action, payload):
        if action == "GetConfiguration":
            (key,) = payload["key"]
            if key not in self.configuration:
                return {"unknownKey": [key]}
            entry = {"key": key, "readonly": key in self.readonly, "value": self.configuration[key]}
            return {"configurationKey": [entry]}
        if action == "ChangeConfiguration":
            self.configuration[payload["key"]] = payload["value"]
        return ACCEPTED


def test_a_charger_is_set_up_once_for_each_firmware(served, owner):
    charge_point = factories.make_charge_point(owner, auto_configure=True)

    def is_set_up(firmware):
        return ChargePoint.objects.filter(pk=charge_point.pk, configured_firmware=firmware).exists()

    async def story():
        async with raw_charger_for(charge_point, served) as link:
            await link.call("BootNotification", BOOT)
            keys = {"MeterValueSampleInterval": "10", "LocalAuthorizeOffline": "true", "AuthorizationCacheEnabled": "FALSE"}
            box = Box(link, keys, readonly={"LocalAuthorizeOffline"})
            await box.serve_until(partial(is_set_up, "1.0"))
            assert box.configuration == {**keys, "MeterValueSampleInterval": "60", "LocalAuthorizeOffline": "true"}
            changed = [key for action, key in box.asked if action == "ChangeConfiguration"]
            assert changed == ["MeterValueSampleInterval"], "what is right, unknown or read-only is left alone"
            assert ("TriggerMessage", "StatusNotification") in box.asked
        async with raw_charger_for(charge_point, served) as link:
            await link.call("BootNotification", BOOT)
            assert await link.is_silent(5), "this firmware has been set up"
        async with raw_charger_for(charge_point, served) as link:
            await link.call("BootNotification", {**BOOT, "firmwareVersion": "2.0"})
            box = Box(link, {"MeterValueSampleInterval": "10"})
            await box.serve_until(partial(is_set_up, "2.0"))
            assert box.configuration == {"MeterValueSampleInterval": "60"}

    run(story)
    kept = dict(ConfigurationKey.objects.filter(charge_point=charge_point).values_list("key", "value"))
    assert kept["MeterValueSampleInterval"] == "60"
    assert ConfigurationKey.objects.get(charge_point=charge_point, key="LocalAuthorizeOffline", is_known=False)


def test_one_that_wants_no_setting_up_gets_none(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            assert await box.is_silent(5)

    run(story)


def test_what_people_ask_goes_before_the_setting_up(served, owner):
    charge_point = factories.make_charge_point(owner, auto_configure=True)
    asked: list[str] = []

    async def story():
        async with raw_charger_for(charge_point, served) as link:
            await link.call("BootNotification", BOOT)
            _kind, message_id, action, _payload = await link.receive()
            assert action == "GetConfiguration"
            await Api(served, owner).post(f"charge-points/{charge_point.code}/commands/", {"action": "ClearCache", "payload": {}})
            await link.send([3, message_id, {"unknownKey": ["MeterValueSampleInterval"]}])
            box = Box(link, {})
            await box.serve_until(lambda: "GetConfiguration" in [action for action, _key in box.asked])
            asked.extend(action for action, _key in box.asked)

    run(story)
    assert asked[0] == "ClearCache"
    assert "GetConfiguration" in asked[1:]


def test_a_charger_that_never_booted_is_asked_once_to_do_so(served, owner):
    charge_point = factories.make_charge_point(owner, auto_configure=True)
    ChargePoint.objects.filter(pk=charge_point.pk).update(booted_at=None)

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            assert await answer(box, {"status": "NotImplemented"}, "TriggerMessage") == {"requestedMessage": "BootNotification"}
            assert await box.is_silent(1)

    run(story)


def test_a_lost_password_is_not_found_anywhere(served, owner):
    """The registration shows it once; nothing that is stored leads back to it."""
    charge_point, password = charge_points.register(owner=owner, name="x", latitude=1, longitude=1)
    assert password is not None
    assert password not in str(ChargePoint.objects.filter(pk=charge_point.pk).values().get())


def test_two_timeouts_end_the_setting_up(transactional_db, owner):
    """A charger that does not answer is left alone, until it connects again."""
    charge_point = factories.make_charge_point(owner, auto_configure=True)
    ChargePoint.objects.filter(pk=charge_point.pk).update(booted_at=timezone.now(), firmware="1.0")
    asked = []

    class Silent(Calls):
        async def call(self, action, payload, *, within_s=None):
            asked.append((action, within_s))
            raise Unanswered

    async def story():
        loop = asyncio.get_running_loop()
        workers, spool = Workers(loop), Spool(settings.SPOOL_DIR, tell_again)
        writer = Writer(loop, workers, spool)
        setup = Setup(Backstage(loop, workers, writer, spool), Silent(loop, lambda _text: None, lambda *_frame: None), charge_point.pk)
        while await setup.run_step():
            pass
        await asyncio.to_thread(writer.close)
        await asyncio.to_thread(workers.close)

    run(story)
    assert asked == [("GetConfiguration", 10.0)] * 2
    charge_point.refresh_from_db()
    assert charge_point.configured_firmware == ""
