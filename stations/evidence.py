"""What is known of a session at one moment, to be kept beside a complaint about it: facts, meter, what was asked of the charger."""

from typing import Any

from django.utils import timezone

from stations import curves, metering
from stations.models import ChargingSession, Connector, MeterValue, Reservation
from stations.progress import Progress

MOST_READINGS = 200


def of(session: ChargingSession) -> dict[str, Any]:
    """The session as JSON. Readings are thinned evenly; the first and the last are always among them."""
    asked = session.commands.order_by("pk")[:50]
    progress = Progress(session)
    return {
        "session": {
            "code": str(session.code),
            "origin": session.origin,
            "started_at": _written(session.started_at),
            "stopped_at": _written(session.stopped_at),
            "meter_start_wh": session.meter_start_wh,
            "meter_stop_wh": session.meter_stop_wh,
            "energy_wh": session.energy_wh,
            "most_w": session.connector.max_power_w,
            "stop_reason": session.stop_reason,
            "is_estimated": session.is_estimated,
            "status": session.status,
            "start_agreed": progress.is_agreed,
            "start_failed_by": progress.obstacle or "",
            "note": session.note,
        },
        "charger": _charger(session.connector),
        "readings": _readings(session),
        "commands": [
            {"action": one.action, "status": one.status, "at": _written(one.created_at), "response": one.shown_response} for one in asked
        ],
    }


def of_booking(booking: Reservation) -> dict[str, Any]:
    """The booking as JSON, beside a complaint about its fee: what was agreed, what the charger was told, and whether it was there."""
    return {
        "booking": {
            "code": str(booking.code),
            "status": booking.status,
            "begins_at": _written(booking.begins_at),
            "ends_at": _written(booking.ends_at),
            "made_at": _written(booking.created_at),
            "ended_at": _written(booking.ended_at),
            "free_until": _written(booking.free_until),
            "told_at": _written(booking.told_at),
            "answer": booking.answer,
            "trouble": booking.trouble,
        },
        "charger": _charger(booking.connector),
        "readings": [],
        "commands": [],
    }


def _charger(connector: Connector) -> dict[str, Any]:
    charge_point = connector.charge_point
    return {
        "is_online": charge_point.is_online,
        "connected_at": _written(charge_point.connected_at),
        "last_seen_at": _written(charge_point.last_seen_at),
        "status": connector.status,
        "status_at": _written(connector.status_at),
        "error_code": connector.error_code,
        "info": connector.info,
    }


def _readings(session: ChargingSession) -> list[dict[str, Any]]:
    rows = MeterValue.objects.filter(session=session).order_by("at", "pk").values_list("at", "samples")
    found = []
    for at, samples in rows.iterator(chunk_size=500):
        said = metering.measured(samples)
        if said.energy_wh is not None or said.power_w is not None:
            found.append({"time": _written(at), "energy_wh": said.energy_wh, "power_w": said.power_w})
    return curves.evenly(found, MOST_READINGS)


def _written(at: Any) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}" if at is not None else ""
