"""Starts that a driver asked for and no charger has begun yet."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from accounts import notifications
from accounts.models import Notification
from billing import ledger
from stations import live
from stations.models import ChargePoint, ChargingSession, Command

NO_ANSWER = _("The charger did not answer.")
REFUSED = _("The charger refused to start.")
NO_CABLE = _("The car did not connect.")
CANCELLED = _("Cancelled.")


def only_one(charge_point: ChargePoint, *, connector_number: int = 0, now: datetime) -> ChargingSession | None:
    """The one start that waits at a charger, or at one of its outlets; None where several do and none is meant more than another."""
    waiting = ChargingSession.objects.of(charge_point).filter(status=ChargingSession.Status.PENDING, expires_at__gt=now)
    if connector_number:
        waiting = waiting.filter(connector__number=connector_number)
    found = list(waiting[:2])
    return found[0] if len(found) == 1 else None


@transaction.atomic
def give_up(session: ChargingSession, reason: str | Promise, *, tell: bool = True, now: datetime | None = None) -> bool:
    """End a session that never began: nothing is charged, what was set aside is free again. False if it began meanwhile."""
    locked = ChargingSession.objects.select_for_update(of=("self",)).select_related("driver", "charge_point", "hold").get(pk=session.pk)
    if locked.status != ChargingSession.Status.PENDING:
        return False
    locked.status = ChargingSession.Status.INVALID
    locked.stop_received_at = now or timezone.now()
    with override(locked.driver.language if locked.driver else None):
        locked.note = str(reason)[:200]
    locked.save(update_fields=["status", "stop_received_at", "note"])
    if locked.hold is not None:
        ledger.release(locked.hold)
    Command.objects.filter(session=locked, status=Command.Status.PENDING).update(
        status=Command.Status.UNANSWERED, answered_at=locked.stop_received_at
    )
    if tell and locked.driver is not None:
        notifications.notify(
            locked.driver,
            Notification.Kind.SESSION_FAILED,
            url=locked.get_absolute_url(),
            place=locked.charge_point.name,
            reason=locked.note,
        )
    live.session_changed(locked)
    session.status, session.note, session.stop_received_at = locked.status, locked.note, locked.stop_received_at
    return True
