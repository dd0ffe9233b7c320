"""Waiting for a slot: in the order of coming, a quarter of an hour each, and never two at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from chargeshare.errors import Invalid, NotFound
from stations import booking_rules, reservations, waitlist
from stations.models import Reservation, WaitlistPlace
from stations.reservations import SlotTaken
from stations.waitlist import NotYourTurn, SlotFree
from tests import factories
from tests.stations.acting import HOUR, MINUTE
from tests.stations.test_reservations import book, keep_house, told

Kind = Notification.Kind


@pytest.fixture
def taken(stranger, connector):
    """A booking that stands in everybody's way."""
    return book(stranger, connector)


def wait(driver, booking):
    return waitlist.join(driver=driver, connector=booking.connector, begins_at=booking.begins_at, ends_at=booking.ends_at)


def status_of(place):
    return WaitlistPlace.objects.get(pk=place.pk).status


def test_the_first_in_line_is_asked_and_the_slot_kept_for_her(driver, stranger, owner, taken):
    second = factories.make_user("Second")
    places = wait(driver, taken), wait(second, taken)
    assert wait(driver, taken) == places[0]  # a double click

    reservations.cancel(user=stranger, reservation=taken)

    assert [status_of(place) for place in places] == ["offered", "waiting"]
    assert (told(driver, Kind.WAITLIST_OFFERED), told(second, Kind.WAITLIST_OFFERED)) == (1, 0)
    for somebody in (stranger, second):
        with pytest.raises(SlotTaken):
            reservations.book(driver=somebody, connector=taken.connector, begins_at=taken.begins_at, ends_at=taken.ends_at)
    booked = reservations.claim(user=driver, place=places[0])
    assert reservations.claim(user=driver, place=places[0]) == booked
    assert (booked.status, status_of(places[0])) == ("booked", "claimed")
    with pytest.raises(NotYourTurn):
        reservations.claim(user=second, place=places[1])
    assert Reservation.objects.filter(connector=taken.connector, status="booked").count() == 1


def test_booking_what_one_is_offered_is_a_claim(driver, stranger, taken):
    place = wait(driver, taken)
    reservations.cancel(user=stranger, reservation=taken)

    booked = reservations.book(driver=driver, connector=taken.connector, begins_at=taken.begins_at, ends_at=taken.ends_at)

    place.refresh_from_db()
    assert (place.status, place.reservation) == ("claimed", booked)


def test_after_a_quarter_of_an_hour_the_next_is_asked(driver, stranger, taken):
    second = factories.make_user("Second")
    places = wait(driver, taken), wait(second, taken)
    reservations.cancel(user=stranger, reservation=taken)
    WaitlistPlace.objects.filter(pk=places[0].pk).update(offer_until=timezone.now() - MINUTE)

    with pytest.raises(NotYourTurn):
        reservations.claim(user=driver, place=places[0])
    keep_house()

    assert [status_of(place) for place in places] == ["missed", "offered"]
    assert reservations.claim(user=second, place=places[1]).status == "booked"


def test_who_leaves_makes_room_for_the_next(driver, stranger, taken):
    second = factories.make_user("Second")
    places = wait(driver, taken), wait(second, taken)
    reservations.cancel(user=stranger, reservation=taken)

    waitlist.leave(user=driver, place=places[0])
    waitlist.leave(user=driver, place=places[0])

    assert [status_of(place) for place in places] == ["left", "offered"]


def test_a_slot_that_has_begun_is_waited_for_no_longer(driver, taken):
    place = wait(driver, taken)
    WaitlistPlace.objects.update(begins_at=timezone.now() - MINUTE)

    keep_house()

    assert status_of(place) == "expired"


def test_overlapping_wishes_are_asked_one_after_the_other(driver, stranger, taken):
    second = factories.make_user("Second")
    first = wait(driver, taken)
    later = waitlist.join(driver=second, connector=taken.connector, begins_at=taken.begins_at + HOUR, ends_at=taken.ends_at + HOUR)
    reservations.cancel(user=stranger, reservation=taken)
    assert [status_of(place) for place in (first, later)] == ["offered", "waiting"]

    waitlist.leave(user=driver, place=first)

    assert status_of(later) == "offered"


def test_a_shortened_booking_makes_room(driver, stranger, taken):
    place = waitlist.join(driver=driver, connector=taken.connector, begins_at=taken.begins_at + HOUR, ends_at=taken.ends_at)

    reservations.change(user=stranger, reservation=taken, begins_at=taken.begins_at, ends_at=taken.begins_at + HOUR)

    assert status_of(place) == "offered"


def test_what_is_free_needs_no_waiting(driver, connector):
    begins_at = timezone.now() + HOUR
    with pytest.raises(SlotFree):
        waitlist.join(driver=driver, connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR)


def test_nobody_waits_for_a_time_she_could_not_book(driver, charge_point, taken):
    booking_rules.edit(charge_point, ahead_days=1)
    far = timezone.now() + timedelta(days=3)
    with pytest.raises(booking_rules.OutsideRules):
        waitlist.join(driver=driver, connector=taken.connector, begins_at=far, ends_at=far + HOUR)
    with pytest.raises(Invalid):
        waitlist.join(driver=driver, connector=taken.connector, begins_at=far, ends_at=far - HOUR)


def test_a_place_is_its_holders_alone(driver, stranger, taken):
    place = wait(driver, taken)
    with pytest.raises(NotFound):
        reservations.claim(user=stranger, place=place)
    with pytest.raises(NotFound):
        waitlist.leave(user=stranger, place=place)


def test_a_claim_that_needs_approval_is_a_request(driver, stranger, charge_point, taken):
    place = wait(driver, taken)
    booking_rules.edit(charge_point, approval="always")
    reservations.cancel(user=stranger, reservation=taken)

    assert reservations.claim(user=driver, place=place).status == "requested"


def test_nobody_waits_for_ever_behind_those_who_wait_in_vain(driver, owner, stranger, tariff, taken, monkeypatch):
    monkeypatch.setattr(waitlist, "AT_ONCE", 1)
    other = factories.make_charge_point(owner, tariff=tariff).connectors.get()
    wait(driver, taken)  # who booked that one keeps it
    gone = book(stranger, other)
    place = wait(driver, gone)
    Reservation.objects.filter(pk=gone.pk).update(status="cancelled")
    now = timezone.now()

    for second in range(2):
        waitlist.move_on(now=now + timedelta(seconds=second))

    assert status_of(place) == "offered"
