"""What an owner's receipts come to in many spans of time at once: one statement, answered from an index alone.

A database cuts time into months by asking the calendar about each receipt; told where each span begins and ends it reads
the stretch between in its index, and of a hundred thousand receipts it need not look at one.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from django.db import connection
from django.utils import timezone

from billing.models import ChargeDetailRecord

NAMES = ("gross_minor", "fee_minor", "earned_minor", "energy_wh", "sessions", "vat_minor", "fee_vat_minor")
_SUMS = """
    WITH span (place, begins, ends) AS (VALUES {spans})
    SELECT span.place, SUM(cdr.total_minor), SUM(cdr.fee_minor), SUM(cdr.owner_minor),
        SUM(CASE WHEN cdr.corrects_id IS NULL THEN cdr.energy_wh ELSE 0 END), SUM(CASE WHEN cdr.corrects_id IS NULL THEN 1 ELSE 0 END),
        SUM(cdr.vat_minor), SUM(cdr.fee_vat_minor)
    FROM span JOIN {table} AS cdr ON cdr.owner_id = %s AND cdr.stopped_at >= span.begins AND cdr.stopped_at < span.ends
    WHERE cdr.driver_id IS NULL OR cdr.driver_id <> cdr.owner_id
    GROUP BY span.place
"""


def sums(owner_id: int, spans: Sequence[tuple[datetime, datetime]]) -> list[dict[str, int]]:
    """For each span what its receipts come to, by when the charging ended; corrections are no sessions.

    What the owner charged herself brings nothing and is left out.
    """
    found: list[dict[str, int]] = [dict.fromkeys(NAMES, 0) for _span in spans]
    if not spans:
        return found
    time_of = connection.ops.adapt_datetimefield_value
    values: list[Any] = [part for place, (begins, ends) in enumerate(spans) for part in (place, time_of(begins), time_of(ends))]
    row = "(%s, %s::timestamptz, %s::timestamptz)" if connection.vendor == "postgresql" else "(%s, %s, %s)"
    sql = _SUMS.format(spans=", ".join([row] * len(spans)), table=ChargeDetailRecord._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, owner_id])
        for place, *figures in cursor.fetchall():
            found[place] = {name: int(figure or 0) for name, figure in zip(NAMES, figures, strict=True)}
    return found


def midnight(day: date) -> datetime:
    """When a day begins by the clock of the house."""
    return timezone.make_aware(datetime.combine(day, time.min), timezone.get_default_timezone())


def months(first: date, last: date) -> list[date]:
    """The first days of the months from one to another."""
    count = (last.year - first.year) * 12 + last.month - first.month
    return [date(first.year + (first.month - 1 + number) // 12, (first.month - 1 + number) % 12 + 1, 1) for number in range(count + 1)]


def first_and_last(owner_id: int) -> tuple[date, date] | None:
    """When an owner's oldest and youngest receipts were made."""
    mine = ChargeDetailRecord.objects.filter(owner_id=owner_id).values_list("created_at", flat=True)
    oldest, youngest = mine.order_by("created_at").first(), mine.order_by("-created_at").first()
    if oldest is None or youngest is None:
        return None
    zone = timezone.get_default_timezone()
    return timezone.localdate(oldest, zone), timezone.localdate(youngest, zone)
