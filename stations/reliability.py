"""How far a driver may count on a charger: counted from sessions and sockets, and what follows for the map.

A charger that is dead leaves the map by itself: nobody should drive to it, and its owner may have forgotten that it is
there. It comes back by itself as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from stations import alarms, charge_points
from stations.models import ChargePoint, ChargingSession, Command, Problem, Reliability

SPAN = timedelta(days=30)
SILENT_FOR = timedelta(days=30)
AGAIN_AFTER = timedelta(hours=6)
AT_ONCE = 200
FAILED_IN_A_ROW = 5
FLOWS_WH = 100
TRIED_FOR = timedelta(minutes=5)
REPORTED_AFTER = timedelta(minutes=1)
POWER_SHOWN_IN = timedelta(minutes=10)
POWER_SHOWN_WH = 500

LEFT_SILENT = _("It has given no sign of life for 30 days, so it has left the map. It comes back by itself when it is online again.")
LEFT_FAILING = _(
    "The last five starts failed, so it has left the map. It comes back by itself when a start works: try it yourself, or put it back."
)
RETURNED = _("It works again and is back on the map.")

Left = Reliability.Left
Status = ChargingSession.Status


@dataclass
class _Starts:
    """What the starts at one charger came to."""

    tried: int = 0
    worked: int = 0
    failed_in_a_row: int = 0
    worked_at: datetime | None = None
    promised_w: int | None = None
    delivered_w: int | None = None

    def add(self, at: datetime, *, worked: bool, forgiven_until: datetime | None) -> None:
        """One more, later than the others."""
        self.tried += 1
        if worked:
            self.worked += 1
            self.failed_in_a_row, self.worked_at = 0, at
        elif forgiven_until is None or at > forgiven_until:
            self.failed_in_a_row += 1

    def show_power(self, delivered_w: int, promised_w: int | None) -> None:
        """Keep the strongest session by the share of what its outlet promises."""
        if not promised_w:
            return
        if self.promised_w is None or self.delivered_w is None or delivered_w * self.promised_w > self.delivered_w * promised_w:
            self.promised_w, self.delivered_w = promised_w, delivered_w


def of(charge_point: ChargePoint) -> Reliability | None:
    """What is known of a charger; nothing before it was counted first."""
    return getattr(charge_point, "reliability", None)


def due(*, now: datetime) -> list[ChargePoint]:
    """Whose turn it is to be counted: those that never were, then those that were longest ago; so many at once."""
    chargers = ChargePoint.objects.alive().filter(booted_at__isnull=False).select_related("owner")
    known = Reliability.objects.filter(charge_point=OuterRef("pk"))
    found = list(chargers.filter(~Exists(known)).order_by("pk")[:AT_ONCE])
    if len(found) < AT_ONCE:
        old = Reliability.objects.filter(counted_at__lt=now - AGAIN_AFTER, charge_point__retired_at=None).order_by("counted_at")
        found += chargers.filter(pk__in=list(old.values_list("pk", flat=True)[: AT_ONCE - len(found)]))
    return found


def record(chargers: Iterable[ChargePoint], online: Mapping[int, tuple[int, int]], *, now: datetime) -> int:
    """Write down what was counted. `online` says for each charger how many seconds it was watched, and there."""
    chargers = list(chargers)
    known = Reliability.objects.in_bulk([one.pk for one in chargers])
    starts = _count_starts([one.pk for one in chargers], known, now)
    for charge_point in chargers:
        found = known.get(charge_point.pk) or Reliability(charge_point=charge_point)
        counted = starts.get(charge_point.pk, _Starts())
        found.counted_at = now
        found.watched_s, found.online_s = online.get(charge_point.pk, (0, 0))
        found.starts, found.starts_worked, found.failed_in_a_row = counted.tried, counted.worked, counted.failed_in_a_row
        found.promised_w, found.delivered_w = counted.promised_w, counted.delivered_w
        with transaction.atomic():
            _judge(charge_point, found, counted.worked_at, now)
            found.save()
    return len(chargers)


def _judge(charge_point: ChargePoint, found: Reliability, worked_at: datetime | None, now: datetime) -> None:
    """Take a dead one off the map, or bring it back."""
    if found.left_map_at is not None and charge_point.is_published:  # the owner put it back herself
        found.left_map_at, found.left_because, found.returned_at, found.failed_in_a_row = None, "", now, 0
    if found.left_map_at is None:
        left = _why_dead(charge_point, found, now) if charge_point.is_published else None
        if left is not None:
            found.left_map_at, found.left_because = now, left
            charge_points.unpublish(charge_point)
            _tell(charge_point, LEFT_SILENT if left == Left.SILENT else LEFT_FAILING, now)
        return
    seen = charge_point.is_online
    lives = seen if found.left_because == Left.SILENT else worked_at is not None and worked_at > found.left_map_at
    if lives and any(connector.is_ready_to_publish for connector in charge_point.connectors.all()):
        found.left_map_at, found.left_because, found.returned_at = None, "", now
        charge_points.publish(charge_point)
        _tell(charge_point, RETURNED, now)


def _why_dead(charge_point: ChargePoint, found: Reliability, now: datetime) -> str | None:
    if charge_point.last_seen_at is not None and charge_point.last_seen_at < now - SILENT_FOR:
        return Left.SILENT
    return Left.FAILING if found.failed_in_a_row >= FAILED_IN_A_ROW else None


def _tell(charge_point: ChargePoint, reason: Promise, now: datetime) -> None:
    alarms.tell_owner(charge_point, reason, now=now, url=reverse("stations:owner_charge_point", args=[charge_point.code]))


def _count_starts(chargers: list[int], known: Mapping[int, Reliability], now: datetime) -> dict[int, _Starts]:
    """Starts that worked or not, oldest first. Who changed her mind, or came with a card nobody knows, says nothing about the charger."""
    since = now - SPAN
    refused, reported = _refused(chargers, since), _reported(chargers, since)
    found: dict[int, _Starts] = {}
    sessions = ChargingSession.objects.filter(charge_point__in=chargers, created_at__gte=since).order_by("pk")
    rows = sessions.annotate(at=Coalesce("started_at", "created_at")).values_list(
        *("pk", "charge_point_id", "status", "at", "started_at", "stopped_at", "energy_wh", "idle", "connector__max_power_w")
    )
    for pk, charge_point_id, status, at, started_at, stopped_at, energy_wh, idle, promised_w in rows:
        mine = found.setdefault(charge_point_id, _Starts())
        forgiven_until = known[charge_point_id].returned_at if charge_point_id in known else None
        if status == Status.INVALID:
            if pk in refused:
                mine.add(at, worked=False, forgiven_until=forgiven_until)
            continue
        if started_at is None:
            continue
        lasted = (stopped_at or now) - started_at
        if energy_wh >= FLOWS_WH:
            mine.add(at, worked=True, forgiven_until=forgiven_until)
        elif stopped_at is not None and not idle and lasted >= (REPORTED_AFTER if pk in reported else TRIED_FOR):
            mine.add(at, worked=False, forgiven_until=forgiven_until)
        if stopped_at is not None and lasted >= POWER_SHOWN_IN and energy_wh >= POWER_SHOWN_WH:
            mine.show_power(round(energy_wh * 3600 / lasted.total_seconds()), promised_w)
    return found


def _reported(chargers: list[int], since: datetime) -> set[int]:
    """The sessions whose drivers said that no power flowed, and the meter says so too: who gave up sooner has tried all the same.

    One of each driver at each charger, or somebody could drive a host off the map by reporting.
    """
    said = Problem.objects.filter(charge_point__in=chargers, kind=Problem.Kind.NO_POWER, is_borne_out=True, created_at__gte=since)
    rows = said.order_by("pk").values_list("reporter_id", "charge_point_id", "session_id")
    first: dict[tuple[int, int], int] = {}
    for reporter_id, charge_point_id, session_id in rows:
        first.setdefault((reporter_id, charge_point_id), session_id)
    return set(first.values())


def _refused(chargers: list[int], since: datetime) -> set[int]:
    """The sessions that never began because the charger said no, or nothing."""
    asked = Command.objects.filter(
        charge_point__in=chargers, action="RemoteStartTransaction", created_at__gte=since, session__status=Status.INVALID
    )
    rows = asked.order_by().values_list("session_id", "status", "response", "sent_at")
    said_no = (Command.Status.REJECTED, Command.Status.OFFLINE)
    return {
        session_id
        for session_id, status, response, sent_at in rows
        if status in said_no
        or (status == Command.Status.UNANSWERED and sent_at is not None)
        or (status == Command.Status.ACCEPTED and (response or {}).get("status") != "Accepted")
    }
