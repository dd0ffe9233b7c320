"""The console: forms, confirmations, history, and the same request to many."""

import json
import re
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from ocpp_core import catalogue, schema_forms, schemas
from ocpp_core.models import ConfigurationKey
from stations import command_batches, commands
from stations.models import ChargePoint, Command, CommandBatch
from tests import factories
from tests.ocpp_core.standard import MESSAGES
from tests.stations.acting import begin, go_online

SECRET = "0123456789abcdef"
ACTIONS = sorted(schemas.TO_CHARGER)


@pytest.fixture
def box(charge_point):
    return go_online(charge_point)


@pytest.fixture
def mine(client, owner):
    client.force_login(owner)
    return client


def ask_url(charge_point, action):
    return reverse("ocpp_core:ask", args=[charge_point.code, action])


def hidden(page):
    """What a confirmation page sends back by itself."""
    tags = re.findall(r"<input\b[^>]*type=\"hidden\"[^>]*>", page.content.decode())
    pairs = [(*re.findall(r'name="([^"]*)"', tag), *map(unescape, re.findall(r'value="([^"]*)"', tag))) for tag in tags]
    return {name: value for name, value in pairs if name in ("as", "json", "confirmation")}


def test_every_request_of_the_standard_is_offered_once():
    assert sorted(action for group in catalogue.GROUPS for action in group.actions) == ACTIONS


def test_every_member_has_a_name_in_plain_words():
    def names(rule):
        for member in (*rule.members, *([rule.item] if rule.item else [])):
            yield from [member.name] if member.name else []
            yield from names(member)

    assert {name for action in ACTIONS for name in names(schema_forms.rule_of(action))} == set(catalogue.LABELS)


@pytest.mark.parametrize("action", ACTIONS)
def test_the_form_sends_what_was_filled_in(mine, box, action):
    payload = MESSAGES[action].requests[-1]
    if action == "UnlockConnector":
        payload = {"connectorId": 1}

    said = schema_forms.write(action, payload, timezone.get_current_timezone())
    page = mine.post(ask_url(box, action), {"as": "form", "deed": "send", **said})
    if page.status_code == 200:
        assert b'name="confirmation"' in page.content
        page = mine.post(ask_url(box, action), {"deed": "confirm", **hidden(page)})

    command = Command.objects.get()
    assert page.headers["Location"] == reverse("ocpp_core:command", args=[box.code, command.pk])
    assert (command.action, command.payload, command.status) == (action, payload, "pending")
    assert command.asked_by == box.owner
    assert mine.get(page.headers["Location"]).status_code == 200


@pytest.mark.parametrize("action", ACTIONS)
def test_json_is_sent_as_it_was_written(mine, box, action):
    payload = MESSAGES[action].requests[0]

    page = mine.post(ask_url(box, action), {"as": "json", "deed": "send", "json": json.dumps(payload)})
    if page.status_code == 200:
        page = mine.post(ask_url(box, action), {"deed": "confirm", **hidden(page)})

    assert page.status_code == 302
    assert Command.objects.get().payload == payload


@pytest.mark.parametrize("action", ACTIONS)
def test_every_form_opens_empty_and_as_json(mine, box, action):
    page = mine.get(ask_url(box, action))
    assert not any(field.is_filled for field in page.context["draft"].fields)
    assert "://" not in "".join(re.findall(r'value="([^"]*)"', page.content.decode().partition("<main")[2]))
    assert mine.get(ask_url(box, action) + "?as=json").status_code == 200
    assert mine.post(ask_url(box, action), {"as": "form", "deed": "to_json"}).status_code == 200


def test_what_is_missing_is_said_at_its_field(mine, box):
    page = mine.post(
        ask_url(box, "ChangeAvailability"), {"as": "form", "deed": "send", "p.connectorId": "x", "p.type": ""}
    ).content.decode()

    assert not Command.objects.exists()
    assert "Napište celé číslo." in page or "Write a whole number." in page
    assert 'aria-invalid="true"' in page
    assert 'value="x"' in page


def test_what_json_lacks_is_said_with_its_place(mine, box):
    said = {"connectorId": 1, "csChargingProfiles": {"chargingProfileId": 1, "foo": 2}}

    page = mine.post(
        ask_url(box, "SetChargingProfile"), {"as": "json", "deed": "send", "json": json.dumps(said)}, HTTP_ACCEPT_LANGUAGE="en"
    )

    assert not Command.objects.exists()
    text = unescape(page.content.decode())
    assert "stackLevel" in text or "Rank among profiles" in text
    assert "foo" in text


def test_rows_are_added_without_losing_what_was_written(mine, box):
    said = {"as": "form", "deed": "row:p.key", "p.key.0": "HeartbeatInterval"}

    page = mine.post(ask_url(box, "GetConfiguration"), said).content.decode()

    assert 'value="HeartbeatInterval"' in page
    assert 'name="p.key.1"' in page
    assert not Command.objects.exists()


def test_the_two_ways_to_write_turn_into_each_other(mine, box):
    said = {"as": "form", "deed": "to_json", "p.connectorId": "1", "p.type": "Operative"}
    page = mine.post(ask_url(box, "ChangeAvailability"), said).content.decode()
    assert "&quot;Operative&quot;" in page

    said = {"as": "json", "deed": "to_form", "json": '{"connectorId": 2, "type": "Inoperative"}'}
    page = mine.post(ask_url(box, "ChangeAvailability"), said).content.decode()
    assert '<option value="Inoperative" selected>' in page

    said = {"as": "json", "deed": "to_form", "json": '{"key": []}'}
    page = mine.post(ask_url(box, "GetConfiguration"), said).content.decode()
    assert 'name="json"' in page
    assert not Command.objects.exists()


def test_fields_offer_what_the_charger_has(mine, box, driver):
    ConfigurationKey.objects.create(charge_point=box, key="HeartbeatInterval", value="300", is_readonly=True, read_at=box.created_at)
    ConfigurationKey.objects.create(charge_point=box, key="AuthorizationKey", value="***", read_at=box.created_at)
    card = factories.make_id_token(driver)
    started = begin(box, card.uid)

    keys = mine.get(ask_url(box, "ChangeConfiguration")).content.decode()
    stop = mine.get(ask_url(box, "RemoteStopTransaction")).content.decode()

    assert re.search(r'<option value="HeartbeatInterval">300 · ', keys)
    assert '<option value="1">' in mine.get(ask_url(box, "UnlockConnector")).content.decode()
    assert f'<option value="{started.transaction_id}">' in stop


@pytest.mark.parametrize(
    ("action", "payload", "is_dangerous"),
    [
        ("Reset", {"type": "Hard"}, True),
        ("Reset", {"type": "Soft"}, False),
        ("UpdateFirmware", {"location": "ftp://example.com/x", "retrieveDate": "2026-01-01T00:00:00Z"}, True),
        ("UnlockConnector", {"connectorId": 1}, False),
        ("ClearCache", {}, False),
        ("ClearChargingProfile", {}, True),
        ("ClearChargingProfile", {"id": 1}, False),
        ("ChangeConfiguration", {"key": "authorizationkey", "value": SECRET}, True),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}, False),
    ],
)
def test_what_is_dangerous_is_confirmed(mine, box, action, payload, is_dangerous):
    page = mine.post(ask_url(box, action), {"as": "json", "deed": "send", "json": json.dumps(payload)})

    assert page.status_code == (200 if is_dangerous else 302)
    assert Command.objects.exists() != is_dangerous


def test_unlocking_under_a_car_is_confirmed(mine, box, driver):
    begin(box, factories.make_id_token(driver).uid)

    page = mine.post(ask_url(box, "UnlockConnector"), {"as": "form", "deed": "send", "p.connectorId": "1"})

    assert page.status_code == 200
    assert not Command.objects.filter(action="UnlockConnector").exists()


def test_a_confirmation_is_good_for_its_payload_alone(mine, box):
    page = mine.post(ask_url(box, "ClearChargingProfile"), {"as": "json", "deed": "send", "json": "{}"})
    words = hidden(page)

    page = mine.post(ask_url(box, "Reset"), {"deed": "confirm", **words, "json": '{"type": "Hard"}'})

    assert page.status_code == 200
    assert not Command.objects.exists()


def test_a_password_is_written_twice_and_shown_never(mine, box):
    url = ask_url(box, "ChangeConfiguration")
    said = {"as": "form", "deed": "send", "p.key": "AuthorizationKey", "p.value": SECRET}
    page = mine.post(url, said)
    assert SECRET not in page.content.decode()
    words = hidden(page)

    wrong = mine.post(url, {"deed": "confirm", **words, "secret": SECRET + "x"})
    assert wrong.status_code == 200
    assert not Command.objects.exists()
    assert SECRET not in wrong.content.decode()

    right = mine.post(url, {"deed": "confirm", **words, "secret": SECRET})
    assert right.status_code == 302
    command = Command.objects.get()
    claimed = commands.claim(command.pk)
    assert claimed is not None
    assert claimed.payload == {"key": "AuthorizationKey", "value": SECRET}
    assert SECRET not in mine.get(right.headers["Location"]).content.decode()

    repeat = mine.get(f"{url}?repeat={command.pk}").content.decode()
    assert "AuthorizationKey" in repeat
    assert "***" not in repeat
    assert SECRET not in repeat
    again = mine.post(reverse("ocpp_core:command_again", args=[box.code, command.pk]))
    assert again.headers["Location"] == f"{url}?repeat={command.pk}"
    assert Command.objects.count() == 1


@pytest.mark.parametrize("key", ["AuthorizationKey", "WifiPassword"])
def test_stars_are_no_password(mine, box, key):
    said = {"as": "json", "deed": "send", "json": json.dumps({"key": key, "value": "***"})}

    assert mine.post(ask_url(box, "ChangeConfiguration"), said).status_code == 200
    assert not Command.objects.exists()


def test_a_password_no_charger_can_hold_is_refused_in_a_sentence(mine, box):
    url = ask_url(box, "ChangeConfiguration")
    page = mine.post(url, {"as": "form", "deed": "send", "p.key": "AuthorizationKey", "p.value": "short"})

    page = mine.post(url, {"deed": "confirm", **hidden(page), "secret": "short"}, HTTP_REFERER="http://testserver" + url)

    assert page.status_code == 302
    assert page.headers["Location"] == url
    assert not Command.objects.exists()


def test_what_was_asked_is_repeated_and_sent_again(mine, box):
    first = commands.ask(box, "ChangeAvailability", {"connectorId": 1, "type": "Operative"}, asked_by=box.owner)

    form = mine.get(f"{ask_url(box, 'ChangeAvailability')}?repeat={first.pk}").content.decode()
    assert '<option value="Operative" selected>' in form
    page = mine.post(reverse("ocpp_core:command_again", args=[box.code, first.pk]))

    second = Command.objects.exclude(pk=first.pk).get()
    assert page.headers["Location"] == reverse("ocpp_core:command", args=[box.code, second.pk])
    assert second.payload == first.payload


def test_a_long_list_is_repeated_as_json(mine, box):
    cards = [{"idTag": f"CARD{number}", "idTagInfo": {"status": "Accepted"}} for number in range(700)]
    payload = {"listVersion": 2, "updateType": "Full", "localAuthorizationList": cards}
    first = commands.ask(box, "SendLocalList", payload, asked_by=box.owner)

    page = mine.get(f"{ask_url(box, 'SendLocalList')}?repeat={first.pk}")
    mine.post(ask_url(box, "SendLocalList"), {"as": "json", "deed": "send", "json": page.context["draft"].text})

    assert Command.objects.exclude(pk=first.pk).get().payload == payload


def test_cards_of_guests_are_not_repeated(mine, box):
    first = commands.ask(
        box, "ReserveNow", {**MESSAGES["ReserveNow"].requests[0], "idTag": "04A2B3C4D5E680"}, source=Command.Source.BOOKING
    )

    assert "04A2B3C4D5E680" not in mine.get(reverse("ocpp_core:command", args=[box.code, first.pk])).content.decode()
    assert mine.get(f"{ask_url(box, 'ReserveNow')}?repeat={first.pk}").status_code == 404
    assert mine.post(reverse("ocpp_core:command_again", args=[box.code, first.pk])).status_code == 404


def test_what_is_dangerous_is_confirmed_again(mine, box):
    first = commands.ask(box, "Reset", {"type": "Hard"}, asked_by=box.owner)

    page = mine.post(reverse("ocpp_core:command_again", args=[box.code, first.pk]))
    assert page.status_code == 200
    assert Command.objects.count() == 1
    mine.post(ask_url(box, "Reset"), {"deed": "confirm", **hidden(page)})
    assert Command.objects.count() == 2


def test_the_history_is_filtered_and_says_who_asked(mine, box, staff):
    commands.ask(box, "Reset", {"type": "Soft"}, asked_by=box.owner)
    commands.ask(box, "ClearCache", {}, asked_by=staff)
    commands.ask(box, "GetConfiguration", {}, source=Command.Source.SETUP)
    url = reverse("ocpp_core:console", args=[box.code])

    def lines(**words):
        return [(line.command.action, str(line.who)) for line in mine.get(url, words).context["lines"]]

    assert [action for action, _who in lines()] == ["GetConfiguration", "ClearCache", "Reset"]
    assert dict(lines())["Reset"] == box.owner.short_name
    assert dict(lines())["ClearCache"] != staff.short_name
    assert [action for action, _who in lines(action="Reset")] == ["Reset"]
    assert [action for action, _who in lines(source="setup")] == ["GetConfiguration"]
    assert lines(status="accepted") == []
    assert lines(status="nonsense", page="x") == []


@pytest.mark.parametrize("name", ["console", "ask", "command", "command_again"])
def test_to_others_the_console_does_not_exist(client, stranger, box, name):
    command = commands.ask(box, "ClearCache", {}, asked_by=box.owner)
    pages: dict[str, list[object]] = {"ask": ["Reset"], "command": [command.pk], "command_again": [command.pk]}
    arguments = pages.get(name, [])
    url = reverse(f"ocpp_core:{name}", args=[box.code, *arguments])
    assert client.get(url).status_code == 302
    client.force_login(stranger)

    assert client.get(url).status_code in (404, 405)
    assert client.post(url).status_code in (404, 405)
    assert Command.objects.count() == 1


@pytest.mark.parametrize(
    "path", ["Authorize/", "Nonsense/", "999999999/", "99999999999999999999999999/", "Reset/?repeat=99", "Reset/?repeat=x1"]
)
def test_what_is_not_there_is_not_found(mine, box, path):
    status = mine.get(reverse("ocpp_core:console", args=[box.code]) + path).status_code

    assert status == (200 if path.endswith("x1") else 404)


GARBAGE = [
    "",
    "\0",
    "\ud800",
    "null",
    "[]",
    "{",
    "9" * 5000,
    '{"a":' * 2000,
    '{"connectorId": 1e999}',
    '{"type": {"type": "Hard"}}',
    "row:",
    "row:p.key",
]


@pytest.mark.parametrize("action", ["Reset", "SetChargingProfile", "GetConfiguration", "ChangeConfiguration", "DataTransfer"])
@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda text: repr(text[:12]))
def test_garbage_is_answered_with_a_page(mine, box, action, garbage):
    text = garbage.encode("utf-8", "replace").decode()
    for said in (
        {"as": "json", "deed": "send", "json": text},
        {"as": "json", "deed": "confirm", "json": text, "confirmation": text, "secret": text},
        {"as": "json", "deed": "to_form", "json": text},
        {"as": text, "deed": text},
        {"as": "form", "deed": "send", "p": text, "p.type": text, "p.key": text, "p.key.0": text, "p.key.99999999999": text},
        {"as": "form", "deed": "row:" + text, "p.connectorId": text},
    ):
        assert mine.post(ask_url(box, action), said).status_code in (200, 302)
    assert all(schemas.is_valid(command.action, command.payload) for command in Command.objects.all())


# ── Many chargers ──


@pytest.fixture
def three(owner):
    made = [factories.make_charge_point(owner) for _number in range(3)]
    for one in made[:2]:
        go_online(one)
    return made


def many_url(action, *chosen, **more):
    query = "&".join([f"action={action}", *(f"charger={one.code}" for one in chosen), *(f"{name}={value}" for name, value in more.items())])
    return f"{reverse('ocpp_core:batch_ask')}?{query}"


def test_many_are_chosen_asked_confirmed_and_watched(mine, three):
    page = mine.get(reverse("ocpp_core:batch_new"))
    assert all(one.code in page.content.decode() for one in three)
    url = many_url("Reset", *three)
    assert mine.get(url).status_code == 200
    page = mine.post(url, {"as": "form", "deed": "send", "p.type": "Soft"})
    assert page.status_code == 200
    assert not CommandBatch.objects.exists()
    assert three[2].name in page.content.decode()

    page = mine.post(url, {"deed": "confirm", **hidden(page), "per_minute": "600"})

    batch = CommandBatch.objects.get()
    assert page.headers["Location"] == reverse("ocpp_core:batch", args=[batch.code])
    assert (batch.total, batch.per_minute, batch.payload) == (3, 600, {"type": "Soft"})
    assert mine.get(page.headers["Location"]).context["progress"].by_status == {"pending": 2, "offline": 1}
    assert mine.get(page.headers["Location"] + "?status=offline").context["page"].paginator.count == 1
    assert mine.get(reverse("ocpp_core:batches")).status_code == 200
    mine.post(reverse("ocpp_core:batch_interrupt", args=[batch.code]))
    assert command_batches.progress(batch).by_status == {"cancelled": 2, "offline": 1}


def test_everything_that_fits_is_asked(mine, three, owner):
    ChargePoint.objects.filter(pk=three[0].pk).update(vendor="ACME", firmware="1.0")
    url = many_url("ClearCache", everything="yes", make="ACME")

    page = mine.post(url, {"as": "form", "deed": "send"})
    mine.post(url, {"deed": "confirm", **hidden(page), "per_minute": "60"})

    assert [command.charge_point for command in Command.objects.all()] == [three[0]]


@pytest.mark.parametrize("per_minute", ["0", "-1", "x", "", "99999999999"])
def test_a_pace_that_is_none_is_said(mine, three, per_minute):
    url = many_url("ClearCache", *three)
    page = mine.post(url, {"as": "form", "deed": "send"})

    page = mine.post(url, {"deed": "confirm", **hidden(page), "per_minute": per_minute})

    assert page.status_code == 200
    assert b'role="alert"' in page.content
    assert not CommandBatch.objects.exists()


def test_nobody_asks_the_chargers_of_others(client, stranger, three, staff, owner):
    client.force_login(stranger)
    assert three[0].code not in client.get(reverse("ocpp_core:batch_new")).content.decode()
    assert client.get(many_url("ClearCache", three[0])).status_code == 400
    assert client.get(many_url("ClearCache", everything="yes")).status_code == 409
    batch = command_batches.begin(three, "ClearCache", {}, asked_by=owner)
    assert client.get(reverse("ocpp_core:batch", args=[batch.code])).status_code == 404
    assert client.post(reverse("ocpp_core:batch_interrupt", args=[batch.code])).status_code == 404
    assert client.get(reverse("ocpp_core:batch", args=["č"])).status_code == 404
    client.force_login(staff)
    assert client.get(many_url("ClearCache", three[0])).status_code == 200
    assert client.get(reverse("ocpp_core:batch", args=[batch.code])).status_code == 200


def test_programs_ask_many(client, owner, three):
    client.force_login(owner)
    body = {"charge_points": [one.code for one in three], "action": "Reset", "payload": {"type": "Soft"}, "per_minute": 120}
    send = {"content_type": "application/json", "HTTP_IDEMPOTENCY_KEY": "once"}

    made = client.post("/api/v1/command-batches/", body, **send)
    again = client.post("/api/v1/command-batches/", body, **send)

    assert made.status_code == again.status_code == 201
    assert made.json() == again.json()
    said = made.json()
    assert (said["total"], said["waiting"], said["done"], said["by_status"]) == (3, 2, 1, {"pending": 2, "offline": 1})
    url = f"/api/v1/command-batches/{said['code']}/"
    listed = client.get(f"{url}commands/").json()["results"]
    assert [(one["charge_point"], one["status"]) for one in listed] == [
        (one.code, "offline" if one == three[2] else "pending") for one in three
    ]
    assert client.delete(url).status_code == 204
    assert client.get(url).json()["by_status"] == {"cancelled": 2, "offline": 1}
    assert client.get("/api/v1/command-batches/").json()["count"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"charge_points": [], "action": "Reset", "payload": {"type": "Soft"}},
        {"charge_points": ["nobody"], "action": "Reset", "payload": {"type": "Soft"}},
        {"filter": {}, "charge_points": ["x"], "action": "Reset", "payload": {"type": "Soft"}},
        {"filter": {}, "action": "Reset", "payload": {"type": "Warm"}},
        {"filter": {}, "action": "Authorize", "payload": {"idTag": "x"}},
        {"filter": {}, "action": "Reset", "payload": {"type": "Soft"}, "per_minute": 0},
        {"filter": "all", "action": "Reset", "payload": {"type": "Soft"}},
        {"filter": {}, "action": "ChangeConfiguration", "payload": {"key": "AuthorizationKey", "value": SECRET}},
        [],
    ],
)
def test_programs_are_told_what_is_wrong(client, owner, three, body):
    client.force_login(owner)

    answer = client.post("/api/v1/command-batches/", body, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert not CommandBatch.objects.exists()


def test_programs_filter(client, owner, three, stranger):
    client.force_login(owner)
    body = {"filter": {"is_online": True}, "action": "ClearCache"}
    assert client.post("/api/v1/command-batches/", body, content_type="application/json").json()["total"] == 2
    client.force_login(stranger)
    assert client.post("/api/v1/command-batches/", body, content_type="application/json").status_code == 409
    assert client.get("/api/v1/command-batches/").json()["count"] == 0
