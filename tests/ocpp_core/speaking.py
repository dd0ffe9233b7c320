"""What a charger says, handed to a handler without a socket in between."""

from datetime import datetime
from typing import Any

import orjson

from ocpp_core import frame_log
from ocpp_core.handlers.requests import Facts, Request
from stations.models import ChargePoint


def request_of(charge_point: ChargePoint, action: str, payload: dict[str, Any], at: datetime) -> Request:
    """One CALL of a charger as the handlers get it."""
    raw = orjson.dumps([2, "1", action, payload]).decode()
    row = frame_log.row(charge_point.pk, at, frame_log.FROM_CHARGER, frame_log.CALL, "1", action, raw)
    return Request(Facts(charge_point.pk, charge_point.identity), action, payload, at, row)
