"""What staff decide at the review desk: the energy of a session whose meter nobody can simply believe."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import notifications
from accounts.models import Notification, User
from billing import ledger, money, pricing
from chargeshare.errors import DomainError, Invalid, NotFound
from stations import alarms, live, metering
from stations.models import ChargingSession, MeterCase
from stations.models.meter_case import DECIDED_WITHIN
from stations.sessions import ending
from stations.sessions.billing import bill

Status, Kind, Outcome = ChargingSession.Status, MeterCase.Kind, MeterCase.Outcome
LONGEST_REASON = 1_000
LOOK_AT_METER = _("The meter said what it cannot have measured. Please have it looked at.")


class NotInReview(DomainError):
    """Somebody else has decided already."""

    code = "not_in_review"
    status = 409
    message = _("This session is not under review any more.")


class OwnCase(DomainError):
    """Nobody judges her own matter."""

    code = "own_case"
    status = 409
    message = _("You are a side of this session yourself. Leave it to a colleague.")


class CaseMoved(DomainError):
    """The charger said more between the look and the click."""

    code = "case_moved"
    status = 409
    message = _("The charger has said more meanwhile. Look at the figures again.")


@dataclass(frozen=True)
class Quote:
    """What one energy would come to."""

    energy_wh: int
    total_minor: int
    owner_minor: int
    short_minor: int
    """How much of it the driver cannot pay; a little becomes her debt, the rest our loss."""


def most_wh(session: ChargingSession) -> int:
    """The most energy the outlet can have given from start to end, by our own clock."""
    began = session.start_received_at or session.created_at
    ended = session.stop_received_at or timezone.now()
    seconds = (ended - began).total_seconds()
    if session.started_at is not None and session.stopped_at is not None:
        seconds = max(seconds, (session.stopped_at - session.started_at).total_seconds())
    return metering.plausible_wh(session.connector.max_power_w, seconds, settings.METER_SLACK_WH)


def price(session: ChargingSession, energy_wh: int) -> tuple[int, int]:
    """What one energy costs the driver, and the owner's part of it, as settling would have it. Nothing is changed."""
    measured_wh, session.energy_wh = session.energy_wh, energy_wh
    try:
        drawn = bill(session, with_readings=False)
        total_minor = pricing.total(drawn.lines())
    finally:
        session.energy_wh = measured_wh
    return total_minor, total_minor - money.share_down(total_minor, drawn.fee_share)


def quote(session: ChargingSession, energy_wh: int) -> Quote:
    """The same, with whether the driver can pay it."""
    total_minor, owner_minor = price(session, energy_wh)
    payable_minor = total_minor
    if session.driver is not None and session.cdr is None:
        held = session.hold
        held_minor = held.amount_minor if held is not None and held.closed_at is None else 0
        payable_minor = max(0, ledger.wallet(session.driver).available_minor + held_minor)
    return Quote(energy_wh, total_minor, owner_minor, max(0, total_minor - payable_minor))


def is_side(user: User, session: ChargingSession) -> bool:
    """Whether this person gains or loses by it."""
    return user.pk in (session.driver_id, session.owner_id, session.charge_point.owner_id)


@ledger.retried
@transaction.atomic
def decide(
    *,
    user: User,
    session: ChargingSession,
    energy_wh: int,
    reason: str = "",
    seen: tuple[int, int] | None = None,
    has_meter_checked: bool = False,
) -> ChargingSession:
    """Staff have looked: this is the energy to be paid, and this is why, for both sides to read.

    `seen` are the two proposals they looked at, plausible and reported, so that a click cannot mean other figures. Of any
    number of clicks one decides.
    """
    if not user.is_staff:
        raise NotFound
    locked = ending.lock(session.pk)
    if is_side(user, locked):
        raise OwnCase
    case = _case_of(locked)
    if seen is not None and seen != (case.plausible_wh, case.reported_wh):
        raise CaseMoved
    _check(locked, case, energy_wh, reason)
    if case.kind == Kind.METER:
        locked.energy_wh = energy_wh
        ending.settle(locked)
        locked.save()
        ending.tell_finished(locked, why=reason.strip())
        live.session_changed(locked)
    elif energy_wh != locked.energy_wh:
        _correct(locked, case, energy_wh, reason.strip())
    _close(case, energy_wh, at=timezone.now(), by=user, reason=reason.strip())
    if has_meter_checked:
        alarms.tell_owner(locked.charge_point, LOOK_AT_METER, now=timezone.now(), url=locked.get_absolute_url())
    return locked


def decide_by_time(session: ChargingSession, *, now: datetime) -> None:
    """Nobody has decided about a locked session under review in time: the smallest plausible energy counts."""
    ending.settle(session)
    session.save()
    case = MeterCase.objects.open().filter(session=session).first()
    if case is not None:
        _close(case, session.energy_wh, at=now)
    ending.tell_finished(session)
    live.session_changed(session)


@transaction.atomic
def reopen(*, user: User, session: ChargingSession) -> MeterCase:
    """Staff want to look again at the energy of a session that is settled, because an owner says it was more."""
    if not user.is_staff:
        raise NotFound
    locked = ending.lock(session.pk)
    if locked.status not in (Status.COMPLETED, Status.REVIEW) or (locked.status == Status.COMPLETED and locked.cdr is None):
        raise NotInReview
    now = timezone.now()
    figures = {"plausible_wh": locked.energy_wh, "reported_wh": locked.claimed_wh, "opened_at": now, "decide_by": now + DECIDED_WITHIN}
    kind = Kind.METER if locked.status == Status.REVIEW else Kind.LATE
    case, _is_new = MeterCase.objects.get_or_create(session=locked, outcome="", defaults={"kind": kind, **figures})
    return case


def _case_of(session: ChargingSession) -> MeterCase:
    case = MeterCase.objects.open().filter(session=session).first()
    if case is not None:
        return case
    if session.status != Status.REVIEW:
        raise NotInReview
    opened_at = session.stop_received_at or timezone.now()
    return MeterCase(
        session=session,
        kind=Kind.METER,
        plausible_wh=session.energy_wh,
        reported_wh=session.claimed_wh,
        opened_at=opened_at,
        decide_by=opened_at + DECIDED_WITHIN,
    )


def _check(session: ChargingSession, case: MeterCase, energy_wh: int, reason: str) -> None:
    problems = {}
    if energy_wh < 0:
        problems["energy_wh"] = [str(_("Energy cannot be negative."))]
    elif energy_wh > max(case.plausible_wh, case.reported_wh, most_wh(session)):
        problems["energy_wh"] = [str(_("So much the connector cannot have given, and nobody says so."))]
    if len(reason) > LONGEST_REASON or "\0" in reason:
        problems["reason"] = [str(_("Write up to %(most)s characters.")) % {"most": LONGEST_REASON}]
    if problems:
        raise Invalid(fields=problems)


def _correct(session: ChargingSession, case: MeterCase, energy_wh: int, reason: str) -> None:
    """Carry out a late end as staff see it: the receipt so far is credited, and a new one written."""
    changes: dict[str, Any] = {"energy_wh": energy_wh, "is_estimated": False}
    if energy_wh == case.reported_wh and case.late_stopped_at is not None:
        changes |= {"stopped_at": case.late_stopped_at, "stopped_at_said": case.late_stopped_at_said, "stop_reason": case.late_reason}
        if case.late_meter_stop_wh is not None:
            changes["meter_stop_wh"] = case.late_meter_stop_wh
    earlier = session.cdr_id
    ending.correct(session, changes, approved=True, why=reason)
    corrected = session.cdr
    if corrected is None or corrected.pk == earlier or corrected.owner_minor <= 0 or session.driver_id in (None, session.owner_id):
        return
    notifications.notify(
        session.owner,
        Notification.Kind.EARNED,
        url=session.get_absolute_url(),
        place=session.charge_point.name,
        energy_wh=energy_wh,
        earned_minor=corrected.owner_minor,
        currency=corrected.currency,
        **({"reason": reason} if reason else {}),
    )


def _close(case: MeterCase, energy_wh: int, *, at: datetime, by: User | None = None, reason: str = "") -> None:
    known = {case.reported_wh: Outcome.REPORTED, case.plausible_wh: Outcome.PLAUSIBLE}
    case.outcome = known.get(energy_wh, Outcome.OTHER)
    case.energy_wh, case.decided_at, case.decided_by, case.reason = energy_wh, at, by, reason
    case.save()
