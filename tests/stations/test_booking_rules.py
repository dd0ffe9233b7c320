"""The owner's rules: when her charger can be had, by whom, and what it costs to stay away."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts import vehicles
from accounts.models import Notification
from billing import audit, ledger
from billing.models import ChargeDetailRecord
from chargeshare.errors import Invalid, NotFound
from stations import authorization, booking_requests, booking_rules, free_times, reservations, search, weekly
from stations.booking_requests import AlreadyAnswered
from stations.booking_rules import OutsideRules, RequirementMissing
from stations.models import ChargePoint, Reservation
from stations.reservations import SlotTaken
from tests import factories
from tests.stations.acting import HOUR, MINUTE, go_online, speak
from tests.stations.test_reservations import answer, asked, book, keep_house, move, told

Status = Reservation.Status
Kind = Notification.Kind
PRAGUE = ZoneInfo("Europe/Prague")
DAY = timedelta(days=1)


def at(hour, minute=0, *, days=2):
    """A time of the clock on the spot, some days from now."""
    day = timezone.localtime(timezone.now(), PRAGUE).date() + days * DAY
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=PRAGUE)


def reserve(driver, connector, begins_at, ends_at):
    return reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=ends_at)


def rule(charge_point, **changes):
    booking_rules.edit(ChargePoint.objects.get(pk=charge_point.pk), **changes)


# Hours


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        ([], []),
        ([{"days": [1], "from": "06:00", "to": "22:00"}], [(0, 360, 1320)]),
        ([{"days": [7], "from": "22:00", "to": "06:00"}], [(0, 0, 360), (6, 1320, 1440)]),
        ([{"days": [1], "from": "06:00", "to": "12:00"}, {"days": [1], "from": "12:00", "to": "24:00"}], [(0, 360, 1440)]),
        ([{"days": [2], "from": "00:00", "to": "00:00"}], [(1, 0, 1440)]),
    ],
)
def test_hours_are_read(written, hours):
    assert [(one.weekday, one.from_minute, one.to_minute) for one in weekly.read(written)] == hours


@pytest.mark.parametrize(
    "written",
    [
        "06:00",
        [1],
        [{"days": [0], "from": "06:00", "to": "22:00"}],
        [{"days": [1], "from": "6", "to": "22:00"}],
        [{"days": [True], "from": "06:00", "to": "22:00"}],
        [{"from": "06:00", "to": "25:00"}],
        [{"days": [1], "from": "06:00", "to": "22:00", "price": 1}],
        [{"from": "06:00", "to": "22:00"}] * 51,
    ],
)
def test_hours_that_make_no_sense_are_refused(written):
    with pytest.raises(Invalid):
        weekly.read(written)


def test_hours_are_of_the_clock_on_the_wall_when_clocks_change():
    zone, hours = PRAGUE, weekly.read([{"from": "06:00", "to": "22:00"}])
    begins = datetime(2027, 3, 27, 5, tzinfo=UTC)  # the day before the clocks go forward: 6:00
    assert weekly.covers(hours, weekly.pieces(begins, begins + HOUR, zone))
    assert not weekly.covers(hours, weekly.pieces(begins - MINUTE, begins + HOUR, zone))
    assert weekly.covers(hours, weekly.pieces(begins + DAY - HOUR, begins + DAY, zone))  # 6:00 is an hour earlier now
    assert weekly.same_hours(begins, 1, zone) == begins + 7 * DAY - HOUR
    fallen = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)  # 2:30, and an hour later it is 2:30 again
    assert weekly.pieces(fallen, fallen + HOUR, zone) == [weekly.Hours(6, 150, 180), weekly.Hours(6, 120, 150)]
    left_out = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)  # 1:30, and an hour later it is 3:30
    assert weekly.pieces(left_out, left_out + HOUR, zone) == [weekly.Hours(6, 90, 120), weekly.Hours(6, 180, 210)]


@pytest.mark.parametrize("day", [datetime(2027, 3, 28), datetime(2027, 10, 31)])  # noqa: DTZ001 - of the clock on the wall
@pytest.mark.parametrize(
    ("begins", "ends"), [("02:00", "03:00"), ("02:30", "04:00"), ("22:00", "02:30"), ("00:00", "02:00"), ("03:00", "24:00")]
)
def test_what_is_shown_as_open_is_what_can_be_booked_when_clocks_change(day, begins, ends):
    hours = weekly.read([{"from": begins, "to": ends}])
    first = day.replace(tzinfo=PRAGUE).astimezone(UTC) - 3 * HOUR
    last = first + 30 * HOUR

    shown = weekly.spans(hours, PRAGUE, first, last)

    for quarter in range(30 * 4):
        at = first + quarter * timedelta(minutes=15)
        is_shown = any(opens_at <= at < closes_at for opens_at, closes_at in shown)
        can_be_booked = weekly.covers(hours, weekly.pieces(at, at + MINUTE, PRAGUE))
        wall = at.astimezone(PRAGUE)
        minute = wall.hour * 60 + wall.minute
        is_on_the_clock = any(one.weekday == wall.weekday() and one.from_minute <= minute < one.to_minute for one in hours)
        assert is_shown == can_be_booked == is_on_the_clock, at
    for opens_at, closes_at in shown:
        assert weekly.covers(hours, weekly.pieces(opens_at, closes_at, PRAGUE))


def test_outside_of_the_hours_nobody_books_but_the_owner(driver, owner, charge_point, connector):
    rule(charge_point, open=[{"from": "06:00", "to": "22:00"}])

    for begins_at, ends_at in ((at(5), at(7)), (at(21), at(23)), (at(20), at(8, days=3))):
        with pytest.raises(OutsideRules, match=r"06:00–22:00"):
            reserve(driver, connector, begins_at, ends_at)
    reserve(driver, connector, at(6), at(22))
    reserve(owner, connector, at(22), at(23))


def test_a_closure_closes(driver, owner, charge_point, connector):
    booking_rules.close(charge_point, begins_at=at(8), ends_at=at(12), note="Holiday")

    with pytest.raises(OutsideRules):
        reserve(driver, connector, at(11), at(13))
    reserve(driver, connector, at(12), at(13))
    reserve(owner, connector, at(8), at(9))
    [closure] = booking_rules.closures(charge_point, timezone.now())
    booking_rules.reopen(charge_point, closure.pk)
    reserve(driver, connector, at(10), at(12))
    with pytest.raises(NotFound):
        booking_rules.reopen(charge_point, closure.pk)


@pytest.mark.parametrize(("begins", "ends"), [(-2, -1), (1, 1), (2, 1), (1, 24 * 400), (24 * 900, 24 * 901)])
def test_absurd_closures_are_refused(charge_point, begins, ends):
    now = timezone.now()
    with pytest.raises(Invalid):
        booking_rules.close(charge_point, begins_at=now + begins * HOUR, ends_at=now + ends * HOUR)


def test_a_closed_charger_lets_only_its_owner_start(driver, owner, charge_point, connector):
    go_online(charge_point)
    cards = factories.make_id_token(driver), factories.make_id_token(owner)
    now = timezone.now()
    booking_rules.close(charge_point, begins_at=now - MINUTE, ends_at=now + HOUR)
    charge_point.refresh_from_db()

    assert charge_point.is_closed
    assert charge_point.state == "paused"
    assert authorization.authorize(charge_point, cards[0].uid, for_start=True, connector=connector).status == "Blocked"
    assert authorization.authorize(charge_point, cards[1].uid, for_start=True, connector=connector).status == "Accepted"
    assert not search.in_box(driver, search.Box(-180, -90, 180, 90), search.Wanted(available=True))

    # What began before it was closed and is told late is judged by when it was.
    verdict = authorization.judge(
        authorization.identify(charge_point, cards[0].uid), charge_point, connector, for_start=True, at=now - 2 * MINUTE
    )
    assert verdict.is_accepted
    booking_rules.open_and_close(now=now + 2 * HOUR)
    charge_point.refresh_from_db()
    assert not charge_point.is_closed


def test_whose_booking_runs_may_start_at_a_charger_closed_since(driver, charge_point, connector):
    go_online(charge_point)
    card = factories.make_id_token(driver)
    move(book(driver, connector), begins=-5 * MINUTE, ends=HOUR)
    now = timezone.now()
    booking_rules.close(charge_point, begins_at=now - MINUTE, ends_at=now + HOUR)
    charge_point.refresh_from_db()

    assert authorization.authorize(charge_point, card.uid, for_start=True, connector=connector).status == "Accepted"


def test_the_owners_own_hours_are_hers(driver, owner, charge_point, connector):
    rule(charge_point, own=[{"from": "18:00", "to": "06:00"}])

    with pytest.raises(OutsideRules):
        reserve(driver, connector, at(17), at(19))
    reserve(driver, connector, at(16), at(18))
    reserve(owner, connector, at(18), at(22))


@pytest.mark.parametrize(
    ("changes", "begins", "hours", "fits"),
    [
        ({"notice_minutes": 120}, timedelta(hours=1), 1, False),
        ({"notice_minutes": 120}, timedelta(hours=3), 1, True),
        ({"ahead_days": 7}, timedelta(days=8), 1, False),
        ({"ahead_days": 7}, timedelta(days=6), 1, True),
        ({"shortest_minutes": 120}, timedelta(days=1), 1, False),
        ({"longest_minutes": 120}, timedelta(days=1), 3, False),
        ({"longest_minutes": 120}, timedelta(days=1), 2, True),
    ],
)
def test_notice_and_length(driver, owner, charge_point, connector, changes, begins, hours, fits):
    rule(charge_point, **changes)
    begins_at = timezone.now() + begins

    if fits:
        reserve(driver, connector, begins_at, begins_at + hours * HOUR)
    else:
        with pytest.raises(OutsideRules) as refusal:
            reserve(driver, connector, begins_at, begins_at + hours * HOUR)
        assert refusal.value.status == 409
        reserve(owner, connector, begins_at, begins_at + hours * HOUR)
    wanted = search.Wanted(free_from=begins_at, free_to=begins_at + hours * HOUR)
    Reservation.objects.update(status="cancelled")
    assert bool(search.in_box(driver, search.Box(-180, -90, 180, 90), wanted)) is fits


def test_the_pause_between_guests(driver, stranger, owner, charge_point, connector):
    rule(charge_point, buffer_minutes=30)
    reserve(driver, connector, at(10), at(12))

    for begins_at, ends_at in ((at(12), at(13)), (at(12, 29), at(13)), (at(8), at(9, 31))):
        with pytest.raises(SlotTaken):
            reserve(stranger, connector, begins_at, ends_at)
    wanted = search.Wanted(free_from=at(12, 15), free_to=at(13))
    assert not search.in_box(stranger, search.Box(-180, -90, 180, 90), wanted)
    reserve(stranger, connector, at(12, 30), at(13))
    reserve(driver, connector, at(9, 30), at(10))  # her own needs none
    reserve(owner, connector, at(8), at(9, 30))


def test_the_search_knows_hours_and_closures(driver, owner, charge_point, connector):
    world = search.Box(-180, -90, 180, 90)

    def found(viewer, begins_at, ends_at):
        return bool(search.in_box(viewer, world, search.Wanted(free_from=begins_at, free_to=ends_at)))

    rule(charge_point, open=[{"from": "06:00", "to": "22:00"}], own=[{"from": "12:00", "to": "13:00"}])
    assert found(driver, at(8), at(10))
    assert not found(driver, at(21), at(23))
    assert not found(driver, at(11), at(14))
    assert found(owner, at(21), at(23))
    booking_rules.close(charge_point, begins_at=at(9), ends_at=at(10))
    assert not found(driver, at(8), at(10))
    assert found(driver, at(10), at(12))


def test_what_is_left_of_a_week(driver, stranger, charge_point, connector):
    rule(charge_point, open=[{"from": "06:00", "to": "22:00"}], buffer_minutes=30)
    reserve(stranger, connector, at(10), at(12))
    connector.refresh_from_db()
    connector = type(connector).objects.select_related("charge_point").get(pk=connector.pk)

    days = free_times.week(connector, driver, at(0), now=timezone.now())

    assert len(days) == 7
    assert days[0].spans == [(at(6), at(9, 30)), (at(12, 30), at(22))]
    assert days[1].spans == [(at(6, days=3), at(22, days=3))]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"late_fee_minor": 5_001}, "late_fee_minor"),
        ({"no_show_fee_minor": -1}, "no_show_fee_minor"),
        ({"notice_minutes": 10**9}, "notice_minutes"),
        ({"buffer_minutes": 7}, "buffer_minutes"),
        ({"shortest_minutes": 600, "longest_minutes": 60}, "longest_minutes"),
        ({"approval": "never"}, "approval"),
    ],
)
def test_absurd_rules_are_refused(charge_point, changes, field):
    with pytest.raises(Invalid) as refusal:
        rule(charge_point, **changes)
    assert field in refusal.value.fields


# Who may book


def test_a_confirmed_e_mail_and_a_plate(driver, charge_point, connector):
    rule(charge_point, wants_confirmed_email=True, wants_vehicle=True)
    driver.emailaddress_set.update(verified=False)
    with pytest.raises(RequirementMissing, match="e-mail"):
        book(driver, connector)
    driver.emailaddress_set.update_or_create(email=driver.email, defaults={"verified": True, "primary": True})
    with pytest.raises(RequirementMissing, match="plate"):
        book(driver, connector)
    car = {"name": "Enyaq", "plate": "7T4 5821", "battery_wh": 77_000, "ac_limit_w": 11_000, "dc_limit_w": 0}
    vehicles.create(driver, {**car, "consumption_wh_100km": 18_000, "connector_types": ["TYPE_2"]})
    assert book(driver, connector).status == "booked"


# Requests


def test_a_request_keeps_its_slot_until_it_is_answered(driver, stranger, owner, charge_point, connector):
    rule(charge_point, approval="always")
    asked_for = book(driver, connector)

    assert asked_for.status == "requested"
    assert told(driver, Kind.RESERVATION_REQUESTED) == told(owner, Kind.RESERVATION_REQUESTED) == 1
    with pytest.raises(SlotTaken):
        book(stranger, connector)
    with pytest.raises(NotFound):
        booking_requests.approve(user=stranger, reservation=asked_for)
    with pytest.raises(NotFound):
        booking_requests.approve(user=driver, reservation=asked_for)
    booking_requests.approve(user=owner, reservation=asked_for)
    booking_requests.approve(user=owner, reservation=asked_for)  # a double click
    asked_for.refresh_from_db()
    assert asked_for.status == "booked"
    assert told(driver, Kind.RESERVATION_BOOKED) == 1
    with pytest.raises(AlreadyAnswered):
        booking_requests.reject(user=owner, reservation=asked_for)


def test_a_declined_request_frees_its_slot(driver, stranger, owner, charge_point, connector):
    rule(charge_point, approval="always")
    asked_for = book(driver, connector)

    booking_requests.reject(user=owner, reservation=asked_for)
    booking_requests.reject(user=owner, reservation=asked_for)

    asked_for.refresh_from_db()
    assert asked_for.status == "rejected"
    assert told(driver, Kind.RESERVATION_REJECTED) == 1
    assert book(stranger, connector).status == "requested"


def test_a_request_nobody_answers_expires(driver, stranger, owner, charge_point, connector):
    rule(charge_point, approval="always")
    asked_for = book(driver, connector, begins=72 * HOUR)
    assert asked_for.answer_by - asked_for.created_at <= 24 * HOUR
    Reservation.objects.update(answer_by=timezone.now() - MINUTE)

    book(stranger, connector, begins=72 * HOUR)  # at once, before the periodic job has come by
    with pytest.raises(AlreadyAnswered):
        booking_requests.approve(user=owner, reservation=asked_for)
    keep_house()
    asked_for.refresh_from_db()

    assert asked_for.status == "expired"
    assert told(driver, Kind.RESERVATION_EXPIRED) == 1
    assert told(owner, Kind.RESERVATION_EXPIRED) == 0


def test_the_charger_is_told_once_it_is_approved(driver, owner, charge_point, connector):
    go_online(charge_point)
    rule(charge_point, approval="always")
    asked_for = book(driver, connector, begins=10 * MINUTE)
    keep_house()
    assert not asked("ReserveNow")

    booking_requests.approve(user=owner, reservation=asked_for)

    assert len(asked("ReserveNow")) == 1


def test_only_the_first_bookings_of_a_person_are_asked_about(driver, owner, charge_point, connector):
    rule(charge_point, approval="first", approve_first=2)
    for number in range(2):
        one = book(driver, connector, begins=(2 + 3 * number) * HOUR)
        assert one.status == "requested"
        booking_requests.approve(user=owner, reservation=one)

    assert book(driver, connector, begins=20 * HOUR).status == "booked"
    assert book(owner, connector, begins=30 * HOUR).status == "booked"


# What it costs


def fees(charge_point, **more):
    """What staying away and cancelling late cost at a charger that has just spoken."""
    speak(charge_point)
    rule(charge_point, free_until_hours=24, late_fee_minor=5_000, no_show_fee_minor=3_000, **more)


def test_cancelling_in_time_costs_nothing(driver, charge_point, connector):
    fees(charge_point)
    one = book(driver, connector, begins=72 * HOUR)
    assert one.free_until == one.begins_at - 24 * HOUR

    reservations.cancel(user=driver, reservation=one)

    assert not ChargeDetailRecord.objects.exists()


def test_cancelling_late_costs_what_was_said_before_once(driver, owner, charge_point, connector):
    fees(charge_point)
    one = book(driver, connector, begins=72 * HOUR)
    most_minor = one.late_fee_minor
    assert 0 < most_minor <= 5_000
    move(one, begins=HOUR)
    Reservation.objects.filter(pk=one.pk).update(free_until=timezone.now() - MINUTE)
    rule(charge_point, late_fee_minor=0)  # what the owner changes later changes nothing
    before = ledger.wallet(driver).balance_minor

    reservations.cancel(user=driver, reservation=one)
    reservations.cancel(user=driver, reservation=one)

    one.refresh_from_db()
    assert ledger.wallet(driver).balance_minor == before - most_minor
    assert (one.cdr.total_minor, one.cdr.fee_minor, one.cdr.owner_minor) == (most_minor, most_minor // 10, most_minor - most_minor // 10)
    assert [line.kind for line in one.cdr.lines.all()] == ["late"]
    assert ledger.account(owner, "earnings_pending").balance_minor == one.cdr.owner_minor
    assert audit.check() == []
    [said] = Notification.objects.filter(user=driver, kind=Kind.RESERVATION_CANCELLED)
    assert said.context["fee_minor"] == most_minor


def test_an_owner_who_cancels_late_charges_nothing(driver, owner, charge_point, connector):
    fees(charge_point)
    one = book(driver, connector, begins=HOUR)
    Reservation.objects.update(free_until=timezone.now() - MINUTE)

    reservations.cancel(user=owner, reservation=one)

    assert not ChargeDetailRecord.objects.exists()


def test_who_books_late_may_think_again_for_a_quarter_of_an_hour(driver, charge_point, connector):
    fees(charge_point)
    one = book(driver, connector, begins=HOUR)

    reservations.cancel(user=driver, reservation=one)

    assert not ChargeDetailRecord.objects.exists()


def test_staying_away_costs_what_was_said_before(driver, charge_point, connector):
    go_online(charge_point)
    ChargePoint.objects.filter(pk=charge_point.pk).update(connected_at=timezone.now() - HOUR)
    fees(charge_point)
    one = move(book(driver, connector), begins=-16 * MINUTE, ends=HOUR)

    keep_house()

    one.refresh_from_db()
    assert (one.status, one.cdr.total_minor) == ("expired", 3_000)
    assert [line.kind for line in one.cdr.lines.all()] == ["no_show"]
    assert audit.check() == []


@pytest.mark.parametrize("trouble", ["offline", "faulted", "paused"])
def test_who_could_not_have_charged_pays_nothing(driver, charge_point, connector, trouble):
    if trouble != "offline":
        go_online(charge_point)
    fees(charge_point)
    one = move(book(driver, connector), begins=-16 * MINUTE, ends=HOUR)
    if trouble == "faulted":
        type(connector).objects.filter(pk=connector.pk).update(status="Faulted")
    if trouble == "paused":
        ChargePoint.objects.filter(pk=charge_point.pk).update(is_paused=True)

    keep_house()

    one.refresh_from_db()
    assert (one.status, one.cdr) == ("expired", None)


def test_fees_are_never_more_than_half_an_hour_costs(driver, owner, charge_point, connector):
    fees(charge_point)
    tariff = factories.make_tariff(owner, "1.00")
    type(connector).objects.filter(pk=connector.pk).update(tariff=tariff, max_power_w=11_000)

    one = book(driver, connector, begins=72 * HOUR)

    assert one.late_fee_minor == one.no_show_fee_minor == 550


def test_where_charging_is_free_so_is_staying_away(driver, owner, charge_point, connector):
    fees(charge_point)
    type(connector).objects.filter(pk=connector.pk).update(tariff=factories.make_tariff(owner, "0"))

    assert book(driver, connector).no_show_fee_minor == 0


# What the charger answers


@pytest.mark.parametrize("word", ["Occupied", "Faulted", "Unavailable"])
def test_both_sides_are_told_what_the_charger_cannot(driver, owner, charge_point, connector, word):
    go_online(charge_point)
    one = book(driver, connector, begins=10 * MINUTE)
    answer(asked("ReserveNow")[0], word)

    keep_house()
    keep_house()

    one.refresh_from_db()
    assert one.trouble == word
    assert told(driver, Kind.RESERVATION_TROUBLE) == told(owner, Kind.RESERVATION_TROUBLE) == 1


def test_a_charger_that_cannot_reserve_is_no_trouble(driver, charge_point, connector):
    go_online(charge_point)
    book(driver, connector, begins=10 * MINUTE)
    answer(asked("ReserveNow")[0], "Rejected")

    keep_house()

    assert told(driver, Kind.RESERVATION_TROUBLE) == 0


def test_whom_somebody_elses_car_keeps_waiting_keeps_her_slot(driver, stranger, charge_point, connector):
    go_online(charge_point)
    one = book(driver, connector, begins=10 * MINUTE, ends=3 * HOUR)
    answer(asked("ReserveNow")[0], "Occupied")
    keep_house()
    move(one, begins=-30 * MINUTE, ends=2 * HOUR)

    keep_house()

    one.refresh_from_db()
    assert one.status == "booked"
    with pytest.raises(SlotTaken):
        book(stranger, connector, begins=HOUR, ends=2 * HOUR)
    Reservation.objects.update(told_at=timezone.now() - 5 * MINUTE)
    type(connector).objects.filter(pk=connector.pk).update(status="Available", status_at=timezone.now())
    keep_house()
    assert len(asked("ReserveNow")) == 2
    answer(asked("ReserveNow")[1])
    keep_house()
    assert told(driver, Kind.RESERVATION_TROUBLE) == 2  # first that it waits, then that it is free
    one.refresh_from_db()
    assert (one.status, one.trouble) == ("booked", "Ready")
    move(one, begins=-3 * HOUR, ends=-MINUTE)
    keep_house()
    one.refresh_from_db()
    assert (one.status, one.cdr) == ("expired", None)


def test_what_a_charger_reports_meanwhile_is_not_told_over_and_over(driver, charge_point, connector):
    go_online(charge_point)
    one = book(driver, connector, begins=10 * MINUTE, ends=3 * HOUR)
    answer(asked("ReserveNow")[0], "Occupied")
    keep_house()
    Reservation.objects.update(answer="Faulted")

    for _ in range(3):
        keep_house()

    one.refresh_from_db()
    assert (one.trouble, told(driver, Kind.RESERVATION_TROUBLE)) == ("Occupied", 1)


def test_a_charger_that_is_silent_before_a_booking_is_told_of(driver, owner, charge_point, connector):
    one = move(book(driver, connector), begins=4 * MINUTE)

    keep_house()
    keep_house()

    one.refresh_from_db()
    assert one.trouble == "Offline"
    assert told(driver, Kind.RESERVATION_TROUBLE) == told(owner, Kind.RESERVATION_TROUBLE) == 1
