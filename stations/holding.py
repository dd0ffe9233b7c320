"""What chargers are told of bookings: to keep an outlet, to let go; and what people hear when a charger cannot."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from accounts.models import IdToken, Notification
from billing import ledger
from stations import authorization, booking_news, commands, live, slots
from stations.models import ChargingSession, Command, Connector, Reservation
from stations.models.reservation import BEFORE, GRACE, LONG_KEPT

Status = Reservation.Status
TELL_AGAIN_AFTER = timedelta(seconds=60)
MOST_TIMES_TOLD = 5
LONGEST_TAG = 20
AT_ONCE = 200
OFFLINE, OCCUPIED, READY = "Offline", "Occupied", "Ready"
# What a charger may take back within the quarter of an hour: somebody else still charged, it was broken or switched off.
PASSING = (OCCUPIED, "Faulted", "Unavailable")
REASONS: dict[str, str | Promise] = {
    OCCUPIED: _("Somebody still charges there. We keep the time for you to its end and tell you when the connector is free."),
    "Faulted": _("The charger reports a fault. If it cannot be used, nothing is charged; better choose another one."),
    "Unavailable": _("The charger is switched off. If it cannot be used, nothing is charged; better choose another one."),
    OFFLINE: _("The charger is not connected. If it cannot be used, nothing is charged; better choose another one."),
    READY: _("The connector is free now and waits for you."),
}


def tell_chargers(*, now: datetime) -> int:
    """Tell chargers, a quarter of an hour before, whom to keep an outlet for; those that were away when they are back.

    One that said it was occupied or out of order is told again once its outlet is available; so is one whose outlet has
    become available although it had agreed to keep it: a restart made it forget.
    """
    refused, forgotten = Q(answer__in=PASSING), Q(answer="Accepted", connector__status_at__gt=F("told_at"))
    again = Q(refused | forgotten, told_at__lt=now - TELL_AGAIN_AFTER, connector__status="Available")
    still = Q(begins_at__gt=now - GRACE) | Q(trouble__in=LONG_KEPT)
    due = still & Q(status=Status.BOOKED, begins_at__lte=now + BEFORE, ends_at__gt=now)
    which = due & Q(Q(told_at=None) | again, told_times__lt=MOST_TIMES_TOLD)

    return each(which & _online(now), lambda booking: tell_charger(booking, now))


def tell_of_trouble(*, now: datetime) -> int:
    """Tell both sides when a charger cannot keep its outlet for a booking whose time has come, and when it can after all.

    Who waits for somebody else's car loses nothing by it: her slot is kept to its end, whatever is reported meanwhile.
    """
    due = Q(status=Status.BOOKED, begins_at__lte=now + BEFORE, ends_at__gt=now)
    is_silent = Q(told_at=None, trouble="", begins_at__lte=now + BEFORE / 3) & ~_online(now)
    refused = Q(answer__in=PASSING) & ~Q(trouble=F("answer")) & ~Q(trouble__in=LONG_KEPT)
    after_all = Q(answer="Accepted", trouble__in=(*PASSING, OFFLINE))

    def tell(booking: Reservation) -> bool:
        trouble = READY if booking.answer == "Accepted" else booking.answer if booking.answer in PASSING else OFFLINE
        slots.keep_no_longer(booking)
        booking.trouble = trouble
        booking.save(update_fields=["trouble"])
        if booking.told_at is not None:
            Connector.objects.filter(pk=booking.connector_id).update(kept_until=booking.held_until)
        for reader in {booking.driver, booking.charge_point.owner}:
            with override(reader.language):
                reason = str(REASONS[trouble])
            booking_news.tell(
                booking,
                Notification.Kind.RESERVATION_TROUBLE,
                to_driver=reader == booking.driver,
                to_owner=reader != booking.driver,
                reason=reason,
            )
        return True

    return each(due & (is_silent | refused | after_all), tell)


def release_held(*, now: datetime) -> int:
    """Let chargers go that hold an outlet for a booking which is over, and could not be told when it ended."""
    over = Q(status__in=(Status.CANCELLED, Status.EXPIRED), told_at__isnull=False, released_at=None, answer__in=("", "Accepted"))
    lately = Q(ended_at__gt=now - timedelta(hours=1), begins_at__gt=now - GRACE)
    return each(over & lately & _online(now), lambda booking: release(booking, now))


def tell_charger(booking: Reservation, now: datetime) -> bool:
    """Ask the charger to keep the outlet for her; where she charges there already, that is the beginning of her booking."""
    if adopts(booking):
        return True
    if not booking.id_tag:
        _choose_tag(booking)
    command = commands.ask(
        booking.charge_point,
        "ReserveNow",
        {
            "connectorId": booking.connector.number,
            "expiryDate": max(booking.begins_at + GRACE, min(now + GRACE, booking.held_until))
            .astimezone(UTC)
            .strftime("%Y-%m-%dT%H:%M:%SZ"),
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


def release(booking: Reservation, now: datetime) -> bool:
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


def adopts(booking: Reservation) -> bool:
    """Whether she charges there already: she came early, and her session is the one the booking is for."""
    session = ChargingSession.objects.filter(
        connector=booking.connector, driver=booking.driver, status=ChargingSession.Status.ACTIVE, orphaned_at=None, booking=None
    ).first()
    return session is not None and slots.activate(booking, session)


def _online(now: datetime) -> Q:
    return Q(charge_point__connection__isnull=False, charge_point__last_seen_at__gt=now - timedelta(seconds=settings.OFFLINE_AFTER_S))


def locked(pk: int) -> Reservation:
    """The booking and all around it, its row locked: locked first and read then, or it might be as it was before the wait.

    The outlet's row comes before it, for whoever books there and whoever ends a booking takes turns by it.
    """
    slots.take_turn(Reservation.objects.values_list("connector", flat=True).get(pk=pk))
    Reservation.objects.select_for_update().values_list("pk").get(pk=pk)
    return Reservation.objects.select_related("driver", "charge_point__owner", "connector__charge_point", "session", "cancelled_by").get(
        pk=pk
    )


def each(which: Q, do: Callable[[Reservation], bool]) -> int:
    """Do something to each of some bookings, each locked in a transaction of its own, so that one cannot hinder another.

    It must still be one of them then: its driver may have moved it, or another process been here, since it was found.
    """
    return sum(_one(pk, which, do) for pk in Reservation.objects.filter(which).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])


@ledger.retried
@transaction.atomic
def _one(pk: int, which: Q, do: Callable[[Reservation], bool]) -> bool:
    booking = locked(pk)
    return Reservation.objects.filter(which, pk=pk).exists() and do(booking)
