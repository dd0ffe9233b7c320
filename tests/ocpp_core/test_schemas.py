"""The official schemas and the standard's names for faults."""

import pytest

from ocpp_core import schemas

STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


def test_every_action_has_a_schema_for_request_and_answer():
    for action in schemas.ACTIONS:
        schemas.is_valid(action, {})
        schemas.is_valid(action, {}, kind="response")
    assert frozenset({"DataTransfer"}) == schemas.FROM_CHARGER & schemas.TO_CHARGER


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        pytest.param({**STATUS, "connectorId": "1"}, "TypeConstraintViolation", id="a text for a number"),
        pytest.param({"connectorId": 1, "errorCode": "NoError"}, "ProtocolError", id="a member missing"),
        pytest.param({**STATUS, "status": "Sleeping"}, "PropertyConstraintViolation", id="an unknown word"),
        pytest.param({**STATUS, "info": "x" * 51}, "PropertyConstraintViolation", id="a text too long"),
        pytest.param({**STATUS, "timestamp": "yesterday"}, "PropertyConstraintViolation", id="no date"),
        pytest.param({**STATUS, "x": 1}, "FormationViolation", id="a member nobody knows"),
    ],
)
def test_a_fault_has_a_sentence_and_the_standards_code(payload, code):
    assert schemas.problems("StatusNotification", payload)
    assert schemas.error_code_for("StatusNotification", payload) == code


def test_an_empty_list_is_a_fault_of_occurrence():
    assert schemas.error_code_for("MeterValues", {"connectorId": 1, "meterValue": []}) == "OccurenceConstraintViolation"


def test_what_the_standard_allows_has_no_fault():
    assert schemas.problems("StatusNotification", {**STATUS, "timestamp": "2024-05-01T10:00:00Z"}) is None
    assert schemas.problems("Reset", {"status": "Accepted"}, kind="response") is None


def test_actions_a_charger_may_not_send():
    assert schemas.error_code_for("Reset", {"type": "Soft"}) == "NotSupported"
    assert schemas.error_code_for("Dance", {}) == "NotImplemented"


def test_limits_in_tenths_of_an_ampere_are_allowed():
    """0.1 is no binary fraction; a validator that forgets it refuses 16.1 A."""
    for tenths in range(1000):
        profile = {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": tenths / 10}]},
        }
        assert schemas.is_valid("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
