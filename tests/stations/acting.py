"""What chargers do, straight at the rooms: plain functions for the tests of sessions."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from accounts.models import User
from billing import ledger
from ocpp_core import frame_log
from stations import connectivity, sessions
from stations.metering import Reading
from stations.models import ChargePoint, ChargingSession
from stations.sessions import Started, StopAnswer

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def go_online(charge_point: ChargePoint) -> ChargePoint:
    """A socket opens."""
    connectivity.connected(charge_point.pk, uuid4(), at=timezone.now())
    charge_point.refresh_from_db()
    return charge_point


def speak(charge_point: ChargePoint, *, at: datetime | None = None) -> None:
    """A word of the box itself."""
    said = frame_log.row(
        charge_point.pk, at or timezone.now(), frame_log.FROM_CHARGER, frame_log.CALL, "1", "Heartbeat", '[2,"1","Heartbeat",{}]'
    )
    frame_log.write([said])


def begin(
    charge_point: ChargePoint, id_tag: str, *, meter: int | None = 1000, at: datetime = NOON, number: int = 1, **more: Any
) -> Started:
    """A StartTransaction; the same words are the same start."""
    said = {
        "connector_number": number,
        "id_tag": id_tag,
        "meter_start_wh": meter,
        "started_at": at,
        "started_at_said": at.isoformat(),
        "received_at": at,
        "start_key": f"{charge_point.pk}|{number}|{id_tag}|{at}|{meter}",
        **more,
    }
    return sessions.begin(charge_point, **said)


def stop(charge_point: ChargePoint, transaction_id: int | None, *, meter: int | None, at: datetime, **more: Any) -> StopAnswer:
    """A StopTransaction."""
    said = {"stopped_at": at, "stopped_at_said": at.isoformat(), "reason": "Local", "id_tag": "", "received_at": at, **more}
    return sessions.stop(charge_point, transaction_id=transaction_id, meter_stop_wh=meter, **said)


def reading(minutes: float, register: int, **more: str) -> Reading:
    """What the meter says so many minutes after noon."""
    return Reading(NOON + timedelta(minutes=minutes), [{"value": str(register), "unit": "Wh", **more}])  # type: ignore[typeddict-item]


def session_of(started: Started) -> ChargingSession:
    """The session's row as it is now."""
    return ChargingSession.objects.select_related("connector", "charge_point", "cdr", "hold").get(transaction_id=started.transaction_id)


def available_minor(user: User) -> int:
    """What this person could spend now."""
    return ledger.wallet(user).available_minor


def balance_minor(user: User) -> int:
    """What this person has."""
    return ledger.wallet(user).balance_minor


HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
