"""Bookings that wait for the owner's word: said yes to, declined."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts.models import Notification, User
from billing import ledger
from chargeshare.errors import DomainError, NotFound
from stations import booking_news, holding, live, reservations
from stations.models import Reservation
from stations.models.reservation import BEFORE

Status = Reservation.Status


class AlreadyAnswered(DomainError):
    """There is nothing left to say yes or no to."""

    code = "already_answered"
    message = gettext_lazy("This request was answered already, or it has expired.")


def approve(*, user: User, reservation: Reservation) -> Reservation:
    """Say yes; to every week of a series at once. Twice is no fault."""

    def say_yes(group: list[Reservation]) -> None:
        now = timezone.now()
        for booking in group:
            booking.status, booking.answered_at, booking.answer_by = Status.BOOKED, now, None
            booking.revision += 1
            booking.save(update_fields=["status", "answered_at", "answer_by", "revision"])
            if booking.begins_at - BEFORE <= now:
                holding.tell_charger(booking, now)
        booking_news.tell(group[0], Notification.Kind.RESERVATION_BOOKED, count=len(group), to_owner=False)
        live.connector_changed(group[0].connector)

    return _answer(user, reservation, (Status.BOOKED, Status.ACTIVE, Status.USED), say_yes)


def reject(*, user: User, reservation: Reservation) -> Reservation:
    """Say no; to every week of a series at once. Nothing is charged. Twice is no fault."""

    def say_no(group: list[Reservation]) -> None:
        now = timezone.now()
        Reservation.objects.filter(pk__in=[booking.pk for booking in group]).update(answered_at=now)
        reservations.end(group, Status.REJECTED, now)

    return _answer(user, reservation, (Status.REJECTED,), say_no)


@ledger.retried
@transaction.atomic
def _answer(user: User, reservation: Reservation, already: tuple[str, ...], say: Callable[[list[Reservation]], None]) -> Reservation:
    if not (user.is_staff or user.pk == reservation.charge_point.owner_id):
        raise NotFound
    booking = holding.locked(reservation.pk)
    if booking.status in already and booking.answered_at is not None:
        return booking
    if booking.status != Status.REQUESTED or (booking.answer_by is not None and booking.answer_by <= timezone.now()):
        raise AlreadyAnswered
    say(reservations.requested_with(booking))
    booking.refresh_from_db()
    return booking
