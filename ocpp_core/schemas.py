"""The official schemas of OCPP 1.6, compiled once: what is wrong with this payload. Pure.

What we send is checked with them, formats included. What chargers send is judged by them only after nothing else could
make sense of it, to name the error code the standard has for the fault.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, TypeAlias

from jsonschema_rs import Draft4Validator, ValidationError, ValidationErrorKind

from ocpp_core import frames

Kind: TypeAlias = Literal["request", "response"]

FROM_CHARGER = frozenset(
    {
        "Authorize",
        "BootNotification",
        "DataTransfer",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
    }
)
TO_CHARGER = frozenset(
    {
        "CancelReservation",
        "CertificateSigned",
        "ChangeAvailability",
        "ChangeConfiguration",
        "ClearCache",
        "ClearChargingProfile",
        "DataTransfer",
        "DeleteCertificate",
        "ExtendedTriggerMessage",
        "GetCompositeSchedule",
        "GetConfiguration",
        "GetDiagnostics",
        "GetInstalledCertificateIds",
        "GetLocalListVersion",
        "GetLog",
        "InstallCertificate",
        "RemoteStartTransaction",
        "RemoteStopTransaction",
        "ReserveNow",
        "Reset",
        "SendLocalList",
        "SetChargingProfile",
        "SignedUpdateFirmware",
        "TriggerMessage",
        "UnlockConnector",
        "UpdateFirmware",
    }
)
ACTIONS = FROM_CHARGER | TO_CHARGER

_CODES = {
    "required": frames.PROTOCOL_ERROR,
    "type": frames.TYPE_CONSTRAINT_VIOLATION,
    "enum": frames.PROPERTY_CONSTRAINT_VIOLATION,
    "maxLength": frames.PROPERTY_CONSTRAINT_VIOLATION,
    "format": frames.PROPERTY_CONSTRAINT_VIOLATION,
    "multipleOf": frames.PROPERTY_CONSTRAINT_VIOLATION,
    "minItems": frames.OCCURENCE_CONSTRAINT_VIOLATION,
    "maxItems": frames.OCCURENCE_CONSTRAINT_VIOLATION,
}


class Fault(NamedTuple):
    """One thing wrong with a payload: where, against which rule of JSON schema, and what that rule says."""

    place: tuple[str | int, ...]
    rule: str
    value: Any
    message: str


def problems(action: str, payload: dict[str, Any], *, kind: Kind = "request") -> str | None:
    """The first thing wrong with a payload in one line, or None if the standard allows it whole."""
    if _validator(action, kind).is_valid(payload):
        return None
    fault = _first_fault(action, payload, kind)
    place = ".".join(str(step) for step in fault.instance_path)
    return f"{place}: {fault.message}" if place else fault.message


def faults(action: str, payload: dict[str, Any]) -> list[Fault]:
    """Everything wrong with a request, for who filled it in."""
    found = []
    for error in _validator(action, "request").iter_errors(payload):
        place, rule = tuple(error.instance_path), error.kind.name
        if isinstance(error.kind, ValidationErrorKind.Required):
            place = (*place, str(error.kind.property))
        found.append(Fault(place, rule, error.kind.value, error.message))
    return found


def is_valid(action: str, payload: dict[str, Any], *, kind: Kind = "request") -> bool:
    """Whether the standard allows this payload."""
    return _validator(action, kind).is_valid(payload)


def error_code_for(action: str, payload: dict[str, Any], *, kind: Kind = "request") -> str:
    """The standard's error code for what `problems` found, or for an action a charger may not send."""
    if action not in ACTIONS:
        return frames.NOT_IMPLEMENTED
    if kind == "request" and action not in FROM_CHARGER:
        return frames.NOT_SUPPORTED
    if _validator(action, kind).is_valid(payload):
        return frames.PROPERTY_CONSTRAINT_VIOLATION
    return _CODES.get(_first_fault(action, payload, kind).kind.name, frames.FORMATION_VIOLATION)


def _first_fault(action: str, payload: dict[str, Any], kind: Kind) -> ValidationError:
    return next(_validator(action, kind).iter_errors(payload))


@cache
def members(action: str) -> frozenset[str]:
    """Give the names the standard knows in a request; all others are a maker's own."""
    return frozenset(_schema(action, "request")["properties"])


@cache
def request_schema(action: str) -> dict[str, Any]:
    """Give the official schema of a request, to make a form of it. Nobody changes it."""
    return _schema(action, "request")


@cache
def _validator(action: str, kind: Kind) -> Draft4Validator:
    return Draft4Validator(_schema(action, kind), validate_formats=True)


def _schema(action: str, kind: Kind) -> dict[str, Any]:
    if action not in ACTIONS:
        raise KeyError(action)
    name = f"{action}.json" if kind == "request" else f"{action}Response.json"
    schema: dict[str, Any] = json.loads(files("ocpp.v16").joinpath("schemas", name).read_text(encoding="utf-8-sig"))
    return schema
