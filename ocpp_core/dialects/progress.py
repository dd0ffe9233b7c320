"""What a charger says of something it does by itself: an update of its firmware, an upload of its log. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ocpp_core.dialects.coercion import INT32_MAX, Deviations, Unreadable, official, text, whole

LONGEST_WORD = 40
_LISTS = {
    "DiagnosticsStatusNotification": "uploadStatus",
    "FirmwareStatusNotification": "firmwareStatus",
    "LogStatusNotification": "uploadStatus",
    "SignedFirmwareStatusNotification": "firmwareStatus",
}


@dataclass(frozen=True)
class Report:
    """One word on it, and which of our requests it is about, where the message has a number for that."""

    status: str
    request_id: int | None
    deviations: tuple[str, ...]


def progress(action: str, payload: dict[str, Any]) -> Report:
    """Read one of the four status notifications. A word the standard does not know stays as it came."""
    seen = Deviations(action, payload)
    said = text(payload, "status", LONGEST_WORD, seen).strip()
    if not said:
        raise Unreadable.of(action, payload)
    list_ = _LISTS[action]
    meant = official(list_, said)
    if meant != said:
        seen.note(f"{list_}:{'unknown' if meant is None else 'spelling'}")
    return Report(meant or said, _request_id(payload, seen), seen.all())


def _request_id(payload: Mapping[str, Any], seen: Deviations) -> int | None:
    """Read the number of the request, where there is one."""
    if payload.get("requestId") is None:
        return None
    return whole(payload, "requestId", seen, least=-INT32_MAX - 1, most=INT32_MAX)
