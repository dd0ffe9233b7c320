"""What happens to sessions by itself: starts given up, ends that never came, overdue stops. Every function may run twice at once."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from accounts import notifications
from accounts.models import Notification
from billing import ledger
from stations import alarms, intents, limits
from stations.models import ChargingSession
from stations.models.meter_case import DECIDED_WITHIN
from stations.sessions import deciding, ending, protection

Status = ChargingSession.Status
AT_ONCE = 200
NO_ENERGY_AFTER = timedelta(minutes=30)
NO_ENERGY_WH = 100
TOLD_AFTER = timedelta(minutes=10)
CHECK_CABLE = _("No energy has flowed for ten minutes. Check the cable, and whether the car waits for a timer.")

WAITING = ("SuspendedEV", "SuspendedEVSE")  # for its timer, or for the sun
_WAITS = Q(connector__status__in=WAITING)
_NOTHING_FLOWS = Q(
    last_received_at__isnull=False, energy_wh__lt=NO_ENERGY_WH, meter_start_wh__isnull=False, meter__readings__gt=1, stop_asked_at=None
)


def abandon_stale(*, now: datetime) -> int:
    """Give up starts that no charger began: the car did not connect."""
    stale = ChargingSession.objects.filter(status=Status.PENDING, expires_at__lt=now).select_related("driver", "charge_point")
    return sum(intents.give_up(session, intents.NO_CABLE, now=now) for session in stale[:AT_ONCE])


def close_orphans(*, now: datetime) -> int:
    """Settle sessions whose end never came from their last reading: after the grace, or after a day of silence."""
    grace = now - timedelta(seconds=settings.SESSION_ORPHAN_GRACE_S)
    silent = now - timedelta(seconds=settings.SESSION_SILENT_AFTER_S)
    is_silent = Q(last_received_at__lt=silent) | Q(last_received_at=None, start_received_at__lt=silent)
    orphaned = Q(orphaned_at__lt=grace) | is_silent

    def settle(session: ChargingSession) -> bool:
        ending.soft_close(session, now=now)
        protection.lift(session)
        return True

    return _each(Q(status=Status.ACTIVE) & orphaned, settle)


def settle_reviews(*, now: datetime) -> int:
    """Settle what nobody decided within three days by the smallest plausible energy."""

    def settle(session: ChargingSession) -> bool:
        deciding.decide_by_time(session, now=now)
        return True

    return _each(Q(status=Status.REVIEW, stop_received_at__lt=now - DECIDED_WITHIN), settle)


def stop_overdue(*, now: datetime) -> int:
    """Stop what has reached its time, or charges nothing for half an hour, and insist where a stop was asked for in vain."""

    def stop(session: ChargingSession) -> bool:
        if session.stop_asked_at is not None:
            limits.insist(session, now)
        elif session.stop_at is not None and session.stop_at <= now:
            limits.look_again(session.pk, now=now)
        else:
            limits.ask_stop(session, limits.NO_ENERGY, now)
        return True

    nothing_flows = Q(_NOTHING_FLOWS, start_received_at__lt=now - NO_ENERGY_AFTER)
    asked = Q(stop_asked_at__lt=now - limits.STOP_AGAIN_AFTER)
    return _each(Q(status=Status.ACTIVE) & (asked | Q(stop_at__lte=now) | (nothing_flows & ~_WAITS)), stop)


def tell_of_no_energy(*, now: datetime) -> int:
    """Tell a driver, once, that nothing flows while there is still time to do something; the owner too, unless the car only waits."""

    def tell(session: ChargingSession) -> bool:
        driver, url = session.driver, session.get_absolute_url()
        told = Notification.objects.filter(user=driver, kind=Notification.Kind.SESSION_FAILED, url=url)
        if driver is None or told.exists():
            return False
        with override(driver.language):
            reason = str(CHECK_CABLE)
        notifications.notify(driver, Notification.Kind.SESSION_FAILED, url=url, place=session.charge_point.name, reason=reason)
        if driver.pk != session.owner_id and session.connector.status not in WAITING:
            alarms.tell_owner(session.charge_point, alarms.NOTHING_FLOWS, now=now, url=url)
        return True

    lately = Q(start_received_at__lt=now - TOLD_AFTER, start_received_at__gt=now - NO_ENERGY_AFTER, driver__isnull=False)
    return _each(Q(_NOTHING_FLOWS, lately, status=Status.ACTIVE), tell)


def repair_unsettled(*, now: datetime) -> int:
    """Settle finished sessions that lack their receipt: an older version or a restored backup left them so."""

    def settle(session: ChargingSession) -> bool:
        ending.settle(session)
        session.save()
        return True

    return _each(Q(status=Status.COMPLETED, cdr=None, stop_received_at__lt=now), settle)


def _each(which: Q, do: Callable[[ChargingSession], bool]) -> int:
    """Do something to each of some sessions, each locked in a transaction of its own, so that one cannot hinder another.

    It must still be one of them then: it may have ended, gone on charging or been looked at by another process since it was found.
    """
    return sum(_one(pk, which, do) for pk in ChargingSession.objects.filter(which).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])


@ledger.retried
@transaction.atomic
def _one(pk: int, which: Q, do: Callable[[ChargingSession], bool]) -> bool:
    session = ending.lock(pk)
    return ChargingSession.objects.filter(which, pk=pk).exists() and do(session)
