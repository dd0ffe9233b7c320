"""What is known of a session at one moment, to be kept beside a complaint about it: facts, meter, what was asked of the charger."""

from typing import Any

from django.utils import timezone

from stations import curves, metering
from stations.models import ChargingSession, MeterValue

MOST_READINGS = 200


def of(session: ChargingSession) -> dict[str, Any]:
    """The session as JSON. Readings are thinned evenly; the first and the last are always among them."""
    asked = session.commands.order_by("pk")[:50]
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
        },
        "readings": _readings(session),
        "commands": [
            {"action": one.action, "status": one.status, "at": _written(one.created_at), "response": one.shown_response} for one in asked
        ],
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
