"""What chargers say when they all speak at once, as after a power cut: the plain cases of many in a handful of statements.

Each function takes the rows it may change, locked by `locked` in the transaction of the caller, and says which of them it has
dealt with. Whatever is not plain, a session at the outlet or an outlet nobody knew, is left to `connectivity`, which knows
everything. The rows that somebody else holds are not there at all: nobody waits for a lock while others wait for him.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from chargeshare import bus
from stations import connectivity, live
from stations.models import ChargePoint, ChargingSession, Command, Connector

_CHARGE_POINT = ChargePoint._meta.db_table
_CONNECTOR = Connector._meta.db_table


@dataclass(frozen=True, slots=True)
class Stand:
    """How one charger says that an outlet, or its whole box (0), stands."""

    charge_point: ChargePoint
    connector_number: int
    status: str
    error_code: str
    info: str
    vendor_error_code: str
    at: datetime
    received_at: datetime
    skew_s: int | None


def locked(charge_point_ids: Collection[int]) -> dict[int, ChargePoint]:
    """The charge points that nobody else is changing, for ourselves alone until the transaction ends."""
    return {one.pk: one for one in free(ChargePoint.objects.filter(pk__in=charge_point_ids))}


def free(charge_points: QuerySet[ChargePoint]) -> QuerySet[ChargePoint]:
    """Those of them that nobody else is changing, locked."""
    return charge_points.select_for_update(skip_locked=True, no_key=True, of=("self",)).order_by("pk")


def connected(sockets: Mapping[int, UUID], charge_points: Iterable[ChargePoint], *, at: datetime) -> None:
    """Sockets were let in. Whoever holds an older one of the same chargers is told to close it."""
    rows = [(socket, at, at, pk) for pk, socket in sockets.items()]
    _change(_CHARGE_POINT, ("connection", "connected_at", "last_seen_at"), rows)
    bus.publish("chargers", "chargers.moved", moved=[[pk, str(socket)] for pk, socket in sockets.items()])
    live.charge_points_changed(charge_points, "connection")


def with_commands(charge_point_ids: Collection[int]) -> set[int]:
    """Those among them to which something was spoken that they have not answered."""
    sent = Command.objects.filter(charge_point_id__in=charge_point_ids, status=Command.Status.SENT)
    return set(sent.values_list("charge_point_id", flat=True))


def disconnected(sockets: Mapping[int, UUID], charge_points: Mapping[int, ChargePoint], *, at: datetime) -> set[int]:
    """Sockets closed; the chargers for which that was said. Those with a session are left out: it may have to end its idle time."""
    active = ChargingSession.objects.filter(charge_point_id__in=charge_points, status=ChargingSession.Status.ACTIVE)
    busy = set(active.values_list("charge_point_id", flat=True))
    plain = {pk: one for pk, one in charge_points.items() if pk not in busy}
    gone = [pk for pk, one in plain.items() if one.connection == sockets[pk]]
    ChargePoint.objects.filter(pk__in=gone).update(connection=None, last_seen_at=at)
    live.charge_points_changed([plain[pk] for pk in gone], "connection")
    return set(plain)


def booted(boots: Sequence[tuple[ChargePoint, datetime, connectivity.Boot]]) -> None:
    """Boxes started."""
    rows = []
    for charge_point, received_at, said in boots:
        connectivity.take_boot(charge_point, received_at, said)
        rows.append((*(getattr(charge_point, name) for name in connectivity.OF_A_BOOT), charge_point.pk))
    _change(_CHARGE_POINT, connectivity.OF_A_BOOT, rows)
    live.charge_points_changed([charge_point for charge_point, _at, _said in boots], "details")


def stood(words: Sequence[Stand]) -> set[int]:
    """How outlets and boxes stand; the charge points whose word was plain and is kept. One word of a charge point at a time."""
    outlets = _outlets(words)
    kept, clocks, news = set(), [], []
    boxes: list[tuple[Any, ...]] = []
    stands: list[tuple[Any, ...]] = []
    seen: list[tuple[Any, ...]] = []
    for word in words:
        charge_point, said_at = word.charge_point, min(word.at, word.received_at)
        outlet = outlets.get((charge_point.pk, word.connector_number))
        if word.connector_number != 0 and (outlet is None or outlet.is_charging):
            continue
        kept.add(charge_point.pk)
        if word.skew_s is not None and connectivity.learn_clock(charge_point, word.skew_s, word.received_at):
            clocks.append(tuple(getattr(charge_point, name) for name in (*connectivity.OF_A_CLOCK, "pk")))
        said = connectivity.words(word.status, word.error_code, word.info, word.vendor_error_code)
        if outlet is None:
            if connectivity.is_news_of_box(charge_point, said["status"], said["error_code"], said_at):
                boxes.append((said["status"], said["error_code"], said_at, charge_point.pk))
                news.append(charge_point)
        elif outlet.status_at is not None and said_at < outlet.status_at:
            pass
        elif any(getattr(outlet, name) != one for name, one in said.items()):
            stands.append((*said.values(), said_at, word.received_at, outlet.pk))
            news.append(charge_point)
        elif connectivity.is_worth_refreshing(outlet, word.received_at):
            seen.append((word.received_at, outlet.pk))
    _change(_CHARGE_POINT, connectivity.OF_A_CLOCK, clocks)
    _change(_CHARGE_POINT, ("status", "error_code", "status_at"), boxes)
    _change(_CONNECTOR, (*connectivity.OF_A_STATUS, "status_at", "status_received_at"), stands)
    _change(_CONNECTOR, ("status_received_at",), seen)
    live.charge_points_changed(news, "status")
    return kept


def _outlets(words: Sequence[Stand]) -> dict[tuple[int, int], Connector]:
    """The outlets that are meant and that nobody else is changing, locked, each with whether somebody charges there."""
    boxes = {word.charge_point.pk for word in words if word.connector_number != 0}
    numbers = {word.connector_number for word in words if 0 < word.connector_number <= connectivity.MOST_NUMBER}
    if not boxes or not numbers:
        return {}
    wanted = Connector.objects.filter(charge_point__in=boxes, number__in=numbers)
    found = wanted.select_for_update(skip_locked=True, no_key=True, of=("self",)).order_by("pk")
    return {(outlet.charge_point_id, outlet.number): outlet for outlet in found}


def _change(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Give rows their new values; the last value of each is its id. The driver sends them all before it waits."""
    if not rows:
        return
    said = f"UPDATE {table} SET {', '.join(f'{name} = %s' for name in columns)} WHERE id = %s"  # noqa: S608 - names of ours
    with connection.cursor() as cursor:
        cursor.executemany(said, [[_adapted(value) for value in row] for row in rows])


def _adapted(value: Any) -> Any:
    """Spell a value as this database keeps it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value.hex if isinstance(value, UUID) and not connection.features.has_native_uuid_field else value
