"""The Core profile, charger to us."""

import logging

from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError, NotSupportedError, OperationalError, transaction

from ocpp_core import deviations, dialects, firmware, frame_log
from ocpp_core.charging_profiles import kept
from ocpp_core.handlers import cards
from ocpp_core.handlers.requests import Payload, Request, id_tag_info, utc
from stations import alarms, authorization, budgets, connectivity, quarantine, readings, sessions
from stations.readings import Incoming

logger = logging.getLogger(__name__)

LEAST_HEARTBEAT_S = 60
START_TRIES = 4


def authorize(request: Request) -> Payload:
    """Answer whether this card may charge here."""
    said = dialects.authorize(request.payload)
    request.note(said.deviations)
    charge_point = request.charge_point()
    verdict = authorization.authorize(charge_point, cards.meant(charge_point, said.id_tag, now=request.received_at))
    return {"idTagInfo": id_tag_info(verdict.status, verdict.parent_tag)}


def boot_notification(request: Request) -> Payload:
    """Take note of what the box says it is. A registered charger is never refused here: some get stuck for good."""
    said = dialects.boot_notification(request.payload)
    request.note(said.deviations)
    charge_point = request.charge_point()
    firmware_before = charge_point.firmware
    connectivity.boot(charge_point, received_at=request.received_at, **boot_of(said))
    if said.firmware and said.firmware != firmware_before:
        firmware.booted(charge_point, said.firmware, at=request.received_at)
    request.facts.clock_skew_s = charge_point.clock_skew_s
    return booted(request)


def boot_of(said: dialects.BootNotification) -> connectivity.Boot:
    """What of it is kept."""
    return {
        "vendor": said.vendor,
        "model": said.model,
        "firmware": said.firmware,
        "serial_number": said.serial_number,
        "box_serial_number": said.box_serial_number,
        "meter_type": said.meter_type,
        "meter_serial_number": said.meter_serial_number,
        "iccid": said.iccid,
        "imsi": said.imsi,
    }


def booted(request: Request) -> Payload:
    """Answer a BootNotification, whether or not it could be kept."""
    interval = max(LEAST_HEARTBEAT_S, settings.OCPP_HEARTBEAT_S)
    return {"currentTime": utc(request.received_at), "interval": interval, "status": "Accepted"}


def data_transfer(request: Request) -> Payload:
    """Say that we know no vendor's own messages. Some makes send one at every change."""
    if not isinstance(request.payload.get("vendorId"), str):
        raise dialects.Unreadable.of("DataTransfer", request.payload)
    return {"status": "UnknownVendorId"}


def heartbeat(request: Request) -> Payload:
    """Tell the time."""
    return {"currentTime": utc(request.received_at)}


def meter_values(request: Request) -> Payload:
    """Store a reading by itself. Only the spool comes here; what comes over a socket goes through the batch writer."""
    said = dialects.meter_values(request.payload, request.received_at, clock_skew_s=request.facts.clock_skew_s)
    with transaction.atomic():
        frame_log.write([request.row])
        readings.store([incoming(request, said)])
    return {}


def heard_readings(request: Request) -> Incoming:
    """Read what goes through the batch writer. It runs in the loop and asks the database nothing."""
    said = dialects.meter_values(request.payload, request.received_at, clock_skew_s=request.facts.clock_skew_s)
    floods = (deviations.TOO_MANY_READINGS,) if budgets.is_spent(request.facts.charge_point_id) else ()
    request.note((*said.deviations, *floods))
    return incoming(request, said)


def incoming(request: Request, said: dialects.MeterValues) -> Incoming:
    """What a reading says, and with it the frame where not all of it could be used."""
    unusable = dialects.unusable(said.deviations)
    return Incoming(
        request.facts.charge_point_id,
        said.connector_number,
        said.transaction_id,
        said.readings,
        request.received_at,
        unusable,
        request.row.raw if unusable else "",
    )


def start_transaction(request: Request) -> Payload:
    """Begin a session. Where the same start, or another one at its outlet, was told at the same moment, look again: it is known by then."""
    for _attempt in range(START_TRIES - 1):
        try:
            return _start(request)
        except IntegrityError:
            logger.info("a StartTransaction of %r collided and is tried again", request.facts.identity)
    return _start(request)


def _start(request: Request) -> Payload:
    """The start and its frame, which is kept with it."""
    charge_point = request.charge_point()
    said = dialects.start_transaction(request.payload, request.received_at, clock_skew_s=charge_point.clock_skew_s)
    request.note(said.deviations)
    with transaction.atomic():
        frame_log.write([request.row])
        started = sessions.begin(
            charge_point,
            connector_number=said.connector_number,
            id_tag=cards.meant(charge_point, said.id_tag, connector_number=said.connector_number, now=request.received_at),
            meter_start_wh=said.meter_start_wh,
            started_at=said.started_at,
            started_at_said=said.started_at_said,
            reservation_id=said.reservation_id,
            received_at=request.received_at,
            start_key=dialects.start_key(charge_point.pk, said, request.received_at),
        )
        _keep_unusable(request, said.deviations)
        kept.catch_up(charge_point.pk)
    return {"transactionId": started.transaction_id, "idTagInfo": id_tag_info(started.status, started.parent_tag)}


def status_notification(request: Request) -> Payload:
    """Take note of how a connector stands."""
    charge_point = request.charge_point()
    said = dialects.status_notification(request.payload, request.received_at, clock_skew_s=charge_point.clock_skew_s)
    request.note(said.deviations)
    connectivity.status(
        charge_point,
        connector_number=said.connector_number,
        status=said.status,
        error_code=said.error_code,
        info=said.info,
        vendor_error_code=said.vendor_error_code,
        at=said.at,
        received_at=request.received_at,
        skew_s=said.skew_s,
    )
    request.facts.clock_skew_s = charge_point.clock_skew_s
    return {}


def stop_transaction(request: Request) -> Payload:
    """Hear the last word on a session. Whatever it says, the charger is acknowledged: refusing only makes it repeat.

    Two that come at once may collide, so it is tried twice; what breaks our rules both times is kept for staff to see.
    """
    try:
        return _stop(request)
    except (OperationalError, InterfaceError, NotSupportedError):
        raise
    except DatabaseError:
        logger.warning("a StopTransaction of %r collided and is tried again", request.facts.identity)
    except Exception:
        logger.exception("a StopTransaction of %r broke a rule", request.facts.identity)
    try:
        return _stop(request)
    except (OperationalError, InterfaceError, NotSupportedError):
        raise
    except Exception as error:
        logger.exception("a StopTransaction of %r was set aside", request.facts.identity)
        with transaction.atomic():
            frame_log.write([request.row])
            quarantine.keep(request.facts.charge_point_id, "StopTransaction", str(error), request.payload, raw=request.row.raw)
        return {}


def _stop(request: Request) -> Payload:
    charge_point = request.charge_point()
    said = dialects.stop_transaction(request.payload, request.received_at, clock_skew_s=charge_point.clock_skew_s)
    request.note(said.deviations)
    with transaction.atomic():
        frame_log.write([request.row])
        answer = sessions.stop(
            charge_point,
            transaction_id=said.transaction_id,
            meter_stop_wh=said.meter_stop_wh,
            stopped_at=said.stopped_at,
            stopped_at_said=said.stopped_at_said,
            reason=said.reason,
            id_tag=cards.at_end(charge_point, said.id_tag),
            readings=said.readings,
            received_at=request.received_at,
        )
        _keep_unusable(request, said.deviations)
        kept.catch_up(charge_point.pk)
    if not request.facts.is_secure and alarms.opens_at_once(charge_point, now=request.received_at):
        request.note((deviations.OPENS_AT_ONCE,))
    return {"idTagInfo": id_tag_info(answer.status, answer.parent_tag)} if answer.status else {}


def _keep_unusable(request: Request, deviations: tuple[str, ...]) -> None:
    """Let staff see what was overlooked in a message that could not be refused; the same from one charger is counted."""
    reason = dialects.unusable(deviations)
    if reason:
        quarantine.keep(request.facts.charge_point_id, request.action, reason, request.payload, raw=request.row.raw, same=reason)
