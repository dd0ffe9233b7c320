"""What an owner should hear about a charger that does what it should not: each thing once in a while, never over and over."""

from datetime import datetime, timedelta
from itertools import starmap

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from accounts import notifications
from accounts.models import Notification
from chargeshare.sentences import Question
from stations import commands, metering
from stations.models import ChargePoint, ChargingSession, Command

AGAIN_AFTER = timedelta(days=7)
OPENS_WITHIN = timedelta(seconds=30)
OPENS_WITH_WH = 20
FLOWS_WH = 100
STOP_TRIES = 3
STOP_AGAIN_AFTER = timedelta(seconds=60)
ASKED_FOR = frozenset({"Remote", "EVDisconnected", "DeAuthorized"})

NEEDS_WSS = _(
    "Two sessions in a row ended after a few seconds without energy. "
    "Some makes charge only over a secure address: enter the one that begins with wss:// in the charger."
)
FLOWS_ON = _("Energy goes on flowing after the end of a session. We asked the charger to stop; nobody pays for what flows now.")
SENDS_TOO_MUCH = _(
    "It has sent more than 20,000 readings today. Until midnight only one in a minute is kept; what sessions cost does not change. "
    "Set its sampling interval (MeterValueSampleInterval) to ten seconds or more."
)
NOTHING_FLOWS = _("A session runs and no energy has flowed for ten minutes.")


def tell_owner(charge_point: ChargePoint, reason: str | Promise, *, now: datetime, url: str = "") -> bool:
    """Alert the owner, unless she was told the same about this charger lately."""
    owner = charge_point.owner
    with override(owner.language):
        text = str(reason)
    lately = Notification.objects.filter(user=owner, kind=Notification.Kind.CHARGER_ALERT, created_at__gt=now - AGAIN_AFTER)
    if lately.filter(context__place=charge_point.name, context__reason=text).exists():
        return False
    notifications.notify(owner, Notification.Kind.CHARGER_ALERT, url=url, place=charge_point.name, reason=text)
    return True


_last_two = Question(
    lambda charge_point_id: (
        ChargingSession.objects.filter(charge_point_id=charge_point_id, status=ChargingSession.Status.COMPLETED)
        .order_by("-pk")
        .values_list("started_at", "stopped_at", "stop_asked_at", "energy_wh", "stop_reason")[:2]
    )
)


def opens_at_once(charge_point: ChargePoint, *, now: datetime) -> bool:
    """Whether the last two sessions both ended by themselves after seconds, with nothing charged; then the owner is told."""
    last = _last_two.all(charge_point.pk)
    if len(last) < 2 or not all(starmap(_opened_at_once, last)):
        return False
    tell_owner(charge_point, NEEDS_WSS, now=now)
    return True


def _opened_at_once(
    started_at: datetime | None, stopped_at: datetime | None, stop_asked_at: datetime | None, energy_wh: int, reason: str
) -> bool:
    if started_at is None or stopped_at is None or stop_asked_at is not None:
        return False
    return stopped_at - started_at <= OPENS_WITHIN and energy_wh <= OPENS_WITH_WH and reason not in ASKED_FOR


@transaction.atomic
def flows_after_end(session_id: int, register_wh: int, *, now: datetime) -> bool:
    """A meter goes on under a session that has ended: ask for the stop again, three times in all, and tell the owner.

    What the meter said before the end is no energy after it, a leap no outlet can deliver is a fault of the meter, and
    where somebody else charges by now it is hers.
    """
    ended = ChargingSession.objects.filter(pk=session_id, is_estimated=False, stop_received_at__isnull=False, meter_stop_wh__isnull=False)
    session = ended.select_related("charge_point__owner", "connector").first()
    if session is None or session.meter_stop_wh is None or session.stop_received_at is None:
        return False
    more_wh = register_wh - session.meter_stop_wh
    since = session.stopped_at or session.stop_received_at
    most_wh = metering.plausible_wh(session.connector.max_power_w, (now - since).total_seconds(), settings.METER_SLACK_WH)
    if not FLOWS_WH < more_wh <= most_wh or session.connector.sessions.filter(status=ChargingSession.Status.ACTIVE).exists():
        return False
    asked = Command.objects.filter(session=session, action="RemoteStopTransaction", created_at__gt=session.stop_received_at)
    times = list(asked.order_by("-pk").values_list("created_at", flat=True)[:STOP_TRIES])
    if len(times) < STOP_TRIES and (not times or times[0] <= now - STOP_AGAIN_AFTER):
        commands.stop_session(session, source=Command.Source.PROTECTION)
    tell_owner(session.charge_point, FLOWS_ON, now=now, url=session.get_absolute_url())
    return True
