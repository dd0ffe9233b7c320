"""The version of OCPP is a property of the connection: what it hears, says and checks comes from its row of the table."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ocpp_core import door, versions
from ocpp_core.calls import Calls
from ocpp_core.connection import Connection
from ocpp_core.door import tell_again
from ocpp_core.handlers.requests import Request
from ocpp_core.handshake import Outcome, Verdict
from ocpp_core.spool import Entry
from ocpp_core.versions import V16
from tests import factories
from tests.ocpp_core.conftest import run, until


@pytest.mark.parametrize(
    ("offered", "word"),
    [
        (["ocpp1.6"], "ocpp1.6"),
        (["ocpp2.0.1", "OCPP1.6"], "OCPP1.6"),
        (["ocpp9.9", "ocpp1.6"], "ocpp9.9"),
        (["ocpp1.6", "ocpp9.9"], "ocpp9.9"),
    ],
)
def test_our_order_decides_among_what_is_offered(monkeypatch, offered, word):
    monkeypatch.setattr(versions, "SPOKEN", (replace(V16, subprotocol="ocpp9.9"), V16))
    chosen = versions.chosen(offered)
    assert chosen is not None
    version, spelt = chosen
    assert (version.subprotocol, spelt) == (word.casefold(), word)


def test_what_we_do_not_speak_is_not_chosen():
    assert versions.chosen(["ocpp2.0.1", "ocpp1.5", "ocpp2.1"]) is None
    assert versions.chosen([]) is None


def writing_to(heard: list[Any]) -> Callable[[str], None]:
    """Where a connection sends what the test reads."""
    return lambda text: heard.append(json.loads(text))


def test_two_versions_side_by_side(transactional_db, owner):
    """One socket speaks what the other does not know."""
    other = replace(
        V16,
        subprotocol="ocpp9.9",
        at_once={"Hello": lambda request: {"heard": request.payload["word"]}},
        in_a_thread={},
        readings={},
        problems=lambda action, _payload: None if action == "Dance" else "unknown",
        error_code_for=lambda _action, _payload: "NotSupported",
    )
    charge_points = [factories.make_charge_point(owner, auto_configure=False) for _each in range(2)]
    said: dict[str, list[Any]] = {}

    async def story():
        this_door = door.current()
        connections = []
        for charge_point, version in zip(charge_points, (V16, other), strict=True):
            heard = said[version.subprotocol] = []
            verdict = Verdict(Outcome.ACCEPTED, charge_point.identity, charge_point=charge_point, version=version)
            connections.append(Connection(verdict, this_door.backstage, send=writing_to(heard), close=heard.append))
        for connection in connections:
            connection.feed('[2,"1","Hello",{"word":"x"}]')
            connection.feed('[2,"2","MeterValues",{"connectorId":1,"meterValue":[]}]')
        await asyncio.to_thread(until, lambda: min(map(len, said.values())) == 2, 30)
        for connection in connections:
            connection.ended()
        calls = Calls(this_door.backstage.loop, lambda _text: None, lambda *_row: None, other.problems)
        with pytest.raises(ValueError, match="unknown"):
            await calls.call("Reset", {"type": "Soft"})
        await door.close()

    run(story)
    assert [answer[:3] for answer in said["ocpp9.9"]] == [[3, "1", {"heard": "x"}], [4, "2", "NotSupported"]]
    assert [answer[:3] for answer in said["ocpp1.6"]] == [[4, "1", "NotImplemented"], [3, "2", {}]]


@pytest.mark.parametrize(("subprotocol", "heard_by"), [("ocpp9.9", "new"), ("ocpp1.6", "old"), ("", "old"), ("ocpp0.1", "old")])
def test_what_the_spool_kept_is_told_in_the_version_it_came_in(monkeypatch, subprotocol, heard_by):
    told: list[tuple[str, Any]] = []

    def telling(name):
        def tell(request: Request) -> dict[str, Any]:
            told.append((name, request.payload))
            return {}

        return {"StopTransaction": tell}

    rows = {name: telling(name) for name in ("new", "old")}
    old, new = replace(V16, spooled=rows["old"]), replace(V16, subprotocol="ocpp9.9", spooled=rows["new"])
    monkeypatch.setattr(versions, "SPOKEN", (new, old))
    monkeypatch.setattr(versions, "UNNAMED", old)
    tell_again(Entry(1, "StopTransaction", datetime.now(UTC), '[2,"1","StopTransaction",{"a":1}]', subprotocol))
    assert told == [(heard_by, {"a": 1})]
