"""Bookings: made, told to the charger, used, given up. Nobody books what somebody else has."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import notifications
from accounts.models import IdToken, Notification, User
from billing import ledger
from chargeshare.errors import DomainError, Invalid, NotFound
from stations import authorization, commands, live, slots
from stations.models import ChargingSession, Command, Connector, Reservation
from stations.models.reservation import BEFORE, GRACE
from stations.models.session import new_transaction_id

Status = Reservation.Status
LATENESS = timedelta(minutes=1)  # of a request on its way, and of clocks
LEAST, MOST = timedelta(minutes=1), timedelta(hours=72)
FARTHEST = timedelta(days=365)
MOST_OPEN = 100
REMIND_BEFORE = timedelta(minutes=30)
TELL_AGAIN_AFTER = timedelta(seconds=60)
MOST_TIMES_TOLD = 5
LONGEST_TAG = 20
AT_ONCE = 200
# What a charger may take back within the quarter of an hour: somebody else still charged, it was broken or switched off.
PASSING = ("Occupied", "Faulted", "Unavailable")


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


@ledger.retried
@transaction.atomic
def book(*, driver: User, connector: Connector, begins_at: datetime, ends_at: datetime) -> Reservation:
    """Give an outlet to a driver for a time. Who may charge there may book; who comes second is told so.

    The row of the outlet makes two who book at once take turns.
    """
    now = timezone.now()
    _check_slot(begins_at, ends_at, now)
    Connector.objects.select_for_update().values_list("pk").get(pk=connector.pk)
    connector = Connector.objects.select_related("charge_point__owner", "tariff__current").get(pk=connector.pk)
    _check_driver(driver, connector)
    if slots.taken(begins_at, ends_at, now=now).filter(connector=connector).exists():
        raise SlotTaken(fields={"from": [str(SlotTaken.message)]})
    if Reservation.objects.filter(driver=driver, status__in=Reservation.OPEN).count() >= MOST_OPEN:
        raise TooManyReservations
    booking = Reservation(
        driver=driver, charge_point=connector.charge_point, connector=connector, begins_at=begins_at, ends_at=ends_at, status=Status.BOOKED
    )
    while Reservation.objects.filter(reservation_id=booking.reservation_id).exists():
        booking.reservation_id = new_transaction_id()
    booking.save(force_insert=True)
    _tell(booking, Notification.Kind.RESERVATION_BOOKED)
    if booking.begins_at - BEFORE <= now:
        _tell_charger(booking, now)
    live.connector_changed(connector)
    return booking


@ledger.retried
@transaction.atomic
def cancel(*, user: User, reservation: Reservation) -> Reservation:
    """Call a booking off: she who booked may, the owner of the charger, and staff. Twice is no fault."""
    if not (user.is_staff or user.pk in (reservation.driver_id, reservation.charge_point.owner_id)):
        raise NotFound
    booking = _locked(reservation.pk)
    if booking.status == Status.CANCELLED:
        return booking
    if booking.status == Status.ACTIVE:
        raise ReservationInUse
    if not booking.is_open:
        raise ReservationOver
    _end(booking, Status.CANCELLED, timezone.now(), by=user)
    return booking


def cancel_all(user: User) -> None:
    """Call off what a person has booked and what others booked at her chargers: her account is being closed."""
    waiting = Reservation.objects.filter(Q(driver=user) | Q(charge_point__owner=user), status__in=(Status.REQUESTED, Status.BOOKED))
    for pk in waiting.values_list("pk", flat=True):
        booking = _locked(pk)
        if booking.status in (Status.REQUESTED, Status.BOOKED):
            _end(booking, Status.CANCELLED, timezone.now(), by=user)


def tell_chargers(*, now: datetime) -> int:
    """Tell chargers, a quarter of an hour before, whom to keep an outlet for; those that were away when they are back.

    One that said it was occupied or out of order is told again once its outlet is available; so is one whose outlet has
    become available although it had agreed to keep it: a restart made it forget.
    """
    refused, forgotten = Q(answer__in=PASSING), Q(answer="Accepted", connector__status_at__gt=F("told_at"))
    again = Q(refused | forgotten, told_at__lt=now - TELL_AGAIN_AFTER, connector__status="Available")
    due = Q(status=Status.BOOKED, begins_at__lte=now + BEFORE, begins_at__gt=now - GRACE, ends_at__gt=now)
    which = due & Q(Q(told_at=None) | again, told_times__lt=MOST_TIMES_TOLD)

    def tell(booking: Reservation) -> bool:
        return Reservation.objects.filter(which, pk=booking.pk).exists() and _tell_charger(booking, now)

    return _each(which & _online(now), tell)


def release_held(*, now: datetime) -> int:
    """Let chargers go that hold an outlet for a booking which is over, and could not be told when it ended."""
    over = Q(status__in=(Status.CANCELLED, Status.EXPIRED), told_at__isnull=False, released_at=None, answer__in=("", "Accepted"))
    lately = Q(ended_at__gt=now - timedelta(hours=1), begins_at__gt=now - GRACE)
    return _each(over & lately & _online(now), lambda booking: _release(booking, now))


def expire(*, now: datetime) -> int:
    """Give up bookings to which nobody came, free those whose session has ended, and call off those at chargers that are gone."""
    is_late = Q(begins_at__lte=now - GRACE) | Q(ends_at__lte=now)
    waiting = Q(status__in=(Status.REQUESTED, Status.BOOKED))

    def give_up(booking: Reservation) -> bool:
        if booking.status not in (Status.REQUESTED, Status.BOOKED) or _adopts(booking):
            return False
        is_starting = ChargingSession.objects.filter(
            connector=booking.connector, driver=booking.driver, status=ChargingSession.Status.PENDING, expires_at__gt=now
        )
        if is_starting.exists() and booking.ends_at > now:
            return False
        _end(booking, Status.EXPIRED, now)
        return True

    def call_off(booking: Reservation) -> bool:
        if booking.status not in (Status.REQUESTED, Status.BOOKED):
            return False
        _end(booking, Status.CANCELLED, now, by=booking.charge_point.owner)
        return True

    def free(booking: Reservation) -> bool:
        if booking.status == Status.ACTIVE and booking.session is not None:
            slots.use_up(booking.session, now=now)
        return True

    has_ended = Q(status=Status.ACTIVE, session__stop_received_at__isnull=False)
    return (
        _each(waiting & is_late, give_up)
        + _each(waiting & Q(charge_point__retired_at__isnull=False), call_off)
        + _each(has_ended, free)
        + slots.forget_held(now=now)
    )


def remind_drivers(*, now: datetime) -> int:
    """Say once that a booking begins soon; who has booked it just now knows."""
    soon = Q(status=Status.BOOKED, reminded_at=None, begins_at__gt=now, begins_at__lte=now + REMIND_BEFORE)

    def remind(booking: Reservation) -> bool:
        if not Reservation.objects.filter(soon, pk=booking.pk).update(reminded_at=now):
            return False
        if booking.created_at < booking.begins_at - 2 * REMIND_BEFORE:
            notifications.notify(booking.driver, Notification.Kind.RESERVATION_SOON, url=booking.get_absolute_url(), **_words(booking))
        return True

    return _each(soon, remind)


def _check_slot(begins_at: datetime, ends_at: datetime, now: datetime) -> None:
    fields: dict[str, list[str]] = {}
    if begins_at < now - LATENESS:
        fields["from"] = [_("This time has passed.")]
    elif begins_at > now + FARTHEST:
        fields["from"] = [_("Book at most a year ahead.")]
    if ends_at <= begins_at:
        fields["to"] = [_("The end must come after the beginning.")]
    elif not fields and ends_at - begins_at < LEAST:
        fields["to"] = [_("Book at least a minute.")]
    elif not fields and ends_at - begins_at > MOST:
        fields["to"] = [_("Book at most three days at once.")]
    if fields:
        raise Invalid(fields=fields)


def _check_driver(driver: User, connector: Connector) -> None:
    """The same gate as charging, as far as it can be known before."""
    charge_point = connector.charge_point
    if not driver.is_active or charge_point.retired_at is not None:
        raise authorization.NotAdmitted
    if charge_point.owner_id == driver.pk:
        return
    authorization.admit(driver, charge_point)
    if not authorization.prices(connector, driver).is_free:
        ledger.require(ledger.wallet(driver), 0)


def _tell_charger(booking: Reservation, now: datetime) -> bool:
    """Ask the charger to keep the outlet for her; where she charges there already, that is the beginning of her booking."""
    if _adopts(booking):
        return True
    if not booking.id_tag:
        _choose_tag(booking)
    command = commands.ask(
        booking.charge_point,
        "ReserveNow",
        {
            "connectorId": booking.connector.number,
            "expiryDate": (booking.begins_at + GRACE).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "idTag": booking.id_tag,
            "parentIdTag": _group(booking),
            "reservationId": booking.reservation_id,
        },
        source=Command.Source.BOOKING,
    )
    if command.status == Command.Status.OFFLINE:
        return False
    Reservation.objects.filter(pk=booking.pk).update(
        told_at=now, told_times=F("told_times") + 1, answer="", id_tag=booking.id_tag, id_tag_is_ours=booking.id_tag_is_ours
    )
    booking.told_at, booking.answer = now, ""
    Connector.objects.filter(pk=booking.connector_id).update(kept_until=booking.held_until)
    live.connector_changed(booking.connector)
    return True


def _choose_tag(booking: Reservation) -> None:
    """Her oldest card that works and that a charger can hold; without one, a tag for this time alone."""
    cards = IdToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=booking.begins_at), user=booking.driver, is_blocked=False)
    uids = (uid for uid in cards.order_by("created_at", "pk").values_list("uid", flat=True) if len(uid) <= LONGEST_TAG)
    booking.id_tag = next(uids, "")
    if not booking.id_tag:
        booking.id_tag = secrets.token_hex(authorization.ONE_TIME_TAG_LENGTH // 2).upper()
        booking.id_tag_is_ours = True


def _group(booking: Reservation) -> str:
    """What the charger hears of any card of hers when it asks us: the group it may let in."""
    card = IdToken.objects.filter(user=booking.driver, uid=booking.id_tag).values_list("parent_uid", flat=True).first()
    return card or booking.driver.group_tag


def _release(booking: Reservation, now: datetime) -> bool:
    """Ask the charger to keep the outlet no longer, if it was told to and has not refused."""
    if booking.told_at is None or booking.released_at is not None or booking.answer not in ("", "Accepted"):
        return False
    command = commands.ask(
        booking.charge_point, "CancelReservation", {"reservationId": booking.reservation_id}, source=Command.Source.BOOKING
    )
    if command.status == Command.Status.OFFLINE:
        return False
    Reservation.objects.filter(pk=booking.pk).update(released_at=now)
    booking.released_at = now
    return True


def _end(booking: Reservation, status: str, now: datetime, *, by: User | None = None) -> None:
    """End a locked booking that nobody has used."""
    booking.status, booking.ended_at, booking.cancelled_by = status, now, by
    booking.save(update_fields=["status", "ended_at", "cancelled_by"])
    slots.keep_no_longer(booking)
    _release(booking, now)
    if status == Status.EXPIRED:
        notifications.notify(booking.driver, Notification.Kind.RESERVATION_EXPIRED, url=booking.get_absolute_url(), **_words(booking))
    else:
        _tell(booking, Notification.Kind.RESERVATION_CANCELLED)
    live.connector_changed(booking.connector)


def _adopts(booking: Reservation) -> bool:
    """Whether she charges there already: she came early, and her session is the one the booking is for."""
    session = ChargingSession.objects.filter(
        connector=booking.connector, driver=booking.driver, status=ChargingSession.Status.ACTIVE, orphaned_at=None, booking=None
    ).first()
    return session is not None and slots.activate(booking, session)


def _tell(booking: Reservation, kind: str) -> None:
    """Tell both sides; at her own charger the owner is told once."""
    owner, url = booking.charge_point.owner, booking.get_absolute_url()
    more: dict[str, Any] = {}
    if kind == Notification.Kind.RESERVATION_CANCELLED and booking.cancelled_by_id == owner.pk != booking.driver_id:
        more = {"by_host": True}
    notifications.notify(booking.driver, kind, url=url, **_words(booking), **more)
    if owner.pk != booking.driver_id and owner.is_active:
        hosts = {"guest": booking.driver.short_name, **_words(booking, owner)}
        notifications.notify(owner, kind, url=reverse("stations:owner_reservations"), **hosts)


def _words(booking: Reservation, reader: User | None = None) -> dict[str, str]:
    language = (reader or booking.driver).language
    return {"place": booking.charge_point.name, "slot": slots.spoken(booking.begins_at, booking.ends_at, language)}


def _online(now: datetime) -> Q:
    return Q(charge_point__connection__isnull=False, charge_point__last_seen_at__gt=now - timedelta(seconds=settings.OFFLINE_AFTER_S))


def _locked(pk: int) -> Reservation:
    """The booking and all around it, its row locked: locked first and read then, or it might be as it was before the wait."""
    Reservation.objects.select_for_update().values_list("pk").get(pk=pk)
    return Reservation.objects.select_related("driver", "charge_point__owner", "connector__charge_point", "session", "cancelled_by").get(
        pk=pk
    )


def _each(which: Q, do: Callable[[Reservation], bool]) -> int:
    """Do something to each of some bookings, each locked in a transaction of its own, so that one cannot hinder another."""
    return sum(_one(pk, do) for pk in Reservation.objects.filter(which).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])


@ledger.retried
@transaction.atomic
def _one(pk: int, do: Callable[[Reservation], bool]) -> bool:
    return do(_locked(pk))
