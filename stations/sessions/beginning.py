"""StartTransaction: a session begins, whoever asked for it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import override

from accounts import id_tokens, notifications
from accounts.models import Notification, User
from billing import ledger, settlement
from stations import authorization, circles, commands, connectivity, limits, live, quarantine, slots
from stations.authorization import Verdict
from stations.metering import Meter
from stations.models import ChargePoint, ChargingSession, Command, Connector, Reservation
from stations.models.session import new_transaction_id
from stations.sessions import ending, protection, stopping

Status = ChargingSession.Status
TRIES = 4
REFUSED_STOPS_AFTER = timedelta(seconds=3)


@dataclass(frozen=True)
class Started:
    """What a StartTransaction is answered."""

    transaction_id: int
    status: str
    parent_tag: str = ""


@dataclass(frozen=True)
class _Start:
    """What a StartTransaction says."""

    charge_point: ChargePoint
    connector: Connector
    id_tag: str
    meter_start_wh: int | None
    started_at: datetime
    started_at_said: str
    reservation_id: int | None
    received_at: datetime
    start_key: str
    bookings: tuple[Reservation, ...] = ()

    @property
    def counts_at(self) -> datetime:
        """When it happened as far as bookings go: now, unless it began before the charger came back and told us of it."""
        connected_at = self.charge_point.connected_at
        was_away = connected_at is not None and self.started_at < connected_at - timedelta(minutes=1)
        return self.started_at if was_away else self.received_at

    def booking_of(self, driver: User | None) -> Reservation | None:
        """The booking of this person that it uses."""
        return slots.hers(self.bookings, driver, self.connector, self.reservation_id)

    def meets_booking(self, who: Verdict) -> bool:
        """Whether somebody else has the outlet for now; the owner is never kept from her own."""
        if who.driver is None or who.is_owner:
            return False
        return slots.in_the_way(self.bookings, who.driver, self.connector, self.counts_at) is not None


def begin(  # noqa: PLR0913 - as many words as the charger says
    charge_point: ChargePoint,
    *,
    connector_number: int,
    id_tag: str,
    meter_start_wh: int | None,
    started_at: datetime,
    started_at_said: str = "",
    reservation_id: int | None = None,
    received_at: datetime,
    start_key: str,
) -> Started:
    """A charger began a session. Its repetition, also after the end, is answered the same and changes nothing.

    It is never refused because the outlet was taken: the session that was there is over, and is settled as far as it came.
    A refused start is kept as well, for what flows nevertheless is reported, but it occupies nothing.
    """
    start = _Start(
        charge_point=charge_point,
        connector=connectivity.connector(charge_point, connector_number),
        id_tag=quarantine.clean(id_tag)[:64],
        meter_start_wh=meter_start_wh,
        started_at=min(started_at, received_at),
        started_at_said=quarantine.clean(started_at_said)[:40],
        reservation_id=reservation_id,
        received_at=received_at,
        start_key=start_key,
    )
    start = replace(start, bookings=tuple(slots.near(charge_point, start.counts_at)))
    for attempt in range(1, TRIES + 1):
        known = ChargingSession.objects.of(charge_point).select_related("driver", "id_token").filter(start_key=start_key).first()
        if known is not None:
            return _answer(known)
        who = authorization.identify(charge_point, start.id_tag)
        booking = start.booking_of(who.driver)
        if who.session is None and booking is not None:
            who = replace(who, session=slots.waiting_start(booking, start.id_tag))
        _make_room(start, who)
        try:
            started = _begin(start, who)
        except IntegrityError:  # the same start, or another one at this outlet, came at the same moment
            if attempt == TRIES:
                raise
            continue
        stopping.end_by_kept(charge_point, started.transaction_id, now=received_at)
        return started
    raise AssertionError("unreachable")  # pragma: no cover


@ledger.retried
@transaction.atomic
def _make_room(start: _Start, who: Verdict) -> None:
    """End what the charger has silently ended. A tag that may not start anything ends nothing; it only makes us listen closely."""
    there = ChargingSession.objects.filter(connector=start.connector, status=Status.ACTIVE)
    old_id, before_id = there.values_list("pk", flat=True).first(), _reaches_into(start)
    if old_id is None and before_id is None and not stopping.has_kept(start.charge_point, now=start.received_at):
        return
    locked = _lock_all(start, who, old_id, before_id)
    if before_id is not None and start.meter_start_wh is not None:
        ending.shorten(locked[before_id], meter_stop_wh=start.meter_start_wh, at=start.started_at, now=start.received_at)
    old = locked.get(old_id or 0)
    if old is None or old.status != Status.ACTIVE or _was_over(start, old):
        return
    if who.is_accepted and not start.meets_booking(who):
        ending.soft_close(old, now=start.received_at, next_start_wh=start.meter_start_wh)
        protection.lift(old)
    else:
        there.filter(orphaned_at=None).update(orphaned_at=start.received_at)


def _was_over(start: _Start, there: ChargingSession) -> bool:
    """Whether a start out of a queue tells of a session before the one that is there: that one goes on, and this one has ended."""
    return there.started_at is not None and start.started_at < there.started_at


def _reaches_into(start: _Start) -> int | None:
    """The session before, where it was settled up to one that came later still: this start tells that it ended sooner."""
    before = ChargingSession.objects.filter(connector=start.connector, status=Status.COMPLETED, is_estimated=True)
    before = before.filter(started_at__lt=start.started_at, meter_stop_wh__gt=start.meter_start_wh or 0)
    found: int | None = before.order_by("-started_at").values_list("pk", flat=True).first()
    return found if start.meter_start_wh is not None else None


def _lock_all(start: _Start, who: Verdict, *others: int | None) -> dict[int, ChargingSession]:
    """Lock, before the first of them is touched, what several sessions need: the rows of all, then the accounts of all people.

    Settling the one and setting money aside for the other happen in one transaction. Were the second wallet locked only when
    its turn comes, two chargers at which two people change places would wait for each other.
    """
    asked_for_id = who.session.pk if who.session is not None else None
    locked = {pk: ending.lock(pk) for pk in sorted({pk for pk in (asked_for_id, *others) if pk is not None})}
    settlement.lock([(start.charge_point.owner, who.driver), *((session.owner, session.driver) for session in locked.values())])
    return locked


@ledger.retried
@transaction.atomic
def _begin(start: _Start, who: Verdict) -> Started:
    if who.session is not None:
        asked_for = ending.lock(who.session.pk)
        if asked_for.status == Status.PENDING:
            return _begin_asked_for(start, asked_for)
        is_known = asked_for.status in (Status.ACTIVE, Status.COMPLETED)  # the same tag again: a start after a lost stop
        who = replace(who, session=None) if is_known else Verdict(authorization.INVALID, who.driver)
    if who.driver is not None and who.is_accepted and not who.is_owner:
        ledger.lock_wallet(who.driver)
    circles.look_up([start.connector], who.driver)
    verdict = authorization.judge(who, start.charge_point, start.connector, for_start=True, bookings=start.bookings, at=start.counts_at)
    if verdict.is_accepted:
        return _begin_by_card(start, verdict)
    return _refuse(start, verdict)


def _begin_asked_for(start: _Start, session: ChargingSession) -> Started:
    """The start that a driver asked for by button or QR code: its hold is set aside already."""
    session.connector = start.connector
    _fill(session, start, authorization.ACCEPTED)
    session.status = Status.ACTIVE
    session.save()
    _begun(session, start)
    return _answer(session)


def _begin_by_card(start: _Start, verdict: Verdict) -> Started:
    tariff = circles.tariff_for(start.connector, verdict.driver)
    version = tariff.current if tariff is not None else None
    there = ChargingSession.objects.filter(connector=start.connector, status=Status.ACTIVE).first()
    is_over = there is not None and _was_over(start, there)
    session = _new(start, verdict, Status.COMPLETED if is_over else Status.ACTIVE)
    session.is_free = verdict.is_owner
    session.tariff_version = None if verdict.is_owner else version
    session.fee_share = 0 if verdict.is_owner else settings.PLATFORM_FEE
    prices = limits.prices_of(session)
    if prices is not None and not prices.is_free and verdict.driver is not None:
        available_minor = ledger.wallet(verdict.driver).available_minor
        amount_minor = limits.first_hold_minor(prices, available_minor)
        session.hold = ledger.hold(verdict.driver, amount_minor, key=f"session:{session.code}")
    session.save(force_insert=True)
    if is_over:
        _use_booking(session, start)
        ending.end_before_next(session, now=start.received_at)
    else:
        _begun(session, start)
    return _answer(session)


def _refuse(start: _Start, verdict: Verdict) -> Started:
    session = _new(start, verdict, Status.INVALID)
    session.note = _in_drivers_words(verdict)
    session.stop_asked_at = start.received_at
    session.save(force_insert=True)
    slots.began(start.charge_point, start.reservation_id, now=start.received_at)
    authorization.tell_why(verdict, start.charge_point)
    if id_tokens.key(start.id_tag):  # without any tag it is the owner's box that charges by itself
        after = timezone.now() + REFUSED_STOPS_AFTER
        commands.stop_session(session, source=Command.Source.PROTECTION, not_before=after)
    live.session_changed(session)
    return _answer(session)


def _new(start: _Start, verdict: Verdict, status: str) -> ChargingSession:
    session = ChargingSession(
        charge_point=start.charge_point,
        connector=start.connector,
        driver=verdict.driver,
        owner=start.charge_point.owner,
        id_token=verdict.id_token,
        id_tag=start.id_tag,
        origin=ChargingSession.Origin.CARD,
        status=status,
    )
    while ChargingSession.objects.filter(transaction_id=session.transaction_id).exists():
        session.transaction_id = new_transaction_id()
    _fill(session, start, verdict.status)
    return session


def _fill(session: ChargingSession, start: _Start, id_tag_status: str) -> None:
    session.start_key = start.start_key
    session.id_tag_status = id_tag_status
    session.reservation_id = start.reservation_id
    session.started_at = start.started_at
    session.started_at_said = start.started_at_said
    session.start_received_at = start.received_at
    session.meter_start_wh = start.meter_start_wh
    session.meter = Meter.begun(start.meter_start_wh, start.started_at, start.received_at).state()


def _use_booking(session: ChargingSession, start: _Start) -> None:
    booking = start.booking_of(session.driver)
    if booking is not None:
        slots.activate(booking, session)
    slots.began(start.charge_point, start.reservation_id, now=start.received_at)


def _begun(session: ChargingSession, start: _Start) -> None:
    _use_booking(session, start)
    limits.set_first(session, start.received_at)
    live.session_changed(session)
    live.connector_changed(start.connector)
    driver = session.driver
    if driver is None or session.is_free:
        return
    url, place, token = session.get_absolute_url(), start.charge_point.name, session.id_token
    if token is not None and token.confirmed_at is None:
        notifications.notify(driver, Notification.Kind.CARD_USED, url=url, place=place, card=str(token))
    else:
        notifications.notify(driver, Notification.Kind.SESSION_STARTED, url=url, place=place, card=str(token or ""))


def _answer(session: ChargingSession) -> Started:
    parent_tag = ""
    if session.id_tag_status == authorization.ACCEPTED and session.driver is not None:
        parent_tag = (session.id_token.parent_uid if session.id_token is not None else "") or session.driver.group_tag
    return Started(session.transaction_id, session.id_tag_status, parent_tag)


def _in_drivers_words(verdict: Verdict) -> str:
    with override(verdict.driver.language if verdict.driver is not None else None):
        return str(verdict.reason)[:200]
