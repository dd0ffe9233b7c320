"""Rows of a whole country, written in bulk: charge points on the map, and what a busy owner and a busy driver have behind them.

Half of the sessions are at the 500 chargers of one owner and every tenth is one driver's, so that each page is asked for the
worst account there is. Readings and frames are made by the database itself: five million take a minute.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import NOT_PROVIDED, Model
from django.utils import timezone

from accounts.models import User
from billing.models import ChargeDetailRecord, Tariff
from ocpp_core.models import OcppFrame
from stations.models import ChargePoint, ChargingSession, Connector, MeterValue
from tests import factories

PER_OWNER = 500
TOWNS = 400
WEST, SOUTH, EAST, NORTH = 9.0, 47.0, 19.0, 54.0
DAYS = 365
OWNER, DRIVER = "owner-0@example.com", "busy-driver@example.com"
_random = random.Random(1)


def fill(model: type[Model], rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that all name the same columns; the others get their defaults."""
    rows = iter(rows)
    first = next(rows)
    fields = {field.column: field for field in model._meta.concrete_fields if not field.primary_key}
    left_out = {
        name: field.get_db_prep_save(field.get_default(), connection)
        for name, field in fields.items()
        if name not in first and (field.default is NOT_PROVIDED or not callable(field.default))
    }
    names = [*first, *left_out]
    constants = tuple(left_out.values())
    columns = ", ".join(f'"{name}"' for name in names)

    def values() -> Iterator[tuple[Any, ...]]:
        yield (*map(_plain, first.values()), *constants)
        for row in rows:
            yield (*map(_plain, row.values()), *constants)

    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy:
                for value in values():
                    copy.write_row(value)
        else:
            marks = ", ".join(["%s"] * len(names))
            cursor.executemany(f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({marks})", values())  # type: ignore[arg-type]  # noqa: S608 - names of ours, and any iterable will do


def _plain(value: Any) -> Any:
    if connection.vendor == "postgresql":
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return value.hex if isinstance(value, UUID) else str(value) if isinstance(value, Decimal) else value


def places(count: int) -> tuple[User, User]:
    """So many charge points on the map, most of them in towns, some for members or guests alone; the busy owner and the busy driver."""
    owners = [_person(f"Owner {number}") for number in range(max(1, count // PER_OWNER))]
    tariffs = {owner.pk: factories.make_tariff(owner).pk for owner in owners}
    towns = [(_random.uniform(SOUTH, NORTH), _random.uniform(WEST, EAST), _random.paretovariate(1.2)) for _ in range(TOWNS)]
    weights = [weight for *_place, weight in towns]
    now = timezone.now()
    fill(ChargePoint, (_charge_point(number, owners[number // PER_OWNER % len(owners)].pk, towns, weights, now) for number in range(count)))
    boxes = list(ChargePoint.objects.order_by("pk").values_list("pk", "owner_id"))  # nothing is read while much is written
    fill(Connector, (row for pk, owner_id in boxes for row in _connectors(pk, tariffs[owner_id], now)))
    driver = _person("Busy Driver")
    factories.give_credit(driver, 400_000)
    analyse()
    return owners[0], driver


def _person(name: str) -> User:
    """Somebody without a password: making one up costs a quarter of a second each."""
    return User.objects.create_user(f"{name.lower().replace(' ', '-')}@example.com", None, name=name)


def _charge_point(number: int, owner_id: int, towns: list[Any], weights: list[float], now: datetime) -> dict[str, Any]:
    latitude, longitude, _weight = _random.choices(towns, weights)[0]
    if number % 3 == 0:
        latitude, longitude = _random.uniform(SOUTH, NORTH), _random.uniform(WEST, EAST)
    else:
        latitude, longitude = _random.gauss(latitude, 0.05), _random.gauss(longitude, 0.08)
    place = (Decimal(latitude).quantize(Decimal("0.000001")), Decimal(longitude).quantize(Decimal("0.000001")))
    is_online = number % 4 != 0
    return {
        "code": f"c{number:08d}",
        "owner_id": owner_id,
        "name": f"Garage {number}",
        "address": "Masarykova třída, Opava",
        "latitude": place[0],
        "longitude": place[1],
        "public_latitude": place[0],
        "public_longitude": place[1],
        "search_text": f"garage {number} opava",
        "access": {0: "private", 1: "members"}.get(number % 20, "public"),
        "is_published": number % 50 != 7,
        "identity": f"BENCH-{number}",
        "identity_key": f"bench-{number}",
        "connection": UUID(int=number + 1) if is_online else None,
        "last_seen_at": now + timedelta(days=1) if is_online else now - timedelta(days=1),
        "booted_at": now,
        "created_at": now,
    }


def _connectors(charge_point_id: int, tariff_id: int, now: datetime) -> Iterator[dict[str, Any]]:
    for number in range(1, 2 + (charge_point_id % 5 == 0)):
        yield {
            "charge_point_id": charge_point_id,
            "number": number,
            "type": ("TYPE_2", "CCS", "SCHUKO")[charge_point_id % 3],
            "max_power_w": (11_000, 50_000, 3_700)[charge_point_id % 3],
            "tariff_id": tariff_id,
            "status": "Available" if charge_point_id % 7 else "Charging",
            "status_at": now,
            "status_received_at": now,
        }


def history(owner: User, driver: User, *, sessions: int, readings: int, frames: int) -> None:
    """A year of settled sessions with their receipts and readings, and the frames of the last days."""
    drivers = [driver.pk, *(_person(f"Driver {number}").pk for number in range(50))]
    mine = list(ChargePoint.objects.filter(owner=owner).order_by("pk").values_list("pk", "code", "connectors__pk", "owner_id")[:PER_OWNER])
    all_of_them = list(ChargePoint.objects.exclude(owner=owner).order_by("pk").values_list("pk", "code", "connectors__pk", "owner_id"))
    outlets = [
        mine[number // 2 % len(mine)] if number % 2 else (all_of_them or mine)[number % len(all_of_them or mine)]
        for number in range(sessions)
    ]
    prices = dict(Tariff.objects.values_list("owner_id", "current_id"))
    began = timezone.now().replace(microsecond=0) - timedelta(days=DAYS)
    step = timedelta(days=DAYS) / sessions
    fill(ChargeDetailRecord, (_receipt(number, outlets[number], drivers, began + step * number) for number in range(sessions)))
    receipts = dict(ChargeDetailRecord.objects.values_list("number", "pk"))
    rows = (
        {**_session(number, outlets[number], drivers, began + step * number, prices), "cdr_id": receipts[f"B-{number}"]}
        for number in range(sessions)
    )
    fill(ChargingSession, rows)
    _readings(max(1, readings // sessions))
    _frames(mine[0][0], mine[-1][0], frames)
    analyse()


def _receipt(number: int, outlet: tuple[Any, ...], drivers: list[int], at: datetime) -> dict[str, Any]:
    return {
        "number": f"B-{number}",
        "session_code": UUID(int=number + 1),
        "driver_id": _driver(number, drivers),
        "owner_id": outlet[3],
        "owner_name": "Owner",
        "place_name": "Garage",
        "charge_point_code": outlet[1],
        "connector_label": "1 · Type 2",
        "started_at": at,
        "stopped_at": at + timedelta(hours=2),
        "meter_start_wh": 0,
        "meter_stop_wh": 10_000,
        "energy_wh": 10_000,
        "currency": "CZK",
        "total_minor": 6_500,
        "fee_minor": 650,
        "owner_minor": 5_850,
        "cash_minor": 6_500,
        "tariff": '{"price_per_kwh": "6.5000"}',
        "readings": "[" + ", ".join(f'["{at.isoformat()}", {wh}, 7200]' for wh in range(0, 10_000, 400)) + "]",
        "created_at": at + timedelta(hours=2),
    }


def _driver(number: int, drivers: list[int]) -> int:
    return drivers[0] if number % 10 == 0 else drivers[1 + number % (len(drivers) - 1)]


def _session(number: int, outlet: tuple[Any, ...], drivers: list[int], at: datetime, prices: dict[int, int]) -> dict[str, Any]:
    return {
        "code": UUID(int=number + 1),
        "charge_point_id": outlet[0],
        "connector_id": outlet[2],
        "driver_id": _driver(number, drivers),
        "owner_id": outlet[3],
        "status": "COMPLETED",
        "transaction_id": number + 1,
        "created_at": at,
        "started_at": at,
        "start_received_at": at,
        "stopped_at": at + timedelta(hours=2),
        "stop_received_at": at + timedelta(hours=2),
        "meter_start_wh": 0,
        "meter_stop_wh": 10_000,
        "energy_wh": 10_000,
        "tariff_version_id": prices[outlet[3]],
        "meter": "{}",
        "idle": "[]",
    }


def _series(count: int) -> str:
    """Numbers from 0 as `n`."""
    if connection.vendor == "postgresql":
        return f"generate_series(0, {count - 1}) AS n"
    return f"(WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < {count - 1}) SELECT n FROM r)"  # noqa: S608 - a number


def _readings(each: int) -> None:
    """For every session so many, 5 minutes apart."""
    sample = (
        '[{"value": "1000", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},'
        ' {"value": "7200", "measurand": "Power.Active.Import", "unit": "W"}]'
    )
    columns = "session_id, connector_id, at, received_at, samples, sample_count"
    if connection.vendor == "postgresql":
        at, json = "started_at + n * interval '5 minutes'", f"'{sample}'::jsonb"
    else:
        at, json = "datetime(started_at, '+' || (n * 5) || ' minutes')", f"'{sample}'"
    _execute(
        f"INSERT INTO {MeterValue._meta.db_table} ({columns}) SELECT id, connector_id, {at}, {at}, {json}, 2"  # noqa: S608 - ours
        f" FROM {ChargingSession._meta.db_table} CROSS JOIN {_series(each)}"
    )


def _frames(first: int, last: int, count: int) -> None:
    """Requests and answers by turns; a third of them of the first charger."""
    if connection.vendor == "postgresql":
        at = f"now() - interval '10 days' + n * interval '{864_000 / count} seconds'"
    else:
        at = f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-10 days', '+' || (n * {864_000 / count}) || ' seconds')"
    said = (
        '","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-11-20T12:00:00Z",'
        '"sampledValue":[{"value":"1000","measurand":"Energy.Active.Import.Register","unit":"Wh"}]}]}]'
    )
    _execute(
        f"INSERT INTO {OcppFrame._meta.db_table} (charge_point_id, at, direction, type, message_id, action, raw, answered_in_ms)"  # noqa: S608
        f" SELECT CASE WHEN n / 2 % 3 = 0 THEN {first} ELSE {first} + n / 2 % {max(1, last - first)} END, {at},"
        " CASE WHEN n % 2 = 0 THEN 'from_charger' ELSE 'to_charger' END, CASE WHEN n % 2 = 0 THEN 'call' ELSE 'result' END,"
        " 'm' || (n / 2), 'MeterValues',"
        f""" CASE WHEN n % 2 = 0 THEN '[2,"m' || (n / 2) || '{said}' ELSE '[3,"m' || (n / 2) || '",{{}}]' END,"""
        f" CASE WHEN n % 2 = 1 THEN 5 END FROM {_series(count)}"
    )


def _execute(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def analyse() -> None:
    """Let the planner know what there is, as it does by itself in time."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def viewport(latitude: float, longitude: float, count: int) -> tuple[float, float, float, float]:
    """The box around a place that holds so many of the charge points on the map, or hardly fewer: west, south, east, north."""
    least, most = 0.0, 30.0
    for _halving in range(40):
        half = (least + most) / 2
        west, south, east, north = longitude - 1.5 * half, latitude - half, longitude + 1.5 * half, latitude + half
        inside = ChargePoint.objects.published().filter(public_latitude__range=(south, north), public_longitude__range=(west, east)).count()
        least, most = (half, most) if inside <= count else (least, half)
    return longitude - 1.5 * least, latitude - least, longitude + 1.5 * least, latitude + least
