"""Old readings, thinned: after 90 days of a session only those are kept that its bill, its receipt and its curve need.

Kept are the first and the last, those its receipt shows, what stands at the beginning and the end of the transaction, what
is signed, whatever was doubtful with its neighbours, those beside every hour at which a price changes, and one in five
minutes. Before anything is deleted the session is priced and measured again from what would be left: unless that comes to
the same to the heller and to the watt-hour, all of it stays. So does everything somebody disputed or looked into.

It works for a few seconds at a time, a session a transaction, and goes on from the newest session it has been through.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

from billing import pricing
from billing.models import Dispute
from stations import budgets, limits, metering
from stations.metering import Meter
from stations.models import ChargingSession, Connector, MeterCase, MeterValue, ThinnedReadings
from stations.sessions import billing

KEPT_WHOLE = timedelta(days=90)
ONE_IN = timedelta(minutes=5)
WORKS_S = 5.0
SESSIONS_AT_ONCE = 200
ROWS_AT_ONCE = 1000
OUTLETS_AT_ONCE = 500


class Row(NamedTuple):
    """One reading."""

    pk: int
    at: datetime
    received_at: datetime
    samples: list[Any]


def thin(*, now: datetime) -> int:
    """Go through sessions that are old enough, for a few seconds; returns how many readings went."""
    removed, until = 0, monotonic() + WORKS_S
    while monotonic() < until:
        newest = ThinnedReadings.objects.order_by("-session_id").values_list("session_id", flat=True).first() or 0
        following = ChargingSession.objects.filter(pk__gt=newest).order_by("pk").values_list("pk", "created_at")[:SESSIONS_AT_ONCE]
        old = [pk for pk, created_at in following if created_at < now - KEPT_WHOLE]
        for pk in old:
            removed += _thin(pk, now)
            if monotonic() >= until:
                break
        if not old:
            break
    return removed


@transaction.atomic
def _thin(pk: int, now: datetime) -> int:
    """Thin the readings of one session, once."""
    locked = ChargingSession.objects.select_for_update(of=("self",))
    session = locked.select_related("charge_point", "connector", "tariff_version__tariff", "cdr").get(pk=pk)
    if ThinnedReadings.objects.filter(session=session).exists():
        return 0
    rows = [Row(*row) for row in session.meter_values.order_by("at", "pk").values_list("pk", "at", "received_at", "samples")]
    kept = rows if _is_kept_whole(session) else chosen(session, rows)
    if len(kept) < len(rows) and what_it_comes_to(session, kept) != what_it_comes_to(session, rows):
        kept = rows
    stay = {row.pk for row in kept}
    gone = [row.pk for row in rows if row.pk not in stay]
    for begin in range(0, len(gone), ROWS_AT_ONCE):
        MeterValue.objects.filter(pk__in=gone[begin : begin + ROWS_AT_ONCE]).delete()
    ThinnedReadings.objects.create(session=session, thinned_at=now, kept=len(kept), removed=len(gone))
    return len(gone)


def _is_kept_whole(session: ChargingSession) -> bool:
    """Whether somebody has looked into it, or it has not come to its end."""
    if not session.has_ended or session.status == ChargingSession.Status.REVIEW:
        return True
    return MeterCase.objects.filter(session=session).exists() or Dispute.objects.filter(cdr__session_code=session.code).exists()


def chosen(session: ChargingSession, rows: Sequence[Row]) -> list[Row]:
    """Those of its readings that are kept."""
    if not rows:
        return []
    keep = {0, len(rows) - 1, *_one_in_a_while(rows), *_doubtful(session, rows)}
    shown = {said[0] for said in (session.cdr.readings if session.cdr is not None else [])}
    turns = _turns_of_price(session, rows[0].at, rows[-1].at)
    for index, row in enumerate(rows):
        if f"{row.at:%Y-%m-%dT%H:%M:%SZ}" in shown or budgets.is_proof(row.samples):
            keep.add(index)
        if turns and row.at >= turns[0]:
            keep |= {max(0, index - 1), index}
            while turns and row.at >= turns[0]:
                turns.pop(0)
    return [rows[index] for index in sorted(keep)]


def _one_in_a_while(rows: Sequence[Row]) -> Iterable[int]:
    before: datetime | None = None
    for index, row in enumerate(rows):
        if before is None or row.at - before >= ONE_IN:
            before = row.at
            yield index


def _doubtful(session: ChargingSession, rows: Sequence[Row]) -> Iterable[int]:
    """Where the register did what no register should, and what stands beside it."""
    meter = _meter(session)
    for index, row in enumerate(rows):
        before = (meter.jumps, meter.resets, meter.relative, meter.before)
        if not _advance(session, meter, row) or (meter.jumps, meter.resets, meter.relative, meter.before) != before:
            yield from range(max(0, index - 2), min(index + 3, len(rows)))


def _turns_of_price(session: ChargingSession, first: datetime, last: datetime) -> list[datetime]:
    """The quarters of an hour at which a price by the time of day may change: energy must be known on both sides of each."""
    if session.tariff_version is None or not session.tariff_version.bands:
        return []
    quarter = timedelta(minutes=15)
    turn = first.replace(minute=first.minute // 15 * 15, second=0, microsecond=0) + quarter
    turns = []
    while turn <= last:
        turns.append(turn)
        turn += quarter
    return turns


def what_it_comes_to(session: ChargingSession, rows: Sequence[Row]) -> tuple[Any, ...]:
    """The lines of its bill and the state of its meter, as these readings have it."""
    meter = _meter(session)
    for row in rows:
        _advance(session, meter, row)
    prices = limits.prices_of(session)
    said = [(row.at, row.received_at, row.samples) for row in rows]
    lines = pricing.price(prices, billing.usage(session, said)) if prices is not None else []
    return lines, meter.register, meter.energy, meter.jumps, meter.resets, meter.relative


def _meter(session: ChargingSession) -> Meter:
    began_at = session.started_at or session.created_at
    return Meter.begun(session.meter_start_wh, began_at, session.start_received_at or began_at)


def _advance(session: ChargingSession, meter: Meter, row: Row) -> bool:
    """Count one reading; False where its register was an old one that came late."""
    register = metering.measured(row.samples).energy_wh
    if register is None:
        return True
    power_w = session.connector.max_power_w
    return meter.advance(register, row.at.timestamp(), row.received_at.timestamp(), power_w, settings.METER_SLACK_WH)


def forget_outside(*, now: datetime) -> int:
    """Delete old readings that belong to no session, outlet by outlet as they are indexed; returns how many went."""
    removed, until = 0, monotonic() + WORKS_S
    outlets = list(Connector.objects.order_by("pk").values_list("pk", flat=True))
    parts: list[dict[str, Any]] = [
        {"connector__in": outlets[begin : begin + OUTLETS_AT_ONCE]} for begin in range(0, len(outlets), OUTLETS_AT_ONCE)
    ]
    for part in [*parts, {"connector": None, "charge_point__isnull": False}]:
        old = MeterValue.objects.filter(**part, session=None, at__lt=now - KEPT_WHOLE).order_by().values_list("pk", flat=True)
        while monotonic() < until and (chunk := list(old[:ROWS_AT_ONCE])):
            removed += MeterValue.objects.filter(pk__in=chunk).delete()[0]
    return removed
