"""What a driver lets a running session come to, thought over again while it charges: crowns, energy, time, percent of the battery."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from billing import ledger, money
from chargeshare.errors import DomainError, Invalid, NotFound
from stations import estimates, limits, live
from stations.estimates import Need
from stations.models import ChargingSession, PrepaidStart
from stations.sessions import ending, wishes

Status = ChargingSession.Status


class NothingToLimit(DomainError):
    """It has ended, or is about to."""

    code = "session_over"
    message = gettext_lazy("This charging has ended, or was asked to stop. Its limits can no longer be changed.")


@ledger.retried
@transaction.atomic
def change_limits(
    *,
    user: User,
    session: ChargingSession,
    max_amount_minor: int | None,
    max_energy_wh: int | None,
    until: datetime | None,
    until_percent: int | None = None,
) -> ChargingSession:
    """Set all limits anew; what is left out holds no longer. A payment made for this visit alone stays its limit whatever is said."""
    if user.pk != session.driver_id:
        raise NotFound
    now, locked = timezone.now(), ending.lock(session.pk)
    if locked.has_ended or locked.stop_asked_at is not None:
        raise NothingToLimit
    wishes.check_limits(now, max_amount_minor, max_energy_wh, until)
    if until_percent is not None:
        wanted_wh = _until_wh(locked, until_percent)
        max_energy_wh = wanted_wh if max_energy_wh is None else min(wanted_wh, max_energy_wh)
    paid_minor = PrepaidStart.objects.filter(session=locked).values_list("amount_minor", flat=True).first()
    if paid_minor is not None:
        max_amount_minor = paid_minor if max_amount_minor is None else min(paid_minor, max_amount_minor)
    _must_lie_ahead(locked, max_amount_minor, max_energy_wh, now)
    locked.max_amount_minor, locked.max_energy_wh, locked.until = max_amount_minor, max_energy_wh, until
    locked.until_percent = until_percent
    locked.save(update_fields=["max_amount_minor", "max_energy_wh", "until", "until_percent"])
    if locked.status == Status.ACTIVE:
        limits.look_again(locked.pk, now=now)
    live.session_changed(locked)
    return locked


def _until_wh(session: ChargingSession, percent: int) -> int:
    """The energy of this session at which the battery has so much, counted from what the charger says it has now."""
    if session.vehicle is None or session.soc_percent is None:
        raise Invalid(fields={"until_percent": [_("This charger does not say how full the battery is. Set a limit in kWh instead.")]})
    has_percent, until_percent = estimates.percents(session.soc_percent, percent)
    need = Need(vehicle=session.vehicle, from_percent=has_percent, to_percent=until_percent)
    return session.energy_wh + estimates.energy_until_wh(need, session.connector)


def _must_lie_ahead(session: ChargingSession, max_amount_minor: int | None, max_energy_wh: int | None, now: datetime) -> None:
    fields = {}
    if max_energy_wh is not None and max_energy_wh <= session.energy_wh:
        fields["max_energy_wh"] = [_("More than this has flowed already. To end it now, stop the charging.")]
    prices = limits.prices_of(session)
    if max_amount_minor is not None and prices is not None and session.status == Status.ACTIVE:
        cost_minor = limits.accrued_minor(session, prices, now)
        if max_amount_minor <= cost_minor:
            said = {"cost": money.fmt(cost_minor, prices.currency)}
            fields["max_amount"] = [_("It costs %(cost)s by now. To end it, stop the charging.") % said]
    if fields:
        raise Invalid(fields=fields)
