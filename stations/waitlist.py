"""Waiting for a slot that somebody has: who came first is asked first, and has a quarter of an hour to answer."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import notifications
from accounts.models import Notification, User
from billing import ledger
from chargeshare.errors import DomainError, NotFound
from stations import authorization, booking_rules, free_times, slots
from stations.models import Connector, WaitlistPlace

Place = WaitlistPlace
Status = Place.Status
TO_ANSWER = timedelta(minutes=15)
MOST_PLACES = 50
AT_ONCE = 200


class SlotFree(DomainError):
    """There is nothing to wait for."""

    code = "slot_free"
    message = gettext_lazy("This time is free: book it at once.")


class NotYourTurn(DomainError):
    """The slot is not hers to take now."""

    code = "not_your_turn"
    message = gettext_lazy("It is not your turn, or your fifteen minutes are over.")


class TooManyPlaces(DomainError):
    """More waiting than anybody can mean."""

    code = "too_many_waitlist_places"
    message = gettext_lazy("You wait for as many times as one account may. Leave one of them first.")


@ledger.retried
@transaction.atomic
def join(*, driver: User, connector: Connector, begins_at: datetime, ends_at: datetime) -> WaitlistPlace:
    """Wait for a slot that somebody else has. Asking twice is the same place."""
    now = timezone.now()
    booking_rules.check_slot(begins_at, ends_at, now)
    slots.take_turn(connector.pk)
    connector = Connector.objects.select_related("charge_point__owner", "tariff__current").get(pk=connector.pk)
    authorization.check_booking(driver, connector)
    booking_rules.check(driver, connector, begins_at, ends_at, now)
    mine = Place.objects.filter(driver=driver, connector=connector, begins_at=begins_at, ends_at=ends_at, status__in=Place.OPEN)
    known = mine.first()
    if known is not None:
        return known
    if not free_times.others_in_the_way(connector, driver, begins_at, ends_at, now=now):
        raise SlotFree
    if Place.objects.filter(driver=driver, status__in=Place.OPEN).count() >= MOST_PLACES:
        raise TooManyPlaces
    place = Place(driver=driver, charge_point_id=connector.charge_point_id, connector=connector, begins_at=begins_at, ends_at=ends_at)
    try:
        with transaction.atomic():
            place.save(force_insert=True)
    except IntegrityError:  # two clicks where rows cannot be locked
        return mine.get()
    return place


@ledger.retried
@transaction.atomic
def leave(*, user: User, place: WaitlistPlace) -> None:
    """Wait no longer; what was offered goes to the next. Twice is no fault."""
    if place.driver_id != user.pk:
        raise NotFound
    slots.take_turn(place.connector_id)
    if Place.objects.filter(pk=place.pk, status__in=Place.OPEN).update(status=Status.LEFT, ended_at=timezone.now()):
        offer(place.connector, now=timezone.now())


def offer(connector: Connector, *, now: datetime) -> int:
    """Ask those who are next in line for what is free of this outlet now. Its row must be locked."""
    asked = 0
    waiting = Place.objects.filter(connector=connector, status=Status.WAITING, begins_at__gt=now)
    for place in waiting.select_related("driver", "connector__charge_point__owner", "connector__tariff__current").order_by("pk")[:AT_ONCE]:
        if not _may_have(place, now):
            continue
        place.status, place.offered_at, place.offer_until = Status.OFFERED, now, min(now + TO_ANSWER, place.begins_at)
        place.save(update_fields=["status", "offered_at", "offer_until"])
        notifications.notify(
            place.driver,
            Notification.Kind.WAITLIST_OFFERED,
            url=place.get_absolute_url(),
            place=place.connector.charge_point.name,
            begins_at=place.begins_at.isoformat(),
            ends_at=place.ends_at.isoformat(),
            until=slots.clock(place.offer_until),
        )
        asked += 1
    return asked


def _may_have(place: WaitlistPlace, now: datetime) -> bool:
    """Whether it is free for her, and she may still come there."""
    if free_times.others_in_the_way(place.connector, place.driver, place.begins_at, place.ends_at, now=now):
        return False
    try:
        authorization.check_booking(place.driver, place.connector)
        booking_rules.check(place.driver, place.connector, place.begins_at, place.ends_at, now)
    except DomainError:
        return False
    return True


def claimed(*, driver: User, connector: Connector, begins_at: datetime, ends_at: datetime, now: datetime) -> WaitlistPlace | None:
    """The offer that a booking of this driver takes up."""
    offers = Place.objects.offered(now).filter(driver=driver, connector=connector)
    return offers.filter(begins_at__lt=ends_at, ends_at__gt=begins_at).order_by("pk").first()


def move_on(*, now: datetime) -> int:
    """Ask the next where the one before did not answer, and send home those whose slot has begun."""
    begun = Place.objects.filter(status__in=Place.OPEN, begins_at__lte=now).update(status=Status.EXPIRED, ended_at=now)
    unanswered = Place.objects.filter(status=Status.OFFERED, offer_until__lte=now)
    first = sorted(set(unanswered.values_list("connector", flat=True)))
    waiting = Place.objects.filter(status=Status.WAITING, begins_at__gt=now).order_by()
    others = sorted(set(waiting.values_list("connector", flat=True)) - set(first))
    turn = int(now.timestamp()) % len(others) if others else 0  # each time from elsewhere: most of them go on to wait
    return begun + sum(_move_on(pk, now) for pk in [*first, *others[turn:], *others[:turn]][:AT_ONCE])


@ledger.retried
@transaction.atomic
def _move_on(connector_id: int, now: datetime) -> int:
    connector = Connector.objects.select_related("charge_point__owner").get(pk=connector_id)
    slots.take_turn(connector.pk)
    missed = Place.objects.filter(connector=connector, status=Status.OFFERED, offer_until__lte=now)
    return missed.update(status=Status.MISSED, ended_at=now) + offer(connector, now=now)
