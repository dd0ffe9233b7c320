"""Many who book, claim and repeat at the same moment: threads against a real database, whichever it is."""

import itertools
from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from billing import ledger
from billing.models import ChargeDetailRecord
from stations import booking_requests, booking_rules, booking_series, holding, reservations, sessions, slots, waitlist
from stations.models import ChargePoint, Reservation, WaitlistPlace
from stations.reservations import SlotTaken
from stations.sessions import beginning
from tests import factories
from tests.meeting import meeting, one_waits_for_the_other
from tests.stations.acting import HOUR, MINUTE, begin, go_online
from tests.stations.test_sessions_at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 6


@pytest.fixture
def people(transactional_db):
    return [factories.make_user(f"Person {number}") for number in range(PEOPLE)]


@pytest.fixture
def connector(transactional_db):
    owner = factories.make_user("Pavel")
    return factories.make_charge_point(owner).connectors.get()


def slots_that_overlap(connector, *, pause=timedelta(0)):
    """Pairs of bookings that stand in each other's way."""
    open_ones = list(Reservation.objects.filter(connector=connector, status__in=Reservation.OPEN).order_by("begins_at"))
    return [(one, other) for one, other in itertools.pairwise(open_ones) if other.begins_at < one.ends_at + pause]


def test_with_a_pause_between_guests_one_of_many_gets_the_slot(people, connector):
    booking_rules.edit(connector.charge_point, buffer_minutes=60)
    begins_at = timezone.now() + HOUR

    def one(number):
        shift = begins_at + number * 25 * MINUTE
        return reservations.book(driver=people[number], connector=connector, begins_at=shift, ends_at=shift + 20 * MINUTE)

    results = at_once(*[lambda number=number: one(number) for number in range(PEOPLE)])

    assert any(isinstance(result, Reservation) for result in results)
    assert all(isinstance(result, Reservation | SlotTaken) for result in results)
    assert not slots_that_overlap(connector, pause=HOUR)


def test_series_that_cross_never_overlap(people, connector):
    begins_at = timezone.now() + 24 * HOUR

    def one(number):
        shift = begins_at + number * 30 * MINUTE
        return booking_series.book(
            driver=people[number], connector=connector, begins_at=shift, ends_at=shift + HOUR, weeks=3, skip_taken=number % 2 == 0
        )

    results = at_once(*[lambda number=number: one(number) for number in range(4)])

    assert any(isinstance(result, list) for result in results)
    assert not slots_that_overlap(connector)


def let_go(connector, first, waiting):
    """A slot that somebody had and gave up, and the places in line of those who wait for it."""
    begins_at = timezone.now() + 5 * HOUR
    slot = {"connector": connector, "begins_at": begins_at, "ends_at": begins_at + HOUR}
    taken = reservations.book(driver=first, **slot)
    places = [waitlist.join(driver=person, **slot) for person in waiting]
    reservations.cancel(user=first, reservation=taken)
    return slot, places


def test_one_claim_of_many_and_never_a_booking_beside_it(people, connector):
    slot, places = let_go(connector, people[0], people[1:3])

    results = at_once(
        *[lambda place=place: reservations.claim(user=place.driver, place=place) for place in [*places, places[0]]],
        *[lambda person=person: reservations.book(driver=person, **slot) for person in people[3:]],
        lambda: waitlist.move_on(now=timezone.now()),
    )

    booked = {result.pk for result in results if isinstance(result, Reservation)}
    assert len(booked) == 1
    assert Reservation.objects.filter(status="booked").count() == 1
    assert WaitlistPlace.objects.filter(status="claimed").count() == 1
    assert not slots_that_overlap(connector)


def test_a_booking_that_grows_and_one_that_begins_there(people, connector):
    begins_at = timezone.now() + 5 * HOUR
    mine = reservations.book(driver=people[0], connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR)

    at_once(
        lambda: reservations.change(user=people[0], reservation=mine, begins_at=begins_at, ends_at=begins_at + 3 * HOUR),
        lambda: reservations.book(driver=people[1], connector=connector, begins_at=begins_at + 2 * HOUR, ends_at=begins_at + 4 * HOUR),
        lambda: reservations.cancel(user=people[0], reservation=mine),
    )

    assert not slots_that_overlap(connector)


def test_a_request_is_answered_once_and_a_fee_charged_once(people, connector):
    owner = connector.charge_point.owner
    factories.give_credit(people[0], 50_000)
    booking_rules.edit(ChargePoint.objects.get(pk=connector.charge_point_id), approval="always", late_fee_minor=2_000)
    begins_at = timezone.now() + 5 * HOUR
    asked_for = reservations.book(driver=people[0], connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR)

    at_once(
        lambda: booking_requests.approve(user=owner, reservation=asked_for),
        lambda: booking_requests.reject(user=owner, reservation=asked_for),
        lambda: booking_requests.approve(user=owner, reservation=asked_for),
    )

    asked_for.refresh_from_db()
    assert asked_for.status in ("booked", "rejected")
    Reservation.objects.update(status="booked", free_until=timezone.now() - MINUTE)
    at_once(*[lambda: reservations.cancel(user=people[0], reservation=asked_for)] * 4)
    assert ChargeDetailRecord.objects.count() == 1


def asked_for(person, connector):
    """A request that waits for the host's word."""
    booking_rules.edit(ChargePoint.objects.get(pk=connector.charge_point_id), approval="always")
    begins_at = timezone.now() + 5 * HOUR
    return reservations.book(driver=person, connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR)


def test_a_request_that_is_approved_and_called_off_is_called_off(people, connector):
    """Whoever is first: a yes to what is gone is refused, and what is approved can still be called off."""
    owner, request = connector.charge_point.owner, asked_for(people[0], connector)

    results = at_once(
        lambda: booking_requests.approve(user=owner, reservation=request),
        lambda: reservations.cancel(user=people[0], reservation=request),
        lambda: booking_requests.approve(user=owner, reservation=request),
    )

    request.refresh_from_db()
    assert request.status == "cancelled"
    assert isinstance(results[1], Reservation)
    assert all(isinstance(result, Reservation | booking_requests.AlreadyAnswered) for result in results)


@one_waits_for_the_other
@pytest.mark.parametrize("is_cancelled_first", [True, False])
def test_the_hosts_word_and_the_guests_wait_for_each_other(people, connector, is_cancelled_first):
    owner, request = connector.charge_point.owner, asked_for(people[0], connector)
    said = []

    def approve():
        try:
            said.append(booking_requests.approve(user=owner, reservation=request).status)
        except booking_requests.AlreadyAnswered:
            said.append("too late")

    def cancel():
        said.append(reservations.cancel(user=people[0], reservation=request).status)

    first, second = (cancel, approve) if is_cancelled_first else (approve, cancel)
    with meeting(second):
        first()

    request.refresh_from_db()
    assert said == (["cancelled", "too late"] if is_cancelled_first else ["booked", "cancelled"])
    assert request.status == "cancelled"


def test_every_week_and_one_of_those_weeks(people, connector):
    """The series has all its weeks or none, and nobody books two at one time: also not the host herself."""
    begins_at = timezone.now() + 24 * HOUR
    third = begins_at + 14 * 24 * HOUR

    results = at_once(
        lambda: booking_series.book(driver=people[0], connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR, weeks=4),
        lambda: reservations.book(driver=people[1], connector=connector, begins_at=third, ends_at=third + HOUR),
        lambda: reservations.book(driver=connector.charge_point.owner, connector=connector, begins_at=third, ends_at=third + HOUR),
    )

    weeks = Reservation.objects.filter(driver=people[0]).count()
    got_all = isinstance(results[0], list)
    assert weeks == (4 if got_all else 0)
    assert [isinstance(result, Reservation) for result in results[1:]].count(True) == (0 if got_all else 1)
    assert not slots_that_overlap(connector)


@one_waits_for_the_other
def test_a_week_that_somebody_is_just_booking_is_not_there_for_a_series(people, connector):
    begins_at = timezone.now() + 24 * HOUR
    second_week = begins_at + 7 * 24 * HOUR
    said = []

    def every_week():
        try:
            booking_series.book(driver=people[0], connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR, weeks=3)
        except booking_series.WeeksTaken as refusal:
            said.append(len(refusal.taken))

    with meeting(every_week):
        reservations.book(driver=people[1], connector=connector, begins_at=second_week + HOUR / 2, ends_at=second_week + 2 * HOUR)

    assert said == [1]
    assert Reservation.objects.count() == 1


def test_what_is_let_go_is_offered_to_one(people, connector):
    """The first leaves, the second claims, the jobs move on: never are two asked for the same time."""
    _slot, places = let_go(connector, people[0], people[1:4])

    at_once(
        lambda: waitlist.leave(user=places[0].driver, place=places[0]),
        lambda: waitlist.leave(user=places[0].driver, place=places[0]),
        lambda: reservations.claim(user=places[1].driver, place=places[1]),
        lambda: waitlist.move_on(now=timezone.now()),
        lambda: waitlist.move_on(now=timezone.now()),
    )

    stands = [place.status for place in WaitlistPlace.objects.order_by("pk")]
    assert stands[0] == "left"
    assert stands[1] in ("offered", "claimed")
    assert stands[2] == "waiting"
    assert Reservation.objects.filter(status="booked").count() == stands.count("claimed")


@one_waits_for_the_other
def test_somebody_is_asked_while_another_books_what_she_waited_for(people, connector):
    """The slot that has just become free is hers to answer, and nobody else's meanwhile."""
    begins_at = timezone.now() + 5 * HOUR
    slot = {"connector": connector, "begins_at": begins_at, "ends_at": begins_at + HOUR}
    taken = reservations.book(driver=people[0], **slot)
    waitlist.join(driver=people[1], **slot)
    said = []

    def book():
        try:
            reservations.book(driver=people[2], **slot)
        except SlotTaken:
            said.append("taken")

    with meeting(book):
        reservations.cancel(user=people[0], reservation=taken)

    assert (said, WaitlistPlace.objects.get().status) == (["taken"], "offered")


def test_a_booking_that_changes_while_others_have_their_turn_is_left_alone(people, connector):
    begins_at = timezone.now() + 5 * HOUR
    for number in range(2):
        slot = begins_at + number * 2 * HOUR
        reservations.book(driver=people[number], connector=connector, begins_at=slot, ends_at=slot + HOUR)
    done = []

    def do(booking):
        done.append(booking.pk)
        Reservation.objects.exclude(pk=booking.pk).update(begins_at=begins_at + 20 * HOUR, ends_at=begins_at + 21 * HOUR)
        return True

    assert holding.each(Q(begins_at__lt=begins_at + 10 * HOUR), do) == 1
    assert len(done) == 1


@one_waits_for_the_other
def test_starting_and_ending_a_booking_with_a_fee_wait_for_the_outlet_first(people, connector):
    """A wallet that one of them held, and the outlet that the other did, would make each wait for the other."""
    factories.give_credit(people[0], 50_000)
    go_online(connector.charge_point)
    begun = []

    with meeting(
        lambda: begun.append(vars(sessions.request_start)["__wrapped__"](driver=people[0], connector=connector)),
        then=lambda: ledger.lock_wallet(people[0]),
    ):
        slots.take_turn(connector.pk)

    assert [session.status for session in begun] == ["PENDING"]


@one_waits_for_the_other
def test_coming_by_card_and_the_end_of_that_booking_wait_for_the_outlet_first(people, connector, monkeypatch):
    """The one holds her wallet for the visit, the other charges it a fee for staying away."""
    factories.give_credit(people[0], 50_000)
    card = factories.make_id_token(people[0]).uid
    charge_point = go_online(connector.charge_point)
    begins_at = timezone.now() + 5 * MINUTE
    booked = reservations.book(driver=people[0], connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR)
    monkeypatch.setattr(beginning, "_begin", vars(beginning._begin)["__wrapped__"])
    begun = []

    with meeting(
        lambda: begun.append(begin(charge_point, card, at=timezone.now()).status),
        then=lambda: ledger.lock_wallet(people[0]),
    ):
        holding.locked(booked.pk)

    booked.refresh_from_db()
    assert (begun, booked.status) == (["Accepted"], "active")


@one_waits_for_the_other
def test_whose_visit_merely_begins_at_the_outlet_waits_for_nobody(people, connector):
    """Somebody else's booking that is being ended there is no reason to let a charger wait for its answer."""
    factories.give_credit(people[0], 50_000)
    card = factories.make_id_token(people[0]).uid
    begun = []

    with meeting(lambda: begun.append(begin(connector.charge_point, card, at=timezone.now()).status)):
        slots.take_turn(connector.pk)
        ledger.lock_wallet(people[1])

    assert begun == ["Accepted"]
