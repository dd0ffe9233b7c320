"""A charger's password changes: while it is online, while it is away, and where it refuses. Nobody is locked out."""

import asyncio

import pytest
from asgiref.sync import async_to_sync

from accounts.models import Notification
from ocpp_core.models import ConfigurationKey, OcppFrame
from stations import charge_points
from stations.models import ChargePoint, Command, PasswordRotation
from tests import factories
from tests.chargers import charger_for, raw_charger_for
from tests.factories import CHARGER_PASSWORD
from tests.flows.doors import Api, Pages
from tests.ocpp_core.conftest import basic, knock, until

BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box"}
PATIENCE_S = 30.0


def run(story):
    async def within_time():
        async with asyncio.timeout(120):
            await story()

    async_to_sync(within_time)()


@pytest.fixture
def served(serve_process):
    return serve_process()


@pytest.fixture
def charge_point(owner, tariff):
    """One that has booted and been set up before, so that it is asked nothing beside its password."""
    charge_point = factories.make_charge_point(owner, tariff=tariff)
    ChargePoint.objects.filter(pk=charge_point.pk).update(configured_firmware="?", booted_at=charge_point.created_at)
    return charge_point


def opens(served, charge_point, password):
    """Whether the door opens to it; what opens it counts as a use."""
    return knock(served, f"/ocpp/{charge_point.identity}", basic(charge_point.identity, password)).status == 101


def is_good(charge_point, password):
    """The same asked of the tables, which uses nothing."""
    given = password if isinstance(password, bytes) else password.encode()
    return charge_points.password_matches(ChargePoint.objects.get(pk=charge_point.pk), given)


async def is_true(condition, *arguments):
    """Wait until it is so."""
    await asyncio.to_thread(until, lambda: condition(*arguments), PATIENCE_S)


async def heard_key(box):
    """What it hears of its password. What else it is set up with may come before, where the machine is slow."""
    while (said := await box.expect("ChangeConfiguration", PATIENCE_S))["key"] != "AuthorizationKey":
        pass
    return said


async def rotate(api, charge_point):
    status, body = await api.post(f"charge-points/{charge_point.code}/rotate-password/")
    assert status == 200
    return body["password"]


async def told(raw, answer):
    """Wait for the ChangeConfiguration and answer it; the value that was told."""
    async with asyncio.timeout(PATIENCE_S):
        kind, message_id, action, payload = await raw.receive(PATIENCE_S)
    assert (kind, action, payload["key"]) == (2, "ChangeConfiguration", "AuthorizationKey")
    await raw.send([3, message_id, {"status": answer}] if answer[0] != "!" else [4, message_id, answer[1:], "", {}])
    return payload["value"]


def assert_nothing_leaks(served, charge_point, *secrets):
    """Neither as text nor in hexadecimal, in no table that anybody reads, and not in the log."""
    for secret in secrets:
        for spelling in (secret, secret.encode().hex()):
            assert spelling.upper() not in served.said().upper()
            assert not OcppFrame.objects.filter(raw__icontains=spelling).exists()
            assert not ConfigurationKey.objects.filter(value__icontains=spelling).exists()
            assert not Notification.objects.filter(context__icontains=spelling).exists()
            for command in Command.objects.all():
                assert spelling.upper() not in f"{command.payload}{command.response}".upper()
            for rotation in PasswordRotation.objects.all():
                assert spelling.upper() not in rotation.sealed.upper()
    assert "Traceback" not in served.said()


def test_online_it_is_told_at_once_and_the_old_one_ends_when_the_new_one_was_used(served, owner, charge_point):
    secrets = []

    async def story():
        api = Api(served, owner)
        async with charger_for(charge_point, served) as box:
            new = await rotate(api, charge_point)
            secrets.append(new)
            said = await heard_key(box)
            assert said == {"key": "AuthorizationKey", "value": new.encode().hex().upper()}
            await is_true(lambda: PasswordRotation.objects.get().answer == "Accepted")
            assert await asyncio.to_thread(is_good, charge_point, CHARGER_PASSWORD), "until the new one was used"
            assert await asyncio.to_thread(is_good, charge_point, new)
            assert box.password == new.encode().hex().upper()
            await box.connection.close()
            await box.connect()
            await is_true(lambda: not PasswordRotation.objects.exists())
        assert not await asyncio.to_thread(opens, served, charge_point, CHARGER_PASSWORD)
        for spelling in (new, new.encode().hex(), new.encode().hex().upper()):
            assert await asyncio.to_thread(opens, served, charge_point, spelling)
        frames = await api.get(f"charge-points/{charge_point.code}/messages/?action=ChangeConfiguration")
        asked = await api.get(f"charge-points/{charge_point.code}/commands/")
        assert frames["results"]
        assert asked["results"][0]["payload"] == {"key": "AuthorizationKey", "value": "***"}
        assert new.encode().hex().upper() not in f"{frames}{asked}".upper()

    run(story)
    assert_nothing_leaks(served, charge_point, *secrets)


def test_the_page_shows_it_once_and_how_far_it_has_come(served, owner, charge_point):
    secrets = []

    async def story():
        pages = Pages(served)
        await pages.log_in(owner)
        await pages.open(f"/owner/{charge_point.code}/connection/")
        text = await pages.submit("password")
        rotation = await asyncio.to_thread(PasswordRotation.objects.get)
        assert (rotation.told, rotation.answer) == (0, "")
        assert 'id="copy-password"' in text
        new = text.split('id="copy-password">')[1].split("<")[0]
        secrets.append(new)
        text = await pages.open(f"/owner/{charge_point.code}/connection/")
        assert new not in text
        assert 'data-live-fragment="password-rotation"' in text
        async with charger_for(charge_point, served) as box:
            await heard_key(box)
            await is_true(lambda: PasswordRotation.objects.get().answer == "Accepted")
            for page in ("connection", "messages", "commands", "configuration"):
                text = await pages.open(f"/owner/{charge_point.code}/{page}/")
                assert new not in text
                assert new.encode().hex().upper() not in text.upper()

    run(story)
    assert_nothing_leaks(served, charge_point, *secrets)


def test_away_it_comes_back_with_the_old_one_and_is_told(served, owner, charge_point):
    secrets = []

    async def story():
        api = Api(served, owner)
        new = await rotate(api, charge_point)
        secrets.append(new)
        assert not await asyncio.to_thread(Command.objects.exists)
        async with charger_for(charge_point, served, password=CHARGER_PASSWORD) as box:
            await heard_key(box)
            await is_true(lambda: PasswordRotation.objects.get().sealed == "")
            await box.connection.close()
            await box.connect()
            await is_true(lambda: not PasswordRotation.objects.exists())
        assert not await asyncio.to_thread(opens, served, charge_point, CHARGER_PASSWORD)
        assert await asyncio.to_thread(opens, served, charge_point, new)

    run(story)
    assert_nothing_leaks(served, charge_point, *secrets)


def test_away_it_may_also_come_back_with_the_new_one_that_somebody_typed_in(served, owner, charge_point):
    async def story():
        new = await rotate(Api(served, owner), charge_point)
        async with raw_charger_for(charge_point, served, password=new) as raw:
            await raw.call("BootNotification", BOOT)
            assert await raw.is_silent(1.0), "it knows it already"
        assert not await asyncio.to_thread(opens, served, charge_point, CHARGER_PASSWORD)

    run(story)
    assert not PasswordRotation.objects.exists()


@pytest.mark.parametrize("answer", ["NotSupported", "!NotImplemented", "!InternalError"])
def test_refused_the_owner_is_told_and_both_stay_good(served, owner, charge_point, answer):
    secrets = []

    async def story():
        api = Api(served, owner)
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", BOOT)
            new = await rotate(api, charge_point)
            secrets.append(new)
            await told(raw, answer)
            await is_true(lambda: PasswordRotation.objects.get().is_refused)
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", BOOT)
            assert await raw.is_silent(1.0), "it is not told again"
        assert await asyncio.to_thread(opens, served, charge_point, new)
        assert not await asyncio.to_thread(opens, served, charge_point, CHARGER_PASSWORD)

    run(story)
    assert Notification.objects.filter(user=owner, kind=Notification.Kind.CHARGER_ALERT).count() == 1
    assert_nothing_leaks(served, charge_point, *secrets)


@pytest.mark.parametrize("second", ["Accepted", "Rejected"])
def test_what_is_rejected_in_hexadecimal_is_told_once_as_text(served, owner, charge_point, second):
    secrets = []

    async def story():
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", BOOT)
            new = await rotate(Api(served, owner), charge_point)
            secrets.append(new)
            assert await told(raw, "Rejected") == new.encode().hex().upper()
            assert await told(raw, second) == new
            await is_true(lambda: PasswordRotation.objects.get().sealed == "")
            assert await raw.is_silent(1.0)
        for password in (CHARGER_PASSWORD, new):
            assert await asyncio.to_thread(is_good, charge_point, password)

    run(story)
    assert Notification.objects.filter(user=owner).exists() is (second == "Rejected")
    assert_nothing_leaks(served, charge_point, *secrets)


def test_a_box_that_needs_a_restart_keeps_the_old_one_until_then(served, owner, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", BOOT)
            new = await rotate(Api(served, owner), charge_point)
            await told(raw, "RebootRequired")
            await is_true(lambda: PasswordRotation.objects.get().answer == "RebootRequired")
        async with raw_charger_for(charge_point, served) as raw:  # the network was away for a moment, no restart
            await raw.call("BootNotification", BOOT)
            assert await raw.is_silent(1.0)
        assert await asyncio.to_thread(opens, served, charge_point, new)
        assert not await asyncio.to_thread(opens, served, charge_point, CHARGER_PASSWORD)

    run(story)


def test_a_box_that_hangs_up_without_an_answer_is_told_again_but_not_for_ever(served, owner, charge_point):
    async def story():
        new = await rotate(Api(served, owner), charge_point)
        for _time in range(4):
            async with raw_charger_for(charge_point, served) as raw:
                await raw.call("BootNotification", BOOT)
                kind, _id, action, _payload = await raw.receive(PATIENCE_S)
                assert (kind, action) == (2, "ChangeConfiguration")
            await is_true(lambda: not Command.objects.filter(status__in=["pending", "sent"]).exists())
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", BOOT)
            assert await raw.is_silent(1.0)
        assert await asyncio.to_thread(opens, served, charge_point, new), "it may have taken it all the same"

    run(story)


def test_a_second_rotation_takes_the_place_of_the_first(served, owner, charge_point):
    async def story():
        api = Api(served, owner)
        first = await rotate(api, charge_point)
        second = await rotate(api, charge_point)
        assert not await asyncio.to_thread(is_good, charge_point, first)
        async with charger_for(charge_point, served) as box:
            assert (await heard_key(box))["value"] == second.encode().hex().upper()
            await is_true(lambda: PasswordRotation.objects.get().sealed == "")

    run(story)


def test_where_we_may_not_set_it_up_nothing_is_told(served, owner, charge_point):
    charge_points.edit(charge_point, auto_configure=False)

    async def story():
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", BOOT)
            new = await rotate(Api(served, owner), charge_point)
            assert await raw.is_silent(1.0)
        for password in (CHARGER_PASSWORD, new):
            assert await asyncio.to_thread(opens, served, charge_point, password)
        assert not await asyncio.to_thread(opens, served, charge_point, CHARGER_PASSWORD)

    run(story)


# A key of a person's own choice, through the command door


async def change(api, charge_point, value):
    path = f"charge-points/{charge_point.code}/commands/?wait=20"
    return await api.post(path, {"action": "ChangeConfiguration", "payload": {"key": "AuthorizationKey", "value": value}})


def test_a_key_whose_answer_was_lost_opens_the_door_beside_the_old_one(served, owner, charge_point):
    """A box may change it, and hang up before its answer is out."""

    async def story():
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", BOOT)
            asked = asyncio.create_task(change(Api(served, owner), charge_point, "0123456789abcdef"))
            kind, _id, action, _payload = await raw.receive(PATIENCE_S)
            assert (kind, action) == (2, "ChangeConfiguration")
        _status, body = await asked
        assert body["status"] == "unanswered"
        assert await asyncio.to_thread(is_good, charge_point, CHARGER_PASSWORD)
        assert await asyncio.to_thread(opens, served, charge_point, "0123456789abcdef")
        assert not await asyncio.to_thread(opens, served, charge_point, CHARGER_PASSWORD)

    run(story)
    assert_nothing_leaks(served, charge_point, "0123456789abcdef")


@pytest.mark.parametrize("answer", ["Rejected", "NotSupported", "!NotImplemented"])
def test_a_key_that_was_refused_opens_nothing(served, owner, charge_point, answer):
    async def story():
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", BOOT)
            asked = asyncio.create_task(change(Api(served, owner), charge_point, "0123456789abcdef"))
            await told(raw, answer)
            await asked
        assert not await asyncio.to_thread(opens, served, charge_point, "0123456789abcdef")
        assert await asyncio.to_thread(opens, served, charge_point, CHARGER_PASSWORD)

    run(story)


def test_a_key_in_hexadecimal_is_taken_as_text_and_as_bytes(served, owner, charge_point):
    key = "00FFA1B2C3D4E5F60718293A4B5C6D7E8F901234"

    async def story():
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", BOOT)
            asked = asyncio.create_task(change(Api(served, owner), charge_point, key))
            assert await told(raw, "Accepted") == key
            _status, body = await asked
            assert body["payload"]["value"] == "***"

    run(story)
    until(lambda: is_good(charge_point, key), PATIENCE_S)
    for spelling in (key, key.lower(), bytes.fromhex(key)):
        assert opens(served, charge_point, spelling)
    assert not opens(served, charge_point, CHARGER_PASSWORD)
    assert_nothing_leaks(served, charge_point, key)
