"""Meter values, by themselves and inside a StopTransaction. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, cast

from ocpp_core import schemas
from ocpp_core.dialects import clock, coercion
from ocpp_core.dialects.coercion import Deviations
from stations.metering import Reading, Sample

ENERGY_REGISTER = "Energy.Active.Import.Register"
_DEFAULTS = {"context": "Sample.Periodic", "location": "Outlet", "format": "Raw"}
_ENERGY_DEFAULTS = {**_DEFAULTS, "measurand": ENERGY_REGISTER, "unit": "Wh"}
_MEASURAND_OF_UNIT = {"W": "Power.Active.Import", "kW": "Power.Active.Import", "A": "Current.Import", "V": "Voltage"}
_WORD_LIMIT = 60
_time = attrgetter("at")


@dataclass(frozen=True, slots=True)
class MeterValues:
    """What a MeterValues says; connector 0 where it names none."""

    connector_number: int
    transaction_id: int | None
    readings: tuple[Reading, ...]
    deviations: tuple[str, ...] = ()


def meter_values(payload: dict[str, Any], received_at: datetime, *, clock_skew_s: int | None = None) -> MeterValues:
    """Read a MeterValues: in a few microseconds where it is as the standard has it, with patience where it is not."""
    if schemas.is_valid("MeterValues", payload):
        readings = _well_formed(payload["meterValue"], received_at)
        transaction = payload.get("transactionId")
        number = payload["connectorId"]
        if readings is not None and 0 <= number <= coercion.INT32_MAX and (transaction is None or 0 < transaction <= coercion.INT32_MAX):
            return MeterValues(number, transaction, readings)
    seen = Deviations("MeterValues", payload)
    if payload.get("meterValue") is None:
        seen.lose("meterValue")
    return MeterValues(
        coercion.connector_number(payload, seen),
        coercion.transaction_id(payload, seen) if "transactionId" in payload else None,
        tolerant(coercion.as_list(payload.get("meterValue"), "meterValue", seen), received_at, clock_skew_s, seen),
        seen.all(),
    )


def tolerant(entries: list[Any], received_at: datetime, clock_skew_s: int | None, seen: Deviations) -> tuple[Reading, ...]:
    """Read a list of meter values, earliest first; the ones of the same time stay in the charger's order."""
    objects = [entry for entry in entries if isinstance(entry, dict)]
    if len(objects) < len(entries):
        seen.note("meterValue:type")
        seen.lose("meterValue")
    stamps = [clock.stamp_of(entry, seen) for entry in objects]
    frame_clock = clock.judge(stamps, received_at, clock_skew_s, seen)
    readings = [
        Reading(at=frame_clock.time_of(stamp), samples=samples)
        for entry, stamp in zip(objects, stamps, strict=True)
        if (samples := _samples(entry, seen))
    ]
    return tuple(sorted(readings, key=_time))


def _well_formed(entries: list[dict[str, Any]], received_at: datetime) -> tuple[Reading, ...] | None:
    """Read what passed the schema; None if its times want a closer look."""
    readings = []
    for entry in entries:
        try:
            at = datetime.fromisoformat(entry["timestamp"])
        except ValueError:  # such as a leap second
            return None
        if at.tzinfo is None or abs(received_at - at) >= clock.TOLERANCE:
            return None
        samples = []
        for given in entry["sampledValue"]:
            if "measurand" not in given and "unit" in given:
                return None
            is_energy = "measurand" not in given or given["measurand"].startswith("Energy.")
            samples.append((_ENERGY_DEFAULTS if is_energy else _DEFAULTS) | given)
        readings.append(Reading(at=at, samples=samples))
    if len(readings) > 1:
        readings.sort(key=_time)
    return tuple(readings)


def _samples(entry: Mapping[str, Any], seen: Deviations) -> list[Sample]:
    given = entry.get("sampledValue")
    if given is None and "value" in entry:  # the shape of OCPP 1.5
        seen.note("sampledValue:missing")
        given = entry["value"] if isinstance(entry["value"], (list, dict)) else dict(entry)
    sampled = coercion.as_list(given, "sampledValue", seen)
    if not sampled:
        seen.note("sampledValue:empty")
    return [sample for one in sampled if (sample := _sample(one, seen)) is not None]


def _sample(given: Any, seen: Deviations) -> Sample | None:
    value = given.get("value") if isinstance(given, dict) else None
    if value is None or isinstance(value, (bool, list, dict)):
        seen.note("sampledValue:no-value")
        seen.lose("sampledValue")
        return None
    if not isinstance(value, str):
        seen.note("value:number")
        value = format(coercion.number(value) or 0, "f")
    sample = {"value": value}
    for member in ("measurand", "unit", "phase", "context", "location", "format"):
        if said := coercion.word(given, member, _WORD_LIMIT, seen):
            sample[member] = said
    if "measurand" not in sample:
        seen.note("measurand:missing")
        sample["measurand"] = _MEASURAND_OF_UNIT.get(sample.get("unit", "Wh"), ENERGY_REGISTER)
    if "unit" not in sample and sample["measurand"].startswith("Energy."):
        sample["unit"] = "Wh"
    return cast("Sample", _DEFAULTS | sample)
