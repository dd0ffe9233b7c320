"""What chargers say of themselves: who is connected, what booted, how each outlet stands."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TypedDict, Unpack
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from chargeshare import bus
from chargeshare.sentences import Change, Question
from stations import live
from stations.models import ChargePoint, ChargingSession, Connector
from stations.quarantine import clean

STATUS_REFRESH = timedelta(seconds=60)
JUST_BOOTED = timedelta(hours=1)
SKEW_STEADY_WITHIN_S = 60
SKEW_STEADY_FOR = timedelta(minutes=10)
MOST_NUMBER = 2**31 - 1
OF_A_CLOCK = ("clock_lag_s", "clock_lag_since", "clock_skew_s")
OF_A_STATUS = ("status", "error_code", "info", "vendor_error_code")
_LONGEST = {
    "vendor": 100,
    "model": 100,
    "firmware": 100,
    "serial_number": 100,
    "box_serial_number": 100,
    "meter_type": 100,
    "meter_serial_number": 100,
    "iccid": 50,
    "imsi": 50,
}
OF_A_BOOT = ("booted_at", *OF_A_CLOCK, *_LONGEST)
_outlet = Question(
    lambda charge_point_id, number: Connector.objects.select_related("tariff__current").filter(
        charge_point_id=charge_point_id, number=number
    )
)
_booted = Change(
    lambda pk, booted_at, *words: (
        ChargePoint.objects.filter(pk=pk),
        {"booted_at": booted_at, **dict.fromkeys(OF_A_CLOCK), **dict(zip(_LONGEST, words, strict=True))},
    )
)
_stands = Change(
    lambda pk, said_at, received_at, *words: (
        Connector.objects.filter(Q(status_at=None) | Q(status_at__lte=said_at), pk=pk),
        {**dict(zip(OF_A_STATUS, words, strict=True)), "status_at": said_at, "status_received_at": received_at},
    )
)
_stands_still = Change(lambda pk, received_at: (Connector.objects.filter(pk=pk), {"status_received_at": received_at}))
_charging_at = Question(
    lambda connector_id: ChargingSession.objects.filter(connector_id=connector_id, status=ChargingSession.Status.ACTIVE).values_list(
        "code", flat=True
    )
)
_OVER = frozenset({"Available", "Reserved", "Unavailable"})
_CHARGING = frozenset({"Charging", "SuspendedEV", "SuspendedEVSE"})
_IDLE = frozenset({"SuspendedEV", "Finishing"})


class Boot(TypedDict, total=False):
    """What a BootNotification says."""

    vendor: str
    model: str
    firmware: str
    serial_number: str
    box_serial_number: str
    meter_type: str
    meter_serial_number: str
    iccid: str
    imsi: str


def connected(charge_point_id: int, connection: UUID, *, at: datetime) -> None:
    """A socket was let in. The newest wins: whoever holds an older one of the same charger is told to close it."""
    ChargePoint.objects.filter(pk=charge_point_id).update(connection=connection, connected_at=at, last_seen_at=at)
    bus.publish("chargers", "charger.moved", charge_point_id=charge_point_id, connection=str(connection))
    _announce(charge_point_id)


def disconnected(charge_point_id: int, connection: UUID, *, at: datetime) -> bool:
    """A socket closed. Only the one that counts makes the charger offline; the late close of an older one says nothing."""
    current = ChargePoint.objects.filter(pk=charge_point_id, connection=connection)
    if not current.update(connection=None, last_seen_at=at):
        return False
    _stand_no_longer(ChargingSession.objects.filter(charge_point_id=charge_point_id), at)
    _announce(charge_point_id)
    return True


def sockets(charge_point_ids: Collection[int]) -> dict[int, UUID | None]:
    """Which socket of each of these chargers is the one; none where it is offline."""
    return dict(ChargePoint.objects.filter(pk__in=charge_point_ids).values_list("pk", "connection"))


def seen(charge_point_ids: Collection[int], *, at: datetime) -> None:
    """Signs of life of many chargers at once: a frame or a pong each."""
    if charge_point_ids:
        ChargePoint.objects.filter(pk__in=charge_point_ids, connection__isnull=False).update(last_seen_at=at)


def forget_lost(*, now: datetime) -> int:
    """Clear sockets whose process died without saying so; a living one is seen far more often than this."""
    silent = now - timedelta(seconds=2 * settings.OFFLINE_AFTER_S + 60)
    lost = ChargePoint.objects.filter(connection__isnull=False, last_seen_at__lt=silent)
    forgotten = 0
    for charge_point_id, connection in lost.values_list("pk", "connection"):
        still = ChargePoint.objects.filter(pk=charge_point_id, connection=connection, last_seen_at__lt=silent)
        if still.update(connection=None):
            _stand_no_longer(ChargingSession.objects.filter(charge_point_id=charge_point_id), now)
            _announce(charge_point_id)
            forgotten += 1
    return forgotten


def boot(charge_point: ChargePoint, *, received_at: datetime | None = None, **said: Unpack[Boot]) -> None:
    """The box started. Sessions under way may go on afterwards, without a word about them: only its outlets tell that one is over."""
    at = received_at or timezone.now()
    take_boot(charge_point, at, said)
    _booted.apply(charge_point.pk, at, *(getattr(charge_point, name) for name in _LONGEST))
    live.charge_point_changed(charge_point, "details")


def take_boot(charge_point: ChargePoint, received_at: datetime, said: Boot) -> None:
    """Put what a box says of itself into its row, which the caller writes. A new start is a new clock."""
    for name, word in said.items():
        if name in _LONGEST:
            setattr(charge_point, name, clean(str(word))[: _LONGEST[name]])
    charge_point.booted_at = received_at
    charge_point.clock_skew_s = charge_point.clock_lag_s = charge_point.clock_lag_since = None


def connector(charge_point: ChargePoint, number: int) -> Connector:
    """The outlet of this number, made by the charger's first word about it, also when two words come at once.

    Some boxes call their only outlet 0, which is the box itself: with one outlet known, or none, that one is meant.
    """
    if not 1 <= number <= MOST_NUMBER:
        only = list(Connector.objects.filter(charge_point=charge_point).order_by("number")[:2])
        number = only[0].number if only else 1
    known = _outlet.first(charge_point.pk, number)
    if known is None:
        try:
            with transaction.atomic():
                known = Connector.objects.create(charge_point=charge_point, number=number)
        except IntegrityError:
            known = Connector.objects.get(charge_point=charge_point, number=number)
        live.charge_point_changed(charge_point, "details")
    known.charge_point = charge_point
    return known


def status(  # noqa: PLR0913 - as many words as the charger says
    charge_point: ChargePoint,
    *,
    connector_number: int,
    status: str,
    error_code: str = "",
    info: str = "",
    vendor_error_code: str = "",
    at: datetime,
    received_at: datetime,
    skew_s: int | None = None,
) -> None:
    """How an outlet, or the whole box (0), stands. What was said before, and what is older than that, changes nothing.

    `skew_s` is our clock less the charger's as this message shows it, where it shows anything.
    """
    said_at = min(at, received_at)
    if skew_s is not None and learn_clock(charge_point, skew_s, received_at):
        _write(charge_point, OF_A_CLOCK)
    said = words(status, error_code, info, vendor_error_code)
    if connector_number == 0:
        _box_status(charge_point, said["status"], said["error_code"], said_at)
        return
    outlet = connector(charge_point, connector_number)
    if outlet.status_at is not None and said_at < outlet.status_at:
        return
    if all(getattr(outlet, name) == word for name, word in said.items()):
        if is_worth_refreshing(outlet, received_at):
            _stands_still.apply(outlet.pk, received_at)
        _session_hears(outlet, status, received_at)
        return
    if not _stands.apply(outlet.pk, said_at, received_at, *said.values()):
        return
    _session_hears(outlet, status, received_at)
    live.connector_changed(outlet)


def words(status: str, error_code: str, info: str, vendor_error_code: str) -> dict[str, str]:
    """What is kept of a status, in the order of OF_A_STATUS."""
    return {
        "status": clean(status)[:30],
        "error_code": clean(error_code)[:50],
        "info": clean(info)[:100],
        "vendor_error_code": clean(vendor_error_code)[:50],
    }


def is_worth_refreshing(outlet: Connector, received_at: datetime) -> bool:
    """Whether it is written down that the same was said again: once a minute is enough."""
    return outlet.status_received_at is None or received_at - outlet.status_received_at > STATUS_REFRESH


def is_news_of_box(charge_point: ChargePoint, status: str, error_code: str, said_at: datetime) -> bool:
    """Whether the box stands otherwise than we know, and this is not older than what we know."""
    is_older = charge_point.status_at is not None and said_at < charge_point.status_at
    return not is_older and (charge_point.status, charge_point.error_code) != (status, error_code)


def _box_status(charge_point: ChargePoint, status: str, error_code: str, said_at: datetime) -> None:
    if not is_news_of_box(charge_point, status, error_code, said_at):
        return
    charge_point.status, charge_point.error_code, charge_point.status_at = status, error_code, said_at
    _write(charge_point, ("status", "error_code", "status_at"))
    live.charge_point_changed(charge_point, "status")


def learn_clock(charge_point: ChargePoint, skew_s: int, received_at: datetime) -> bool:
    """Put what a message shows of the charger's clock into its row; whether that changed anything.

    A message of an hour ago may come from a queue, or from a clock that is wrong: only what stays the same for minutes is the clock.
    """
    lag_s = max(-MOST_NUMBER, min(MOST_NUMBER, skew_s))
    known, since = charge_point.clock_lag_s, charge_point.clock_lag_since
    if known is None or since is None or abs(lag_s - known) > SKEW_STEADY_WITHIN_S:
        charge_point.clock_lag_s, charge_point.clock_lag_since = lag_s, received_at
    elif received_at - since < SKEW_STEADY_FOR or abs((charge_point.clock_skew_s or 0) - known) <= SKEW_STEADY_WITHIN_S:
        return False
    else:
        charge_point.clock_skew_s = known
    return True


def _session_hears(outlet: Connector, status: str, received_at: datetime) -> None:
    """What a status means for the session at the outlet: it may be over, it surely goes on, it only stands there.

    What was said before may mean something new: some boxes begin a session without a word about their outlet, and at its
    end say once more that it is available; after a reboot one says once more that it charges.
    """
    booted_at = outlet.charge_point.booted_at
    is_news = outlet.status != status
    has_just_booted = booted_at is not None and booted_at > received_at - JUST_BOOTED
    if not is_news and status in _CHARGING - _IDLE and not has_just_booted:
        return
    codes = _charging_at.all(outlet.pk)
    if not codes:
        return
    active = ChargingSession.objects.filter(connector=outlet, status=ChargingSession.Status.ACTIVE)
    if status in _OVER:
        active.filter(orphaned_at=None).update(orphaned_at=received_at)
    elif status == "Preparing" and booted_at is not None:
        # A cable is in and nothing runs: what began before the reboot, and was silent since, is forgotten by the box.
        before = active.filter(orphaned_at=None, start_received_at__lt=booted_at).exclude(last_received_at__gt=booted_at)
        before.update(orphaned_at=received_at)
    elif status in _CHARGING and (is_news or has_just_booted):
        active.filter(orphaned_at__isnull=False).update(orphaned_at=None)
    if status in _IDLE:  # said again after a silence, it is news: nobody pays for standing at a charger that is away
        active.filter(idle_since=None).update(idle_since=received_at)
    if not is_news:
        return
    if status not in _IDLE:
        _stand_no_longer(active, received_at)
    for code in codes:
        live.announce_session(str(code), outlet.charge_point_id)


def _stand_no_longer(sessions: QuerySet[ChargingSession], at: datetime) -> None:
    """The car does not merely stand there any more, or nobody can say so."""
    for session in sessions.filter(status=ChargingSession.Status.ACTIVE, idle_since__isnull=False).only("idle", "idle_since"):
        sessions.filter(pk=session.pk, idle_since=session.idle_since).update(idle_since=None, idle=session.idle_until(at))


def _write(charge_point: ChargePoint, columns: Sequence[str]) -> None:
    """What a charger says of itself is no deed of anybody: the log of deeds, which reads the row before it is saved, is not asked."""
    ChargePoint.objects.filter(pk=charge_point.pk).update(**{name: getattr(charge_point, name) for name in columns})


def _announce(charge_point_id: int) -> None:
    for charge_point in ChargePoint.objects.filter(pk=charge_point_id):
        live.charge_point_changed(charge_point, "connection")
