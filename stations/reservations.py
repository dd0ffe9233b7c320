"""Bookings: made, changed, used, given up. Nobody books what somebody else has."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import notifications
from accounts.models import Notification, User
from billing import ledger
from chargeshare.errors import DomainError, NotFound
from stations import authorization, booking_fees, booking_news, booking_rules, free_times, holding, live, slots, waitlist
from stations.booking_rules import Terms
from stations.models import ChargingSession, Connector, Reservation, ReservationSeries, WaitlistPlace
from stations.models.reservation import BEFORE, GRACE, LONG_KEPT
from stations.models.session import new_transaction_id

Status = Reservation.Status
Kind = Notification.Kind
MOST_OPEN = 100
TO_APPROVE = timedelta(hours=24)
REMIND_BEFORE = timedelta(minutes=30)
WAITING = (Status.REQUESTED, Status.BOOKED)


class SlotTaken(DomainError):
    """Somebody was faster."""

    code = "slot_taken"
    message = gettext_lazy("Somebody has booked this time already. Choose another one.")


class TooManyReservations(DomainError):
    """As many bookings as nobody needs."""

    code = "too_many_reservations"
    message = gettext_lazy("You have as many bookings as one account may have. Cancel one of them first.")


class ReservationOver(DomainError):
    """There is nothing left to cancel."""

    code = "reservation_over"
    message = gettext_lazy("This booking is over.")


class ReservationInUse(DomainError):
    """The car charges already."""

    code = "reservation_in_use"
    message = gettext_lazy("You are charging under this booking. Stop the charging instead.")


class LateFee(DomainError):
    """Cancelling costs something, and somebody has to pay it."""

    code = "late_fee"
    message = gettext_lazy("Cancelling your booking costs a fee now. Cancel it or use it first, then close the account.")


@ledger.retried
@transaction.atomic
def book(*, driver: User, connector: Connector, begins_at: datetime, ends_at: datetime) -> Reservation:
    """Give an outlet to a driver for a time, at once or once its owner has said yes. Who comes second is told so.

    The row of the outlet makes two who book at once take turns.
    """
    now = timezone.now()
    booking_rules.check_slot(begins_at, ends_at, now)
    connector = begin(driver, connector)
    offered = waitlist.claimed(driver=driver, connector=connector, begins_at=begins_at, ends_at=ends_at, now=now)
    booking_rules.check(driver, connector, begins_at, ends_at, now if offered is None else offered.offered_at or now)
    booking = add(driver, connector, begins_at, ends_at, now, terms_of(driver, connector, begins_at, now))
    if offered is not None:
        offered.status, offered.reservation, offered.ended_at = WaitlistPlace.Status.CLAIMED, booking, now
        offered.save(update_fields=["status", "reservation", "ended_at"])
    made([booking], now)
    return booking


def hers(*, driver: User, connector: Connector, begins_at: datetime, ends_at: datetime) -> Reservation | None:
    """The booking of this very slot that she has already."""
    same = Reservation.objects.filter(driver=driver, connector=connector, begins_at=begins_at, ends_at=ends_at)
    return same.filter(status__in=Reservation.OPEN).select_related("series").first()


@ledger.retried
@transaction.atomic
def claim(*, user: User, place: WaitlistPlace) -> Reservation:
    """Take what one has waited for, while it is one's turn. Twice is the same booking."""
    if place.driver_id != user.pk:
        raise NotFound
    slots.take_turn(place.connector_id)
    place = WaitlistPlace.objects.select_related("reservation", "connector").get(pk=place.pk)
    if place.reservation is not None:
        return place.reservation
    if place.status != WaitlistPlace.Status.OFFERED or place.offer_until is None or place.offer_until <= timezone.now():
        raise waitlist.NotYourTurn
    return book(driver=user, connector=place.connector, begins_at=place.begins_at, ends_at=place.ends_at)


@ledger.retried
@transaction.atomic
def change(*, user: User, reservation: Reservation, begins_at: datetime, ends_at: datetime) -> Reservation:
    """Make a booking shorter or longer, or move it. What goes beyond the old slot must be free, and approved where the owner asks.

    Once cancelling costs something the beginning stays, and while she charges the end alone can change.
    """
    if user.pk != reservation.driver_id:
        raise NotFound
    now, booking = timezone.now(), holding.locked(reservation.pk)
    if not booking.is_open or booking.ends_at <= now:
        raise ReservationOver
    if (begins_at, ends_at) == (booking.begins_at, booking.ends_at):
        return booking
    moves = begins_at != booking.begins_at
    if moves and (booking.status == Status.ACTIVE or booking.begins_at <= now or booking_fees.late_minor(booking, now)):
        raise booking_rules.OutsideRules(gettext_lazy("The beginning can no longer be moved; the end can."))
    booking_rules.check_slot(max(begins_at, now) if not moves else begins_at, ends_at, now)
    is_within = begins_at >= booking.begins_at and ends_at <= booking.ends_at
    if not is_within:
        authorization.check_booking(booking.driver, booking.connector)
        booking_rules.check(
            booking.driver, booking.connector, begins_at, ends_at, now if moves else min(now, booking.created_at, begins_at)
        )
    if free_times.others_in_the_way(booking.connector, booking.driver, begins_at, ends_at, now=now, instead_of=booking):
        raise SlotTaken(fields={"from": [str(SlotTaken.message)]})
    _move(booking, begins_at, ends_at, now, asks_again=not is_within)
    return booking


@ledger.retried
@transaction.atomic
def cancel(*, user: User, reservation: Reservation, following: bool = False) -> Reservation:
    """Call a booking off: she who booked may, the owner of the charger, and staff. Twice is no fault.

    With `following` those that repeat it in later weeks go with it. A driver who is late pays what she was told before.
    """
    if not (user.is_staff or user.pk in (reservation.driver_id, reservation.charge_point.owner_id)):
        raise NotFound
    booking = holding.locked(reservation.pk)
    if booking.status == Status.CANCELLED and not following:
        return booking
    if booking.status == Status.ACTIVE and not following:
        raise ReservationInUse
    if not booking.is_open and not following:
        raise ReservationOver
    group = [booking] if booking.status in WAITING else []
    if following and booking.series_id is not None:
        later = Reservation.objects.filter(series=booking.series_id, status__in=WAITING, begins_at__gt=booking.begins_at)
        group += [holding.locked(pk) for pk in later.order_by("pk").values_list("pk", flat=True)]
    if not group and booking.status != Status.CANCELLED:
        raise ReservationOver
    end(group, Status.CANCELLED, timezone.now(), by=user)
    return group[0] if group else booking


def cancel_all(user: User) -> None:
    """Call off what a person has booked and what others booked at her chargers: her account is being closed.

    Not where that would cost a fee: nobody would be left to pay it.
    """
    waiting = Reservation.objects.filter(Q(driver=user) | Q(charge_point__owner=user), status__in=WAITING)
    for pk in waiting.order_by("connector", "pk").values_list("pk", flat=True):
        booking = holding.locked(pk)
        if booking.driver_id == user.pk and booking_fees.late_minor(booking, timezone.now()):
            raise LateFee
        if booking.status in WAITING:
            end([booking], Status.CANCELLED, timezone.now(), by=user)
    WaitlistPlace.objects.filter(driver=user).exclude(reservation=None).update(reservation=None)
    WaitlistPlace.objects.filter(driver=user).delete()


def expire(*, now: datetime, last_words: Callable[[int], datetime | None]) -> int:
    """Give up bookings to which nobody came or which nobody answered, and call off those at chargers that are gone.

    `last_words` knows when a charger spoke last: nobody pays for staying away from one that was silent.
    """
    missed = Q(begins_at__lte=now - GRACE) & ~Q(trouble__in=LONG_KEPT) | Q(ends_at__lte=now)
    unanswered = Q(status=Status.REQUESTED) & (Q(answer_by__lte=now) | Q(begins_at__lte=now))

    def give_up(booking: Reservation) -> bool:
        if booking.status != Status.BOOKED or holding.adopts(booking):
            return False
        is_starting = ChargingSession.objects.filter(
            charge_point=booking.charge_point, driver=booking.driver, status=ChargingSession.Status.PENDING, expires_at__gt=now
        )
        if is_starting.exists() and booking.ends_at > now:
            return False
        end([booking], Status.EXPIRED, now, heard_at=last_words(booking.charge_point_id) if booking.no_show_fee_minor else None)
        return True

    def let_lapse(booking: Reservation) -> bool:
        if booking.status != Status.REQUESTED:
            return False
        end(requested_with(booking), Status.EXPIRED, now)
        return True

    def call_off(booking: Reservation) -> bool:
        if booking.status not in WAITING:
            return False
        end([booking], Status.CANCELLED, now, by=booking.charge_point.owner)
        return True

    def free(booking: Reservation) -> bool:
        if booking.status == Status.ACTIVE and booking.session is not None:
            slots.use_up(booking.session, now=now)
        return True

    has_ended = Q(status=Status.ACTIVE, session__stop_received_at__isnull=False)
    return (
        holding.each(Q(status=Status.BOOKED) & missed, give_up)
        + holding.each(unanswered, let_lapse)
        + holding.each(Q(status__in=WAITING, charge_point__retired_at__isnull=False), call_off)
        + holding.each(has_ended, free)
        + slots.forget_held(now=now)
    )


def remind_drivers(*, now: datetime) -> int:
    """Say once that a booking begins soon; who has booked it just now knows."""
    soon = Q(status=Status.BOOKED, reminded_at=None, begins_at__gt=now, begins_at__lte=now + REMIND_BEFORE)

    def remind(booking: Reservation) -> bool:
        if not Reservation.objects.filter(soon, pk=booking.pk).update(reminded_at=now):
            return False
        if booking.created_at < booking.begins_at - 2 * REMIND_BEFORE:
            notifications.notify(booking.driver, Kind.RESERVATION_SOON, url=booking.get_absolute_url(), **booking_news.words(booking))
        return True

    return holding.each(soon, remind)


# What booking once and booking every week have in common.


def begin(driver: User, connector: Connector) -> Connector:
    """Take the outlet's turn, and see that this driver may book there."""
    slots.take_turn(connector.pk)
    connector = Connector.objects.select_related("charge_point__owner", "tariff__current").get(pk=connector.pk)
    authorization.check_booking(driver, connector)
    return connector


def terms_of(driver: User, connector: Connector, begins_at: datetime, now: datetime) -> Terms:
    """What this booking is subject to."""
    is_own = connector.charge_point.owner_id == driver.pk
    prices = None if is_own else authorization.prices(connector, driver)
    return booking_rules.terms(driver, connector, begins_at, now, prices)


def add(
    driver: User,
    connector: Connector,
    begins_at: datetime,
    ends_at: datetime,
    now: datetime,
    terms: Terms,
    series: ReservationSeries | None = None,
) -> Reservation:
    """One more booking, if nobody has the slot."""
    if free_times.others_in_the_way(connector, driver, begins_at, ends_at, now=now):
        raise SlotTaken(fields={"from": [str(SlotTaken.message)]})
    if Reservation.objects.filter(driver=driver, status__in=Reservation.OPEN).count() >= MOST_OPEN:
        raise TooManyReservations
    booking = Reservation(
        driver=driver,
        charge_point=connector.charge_point,
        connector=connector,
        begins_at=begins_at,
        ends_at=ends_at,
        status=Status.REQUESTED if terms.needs_approval else Status.BOOKED,
        answer_by=min(now + TO_APPROVE, begins_at) if terms.needs_approval else None,
        free_until=terms.free_until,
        late_fee_minor=terms.late_fee_minor,
        no_show_fee_minor=terms.no_show_fee_minor,
        series=series,
    )
    while Reservation.objects.filter(reservation_id=booking.reservation_id).exists():
        booking.reservation_id = new_transaction_id()
    booking.save(force_insert=True)
    return booking


def made(bookings: list[Reservation], now: datetime) -> None:
    """Tell both sides, and the charger where it is time."""
    first = bookings[0]
    kind = Kind.RESERVATION_REQUESTED if first.status == Status.REQUESTED else Kind.RESERVATION_BOOKED
    booking_news.tell(first, kind, count=len(bookings))
    for booking in bookings:
        if booking.status == Status.BOOKED and booking.begins_at - BEFORE <= now:
            holding.tell_charger(booking, now)
    live.connector_changed(first.connector)


def requested_with(booking: Reservation) -> list[Reservation]:
    """A request and those of the same series that wait with it, all locked: one answer is for all."""
    if booking.series_id is None:
        return [booking]
    waiting = Reservation.objects.filter(series=booking.series_id, status=Status.REQUESTED)
    return [holding.locked(pk) for pk in waiting.order_by("begins_at").values_list("pk", flat=True)]


def end(group: list[Reservation], status: str, now: datetime, *, by: User | None = None, heard_at: datetime | None = None) -> None:
    """End locked bookings that nobody has used; both sides hear of all of them at once, and who waits is asked."""
    fee_minor, was_requested = 0, any(booking.status == Status.REQUESTED for booking in group)
    for booking in group:
        fee_minor += _fee(booking, status, now, by, heard_at)
        booking.status, booking.ended_at, booking.cancelled_by, booking.revision = status, now, by, booking.revision + 1
        booking.save(update_fields=["status", "ended_at", "cancelled_by", "revision"])
        slots.keep_no_longer(booking)
        holding.release(booking, now)
    for booking in group[:1]:
        more: dict[str, Any] = booking_news.fee(fee_minor)
        if status == Status.EXPIRED and was_requested:
            more["unanswered"] = True
        elif status == Status.EXPIRED and booking.trouble:
            more["by_charger"] = True
        kinds = {Status.EXPIRED: Kind.RESERVATION_EXPIRED, Status.REJECTED: Kind.RESERVATION_REJECTED}
        to_owner = status == Status.CANCELLED or bool(fee_minor)
        booking_news.tell(booking, kinds.get(Status(status), Kind.RESERVATION_CANCELLED), count=len(group), to_owner=to_owner, **more)
        waitlist.offer(booking.connector, now=now)
        live.connector_changed(booking.connector)


def _fee(booking: Reservation, status: str, now: datetime, by: User | None, heard_at: datetime | None) -> int:
    """Charge what cancelling late or staying away costs, as it was shown before; an owner who cancels costs a guest nothing."""
    amount_minor, kind = 0, booking_fees.LATE
    if status == Status.CANCELLED and by is not None and by.pk == booking.driver_id:
        amount_minor = booking_fees.late_minor(booking, now)
    elif status == Status.EXPIRED:
        amount_minor, kind = booking_fees.no_show_minor(booking, heard_at, now), booking_fees.NO_SHOW
    booking_fees.charge(booking, kind, amount_minor, now)
    return amount_minor


def _move(booking: Reservation, begins_at: datetime, ends_at: datetime, now: datetime, *, asks_again: bool) -> None:
    """Give a locked booking its new slot. A charger that holds the old one is told, or lets go where it is not time yet."""
    moves = begins_at != booking.begins_at
    if moves:
        slots.keep_no_longer(booking)
        holding.release(booking, now)
    booking.begins_at, booking.ends_at, booking.revision = begins_at, ends_at, booking.revision + 1
    changed = ["begins_at", "ends_at", "revision"]
    if moves:
        booking.told_at = booking.released_at = booking.reminded_at = None
        booking.told_times, booking.answer, booking.trouble = 0, "", ""
        changed += ["told_at", "released_at", "reminded_at", "told_times", "answer", "trouble"]
    if asks_again and booking.status in WAITING:
        terms = terms_of(booking.driver, booking.connector, begins_at, now)
        if booking_fees.late_minor(booking, now):  # what cancelling costs already it goes on to cost
            if terms.needs_approval:
                raise booking_rules.OutsideRules(gettext_lazy("The host approves each booking, and it is too late to ask again."))
            terms = replace(
                terms, free_until=booking.free_until, late_fee_minor=booking.late_fee_minor, no_show_fee_minor=booking.no_show_fee_minor
            )
        if booking.free_until is not None or terms.free_until is not None:
            booking.free_until, booking.late_fee_minor = terms.free_until, terms.late_fee_minor
        booking.no_show_fee_minor = terms.no_show_fee_minor
        booking.status = Status.REQUESTED if terms.needs_approval else Status.BOOKED
        booking.answer_by = min(now + TO_APPROVE, begins_at) if terms.needs_approval else None
        changed += ["free_until", "late_fee_minor", "no_show_fee_minor", "status", "answer_by"]
    booking.save(update_fields=changed)
    kind = Kind.RESERVATION_REQUESTED if booking.status == Status.REQUESTED else Kind.RESERVATION_CHANGED
    booking_news.tell(booking, kind)
    if moves and booking.status == Status.BOOKED and booking.begins_at - BEFORE <= now:
        holding.tell_charger(booking, now)
    waitlist.offer(booking.connector, now=now)
    live.connector_changed(booking.connector)
