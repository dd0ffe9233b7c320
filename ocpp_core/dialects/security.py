"""SecurityEventNotification. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ocpp_core.dialects import clock, coercion
from ocpp_core.dialects.coercion import Deviations, Unreadable


@dataclass(frozen=True, slots=True)
class SecurityEventNotification:
    """Something that touched the security of the box, and when."""

    type: str
    tech_info: str
    at: datetime
    deviations: tuple[str, ...] = ()


def security_event_notification(
    payload: dict[str, Any], received_at: datetime, *, clock_skew_s: int | None = None
) -> SecurityEventNotification:
    """Read a SecurityEventNotification. Without a type it says nothing."""
    seen = Deviations("SecurityEventNotification", payload)
    kind = coercion.text(payload, "type", 50, seen).strip()
    if not kind:
        raise Unreadable.of("SecurityEventNotification", payload)
    stamp = clock.stamp_of(payload, seen)
    return SecurityEventNotification(
        type=kind,
        tech_info=coercion.text(payload, "techInfo", 255, seen).strip(),
        at=clock.judge([stamp], received_at, clock_skew_s, seen).time_of(stamp),
        deviations=seen.all(),
    )
