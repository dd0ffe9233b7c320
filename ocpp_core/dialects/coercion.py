"""Texts, whole numbers and words of a list out of whatever a charger put there. Pure."""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Self

from ocpp.v16 import enums

from ocpp_core import schemas

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1

_UNUSABLE = ":unusable"
_NEVER_MISSED = frozenset({"transactionId", "reservationId"})  # no number of ours: sessions are found without it
_CONTROLS = dict.fromkeys((*range(32), 127))

# What chargers write for a word of the standard, where folding case and punctuation does not lead to it.
_OTHER_WORDS = {
    "unit": {"hz": "Hertz", "hertz": "Hertz", "%": "Percent", "c": "Celsius", "celcius": "Celcius", "amp": "A", "volt": "V"},
    "errorCode": {"": "NoError"},
    "firmwareStatus": {
        "downloadfailure": "DownloadFailed",
        "installfailed": "InstallationFailed",
        "installationfailure": "InstallationFailed",
        "rebooting": "InstallRebooting",
    },
    "uploadStatus": {"uploadsuccess": "Uploaded", "uploadsucceeded": "Uploaded"},
}
_WORDS = {
    "measurand": enums.Measurand,
    "unit": enums.UnitOfMeasure,
    "context": enums.ReadingContext,
    "location": enums.Location,
    "phase": enums.Phase,
    "format": enums.ValueFormat,
    "status": enums.ChargePointStatus,
    "errorCode": enums.ChargePointErrorCode,
    "reason": enums.Reason,
    "firmwareStatus": enums.FirmwareStatus,
    "uploadStatus": (*enums.DiagnosticsStatus, *enums.UploadLogStatus),
}


class Unreadable(ValueError):
    """A payload nothing could be made of, with the error code the standard has for its fault."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description

    @classmethod
    def of(cls, action: str, payload: dict[str, Any]) -> Self:
        """Judge a payload by the official schema."""
        return cls(schemas.error_code_for(action, payload), schemas.problems(action, payload) or "The payload cannot be understood.")


class Deviations:
    """Collects, each once and in the order met, what had to be overlooked."""

    def __init__(self, action: str, payload: Mapping[str, Any]) -> None:
        self._seen: dict[str, None] = {}
        if not payload.keys() <= schemas.members(action):
            self.note("payload:extra")

    def note(self, deviation: str) -> None:
        """Remember one, such as "connectorId:text"."""
        self._seen[deviation] = None

    def lose(self, member: str) -> None:
        """Remember a member that something stood in and nothing could be made of."""
        self.note(f"{member}{_UNUSABLE}")

    def all(self) -> tuple[str, ...]:
        """Give what was collected."""
        return tuple(self._seen)


def unusable(deviations: Iterable[str]) -> str:
    """Name the members that were lost, for staff to look at; "" where all that was said could be used."""
    lost = sorted(deviation.removesuffix(_UNUSABLE) for deviation in deviations if deviation.endswith(_UNUSABLE))
    return ", ".join(f"{member} cannot be used" for member in lost if member not in _NEVER_MISSED)


def text(payload: Mapping[str, Any], member: str, limit: int, seen: Deviations) -> str:
    """Read a text; "" where there is none. Control bytes go, the word "null" means nothing, what is too long is cut."""
    given = payload.get(member)
    if given is None:
        if member in payload:
            seen.note(f"{member}:null")
        return ""
    if isinstance(given, (dict, list, bool)):
        seen.note(f"{member}:type")
        seen.lose(member)
        return ""
    if not isinstance(given, str):
        seen.note(f"{member}:number")
        given = str(given)
    cleaned: str = given.translate(_CONTROLS)
    if cleaned != given:
        seen.note(f"{member}:control")
    if cleaned.strip().casefold() == "null":
        seen.note(f"{member}:null")
        return ""
    if len(cleaned) > limit:
        seen.note(f"{member}:long")
    return cleaned[:limit]


def whole(payload: Mapping[str, Any], member: str, seen: Deviations, *, least: int, most: int) -> int | None:
    """Read a whole number; None where there is none that can be used."""
    given = payload.get(member)
    if type(given) is int and least <= given <= most:
        return given
    if given is None:
        seen.note(f"{member}:null" if member in payload else f"{member}:missing")
        return None
    if not isinstance(given, int) or isinstance(given, bool):
        seen.note(f"{member}:{'text' if isinstance(given, str) else 'type'}")
    found = number(given)
    if found is None:
        seen.lose(member)
        return None
    if found != found.to_integral_value():
        seen.note(f"{member}:fraction")
    nearest = round(found)
    if not least <= nearest <= most:
        seen.note(f"{member}:range")
        seen.lose(member)
        return None
    return nearest


def word(payload: Mapping[str, Any], member: str, limit: int, seen: Deviations) -> str:
    """Read a word of one of the standard's lists, however it is spelt; one that is in no list stays as it came."""
    given = payload.get(member)
    if type(given) is str and given in _exact(member):
        return given
    said = text(payload, member, limit, seen).strip()
    meant = official(member, said) if said else None
    if meant is None:
        if said:
            seen.note(f"{member}:unknown")
        return said
    if meant != said:
        seen.note(f"{member}:spelling")
    return meant


@lru_cache(maxsize=4096)
def official(member: str, said: str) -> str | None:
    """Give the standard's spelling of a word, or None if it has no such word."""
    folded = _fold(said)
    for word_ in _WORDS[member]:
        if _fold(word_.value) == folded:
            return str(word_.value)
    return _OTHER_WORDS.get(member, {}).get(folded)


def connector_number(payload: Mapping[str, Any], seen: Deviations) -> int:
    """Read connectorId; what cannot be used is 0, the box itself."""
    return whole(payload, "connectorId", seen, least=0, most=INT32_MAX) or 0


def transaction_id(payload: Mapping[str, Any], seen: Deviations) -> int | None:
    """Read transactionId. What we never gave (0, negative, over 32 bits, nothing) is None: no transaction, not some other one."""
    return whole(payload, "transactionId", seen, least=1, most=INT32_MAX)


def as_list(value: Any, member: str, seen: Deviations) -> list[Any]:
    """Wrap a single object where a list belongs."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        seen.note(f"{member}:object")
        return [value]
    if value is not None:
        seen.note(f"{member}:type")
        seen.lose(member)
    return []


@lru_cache(maxsize=32)
def _exact(member: str) -> frozenset[str]:
    return frozenset(word_.value for word_ in _WORDS[member])


def _fold(said: str) -> str:
    return "".join(character for character in said.casefold() if character.isalnum() or character == "%")


def number(given: object) -> Decimal | None:
    """Read a number from a number or a text, decimal comma and spaces allowed; None if it is none, or not finite."""
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        return None
    if isinstance(given, float) and not math.isfinite(given):
        return None
    written = str(given).strip()
    if written.count(",") == 1 and "." not in written:
        written = written.replace(",", ".")
    try:
        read = Decimal(written)
    except InvalidOperation:
        return None
    return read if read.is_finite() and abs(read.adjusted()) <= 30 else None
