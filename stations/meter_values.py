"""Rows of what meters said: many at once, each instant once, repetitions found without looking for them first."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import orjson
from django.db import connection

from stations.metering import Sample
from stations.models import MeterValue
from stations.quarantine import clean

_INSERT_POSTGRESQL = """
    INSERT INTO stations_metervalue (session_id, connector_id, charge_point_id, at, received_at, samples, sample_count)
    SELECT * FROM unnest(
        %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[],
        string_to_array(%s, chr(30))::jsonb[], %s::smallint[]
    )
    ON CONFLICT DO NOTHING
    RETURNING id
"""
# What earlier messages left for the same instants.
_EARLIER_POSTGRESQL = """
    SELECT new.place, stored.id, stored.samples::text
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[])
        WITH ORDINALITY AS new (session_id, connector_id, charge_point_id, at, place)
    JOIN stations_metervalue AS stored ON stored.at = new.at AND stored.id <> ALL (%s::bigint[]) AND {same}
    ORDER BY stored.id
    FOR UPDATE OF stored
"""
_EARLIER_OF_SESSIONS = _EARLIER_POSTGRESQL.format(same="stored.session_id = new.session_id")
_EARLIER_OF_OUTLETS = _EARLIER_POSTGRESQL.format(
    same="stored.session_id IS NULL AND new.session_id IS NULL AND stored.connector_id = new.connector_id"
)
_EARLIER_OF_BOXES = _EARLIER_POSTGRESQL.format(same="stored.charge_point_id = new.charge_point_id")
_ADD_POSTGRESQL = """
    UPDATE stations_metervalue AS stored
    SET samples = more.samples, sample_count = more.sample_count
    FROM unnest(%s::bigint[], string_to_array(%s, chr(30))::jsonb[], %s::smallint[]) AS more (id, samples, sample_count)
    WHERE stored.id = more.id
"""
_INSERT_SQLITE = """
    INSERT OR IGNORE INTO stations_metervalue (session_id, connector_id, charge_point_id, at, received_at, samples, sample_count)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


def array(values: Iterable[object]) -> str:
    """Numbers or times as PostgreSQL writes an array of them; built here, because a driver that must expect anything is slow."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def documents(texts: Iterable[str]) -> str:
    """JSON texts as one, to be taken apart at a character that no JSON text holds: nothing in them needs a second escaping."""
    return "\x1e".join(texts)


class Row(NamedTuple):
    """What one charger's meter said at one instant; `charge_point_id` where it is about the whole box and no outlet of it."""

    session_id: int | None
    connector_id: int | None
    at: datetime
    received_at: datetime
    samples: list[Sample]
    charge_point_id: int | None = None

    @property
    def about(self) -> tuple[int | None, ...]:
        """What it is about; of that there is one row for an instant."""
        return (self.session_id,) if self.session_id is not None else (None, self.connector_id, self.charge_point_id)


def insert(rows: Sequence[Row]) -> None:
    """Store rows in one statement. What is there already stays; other values for the same instant are added to it."""
    rows = _one_for_each_instant(rows)
    if not rows:
        return
    if connection.vendor == "postgresql":
        _insert_postgresql(rows)
    else:
        _insert_sqlite(rows)


def _one_for_each_instant(rows: Sequence[Row]) -> list[Row]:
    """Put together what one message says in two entries about the same instant."""
    together: dict[tuple[tuple[int | None, ...], datetime], Row] = {}
    for row in rows:
        key = (row.about, row.at)
        known = together.setdefault(key, row)
        if known is not row:
            together[key] = known._replace(samples=[*known.samples, *_unknown(row.samples, known.samples)])
    return list(together.values())


def _insert_postgresql(rows: Sequence[Row]) -> None:
    sessions, connectors, ats, receiveds, samples, boxes = zip(*rows, strict=True)
    keys = [array(sessions), array(connectors), array(boxes), array(ats)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_POSTGRESQL, [*keys, array(receiveds), documents(map(_json, samples)), array(map(len, samples))])
        inserted = [pk for (pk,) in cursor.fetchall()]
        if len(inserted) == len(rows):
            return
        earlier: list[tuple[int, int, str]] = []
        for query in (_EARLIER_OF_SESSIONS, _EARLIER_OF_OUTLETS, *([_EARLIER_OF_BOXES] if any(boxes) else [])):
            cursor.execute(query, [*keys, array(inserted)])
            earlier += cursor.fetchall()
        more: dict[int, list[Sample]] = {}
        for place, pk, text in earlier:
            stored = more.get(pk) or orjson.loads(text)
            new = _unknown(rows[place - 1].samples, stored)
            if new:
                more[pk] = [*stored, *new]
        if more:
            cursor.execute(_ADD_POSTGRESQL, [array(more), documents(map(_json, more.values())), array(map(len, more.values()))])


def _insert_sqlite(rows: Sequence[Row]) -> None:
    time = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        for row in rows:
            about = (row.session_id, row.connector_id, row.charge_point_id)
            values = (*about, time(row.at), time(row.received_at), _json(row.samples), len(row.samples))
            cursor.execute(_INSERT_SQLITE, values)
            if not cursor.rowcount:
                _add(row)


def _add(row: Row) -> None:
    """Add what is new to an instant that is there already."""
    about: dict[str, Any] = {"session_id": row.session_id}
    if row.session_id is None:
        about |= {"connector_id": row.connector_id, "charge_point_id": row.charge_point_id}
    stored = MeterValue.objects.get(**about, at=row.at)
    new = _unknown(row.samples, stored.samples)
    if new:
        stored.samples = [*stored.samples, *new]
        stored.sample_count = len(stored.samples)
        stored.save(update_fields=["samples", "sample_count"])


def _unknown(samples: Iterable[Sample], stored: Iterable[Sample]) -> list[Sample]:
    known = {_identity(sample) for sample in stored}
    return [sample for sample in cast("list[Sample]", clean(samples)) if _identity(sample) not in known]


def _identity(sample: Sample) -> tuple[str | None, ...]:
    """What makes two values of one instant the same."""
    return sample.get("measurand"), sample.get("phase"), sample.get("context"), sample.get("value")


def _json(samples: list[Sample]) -> str:
    try:
        text = orjson.dumps(samples).decode()
    except TypeError:  # half of a surrogate pair
        return orjson.dumps(clean(samples)).decode()
    return orjson.dumps(clean(samples)).decode() if "\\u0000" in text else text
