"""Rows of what meters said: many at once, each instant once, repetitions found without looking for them first."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, cast

import orjson
from django.db import connection, transaction

from stations.metering import Sample
from stations.models import MeterValue
from stations.quarantine import clean

_INSERT_POSTGRESQL = """
    INSERT INTO stations_metervalue (session_id, connector_id, at, received_at, samples, sample_count)
    SELECT * FROM unnest(
        %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], string_to_array(%s, chr(30))::jsonb[], %s::smallint[]
    )
    ON CONFLICT DO NOTHING
"""
_INSERT_SQLITE = """
    INSERT OR IGNORE INTO stations_metervalue (session_id, connector_id, at, received_at, samples, sample_count)
    VALUES (%s, %s, %s, %s, %s, %s)
"""


def array(values: Iterable[object]) -> str:
    """Numbers or times as PostgreSQL writes an array of them; built here, because a driver that must expect anything is slow."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def documents(texts: Iterable[str]) -> str:
    """JSON texts as one, to be taken apart at a character that no JSON text holds: nothing in them needs a second escaping."""
    return "\x1e".join(texts)


class Row(NamedTuple):
    """What one charger's meter said at one instant."""

    session_id: int | None
    connector_id: int
    at: datetime
    received_at: datetime
    samples: list[Sample]


def insert(rows: Sequence[Row]) -> None:
    """Store rows in one statement. What is there already stays; other values for the same instant are added to it."""
    if not rows:
        return
    written = [_json(row.samples) for row in rows]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sessions, connectors, ats, receiveds, samples = zip(*rows, strict=True)
            columns = [array(sessions), array(connectors), array(ats), array(receiveds), documents(written), array(map(len, samples))]
            cursor.execute(_INSERT_POSTGRESQL, columns)
        else:
            time = connection.ops.adapt_datetimefield_value
            cursor.executemany(
                _INSERT_SQLITE,
                [
                    (row.session_id, row.connector_id, time(row.at), time(row.received_at), text, len(row.samples))
                    for row, text in zip(rows, written, strict=True)
                ],
            )
        is_complete = cursor.rowcount == len(rows)
    if not is_complete:
        _merge(rows)


@transaction.atomic
def _merge(rows: Sequence[Row]) -> None:
    """Some instants were there already, mostly because the charger repeated itself."""
    for row in rows:
        if row.session_id is not None:
            same = MeterValue.objects.filter(session_id=row.session_id, at=row.at)
        else:
            same = MeterValue.objects.filter(session=None, connector_id=row.connector_id, at=row.at)
        stored = same.select_for_update().first()
        if stored is None:
            continue
        known = {_identity(sample) for sample in stored.samples}
        new = [sample for sample in cast("list[Sample]", clean(row.samples)) if _identity(sample) not in known]
        if new:
            stored.samples = [*stored.samples, *new]
            stored.sample_count = len(stored.samples)
            stored.save(update_fields=["samples", "sample_count"])


def _identity(sample: Sample) -> tuple[str | None, ...]:
    """What makes two values of one instant the same."""
    return sample.get("measurand"), sample.get("phase"), sample.get("context"), sample.get("value")


def _json(samples: list[Sample]) -> str:
    try:
        text = orjson.dumps(samples).decode()
    except TypeError:  # half of a surrogate pair
        return orjson.dumps(clean(samples)).decode()
    return orjson.dumps(clean(samples)).decode() if "\\u0000" in text else text
