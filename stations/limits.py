"""How far a session may go: the credit behind it, the driver's own limits, and the stop when one is reached.

A reading costs no query: it is compared with two numbers of the session. Only when one is crossed does `look_again`
compute what the session costs exactly, let the hold grow, warn, or ask the charger to stop.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts import notifications
from accounts.models import Notification
from billing import ledger, money, pricing
from billing.ledger import Wallet
from billing.pricing import Prices, Usage
from stations import commands, live, metering
from stations.models import ChargingSession, Command

UNCONFIRMED_CARD_MINOR = 10_000
SAMPLE_INTERVAL_S = 60
GROW_AT = 70
WARN_AT = (80, 95)
STOP_TRIES = 3
STOP_AGAIN_AFTER = timedelta(seconds=60)
OWN_LIMIT = gettext_lazy("The limit you set was reached.")
CREDIT_GONE = gettext_lazy("The credit ran out.")
NO_ENERGY = gettext_lazy("No energy has flowed for half an hour.")
CARD_LIMIT = gettext_lazy("The limit of a card that was not confirmed yet was reached.")
LEAST_STEP_WH = 20
LEAST_STEP_S = 10


def prices_of(session: ChargingSession) -> Prices | None:
    """What the session was promised at its start; None where nobody pays."""
    if session.is_free or session.tariff_version is None:
        return None
    return Prices.of(session.tariff_version)


def first_hold_minor(prices: Prices, available_minor: int, *, wanted_wh: int | None = None) -> int:
    """What is set aside before anything is accepted: what a visit is expected to cost, within what is there."""
    expected = pricing.expected_minor(prices, energy_wh=wanted_wh or pricing.EXPECTED_WH)
    return min(max(expected, settings.MINIMUM_HOLD_MINOR), available_minor)


def usage(session: ChargingSession, now: datetime) -> Usage:
    """What an open session has used so far."""
    began = session.start_received_at or session.created_at
    return Usage(
        energy_wh=session.energy_wh,
        started_at=session.started_at or began,
        stopped_at=max(now, session.started_at or began),
        seconds=max(0, int((now - began).total_seconds())),
        idle=idle(session, until=now),
        time_zone=session.charge_point.time_zone,
    )


def idle(session: ChargingSession, *, until: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """When the car stood there although it had all it wanted, as pricing takes it."""
    stands = session.idle_until(until)
    return tuple((datetime.fromtimestamp(begins, UTC), datetime.fromtimestamp(ends, UTC)) for begins, ends in stands)


def accrued_minor(session: ChargingSession, prices: Prices, now: datetime) -> int:
    """What an open session would cost if it ended now, at the dearest hour."""
    used = usage(session, now)
    energy = money.price_minor(used.energy_wh, prices.dearest_per_kwh)
    lines = [line for line in pricing.price(prices, used) if line.kind != pricing.Kind.ENERGY]
    return energy + pricing.total(lines) if used.energy_wh >= pricing.FREE_BELOW_WH else energy


def cap_minor(session: ChargingSession) -> int | None:
    """The most this one session may cost: the driver's own limit, or that of a card whose holder has not shown herself."""
    caps = [] if session.max_amount_minor is None else [session.max_amount_minor]
    if session.id_token is not None and session.id_token.confirmed_at is None:
        caps.append(UNCONFIRMED_CARD_MINOR)
    return min(caps, default=None)


@dataclass(frozen=True)
class Prospect:
    """How a paid session stands against the money behind it."""

    accrued_minor: int
    held_minor: int
    available_minor: int
    cap_minor: int | None
    reserve_minor: int
    """What it may still cost until a stop takes effect."""

    @property
    def limit_minor(self) -> int:
        """Where it must be stopped. A cap smaller than the reserve still lets something flow."""
        limit = self.held_minor + max(0, self.available_minor) - self.reserve_minor
        if self.cap_minor is not None:
            limit = min(limit, self.cap_minor - min(self.reserve_minor, self.cap_minor // 2))
        return limit

    @property
    def must_stop(self) -> bool:
        """Whether a stop sent now comes just in time."""
        return self.accrued_minor >= self.limit_minor

    @property
    def must_grow(self) -> bool:
        """Whether more should be set aside."""
        return self.may_grow and self.accrued_minor * 100 >= self.held_minor * GROW_AT

    @property
    def may_grow(self) -> bool:
        """Whether there is more, and use for it: no more is held than may be spent."""
        return self.available_minor > 0 and (self.cap_minor is None or self.held_minor < self.cap_minor)

    @property
    def percent(self) -> int:
        """The share of the hold that is used up."""
        return self.accrued_minor * 100 // self.held_minor if self.held_minor else 100

    @property
    def look_at_minor(self) -> int:
        """The next amount at which something must be done."""
        if self.may_grow:
            return min(self.limit_minor, self.held_minor * GROW_AT // 100)
        steps = [self.held_minor * percent // 100 for percent in WARN_AT if percent > self.percent]
        return min([self.limit_minor, *steps])


@transaction.atomic
def look_again(session_id: int, *, now: datetime) -> None:
    """See where a running session stands: let its hold grow, warn its driver, ask for its stop; and say when to look next."""
    active = ChargingSession.objects.filter(pk=session_id, status=ChargingSession.Status.ACTIVE)
    if not active.select_for_update().values_list("pk"):
        return
    session = active.select_related("charge_point", "connector", "driver", "id_token", "hold__user", "tariff_version__tariff").first()
    if session is None or session.stop_asked_at is not None:
        return
    _look(session, now)


def set_first(session: ChargingSession, now: datetime, purse: Wallet | None = None) -> str | Promise | None:
    """The first look at a session that begins, before it is saved; why it must be stopped at once, if it must.

    `purse` is what its driver has, where the caller has the wallet locked and has read it by that.
    """
    return _set_limits(session, now, purse)


def ask_stop(session: ChargingSession, why: str | Promise, now: datetime, *, source: str = Command.Source.PROTECTION) -> None:
    """Ask the charger to end a session, and remember to ask again. The caller has it locked."""
    session.stop_asked_at = now
    with override(session.driver.language if session.driver else None):
        session.note = session.note or str(why)
    session.warn_at_wh = session.stop_at_wh = session.stop_at = None
    session.save(update_fields=["stop_asked_at", "note", "warn_at_wh", "stop_at_wh", "stop_at"])
    commands.stop_session(session, source=source)
    live.session_changed(session)


def insist(session: ChargingSession, now: datetime) -> None:
    """A stop was asked for and the car charges on: ask again, three times in all; then give it no power, free the cable, tell the owner."""
    asked = Command.objects.filter(session=session, action="RemoteStopTransaction").exclude(status=Command.Status.OFFLINE)
    last = asked.order_by("-pk").first()
    if (last is not None and last.created_at > now - STOP_AGAIN_AFTER) or not session.charge_point.is_online:
        return
    source = last.source if last is not None else Command.Source.PROTECTION
    if asked.count() < STOP_TRIES:
        commands.stop_session(session, source=source)
        return
    if Command.objects.filter(session=session, action="UnlockConnector").exists():
        return
    payload = no_more_power(session)
    commands.ask(session.charge_point, "SetChargingProfile", payload, source=Command.Source.PROTECTION, session=session)
    if source == Command.Source.PROTECTION:
        commands.change_availability(
            session.charge_point, operative=False, connector_number=session.connector.number, source=Command.Source.PROTECTION
        )
    commands.unlock(session.connector, source=Command.Source.PROTECTION, session=session)
    with override(session.owner.language):
        notifications.notify(
            session.owner,
            Notification.Kind.CHARGER_ALERT,
            url=session.get_absolute_url(),
            place=session.charge_point.name,
            reason=_("The charger was asked to stop three times and goes on charging."),
        )


def no_more_power(session: ChargingSession) -> dict[str, Any]:
    """A charging profile that lets nothing flow in this session alone, spelt so that every make takes it: level 0, relative."""
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 0}]}
    profile = {
        "chargingProfileId": session.transaction_id,
        "transactionId": session.transaction_id,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
    }
    return {"connectorId": session.connector.number, "csChargingProfiles": profile}


def _look(session: ChargingSession, now: datetime) -> None:
    why = _set_limits(session, now)
    if why:
        ask_stop(session, why, now)
    else:
        session.save(update_fields=["warn_at_wh", "stop_at_wh", "stop_at", "warned_percent"])


def _set_limits(session: ChargingSession, now: datetime, purse: Wallet | None = None) -> str | Promise | None:
    """Say when to look next; or why there is nothing to wait for."""
    if session.max_energy_wh is not None and session.energy_wh >= session.max_energy_wh:
        return OWN_LIMIT
    if session.until is not None and now >= session.until:
        return OWN_LIMIT
    session.warn_at_wh = None
    session.stop_at_wh = session.max_energy_wh
    session.stop_at = session.until
    prices = prices_of(session)
    if prices is not None and session.hold is not None:
        prospect = _prospect(session, prices, now, purse)
        if prospect.must_grow and not prospect.must_stop:
            more_minor = max(pricing.expected_minor(prices), settings.MINIMUM_HOLD_MINOR)
            to_minor = max(prospect.held_minor, prospect.accrued_minor) + more_minor
            ledger.extend(session.hold, to_minor if prospect.cap_minor is None else min(to_minor, prospect.cap_minor))
            prospect = _prospect(session, prices, now)
        if prospect.must_stop:
            is_own = session.max_amount_minor is not None and prospect.cap_minor == session.max_amount_minor
            return OWN_LIMIT if is_own else CREDIT_GONE if prospect.cap_minor is None else CARD_LIMIT
        _warn(session, prospect, prices)
        _set_marks(session, prospect, prices, now)
    return None


def _prospect(session: ChargingSession, prices: Prices, now: datetime, purse: Wallet | None = None) -> Prospect:
    hold = session.hold
    if purse is None and hold is not None:
        purse = ledger.lock_wallet(hold.user)
    available_minor = purse.available_minor if purse is not None else 0
    accrued = accrued_minor(session, prices, now)
    cap = cap_minor(session)
    return Prospect(
        accrued_minor=accrued,
        held_minor=hold.amount_minor if hold is not None else 0,
        available_minor=available_minor,
        cap_minor=cap,
        reserve_minor=_reserve_minor(session, prices),
    )


def _reserve_minor(session: ChargingSession, prices: Prices) -> int:
    """The price of what flows until a stop takes effect: two readings and half a minute at full power."""
    interval = session.meter.get("interval") or SAMPLE_INTERVAL_S
    seconds = 2 * min(max(interval, LEAST_STEP_S), 900) + 30
    power_w = session.connector.max_power_w or metering.UNKNOWN_POWER_W
    by_time = money.rounded_half_up(int(seconds) * money.ten_thousandths(prices.price_per_minute), 6_000)
    return money.price_minor(math.ceil(power_w * seconds / 3600), prices.dearest_per_kwh) + by_time


def _warn(session: ChargingSession, prospect: Prospect, prices: Prices) -> None:
    """Tell the driver once at 80 and once at 95 % of the last of her credit."""
    reached = max((percent for percent in WARN_AT if percent <= prospect.percent), default=0)
    if session.driver is None or prospect.available_minor > 0 or reached <= session.warned_percent:
        return
    session.warned_percent = reached
    notifications.notify(
        session.driver,
        Notification.Kind.CREDIT_LOW,
        url=session.get_absolute_url(),
        available_minor=max(0, prospect.held_minor - prospect.accrued_minor),
        currency=prices.currency,
    )


def _set_marks(session: ChargingSession, prospect: Prospect, prices: Prices, now: datetime) -> None:
    """Turn the next amount into an energy and a time. Where both cost money, half the way of each: they use it up together."""
    used = usage(session, now)
    by_time = bool(prices.price_per_minute or prices.idle_price_per_minute)
    warn_wh = pricing.affordable_wh(prices, prospect.look_at_minor, used)
    stop_wh = pricing.affordable_wh(prices, prospect.limit_minor, used)
    if warn_wh is not None and stop_wh is not None:
        if by_time:
            warn_wh = used.energy_wh + (warn_wh - used.energy_wh) // 2
        session.warn_at_wh = max(warn_wh, used.energy_wh + LEAST_STEP_WH)
        session.stop_at_wh = stop_wh if session.max_energy_wh is None else min(stop_wh, session.max_energy_wh)
    if by_time:
        dearest = prices.price_per_minute + prices.idle_price_per_minute
        left_minor = max(0, prospect.look_at_minor - prospect.accrued_minor)
        seconds = left_minor * 6_000 // money.ten_thousandths(dearest)
        look = now + timedelta(seconds=max(seconds if warn_wh is None else seconds // 2, LEAST_STEP_S))
        session.stop_at = look if session.stop_at is None else min(look, session.stop_at)
