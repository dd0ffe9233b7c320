"""The configuration keys of a charger, as it last told them or let them be set."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from ocpp_core.models import ConfigurationKey


def entries(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Pick the keys out of an answer to GetConfiguration, whatever else it holds."""
    entries = answer.get("configurationKey")
    return [entry for entry in entries if isinstance(entry, dict) and "key" in entry] if isinstance(entries, list) else []


def remember(charge_point_id: int, answer: Mapping[str, Any]) -> None:
    """Keep what GetConfiguration was answered."""
    now = timezone.now()
    known = {
        str(entry["key"])[:100]: {
            "value": _shown(str(entry["key"]), entry.get("value")),
            "is_readonly": entry.get("readonly") is True,
            "is_known": True,
        }
        for entry in entries(answer)
    }
    unknown = answer.get("unknownKey")
    for key in unknown if isinstance(unknown, list) else []:
        known.setdefault(str(key)[:100], {"value": None, "is_readonly": False, "is_known": False})
    for key, said in known.items():
        ConfigurationKey.objects.update_or_create(charge_point_id=charge_point_id, key=key, defaults={**said, "read_at": now})


def remember_set(charge_point_id: int, key: str, value: str) -> None:
    """Keep what a charger let itself be told."""
    defaults = {"value": _shown(key, value), "is_known": True, "read_at": timezone.now()}
    ConfigurationKey.objects.update_or_create(charge_point_id=charge_point_id, key=key[:100], defaults=defaults)


def _shown(key: str, value: object) -> str | None:
    if value is None:
        return None
    return "***" if key.casefold() == "authorizationkey" else str(value)[:10_000]
