"""What programs outside rely on at the chargers' door, tried as they would: over HTTP and over a socket."""

import asyncio
import re
import socket
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db.models import Sum

from stations.models import ChargingSession, Command, QuarantinedMessage
from tests import factories
from tests.chargers import raw_charger_for
from tests.factories import CHARGER_PASSWORD
from tests.flows.doors import Api
from tests.ocpp_core.conftest import basic, knock, run

SERVER = {"OCPP_SETTLE_DELAY_S": "1", "OCPP_CALL_TIMEOUT_S": "3", "TRUSTED_PROXIES": "127.0.0.1", "LIMIT_API_PER_MINUTE": "100000"}
BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box"}
PLACE = {"name": "Home", "latitude": 49.9387, "longitude": 17.9026, "address": "Horní 1, Opava", "access": "public"}
ACCEPTED = {"status": "Accepted"}


@pytest.fixture
def charge_point(owner, tariff):
    return factories.make_charge_point(owner, tariff=tariff, auto_configure=False)


TWO_HOURS_AGO = datetime.now(UTC) - timedelta(hours=2)


def at(minutes=0.0):
    return (TWO_HOURS_AGO + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def start_of(card, wh=1000, minutes=0.0, connector=1):
    return {"connectorId": connector, "idTag": card, "meterStart": wh, "timestamp": at(minutes)}


async def answer(box, payload, action=None):
    kind, message_id, asked, said = await box.receive()
    assert kind == 2
    assert action in (None, asked), asked
    await box.send([3, message_id, payload])
    return said


# Registering


def test_registering_gives_what_the_box_needs(served, owner):
    api = Api(served, owner)

    async def story():
        async def register(**more):
            return await api.post("charge-points/", {**PLACE, **more})

        status, made_up = await register()
        assert status == 201, made_up
        assert made_up["identity"].startswith("CS-")
        assert len(made_up["identity"]) == 13
        assert made_up["code"] not in made_up["identity"].lower()
        assert len(made_up["password"]) == 20
        assert made_up["password"].isalnum()
        assert made_up["ocpp_url"] == f"{served.ocpp_url}/{made_up['identity']}"
        assert made_up["auto_configure"] is True
        status, given = await register(identity="SN:1-_.a", password="p:ss wörd, 8+", auto_configure=False)
        assert status == 201, given
        assert given["identity"] == "SN:1-_.a"
        assert given["password"] == "p:ss wörd, 8+"
        assert given["ocpp_url"].endswith("/SN:1-_.a")
        status, none = await register(password="")
        assert status == 201
        assert none["password"] is None
        assert none["ocpp_url"].endswith("/" + none["identity"])
        secret = none["ocpp_url"].split("/")[-2]
        assert len(secret) >= 22
        assert secret != "ocpp"
        for bad in (
            {"password": "short12"},
            {"password": "x" * 65},
            {"password": "tab\tinside it"},
            {"password": "nul\0inside it"},
            {"identity": ""},
            {"identity": "a b"},
            {"identity": "x" * 49},
            {"identity": "a/b"},
            {"password": "surr\ud800ogate"},
            {"identity": 17.5e400},
            {"name": ""},
            {"access": "all"},
            {"latitude": 91},
        ):
            status, body = await register(**bad)
            assert status == 400, (bad, status, body)
            assert body["code"] == "parse_error" or body["fields"].keys() == bad.keys(), body
        for good in (
            {"password": "x" * 64},
            {"password": "8charact"},
            {"identity": "x" * 48},
            {"identity": "a"},
            {"password": None},
            {"identity": None},
        ):
            status, body = await register(**good)
            assert status == 201, (good, body)
        for taken in ("sn:1-_.A", "SN:1-_.a"):
            status, body = await register(identity=taken)
            assert (status, body["code"]) == (409, "identity_taken")
        status, _body = await api.ask("DELETE", f"charge-points/{given['code']}/")
        assert status == 204
        status, again = await register(identity="sn:1-_.A", password="another password")
        assert status == 201, again
        path = "/ocpp/sn:1-_.A"
        assert knock(served, path, basic("sn:1-_.A", "p:ss wörd, 8+")).status == 401
        for user in ("sn:1-_.A", "SN:1-_.a"):
            assert knock(served, path, basic(user, "another password")).status == 101
        assert knock(served, path, basic("sn:1-_.A", b"another password".hex())).status == 101
        assert knock(served, path, basic("sn:1-_.A", b"another password".hex().upper())).status == 101
        assert knock(served, "/ocpp/" + quote("SN:1-_.a", safe=""), basic("sn:1-_.A", "another password")).status == 101
        assert knock(served, none["ocpp_url"].split(str(served.port))[1]).status == 101
        assert knock(served, "/ocpp/" + none["identity"]).status == 401
        assert knock(served, f"/ocpp/{'0' * len(secret)}/{none['identity']}").status == 401
        host = f"Host: 127.0.0.1:{served.port}"
        assert " 404 " in spoken_to(served, f"GET /ocpp/{secret}/{none['identity']} HTTP/1.1", host, "Connection: close")
        assert knock(served, f"/ocpp/{none['identity']}/{secret}/").status in (101, 401)
        for hidden in (secret, made_up["password"], "another password"):
            assert hidden not in served.said()

    run(story)


def test_refusals_look_the_same(served, owner):
    known = factories.make_charge_point(owner, auto_configure=False)
    answers = []
    for path, header in (
        (f"/ocpp/{known.identity}", basic(known.identity, "wrong password")),
        ("/ocpp/NOBODY", basic("NOBODY", "wrong password")),
        (f"/ocpp/{known.identity}", None),
        ("/ocpp/NOBODY", None),
        (f"/ocpp/{known.identity}", basic("OTHER", CHARGER_PASSWORD)),
        (f"/ocpp/{known.identity}", "Basic !!!"),
        (f"/ocpp/{known.identity}", "Bearer x"),
        ("/ocpp/", None),
        ("/ocpp/" + "x" * 500, None),
        ("/ocpp/%00%ff", basic("x")),
    ):
        response = knock(served, path, header)
        answers.append(
            (response.status, sorted(name.lower() for name, _value in response.getheaders()), response.getheader("WWW-Authenticate"))
        )
    assert {status for status, _names, _value in answers} == {401}
    assert len({str(one) for one in answers}) == 1, answers
    assert answers[0][2].startswith("Basic realm=")
    foreign = knock(served, f"/ocpp/{known.identity}", basic(known.identity), "ocpp2.0.1")
    assert (foreign.status, bool(foreign.getheader("WWW-Authenticate"))) == (401, True)
    both = knock(served, f"/ocpp/{known.identity}", basic(known.identity), "ocpp2.0.1, ocpp1.6")
    assert (both.status, both.getheader("Sec-WebSocket-Protocol")) == (101, "ocpp1.6")
    none = knock(served, f"/ocpp/{known.identity}", basic(known.identity), None)
    assert (none.status, none.getheader("Sec-WebSocket-Protocol")) == (101, None)
    assert "Traceback" not in served.said()


def spoken_to(served, *lines):
    """What the server says to these lines of a request, and whether it hangs up then."""
    with socket.create_connection(("127.0.0.1", served.port), 5) as wire:
        wire.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin1"))
        return wire.recv(5000).decode("latin1")


def test_broken_handshakes_are_refused_and_odd_ones_are_taken(served, charge_point):
    path, auth = f"/ocpp/{charge_point.identity}", "Authorization: " + basic(charge_point.identity)
    upgrade, connection = "Upgrade: websocket", "Connection: Upgrade"
    key, version = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"
    get, host = f"GET {path} HTTP/1.1", "Host: x"
    for broken in (
        (get, host, auth),
        (get, host, upgrade, key, version, auth),
        (get, host, upgrade, connection, version, auth),
        (get, host, upgrade, connection, key, "Sec-WebSocket-Version: 7", auth),
        (get, upgrade, connection, key, version, auth),
        ("\x16\x03\x01\x02 hello",),
    ):
        assert spoken_to(served, *broken).startswith("HTTP/1.1 400 "), broken
    for odd in (
        (get, "Host: evil.example", "Origin: https://github.com/gilmaimon/TinyWebsockets", upgrade, connection, key, version, auth),
        (get, host, "Upgrade: WebSocket", "Connection: keep-alive, Upgrade", key, version, auth),
        (f"GET ws://x{path} HTTP/1.1", host, upgrade, connection, key, version, auth),
        (f"GET {path}/?x=1 HTTP/1.1", host, upgrade, connection, key, version, auth),
        (get, host, upgrade, connection, "Sec-WebSocket-Extensions: permessage-deflate", key, version, auth),
    ):
        answered = spoken_to(served, *odd)
        assert answered.startswith("HTTP/1.1 101 "), odd
        assert "Extensions" not in answered
    assert "Traceback" not in served.said()


# Cards


def test_what_a_card_is_told(served, driver, owner, charge_point, stranger):
    def card(uid, user=driver, **fields):
        return factories.make_id_token(user, uid, **fields).uid

    good, group = card("04:aa:bb:01"), card("04AABB02", parent_uid="FAMILY")
    cards = {
        "Blocked": card("04AABB03", is_blocked=True),
        "Expired": card("04AABB04", expires_at=datetime(2020, 1, 1, tzinfo=UTC)),
        "Invalid": "04AABB05",
    }
    one_only = card("04AABB06", max_sessions=0)
    poor = card("04AABB07", stranger)
    second = factories.make_charge_point(owner, auto_configure=False)

    async def story():
        async with raw_charger_for(charge_point, served) as box, raw_charger_for(second, served) as other:
            number = iter(range(1000))

            async def authorize(tag):
                return (await box.call("Authorize", {"idTag": tag}, f"a{next(number)}"))["idTagInfo"]

            for spelling in (good, "04AABB01", "04aabb01", " 04 aa bb 01", "pay;04AABB01"):
                info = await authorize(spelling)
                assert info == {"status": "Accepted", "parentIdTag": driver.group_tag}, spelling
            assert await authorize(group) == {"status": "Accepted", "parentIdTag": "FAMILY"}
            for status, tag in cards.items():
                assert await authorize(tag) == {"status": status}
                answered = await box.call("StartTransaction", start_of(tag), f"s{status}")
                assert answered["idTagInfo"] == {"status": status}
                assert 0 < answered["transactionId"] < 2**31
            assert await authorize(poor) == {"status": "Blocked"}
            assert (await authorize(one_only))["status"] == "Accepted", "it may serve to stop"
            assert (await box.call("StartTransaction", start_of(one_only), "max"))["idTagInfo"] == {"status": "ConcurrentTx"}
            first = await box.call("StartTransaction", start_of(good, 2000, 1), "ok")
            assert first["idTagInfo"] == {"status": "Accepted", "parentIdTag": driver.group_tag}
            again = await box.call("StartTransaction", start_of("04AABB01", 2000, 1), "other spelling")
            elsewhere = await other.call("StartTransaction", start_of(group, 2000, 2), "elsewhere")
            assert elsewhere["idTagInfo"]["status"] == "Accepted"
            return again, first

    run(story)
    refused = ChargingSession.objects.filter(status="INVALID")
    assert refused.count() == 4
    assert not refused.exclude(hold=None).exists()
    assert ChargingSession.objects.filter(status="ACTIVE").count() == 2


def test_what_is_said_of_the_card_that_stops(served, driver, stranger, charge_point):
    """It never decides whether the stop counts."""
    card, blocked = factories.make_id_token(driver).uid, factories.make_id_token(driver, is_blocked=True).uid
    other = factories.make_id_token(stranger).uid
    accepted = {"idTagInfo": {"status": "Accepted", "parentIdTag": driver.group_tag}}
    said = {
        card: accepted,
        other: {"idTagInfo": {"status": "Accepted", "parentIdTag": stranger.group_tag}},
        blocked: {"idTagInfo": {"status": "Blocked"}},
        "NOBODY": {"idTagInfo": {"status": "Invalid"}},
        "": {},
        None: {},
    }

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            for minute, (tag, expected) in enumerate(said.items()):
                begun = await box.call("StartTransaction", start_of(card, 1000, minute), f"s{minute}")
                stop = {"transactionId": begun["transactionId"], "meterStop": 1000, "timestamp": at(minute + 0.5)}
                stop |= {} if tag is None else {"idTag": tag}
                assert await box.call("StopTransaction", stop, f"e{minute}") == expected

    run(story)
    assert set(ChargingSession.objects.values_list("status", "stop_reason")) == {("COMPLETED", "Local")}


def test_an_unknown_card_is_stopped_unless_it_stops_by_itself(served, driver, charge_point):
    card = factories.make_id_token(driver).uid

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT, "b")
            mine = await box.call("StartTransaction", start_of(card), "m")
            for number in range(12):
                await box.call("Authorize", {"idTag": f"GUESS{number}"}, f"g{number}")
            assert (await box.call("Authorize", {"idTag": card}, "a"))["idTagInfo"]["status"] == "Accepted", "it charges here"
            await box.call("StopTransaction", {"transactionId": mine["transactionId"], "meterStop": 1000, "timestamp": at(1)}, "e")
            first = await box.call("StartTransaction", start_of("NOBODY1", 1000, 2), "1")
            await box.call("StopTransaction", {"transactionId": first["transactionId"], "meterStop": 1000, "timestamp": at(3)}, "2")
            second = await box.call("StartTransaction", start_of("NOBODY2", 1000, 4), "3")
            assert await answer(box, ACCEPTED, "RemoteStopTransaction") == {"transactionId": second["transactionId"]}
            assert await box.is_silent(1)

    run(story)


def test_too_many_sessions_of_one_wallet(served, driver, owner):
    factories.give_credit(driver, 100_000)
    card = factories.make_id_token(driver).uid
    boxes = [factories.make_charge_point(owner, auto_configure=False) for _ in range(4)]
    free = factories.make_charge_point(owner, auto_configure=False, tariff=factories.make_tariff(owner, "0"))
    own = factories.make_charge_point(driver, published=False, connectors=2, auto_configure=False)

    async def story():
        said = []
        for place in [*boxes, free]:
            async with raw_charger_for(place, served) as box:
                said.append((await box.call("StartTransaction", start_of(card), "1"))["idTagInfo"]["status"])
                if place is boxes[3]:
                    assert (await box.call("Authorize", {"idTag": card}, "2"))["idTagInfo"]["status"] == "Accepted"
        assert said == ["Accepted"] * 3 + ["ConcurrentTx", "Accepted"]
        async with raw_charger_for(own, served) as box:
            for number in (1, 2, 7):
                start = start_of(card, connector=number)
                assert (await box.call("StartTransaction", start, f"{number}"))["idTagInfo"]["status"] == "Accepted"

    run(story)
    assert ChargingSession.objects.filter(charge_point=free, hold=None, status="ACTIVE").exists()
    assert ChargingSession.objects.filter(charge_point=own, hold=None, is_free=True, status="ACTIVE").count() == 3


def test_a_start_at_an_outlet_in_use_ends_what_was_there(served, driver, charge_point, stranger):
    card, foreign = factories.make_id_token(driver).uid, "UNKNOWN1"
    factories.give_credit(stranger, 50_000)
    other = factories.make_id_token(stranger).uid

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("StatusNotification", {"connectorId": 1, "status": "Faulted", "errorCode": "GroundFailure"}, "f")
            first = await box.call("StartTransaction", start_of(card), "1")
            refused = await box.call("StartTransaction", start_of(foreign, 3000, 30), "2")
            assert refused["idTagInfo"]["status"] == "Invalid"
            stop = {"transactionId": refused["transactionId"], "meterStop": 3000, "timestamp": at(31)}
            await box.call("StopTransaction", stop, "2e")
            second = await box.call("StartTransaction", start_of(other, 4000, 60), "3")
            assert second["idTagInfo"]["status"] == "Accepted"
            assert len({first["transactionId"], refused["transactionId"], second["transactionId"]}) == 3

    run(story)
    old = ChargingSession.objects.get(driver=driver)
    assert (old.status, old.energy_wh, old.is_estimated) == ("COMPLETED", 3000, True)
    assert old.transaction_id != old.pk


# Meters


def sample(value, minutes, **more):
    return {"timestamp": at(minutes), "sampledValue": [{"value": str(value), **more}]}


def test_odd_readings_count_for_what_they_mean(served, driver, charge_point):
    card = factories.make_id_token(driver).uid

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            transaction_id = (await box.call("StartTransaction", start_of(card), "1"))["transactionId"]
            ids = iter(range(1000))

            async def values(entries, **more):
                said = {"connectorId": 1, "transactionId": transaction_id, "meterValue": entries, **more}
                assert await box.call("MeterValues", said, f"m{next(ids)}") == {}

            await values([sample(2000, 10)])
            await values([sample(2000, 10)])
            await values([sample(2100, 10)])
            await values(sample("2,5", 20, unit="kWh", measurand="Energy.Active.Import.Register"))
            await values(
                [{"timestamp": at(30), "sampledValue": [{"value": 2800.0}, {"value": ""}, {"value": "x", "measurand": "Odd"}]}],
                transactionId=0,
            )
            await values([sample(2900, 31)], transactionId=77)
            stop = {
                "transactionId": transaction_id,
                "meterStop": 3000,
                "timestamp": at(40),
                "transactionData": sample(2950, 35, context="Transaction.End"),
            }
            assert await box.call("StopTransaction", stop, "e") == {}

    run(story)
    session = ChargingSession.objects.get()
    assert (session.status, session.energy_wh) == ("COMPLETED", 2000)
    stored = {value.samples[0]["value"] for value in session.meter_values.all()}
    assert len(session.meter_values.all()[0].samples) == 2
    assert "2900" in stored, "an unknown number, but the outlet's session and its time"


def test_a_stop_without_its_number_ends_the_only_session_it_can_mean(served, driver, charge_point):
    card = factories.make_id_token(driver).uid

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            for minute, transaction_id in enumerate([0, -1, None, 2**63 - 1, "", "x"]):
                await box.call("StartTransaction", start_of(card, 1000, minute), f"s{minute}")
                stop = {"transactionId": transaction_id, "meterStop": 1100, "timestamp": at(minute + 0.9), "idTag": card}
                for repetition in range(2):
                    answered = await box.call("StopTransaction", stop, f"e{minute}{repetition}")
                    assert answered["idTagInfo"]["status"] == "Accepted"

    run(story)
    ended = list(ChargingSession.objects.values_list("status", "energy_wh", "stop_reason"))
    assert ended == [("COMPLETED", 100, "Local")] * 6
    assert not QuarantinedMessage.objects.exists()


def test_what_cannot_be_used_is_quarantined(served, charge_point):
    odd: list[tuple[str, dict[str, Any]]] = [
        ("MeterValues", {"connectorId": 1}),
        ("MeterValues", {"connectorId": 1, "meterValue": "none"}),
        ("MeterValues", {"connectorId": 1, "meterValue": [7]}),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": None}]}]}),
        ("MeterValues", {"connectorId": {}, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "1"}]}]}),
        ("StartTransaction", {"connectorId": 1, "idTag": ["x"], "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}),
        ("StartTransaction", {"connectorId": 1, "idTag": "X", "meterStart": "many", "timestamp": "2026-01-01T00:00:00Z"}),
        ("StopTransaction", {"transactionId": "?", "meterStop": 0, "timestamp": "2026-01-01T00:00:00Z"}),
        ("StopTransaction", {"transactionId": 5, "meterStop": {}, "timestamp": "2026-01-01T00:00:00Z"}),
    ]

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            for number, (action, payload) in enumerate(odd):
                await box.call(action, payload, f"{number}")

    run(story)
    kept = QuarantinedMessage.objects.aggregate(total=Sum("times"))["total"]
    assert kept == len(odd) + 1, list(QuarantinedMessage.objects.values_list("action", "reason", "times"))
    assert "Traceback" not in served.said()


def test_a_boot_ends_no_session(served, driver, charge_point):
    card = factories.make_id_token(driver).uid

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("StartTransaction", start_of(card), "1")
            await box.call("BootNotification", BOOT, "2")

    run(story)
    assert ChargingSession.objects.get(orphaned_at=None).status == "ACTIVE"


def test_implausible_energy_is_not_charged(served, driver, charge_point):
    card = factories.make_id_token(driver).uid
    ends = {}

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            # 11 kW for an hour, a tenth more, and the slack: 12 300 Wh.
            for number, wh in enumerate((12_300, 12_301)):
                begun = await box.call("StartTransaction", start_of(card, 0, number * 61), f"s{number}")
                stop = {"transactionId": begun["transactionId"], "meterStop": wh, "timestamp": at(number * 61 + 60)}
                await box.call("StopTransaction", stop, f"e{number}")
                ends[wh] = begun["transactionId"]

    run(story)
    assert ChargingSession.objects.get(transaction_id=ends[12_300]).status == "COMPLETED"
    doubtful = ChargingSession.objects.get(transaction_id=ends[12_301])
    assert (doubtful.status, doubtful.cdr) == ("REVIEW", None)


# Commands


def test_what_the_payload_sets_is_what_goes_out(served, owner, charge_point):
    api = Api(served, owner)
    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.3}, {"startPeriod": 60, "limit": 16.0, "numberPhases": 1}],
    }
    profile = {"chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Relative"}
    exact = [
        ("RemoteStartTransaction", {"idTag": "abcDEF 1", "connectorId": 1, "chargingProfile": {**profile, "chargingSchedule": schedule}}),
        ("RemoteStopTransaction", {"transactionId": 0}),
        ("ChangeConfiguration", {"key": 'Ky \u017e "x"\\', "value": "null"}),
        ("ChangeConfiguration", {"value": "", "key": "Empty"}),
        ("GetConfiguration", {}),
        ("GetConfiguration", {"key": []}),
        ("GetConfiguration", {"key": ["a", "b"]}),
        ("ChangeAvailability", {"connectorId": 99, "type": "Inoperative"}),
        ("ClearCache", {}),
        ("DataTransfer", {"vendorId": "v", "data": '{"a":null}'}),
        ("Reset", {"type": "Hard"}),
        ("UnlockConnector", {"connectorId": 1}),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}),
        ("CancelReservation", {"reservationId": 123456}),
        ("SendLocalList", {"listVersion": 0, "updateType": "Full", "localAuthorizationList": []}),
        ("GetDiagnostics", {"location": "ftp://user:pw@example.com/x"}),
        ("UpdateFirmware", {"location": "http://example.com/f", "retrieveDate": "2026-01-01T00:00:00+01:00"}),
        ("SetChargingProfile", {"connectorId": 0, "csChargingProfiles": {**profile, "chargingSchedule": schedule}}),
    ]

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT, "b")
            for action, payload in exact:
                path = f"charge-points/{charge_point.code}/commands/?wait=20"
                asked = asyncio.create_task(api.post(path, {"action": action, "payload": payload}))
                kind, message_id, name, said = await box.receive()
                assert (kind, name, said) == (2, action, payload)
                assert isinstance(message_id, str)
                assert 0 < len(message_id) <= 36
                await box.send([3, message_id, {"status": "Rejected", "odd": None}])
                status, body = await asked
                assert (status, body["status"], body["action"], body["payload"]) == (201, "accepted", action, payload)
                assert body["response"]["status"] == "Rejected"

    run(story)


NOT_ALLOWED = [
    ("Reset", {}),
    ("Reset", {"type": "soft"}),
    ("Reset", {"type": "Soft", "more": 1}),
    ("Reset", None),
    ("Reset", []),
    ("Nonsense", {}),
    ("BootNotification", BOOT),
    ("GetConfiguration", {"key": None}),
    ("ChangeConfiguration", {"key": "k" * 51, "value": "v"}),
    ("ChangeConfiguration", {"key": "k", "value": "nul\0"}),
    ("ChangeConfiguration", {"key": "k", "value": "surr\ud800"}),
    ("ChangeConfiguration", {"key": "AuthorizationKey", "value": ""}),
    ("ChangeConfiguration", {"key": "authorizationkey", "value": "1234567"}),
    ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "x" * 41}),
    ("ChangeConfiguration", {"key": "AuthorizationKey", "value": "ř" * 21}),
    ("RemoteStartTransaction", {"idTag": "x" * 21}),
    ("RemoteStopTransaction", {"transactionId": "1"}),
    ("UpdateFirmware", {"location": "http://e.cz/f", "retrieveDate": "tomorrow"}),
    ("GetDiagnostics", {"location": "not a uri"}),
    ("UnlockConnector", {"connectorId": 1.5}),
    ("UnlockConnector", {"connectorId": True}),
]


def test_what_the_standard_does_not_allow_is_not_asked(served, owner, charge_point):
    api = Api(served, owner)

    async def story():
        for action, payload in NOT_ALLOWED:
            status, body = await api.post(f"charge-points/{charge_point.code}/commands/", {"action": action, "payload": payload})
            assert status == 400, (action, payload, body)
            assert body["fields"] or body["code"] == "parse_error"

    run(story)
    assert not Command.objects.exists()
    assert "Traceback" not in served.said()


def test_a_relay_rests_between_starts_and_between_unlocks(served, owner, charge_point):
    api = Api(served, owner)

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT, "b")

            async def ask(action, payload):
                await api.post(f"charge-points/{charge_point.code}/commands/", {"action": action, "payload": payload})

            await ask("RemoteStartTransaction", {"idTag": "X", "connectorId": 1})
            assert await answer(box, ACCEPTED, "RemoteStartTransaction")
            await ask("UnlockConnector", {"connectorId": 1})
            assert await answer(box, {"status": "Unlocked"}, "UnlockConnector"), "the first of its kind"
            await ask("UnlockConnector", {"connectorId": 1})
            await ask("RemoteStopTransaction", {"transactionId": 1})
            assert await answer(box, ACCEPTED, "RemoteStopTransaction"), "stopping never waits"
            assert await box.is_silent(1)

    run(story)


def test_times_end_in_z_and_nothing_is_null(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            boot = await box.call("BootNotification", {**BOOT, "chargeBoxSerialNumber": None, "iccid": "null"}, "1")
            assert boot["status"] == "Accepted"
            assert boot["interval"] == 300
            beat = await box.call("Heartbeat", {}, "2")
            for said in (boot, beat):
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said["currentTime"])
            assert boot.keys() == {"status", "interval", "currentTime"}

    run(story)
