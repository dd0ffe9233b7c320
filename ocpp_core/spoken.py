"""A kept frame taken apart again: what was said in it, for those who read the log. Pure."""

import json
from typing import Any, NamedTuple

from ocpp_core.models import OcppFrame
from stations.templatetags.energy import kw, kwh


class Spoken(NamedTuple):
    """The members of one frame beside what its row already says."""

    payload: Any
    error_code: str | None = None
    error_description: str | None = None


def read(frame: OcppFrame) -> Spoken:
    """The payload of a request or an answer, the three last members of an error; of what is no frame, the text as it came."""
    try:
        message = json.loads(frame.raw)
    except (ValueError, RecursionError):
        return Spoken(frame.raw)
    if not isinstance(message, list):
        return Spoken(frame.raw)
    if frame.type == OcppFrame.Type.ERROR:
        code, description, details = (*message[2:5], None, None, None)[:3]
        return Spoken(details if details is not None else {}, _text(code), _text(description))
    place = 3 if frame.type == OcppFrame.Type.CALL else 2
    payload = message[place] if len(message) > place else None
    return Spoken({} if payload is None else payload)


def gist(action: str, payload: Any) -> str:
    """What of a request one reads at a glance: figures and names, no sentences, for they are the charger's."""
    if not isinstance(payload, dict):
        return ""
    if action == "MeterValues":
        return " · ".join(_readings(payload))
    said = [payload[name] for name in _TELLING if isinstance(payload.get(name), str | int | float)]
    return " · ".join(str(word)[:40] for word in said[:3] if word != "NoError")


_TELLING = (
    "status",
    "errorCode",
    "key",
    "value",
    "type",
    "requestedMessage",
    "idTag",
    "reason",
    "chargePointVendor",
    "chargePointModel",
    "firmwareVersion",
)
_REGISTER, _POWER, _CHARGE = "Energy.Active.Import.Register", "Power.Active.Import", "SoC"


def _readings(payload: dict[str, Any]) -> list[str]:
    """Power, energy and state of charge of the first instant."""
    instants = payload.get("meterValue")
    first = instants[0] if isinstance(instants, list) and instants else None
    samples = first.get("sampledValue") if isinstance(first, dict) else None
    said = []
    for sample in samples if isinstance(samples, list) else []:
        if not isinstance(sample, dict) or sample.get("phase"):
            continue
        measurand, value = sample.get("measurand", _REGISTER), _number(sample.get("value"))
        thousand = 1000 if str(sample.get("unit")).startswith("k") else 1
        if value is None:
            continue
        if measurand == _POWER:
            said.append(kw(round(value * thousand)))
        elif measurand == _REGISTER:
            said.append(kwh(round(value * thousand)))
        elif measurand == _CHARGE:
            said.append(f"{round(value)} %")
    return said[:3]


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e12 else None


def _text(member: Any) -> str:
    return "" if member is None else str(member)
