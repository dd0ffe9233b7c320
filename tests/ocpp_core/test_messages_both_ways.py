"""All 39 messages, allowed and spoilt, both ways, judged by the official schemas: what we send, and what we answer."""

import ast
import asyncio
import itertools
from pathlib import Path

import pytest
from django.conf import settings

from ocpp_core import schemas
from ocpp_core.calls import Calls
from stations.models import Command
from tests import factories
from tests.chargers import raw_charger_for
from tests.flows.doors import Api
from tests.ocpp_core.conftest import run
from tests.ocpp_core.standard import MESSAGES, Payload, faults

SERVER = {"OCPP_CALL_TIMEOUT_S": "10"}
ACTIONS = sorted(schemas.ACTIONS)
FROM_CHARGER = sorted(schemas.FROM_CHARGER)
TO_CHARGER = sorted(schemas.TO_CHARGER)

# Without the one thing they are about these say nothing; whatever else is missing or wrong in them is overlooked.
SAYS_NOTHING_WITHOUT = {
    "Authorize": {"idTag"},
    "DataTransfer": {"vendorId"},
    "DiagnosticsStatusNotification": {"status"},
    "FirmwareStatusNotification": {"status"},
    "LogStatusNotification": {"status"},
    "SecurityEventNotification": {"type"},
    "SignCertificate": {"csr"},
    "SignedFirmwareStatusNotification": {"status"},
    "StatusNotification": {"connectorId", "status"},
}


@pytest.fixture
def charge_point(owner, tariff):
    return factories.make_charge_point(owner, tariff=tariff, connectors=2, auto_configure=False)


async def answer_to(box, frame):
    """The answer to a frame, while what is asked of the box meanwhile (to end what an unknown card began) is answered as well."""
    await box.send(frame)
    while True:
        kind, message_id, *said = await box.receive()
        if kind != 2:
            return kind, message_id, *said
        assert schemas.problems(*said) is None
        await box.send([3, message_id, {"status": "Accepted"}])


def test_the_table_is_whole():
    assert set(MESSAGES) == schemas.ACTIONS
    assert len(MESSAGES) == 28 + 11


@pytest.mark.parametrize("action", ACTIONS)
def test_what_the_standard_allows_passes_and_every_fault_has_its_code(action):
    kinds: dict[schemas.Kind, tuple[Payload, ...]] = {"request": MESSAGES[action].requests, "response": MESSAGES[action].answers}
    for kind, payloads in kinds.items():
        assert [schemas.problems(action, payload, kind=kind) for payload in payloads] == [None] * len(payloads)
        for fault in faults(action, kind):
            assert schemas.problems(action, fault.payload, kind=kind), fault.name
            if kind == "response" or action in schemas.FROM_CHARGER:
                assert schemas.error_code_for(action, fault.payload, kind=kind) == fault.code, fault.name


@pytest.mark.parametrize("action", TO_CHARGER)
def test_nothing_that_breaks_the_schema_leaves_the_house(action):
    async def story():
        sent: list[str] = []
        calls = Calls(asyncio.get_running_loop(), sent.append, lambda *_row: None)
        for fault in faults(action):
            with pytest.raises(ValueError, match=action):
                await calls.call(action, fault.payload)
        assert sent == []

    asyncio.run(story())


def test_what_a_charger_may_say_is_answered_as_the_standard_has_it(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            for action in FROM_CHARGER:
                for number, payload in enumerate(MESSAGES[action].requests):
                    kind, message_id, answer, *_rest = await answer_to(box, [2, f"{action}-{number}", action, payload])
                    assert (kind, message_id) == (3, f"{action}-{number}")
                    assert schemas.problems(action, answer, kind="response") is None, (action, payload, answer)
                    if action == "SignCertificate":
                        assert answer == {"status": "Rejected"}

    run(story)
    assert "Traceback" not in served.said()


def test_what_a_charger_says_wrongly_is_read_or_gets_the_code_of_its_fault(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            for action in FROM_CHARGER:
                for fault in faults(action):
                    asked_id = f"{action} {fault.name}"[:64]
                    kind, message_id, *said = await answer_to(box, [2, asked_id, action, fault.payload])
                    assert message_id == asked_id
                    place, _, what = fault.name.partition(" ")
                    is_needed = place in SAYS_NOTHING_WITHOUT.get(action, ())
                    if is_needed and what in ("missing", "null", "an object"):
                        assert kind == 4, asked_id
                    if kind == 4:
                        assert is_needed, (asked_id, said)
                        assert said[0] == fault.code, asked_id
                    else:
                        assert schemas.problems(action, said[0], kind="response") is None, (asked_id, said)

    run(story)
    assert "Traceback" not in served.said()


def test_every_way_to_break_a_text_has_its_answer(served, charge_point):
    """In whole frames, and in fragments with control frames in between; what is no UTF-8 ends its own socket alone."""
    texts = {
        '[2,"deep","Heartbeat",{"a":' + "[" * 20_000 + "]" * 20_000 + "}]": False,
        '[2,"open","Heartbeat",{"a":' + '{"a":' * 10_000: False,
        '[2,"huge","Heartbeat",{"a":' + "9" * 5000 + "}]": True,
        '[2,"float","Heartbeat",{"a":1e9999}]': True,
        '[2,"nan","Heartbeat",{"a":NaN}]': False,
        '[2,"infinite","Heartbeat",{"a":-Infinity}]': False,
        '[2,"twice","Heartbeat",{"a":1,"a":1}]': False,
        '[2,"nul","DataTransfer",{"vendorId":"a\\u0000b"}]': True,
        '[2,"raw nul","DataTransfer",{"vendorId":"a\0b"}]': False,
        '[2,"half","DataTransfer",{"vendorId":"\\ud800"}]': True,
        '[2,"bom","DataTransfer",{"vendorId":"\ufeff"}]': True,
    }

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            socket = box.link._connection

            async def pieces(text):
                for begin in range(0, len(text), max(1, len(text) // 5)):
                    yield text[begin : begin + max(1, len(text) // 5)]
                    await socket.ping()

            for text, is_read in texts.items():
                for send in (socket.send(text), socket.send(pieces(" " + text))):
                    await send
                    kind, message_id, *said = await box.receive()
                    assert (kind, message_id) == (3 if is_read else 4, text.split('"')[1])
                    assert is_read or said[0] == "FormationViolation"
            await socket.send(b'[2,"1","DataTransfer",{"vendorId":"\xff"}]', text=True)
            assert await box.closed() == 1007
        async with raw_charger_for(charge_point, served) as box:
            assert "currentTime" in await box.call("Heartbeat", {})

    run(story)
    assert "Traceback" not in served.said()


def test_what_only_we_may_ask_is_not_supported_the_other_way(served, charge_point):
    async def story():
        async with raw_charger_for(charge_point, served) as box:
            for action in sorted(schemas.TO_CHARGER - schemas.FROM_CHARGER):
                for payload in (MESSAGES[action].requests[-1], {"brandNew": 1}):
                    kind, _id, code, *_rest = await box.ask([2, f"{action}{len(payload)}", action, payload])
                    assert (kind, code) == (4, "NotSupported"), action

    run(story)


def test_what_the_command_door_sends_is_what_was_asked_and_passes_the_schema(served, owner, charge_point):
    """Each action, with the least and the most it may say; the answers are kept as they came, those that break their schema too."""
    api = Api(served, owner)

    async def ask(box, action, payload, answer):
        path = f"charge-points/{charge_point.code}/commands/?wait=10"
        asked = asyncio.create_task(api.post(path, {"action": action, "payload": payload}))
        kind, message_id, *said = await box.receive()
        assert (kind, said) == (2, [action, payload])
        assert schemas.problems(action, said[1]) is None
        await box.send([3, message_id, answer])
        status, body = await asked
        assert (status, body["status"], body["response"]) == (201, "accepted", answer)

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", MESSAGES["BootNotification"].requests[0])
            for action in TO_CHARGER:
                answers = itertools.cycle(MESSAGES[action].answers)
                for payload in MESSAGES[action].requests:
                    await ask(box, action, payload, next(answers))
            for action in TO_CHARGER:
                spoilt = next((fault.payload for fault in faults(action, "response")), {"brandNew": 1})
                payload = dict(MESSAGES[action].requests[0])
                if action in ("RemoteStartTransaction", "UnlockConnector"):
                    payload["connectorId"] = 99  # the charger's to judge; those asked above rest for a while
                await ask(box, action, payload, spoilt)

    run(story)
    assert set(Command.objects.values_list("status", flat=True)) == {Command.Status.ACCEPTED}
    assert "Traceback" not in served.said()


@pytest.mark.parametrize("action", TO_CHARGER)
def test_the_command_door_takes_no_payload_the_schema_refuses(client, owner, charge_point, action):
    client.force_login(owner)
    for fault in faults(action):
        body = {"action": action, "payload": fault.payload}
        answer = client.post(f"/api/v1/charge-points/{charge_point.code}/commands/", body, content_type="application/json")
        assert (answer.status_code, list(answer.json().get("fields", ()))) == (400, ["payload"]), fault.name
    assert not Command.objects.exists()


def asked_for():
    """Every action that our own code names when it asks a charger for something."""
    found: dict[str, Path] = {}
    for package in ("stations", "ocpp_core"):
        for module in sorted((settings.BASE_DIR / package).rglob("*.py")):
            if {"migrations", "simulator"} & set(module.parts):
                continue
            for call in [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]:
                name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
                words = [word.value for word in call.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
                if name in ("ask", "call", "_ask", "_call"):
                    found |= {word: module for word in words if word[:1].isupper()}
    return found


def test_our_own_code_asks_only_for_what_we_may_ask():
    """That each of these payloads passes its schema is looked at whenever a test has one made: see the fixture of that name."""
    found = asked_for()
    assert len(found) > 10
    assert {action: str(module) for action, module in found.items() if action not in schemas.TO_CHARGER} == {}


@pytest.mark.parametrize("source", [source for source in Command.Source if source != Command.Source.PERSON])
def test_what_our_own_code_makes_wrongly_fails_the_test_that_made_it(charge_point, source):
    with pytest.raises(AssertionError, match="Reset"):
        Command.objects.create(charge_point=charge_point, action="Reset", payload={"type": "Gentle"}, source=source)
