"""Commands, frames, attempts and configuration over HTTP."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from ocpp_core import frame_log, frames
from ocpp_core.models import ConfigurationKey, ConnectionAttempt, OcppFrame
from stations import commands
from stations.models import Command
from tests.stations.acting import go_online

URL = "/api/v1/charge-points/"


def client_of(user=None):
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


@pytest.fixture
def url(charge_point):
    return f"{URL}{charge_point.code}/"


def keep(charge_point, direction, kind, message_id, action, raw, answered_in_ms=None, at=None):
    row = frame_log.row(charge_point.pk, at or timezone.now(), direction, kind, message_id, action, raw, answered_in_ms)
    frame_log.write([row])


# Commands


def test_ask_while_online(charge_point, owner, url):
    go_online(charge_point)
    answer = client_of(owner).post(f"{url}commands/", {"action": "Reset", "payload": {"type": "Soft"}}, format="json")

    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"id", "action", "payload", "status", "response", "created_at", "answered_at"}
    assert (body["action"], body["payload"], body["status"], body["response"]) == ("Reset", {"type": "Soft"}, "pending", None)
    for path in (f"{url}commands/{body['id']}/", f"/api/v1/commands/{body['id']}/"):
        assert client_of(owner).get(path).json() == body
    assert client_of(owner).get(f"{url}commands/").json()["results"] == [body]


def test_ask_while_offline_is_final(owner, url):
    body = client_of(owner).post(f"{url}commands/?wait=20", {"action": "ClearCache"}, format="json").json()
    assert body["status"] == "offline"
    assert body["payload"] == {}


@pytest.mark.parametrize("action", sorted(__import__("ocpp_core.schemas", fromlist=["x"]).TO_CHARGER))
def test_every_request_of_a_central_system_is_known(owner, url, action):
    answer = client_of(owner).post(f"{url}commands/", {"action": action, "payload": {"no": "such member"}}, format="json")
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["payload"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "BootNotification", "payload": {}}, "action"),
        ({"action": "reset", "payload": {}}, "action"),
        ({"action": None}, "action"),
        ({"action": ["Reset"]}, "action"),
        ({}, "action"),
        ({"action": "Reset", "payload": {"type": "Firm"}}, "payload"),
        ({"action": "Reset"}, "payload"),
        ({"action": "Reset", "payload": None}, "payload"),
        ({"action": "Reset", "payload": []}, "payload"),
        ({"action": "Reset", "payload": "Soft"}, "payload"),
        ({"action": "UnlockConnector", "payload": {"connectorId": "1"}}, "payload"),
        ({"action": "UnlockConnector", "payload": {"connectorId": None}}, "payload"),
        ({"action": "UnlockConnector", "payload": {"connectorId": 1, "more": 1}}, "payload"),
        ({"action": "ReserveNow", "payload": {"connectorId": 1, "expiryDate": "tomorrow", "idTag": "A", "reservationId": 1}}, "payload"),
        ({"action": "GetDiagnostics", "payload": {"location": "no uri at all"}}, "payload"),
        ({"action": "RemoteStartTransaction", "payload": {"idTag": "x" * 21}}, "payload"),
    ],
)
def test_payload_is_checked_by_the_official_schema(owner, url, body, field):
    answer = client_of(owner).post(f"{url}commands/", body, format="json")
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["fields"]) == [field]
    assert not Command.objects.exists()


def test_forwarded_without_a_veto_of_ours(charge_point, owner, url):
    go_online(charge_point)
    for body in (
        {"action": "UnlockConnector", "payload": {"connectorId": 99}},
        {"action": "CancelReservation", "payload": {"reservationId": 123456}},
        {"action": "GetDiagnostics", "payload": {"location": "http://169.254.169.254/x"}},
        {"action": "RemoteStopTransaction", "payload": {"transactionId": 1}},
    ):
        answer = client_of(owner).post(f"{url}commands/", body, format="json")
        assert answer.status_code == 201
        assert answer.json()["payload"] == body["payload"]
        assert Command.objects.get(pk=answer.json()["id"]).payload == body["payload"]


def test_password_in_a_command_is_never_shown(charge_point, owner, url):
    go_online(charge_point)
    payload = {"key": "AuthorizationKey", "value": "0123456789abcdef0123"}
    answer = client_of(owner).post(f"{url}commands/", {"action": "ChangeConfiguration", "payload": payload}, format="json")

    assert answer.status_code == 201
    assert answer.json()["payload"] == {"key": "AuthorizationKey", "value": "***"}
    assert b"0123456789abcdef0123" not in client_of(owner).get(f"{url}commands/").content
    claimed = commands.claim(answer.json()["id"])
    assert claimed is not None
    assert claimed.payload == payload  # what is spoken is what was asked


def test_idempotency_key_asks_once(charge_point, owner, url):
    go_online(charge_point)
    body = {"action": "Reset", "payload": {"type": "Soft"}}
    answers = [client_of(owner).post(f"{url}commands/", body, format="json", HTTP_IDEMPOTENCY_KEY="r1") for _ in range(2)]

    assert {answer.json()["id"] for answer in answers} == {Command.objects.get().pk}


@pytest.mark.parametrize("wait", ["x", "-1", "nan", "1e3", "9" * 40, "१"])
def test_bad_wait(owner, url, wait):
    answer = client_of(owner).post(f"{url}commands/?wait={wait}", {"action": "ClearCache"}, format="json")
    assert answer.status_code == 400
    assert not Command.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_wait_answers_when_the_charger_did(charge_point, owner, url):
    go_online(charge_point)

    def answer_soon():
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                asked = Command.objects.first()
                if asked is not None and (claimed := commands.claim(asked.pk)) is not None:
                    commands.record_result(claimed, status=Command.Status.ACCEPTED, response={"status": "Accepted"})
                    return
                time.sleep(0.05)
        finally:
            connection.close()

    thread = threading.Thread(target=answer_soon)
    thread.start()
    began = time.monotonic()
    body = client_of(owner).post(f"{url}commands/?wait=30", {"action": "Reset", "payload": {"type": "Soft"}}, format="json").json()
    thread.join()

    assert body["status"] == "accepted"
    assert body["response"] == {"status": "Accepted"}
    assert body["answered_at"].endswith("Z")
    assert time.monotonic() - began < 25


def test_wait_ends_in_time(charge_point, owner, url):
    go_online(charge_point)
    began = time.monotonic()
    body = client_of(owner).post(f"{url}commands/?wait=0.3", {"action": "ClearCache"}, format="json").json()

    assert body["status"] == "pending"
    assert 0.3 <= time.monotonic() - began < 20


def test_foreign_commands_do_not_exist(charge_point, owner, stranger, staff, url):
    command = commands.ask(charge_point, "ClearCache", {})
    for path in (f"{url}commands/{command.pk}/", f"/api/v1/commands/{command.pk}/"):
        assert client_of(stranger).get(path).status_code == 404
        assert client_of().get(path).status_code == 401
        assert client_of(staff).get(path).status_code == 200
    assert client_of(owner).get(f"{URL}othercode/commands/{command.pk}/").status_code == 404
    assert client_of(owner).get(f"/api/v1/commands/{10**25}/").status_code == 404


# Frames


def test_frames_newest_first_taken_apart(charge_point, owner, url):
    keep(charge_point, "from_charger", "call", "m1", "Heartbeat", frames.call("m1", "Heartbeat", {}))
    keep(charge_point, "to_charger", "result", "m1", "Heartbeat", frames.result("m1", {"currentTime": "2026-01-01T00:00:00Z"}), 4)
    keep(charge_point, "to_charger", "call", "m2", "Reset", frames.call("m2", "Reset", {"type": "Soft"}))
    keep(charge_point, "from_charger", "error", "m2", "Reset", frames.error("m2", "InternalError", "no"), 12)
    keep(charge_point, "from_charger", "call", "", "", "this is no frame")

    body = client_of(owner).get(f"{url}messages/").json()

    assert set(body) == {"next", "previous", "results"}
    broken, error, call, result, heartbeat = body["results"]
    assert heartbeat["at"].endswith("Z")
    assert {name: heartbeat[name] for name in ("direction", "type", "message_id", "action", "payload", "error_code")} == {
        "direction": "from_charger",
        "type": "call",
        "message_id": "m1",
        "action": "Heartbeat",
        "payload": {},
        "error_code": None,
    }
    assert result["payload"] == {"currentTime": "2026-01-01T00:00:00Z"}
    assert result["answered_in_ms"] == 4
    assert result["action"] == "Heartbeat"
    assert call["payload"] == {"type": "Soft"}
    assert (error["error_code"], error["error_description"], error["payload"]) == ("InternalError", "no", {})
    assert broken["payload"] == "this is no frame"


def test_frames_filtered_and_paged(charge_point, owner, url):
    begin = timezone.now() - timedelta(minutes=100)
    for number in range(60):
        at = begin + timedelta(minutes=number)
        keep(charge_point, "from_charger", "call", f"m{number}", "Heartbeat", frames.call(f"m{number}", "Heartbeat", {}), at=at)
    keep(charge_point, "to_charger", "call", "x", "Reset", frames.call("x", "Reset", {"type": "Hard"}))
    client = client_of(owner)
    ids = list(OcppFrame.objects.order_by("id").values_list("id", flat=True))

    def got(**query):
        answer = client.get(f"{url}messages/", {"page_size": 200, **query})
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["results"]]

    assert got() == ids[::-1]
    assert got(action="Reset") == ids[-1:]
    assert got(direction="to_charger") == ids[-1:]
    assert got(type="result") == []
    assert got(since=ids[-3]) == ids[:-3:-1]
    assert got(before=ids[2]) == ids[1::-1]
    middle = (begin + timedelta(minutes=30)).isoformat()
    assert got(before=middle) == ids[29::-1]
    assert got(since=middle, action="Heartbeat") == ids[59:29:-1]
    first = client.get(f"{url}messages/", {"page_size": 40}).json()
    keep(charge_point, "from_charger", "call", "late", "Heartbeat", frames.call("late", "Heartbeat", {}))
    second = client.get(first["next"]).json()
    assert [row["id"] for row in first["results"] + second["results"]] == ids[::-1]
    assert second["next"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"since": "x"},
        {"since": "2026-13-45"},
        {"before": "2026-02-30T00:00:00Z"},
        {"before": "9" * 25},
        {"since": "a\0"},
        {"direction": "sideways"},
        {"type": "4"},
        {"action": "A" * 41},
    ],
)
def test_bad_frame_questions(owner, url, query):
    answer = client_of(owner).get(f"{url}messages/", query)
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["fields"]) == list(query)


@pytest.mark.parametrize("cursor", ["x", "cD1hYmM=", "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk=", "%00", "bz0tMQ=="])
def test_bad_cursors(owner, url, cursor):
    assert client_of(owner).get(f"{url}messages/?cursor={cursor}").status_code in (200, 404)


def test_passwords_are_never_in_frames(charge_point, owner, url):
    secret = "0123456789abcdef0123"
    payload = {"key": "AuthorizationKey", "value": secret}
    keep(charge_point, "to_charger", "call", "m", "ChangeConfiguration", frames.call("m", "ChangeConfiguration", payload))
    assert secret not in client_of(owner).get(f"{url}messages/").content.decode()


# Attempts and configuration


def test_connections_say_why(charge_point, owner, url):
    now = timezone.now()
    for outcome in ("accepted", "wrong_password"):
        ConnectionAttempt.objects.create(
            charge_point=charge_point, identity=charge_point.identity, outcome=outcome, first_at=now, at=now, address="203.0.113.24"
        )
    ConnectionAttempt.objects.create(identity="ELSEWHERE", outcome="unknown_identity", first_at=now, at=now)
    body = client_of(owner).get(f"{url}connections/").json()

    assert body["count"] == 2
    assert body["results"][0]["outcome"] == "wrong_password"
    assert body["results"][0]["address"] == "203.0.113.24"


def test_configuration_hides_passwords(charge_point, owner, url):
    now = timezone.now()
    for key, value in (("HeartbeatInterval", "300"), ("AuthorizationKey", "0123456789abcdef"), ("WifiPassword", "hunter22")):
        ConfigurationKey.objects.create(charge_point=charge_point, key=key, value=value, read_at=now)
    body = client_of(owner).get(f"{url}configuration/").json()

    assert {row["key"]: row["value"] for row in body["results"]} == {
        "AuthorizationKey": None,
        "HeartbeatInterval": "300",
        "WifiPassword": None,
    }
