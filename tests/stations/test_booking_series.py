"""Weekly bookings: asked for and approved as one, changed and cancelled one by one; and changing a booking at all."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import Notification
from chargeshare.errors import Invalid, NotFound
from stations import booking_requests, booking_rules, booking_series, reservations
from stations.booking_rules import OutsideRules
from stations.booking_series import WeeksTaken
from stations.models import Reservation, ReservationSeries
from stations.reservations import ReservationOver, SlotTaken, TooManyReservations
from tests import factories
from tests.stations.acting import HOUR, MINUTE, go_online
from tests.stations.test_reservations import answer, asked, book, keep_house, move, start, told

Kind = Notification.Kind
WEEK = timedelta(weeks=1)
PRAGUE = ZoneInfo("Europe/Prague")


def weekly(driver, connector, weeks=4, *, begins_at=None, **more):
    begins_at = begins_at or timezone.now() + 24 * HOUR
    return booking_series.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=begins_at + 2 * HOUR, weeks=weeks, **more)


def test_every_week_is_a_booking_of_its_own(driver, owner, connector):
    booked = weekly(driver, connector, 4)

    days = [one.begins_at.astimezone(PRAGUE).date() for one in booked]
    assert [day - days[0] for day in days] == [number * WEEK for number in range(4)]
    assert {one.status for one in booked} == {"booked"}
    assert told(driver, Kind.RESERVATION_BOOKED) == told(owner, Kind.RESERVATION_BOOKED) == 1
    assert Notification.objects.filter(kind=Kind.RESERVATION_BOOKED)[0].context["count"] == 4


def test_the_clock_on_the_wall_stays_the_same_when_clocks_change(driver, connector):
    day = timezone.localtime(timezone.now(), PRAGUE).date() + timedelta(days=1)
    booked = weekly(driver, connector, 52, begins_at=datetime(day.year, day.month, day.day, 18, tzinfo=PRAGUE))

    assert len(booked) == 52
    assert {one.begins_at.astimezone(PRAGUE).hour for one in booked} == {18}


@pytest.mark.parametrize("weeks", [0, 1, 53, 520, -3])
def test_a_series_of_ten_years_is_refused(driver, connector, weeks):
    with pytest.raises(Invalid) as refusal:
        weekly(driver, connector, weeks)
    assert refusal.value.fields["weeks"]
    assert not ReservationSeries.objects.exists()


def test_taken_weeks_are_listed_and_the_rest_booked_when_wished(driver, stranger, connector):
    begins_at = timezone.now() + 24 * HOUR
    reservations.book(driver=stranger, connector=connector, begins_at=begins_at + WEEK, ends_at=begins_at + WEEK + HOUR)

    with pytest.raises(WeeksTaken) as refusal:
        weekly(driver, connector, 3, begins_at=begins_at)
    assert refusal.value.status == 409
    assert (len(refusal.value.taken), refusal.value.left, len(refusal.value.fields["taken"])) == (1, 2, 1)
    assert not Reservation.objects.filter(driver=driver).exists()
    assert len(weekly(driver, connector, 3, begins_at=begins_at, skip_taken=True)) == 2


def test_too_many_weeks_are_too_many(driver, connector):
    weekly(driver, connector, 52)
    with pytest.raises(TooManyReservations):
        weekly(driver, connector, 52, begins_at=timezone.now() + 48 * HOUR)


def test_one_answer_is_for_all_weeks(driver, owner, charge_point, connector):
    booking_rules.edit(charge_point, approval="always")
    asked_for = weekly(driver, connector, 3)
    assert {one.status for one in asked_for} == {"requested"}

    booking_requests.approve(user=owner, reservation=asked_for[1])

    assert set(Reservation.objects.values_list("status", flat=True)) == {"booked"}
    assert told(driver, Kind.RESERVATION_BOOKED) == 1
    later = weekly(driver, connector, 3, begins_at=timezone.now() + 48 * HOUR)
    booking_requests.reject(user=owner, reservation=later[0])
    assert set(Reservation.objects.filter(series=later[0].series).values_list("status", flat=True)) == {"rejected"}
    assert told(driver, Kind.RESERVATION_REJECTED) == 1


def test_a_series_nobody_answers_expires_as_one(driver, charge_point, connector):
    booking_rules.edit(charge_point, approval="always")
    weekly(driver, connector, 3)
    Reservation.objects.update(answer_by=timezone.now() - MINUTE)

    keep_house()

    assert set(Reservation.objects.values_list("status", flat=True)) == {"expired"}
    assert told(driver, Kind.RESERVATION_EXPIRED) == 1


def test_one_week_or_all_that_follow(driver, owner, connector):
    booked = weekly(driver, connector, 4)

    reservations.cancel(user=driver, reservation=booked[1])
    reservations.cancel(user=driver, reservation=booked[2], following=True)
    reservations.cancel(user=driver, reservation=booked[2], following=True)

    assert [Reservation.objects.get(pk=one.pk).status for one in booked] == ["booked", "cancelled", "cancelled", "cancelled"]
    assert told(driver, Kind.RESERVATION_CANCELLED) == 2


def test_one_week_is_changed_for_itself(driver, connector):
    booked = weekly(driver, connector, 2)
    moved = booked[1].begins_at + HOUR

    reservations.change(user=driver, reservation=booked[1], begins_at=moved, ends_at=moved + HOUR)

    assert Reservation.objects.get(pk=booked[1].pk).begins_at == moved
    assert Reservation.objects.get(pk=booked[0].pk).begins_at == booked[0].begins_at


# Changing


def test_a_booking_is_made_shorter_and_longer(driver, stranger, connector):
    one = book(driver, connector, begins=2 * HOUR, ends=4 * HOUR)
    book(stranger, connector, begins=5 * HOUR, ends=6 * HOUR)

    reservations.change(user=driver, reservation=one, begins_at=one.begins_at, ends_at=one.ends_at + HOUR / 2)
    reservations.change(user=driver, reservation=one, begins_at=one.begins_at, ends_at=one.begins_at + HOUR)
    with pytest.raises(SlotTaken):
        reservations.change(user=driver, reservation=one, begins_at=one.begins_at, ends_at=one.begins_at + 3.5 * HOUR)

    one.refresh_from_db()
    assert one.ends_at == one.begins_at + HOUR
    assert told(driver, Kind.RESERVATION_CHANGED) == 2


def test_a_booking_is_its_drivers_to_change(driver, owner, connector):
    one = book(driver, connector)
    for somebody in (owner,):
        with pytest.raises(NotFound):
            reservations.change(user=somebody, reservation=one, begins_at=one.begins_at, ends_at=one.ends_at + HOUR)


def test_what_is_over_or_makes_no_sense_is_not_changed(driver, connector):
    one = book(driver, connector)
    for begins, ends in ((-HOUR, HOUR), (3 * HOUR, 2 * HOUR), (HOUR, 80 * HOUR)):
        with pytest.raises(Invalid):
            reservations.change(user=driver, reservation=one, begins_at=timezone.now() + begins, ends_at=timezone.now() + ends)
    reservations.cancel(user=driver, reservation=one)
    with pytest.raises(ReservationOver):
        reservations.change(user=driver, reservation=one, begins_at=one.begins_at, ends_at=one.ends_at + HOUR)


def test_where_the_owner_approves_a_longer_time_is_asked_for_again(driver, owner, charge_point, connector):
    one = book(driver, connector)
    booking_rules.edit(charge_point, approval="always")

    shorter = reservations.change(user=driver, reservation=one, begins_at=one.begins_at, ends_at=one.ends_at - HOUR)
    assert shorter.status == "booked"
    longer = reservations.change(user=driver, reservation=one, begins_at=one.begins_at, ends_at=one.ends_at + HOUR)
    assert longer.status == "requested"
    assert told(owner, Kind.RESERVATION_REQUESTED) == 1


def test_once_cancelling_costs_the_beginning_stays(driver, charge_point, connector):
    one = book(driver, connector)
    Reservation.objects.update(free_until=timezone.now() - MINUTE, late_fee_minor=1_000)

    with pytest.raises(OutsideRules):
        reservations.change(user=driver, reservation=one, begins_at=one.begins_at + 24 * HOUR, ends_at=one.ends_at + 24 * HOUR)
    reservations.change(user=driver, reservation=one, begins_at=one.begins_at, ends_at=one.ends_at + HOUR)


def test_while_she_charges_only_the_end_changes(driver, charge_point, connector):
    card = factories.make_id_token(driver)
    one = move(book(driver, connector), begins=-5 * MINUTE)
    start(charge_point, card.uid)
    one.refresh_from_db()
    assert one.status == "active"

    with pytest.raises(OutsideRules):
        reservations.change(user=driver, reservation=one, begins_at=one.begins_at + HOUR, ends_at=one.ends_at + HOUR)
    assert reservations.change(user=driver, reservation=one, begins_at=one.begins_at, ends_at=one.ends_at + HOUR).status == "active"


def test_a_charger_that_holds_a_slot_lets_go_when_it_moves(driver, charge_point, connector):
    go_online(charge_point)
    one = book(driver, connector, begins=10 * MINUTE)
    answer(asked("ReserveNow")[0])

    begins_at = timezone.now() + 5 * HOUR
    reservations.change(user=driver, reservation=one, begins_at=begins_at, ends_at=begins_at + HOUR)

    assert len(asked("CancelReservation")) == 1
    one.refresh_from_db()
    assert (one.told_at, one.answer, one.told_times) == (None, "", 0)
    move(one, begins=5 * MINUTE)
    keep_house()
    assert len(asked("ReserveNow")) == 2
