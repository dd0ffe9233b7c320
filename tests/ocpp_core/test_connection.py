import asyncio
import json
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from ocpp_core import door
from ocpp_core.connection import Connection
from ocpp_core.handshake import Outcome, Verdict
from ocpp_core.models import OcppFrame
from ocpp_core.versions import V16
from stations import charge_points
from stations.models import ChargePoint, ChargingSession, MeterValue, QuarantinedMessage
from tests import factories
from tests.chargers import raw_charger_for
from tests.flows.doors import Api
from tests.ocpp_core.conftest import run, until

OFFLINE_AFTER_S = 3
SERVER = {"OCPP_MAX_FRAME_BYTES": "65536", "OFFLINE_AFTER_S": str(OFFLINE_AFTER_S)}
BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box", "firmwareVersion": "1.0"}


@pytest.fixture
def charge_point(owner, tariff):
    return factories.make_charge_point(owner, tariff=tariff, auto_configure=False)


def now(hours=0.0):
    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def reading(wh, transaction_id):
    entry = {"timestamp": now(hours=0.5), "sampledValue": [{"value": str(wh)}]}
    return {"connectorId": 1, "transactionId": transaction_id, "meterValue": [entry]}


def test_the_core_profile_is_spoken(served, charge_point, driver):
    card = factories.make_id_token(driver).uid

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            answer = await box.call("BootNotification", BOOT)
            assert (answer["status"], answer["interval"]) == ("Accepted", 300)
            assert datetime.strptime(answer["currentTime"], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - its very spelling
            assert set(await box.call("Heartbeat", {}, "h")) == {"currentTime"}
            status = {"connectorId": 1, "status": "Preparing", "errorCode": "NoError", "timestamp": now()}
            assert await box.call("StatusNotification", status, "s") == {}
            assert await box.call("Authorize", {"idTag": "UNKNOWN"}, "u") == {"idTagInfo": {"status": "Invalid"}}
            known = await box.call("Authorize", {"idTag": card}, "a")
            assert known == {"idTagInfo": {"status": "Accepted", "parentIdTag": driver.group_tag}}
            start = {"connectorId": 1, "idTag": card, "meterStart": 1000, "timestamp": now(hours=1)}
            started = await box.call("StartTransaction", start, "b")
            assert started["idTagInfo"]["status"] == "Accepted"
            transaction_id = started["transactionId"]
            assert await box.call("MeterValues", reading(1500, transaction_id), "m") == {}
            stop = {"transactionId": transaction_id, "meterStop": 2000, "timestamp": now(), "idTag": card}
            stopped = await box.call("StopTransaction", stop, "e")
            assert stopped["idTagInfo"]["status"] == "Accepted"
            assert await box.call("DataTransfer", {"vendorId": "x", "data": "y"}, "d") == {"status": "UnknownVendorId"}
            assert await box.call("FirmwareStatusNotification", {"status": "Idle"}, "f") == {}
            assert await box.call("DiagnosticsStatusNotification", {"status": "Idle"}, "g") == {}
            assert await box.call("SecurityEventNotification", {"type": "X", "timestamp": now()}, "i") == {}
            assert await box.call("LogStatusNotification", {"status": "Idle"}, "j") == {}
            assert await box.call("SignCertificate", {"csr": "x"}, "k") == {"status": "Rejected"}

    run(story)
    charge_point.refresh_from_db()
    assert (charge_point.vendor, charge_point.firmware) == ("Any", "1.0")
    assert ChargingSession.objects.get().energy_wh == 1000
    assert MeterValue.objects.count() >= 1
    frames = OcppFrame.objects.filter(charge_point=charge_point)
    assert frames.filter(action="StartTransaction", type="call").count() == 1
    until(lambda: frames.filter(action="SignCertificate", type="result").exists())
    assert frames.filter(action="MeterValues").count() == 2
    answers = frames.filter(type="result", direction="to_charger")
    assert answers.exclude(answered_in_ms=None).count() == answers.count() > 10


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ('[2,"1","Heartbeat",{"a":}]', "FormationViolation"),
        ('[2,"1","Heartbeat",{"a":1,"a":2}]', "FormationViolation"),
        ('[2,"1","Heartbeat",[]]', "FormationViolation"),
        ('[2,"1"]', "FormationViolation"),
        ('[2,"1","Nonsense",{}]', "NotImplemented"),
        ('[2,"1","RemoteStartTransaction",{"idTag":"x"}]', "NotSupported"),
        ('[2,"1","StatusNotification",{"connectorId":1}]', "ProtocolError"),
        ('[2,"1","FirmwareStatusNotification",{}]', "ProtocolError"),
        ('[2,"1","Authorize",{}]', "ProtocolError"),
        ('[2,"1","Heartbeat",' + '{"a":' * 40 + "1" + "}" * 41 + "]", "FormationViolation"),
    ],
)
def test_what_cannot_be_read_is_answered_with_the_standards_code(served, charge_point, frame, code):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            kind, message_id, said, _description, details = await box.ask(frame)
            assert (kind, message_id, said, details) == (4, "1", code, {})
            assert "currentTime" in await box.call("Heartbeat", {}, "next")

    run(story)
    assert "Traceback" not in served.said()


@pytest.mark.parametrize(
    "frame", ["", " ", "x", "{}", "[]", "null", "[2]", "[3]", '[3,"nobody asked",{}]', '[4,"nobody","X","",{}]', '[9,"1",{}]', "[2,null,1]"]
)
def test_what_cannot_be_answered_is_dropped(served, charge_point, frame):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.send(frame)
            assert "currentTime" in await box.call("Heartbeat", {}, "next")

    run(story)


def test_start_stop_and_readings_are_taken_whatever_they_say(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            assert await box.call("MeterValues", {"connectorId": 1, "meterValue": [{"sampledValue": []}]}, "1") == {}
            assert await box.call("MeterValues", {}, "2") == {}
            assert await box.call("StopTransaction", {"transactionId": -1, "meterStop": "x", "timestamp": "?"}, "3") == {}
            assert await box.call("StopTransaction", {}, "4") == {}
            answer = await box.call("StartTransaction", {"idTag": "UNKNOWN", "connectorId": "1"}, "5")
            assert answer["idTagInfo"] == {"status": "Invalid"}
            assert answer["transactionId"] > 0

    run(story)
    assert QuarantinedMessage.objects.filter(action="StopTransaction").exists()


def test_binary_and_oversized_frames_end_their_own_socket_alone(served, owner):
    first, second, third = (factories.make_charge_point(owner, published=False, auto_configure=False) for _ in range(3))

    async def story():
        async with (
            raw_charger_for(first, served) as binary,
            raw_charger_for(second, served) as oversized,
            raw_charger_for(third, served) as bystander,
        ):
            await binary.send(b"\x02")
            assert await binary.closed() == 1003
            await oversized.send([2, "1", "DataTransfer", {"vendorId": "x", "data": "y" * 66_000}])
            assert await oversized.closed() == 1009
            assert "currentTime" in await bystander.call("Heartbeat", {})
            assert (await bystander.call("DataTransfer", {"vendorId": "x", "data": "y" * 60_000}, "2"))["status"] == "UnknownVendorId"

    run(story)


def test_frames_split_and_joined_on_the_wire_are_read(served, charge_point):
    """A frame in pieces, several frames in one piece, and a fragmented message all arrive whole."""

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            connection = box.link._connection
            await asyncio.gather(*(box.send([2, f"{number}", "Heartbeat", {}]) for number in range(5)))
            assert [(await box.receive())[1] for _ in range(5)] == ["0", "1", "2", "3", "4"]
            await connection.send(iter(['[2,"f","Heart', 'beat",{', "}]"]))
            assert (await box.receive())[1] == "f"
            await box.send('[2,"ř","Heartbeat",{}]')
            assert (await box.receive())[1] == "ř"

    run(story)


def test_the_same_frame_again_gets_the_same_answer_and_another_with_its_id_its_own(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            boot = [2, "7", "BootNotification", BOOT]
            first = await box.ask(boot)
            await asyncio.sleep(1.1)
            assert await box.ask(boot) == first
            assert (await box.ask([2, "7", "Authorize", {"idTag": "X"}]))[2] == {"idTagInfo": {"status": "Invalid"}}
            for message_id in (531531541, 1.5, "x" * 64):
                assert (await box.ask([2, message_id, "Heartbeat", {}]))[1] == message_id

    run(story)


def test_a_charger_that_waits_is_never_limited(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            for number in range(1200):
                await box.call("Heartbeat", {}, str(number))
            for number in range(31):
                await box.send([2, f"p{number}", "StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"}])
            assert [(await box.receive())[1] for _ in range(31)] == [f"p{number}" for number in range(31)], "in order"

    run(story)


def test_a_flood_is_cut_off(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            assert await box.flood("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"}) == 1008
        async with raw_charger_for(charge_point, served) as box:
            assert "currentTime" in await box.call("Heartbeat", {}), "it may come back and behave"

    run(story)


@pytest.mark.parametrize(("frames", "unread", "closed_with"), [(400, 0, []), (600, 0, [1008]), (1, 1_100_000, [1008])])
def test_what_costs_nothing_can_be_a_flood_too(transactional_db, owner, frames, unread, closed_with):
    """Heartbeats by the hundred in one breath, or answers that nobody fetches and that pile up here."""
    charge_point = factories.make_charge_point(owner, auto_configure=False)
    answers: list[str] = []
    closed: list[int] = []

    async def story():
        this_door = door.current()
        verdict = Verdict(Outcome.ACCEPTED, charge_point.identity, charge_point=charge_point)
        connection = Connection(verdict, this_door.backstage, send=answers.append, close=closed.append, unread=lambda: unread)
        for number in range(frames):
            connection.feed(f'[2,"{number}","Heartbeat",{{}}]')
        await asyncio.to_thread(until, lambda: closed or len(answers) == frames, 30)
        connection.ended()
        await door.close()

    run(story)
    assert closed == closed_with


def test_who_looks_at_once_sees_what_was_just_said(served, charge_point, owner):
    """The log is written in batches; nobody who has heard an answer looks for it in vain."""

    async def story():
        people = Api(served, owner)
        async with raw_charger_for(charge_point, served) as box:
            for number in range(3):
                await box.call("Heartbeat", {}, f"beat-{number}")
                seen = await people.get(f"charge-points/{charge_point.code}/messages/?action=Heartbeat")
                assert [frame["message_id"] for frame in seen["results"][:2]] == [f"beat-{number}"] * 2

    run(story)


def test_the_newest_socket_wins(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as old, raw_charger_for(charge_point, served) as new:
            assert await old.closed() == 1000
            assert "currentTime" in await new.call("Heartbeat", {})
            await asyncio.sleep(0.3)
            assert await asyncio.to_thread(is_online), "the late end of the old one says nothing"
        async with asyncio.timeout(30):
            while await asyncio.to_thread(is_online):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def is_online():
        return ChargePoint.objects.get(pk=charge_point.pk).is_online

    run(story)


def test_pongs_are_signs_of_life_and_silence_is_noticed(served, charge_point):
    """A charger that only answers pings stays online; one whose wire is dead is offline soon after."""

    async def story():
        async with raw_charger_for(charge_point, served):
            await asyncio.to_thread(until, lambda: signs_of_life_s() > OFFLINE_AFTER_S, 60)
            assert await asyncio.to_thread(is_online)
        with socket.create_connection(("127.0.0.1", served.port)) as dead:
            dead.sendall(upgrade())
            assert b" 101 " in await asyncio.to_thread(dead.recv, 1000)
            await asyncio.to_thread(wait_until_offline, 60)

    def signs_of_life_s():
        seen = ChargePoint.objects.get(pk=charge_point.pk)
        return (seen.last_seen_at - seen.connected_at).total_seconds() if seen.last_seen_at and seen.connected_at else 0

    def upgrade():
        from tests.ocpp_core.conftest import basic  # noqa: PLC0415

        lines = [f"GET /ocpp/{charge_point.identity} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
        return ("\r\n".join([*lines, f"Authorization: {basic(charge_point.identity)}"]) + "\r\n\r\n").encode()

    def is_online():
        return ChargePoint.objects.get(pk=charge_point.pk).is_online

    def wait_until_offline(seconds):
        until(lambda: not is_online(), seconds)

    run(story)


def test_a_charger_taken_out_of_service_is_shown_the_door(served, charge_point, client, owner):
    client.force_login(owner)

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("Heartbeat", {})
            await asyncio.to_thread(retire)
            assert await box.closed() in (1000, 1008)

    def retire():
        from tests.flows.doors import Api  # noqa: PLC0415

        status, _body = Api(served, owner)._ask("DELETE", f"charge-points/{charge_point.code}/", None, {})
        assert status == 204

    run(story)


def test_cards_cannot_be_guessed(served, charge_point, driver):
    """Ten unknown cards a minute are looked up, the others are unknown at once."""
    card = factories.make_id_token(driver).uid

    async def story():
        async with raw_charger_for(charge_point, served) as box:

            async def ask(tag, message_id):
                return (await box.call("Authorize", {"idTag": tag}, message_id))["idTagInfo"]["status"]

            assert await ask(card, "known") == "Accepted"
            assert {await ask(f"GUESS{number}", str(number)) for number in range(22)} == {"Invalid"}
            assert await ask(card, "lucky guess") == "Invalid"

    run(story)


def test_no_password_reaches_the_log(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            entry = {"key": "AuthorizationKey", "readonly": False, "value": "53cr3t-value"}
            await box.call("DataTransfer", {"vendorId": "x", "data": "Basic c2VjcmV0OnNlY3JldA=="}, "1")
            await box.send([3, "late", {"configurationKey": [entry]}])
            await box.call("Heartbeat", {}, "2")

    run(story)
    until(lambda: OcppFrame.objects.filter(action="Heartbeat", type="result").exists())
    kept = "".join(OcppFrame.objects.values_list("raw", flat=True))
    assert "53cr3t" not in kept
    assert "c2VjcmV0" not in kept
    assert "***" in kept


def test_register_accepts_what_the_door_needs(owner):
    """The length that is hinted at is the length that is made up."""
    _charge_point, password = charge_points.register(owner=owner, name="x", latitude=1, longitude=1)
    assert password is not None
    assert len(password) == 20


def test_what_failed_once_is_heard_when_it_is_said_again_in_the_same_words(transactional_db, owner):
    """A refusal that means "ask again" is not what the repetition is answered; any other answer is."""
    charge_point = factories.make_charge_point(owner, auto_configure=False)
    heard: list[Any] = []
    calls: list[str] = []

    def fails_first(request):
        calls.append(request.action)
        if len(calls) == 1:
            raise RuntimeError("the disk is full")
        return {"currentTime": "now"}

    def answered(number):
        return len(heard) == number

    version = replace(V16, in_a_thread={"Authorize": fails_first})

    async def story():
        this_door = door.current()
        verdict = Verdict(Outcome.ACCEPTED, charge_point.identity, charge_point=charge_point, version=version)
        connection = Connection(verdict, this_door.backstage, send=lambda text: heard.append(json.loads(text)), close=heard.append)
        for number in (1, 2, 3):
            connection.feed('[2,"same","Authorize",{"idTag":"A"}]')
            await asyncio.to_thread(until, partial(answered, number), 30)
        connection.ended()
        await door.close()

    run(story)
    assert [answer[0] for answer in heard] == [4, 3, 3]
    assert len(calls) == 2
