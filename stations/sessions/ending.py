"""The end of a session: what it used, what it costs, who must look at it first."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import notifications
from accounts.models import Notification, User
from billing import ledger, settlement
from chargeshare import sentences
from chargeshare.errors import NotFound
from chargeshare.sentences import Question, Value
from stations import intents, live, metering, slots
from stations.metering import Meter, Outcome
from stations.models import ChargePoint, ChargingSession, MeterCase
from stations.models.meter_case import DECIDED_WITHIN
from stations.sessions.billing import AC_TYPES, bill

Status = ChargingSession.Status
MOST_AC_WH = 100_000
CLOSED_BY_HAND = _("Closed by hand.")
OF_AN_END = (
    *("status", "cdr", "note", "is_estimated", "stopped_at", "stopped_at_said", "stop_received_at", "stop_reason", "orphaned_at"),
    *("meter", "meter_start_wh", "meter_stop_wh", "energy_wh", "power_w", "last_reading_at", "last_received_at"),
    *("idle", "idle_since", "warn_at_wh", "stop_at_wh", "stop_at"),
)
"""The columns that the end of a session may change; what was agreed at its start stands as it was written then."""


def lock(session_id: int) -> ChargingSession:
    """The session and all that its end needs, the row locked: whatever else wants to end it waits.

    Locked first and read then: in one query the rows beside it would be those of before the wait.
    """
    return _read(ChargingSession.objects.select_for_update().values_list("pk", flat=True).get(pk=session_id))


def lock_first(found: Question[int], charge_point: ChargePoint, *said: Value) -> ChargingSession | None:
    """The same for the first that fits what was said, if there is one, at a charger whose row is at hand."""
    session_id = found.first(*said)
    return _read(session_id, charge_point) if session_id is not None else None


_BESIDE = ("connector", "driver", "id_token", "hold", "tariff_version__tariff", "booking")
_at_hand = Question(lambda pk: ChargingSession.objects.select_related(*_BESIDE).filter(pk=pk))
_alone = Question(lambda pk: ChargingSession.objects.select_related("charge_point__owner", *_BESIDE).filter(pk=pk))


def _read(session_id: int, charge_point: ChargePoint | None = None) -> ChargingSession:
    session = (_alone if charge_point is None else _at_hand).first(session_id)
    if session is None:
        raise ChargingSession.DoesNotExist
    if charge_point is not None:
        session.charge_point = charge_point
    session.connector.charge_point = session.charge_point
    if session.owner_id == session.charge_point.owner_id:
        session.owner = session.charge_point.owner
    return session


def measure(
    session: ChargingSession, *, meter_stop_wh: int | None, at: datetime, received_at: datetime, meter: Meter | None = None
) -> Outcome:
    """The energy of a session that is over."""
    result = metering.outcome(
        meter or Meter.of(session.meter),
        meter_start_wh=session.meter_start_wh,
        meter_stop_wh=meter_stop_wh,
        at=at,
        received_at=received_at,
        power_w=session.connector.max_power_w,
        slack_wh=settings.METER_SLACK_WH,
    )
    if not result.doubt and result.energy_wh > MOST_AC_WH and session.connector.type in AC_TYPES:
        return Outcome(result.energy_wh, result.meter_stop_wh, "much")
    return result


def finish(
    session: ChargingSession,
    result: Outcome,
    *,
    stopped_at: datetime,
    received_at: datetime,
    reason: str = "",
    said: str = "",
    is_estimated: bool = False,
) -> None:
    """End a locked session and settle it in the same transaction, unless its energy is in doubt."""
    session.stopped_at = _within(session, stopped_at, received_at)
    session.stopped_at_said = said[:40]
    session.stop_received_at = received_at
    session.stop_reason = reason[:30]
    session.is_estimated = is_estimated
    session.energy_wh = result.energy_wh
    session.meter_stop_wh = result.meter_stop_wh
    session.power_w = None
    session.orphaned_at = None
    session.warn_at_wh = session.stop_at_wh = session.stop_at = None
    if session.idle_since is not None:
        session.idle = session.idle_until(received_at)
        session.idle_since = None
    if session.status == Status.INVALID:
        session.save()
        _tell_unpaid(session)
    elif result.doubt:
        _review(session, result.doubt)
    else:
        settle(session)
        sentences.update(session, OF_AN_END)
        tell_finished(session)
    slots.use_up(session, now=received_at)
    live.session_changed(session)
    live.connector_changed(session.connector)


def settle(session: ChargingSession, *, now: datetime | None = None) -> None:
    """Move the money of a locked session that has ended. The caller saves it."""
    session.status = Status.COMPLETED
    session.cdr = settlement.settle(bill(session, settled_at=now))


def soft_close(session: ChargingSession, *, now: datetime, next_start_wh: int | None = None, reason: str = "") -> None:
    """End a locked session that no StopTransaction ended, from its last reading.

    Where the next session's meter begins further on, the energy up to there was this one's.
    """
    last = session.last_received_at or session.orphaned_at or session.start_received_at or now
    stopped_at = session.last_reading_at or session.orphaned_at or session.started_at or now
    if next_start_wh is not None:
        following = _next(session)
        if following is not None and following.meter_start_wh is not None:
            next_start_wh = min(next_start_wh, following.meter_start_wh)
        result = measure(session, meter_stop_wh=next_start_wh, at=now, received_at=now)
        if not result.doubt:
            finish(session, result, stopped_at=stopped_at, received_at=last, reason=reason, is_estimated=True)
            return
    result = measure(session, meter_stop_wh=None, at=stopped_at, received_at=last)
    finish(session, result, stopped_at=stopped_at, received_at=last, reason=reason, is_estimated=True)


def end_before_next(session: ChargingSession, *, now: datetime) -> None:
    """End a session that was told of after a later one at its outlet: it was over when that began, and the meter stood as it stood then.

    Its own StopTransaction is still in the charger's queue, and will put it right.
    """
    following = _next(session)
    stopped_at = following.started_at if following is not None else None
    meter_stop_wh = following.meter_start_wh if following is not None else None
    result = measure(session, meter_stop_wh=meter_stop_wh, at=stopped_at or now, received_at=now)
    if result.doubt or meter_stop_wh is None:
        result = Outcome(0, session.meter_start_wh, "")
    finish(session, result, stopped_at=stopped_at or now, received_at=now, is_estimated=True)


def shorten(session: ChargingSession, *, meter_stop_wh: int, at: datetime, now: datetime) -> None:
    """Take back of a locked session that was settled from an estimate what turns out to be somebody else's, told of only now."""
    result = measure(session, meter_stop_wh=meter_stop_wh, at=at, received_at=now)
    if session.is_estimated and not result.doubt and result.energy_wh < session.energy_wh:
        changes = {"energy_wh": result.energy_wh, "meter_stop_wh": result.meter_stop_wh, "stopped_at": _within(session, at, now)}
        correct(session, changes, tell=False)


def _next(session: ChargingSession) -> ChargingSession | None:
    """The session that followed at this outlet by the charger's own time, whenever we heard of it.

    A refused start occupies nothing: once it is known that nothing flowed under it, it ended nothing either.
    """
    if session.started_at is None:
        return None
    later = ChargingSession.objects.filter(connector_id=session.connector_id, started_at__gt=session.started_at)
    nothing = Q(status=Status.INVALID, energy_wh=0, stop_received_at__isnull=False)
    return later.exclude(pk=session.pk).exclude(nothing).order_by("started_at", "pk").first()


@ledger.retried
@transaction.atomic
def close(*, user: User, session: ChargingSession) -> ChargingSession:
    """End a record by hand that no StopTransaction will end. Nothing goes to the charger; a late StopTransaction still corrects it."""
    if not (user.is_staff or session.owner_id == user.pk):
        raise NotFound
    locked = lock(session.pk)
    if locked.status == Status.PENDING:
        intents.give_up(locked, CLOSED_BY_HAND)
    elif locked.status == Status.ACTIVE:
        locked.note = locked.note or str(CLOSED_BY_HAND)
        soft_close(locked, now=timezone.now())
    return lock(session.pk)


def correct(session: ChargingSession, changes: dict[str, Any], *, tell: bool = True, approved: bool = False, why: str = "") -> bool:
    """A late word about a locked session that was settled from an estimate. False if it must wait for staff, who come with `approved`."""
    before = {name: getattr(session, name) for name in changes}
    for name, value in changes.items():
        setattr(session, name, value)
    earlier = session.cdr
    corrected = settlement.correct(earlier, bill(session), approved=approved) if earlier is not None else None
    if corrected is None:
        for name, value in before.items():
            setattr(session, name, value)
        return False
    session.cdr = corrected
    session.save()
    if not approved:
        _follow(session)
    if tell and earlier is not None and corrected.pk != earlier.pk and session.driver is not None:
        notifications.notify(
            session.driver,
            Notification.Kind.SESSION_CORRECTED,
            url=corrected.get_absolute_url(),
            place=session.charge_point.name,
            total_minor=settlement.spent_minor(session.code),
            currency=corrected.currency,
            **({"reason": why} if why else {}),
        )
    live.session_changed(session)
    return True


def _follow(session: ChargingSession) -> None:
    """A case that waits is about the energy as it stands now; once the charger has said what needs no decision, it is closed."""
    waiting = MeterCase.objects.open().filter(session=session)
    if session.is_estimated:
        waiting.update(plausible_wh=session.energy_wh)
    else:
        waiting.update(outcome=MeterCase.Outcome.OTHER, energy_wh=session.energy_wh, decided_at=timezone.now())


def wait_for_staff(session: ChargingSession, *, reported_wh: int, doubt: str = "", **late: Any) -> None:
    """Keep a late end of a locked, settled session until staff decide. The same word again, decided or not, is the same case."""
    cases = MeterCase.objects.filter(session=session, kind=MeterCase.Kind.LATE)
    if cases.filter(reported_wh=reported_wh).exists() or cases.exclude(outcome="").exists():
        return
    now = timezone.now()
    said = {"kind": MeterCase.Kind.LATE, "plausible_wh": session.energy_wh, "reported_wh": reported_wh, "doubt": doubt, **late}
    first = {"opened_at": now, "decide_by": now + DECIDED_WITHIN}
    MeterCase.objects.update_or_create(session=session, outcome="", defaults=said, create_defaults={**said, **first})


def _review(session: ChargingSession, doubt: str) -> None:
    session.status = Status.REVIEW
    session.save()
    opened_at = session.stop_received_at or timezone.now()
    MeterCase.objects.create(
        session=session,
        kind=MeterCase.Kind.METER,
        doubt=doubt,
        plausible_wh=session.energy_wh,
        reported_wh=session.claimed_wh,
        opened_at=opened_at,
        decide_by=opened_at + DECIDED_WITHIN,
    )
    for person in {session.driver, session.owner} - {None}:
        if person is not None:
            said = {"place": session.charge_point.name, "energy_wh": session.claimed_wh}
            notifications.notify(person, Notification.Kind.SESSION_REVIEW, url=session.get_absolute_url(), **said)


def tell_finished(session: ChargingSession, *, why: str = "") -> None:
    """Tell the driver what it cost, and the owner what she earned; both why, where somebody had to decide."""
    cdr = session.cdr
    if cdr is None or session.driver is None or session.driver_id == session.owner_id:
        return
    place = session.charge_point.name
    reason = {"reason": why} if why else {}
    finished = notifications.news(
        session.driver,
        Notification.Kind.SESSION_FINISHED,
        url=cdr.get_absolute_url(),
        place=place,
        energy_wh=cdr.energy_wh,
        total_minor=cdr.total_minor,
        currency=cdr.currency,
        **reason,
    )
    earned = notifications.news(
        session.owner,
        Notification.Kind.EARNED,
        url=session.get_absolute_url(),
        place=place,
        energy_wh=cdr.energy_wh,
        earned_minor=cdr.owner_minor,
        currency=cdr.currency,
        **reason,
    )
    notifications.tell([finished, earned] if cdr.owner_minor else [finished])


def _tell_unpaid(session: ChargingSession) -> None:
    if session.energy_wh >= 100:
        url = session.get_absolute_url()
        place = session.charge_point.name
        notifications.notify(session.owner, Notification.Kind.UNPAID_ENERGY, url=url, place=place, energy_wh=session.energy_wh)


def _within(session: ChargingSession, stopped_at: datetime, received_at: datetime) -> datetime:
    """A stop lies between the start and the moment we heard of it, whatever the charger's clock says."""
    latest = max(received_at, session.started_at or received_at)
    return max(min(stopped_at, latest), session.started_at or stopped_at)
