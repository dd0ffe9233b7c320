"""How long chargers were there, by their sockets and words: what only this floor knows of their reliability."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Min, Q

from ocpp_core import frame_log
from ocpp_core.models import ConnectionAttempt
from stations import reliability, reservations
from stations.models import ChargePoint

ACCEPTED = ConnectionAttempt.Outcome.ACCEPTED


def count(*, now: datetime) -> int:
    """Count those whose turn it is, so many at a time."""
    chargers = reliability.due(now=now)
    return reliability.record(chargers, seconds_online(chargers, now=now), now=now) if chargers else 0


def give_up_bookings(*, now: datetime) -> int:
    """Give up bookings to which nobody came; whether their chargers were in order, only this floor has heard."""
    return reservations.expire(now=now, last_words=frame_log.last_words)


def seconds_online(chargers: list[ChargePoint], *, now: datetime) -> Mapping[int, tuple[int, int]]:
    """For how many seconds each was watched, and how many of them it had a socket. One socket ends where the next begins."""
    since = now - reliability.SPAN
    accepted = ConnectionAttempt.objects.filter(charge_point__in=chargers, outcome=ACCEPTED).order_by()
    first = dict(accepted.values_list("charge_point").annotate(Min("first_at")))
    sockets: dict[int, list[tuple[datetime, datetime | None]]] = {}
    lately = accepted.filter(Q(closed_at=None) | Q(closed_at__gt=since)).order_by("first_at")
    for pk, began_at, closed_at in lately.values_list("charge_point", "first_at", "closed_at").iterator():
        sockets.setdefault(pk, []).append((began_at, closed_at))
    found = {}
    for charge_point in chargers:
        if charge_point.pk not in first:
            continue
        watched_from = max(since, first[charge_point.pk])
        last_seen_at = now if charge_point.is_online else charge_point.last_seen_at or watched_from
        online_s = _seconds(sockets.get(charge_point.pk, []), watched_from, min(now, last_seen_at))
        watched_s = max(0, int((now - watched_from).total_seconds()))
        found[charge_point.pk] = (watched_s, min(watched_s, online_s))
    return found


def _seconds(sockets: list[tuple[datetime, datetime | None]], since: datetime, last_seen_at: datetime) -> int:
    """The time covered. A socket without an end lived until the next, the last one until the charger was seen last."""
    seconds = 0.0
    for place, (began_at, closed_at) in enumerate(sockets):
        begins_next = sockets[place + 1][0] if place + 1 < len(sockets) else None
        end = min(filter(None, (closed_at, begins_next)), default=last_seen_at)
        seconds += max(0.0, (end - max(began_at, since)).total_seconds())
    return int(seconds)
