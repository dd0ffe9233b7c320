"""Bookings at the rooms: made, overlapping, refused, used, given up."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone, translation

from accounts import closing as accounts_closing
from accounts.models import Notification
from billing import ledger
from billing.ledger import CreditTooLow
from chargeshare import housekeeping
from chargeshare.errors import DomainError, Invalid, NotFound
from stations import authorization, charge_points, commands, holding, reservations, search, sessions, slots
from stations.authorization import ConnectorBooked, NotAdmitted
from stations.models import ChargePoint, ChargingSession, Command, Connector, OperatorReservation, Reservation
from stations.reservations import ReservationInUse, ReservationOver, SlotTaken
from tests import factories
from tests.stations.acting import HOUR, MINUTE, begin, go_online, session_of, stop
from tests.stations.test_sessions_at_once import at_once

CARD, OTHER_CARD, STRANGERS_CARD = "04A1B2C3", "04D4E5F6", "04999999"
Status = Reservation.Status
Kind = Notification.Kind


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, CARD)


@pytest.fixture
def strangers_card(stranger):
    factories.give_credit(stranger, 50_000)
    return factories.make_id_token(stranger, STRANGERS_CARD)


def book(driver, connector, *, begins=2 * HOUR, ends=None):
    """A booking so long from now, two hours of it."""
    begins_at = timezone.now() + begins
    ends_at = timezone.now() + ends if ends else begins_at + 2 * HOUR
    return reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=ends_at)


def move(booking, *, begins, ends=2 * HOUR):
    """As if it had been booked for then, counted from now."""
    now = timezone.now()
    Reservation.objects.filter(pk=booking.pk).update(begins_at=now + begins, ends_at=now + ends)
    booking.refresh_from_db()
    return booking


def answer(command, word="Accepted", status=Command.Status.ACCEPTED):
    """The charger's word to what it was asked."""
    claimed = commands.claim(command.pk)
    assert claimed is not None
    commands.record_result(claimed, status=status, response={"status": word} if status == Command.Status.ACCEPTED else {"code": word})


def asked(action):
    return list(Command.objects.filter(action=action).order_by("pk"))


def start(charge_point, id_tag, **more):
    return session_of(begin(charge_point, id_tag, at=timezone.now(), **more))


def told(user, kind):
    return Notification.objects.filter(user=user, kind=kind).count()


def keep_house():
    """One pass of the periodic jobs that have to do with bookings."""
    now = timezone.now()
    rooms = {"stations.holding", "stations.reservations", "stations.waitlist", "stations.booking_rules"}
    housekeeping.run([job for job in housekeeping.JOBS if job.do.__module__ in rooms or job.name == "bookings given up"], now)


# Made


def test_a_booking_is_made_at_once(driver, owner, connector):
    booking = book(driver, connector)

    assert booking.status == Status.BOOKED
    assert 0 < booking.reservation_id < 2**31
    assert booking.told_at is None
    assert told(driver, Kind.RESERVATION_BOOKED) == told(owner, Kind.RESERVATION_BOOKED) == 1


@pytest.mark.parametrize(
    ("begins", "ends"), [(2, 4), (1, 3), (3, 5), (1, 5), (2.5, 3)], ids=["same", "before", "after", "around", "within"]
)
def test_the_second_comer_is_refused(driver, stranger, connector, begins, ends):
    book(driver, connector, begins=2 * HOUR, ends=4 * HOUR)

    with pytest.raises(SlotTaken) as refusal:
        book(stranger, connector, begins=begins * HOUR, ends=ends * HOUR)
    assert (refusal.value.status, refusal.value.code) == (409, "slot_taken")
    with pytest.raises(SlotTaken):
        book(driver, connector, begins=begins * HOUR, ends=ends * HOUR)


def test_one_begins_where_another_ends(driver, stranger, connector):
    first = book(driver, connector)

    reservations.book(driver=stranger, connector=connector, begins_at=first.ends_at, ends_at=first.ends_at + HOUR)
    reservations.book(driver=stranger, connector=connector, begins_at=first.begins_at - HOUR, ends_at=first.begins_at)

    assert Reservation.objects.filter(connector=connector, status="booked").count() == 3


def test_another_connector_is_another_matter(owner, tariff, driver, stranger):
    two = factories.make_charge_point(owner, tariff=tariff, connectors=2)
    for person, connector in zip((driver, stranger), two.connectors.all(), strict=True):
        book(person, connector)

    assert Reservation.objects.filter(connector__charge_point=two, status="booked").count() == 2


@pytest.mark.parametrize(
    ("begins", "ends", "field"),
    [
        (-HOUR, HOUR, "from"),
        (HOUR, HOUR, "to"),
        (2 * HOUR, HOUR, "to"),
        (HOUR, HOUR + timedelta(seconds=5), "to"),
        (HOUR, timedelta(days=9), "to"),
        (timedelta(days=400), timedelta(days=400, hours=1), "from"),
    ],
    ids=["past", "no time", "backwards", "a moment", "a week", "next year"],
)
def test_an_absurd_slot_is_refused_in_one_sentence(driver, connector, begins, ends, field):
    with pytest.raises(Invalid) as refusal:
        book(driver, connector, begins=begins, ends=ends)

    [sentence] = refusal.value.fields[field]
    assert sentence.endswith(".")
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("year", [1, 9999])
def test_the_ends_of_the_calendar_are_no_accident(driver, connector, year):
    moment = datetime(year, 6, 1, tzinfo=UTC)
    with pytest.raises(Invalid):
        reservations.book(driver=driver, connector=connector, begins_at=moment, ends_at=moment + HOUR)


def test_who_may_not_charge_may_not_book(driver, stranger, owner, charge_point, connector):
    charge_points.edit(charge_point, access="private")
    with pytest.raises(NotAdmitted):
        book(driver, connector)
    charge_points.invite(charge_point, driver.email)
    book(driver, connector)
    book(owner, connector, begins=6 * HOUR)


def test_the_owner_books_her_own_though_it_is_not_published(owner):
    home = factories.make_charge_point(owner, published=False)
    assert book(owner, home.connectors.get()).status == Status.BOOKED


def test_a_debt_blocks_and_no_credit_does_not(stranger, connector):
    book(stranger, connector)
    entries = [(ledger.account(stranger, "debt"), -500), (ledger.platform_account("loss"), 500)]
    ledger.post(key="test:debt", kind="settle", entries=entries)
    with pytest.raises(CreditTooLow):
        book(stranger, connector, begins=6 * HOUR)


def test_nobody_books_everything(driver, connector, monkeypatch):
    monkeypatch.setattr(reservations, "MOST_OPEN", 2)
    book(driver, connector)
    book(driver, connector, begins=6 * HOUR)
    with pytest.raises(reservations.TooManyReservations):
        book(driver, connector, begins=12 * HOUR)


def test_the_same_request_twice_books_once(driver, connector):
    """One after the other, as SQLite lets them in."""
    begins_at = timezone.now() + HOUR
    reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR)
    with pytest.raises(SlotTaken):
        reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR)
    assert Reservation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one writer in at a time")
def test_eight_who_book_at_once_get_one_slot(owner, tariff):
    charge_point = factories.make_charge_point(owner, tariff=tariff)
    connector = charge_point.connectors.get()
    people = [factories.make_user(f"Person {number}") for number in range(8)]
    begins_at = timezone.now() + HOUR

    def one(number):
        shift = number * 7 * MINUTE
        return reservations.book(
            driver=people[number], connector=connector, begins_at=begins_at + shift, ends_at=begins_at + shift + 2 * HOUR
        )

    results = at_once(*[lambda number=number: one(number) for number in range(8)])

    assert sum(isinstance(result, Reservation) for result in results) == 1
    assert sum(isinstance(result, SlotTaken) for result in results) == 7
    assert Reservation.objects.count() == 1


# Cancelled


def test_cancelled_frees_the_slot_and_tells_both(driver, owner, stranger, connector):
    booking = book(driver, connector)

    reservations.cancel(user=driver, reservation=booking)
    reservations.cancel(user=driver, reservation=booking)

    assert Reservation.objects.get().status == Status.CANCELLED
    assert told(driver, Kind.RESERVATION_CANCELLED) == told(owner, Kind.RESERVATION_CANCELLED) == 1
    assert not asked("CancelReservation")
    book(stranger, connector)


def test_the_owner_may_cancel_and_a_stranger_may_not(driver, owner, stranger, connector):
    booking = book(driver, connector)
    with pytest.raises(NotFound):
        reservations.cancel(user=stranger, reservation=booking)
    reservations.cancel(user=owner, reservation=booking)
    notification = Notification.objects.get(user=driver, kind=Kind.RESERVATION_CANCELLED)
    assert notification.context["by_host"] is True


def test_what_is_over_cannot_be_cancelled(driver, connector):
    booking = book(driver, connector)
    Reservation.objects.update(status=Status.EXPIRED)
    with pytest.raises(ReservationOver):
        reservations.cancel(user=driver, reservation=booking)


def test_a_retired_charger_and_a_closed_account_cancel(driver, owner, charge_point, connector):
    first = book(driver, connector)
    charge_points.retire(charge_point)
    keep_house()
    first.refresh_from_db()
    assert first.status == Status.CANCELLED

    second = book(driver, factories.make_charge_point(owner).connectors.get())
    entries = [(ledger.account(driver, "cash"), -50_000), (ledger.platform_account("bank"), 50_000)]
    ledger.post(key="test:back", kind="refund", entries=entries)
    accounts_closing.close_account(driver)
    second.refresh_from_db()
    assert second.status == Status.CANCELLED


# Told


def test_the_charger_is_told_a_quarter_of_an_hour_before(driver, card, charge_point, connector):
    booking = book(driver, connector)
    go_online(charge_point)
    keep_house()
    assert not asked("ReserveNow")

    move(booking, begins=14 * MINUTE)
    keep_house()
    keep_house()

    [command] = asked("ReserveNow")
    assert command.source == Command.Source.BOOKING
    assert command.payload == {
        "connectorId": 1,
        "expiryDate": f"{booking.begins_at + 15 * MINUTE:%Y-%m-%dT%H:%M:%SZ}",
        "idTag": CARD,
        "parentIdTag": driver.group_tag,
        "reservationId": booking.reservation_id,
    }
    answer(command)
    booking.refresh_from_db()
    assert booking.answer == "Accepted"
    assert booking.is_held_by_charger


def test_who_books_for_now_has_the_charger_told_at_once(driver, card, charge_point, connector):
    go_online(charge_point)
    book(driver, connector, begins=5 * MINUTE)
    assert len(asked("ReserveNow")) == 1


def test_the_oldest_card_that_works_is_told_with_its_group(driver, charge_point, connector):
    go_online(charge_point)
    factories.make_id_token(driver, "04111111", is_blocked=True)
    factories.make_id_token(driver, "04222222", expires_at=timezone.now() - HOUR)
    factories.make_id_token(driver, "04333333333333333333333333")
    factories.make_id_token(driver, "04444444", parent_uid="FLEET")
    factories.make_id_token(driver, "04555555")
    book(driver, connector, begins=MINUTE)
    payload = asked("ReserveNow")[0].payload
    assert (payload["idTag"], payload["parentIdTag"]) == ("04444444", "FLEET")


def test_without_a_card_a_tag_is_made_that_only_she_may_use(driver, charge_point, connector):
    go_online(charge_point)
    book(driver, connector, begins=MINUTE)
    tag = asked("ReserveNow")[0].payload["idTag"]
    assert len(tag) == 14
    assert set(tag) <= set("0123456789ABCDEF")

    verdict = authorization.authorize(charge_point, tag.lower())
    assert (verdict.status, verdict.driver, verdict.parent_tag) == ("Accepted", driver, driver.group_tag)
    session = start(charge_point, tag)
    assert (session.status, session.driver) == ("ACTIVE", driver)
    assert session.booking.status == Status.ACTIVE


def test_a_charger_that_was_away_is_told_when_it_is_back(driver, card, charge_point, connector):
    booking = move(book(driver, connector), begins=-5 * MINUTE)
    keep_house()
    assert not asked("ReserveNow")
    go_online(charge_point)
    keep_house()
    assert len(asked("ReserveNow")) == 1

    answer(asked("ReserveNow")[0], status=Command.Status.UNANSWERED)
    keep_house()
    assert len(asked("ReserveNow")) == 2
    for _ in range(9):
        answer(asked("ReserveNow")[-1], status=Command.Status.UNANSWERED) if asked("ReserveNow")[-1].is_under_way else None
        keep_house()
    assert len(asked("ReserveNow")) == holding.MOST_TIMES_TOLD
    booking.refresh_from_db()
    assert booking.status == Status.BOOKED


@pytest.mark.parametrize("word", ["Faulted", "Occupied", "Rejected", "Unavailable"])
def test_a_refusal_is_kept_and_the_booking_holds(driver, card, strangers_card, charge_point, connector, word):
    go_online(charge_point)
    booking = book(driver, connector, begins=MINUTE)
    answer(asked("ReserveNow")[0], word)
    booking.refresh_from_db()
    assert (booking.status, booking.answer) == (Status.BOOKED, word)
    assert authorization.authorize(charge_point, STRANGERS_CARD).status == "Blocked"
    reservations.cancel(user=driver, reservation=booking)
    assert not asked("CancelReservation")


def test_a_charger_without_reservations_is_asked_once(driver, card, charge_point, connector):
    go_online(charge_point)
    booking = book(driver, connector, begins=MINUTE)
    answer(asked("ReserveNow")[0], "NotSupported", status=Command.Status.REJECTED)
    keep_house()
    booking.refresh_from_db()
    assert booking.answer == "NotSupported"
    assert len(asked("ReserveNow")) == 1


def test_one_that_was_occupied_is_told_again_once_it_is_free(driver, card, charge_point, connector):
    go_online(charge_point)
    booking = book(driver, connector, begins=MINUTE)
    Connector.objects.update(status="Charging")
    answer(asked("ReserveNow")[0], "Occupied")
    Reservation.objects.update(told_at=timezone.now() - 2 * MINUTE)
    keep_house()
    assert len(asked("ReserveNow")) == 1
    Connector.objects.update(status="Available")
    keep_house()
    answer(asked("ReserveNow")[1])
    keep_house()
    booking.refresh_from_db()
    assert booking.is_held_by_charger
    assert len(asked("ReserveNow")) == 2


def test_cancelled_after_it_was_told_the_charger_is_told_again(driver, card, charge_point, connector):
    go_online(charge_point)
    booking = book(driver, connector, begins=MINUTE)
    answer(asked("ReserveNow")[0])
    reservations.cancel(user=driver, reservation=booking)
    keep_house()
    [command] = asked("CancelReservation")
    assert command.payload == {"reservationId": booking.reservation_id}


def test_a_charger_that_is_away_when_it_is_cancelled_is_let_go_later(driver, card, charge_point, connector):
    go_online(charge_point)
    booking = book(driver, connector, begins=MINUTE)
    answer(asked("ReserveNow")[0])
    ChargePoint.objects.update(connection=None)
    reservations.cancel(user=driver, reservation=Reservation.objects.get(pk=booking.pk))
    assert [command.status for command in asked("CancelReservation")] == ["offline"]
    go_online(charge_point)
    keep_house()
    keep_house()
    assert [command.status for command in asked("CancelReservation")] == ["offline", "pending"]


# The gate


def test_somebody_elses_booking_blocks_card_app_and_start(driver, stranger, card, strangers_card, charge_point, connector):
    go_online(charge_point)
    book(driver, connector, begins=10 * MINUTE)

    assert authorization.authorize(charge_point, STRANGERS_CARD).status == "Blocked"
    with pytest.raises(ConnectorBooked) as refusal:
        sessions.request_start(driver=stranger, connector=connector)
    assert (refusal.value.status, refusal.value.code) == (409, "connector_busy")
    session = start(charge_point, STRANGERS_CARD)
    assert (session.status, session.id_tag_status, session.driver) == ("INVALID", "Blocked", stranger)
    assert authorization.authorize(charge_point, CARD).status == "Accepted"


@pytest.mark.parametrize(
    ("begins", "status"), [(16, "Accepted"), (14, "Blocked"), (-14, "Blocked"), (-16, "Accepted")], ids=["early", "soon", "grace", "late"]
)
def test_it_blocks_from_a_quarter_before_to_a_quarter_after(driver, strangers_card, charge_point, connector, begins, status):
    move(book(driver, connector), begins=begins * MINUTE)
    assert authorization.authorize(charge_point, STRANGERS_CARD).status == status


def test_while_she_charges_others_are_blocked_and_may_stop_nothing(driver, card, strangers_card, charge_point, connector):
    booking = move(book(driver, connector), begins=-MINUTE)
    mine = start(charge_point, CARD)
    move(booking, begins=-HOUR)

    assert authorization.authorize(charge_point, STRANGERS_CARD).status == "Blocked"
    refused = start(charge_point, STRANGERS_CARD)
    mine.refresh_from_db()
    assert (refused.id_tag_status, mine.status) == ("Blocked", "ACTIVE")
    assert mine.orphaned_at is not None  # the charger says something else, so we listen closely
    assert authorization.authorize(charge_point, STRANGERS_CARD).status == "Accepted"


def test_a_box_with_another_outlet_lets_others_in(owner, tariff, driver, strangers_card):
    two = factories.make_charge_point(owner, tariff=tariff, connectors=2)
    book(driver, two.connectors.get(number=1), begins=MINUTE)
    assert authorization.authorize(two, STRANGERS_CARD).status == "Accepted"
    assert start(two, STRANGERS_CARD, number=1).id_tag_status == "Blocked"
    assert start(two, STRANGERS_CARD, number=2).id_tag_status == "Accepted"


def test_the_owner_is_never_kept_from_her_own(owner, driver, charge_point, connector):
    factories.make_id_token(owner, "04777777")
    booking = book(driver, connector, begins=MINUTE)
    assert authorization.authorize(charge_point, "04777777").status == "Accepted"
    session = start(charge_point, "04777777", reservation_id=booking.reservation_id)
    booking.refresh_from_db()
    assert (session.status, booking.status) == ("ACTIVE", Status.BOOKED)


def test_what_began_before_the_charger_came_back_is_judged_by_then(driver, strangers_card, charge_point, connector):
    book(driver, connector, begins=MINUTE)
    go_online(charge_point)
    now = timezone.now()
    replayed = session_of(begin(charge_point, STRANGERS_CARD, at=now - 3 * HOUR, received_at=now, started_at=now - 3 * HOUR))
    assert replayed.id_tag_status == "Accepted"


# Used


def test_any_card_of_hers_uses_it_and_its_end_uses_it_up(driver, card, strangers_card, charge_point, connector):
    factories.make_id_token(driver, OTHER_CARD)
    booking = book(driver, connector, begins=10 * MINUTE)
    session = start(charge_point, OTHER_CARD)
    booking.refresh_from_db()
    assert (booking.status, booking.session) == (Status.ACTIVE, session)
    with pytest.raises(ReservationInUse):
        reservations.cancel(user=driver, reservation=booking)
    move(booking, begins=-HOUR)
    keep_house()
    booking.refresh_from_db()
    assert booking.status == Status.ACTIVE

    stop(charge_point, session.transaction_id, meter=2000, at=timezone.now())
    booking.refresh_from_db()
    assert booking.status == Status.USED
    assert authorization.authorize(charge_point, STRANGERS_CARD).status == "Accepted"
    assert not slots.taken(booking.begins_at, booking.ends_at, now=timezone.now()).exists()


def test_too_early_is_a_visit_like_any_other(driver, card, charge_point, connector):
    booking = book(driver, connector, begins=HOUR)
    session = start(charge_point, CARD)
    booking.refresh_from_db()
    assert (booking.status, hasattr(session, "booking")) == (Status.BOOKED, False)
    go_online(charge_point)
    move(booking, begins=10 * MINUTE)
    keep_house()
    booking.refresh_from_db()
    assert (booking.status, booking.session) == (Status.ACTIVE, session)
    assert not asked("ReserveNow")


def test_the_charger_names_the_booking(owner, tariff, driver, card):
    two = factories.make_charge_point(owner, tariff=tariff, connectors=2)
    booking = book(driver, two.connectors.get(number=1), begins=MINUTE)
    session = start(two, CARD, number=2, reservation_id=booking.reservation_id)
    booking.refresh_from_db()
    assert booking.session == session


@pytest.mark.parametrize("number", [None, 12345])
def test_a_number_we_never_gave_changes_nothing(driver, card, charge_point, connector, number):
    booking = book(driver, connector, begins=MINUTE)
    session = start(charge_point, CARD, reservation_id=number)
    booking.refresh_from_db()
    assert (session.status, booking.session) == ("ACTIVE", session)


@pytest.mark.parametrize("behind", [0 * HOUR, 2 * HOUR], ids=["on time", "behind"])
def test_the_app_starts_under_the_tag_the_charger_waits_for(driver, card, charge_point, connector, behind):
    """Also where the clock of the charger says that it began before the booking did."""
    go_online(charge_point)
    booking = book(driver, connector, begins=MINUTE)
    answer(asked("ReserveNow")[0])
    Connector.objects.update(status="Reserved")
    ledger.grant(driver, 1, reason="test")

    session = sessions.request_start(driver=driver, connector=connector)
    [command] = asked("RemoteStartTransaction")
    assert command.payload["idTag"] == CARD
    answer(command)
    assert authorization.authorize(charge_point, CARD).status == "Accepted"
    now = timezone.now()
    began = start(charge_point, CARD, reservation_id=booking.reservation_id, started_at=now - behind, received_at=now)

    booking.refresh_from_db()
    assert began == session
    assert (began.status, began.origin, booking.session, booking.status) == ("ACTIVE", "app", session, Status.ACTIVE)
    assert ChargingSession.objects.count() == 1


def test_the_app_starts_under_its_own_tag_where_the_charger_keeps_nothing(driver, card, charge_point, connector):
    go_online(charge_point)
    booking = book(driver, connector, begins=MINUTE)
    answer(asked("ReserveNow")[0], "Rejected")
    session = sessions.request_start(driver=driver, connector=connector)
    assert asked("RemoteStartTransaction")[0].payload["idTag"] == session.id_tag != CARD
    start(charge_point, session.id_tag)
    booking.refresh_from_db()
    assert (booking.session, booking.status) == (session, Status.ACTIVE)


# Given up


def test_nobody_came(driver, card, strangers_card, charge_point, connector):
    go_online(charge_point)
    booking = book(driver, connector, begins=MINUTE)
    answer(asked("ReserveNow")[0])
    move(booking, begins=-16 * MINUTE)
    keep_house()
    keep_house()
    booking.refresh_from_db()
    assert booking.status == Status.EXPIRED
    assert len(asked("CancelReservation")) == 1
    assert told(driver, Kind.RESERVATION_EXPIRED) == 1
    assert start(charge_point, STRANGERS_CARD).status == "ACTIVE"


def test_a_slot_nobody_came_to_can_be_booked_before_anybody_tidies_up(driver, stranger, connector):
    move(book(driver, connector), begins=-16 * MINUTE)

    assert book(stranger, connector, begins=MINUTE).status == "booked"


def test_who_is_just_starting_is_waited_for(driver, card, charge_point, connector):
    go_online(charge_point)
    booking = book(driver, connector, begins=MINUTE)
    answer(asked("ReserveNow")[0], "Rejected")
    session = sessions.request_start(driver=driver, connector=connector)
    move(booking, begins=-16 * MINUTE)
    keep_house()
    booking.refresh_from_db()
    assert booking.status == Status.BOOKED
    start(charge_point, session.id_tag)
    booking.refresh_from_db()
    assert booking.status == Status.ACTIVE


def test_a_reminder_comes_once(driver, connector):
    booking = book(driver, connector)
    Reservation.objects.update(created_at=timezone.now() - 5 * HOUR)
    keep_house()
    assert told(driver, Kind.RESERVATION_SOON) == 0
    move(booking, begins=25 * MINUTE)
    keep_house()
    keep_house()
    assert told(driver, Kind.RESERVATION_SOON) == 1


# What an operator sends by itself


def operator_reserves(charge_point, number=77, *, connector=1, until=HOUR):
    expiry = f"{timezone.now() + until:%Y-%m-%dT%H:%M:%SZ}"
    payload = {"connectorId": connector, "expiryDate": expiry, "idTag": "GUEST", "reservationId": number}
    command = commands.ask(charge_point, "ReserveNow", payload, source=Command.Source.PERSON)
    answer(command)


def test_an_operators_own_refuses_nobody(strangers_card, charge_point, connector):
    go_online(charge_point)
    operator_reserves(charge_point)
    held = OperatorReservation.objects.get()
    assert (held.connector_number, held.id_tag, held.ended_at) == (1, "GUEST", None)
    assert not Reservation.objects.exists()
    assert authorization.authorize(charge_point, STRANGERS_CARD).status == "Accepted"
    assert start(charge_point, STRANGERS_CARD, reservation_id=77).status == "ACTIVE"
    held.refresh_from_db()
    assert held.ended_by == OperatorReservation.End.STARTED


def test_an_operators_own_ends_by_cancelling_and_by_itself(charge_point, connector):
    go_online(charge_point)
    operator_reserves(charge_point, 1)
    answer(commands.ask(charge_point, "CancelReservation", {"reservationId": 1}, source=Command.Source.PERSON))
    operator_reserves(charge_point, 2)
    operator_reserves(charge_point, 2, until=-HOUR)
    keep_house()
    assert list(OperatorReservation.objects.order_by("pk").values_list("ended_by", flat=True)) == ["cancelled", "replaced", "expired"]


# Found


def test_the_map_knows_who_is_free_in_a_slot(driver, stranger, charge_point, connector):
    booking = book(driver, connector)

    def found(begins_at, ends_at):
        wanted = search.Wanted(free_from=begins_at, free_to=ends_at)
        return charge_point in (search.in_box(stranger, search.Box(-180.0, -90.0, 180.0, 90.0), wanted) or [])

    assert not found(booking.begins_at + HOUR, booking.ends_at + HOUR)
    assert found(booking.ends_at, booking.ends_at + HOUR)


def test_refusals_say_one_sentence(driver, connector):
    for refusal in (SlotTaken, ReservationOver, ReservationInUse, ConnectorBooked):
        assert issubclass(refusal, DomainError)
        assert str(refusal().message).endswith(".") or "." in str(refusal().message)


@pytest.mark.parametrize(
    ("language", "hours", "spoken"),
    [
        ("cs", 3.5, "so 21. 11. 18:00–21:30"),
        ("en", 3.5, "Sat 21 Nov 18:00–21:30"),
        ("cs", 12, "so 21. 11. 18:00 – ne 22. 11. 6:00"),
    ],
)
def test_a_slot_in_words(language, hours, spoken):
    begins_at = datetime(2026, 11, 21, 17, tzinfo=UTC)
    with translation.override(language):
        assert slots.spoken(begins_at, begins_at + hours * HOUR).replace("\N{NO-BREAK SPACE}", " ") == spoken


def test_what_is_kept_is_shown_as_booked_though_the_charger_cannot_say_so(driver, card, charge_point, connector):
    go_online(charge_point)

    def is_free():
        wanted = search.Wanted(available=True)
        return bool(search.in_box(None, search.Box(-180.0, -90.0, 180.0, 90.0), wanted))

    def state():
        return Connector.objects.get(pk=connector.pk).state

    booking = book(driver, connector)
    assert (state(), is_free()) == ("free", True)
    move(booking, begins=10 * MINUTE)
    keep_house()
    answer(asked("ReserveNow")[0], "NotSupported", status=Command.Status.REJECTED)
    assert (state(), is_free()) == ("booked", False)
    reservations.cancel(user=driver, reservation=Reservation.objects.get())
    assert (state(), is_free()) == ("free", True)

    book(driver, connector, begins=5 * MINUTE)
    assert state() == "booked"
    session = start(charge_point, CARD)
    assert state() == "busy"
    stop(charge_point, session.transaction_id, meter=2000, at=timezone.now())
    assert (state(), is_free()) == ("free", True)


def test_of_two_close_upon_each_other_the_earlier_comes_first(driver, stranger, card, strangers_card, charge_point, connector):
    now = timezone.now()
    reservations.book(driver=driver, connector=connector, begins_at=now + MINUTE, ends_at=now + 10 * MINUTE)
    reservations.book(driver=stranger, connector=connector, begins_at=now + 10 * MINUTE, ends_at=now + HOUR)

    assert authorization.authorize(charge_point, CARD).status == "Accepted"
    assert authorization.authorize(charge_point, STRANGERS_CARD).status == "Blocked"
    session = start(charge_point, CARD)
    assert authorization.authorize(charge_point, STRANGERS_CARD).status == "Blocked"
    stop(charge_point, session.transaction_id, meter=2000, at=timezone.now())
    assert authorization.authorize(charge_point, STRANGERS_CARD).status == "Accepted"


def test_a_charger_that_forgot_is_told_again(driver, card, charge_point, connector):
    go_online(charge_point)
    book(driver, connector, begins=10 * MINUTE)
    answer(asked("ReserveNow")[0])
    Reservation.objects.update(told_at=timezone.now() - 2 * MINUTE)
    keep_house()
    assert len(asked("ReserveNow")) == 1
    Connector.objects.update(status="Available", status_at=timezone.now())
    keep_house()
    keep_house()
    assert len(asked("ReserveNow")) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"expiryDate": "9999-12-31T23:59:59-14:00"},
        {"expiryDate": "0001-01-01T00:00:00+14:00"},
        {"expiryDate": "soon"},
        {"connectorId": 2**40},
        {"connectorId": -1},
        {"connectorId": "1"},
        {"reservationId": 2**70},
        {"reservationId": True},
        {"reservationId": "x"},
        {"idTag": "A\0B"},
    ],
    ids=str,
)
def test_whatever_an_operator_reserves_its_answer_is_kept(charge_point, connector, change):
    go_online(charge_point)
    payload = {"connectorId": 1, "expiryDate": "2099-01-01T00:00:00Z", "idTag": "GUEST", "reservationId": 5, **change}
    command = Command.objects.create(charge_point=charge_point, action="ReserveNow", payload={})
    command.payload = payload
    commands.record_result(command, status=Command.Status.ACCEPTED, response={"status": "Accepted"})
    command.action, command.status = "CancelReservation", Command.Status.SENT
    Command.objects.filter(pk=command.pk).update(status=Command.Status.SENT)
    commands.record_result(command, status=Command.Status.ACCEPTED, response={"status": "Accepted"})
    command.refresh_from_db()
    assert command.status == "accepted"
