"""What chargers in the field are known to do, each over a real socket: energy and money stay right, nobody else suffers.

What needs no socket is told by the tables beside `dialects`, `frames` and `metering` and by the rooms; how a charger may
knock is told by `tests/ocpp_core/test_handshake.py`, what is lost or repeated around a stop by `test_faults.py`.
"""

import asyncio
import http.client
import json
import socket
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.urls import reverse

from accounts.models import Notification
from billing import audit, ledger
from ocpp_core import deviations
from ocpp_core.models import ChargerDeviation, ConfigurationKey, ConnectionAttempt, OcppFrame
from stations import charge_points, commands, sessions
from stations.models import ChargePoint, ChargingSession, Command, MeterValue, QuarantinedMessage, State
from tests import factories
from tests.chargers import raw_charger_for
from tests.flows.doors import Api
from tests.ocpp_core.conftest import basic, knock, run, served, shared_server, until  # noqa: F401 - fixtures among them

SERVER = {"OCPP_SETTLE_DELAY_S": "0.3", "OCPP_CALL_TIMEOUT_S": "3", "LIMIT_API_PER_MINUTE": "100000"}
BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box", "firmwareVersion": "1.0"}
Outcome = ConnectionAttempt.Outcome
ACCEPTED = {"status": "Accepted"}
STATUS = {"connectorId": 1, "errorCode": "NoError"}


@pytest.fixture
def charge_point(owner, tariff):
    """One that is asked nothing unasked, for the other end of these sockets answers nothing."""
    return factories.make_charge_point(owner, tariff=tariff, auto_configure=False)


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, "04A2B3C4D5E680").uid


@pytest.fixture
def visit(served, charge_point):  # noqa: F811
    """Runs a story with a socket of the charger."""

    def tell(story, **more):
        async def connected():
            async with raw_charger_for(charge_point, served, **more) as box:
                await story(box)

        run(connected)
        assert "Traceback" not in served.said()

    return tell


class Story:
    """When the visit of a test began: two hours ago, and the same for every word about it, or a repetition would be none."""

    began_at = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _two_hours_ago():
    Story.began_at = datetime.now(UTC) - timedelta(hours=2)


def at(minutes=0.0):
    """A time of the charger."""
    return (Story.began_at + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


async def begin(box, card, wh=1000, minutes=0.0, **more):
    start = {"connectorId": 1, "idTag": card, "meterStart": wh, "timestamp": at(minutes), **more}
    return await box.call("StartTransaction", start, f"begin{minutes}")


async def begun(box, card, **more):
    answer = await begin(box, card, **more)
    assert answer["idTagInfo"]["status"] == "Accepted"
    return answer["transactionId"]


async def end(box, number, wh=4000, minutes=60.0, **more):
    return await box.call("StopTransaction", {"transactionId": number, "meterStop": wh, "timestamp": at(minutes), **more}, f"end{minutes}")


def reading(number, minutes, wh, **more):
    entry = {"timestamp": at(minutes), "sampledValue": [{"value": str(wh), **more}]}
    return {"connectorId": 1, "transactionId": number, "meterValue": [entry]}


def counted(word):
    return ChargerDeviation.objects.filter(word=word).exists()


def settled(energy_wh):
    session = ChargingSession.objects.get()
    assert (session.status, session.energy_wh) == ("COMPLETED", energy_wh)
    assert session.cdr is not None
    assert session.cdr.total_minor == energy_wh * 65 // 100
    assert audit.check() == []
    return session


# Connecting


def test_its_contactor_opens_at_once_without_tls(visit, charge_point, card, owner):
    async def story(box):
        for minutes in (0.0, 2.0):
            number = await begun(box, card, minutes=minutes)
            await end(box, number, wh=1000, minutes=minutes + 0.25)

    visit(story)
    until(lambda: counted(deviations.OPENS_AT_ONCE))
    alert = Notification.objects.get(user=owner, kind=Notification.Kind.CHARGER_ALERT)
    assert "wss://" in alert.context["reason"]
    assert list(ChargingSession.objects.values_list("cdr__total_minor", flat=True)) == [0, 0]


def test_it_names_no_subprotocol(visit, charge_point):
    async def story(box):
        assert box.subprotocol is None
        assert (await box.call("BootNotification", BOOT))["status"] == "Accepted"

    visit(story, subprotocols=())
    until(lambda: counted(deviations.NO_SUBPROTOCOL))


def test_it_probes_with_a_socket_that_says_nothing(visit, charge_point):
    async def nothing(_box):
        await asyncio.sleep(0)

    visit(nothing)
    charge_point.refresh_from_db()
    assert (charge_point.vendor, charge_point.booted_at) == ("", None)


def test_it_sends_a_junk_origin(served, charge_point):  # noqa: F811
    path = f"/ocpp/{charge_point.identity}"
    answer = knock(served, path, basic(charge_point.identity), Origin="https://github.com/gilmaimon/TinyWebsockets")
    assert answer.status == 101


def test_it_forgets_to_ask_for_an_upgrade(served, charge_point):  # noqa: F811
    plain = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    plain.request("GET", f"/ocpp/{charge_point.identity}", headers={"Authorization": basic(charge_point.identity)})
    assert 400 <= plain.getresponse().status < 500
    plain.close()
    assert "Traceback" not in served.said()


def test_it_flaps_and_the_session_goes_on(visit, charge_point, card):
    numbers = []

    async def first(box):
        numbers.append(await begun(box, card))

    async def again(box):
        await box.call("BootNotification", BOOT)
        assert await box.is_silent(0.5), "no burst of questions"

    async def last(box):
        await end(box, numbers[0])

    for story in (first, again, again, last):
        visit(story)
    settled(3000)


def test_it_compresses_without_being_asked(served, charge_point):  # noqa: F811
    link = socket.create_connection(("127.0.0.1", served.port), timeout=60)
    head = [
        f"GET /ocpp/{charge_point.identity} HTTP/1.1",
        "Host: x",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp1.6",
        f"Authorization: {basic(charge_point.identity)}",
    ]
    link.sendall("\r\n".join([*head, "", ""]).encode())
    assert b"101" in link.recv(4096)
    link.sendall(bytes([0xC1, 0x81, 0, 0, 0, 0, 0x41]))
    closing = link.recv(4096)
    assert (closing[0] & 0x0F, int.from_bytes(closing[2:4], "big")) == (8, 1002)
    link.close()


def test_it_storms_the_door_with_a_wrong_password(served, charge_point):  # noqa: F811
    """Past the limit the same knock again is refused without a look into the tables; the right password comes in at once."""
    path, wrong = f"/ocpp/{charge_point.identity}", basic(charge_point.identity, "wrong-password-1")
    answers = [knock(served, path, wrong).status for _again in range(16)]
    assert (answers[0], answers[-1]) == (401, 429)
    until(lambda: ConnectionAttempt.objects.filter(outcome=Outcome.TOO_MANY).exists())
    seen = sum(ConnectionAttempt.objects.exclude(outcome=Outcome.ACCEPTED).values_list("times", flat=True))
    charge_points.retire(charge_point)
    assert knock(served, path, wrong).status == 429, "as before, for nobody looked"
    assert sum(ConnectionAttempt.objects.exclude(outcome=Outcome.ACCEPTED).values_list("times", flat=True)) == seen
    again, password = charge_points.register(
        owner=charge_point.owner, name="New", latitude=50, longitude=14, identity=charge_point.identity
    )
    assert password is not None
    assert knock(served, path, basic(again.identity, password)).status == 101


def test_it_writes_its_serial_number_behind_the_address_and_its_owner_sees_what_came(served, charge_point, client, owner):  # noqa: F811
    path = f"/ocpp/{charge_point.identity}/EVC-SERIAL-1"
    assert knock(served, path, basic(charge_point.identity, "wrong-password-2")).status == 401
    until(lambda: ConnectionAttempt.objects.filter(charge_point=charge_point, outcome=Outcome.WRONG_PASSWORD).exists())
    client.force_login(owner)
    page = client.get(reverse("ocpp_core:connection", args=[charge_point.code])).content.decode()
    assert "Copy it again, whole and without spaces." in page
    assert "switch the charger off and on" in page, "some never dial again by themselves"
    assert knock(served, path, basic(charge_point.identity)).status == 101


# Booting


def test_it_reboots_over_and_over(served, owner):  # noqa: F811
    charge_point = factories.make_charge_point(owner, auto_configure=False)

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            for boot in range(4):
                await box.call("BootNotification", BOOT, f"boot{boot}")
            await sync_to_async(ChargePoint.objects.update)(auto_configure=True)  # however long the boots took, none was asked about
            await box.call("BootNotification", BOOT, "boot again")
            assert await box.is_silent(1.0), "what we ask may be what reboots it"

    run(story)


def test_it_notices_a_dead_link_by_its_heartbeat_alone(visit):
    """However long it would like to sleep, it is told to speak every few minutes."""

    async def story(box):
        answer = await box.call("BootNotification", BOOT)
        assert 60 <= answer["interval"] <= 300

    visit(story)


def test_its_heart_beats_without_a_pause(visit, served, owner):  # noqa: F811
    """One that waits for its answers is served; one that does not is cut off, and its neighbour notices nothing."""
    neighbour = factories.make_charge_point(owner, auto_configure=False)

    async def story(box):
        async with raw_charger_for(neighbour, served) as other:
            for beat in range(100):
                assert "currentTime" in await box.call("Heartbeat", {}, str(beat))
            assert await box.flood("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}) == 1008
            assert "currentTime" in await other.call("Heartbeat", {})

    visit(story)


def test_it_introduces_itself_badly(visit, charge_point):
    async def story(box):
        said = {"chargePointVendor": "", "chargePointModel": "null", "chargePointSerialNumber": "9" * 33, "meterType": None}
        assert (await box.call("BootNotification", said))["status"] == "Accepted"

    ChargePoint.objects.update(is_published=False, is_paused=True)
    visit(story)
    charge_point.refresh_from_db()
    assert (charge_point.vendor, charge_point.model, charge_point.serial_number) == ("", "", "9" * 33)
    until(lambda: counted("chargePointVendor:missing"))


def test_it_talks_its_vendors_own_language_all_day(visit, charge_point):
    async def story(box):
        data = {"vendorId": "EVBOX", "messageId": "evbStatusNotification", "data": "x" * 20_000}
        for number in range(30):
            assert await box.call("DataTransfer", data, str(number)) == {"status": "UnknownVendorId"}

    visit(story)
    until(lambda: OcppFrame.objects.filter(action="DataTransfer", type="call").count() == 30)
    assert max(len(raw) for raw in OcppFrame.objects.filter(action="DataTransfer").values_list("raw", flat=True)) <= 4_000


# Framing


def test_it_leaves_a_number_out_of_its_json(visit, charge_point, card):
    async def story(box):
        number = await begun(box, card)
        text = json.dumps([2, "m", "MeterValues", reading(number, 10, 2000)]).replace(f'"transactionId": {number}', '"transactionId":')
        assert await box.ask(text) == [3, "m", {}]
        assert (await box.ask('[2,"x","Heartbeat",{"a":}]'))[:3] == [4, "x", "FormationViolation"]

    visit(story)
    assert ChargingSession.objects.get().energy_wh == 1000
    until(lambda: counted("frame:repaired") and counted(deviations.UNREADABLE_FRAME))


@pytest.mark.parametrize("message_id", [1, "x" * 36, 1000000])
def test_its_message_ids_are_odd_and_its_payload_is_null(visit, message_id):
    async def story(box):
        kind, echoed, said = await box.ask([2, message_id, "Heartbeat", None])
        assert (kind, echoed, set(said)) == (3, message_id, {"currentTime"})

    visit(story)
    until(lambda: counted("frame:no-payload"))


def test_its_stop_holds_the_whole_session(visit, card):
    async def story(box):
        number = await begun(box, card)
        data = [
            entry
            for minute in range(500)
            for entry in reading(number, minute / 10, 1000 + minute * 5, context="Sample.Periodic")["meterValue"]
        ]
        data = [{**entry, "sampledValue": entry["sampledValue"] + [{"value": "9" * 300, "measurand": "SoC"}]} for entry in data]
        await end(box, number, transactionData=data)

    visit(story)
    assert settled(3000).meter_values.count() == 500


def test_its_call_crosses_ours(visit, charge_point, card, owner):
    async def story(box):
        await box.call("BootNotification", BOOT)
        asked = asyncio.create_task(asyncio.to_thread(commands.ask, charge_point, "ClearCache", {}, asked_by=owner))
        _kind, message_id, action, _payload = await box.receive()
        assert action == "ClearCache"
        await begun(box, card)
        await box.send([3, message_id, ACCEPTED])
        command = await asked
        await asyncio.to_thread(until, lambda: Command.objects.get(pk=command.pk).status == "accepted")

    visit(story)


# Connectors and their state


def test_it_charges_at_connector_0(visit, charge_point, card):
    async def story(box):
        number = await begun(box, card, connectorId=0)
        assert await box.call("MeterValues", {**reading(number, 10, 2000), "connectorId": 0}, "m") == {}
        await end(box, number)

    visit(story)
    assert settled(3000).connector.number == 1
    assert charge_point.connectors.count() == 1


def test_it_is_available_before_its_stop(visit, card):
    async def story(box):
        number = await begun(box, card)
        for status in ("Charging", "Available"):
            await box.call("StatusNotification", {**STATUS, "status": status}, status)
        assert await asyncio.to_thread(lambda: ChargingSession.objects.get().status) == "ACTIVE"
        await end(box, number)

    visit(story)
    settled(3000)


def test_it_is_available_while_a_car_is_plugged_in(visit, charge_point, card):
    async def story(box):
        await box.call("BootNotification", BOOT)
        number = await begun(box, card)
        await box.call("StatusNotification", {**STATUS, "status": "Available"}, "s")
        assert await asyncio.to_thread(states) == [State.BUSY]
        await end(box, number)
        assert await asyncio.to_thread(states) == [State.FREE]

    def states():
        return [one.state for one in ChargePoint.objects.get().connectors.all()]

    visit(story)
    assert settled(3000).is_estimated is False


def test_its_car_is_full_and_stays(visit, card):
    """Full is no end: who stands there pays for standing only where the price says so."""

    async def story(box):
        number = await begun(box, card)
        for status in ("Charging", "SuspendedEV"):
            await box.call("StatusNotification", {**STATUS, "status": status}, status)
        assert await asyncio.to_thread(lambda: ChargingSession.objects.get().status) == "ACTIVE"
        await end(box, number)

    visit(story)
    settled(3000)


def test_it_stays_finishing_and_refuses_the_next_start(visit, served, charge_point, driver, card, client):  # noqa: F811
    """Nothing is charged, she is told what to do, and her card works where the app does not."""

    async def story(box):
        await box.call("BootNotification", BOOT)
        await box.call("StatusNotification", {**STATUS, "status": "Finishing"}, "s")
        status, said = await Api(served, driver).post("sessions/", {"connector": f"{charge_point.code}/1"})
        assert status == 202
        _kind, message_id, action, _payload = await box.receive()
        assert action == "RemoteStartTransaction"
        await box.send([3, message_id, {"status": "Rejected"}])
        refused = await Api(served, driver).session(status="invalid")
        assert refused["code"] == said["code"]
        await end(box, await begun(box, card))

    visit(story)
    refused, charged = ChargingSession.objects.order_by("pk")
    assert refused.hold is not None
    assert (refused.cdr, refused.hold.closed_at is None) == (None, False)
    assert (charged.status, charged.energy_wh) == ("COMPLETED", 3000)
    client.force_login(driver)
    assert "Unplug the cable, plug it in again" in client.get(refused.get_absolute_url()).content.decode()
    assert client.post(reverse("stations:owner_ask", args=[charge_point.code]), {"what": "reset"}).status_code == 404, "not the driver's"


def test_it_agrees_to_start_and_does_nothing(visit, served, charge_point, driver):  # noqa: F811
    async def story(box):
        await box.call("BootNotification", BOOT)
        await Api(served, driver).post("sessions/", {"connector": f"{charge_point.code}/1"})
        _kind, message_id, _action, _payload = await box.receive()
        await box.send([3, message_id, ACCEPTED])
        await asyncio.to_thread(until, lambda: Command.objects.get().status == "accepted")

    visit(story)
    assert ledger.wallet(driver).held_minor > 0
    assert sessions.abandon_stale(now=datetime.now(UTC) + timedelta(seconds=100)) == 0
    assert sessions.abandon_stale(now=datetime.now(UTC) + timedelta(seconds=180)) == 1
    assert ledger.wallet(driver).held_minor == 0
    assert Notification.objects.filter(user=driver, kind=Notification.Kind.SESSION_FAILED).exists()


def test_it_is_asked_to_start_once_however_often_she_presses(visit, served, charge_point, driver):  # noqa: F811
    async def story(box):
        await box.call("BootNotification", BOOT)
        api = Api(served, driver)
        wish = {"connector": f"{charge_point.code}/1"}
        answers = await asyncio.gather(*[api.post("sessions/", wish, Idempotency_Key="one-press") for _press in range(4)])
        assert {status for status, _body in answers} <= {202, 409}
        _kind, message_id, action, _payload = await box.receive()
        assert action == "RemoteStartTransaction"
        await box.send([3, message_id, ACCEPTED])
        assert await box.is_silent(1.0)

    visit(story)
    assert Command.objects.filter(action="RemoteStartTransaction").count() == 1


def test_its_clock_is_behind_and_its_states_come_out_of_order(visit, charge_point):
    """Half an hour behind for minutes on end is its clock; by that clock the later word counts, whichever came last."""
    ChargePoint.objects.update(clock_skew_s=1800, clock_lag_s=1800, clock_lag_since=datetime.now(UTC) - timedelta(hours=1))

    def spoken(minutes):
        return (datetime.now(UTC) - timedelta(minutes=30) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def story(box):
        await box.call("StatusNotification", {**STATUS, "status": "Charging", "timestamp": spoken(-1)}, "now")
        await box.call("StatusNotification", {**STATUS, "status": "Preparing", "timestamp": spoken(-20)}, "queued")

    visit(story)
    connector = charge_point.connectors.get()
    assert connector.status == "Charging"
    assert abs(connector.status_at - datetime.now(UTC)) < timedelta(minutes=5), "by our clock"


def test_its_clock_is_ahead_and_the_money_is_right(visit, card):
    """Ten minutes ahead: what it says just now lies in the future. Money is made of energy, and no session ends after today."""

    async def story(box):
        number = await begun(box, card, minutes=10)
        assert await box.call("MeterValues", reading(number, 70, 4000), "m") == {}
        await end(box, number, minutes=130)

    visit(story)
    session = settled(3000)
    assert session.started_at <= session.stopped_at <= datetime.now(UTC)


def test_it_speaks_of_the_whole_house_on_connector_0(visit, owner, served, driver, card, tariff):  # noqa: F811
    """A box with two outlets reports the meter of the house: that is nobody's energy."""
    box_of_two = factories.make_charge_point(owner, connectors=2, tariff=tariff, auto_configure=False)

    async def story():
        async with raw_charger_for(box_of_two, served) as box:
            number = await begun(box, card)
            house = {**reading(0, 10, 900_000), "connectorId": 0}
            del house["transactionId"]
            assert await box.call("MeterValues", house, "house") == {}
            named = {**reading(number, 20, 2000), "connectorId": 0}
            assert await box.call("MeterValues", named, "named") == {}
            await end(box, number)

    run(story)
    assert settled(3000).meter_values.count() == 1
    assert MeterValue.objects.get(session=None).charge_point == box_of_two


def test_it_reports_an_error_and_is_well(visit, charge_point):
    async def story(box):
        said = {"connectorId": 1, "status": "Finishing", "errorCode": "Error", "info": "null", "vendorErrorCode": "0x01"}
        assert await box.call("StatusNotification", said) == {}
        assert await box.call("StatusNotification", {**STATUS, "connectorId": 0, "status": "Available"}, "box") == {}
        states = await asyncio.to_thread(lambda: [one.state for one in ChargePoint.objects.get().connectors.all()])
        assert states == [State.BUSY]

    visit(story)
    charge_point.refresh_from_db()
    assert charge_point.status == "Available"
    until(lambda: counted("errorCode:unknown") and counted("info:null"))


def test_it_goes_on_charging_after_its_stop(visit, card, owner):
    async def story(box):
        await box.call("BootNotification", BOOT)
        number = await begun(box, card)
        await end(box, number)
        await box.send([2, "late", "MeterValues", reading(number, 65, 4600)])
        came = [await box.receive(), await box.receive()]
        assert [3, "late", {}] in came
        asked = next(frame for frame in came if frame[0] == 2)
        assert asked[2:] == ["RemoteStopTransaction", {"transactionId": number}]

    visit(story)
    settled(3000)
    assert Notification.objects.filter(user=owner, kind=Notification.Kind.CHARGER_ALERT).exists()


# Cards and starts


def test_it_begins_under_a_tag_of_its_own_what_it_was_asked_to_begin(visit, served, charge_point, driver):  # noqa: F811
    ChargePoint.objects.update(vendor="Alfen BV", model="Eve", booted_at=datetime.now(UTC))
    key = {"charge_point": charge_point, "key": "PlugAndChargeIdentifier", "read_at": datetime.now(UTC)}
    ConfigurationKey.objects.create(**key, value="0123456789ABCD")

    async def story(box):
        assert (await box.call("Authorize", {"idTag": "0123456789abcd"}))["idTagInfo"]["status"] == "Invalid"
        status, session = await Api(served, driver).post("sessions/", {"connector": f"{charge_point.code}/1"})
        assert status == 202
        _kind, message_id, action, said = await box.receive()
        assert action == "RemoteStartTransaction"
        await box.send([3, message_id, ACCEPTED])
        assert (await box.call("Authorize", {"idTag": "0123456789ABCD"}, "a"))["idTagInfo"]["status"] == "Accepted"
        number = await begun(box, "0123456789ABCD")
        assert await begun(box, "0123456789ABCD") == number
        await end(box, number, idTag="0123456789ABCD")
        assert session["code"]
        assert said["idTag"] != "0123456789ABCD"

    visit(story)
    assert settled(3000).driver == driver


def test_its_own_tag_begins_nothing_that_nobody_asked_for(visit, charge_point):
    ChargePoint.objects.update(vendor="Alfen BV")
    ConfigurationKey.objects.create(
        charge_point=charge_point, key="PlugAndChargeIdentifier", value="0123456789ABCD", read_at=datetime.now(UTC)
    )

    async def story(box):
        assert (await begin(box, "0123456789ABCD"))["idTagInfo"]["status"] == "Invalid"

    visit(story)


def test_it_adds_its_serial_number_to_the_card(visit, card, driver):
    ChargePoint.objects.update(vendor="KEBA AG", model="KC-P30")

    async def story(box):
        tag = f"{card}_20613465"
        assert (await box.call("Authorize", {"idTag": tag}))["idTagInfo"]["status"] == "Accepted"
        await end(box, await begun(box, tag), idTag=tag)

    visit(story)
    assert settled(3000).driver == driver


def test_it_makes_the_tag_it_was_given_longer(visit, served, charge_point, driver):  # noqa: F811
    async def story(box):
        await box.call("BootNotification", BOOT)
        await Api(served, driver).post("sessions/", {"connector": f"{charge_point.code}/1"})
        _kind, message_id, _action, said = await box.receive()
        await box.send([3, message_id, ACCEPTED])
        await end(box, await begun(box, f"{said['idTag'].lower()}00000001"))

    visit(story)
    assert settled(3000).driver == driver


def test_it_charges_by_itself_without_a_tag(visit, charge_point):
    async def story(box):
        await box.call("BootNotification", BOOT)
        answer = await begin(box, "")
        assert set(answer) == {"transactionId", "idTagInfo"}
        assert answer["idTagInfo"] == {"status": "Invalid"}
        assert await box.is_silent(0.5), "the owner's own charging is not stopped"
        await end(box, answer["transactionId"])

    visit(story)
    session = ChargingSession.objects.get()
    assert (session.status, session.driver, session.energy_wh, session.cdr) == ("INVALID", None, 3000, None)


def test_it_begins_although_it_was_refused(visit):
    async def story(box):
        await box.call("BootNotification", BOOT)
        refused = await begin(box, "NOBODYSCARD")
        assert refused["idTagInfo"]["status"] == "Invalid"
        assert await begin(box, "NOBODYSCARD") == refused
        stop = await asyncio.to_thread(Command.objects.get)
        assert (stop.action, stop.payload) == ("RemoteStopTransaction", {"transactionId": refused["transactionId"]})
        await end(box, refused["transactionId"])

    visit(story)
    session = ChargingSession.objects.get()
    assert (session.status, session.energy_wh, session.cdr) == ("INVALID", 3000, None)
    assert Notification.objects.filter(user=session.owner, kind=Notification.Kind.UNPAID_ENERGY).exists()


def test_it_charges_by_itself_and_its_owner_wants_that(visit, charge_point, owner):
    ChargePoint.objects.update(starts_without_card=True)

    async def story(box):
        assert (await box.call("Authorize", {"idTag": ""}))["idTagInfo"]["status"] == "Accepted"
        await end(box, await begun(box, ""), idTag="")

    visit(story)
    session = ChargingSession.objects.get()
    assert (session.status, session.driver, session.is_free, session.energy_wh) == ("COMPLETED", owner, True, 3000)
    assert session.cdr is not None
    assert session.cdr.total_minor == 0


# Meter values


def test_it_speaks_for_ever_of_a_transaction_nobody_knows(visit, charge_point):
    async def story(box):
        await box.call("BootNotification", BOOT)
        for number, ghost in enumerate((1936029036, 2**63 - 1, -1, 0)):
            assert await box.call("MeterValues", reading(ghost, number, 1000), str(number)) == {}
        assert await box.is_silent(0.5), "the owner's own car is not stopped"

    visit(story)
    assert MeterValue.objects.filter(session=None).exists()


def test_it_replays_its_queue_unsorted_and_twice(visit, card):
    async def story(box):
        number = await begun(box, card)
        entries = [reading(number, minutes, 1000 + minutes * 50)["meterValue"][0] for minutes in (40, 10, 30, 20, 10)]
        said = {"connectorId": 1, "transactionId": number, "meterValue": entries}
        for again in ("one", "two"):
            assert await box.call("MeterValues", said, again) == {}
        assert await asyncio.to_thread(lambda: ChargingSession.objects.get().energy_wh) == 2000
        await end(box, number)

    visit(story)
    assert settled(3000).meter_values.count() == 4


def test_it_signs_its_values(visit, card):
    blob = "OCMF|" + "7b" * 3500

    async def story(box):
        number = await begun(box, card)
        assert await box.call("MeterValues", reading(number, 10, blob, format="SignedData"), "m") == {}
        await end(box, number)

    visit(story)
    assert settled(3000).meter_values.get().samples[0]["value"] == blob


def test_it_sends_no_readings_at_all(visit, card):
    async def story(box):
        await end(box, await begun(box, card))

    visit(story)
    settled(3000)


# Stops


def test_its_stop_comes_before_its_start(visit, card):
    async def story(box):
        assert await end(box, 0, wh=4000, idTag=card) != {}
        answer = await begin(box, card)
        assert answer["idTagInfo"]["status"] == "Accepted"

    visit(story)
    session = settled(3000)
    assert session.stopped_at - session.started_at == timedelta(hours=1)
    assert QuarantinedMessage.objects.get().resolved_at is not None


def test_it_reboots_and_its_stop_says_meter_0(visit, card):
    async def story(box):
        number = await begun(box, card, wh=100_000)
        await box.call("MeterValues", reading(number, 30, 103_000), "m")
        await box.call("BootNotification", BOOT, "boot")
        await end(box, number, wh=0, minutes=31, reason="PowerLoss")

    visit(story)
    settled(3000)


def test_it_ends_the_session_when_it_comes_back(visit, card, driver):
    async def story(box):
        number = await begun(box, card)
        await end(box, number, reason="Other")
        assert await box.is_silent(0.3), "nothing begins again by itself"

    visit(story)
    assert settled(3000).stop_reason == "Other"
    assert Notification.objects.filter(user=driver, kind=Notification.Kind.SESSION_FINISHED).exists()


@pytest.mark.parametrize("tag", ["", "SOMEBODYELSE", "\u0010\u000e", None, 5])
def test_the_card_of_its_stop_is_not_the_one_of_its_start(visit, card, tag):
    async def story(box):
        await end(box, await begun(box, card), idTag=tag)

    visit(story)
    settled(3000)
