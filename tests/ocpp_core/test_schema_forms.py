"""Forms made of the official schemas."""

import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_core import schema_forms, schemas
from tests.ocpp_core.standard import MESSAGES

PRAGUE = ZoneInfo("Europe/Prague")
SAMPLES = [(action, payload) for action in sorted(schemas.TO_CHARGER) for payload in MESSAGES[action].requests]


def leaves(fields):
    for field in fields:
        yield from leaves((*field.members, *field.rows)) if field.rule.kind in ("object", "list") else [field]


@pytest.mark.parametrize(("action", "payload"), SAMPLES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_payload_survives_the_form(action, payload):
    said = schema_forms.write(action, payload, PRAGUE)

    assert schema_forms.read(action, said, PRAGUE) == (payload, {})
    assert json.dumps(schema_forms.read(action, said, PRAGUE)[0], sort_keys=True) == json.dumps(payload, sort_keys=True)
    assert schema_forms.shows(action, payload, PRAGUE)
    assert schema_forms.read_json(json.dumps(payload)) == payload
    assert schema_forms.check(action, payload) == {}


@pytest.mark.parametrize("action", sorted(schemas.TO_CHARGER))
def test_every_member_of_the_standard_is_in_the_form(action):
    def names(schema, root):
        while "$ref" in schema:
            schema = root["definitions"][schema["$ref"].rpartition("/")[2]]
        for name, member in schema.get("properties", {}).items():
            yield name
            yield from names(member, root)
        if "items" in schema:
            yield from names(schema["items"], root)

    def rules(rule):
        for member in (*rule.members, *([rule.item] if rule.item else [])):
            if member.name:
                yield member.name
            yield from rules(member)

    schema = schemas.request_schema(action)
    assert sorted(rules(schema_forms.rule_of(action))) == sorted(names(schema, schema))


@pytest.mark.parametrize("action", sorted(schemas.TO_CHARGER))
def test_what_is_left_empty_is_left_out_and_what_is_required_asked_for(action):
    empty = {field.path: "" for field in leaves(schema_forms.form_of(action, {}, {}))}

    payload, faults = schema_forms.read(action, empty, PRAGUE)

    assert "null" not in json.dumps(payload)
    required = schemas.request_schema(action).get("required", [])
    if not required:
        assert (payload, faults) == ({}, {})
    else:
        assert faults
        assert all(sentence.endswith(".") for sentence in faults.values())


@pytest.mark.parametrize(
    ("action", "said", "path"),
    [
        ("RemoteStopTransaction", {"p.transactionId": "7.5"}, "p.transactionId"),
        ("RemoteStopTransaction", {"p.transactionId": "9" * 40}, "p.transactionId"),
        ("RemoteStopTransaction", {"p.transactionId": "٣"}, "p.transactionId"),
        ("Reset", {"p.type": "Warm"}, "p.type"),
        ("ChangeConfiguration", {"p.key": "k" * 51, "p.value": ""}, "p.key"),
        ("ChangeConfiguration", {"p.key": "k", "p.value": "a\0b"}, "p.value"),
        ("ChangeConfiguration", {"p.key": "k", "p.value": "\ud800"}, "p.value"),
        ("GetDiagnostics", {"p.location": "no address at all"}, "p.location"),
        ("GetDiagnostics", {"p.location": "ftp://example.com/", "p.startTime": "yesterday"}, "p.startTime"),
        ("GetDiagnostics", {"p.location": "ftp://example.com/", "p.startTime": "0001-01-01T00:00"}, "p.startTime"),
        (
            "SetChargingProfile",
            {"p.connectorId": "1", "p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.limit": "16.123"},
            "p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.limit",
        ),
        ("SetChargingProfile", {"p.connectorId": "1"}, "p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod"),
    ],
)
def test_what_cannot_be_sent_is_said_at_its_field(action, said, path):
    assert path in schema_forms.read(action, said, PRAGUE)[1]


def test_an_empty_value_of_a_setting_is_a_value():
    assert schema_forms.read("ChangeConfiguration", {"p.key": "k", "p.value": ""}, PRAGUE) == ({"key": "k", "value": ""}, {})


def test_local_time_becomes_utc():
    said = {"p.location": "ftp://example.com/", "p.startTime": "2026-07-01T14:00", "p.stopTime": "2026-12-01T14:00:30"}

    payload, faults = schema_forms.read("GetDiagnostics", said, PRAGUE)

    assert faults == {}
    assert (payload["startTime"], payload["stopTime"]) == ("2026-07-01T12:00:00Z", "2026-12-01T13:00:30Z")


def test_figures_are_sent_as_they_were_typed():
    said = {
        "p.connectorId": "1",
        "p.csChargingProfiles.chargingProfileId": "7",
        "p.csChargingProfiles.stackLevel": "0",
        "p.csChargingProfiles.chargingProfilePurpose": "TxDefaultProfile",
        "p.csChargingProfiles.chargingProfileKind": "Relative",
        "p.csChargingProfiles.chargingSchedule.chargingRateUnit": "A",
        "p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.startPeriod": "0",
        "p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod.0.limit": "16",
        "p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod.4.startPeriod": "600",
        "p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod.4.limit": "6,5",
        "p.csChargingProfiles.chargingSchedule.chargingSchedulePeriod.5.limit": "",
    }

    payload, faults = schema_forms.read("SetChargingProfile", said, PRAGUE)

    assert faults == {}
    periods = payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
    assert json.dumps(periods) == '[{"startPeriod": 0, "limit": 16}, {"startPeriod": 600, "limit": 6.5}]'


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("GetConfiguration", {"key": []}),
        ("DataTransfer", {"vendorId": "v", "data": ""}),
        ("DataTransfer", {"vendorId": "v", "data": "a\r\nb"}),
        ("GetDiagnostics", {"location": "ftp://example.com/", "startTime": "2026-10-25T01:30:00Z"}),
        ("GetDiagnostics", {"location": "ftp://example.com/", "startTime": "2026-07-01T14:00:00+02:00"}),
        ("GetDiagnostics", {"location": "ftp://example.com/", "startTime": "2026-07-01T14:00:00.250Z"}),
    ],
)
def test_what_a_form_would_change_is_written_as_json(action, payload):
    assert schemas.is_valid(action, payload)
    assert not schema_forms.shows(action, payload, PRAGUE)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        '"x"',
        "5",
        "{",
        '{"a":1,"a":2}',
        '{"a":NaN}',
        '{"a":1e999}',
        '{"a":"\\u0000"}',
        '{"a":"\\ud800"}',
        '{"a":' + "9" * 5000 + "}",
        '{"a":' * 50 + "1" + "}" * 50,
        '{"a":' * 200000,
    ],
    ids=lambda text: text[:12],
)
def test_a_text_that_is_no_payload_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match=r"\w") as refusal:
        schema_forms.read_json(text)
    assert str(refusal.value).endswith(".")


@given(st.sampled_from(sorted(schemas.TO_CHARGER)), st.text(max_size=200))
def test_any_text_is_a_payload_or_refused(action, text):
    try:
        payload = schema_forms.read_json(text)
    except ValueError:
        return
    assert isinstance(schema_forms.check(action, payload), dict)


@given(st.data())
def test_any_form_gives_a_valid_payload_or_a_sentence(data):
    action = data.draw(st.sampled_from(sorted(schemas.TO_CHARGER)))
    paths = [field.path for field in leaves(schema_forms.form_of(action, {}, {}))] + ["p", "p.", "p.key.x", "p.key.99999", "q"]
    values = st.text(max_size=30) | st.sampled_from(["1", "Soft", "A", "W", "2026-01-01T00:00", "ftp://x.y/", "-5", "1.5"])
    said = data.draw(st.dictionaries(st.sampled_from(paths), values))

    payload, faults = schema_forms.read(action, said, PRAGUE)

    if faults:
        assert all(faults.values())
    else:
        assert schemas.is_valid(action, payload)
    schema_forms.form_of(action, said, faults, ["p.key"])
