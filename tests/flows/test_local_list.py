"""Cards in a box, over a real socket: sent, changed, taken out, refused, and what they begin while nobody can be asked."""

import asyncio

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from ocpp_core.models import ConfigurationKey
from stations import charge_points
from stations.models import ChargePoint, ChargingSession
from tests import factories
from tests.chargers import charger_for, raw_charger_for
from tests.conftest import OPENING_CREDIT_MINOR
from tests.flows.doors import Api, Pages, assert_books, assert_settled

PATIENCE_S = 30.0
BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box"}


def run(story):
    async def within_time():
        async with asyncio.timeout(150):
            await story()

    async_to_sync(within_time)()


@pytest.fixture
def served(serve_process):
    return serve_process()


@pytest.fixture
def charge_point(owner, driver, tariff):
    """A private one with a guest; it is asked nothing unasked."""
    charge_point = factories.make_charge_point(owner, tariff=tariff, access="private", auto_configure=False)
    charge_points.invite(charge_point, driver.email)
    return ChargePoint.objects.select_related("owner").get(pk=charge_point.pk)


@pytest.fixture
def cards(owner, driver):
    """Seven of the owner's, and one of the guest's."""
    for number in range(7):
        factories.make_id_token(owner, f"OWNER{number:04}", label=f"Fob {number}")
    return factories.make_id_token(driver, "GUEST0001")


class Owner:
    """Her page and her program."""

    def __init__(self, served, charge_point):
        self.user = charge_point.owner
        self.pages, self.api = Pages(served), Api(served, self.user)
        self.code = charge_point.code

    async def press(self, deed):
        """One of the buttons on the page of the cards."""
        if not self.pages.url:
            await self.pages.log_in(self.user)
        await self.pages.open(f"/owner/{self.code}/cards/")
        return await self.pages.submit("/cards/", deed=deed)

    async def sees(self, **wanted):
        """Wait until the list is as wanted, and give it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                body = await self.api.get(f"charge-points/{self.code}/local-list/")
                if all(body[name] == value for name, value in wanted.items()):
                    return body
                await asyncio.sleep(0.1)


async def until(condition, *arguments):
    """Wait for what happens at the other end."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = condition(*arguments)
            if await answer if asyncio.iscoroutine(answer) else answer:
                return
            await asyncio.sleep(0.1)


@sync_to_async
def made(user, uid, **fields):
    return factories.make_id_token(user, uid, **fields)


@sync_to_async
def unmade(token):
    token.delete()


async def confirmed(owner, version):
    """The box told the version it was sent."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            body = await owner.sees(version=version, is_agreed=True)
            if body["confirmed_at"] and body["confirmed_at"] >= body["sent_at"]:
                return body
            await asyncio.sleep(0.1)


def test_a_long_list_goes_in_pieces_and_later_only_what_changed(served, charge_point, owner, cards):
    async def story():
        she = Owner(served, charge_point)
        async with charger_for(charge_point, served) as box:
            box.configuration._readonly["SendLocalListMaxLength"] = "3"
            await she.press("version")
            await she.sees(version=0)
            await she.press("send")
            await confirmed(she, 3)
            assert (box.local_list.version, len(box.local_list.entries)) == (3, 8)
            assert [(await box.expect("SendLocalList"))["updateType"] for _piece in range(3)] == ["Full", "Differential", "Differential"]

            await unmade(cards)
            await made(owner, "OWNER0009")
            await she.press("send_changes")
            await confirmed(she, 4)
            piece = await box.expect("SendLocalList")
            assert piece["localAuthorizationList"][0] == {"idTag": "GUEST0001"}
            assert (piece["updateType"], len(piece["localAuthorizationList"])) == ("Differential", 2)
            assert "guest0001" not in box.local_list.entries
            assert "owner0009" in box.local_list.entries
            await she.press("send_changes")
            assert (await she.sees())["version"] == 4, "nothing had changed"

            await she.press("clear")
            await confirmed(she, 5)
            assert box.local_list.entries == {}

    run(story)
    assert "Traceback" not in served.said()


def test_a_box_with_another_list_is_given_a_whole_one(served, charge_point, cards):
    async def story():
        she = Owner(served, charge_point)
        async with charger_for(charge_point, served) as box:
            await she.press("send")
            await confirmed(she, 1)
            box.local_list.version = 40  # somebody else's central system was here
            await sync_to_async(cards.delete)()
            await she.press("send_changes")
            await she.sees(version=40, is_agreed=False, outcome="VersionMismatch", count=0)
            await she.press("send")
            await confirmed(she, 41)
            assert len(box.local_list.entries) == 7

    run(story)


def test_a_list_sent_through_the_command_door_is_learnt(served, charge_point, cards):
    async def story():
        she = Owner(served, charge_point)
        async with charger_for(charge_point, served):
            entries = [
                {"idTag": "OWNER0001", "idTagInfo": {"status": "Accepted"}},
                {"idTag": "NOBODYS1", "idTagInfo": {"status": "Blocked"}},
            ]
            payload = {"listVersion": 7, "updateType": "Full", "localAuthorizationList": entries}
            path = f"charge-points/{charge_point.code}/commands/?wait=20"
            status, body = await she.api.post(path, {"action": "SendLocalList", "payload": payload})
            assert (status, body["response"]) == (201, {"status": "Accepted"})
            body = await she.sees(version=7, is_agreed=True)
            assert [(entry["id_tag"], entry["label"], entry["status"]) for entry in body["results"]] == [
                ("OWNER0001", "Fob 1", "Accepted"),
                ("…DYS1", None, "Blocked"),
            ]
            payload = {"listVersion": 7, "updateType": "Differential", "localAuthorizationList": []}
            status, body = await she.api.post(path, {"action": "SendLocalList", "payload": payload})
            assert body["response"] == {"status": "VersionMismatch"}

    run(story)


@pytest.mark.parametrize("how", ["word", "error", "turned off"])
def test_a_box_without_a_list_is_left_alone(served, charge_point, cards, how):
    """Told once, by whichever way its firmware has for that; what keeps lists up to date asks it no more."""

    async def answers(raw):
        """Every CALL of ours is answered as this box would."""
        while True:
            kind, message_id, action, *_rest = await raw.receive(PATIENCE_S)
            assert kind == 2
            if how == "error":
                await raw.send([4, message_id, "NotImplemented", "", {}])
            elif action == "SendLocalList":
                await raw.send([3, message_id, {"status": "NotSupported"}])
            elif action == "GetLocalListVersion":
                await raw.send([3, message_id, {"listVersion": -1}])
            else:
                await raw.send([3, message_id, {"configurationKey": [], "unknownKey": []}])

    async def story():
        she = Owner(served, charge_point)
        if how == "turned off":
            async with charger_for(charge_point, served) as box:
                box.configuration.change("LocalAuthListEnabled", "false")
                await she.press("send")
                await she.sees(is_supported=False, outcome="NotSupported")
                await she.press("version")
                await she.sees(is_supported=False, version=None, is_agreed=False)
            return
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", BOOT)
            answering = asyncio.create_task(answers(raw))
            try:
                await she.press("send")
                await she.sees(is_supported=False, outcome="NotSupported" if how == "word" else "")
            finally:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)

    run(story)
    assert "Traceback" not in served.said()


def test_what_is_kept_up_to_date_follows_by_itself(served, charge_point, owner, cards):
    async def story():
        she = Owner(served, charge_point)
        async with charger_for(charge_point, served) as box:
            await she.press("keep")
            await confirmed(she, 1)
            assert len(box.local_list.entries) == 8
            cards.is_blocked = True
            await sync_to_async(cards.save)()
            await confirmed(she, 2)
            assert "guest0001" not in box.local_list.entries
            box.local_list.version, box.local_list.entries = 0, {}  # some forget it with every reboot
            await box.reset(hard=False)
            await until(lambda: len(box.local_list.entries) == 7)

    run(story)
    assert "Traceback" not in served.said()


def test_a_card_of_the_list_begins_offline_is_told_later_and_paid(served, charge_point, owner, driver, cards):
    async def story():
        she = Owner(served, charge_point)
        async with charger_for(charge_point, served) as box:
            for key, value in {"LocalAuthorizeOffline": "false", "AuthorizationCacheEnabled": "false"}.items():
                assert box.configuration.change(key, value) == "Accepted"
            await she.press("send")
            await confirmed(she, 1)
            await box.connection.close()
            assert await box.tap("GUEST0001") == "Invalid", "not before the owner wished it"

            await box.connect()
            await she.press("offline")
            await until(box.configuration.flag, "LocalAuthorizeOffline")
            await box.idle()
            await box.connection.close()
            await box.plug_in()
            assert await box.tap("STRANGER1") == "Invalid"
            assert await box.tap("GUEST0001") == "Accepted"
            await box.charge(4_000)
            await box.unplug()

            await box.connect()
            await Api(served, driver).session(status="completed")

    run(story)
    session = ChargingSession.objects.get()
    assert session.id_tag == "GUEST0001"
    assert session.energy_wh >= 4_000
    assert_settled(session, opening_minor=OPENING_CREDIT_MINOR, energy_wh=session.energy_wh)
    assert_books()
    assert ConfigurationKey.objects.get(key="LocalAuthorizeOffline").value == "true"


def test_the_owners_own_card_costs_nothing_offline_either(served, charge_point, cards):
    async def story():
        she = Owner(served, charge_point)
        async with charger_for(charge_point, served) as box:
            await she.press("send")
            await confirmed(she, 1)
            await box.connection.close()
            await box.plug_in_and_charge("OWNER0001", wh=2_000)
            await box.connect()
            await she.api.session(status="completed")

    run(story)
    session = ChargingSession.objects.get()
    assert session.cdr is not None
    assert (session.is_free, session.cdr.total_minor) == (True, 0)
    assert_books()
