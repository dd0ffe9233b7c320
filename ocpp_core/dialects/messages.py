"""Authorize, BootNotification, StatusNotification, StartTransaction and StopTransaction. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ocpp.v16 import enums

from ocpp_core.dialects import clock, coercion, readings
from ocpp_core.dialects.coercion import Deviations, Unreadable
from stations.metering import Reading

_TAG_LIMIT = 64
_TEXT_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Authorize:
    """Who asks to charge; the idTag as the reader spelt it."""

    id_tag: str
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BootNotification:
    """What the box says it is, each text short enough to be stored."""

    vendor: str
    model: str
    firmware: str
    serial_number: str
    box_serial_number: str
    meter_type: str
    meter_serial_number: str
    iccid: str
    imsi: str
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusNotification:
    """The state of a connector, or of the box (0). `skew_s`: our clock less the charger's, where the message shows it."""

    connector_number: int
    status: str
    error_code: str
    info: str
    vendor_error_code: str
    vendor_id: str
    at: datetime
    at_said: str
    skew_s: int | None
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StartTransaction:
    """A session that has begun at the charger. What it did not say, or said unusably, is None or empty."""

    connector_number: int
    id_tag: str
    meter_start_wh: int | None
    started_at: datetime
    started_at_said: str
    has_own_time: bool
    skew_s: int | None
    reservation_id: int | None
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StopTransaction:
    """A session that has ended at the charger, with the readings of its `transactionData`."""

    transaction_id: int | None
    id_tag: str
    meter_stop_wh: int | None
    stopped_at: datetime
    stopped_at_said: str
    skew_s: int | None
    reason: str
    readings: tuple[Reading, ...]
    deviations: tuple[str, ...] = ()


def authorize(payload: dict[str, Any]) -> Authorize:
    """Read an Authorize. An empty idTag is a question like any other; none at all is not."""
    seen = Deviations("Authorize", payload)
    if not isinstance(payload.get("idTag"), (str, int, float)):
        raise Unreadable.of("Authorize", payload)
    return Authorize(_id_tag(payload, seen), seen.all())


def boot_notification(payload: dict[str, Any]) -> BootNotification:
    """Read a BootNotification. Nothing in it is needed, so nothing missing from it refuses a charger."""
    seen = Deviations("BootNotification", payload)
    for member in ("chargePointVendor", "chargePointModel"):
        if not payload.get(member):
            seen.note(f"{member}:missing")

    def said(member: str, limit: int = _TEXT_LIMIT) -> str:
        return coercion.text(payload, member, limit, seen).strip()

    return BootNotification(
        vendor=said("chargePointVendor"),
        model=said("chargePointModel"),
        firmware=said("firmwareVersion"),
        serial_number=said("chargePointSerialNumber"),
        box_serial_number=said("chargeBoxSerialNumber"),
        meter_type=said("meterType"),
        meter_serial_number=said("meterSerialNumber"),
        iccid=said("iccid", 50),
        imsi=said("imsi", 50),
        deviations=seen.all(),
    )


def status_notification(payload: dict[str, Any], received_at: datetime, *, clock_skew_s: int | None = None) -> StatusNotification:
    """Read a StatusNotification. Without a status, or without saying of which connector, it says nothing."""
    seen = Deviations("StatusNotification", payload)
    status = coercion.word(payload, "status", 30, seen)
    number = coercion.whole(payload, "connectorId", seen, least=0, most=coercion.INT32_MAX)
    if not status or number is None:
        raise Unreadable.of("StatusNotification", payload)
    error_code = coercion.word(payload, "errorCode", 50, seen)
    if not error_code:
        seen.note("errorCode:missing")
    stamp = clock.Stamp("") if "timestamp" not in payload else clock.stamp_of(payload, seen)
    return StatusNotification(
        connector_number=number,
        status=status,
        error_code=error_code or enums.ChargePointErrorCode.no_error.value,
        info=coercion.text(payload, "info", _TEXT_LIMIT, seen).strip(),
        vendor_error_code=coercion.text(payload, "vendorErrorCode", 50, seen).strip(),
        vendor_id=coercion.text(payload, "vendorId", 255, seen).strip(),
        at=clock.judge([stamp], received_at, clock_skew_s, seen).time_of(stamp),
        at_said=stamp.said,
        skew_s=clock.skew_s(stamp, received_at),
        deviations=seen.all(),
    )


def start_transaction(payload: dict[str, Any], received_at: datetime, *, clock_skew_s: int | None = None) -> StartTransaction:
    """Read a StartTransaction. A reservationId of 0 is none: chargers fill the member in."""
    seen = Deviations("StartTransaction", payload)
    stamp = clock.stamp_of(payload, seen)
    return StartTransaction(
        connector_number=coercion.connector_number(payload, seen),
        id_tag=_id_tag(payload, seen),
        meter_start_wh=_register(payload, "meterStart", seen),
        started_at=clock.judge([stamp], received_at, clock_skew_s, seen).time_of(stamp),
        started_at_said=stamp.said,
        has_own_time=stamp.at is not None,
        skew_s=clock.skew_s(stamp, received_at),
        reservation_id=_reservation_id(payload, seen),
        deviations=seen.all(),
    )


def start_key(charge_point_id: int, start: StartTransaction, received_at: datetime) -> str:
    """Give the fingerprint of a StartTransaction: its repetition has the same, whatever its message id.

    A charger without a clock says the same at every start, so there the time of receipt tells two starts apart.
    """
    moment = start.started_at_said
    if not start.has_own_time:
        moment = f"{moment} {int(received_at.timestamp()) // 600}"
    content = f"{charge_point_id}|{start.connector_number}|{start.id_tag.upper()}|{moment}|{start.meter_start_wh}"
    return hashlib.sha256(content.encode()).hexdigest()


def stop_transaction(payload: dict[str, Any], received_at: datetime, *, clock_skew_s: int | None = None) -> StopTransaction:
    """Read a StopTransaction. No reason means Local, as the standard says."""
    seen = Deviations("StopTransaction", payload)
    stamp = clock.stamp_of(payload, seen)
    data = payload.get("transactionData")
    if isinstance(data, dict) and isinstance(data.get("meterValue", data.get("values")), list):
        seen.note("transactionData:object")
        data = data.get("meterValue", data.get("values"))
    entries = coercion.as_list(data, "transactionData", seen)
    stop_clock = clock.judge([stamp], received_at, clock_skew_s, seen)
    return StopTransaction(
        transaction_id=coercion.transaction_id(payload, seen),
        id_tag=_id_tag(payload, seen),
        meter_stop_wh=_register(payload, "meterStop", seen),
        stopped_at=stop_clock.time_of(stamp),
        stopped_at_said=stamp.said,
        skew_s=clock.skew_s(stamp, received_at),
        reason=coercion.word(payload, "reason", 30, seen) or enums.Reason.local.value,
        readings=readings.tolerant(entries, received_at, clock_skew_s, seen) if entries else (),
        deviations=seen.all(),
    )


def _id_tag(payload: dict[str, Any], seen: Deviations) -> str:
    tag = coercion.text(payload, "idTag", _TAG_LIMIT, seen)
    if len(tag) > 20:
        seen.note("idTag:long")
    return tag


def _register(payload: dict[str, Any], member: str, seen: Deviations) -> int | None:
    return coercion.whole(payload, member, seen, least=-coercion.INT64_MAX, most=coercion.INT64_MAX)


def _reservation_id(payload: dict[str, Any], seen: Deviations) -> int | None:
    if payload.get("reservationId") is None:
        return None
    if payload["reservationId"] == 0:
        seen.note("reservationId:0")
        return None
    return coercion.whole(payload, "reservationId", seen, least=1, most=coercion.INT32_MAX)
