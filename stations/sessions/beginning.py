"""StartTransaction: a session begins, whoever asked for it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import override

from accounts import id_tokens, notifications
from accounts.models import Notification, User
from billing import ledger, settlement
from chargeshare import sentences
from chargeshare.sentences import Question
from stations import authorization, circles, commands, connectivity, limits, live, quarantine, slots
from stations.authorization import Verdict
from stations.metering import MOST_WH, Meter
from stations.models import ChargePoint, ChargingSession, Command, Connector, Reservation
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


_told_before = Question(
    lambda charge_point_id, start_key: ChargingSession.objects.select_related("driver", "id_token").filter(
        charge_point_id=charge_point_id, start_key=start_key
    )
)


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

    Within a transaction of the caller it takes no savepoint: what raises IntegrityError there is for her to do again, all of it.
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
    start = replace(start, bookings=_bookings(start))
    for attempt in range(1, TRIES + 1):
        known = _told_before.first(charge_point.pk, start_key)
        if known is not None:
            return _answer(known)
        who = authorization.identify(charge_point, start.id_tag)
        booking = start.booking_of(who.driver)
        if who.session is None and booking is not None:
            who = replace(who, session=slots.waiting_start(booking, start.id_tag))
        has_kept = stopping.has_kept(charge_point, now=received_at)
        is_over = _make_room(start, who, has_kept=has_kept)
        try:
            started = _begin(start, who, is_over=is_over)
        except IntegrityError:  # the same start, another one at this outlet, or one with the same number came at the same moment
            if attempt == TRIES or connection.in_atomic_block:
                raise
            continue
        if has_kept:
            stopping.end_by_kept(charge_point, started.transaction_id, now=received_at)
        return started
    raise AssertionError("unreachable")  # pragma: no cover


def _bookings(start: _Start) -> tuple[Reservation, ...]:
    """The bookings whose time it was; and the one it names, whatever time its clock says: a charger learns of it just before it begins."""
    found = slots.near(start.charge_point, start.counts_at)
    if start.reservation_id is not None and start.counts_at != start.received_at:
        here = slots.near(start.charge_point, start.received_at)
        found += [one for one in here if one.reservation_id == start.reservation_id and one not in found]
    return tuple(found)


def _make_room(start: _Start, who: Verdict, *, has_kept: bool) -> bool:
    """End what the charger has silently ended; whether this start itself is over, because a later one is there.

    A tag that may not start anything ends nothing; it only makes us listen closely.
    """
    before_id, old_id = _in_the_way(start)
    return (old_id is not None or before_id is not None or has_kept) and _end_those(start, who, old_id, before_id)


@ledger.retried
@transaction.atomic
def _end_those(start: _Start, who: Verdict, old_id: int | None, before_id: int | None) -> bool:
    locked = _lock_all(start, who, old_id, before_id)
    if before_id is not None and start.meter_start_wh is not None:
        ending.shorten(locked[before_id], meter_stop_wh=start.meter_start_wh, at=start.started_at, now=start.received_at)
    old = locked.get(old_id or 0)
    if old is None or old.status != Status.ACTIVE:
        return False
    if _was_over(start, old):
        return True
    if who.is_accepted and not start.meets_booking(who):
        ending.soft_close(old, now=start.received_at, next_start_wh=start.meter_start_wh)
        protection.lift(old)
    else:
        there = ChargingSession.objects.filter(connector=start.connector, status=Status.ACTIVE)
        there.filter(orphaned_at=None).update(orphaned_at=start.received_at)
    return False


def _was_over(start: _Start, there: ChargingSession) -> bool:
    """Whether a start out of a queue tells of a session before the one that is there: that one goes on, and this one has ended."""
    return there.started_at is not None and start.started_at < there.started_at


_at_outlet = Question(
    lambda connector_id, started_at, meter_wh: (
        ChargingSession.objects.filter(
            Q(status=Status.ACTIVE) | Q(status=Status.COMPLETED, is_estimated=True, started_at__lt=started_at, meter_stop_wh__gt=meter_wh),
            connector_id=connector_id,
        )
        .order_by("started_at")
        .values_list("status", "pk")
    )
)


def _in_the_way(start: _Start) -> tuple[int | None, int | None]:
    """Two sessions of this outlet that this start may say something about.

    The one before, where it was settled up to a meter that stood further on than this start says: it ended sooner. And the
    one that is still there.
    """
    most_wh = start.meter_start_wh if start.meter_start_wh is not None else MOST_WH
    latest = {str(status): int(pk) for status, pk in _at_outlet.all(start.connector.pk, start.started_at, most_wh)}
    return latest.get(Status.COMPLETED), latest.get(Status.ACTIVE)


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
@transaction.atomic(savepoint=False)
def _begin(start: _Start, who: Verdict, *, is_over: bool) -> Started:
    if who.session is not None:
        asked_for = ending.lock(who.session.pk)
        if asked_for.status == Status.PENDING:
            return _begin_asked_for(start, asked_for)
        is_known = asked_for.status in (Status.ACTIVE, Status.COMPLETED)  # the same tag again: a start after a lost stop
        who = replace(who, session=None) if is_known else Verdict(authorization.INVALID, who.driver)
    booking, purse = start.booking_of(who.driver), None
    if booking is not None:  # before her wallet, like who ends her booking and charges a fee: each would wait for the other
        slots.take_turn(booking.connector_id)
    if who.driver is not None and who.is_accepted and not who.is_owner:
        purse = ledger.lock_wallet(who.driver)
    circles.look_up([start.connector], who.driver)
    verdict = authorization.judge(
        who, start.charge_point, start.connector, for_start=True, bookings=start.bookings, at=start.counts_at, purse=purse
    )
    if verdict.is_accepted:
        return _begin_by_card(start, verdict, purse, is_over=is_over)
    return _refuse(start, verdict)


def _begin_asked_for(start: _Start, session: ChargingSession) -> Started:
    """The start that a driver asked for by button or QR code: its hold is set aside already."""
    session.connector = start.connector
    _fill(session, start, authorization.ACCEPTED)
    session.status = Status.ACTIVE
    why = limits.set_first(session, start.received_at)
    session.save()
    _begun(session, start, why)
    return _answer(session)


def _begin_by_card(start: _Start, verdict: Verdict, purse: ledger.Wallet | None, *, is_over: bool) -> Started:
    tariff = circles.tariff_for(start.connector, verdict.driver)
    version = tariff.current if tariff is not None else None
    session = _new(start, verdict, Status.COMPLETED if is_over else Status.ACTIVE)
    session.is_free = verdict.is_owner
    session.tariff_version = None if verdict.is_owner else version
    session.fee_share = 0 if verdict.is_owner else settings.PLATFORM_FEE
    prices = limits.prices_of(session)
    if prices is not None and not prices.is_free and verdict.driver is not None and purse is not None:
        amount_minor = limits.first_hold_minor(prices, purse.available_minor)
        session.hold = ledger.set_aside(verdict.driver, amount_minor, key=f"session:{session.code}", purse=purse)
        purse = replace(purse, held_minor=purse.held_minor + amount_minor)
    why = limits.set_first(session, start.received_at, purse) if not is_over else None
    sentences.insert(session)
    if is_over:
        _use_booking(session, start)
        ending.end_before_next(session, now=start.received_at)
    else:
        _begun(session, start, why)
    return _answer(session)


def _refuse(start: _Start, verdict: Verdict) -> Started:
    session = _new(start, verdict, Status.INVALID)
    session.note = _in_drivers_words(verdict)
    session.stop_asked_at = start.received_at
    sentences.insert(session)
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


def _begun(session: ChargingSession, start: _Start, why: str | Promise | None) -> None:
    _use_booking(session, start)
    if why:
        limits.ask_stop(session, why, start.received_at)
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
