"""The 39 messages of OCPP 1.6 with its security extension: payloads the standard allows, and all the ways to spoil them."""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

from ocpp_core import schemas

Payload = dict[str, Any]

AT = "2024-05-01T10:00:00Z"
LATER = "2034-05-01T10:00:00Z"
TAG_INFO = {"status": "Accepted", "expiryDate": LATER, "parentIdTag": "GROUP"}
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a1" * 32, "issuerKeyHash": "b2" * 32, "serialNumber": "0123"}
SCHEDULE = {
    "duration": 3600,
    "startSchedule": AT,
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.1, "numberPhases": 3}, {"startPeriod": 600, "limit": 6}],
    "minChargingRate": 6.5,
}
PROFILE = {
    "chargingProfileId": 7,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Recurring",
    "recurrencyKind": "Daily",
    "validFrom": AT,
    "validTo": LATER,
    "chargingSchedule": SCHEDULE,
}
SHORT_PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11000}]},
}
SAMPLE = {
    "value": "1500.5",
    "context": "Sample.Periodic",
    "format": "Raw",
    "measurand": "Energy.Active.Import.Register",
    "phase": "L1",
    "location": "Outlet",
    "unit": "Wh",
}
READING = {"timestamp": AT, "sampledValue": [SAMPLE, {"value": "x"}]}
LOG = {"remoteLocation": "https://example.com/logs", "oldestTimestamp": AT, "latestTimestamp": LATER}
FIRMWARE = {
    "location": "https://example.com/box.bin",
    "retrieveDateTime": AT,
    "installDateTime": LATER,
    "signingCertificate": "-----BEGIN CERTIFICATE-----",
    "signature": "c2lnbmF0dXJl",
}


class Message(NamedTuple):
    """Allowed requests and answers: the last of each says all it may say."""

    requests: tuple[Payload, ...]
    answers: tuple[Payload, ...]


def _says(*words: str) -> tuple[Payload, ...]:
    return tuple({"status": word} for word in words)


MESSAGES: dict[str, Message] = {
    "Authorize": Message(({"idTag": ""}, {"idTag": "04A2B3C4D5E680"}), ({"idTagInfo": {"status": "Invalid"}}, {"idTagInfo": TAG_INFO})),
    "BootNotification": Message(
        (
            {"chargePointVendor": "Any", "chargePointModel": "Box"},
            {
                "chargePointVendor": "Any",
                "chargePointModel": "Box",
                "chargePointSerialNumber": "S-1",
                "chargeBoxSerialNumber": "B-1",
                "firmwareVersion": "1.0",
                "iccid": "8942",
                "imsi": "2300",
                "meterType": "M",
                "meterSerialNumber": "M-1",
            },
        ),
        ({"status": "Accepted", "currentTime": AT, "interval": 300},),
    ),
    "CancelReservation": Message(({"reservationId": 5},), _says("Accepted", "Rejected")),
    "CertificateSigned": Message(({"certificateChain": "-----BEGIN CERTIFICATE-----"},), _says("Accepted", "Rejected")),
    "ChangeAvailability": Message(
        ({"connectorId": 0, "type": "Inoperative"}, {"connectorId": 1, "type": "Operative"}), _says("Accepted", "Rejected", "Scheduled")
    ),
    "ChangeConfiguration": Message(
        ({"key": "HeartbeatInterval", "value": "300"},), _says("Accepted", "Rejected", "RebootRequired", "NotSupported")
    ),
    "ClearCache": Message(({},), _says("Accepted", "Rejected")),
    "ClearChargingProfile": Message(
        ({}, {"id": 7, "connectorId": 1, "chargingProfilePurpose": "TxProfile", "stackLevel": 1}), _says("Accepted", "Unknown")
    ),
    "DataTransfer": Message(
        ({"vendorId": "com.example"}, {"vendorId": "com.example", "messageId": "m", "data": "d" * 2000}),
        (*_says("Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"), {"status": "Accepted", "data": "x"}),
    ),
    "DeleteCertificate": Message(({"certificateHashData": HASH},), _says("Accepted", "Failed", "NotFound")),
    "DiagnosticsStatusNotification": Message(_says("Idle", "Uploaded", "UploadFailed", "Uploading"), ({},)),
    "ExtendedTriggerMessage": Message(
        ({"requestedMessage": "SignChargePointCertificate"}, {"requestedMessage": "LogStatusNotification", "connectorId": 1}),
        _says("Accepted", "Rejected", "NotImplemented"),
    ),
    "FirmwareStatusNotification": Message(
        _says("Downloaded", "DownloadFailed", "Downloading", "Idle", "InstallationFailed", "Installing", "Installed"), ({},)
    ),
    "GetCompositeSchedule": Message(
        ({"connectorId": 0, "duration": 600}, {"connectorId": 1, "duration": 600, "chargingRateUnit": "W"}),
        (*_says("Rejected"), {"status": "Accepted", "connectorId": 1, "scheduleStart": AT, "chargingSchedule": SCHEDULE}),
    ),
    "GetConfiguration": Message(
        ({}, {"key": ["HeartbeatInterval", "Unknown"]}),
        (
            {},
            {
                "configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}, {"key": "Other", "readonly": True}],
                "unknownKey": ["Unknown"],
            },
        ),
    ),
    "GetDiagnostics": Message(
        (
            {"location": "ftp://example.com/here"},
            {"location": "https://example.com/", "retries": 1, "retryInterval": 60, "startTime": AT, "stopTime": LATER},
        ),
        ({}, {"fileName": "diagnostics.txt"}),
    ),
    "GetInstalledCertificateIds": Message(
        ({"certificateType": "CentralSystemRootCertificate"}, {"certificateType": "ManufacturerRootCertificate"}),
        (*_says("NotFound"), {"status": "Accepted", "certificateHashData": [HASH]}),
    ),
    "GetLocalListVersion": Message(({},), ({"listVersion": -1}, {"listVersion": 3})),
    "GetLog": Message(
        (
            {"log": {"remoteLocation": "https://example.com/"}, "logType": "SecurityLog", "requestId": 1},
            {"log": LOG, "logType": "DiagnosticsLog", "requestId": 2, "retries": 1, "retryInterval": 60},
        ),
        (*_says("Rejected", "AcceptedCanceled"), {"status": "Accepted", "filename": "log.txt"}),
    ),
    "Heartbeat": Message(({},), ({"currentTime": AT},)),
    "InstallCertificate": Message(
        ({"certificateType": "CentralSystemRootCertificate", "certificate": "-----BEGIN CERTIFICATE-----"},),
        _says("Accepted", "Failed", "Rejected"),
    ),
    "LogStatusNotification": Message((*_says("Idle", "Uploaded"), {"status": "Uploading", "requestId": 2}), ({},)),
    "MeterValues": Message(
        ({"connectorId": 1, "meterValue": [READING]}, {"connectorId": 1, "transactionId": 77, "meterValue": [READING, READING]}), ({},)
    ),
    "RemoteStartTransaction": Message(
        ({"idTag": "A1B2C3D4"}, {"idTag": "A1B2C3D4", "connectorId": 2, "chargingProfile": PROFILE}), _says("Accepted", "Rejected")
    ),
    "RemoteStopTransaction": Message(({"transactionId": 77},), _says("Accepted", "Rejected")),
    "ReserveNow": Message(
        (
            {"connectorId": 0, "expiryDate": LATER, "idTag": "A1", "reservationId": 5},
            {"connectorId": 1, "expiryDate": LATER, "idTag": "A1", "reservationId": 6, "parentIdTag": "GROUP"},
        ),
        _says("Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"),
    ),
    "Reset": Message(({"type": "Soft"}, {"type": "Hard"}), _says("Accepted", "Rejected")),
    "SecurityEventNotification": Message(
        ({"type": "Tampering", "timestamp": AT}, {"type": "FirmwareUpdated", "timestamp": AT, "techInfo": "1.1"}), ({},)
    ),
    "SendLocalList": Message(
        (
            {"listVersion": 1, "updateType": "Full"},
            {
                "listVersion": 2,
                "updateType": "Differential",
                "localAuthorizationList": [{"idTag": "A1", "idTagInfo": TAG_INFO}, {"idTag": "B2"}],
            },
        ),
        _says("Accepted", "Failed", "NotSupported", "VersionMismatch"),
    ),
    "SetChargingProfile": Message(
        (
            {"connectorId": 0, "csChargingProfiles": SHORT_PROFILE},
            {"connectorId": 1, "csChargingProfiles": {**PROFILE, "transactionId": 77}},
        ),
        _says("Accepted", "Rejected", "NotSupported"),
    ),
    "SignCertificate": Message(({"csr": "-----BEGIN CERTIFICATE REQUEST-----"},), _says("Accepted", "Rejected")),
    "SignedFirmwareStatusNotification": Message(
        (*_says("Idle", "InvalidSignature", "InstallVerificationFailed"), {"status": "Installed", "requestId": 3}), ({},)
    ),
    "SignedUpdateFirmware": Message(
        ({"requestId": 3, "firmware": FIRMWARE}, {"requestId": 4, "firmware": FIRMWARE, "retries": 1, "retryInterval": 60}),
        _says("Accepted", "Rejected", "AcceptedCanceled", "InvalidCertificate", "RevokedCertificate"),
    ),
    "StartTransaction": Message(
        (
            {"connectorId": 1, "idTag": "04A2B3C4D5E680", "meterStart": 0, "timestamp": AT},
            {"connectorId": 1, "idTag": "04A2B3C4D5E680", "meterStart": 1000, "timestamp": AT, "reservationId": 5},
        ),
        (
            {"transactionId": 77, "idTagInfo": {"status": "ConcurrentTx"}},
            {"transactionId": 77, "idTagInfo": TAG_INFO},
        ),
    ),
    "StatusNotification": Message(
        (
            {"connectorId": 0, "errorCode": "NoError", "status": "Available"},
            {
                "connectorId": 1,
                "errorCode": "OtherError",
                "status": "Faulted",
                "info": "door open",
                "timestamp": AT,
                "vendorId": "com.example",
                "vendorErrorCode": "E7",
            },
        ),
        ({},),
    ),
    "StopTransaction": Message(
        (
            {"transactionId": 77, "meterStop": 2000, "timestamp": AT},
            {
                "transactionId": 77,
                "meterStop": 2000,
                "timestamp": AT,
                "idTag": "04A2B3C4D5E680",
                "reason": "EVDisconnected",
                "transactionData": [READING],
            },
        ),
        ({}, {"idTagInfo": TAG_INFO}),
    ),
    "TriggerMessage": Message(
        ({"requestedMessage": "Heartbeat"}, {"requestedMessage": "MeterValues", "connectorId": 1}),
        _says("Accepted", "Rejected", "NotImplemented"),
    ),
    "UnlockConnector": Message(({"connectorId": 1},), _says("Unlocked", "UnlockFailed", "NotSupported")),
    "UpdateFirmware": Message(
        (
            {"location": "ftp://example.com/box.bin", "retrieveDate": AT},
            {"location": "https://example.com/box.bin", "retrieveDate": AT, "retries": 3, "retryInterval": 60},
        ),
        ({},),
    ),
}


class Fault(NamedTuple):
    """A payload spoilt in one place, and the error code the standard has for that."""

    name: str
    payload: Payload
    code: str


def faults(action: str, kind: schemas.Kind = "request") -> list[Fault]:
    """Everything one can do wrong in the fullest payload, one fault at a time."""
    message = MESSAGES[action]
    whole = (message.requests if kind == "request" else message.answers)[-1]
    schema = schemas._schema(action, kind)
    spoilt = []
    for path, part, rule in _places(whole, schema, schema):
        for name, change, code in _spoilers(part, rule):
            payload = copy.deepcopy(whole)
            target: Any = payload
            for step in path:
                target = target[step]
            change(target)
            spoilt.append(Fault("/".join([*map(str, path), name]), payload, code))
    return spoilt


def _places(part: Any, rule: Payload, root: Payload, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Payload, Payload]]:
    """All objects in a payload, each beside its rule with the rules of its members."""
    if isinstance(part, dict):
        members = {name: _rule(member, root) for name, member in rule.get("properties", {}).items()}
        yield path, part, {**rule, "properties": members}
        for name, member in part.items():
            yield from _places(member, members[name], root, (*path, name))
    elif isinstance(part, list) and part:
        yield from _places(part[0], _rule(rule["items"], root), root, (*path, 0))


def _rule(rule: Payload, root: Payload) -> Payload:
    while "$ref" in rule:
        rule = root["definitions"][rule["$ref"].rpartition("/")[2]]
    return rule


def _spoilers(part: Payload, rule: Payload) -> Iterator[tuple[str, Any, str]]:
    if rule.get("additionalProperties") is False:
        yield "more", lambda target: target.update(brandNew=1), "FormationViolation"
    for name, member in rule["properties"].items():
        if name not in part:
            continue
        if name in rule.get("required", ()):
            yield f"{name} missing", lambda target, name=name: target.pop(name), "ProtocolError"
        for what, value, code in _wrong(member):
            yield f"{name} {what}", lambda target, name=name, value=value: target.update({name: value}), code


def _wrong(rule: Payload) -> Iterator[tuple[str, Any, str]]:
    kind = rule.get("type", "object")
    yield "null", None, "TypeConstraintViolation"
    yield "of another type", {"string": 5, "integer": "5", "number": "5", "boolean": "true", "array": {}, "object": []}[kind], _TYPE
    if kind == "string":
        yield "an object", {"a": 1}, _TYPE
    if kind == "integer":
        yield "a fraction", 1.5, _TYPE
    if "enum" in rule:
        yield "an unknown word", "Whatever", _VALUE
    if "maxLength" in rule:
        yield "too long", "x" * (rule["maxLength"] + 1), _VALUE
    if rule.get("format") == "date-time":
        yield "no time", "yesterday", _VALUE
    if rule.get("format") == "uri":
        yield "no address", "no address at all", _VALUE
    if "multipleOf" in rule:
        yield "too fine", 16.123, _VALUE
    if rule.get("minItems"):
        yield "empty", [], "OccurenceConstraintViolation"


_TYPE = "TypeConstraintViolation"
_VALUE = "PropertyConstraintViolation"
