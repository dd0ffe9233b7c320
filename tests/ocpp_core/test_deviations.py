"""Every way in which a charger can stray is counted for it and explained to its owner."""

import ast
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from ocpp_core import deviations, dialects, frames, meanings
from ocpp_core.models import ChargerDeviation

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SOURCES = [*sorted(Path("ocpp_core/dialects").glob("*.py")), Path("ocpp_core/frames.py")]

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
MEMBERS = (
    "connectorId", "idTag", "meterStart", "meterStop", "timestamp", "reservationId", "transactionId", "reason", "status", "errorCode",
    "info", "vendorErrorCode", "vendorId", "chargePointVendor", "firmwareVersion", "transactionData", "x",
)  # fmt: skip
SAMPLED = ("value", "unit", "measurand", "phase", "context", "location", "format")
sampled = st.dictionaries(st.sampled_from(SAMPLED), junk | st.sampled_from(["1.5", "kWh", "Hz", "L1"]), max_size=4)
readings = st.lists(st.fixed_dictionaries({"timestamp": junk, "sampledValue": st.lists(sampled, max_size=2) | sampled}), max_size=2)
payloads = st.builds(
    lambda members, values: members | {"meterValue": values}, st.dictionaries(st.sampled_from(MEMBERS), junk, max_size=8), readings | junk
)


@pytest.fixture(autouse=True)
def _nothing_counted():
    deviations._gathered.clear()
    deviations._known.clear()
    deviations._written_at = 0.0


def words_in(source):
    """The words that a module writes down, a member that varies as "member"."""
    for call in ast.walk(ast.parse(source.read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "note":
            yield from spelt(call.args[0])
        elif isinstance(call, ast.Constant) and isinstance(call.value, str) and call.value.startswith("frame:"):
            yield call.value


def spelt(node):
    if isinstance(node, ast.Constant):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from itertools.chain(spelt(node.body), spelt(node.orelse))
    elif isinstance(node, ast.JoinedStr):
        parts = [list(spelt(part.value if isinstance(part, ast.FormattedValue) else part)) for part in node.values]
        yield from ("".join(choice) for choice in itertools.product(*parts))
    elif isinstance(node, ast.Name) and node.id == "_UNUSABLE":
        yield ":unusable"
    elif isinstance(node, ast.Name) and node.id == "member":
        yield "member"


def test_every_word_in_the_sources_has_its_sentence():
    words = {word for source in SOURCES for word in words_in(source) if ":" in word}
    words |= {
        deviations.NO_SUBPROTOCOL,
        deviations.UNREADABLE_FRAME,
        deviations.OPENS_AT_ONCE,
        deviations.NOT_KEPT,
        deviations.TOO_MANY_READINGS,
    }
    assert len(words) > 25
    for word in words:
        meaning = meanings.of(word)
        assert "%(" not in str(meaning.text)
        assert str(meaning.advice)


@given(payload=payloads, skew=st.none() | st.integers(-90_000, 90_000))
def test_every_word_a_message_earns_has_its_sentence(payload, skew):
    said = [dialects.boot_notification(payload).deviations]
    always = (dialects.start_transaction, dialects.stop_transaction, dialects.meter_values)
    said += [read(payload, NOW, clock_skew_s=skew).deviations for read in always]
    for read in (dialects.authorize, lambda one: dialects.status_notification(one, NOW, clock_skew_s=skew)):
        try:
            said.append(read(payload).deviations)
        except dialects.Unreadable:
            continue
    for word in itertools.chain.from_iterable(said):
        assert str(meanings.of(word).text)
        assert len(word) <= 60


def test_words_of_frames():
    for text in ('[2,"1","Heartbeat",null]', '[2,"1","MeterValues",{"connectorId":1,"transactionId":,"meterValue":[]}]'):
        frame = frames.parse(text)
        assert isinstance(frame, frames.Call)
        assert frame.deviations
        assert all(meanings.of(word) for word in frame.deviations)


@pytest.mark.django_db
def test_counted_in_memory_and_written_once_a_minute(charge_point, monkeypatch):
    clock = iter(itertools.count(1000.0, 20.0))
    monkeypatch.setattr(deviations, "monotonic", lambda: next(clock))
    raw = '[2,"1","Authorize",{"idTag":"04A2B3C4D5E680"}]'
    for second in range(3):
        deviations.note(charge_point.pk, ("timestamp:naive", "idTag:control"), raw, NOW + timedelta(seconds=second))
    assert not ChargerDeviation.objects.exists()
    assert deviations.write_due() == 2
    deviations.note(charge_point.pk, ("timestamp:naive",), raw, NOW + timedelta(seconds=9))
    assert [deviations.write_due() for _look in range(3)] == [0, 0, 1]

    row = ChargerDeviation.objects.get(word="timestamp:naive")
    assert (row.charge_point, row.times, row.first_at, row.last_at) == (charge_point, 4, NOW, NOW + timedelta(seconds=9))
    assert "04A2B3C4D5E680" not in row.sample
    assert "Authorize" in row.sample


@pytest.mark.django_db
def test_what_could_not_be_written_is_not_lost(charge_point, monkeypatch):
    deviations.note(charge_point.pk, ("timestamp:naive",), "", NOW)
    with monkeypatch.context() as broken:
        broken.setattr(deviations, "_write", failing)
        assert deviations.write_due() == 0
    deviations.note(charge_point.pk, ("timestamp:naive",), "", NOW)
    monkeypatch.setattr(deviations, "WRITTEN_EVERY_S", 0.0)
    assert deviations.write_due() == 1
    assert ChargerDeviation.objects.get().times == 2


def failing(_counted):
    raise DatabaseError("gone")


@pytest.mark.django_db
def test_the_owner_reads_it_and_nobody_else(charge_point, owner, stranger, staff):
    deviations.note(charge_point.pk, ("timestamp:skewed", "payload:extra"), '{"idTag":"0102"}', NOW)
    deviations.write_due()
    page = reverse("ocpp_core:deviations", args=[charge_point.code])
    api = f"/api/v1/charge-points/{charge_point.code}/deviations/"

    client = Client()
    client.force_login(owner)
    text = client.get(page).content.decode()
    assert text.index("clock is off") < text.index("maker")
    assert "0102" not in text
    client.force_login(stranger)
    assert client.get(page).status_code == 404

    program = APIClient()
    assert program.get(api).status_code == 401
    for user, expected in ((stranger, 404), (owner, 200), (staff, 200)):
        program.force_authenticate(user)
        answer = program.get(api)
        assert answer.status_code == expected
    body = answer.json()
    assert body["count"] == 2
    assert set(body["results"][0]) == {"word", "times", "first_at", "last_at", "sample", "text", "advice"}


@pytest.mark.django_db
def test_sessions_held_for_review_are_named(charge_point, connector, owner, client):
    connector.sessions.create(charge_point=charge_point, owner=owner, status="REVIEW")
    client.force_login(owner)
    assert "held for review" in client.get(reverse("ocpp_core:deviations", args=[charge_point.code])).content.decode()
