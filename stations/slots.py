"""Who has an outlet when: slots that are taken, bookings that run now, and what chargers said when they were told of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet, prefetch_related_objects
from django.utils import formats, timezone, translation

from accounts import id_tokens
from accounts.models import User
from chargeshare.sentences import Change, Question
from stations import live
from stations.models import ChargePoint, ChargingSession, Command, Connector, OperatorReservation, Reservation
from stations.models.reservation import BEFORE
from stations.quarantine import clean

Status = Reservation.Status
MOST_NUMBER = 2**31 - 1
_Open = (ChargingSession.Status.PENDING, ChargingSession.Status.ACTIVE)


@dataclass(frozen=True)
class Kept:
    """For whom an outlet is kept: by a booking, and by a charger that was told so directly."""

    booking: Reservation | None = None
    operator: OperatorReservation | None = None


def take_turn(connector_id: int) -> None:
    """Who books at an outlet, ends a booking there, comes for one or is asked whether she wants it takes turns by its row.

    What merely speaks of the outlet, as each new session does, waits for nobody.
    """
    Connector.objects.select_for_update(no_key=True).order_by().values_list("pk").get(pk=connector_id)


def taken(begins_at: datetime, ends_at: datetime, *, now: datetime) -> QuerySet[Reservation]:
    """The bookings because of which nobody else may have this slot, at whatever outlet."""
    return Reservation.objects.overlapping(begins_at, ends_at).occupying(now)


_near = Question(
    lambda charge_point_id, soon, at: Reservation.objects.filter(
        charge_point_id=charge_point_id, status__in=(Status.BOOKED, Status.ACTIVE), begins_at__lte=soon, ends_at__gt=at
    ).order_by("begins_at")
)


def near(charge_point: ChargePoint, at: datetime) -> list[Reservation]:
    """The confirmed bookings of a charger whose time it is: from a quarter of an hour before they begin until they end."""
    found = _near.all(charge_point.pk, at + BEFORE, at)
    prefetch_related_objects(found, "session")
    return found


def in_the_way(bookings: Iterable[Reservation], driver: User | None, connector: Connector | None, at: datetime) -> Reservation | None:
    """The booking of somebody else that keeps this person from charging at an outlet; at any of them, where it is not known which.

    It stands in the way until the grace is over, and afterwards while she who booked charges there: what the charger
    shows to have ended does not. Where two follow close upon each other, the earlier comes first.
    """
    running = sorted((one for one in bookings if _runs(one, at)), key=lambda one: one.begins_at, reverse=True)
    first = {one.connector_id: one for one in running}
    others = {number: one for number, one in first.items() if driver is None or one.driver_id != driver.pk}
    if connector is not None:
        return others.get(connector.pk)
    if not others:
        return None
    charge_point_id = next(iter(others.values())).charge_point_id
    is_one_left = Connector.objects.filter(charge_point_id=charge_point_id).exclude(pk__in=others).exists()
    return None if is_one_left else next(iter(others.values()))


def hers(
    bookings: Iterable[Reservation], driver: User | None, connector: Connector, reservation_id: int | None = None
) -> Reservation | None:
    """The booking that a start of this person at this outlet uses: the one the charger names, else the one of the outlet."""
    mine = [one for one in bookings if driver is not None and one.driver_id == driver.pk and one.status == Status.BOOKED]
    named = next((one for one in mine if reservation_id and one.reservation_id == reservation_id), None)
    return named or next((one for one in mine if one.connector_id == connector.pk), None)


def holder(charge_point: ChargePoint, key: str) -> User | None:
    """Whose one-time tag this is, given to a charger for the booking of somebody without a card."""
    issued = Reservation.objects.filter(
        charge_point=charge_point, id_tag_is_ours=True, id_tag=key, status__in=(Status.BOOKED, Status.ACTIVE)
    )
    booking = issued.select_related("driver").first()
    return booking.driver if booking is not None else None


def was_given(charge_point: ChargePoint, key: str) -> bool:
    """Whether it is a tag that we made for a booking: nobody's card, ever."""
    return Reservation.objects.filter(charge_point=charge_point, id_tag_is_ours=True, id_tag=key).exists()


def waiting_start(booking: Reservation, id_tag: str) -> ChargingSession | None:
    """The start by button that waits at a charger which was told to begin it by the tag of the booking."""
    if not booking.id_tag or id_tokens.key(id_tag) != id_tokens.key(booking.id_tag):
        return None
    waiting = ChargingSession.objects.filter(
        connector_id=booking.connector_id, driver_id=booking.driver_id, status=ChargingSession.Status.PENDING
    )
    return waiting.order_by("pk").first()


def is_starting(bookings: Iterable[Reservation], driver: User) -> bool:
    """Whether a start by button waits for this person where she has booked: her card is asked about because we named it."""
    booked_at = next((one.charge_point_id for one in bookings if one.driver_id == driver.pk and one.status == Status.BOOKED), None)
    if booked_at is None:
        return False
    waiting = ChargingSession.objects.filter(charge_point_id=booked_at, driver=driver, status=ChargingSession.Status.PENDING)
    return waiting.exists()


def tag_kept(connector: Connector, driver: User, at: datetime) -> str:
    """The tag for which the charger keeps an outlet for this person; nothing where it keeps none."""
    booking = hers(near(connector.charge_point, at), driver, connector)
    return booking.id_tag if booking is not None and booking.is_held_by_charger else ""


def activate(booking: Reservation, session: ChargingSession) -> bool:
    """She who booked has begun: the booking is in progress until her session ends."""
    booked = Reservation.objects.filter(pk=booking.pk, status=Status.BOOKED, session=None)
    if not booked.update(status=Status.ACTIVE, session=session):
        return False
    booking.status, booking.session = Status.ACTIVE, session
    keep_no_longer(booking)
    return True


def keep_no_longer(booking: Reservation) -> None:
    """The outlet waits for her no more; for the next who booked it perhaps it does already."""
    Connector.objects.filter(pk=booking.connector_id, kept_until=booking.held_until).update(kept_until=None)


_used = Change(
    lambda session_id, now: (
        Reservation.objects.filter(session_id=session_id, status=Status.ACTIVE),
        {"status": Status.USED, "ended_at": now},
    )
)


def use_up(session: ChargingSession, *, now: datetime) -> None:
    """A session has ended, and with it the booking it was for: what is left of the slot is free."""
    if not hasattr(session, "booking"):  # read with the session where it is about to end
        return
    _used.apply(session.pk, now)


def address_from(booking: Reservation) -> datetime:
    """From when on she who booked may know where exactly it is: somebody's home."""
    return booking.begins_at - BEFORE


def may_see_address(booking: Reservation, at: datetime) -> bool:
    """Whether it is time to go there."""
    return booking.status in (Status.BOOKED, Status.ACTIVE) and address_from(booking) <= at < booking.ends_at


def clock(moment: datetime) -> str:
    """A time as the clock of the place shows it: 15:46."""
    return f"{timezone.localtime(moment, timezone.get_default_timezone()):%H:%M}"


def spoken(begins_at: datetime, ends_at: datetime) -> str:
    """A slot in words, by the clock of the place and not of whoever asks: Sat 21 Nov 18:00–21:30."""
    zone = timezone.get_default_timezone()
    first, last = timezone.localtime(begins_at, zone), timezone.localtime(ends_at, zone)
    pattern = "D j. n." if (translation.get_language() or "cs").startswith("cs") else "D j M"
    first_day, last_day = (formats.date_format(moment, pattern).replace(" ", "\N{NO-BREAK SPACE}") for moment in (first, last))
    begins, ends = formats.date_format(first, "G:i"), formats.date_format(last, "G:i")
    return f"{first_day} {begins}–{ends}" if first.date() == last.date() else f"{first_day} {begins} – {last_day} {ends}"


@transaction.atomic
def answered(command: Command) -> None:
    """Keep what a charger said to ReserveNow or CancelReservation, or that it said nothing."""
    said = command.payload.get("reservationId")
    if command.action not in ("ReserveNow", "CancelReservation") or not isinstance(said, int):
        return
    if command.source == Command.Source.BOOKING:
        if command.action == "ReserveNow":
            _booking_answered(command, said)
    elif _word(command) == "Accepted":
        _operator_answered(command, said)
    live.charge_point_changed(command.charge_point, "status")


def began(charge_point: ChargePoint, reservation_id: int | None, *, now: datetime) -> None:
    """A session began with a number that the charger was given directly: that hold has served."""
    if reservation_id:
        held = OperatorReservation.objects.filter(charge_point=charge_point, reservation_id=reservation_id, ended_at=None)
        held.update(ended_at=now, ended_by=OperatorReservation.End.STARTED)


def forget_held(*, now: datetime) -> int:
    """End what chargers were told directly to hold, and hold no longer."""
    over = OperatorReservation.objects.filter(ended_at=None, expires_at__lte=now)
    return over.update(ended_at=now, ended_by=OperatorReservation.End.EXPIRED)


def kept(charge_point: ChargePoint, *, now: datetime) -> dict[int, Kept]:
    """For whom each outlet is kept now or next, by its number."""
    found: dict[int, Kept] = {}
    coming = Reservation.objects.filter(charge_point=charge_point, ends_at__gt=now).occupying(now)
    for booking in coming.select_related("driver", "connector").order_by("-begins_at"):
        found[booking.connector.number] = Kept(booking=booking)
    for held in OperatorReservation.objects.filter(charge_point=charge_point, ended_at=None, expires_at__gt=now).order_by("pk"):
        known = found.get(held.connector_number, Kept())
        found[held.connector_number] = replace(known, operator=held)
    return found


def _runs(booking: Reservation, at: datetime) -> bool:
    if booking.status == Status.ACTIVE:
        return booking.session is not None and booking.session.orphaned_at is None and booking.session.status in _Open
    return at < booking.held_until


def _word(command: Command) -> str:
    """The status in an answer; of a refusal of the request itself its code."""
    response: Mapping[str, Any] = command.response if isinstance(command.response, dict) else {}
    return str(response.get("code" if command.status == Command.Status.REJECTED else "status", ""))[:30]


def _booking_answered(command: Command, reservation_id: int) -> None:
    """What never reached the charger is told again when it is back."""
    booking = Reservation.objects.filter(charge_point=command.charge_point, reservation_id=reservation_id)
    if command.status in (Command.Status.ACCEPTED, Command.Status.REJECTED):
        booking.update(answer=_word(command) or "Rejected")
    else:
        booking.filter(answer="").update(told_at=None)


def _operator_answered(command: Command, reservation_id: int) -> None:
    now, payload = timezone.now(), command.payload
    held = OperatorReservation.objects.filter(charge_point=command.charge_point, ended_at=None)
    if command.action == "CancelReservation":
        held.filter(reservation_id=reservation_id).update(ended_at=now, ended_by=OperatorReservation.End.CANCELLED)
        Reservation.objects.filter(charge_point=command.charge_point, reservation_id=reservation_id, released_at=None).update(
            released_at=now
        )
        return
    expires_at = _time(payload.get("expiryDate"))
    number = payload.get("connectorId")
    if expires_at is None or not isinstance(number, int) or not 0 <= number <= MOST_NUMBER or abs(reservation_id) > MOST_NUMBER:
        return
    held.filter(Q(reservation_id=reservation_id) | Q(connector_number=number, connector_number__gt=0)).update(
        ended_at=now, ended_by=OperatorReservation.End.REPLACED
    )
    OperatorReservation.objects.create(
        charge_point=command.charge_point,
        connector_number=number,
        reservation_id=reservation_id,
        id_tag=clean(str(payload.get("idTag", "")))[:64],
        parent_id_tag=clean(str(payload.get("parentIdTag", "")))[:64],
        expires_at=expires_at,
    )


def _time(said: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(said))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
