"""The log of frames as people read it and carry it home."""

import json
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ocpp_core import exchanges
from ocpp_core.exchanges import Wanted
from ocpp_core.models import OcppFrame
from stations import commands
from tests.stations.acting import go_online

MINUTE = timedelta(minutes=1)


@pytest.fixture
def log(charge_point):
    """Writes frames a second apart, the last a few minutes ago."""
    start = timezone.now() - timedelta(hours=1)
    written: list[OcppFrame] = []

    def write(direction, kind, raw, *, action="", message_id="", took=None, at=None):
        frame = OcppFrame.objects.create(
            charge_point=charge_point,
            at=at or start + timedelta(seconds=len(written)),
            direction=direction,
            type=kind,
            raw=raw if isinstance(raw, str) else json.dumps(raw),
            action=action,
            message_id=message_id,
            answered_in_ms=took,
        )
        written.append(frame)
        return frame

    return write


@pytest.fixture
def day(log):
    """A heartbeat answered, a request of ours refused, one answered with an error, one not at all, one that strays."""
    log("from_charger", "call", [2, "1", "Heartbeat", {}], action="Heartbeat", message_id="1")
    log("to_charger", "result", [3, "1", {"currentTime": "2026-01-01T00:00:00Z"}], action="Heartbeat", message_id="1", took=3)
    log("to_charger", "call", [2, "a", "Reset", {"type": "Soft"}], action="Reset", message_id="a")
    log("from_charger", "result", [3, "a", {"status": "Rejected"}], action="Reset", message_id="a", took=5)
    log("to_charger", "call", [2, "b", "UnlockConnector", {"connectorId": 1}], action="UnlockConnector", message_id="b")
    log("from_charger", "error", [4, "b", "NotSupported", "no", {}], action="UnlockConnector", message_id="b", took=7)
    log("to_charger", "call", [2, "c", "ClearCache", {}], action="ClearCache", message_id="c")
    status = {"connectorId": 2, "errorCode": "NoError", "status": "AVAILABLE!"}
    log("from_charger", "call", [2, "2", "StatusNotification", status], action="StatusNotification", message_id="2")
    log("to_charger", "result", [3, "2", {}], action="StatusNotification", message_id="2", took=1)
    stop = {"transactionId": 77, "meterStop": 5, "timestamp": "2026-01-01T00:00:00Z", "idTag": "04A2B3C4D5E680"}
    log("from_charger", "call", [2, "3", "StopTransaction", stop], action="StopTransaction", message_id="3")


def actions(charge_point, wanted, **limits):
    page, older = exchanges.read(charge_point, wanted, **{"most": 40, "scanned": 5000, **limits})
    return [exchange.frame.action for exchange in page], older


ALL = ["StopTransaction", "StatusNotification", "ClearCache", "UnlockConnector", "Reset", "Heartbeat"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), ALL),
        (Wanted(direction="to_charger"), ["ClearCache", "UnlockConnector", "Reset"]),
        (Wanted(action="Reset"), ["Reset"]),
        (Wanted(text="soft"), ["Reset"]),
        (Wanted(connector=1), ["UnlockConnector"]),
        (Wanted(connector=2), ["StatusNotification"]),
        (Wanted(transaction=77), ["StopTransaction"]),
        (Wanted(transaction=7), []),
        (Wanted(only="errors"), ["UnlockConnector", "Reset"]),
        (Wanted(only="unanswered"), ["StopTransaction", "ClearCache"]),
    ],
    ids=str,
)
def test_what_is_looked_for_is_found(charge_point, day, wanted, found):
    assert actions(charge_point, wanted) == (found, None)


def test_what_strays_is_found_and_explained(charge_point, day):
    page, _older = exchanges.read(charge_point, Wanted(only="deviations"), most=40, scanned=5000)

    assert "StatusNotification" in [exchange.frame.action for exchange in page]
    assert all(str(meaning.text) for exchange in page for meaning in exchange.deviations)
    assert "Heartbeat" not in [exchange.frame.action for exchange in page]


def test_times_narrow_it(charge_point, day):
    frames = list(OcppFrame.objects.order_by("id"))

    assert actions(charge_point, Wanted(since=frames[6].at)) == (ALL[:3], None)
    assert actions(charge_point, Wanted(until=frames[4].at)) == (ALL[3:], None)
    assert actions(charge_point, Wanted(since=timezone.now())) == ([], None)
    assert actions(charge_point, Wanted(until=frames[0].at - MINUTE)) == ([], None)


def test_pages_follow_each_other_without_gap(charge_point, day, monkeypatch):
    monkeypatch.setattr(exchanges, "CHUNK", 2)
    for wanted in (Wanted(), Wanted(only="unanswered"), Wanted(only="errors")):
        whole, _none = actions(charge_point, wanted)
        read, before = [], None
        for _page in range(20):
            some, before = actions(charge_point, wanted, before=before, most=1, scanned=3)
            read += some
            if before is None:
                break
        assert read == whole


def test_a_frame_knows_its_command_and_the_command_its_frames(client, owner, charge_point, log):
    client.force_login(owner)
    go_online(charge_point)
    command = commands.claim(commands.ask(charge_point, "Reset", {"type": "Soft"}, asked_by=owner).pk)
    assert command is not None
    now = timezone.now()
    log("to_charger", "call", [2, "a", "Reset", {"type": "Soft"}], action="Reset", message_id="a", at=now)
    log("from_charger", "result", [3, "a", {"status": "Accepted"}], action="Reset", message_id="a", at=now)
    commands.record_result(command, status="accepted", response={"status": "Accepted"})

    page = client.get(reverse("ocpp_core:messages", args=[charge_point.code]))
    assert page.context["exchanges"][0].command == command
    url = reverse("ocpp_core:command", args=[charge_point.code, command.pk])
    assert url in page.content.decode()
    line = client.get(url).context["line"]
    assert [exchange.command for exchange in client.get(line.frames_url).context["exchanges"]] == [command]


@pytest.mark.parametrize(
    "query", ["since=x&until=y", "since=0001-01-01T00:00&until=9999-12-31T23:59", "connector=-1&transaction=" + "9" * 40]
)
@pytest.mark.parametrize("name", ["messages", "messages_export"])
def test_nonsense_filters_nothing(client, owner, charge_point, day, name, query):
    client.force_login(owner)

    page = client.get(reverse(f"ocpp_core:{name}", args=[charge_point.code]) + "?" + query + "&only=x&direction=y")

    assert page.status_code == 200
    if name == "messages":
        assert len(page.context["exchanges"]) == len(ALL)


def lines(response):
    return [json.loads(line) for line in response.getvalue().splitlines()]


def test_the_file_holds_what_the_page_shows(client, owner, charge_point, day):
    client.force_login(owner)
    url = reverse("ocpp_core:messages_export", args=[charge_point.code])

    whole = client.get(url)
    said = lines(whole)

    assert whole.headers["Content-Type"] == "application/x-ndjson"
    assert charge_point.code in whole.headers["Content-Disposition"]
    assert whole.headers["Content-Disposition"].endswith('.jsonl"')
    assert [one["action"] for one in said if one["type"] == "call"] == ALL
    assert len(said) == 10
    assert said[0]["payload"]["idTag"] == "…E680"
    assert said[0]["at"].endswith("Z")
    unlock = [one for one in said if one["action"] == "UnlockConnector"]
    assert [one["error_code"] for one in unlock] == [None, "NotSupported"]
    assert [one["action"] for one in lines(client.get(url, {"only": "errors"}))] == ["UnlockConnector"] * 2 + ["Reset"] * 2


def test_programs_get_every_frame(client, owner, charge_point, day, log):
    log("from_charger", "error", "no frame at all \\ud800", message_id="x")
    client.force_login(owner)
    url = f"/api/v1/charge-points/{charge_point.code}/messages/export/"

    said = lines(client.get(url, headers={"accept": "application/x-ndjson"}))

    assert [one["id"] for one in said] == list(OcppFrame.objects.order_by("-id").values_list("pk", flat=True))
    assert [one["action"] for one in lines(client.get(url, {"action": "Reset", "type": "call"}))] == ["Reset"]
    assert client.get(url, {"since": "nonsense"}).status_code == 400


@pytest.mark.parametrize("path", ["/owner/%s/messages/export/", "/api/v1/charge-points/%s/messages/export/"])
def test_the_file_is_nobody_elses(client, stranger, charge_point, day, path):
    client.force_login(stranger)

    assert client.get(path % charge_point.code).status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/owner/%s/messages/export/", "/api/v1/charge-points/%s/messages/export/"])
def test_the_file_is_streamed_in_the_event_loop_too(owner, charge_point, day, path):
    async def story():
        client = AsyncClient()
        await client.aforce_login(owner)
        response: HttpResponseBase = await client.get(path % charge_point.code)
        assert isinstance(response, StreamingHttpResponse)
        return b"".join([chunk async for chunk in response])

    assert len(async_to_sync(story)().splitlines()) == 10


def test_many_frames_are_taken_a_few_at_a_time(charge_point):
    now = timezone.now()
    frames = [
        OcppFrame(
            charge_point=charge_point, at=now, direction="from_charger", type="call", message_id=str(number), action="Heartbeat", raw="[]"
        )
        for number in range(2500)
    ]
    OcppFrame.objects.bulk_create(frames)

    with CaptureQueriesContext(
        connection,
    ) as asked:
        chunks = [len(chunk.splitlines()) for chunk in exchanges.export(charge_point, Wanted())]

    assert sum(chunks) == 2500
    assert max(chunks) <= 2 * exchanges.CHUNK
    assert all("LIMIT" in query["sql"] or "message_id" in query["sql"] for query in asked)


@pytest.mark.parametrize(
    "raw", ['[2,"1","X",' + "[" * 900 + "]" * 900 + "]", "[" * 5000, "\\", "[2]", "null", '[2,"1","Reset",{"a":"\\ud800"}]']
)
def test_any_frame_is_shown_and_written(client, owner, charge_point, log, raw):
    log("from_charger", "call", raw, action="X", message_id="1")
    client.force_login(owner)

    for only in ("", "errors", "deviations"):
        assert client.get(reverse("ocpp_core:messages", args=[charge_point.code]), {"only": only}).status_code == 200
    assert len(lines(client.get(reverse("ocpp_core:messages_export", args=[charge_point.code])))) == 1
