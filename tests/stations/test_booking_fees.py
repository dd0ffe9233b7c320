"""What it costs to stay away or to call off late, in the cases in which somebody would gain by it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import closing
from accounts.models import User
from billing import audit, disputes
from billing.models import ChargeDetailRecord, Dispute, LedgerAccount
from chargeshare.errors import DomainError
from ocpp_core.models import OcppFrame
from stations import booking_requests, reservations
from stations.booking_rules import OutsideRules
from stations.models import ChargePoint, ChargingSession, Connector, Reservation
from tests import factories
from tests.stations.acting import HOUR, MINUTE, go_online, speak
from tests.stations.test_booking_rules import fees, rule
from tests.stations.test_reservations import book, keep_house, move


@pytest.fixture
def late(driver, charge_point, connector):
    """A booking that begins in an hour and that can no longer be cancelled for nothing."""
    fees(charge_point)
    one = move(book(driver, connector, begins=72 * HOUR), begins=HOUR, ends=3 * HOUR)
    Reservation.objects.filter(pk=one.pk).update(free_until=timezone.now() - MINUTE)
    one.refresh_from_db()
    return one


def test_making_a_late_booking_longer_makes_cancelling_no_cheaper(driver, late):
    reservations.change(user=driver, reservation=late, begins_at=late.begins_at, ends_at=late.ends_at + HOUR)

    reservations.cancel(user=driver, reservation=late)

    assert ChargeDetailRecord.objects.get().total_minor == late.late_fee_minor


def test_a_late_booking_is_not_turned_into_a_request_that_costs_nothing(driver, owner, charge_point, late):
    rule(charge_point, approval="always")

    with pytest.raises(OutsideRules):
        reservations.change(user=driver, reservation=late, begins_at=late.begins_at, ends_at=late.ends_at + HOUR)

    late.refresh_from_db()
    assert late.status == "booked"


def test_a_booking_that_is_not_late_asks_again_where_the_host_wants_it(driver, owner, charge_point, connector):
    fees(charge_point)
    one = book(driver, connector, begins=72 * HOUR)
    rule(charge_point, approval="always")

    reservations.change(user=driver, reservation=one, begins_at=one.begins_at, ends_at=one.ends_at + HOUR)
    booking_requests.approve(user=owner, reservation=one)

    one.refresh_from_db()
    assert (one.status, one.free_until) == ("booked", one.begins_at - 24 * HOUR)


@pytest.mark.parametrize("status", ["Finishing", "Preparing", "Charging", "SuspendedEV"])
def test_where_a_cable_is_plugged_in_nobody_has_stayed_away(driver, charge_point, connector, status):
    go_online(charge_point)
    fees(charge_point)
    one = move(book(driver, connector), begins=-16 * MINUTE, ends=HOUR)
    Connector.objects.filter(pk=connector.pk).update(status=status)

    keep_house()

    one.refresh_from_db()
    assert (one.status, one.cdr) == ("expired", None)


def test_whom_the_host_lets_in_no_more_has_not_stayed_away(driver, charge_point, connector):
    go_online(charge_point)
    fees(charge_point)
    one = move(book(driver, connector), begins=-16 * MINUTE, ends=HOUR)
    ChargePoint.objects.filter(pk=charge_point.pk).update(access=ChargePoint.Access.PRIVATE)

    keep_house()

    one.refresh_from_db()
    assert (one.status, one.cdr) == ("expired", None)


@pytest.mark.parametrize("profile", [ChargePoint.SecurityProfile.NONE, ChargePoint.SecurityProfile.BASIC])
def test_fees_at_a_charger_without_a_password_wait_like_its_sessions(driver, charge_point, connector, profile):
    missed(driver, charge_point, connector)
    ChargePoint.objects.filter(pk=charge_point.pk).update(security_profile=profile)

    keep_house()

    assert ChargeDetailRecord.objects.get().is_unproven == (profile == ChargePoint.SecurityProfile.NONE)


def test_nobody_leaves_with_a_fee_to_pay(charge_point, connector):
    fees(charge_point)
    guest = factories.make_user("Poor Guest")
    one = move(book(guest, connector, begins=72 * HOUR), begins=HOUR, ends=3 * HOUR)
    Reservation.objects.filter(pk=one.pk).update(free_until=timezone.now() - MINUTE)

    with pytest.raises(DomainError) as refused:
        closing.close_account(guest)

    assert "booking" in str(refused.value.message).lower()
    assert User.objects.get(pk=guest.pk).closed_at is None
    assert not LedgerAccount.objects.filter(user=guest, kind="debt", balance_minor__lt=0).exists()
    assert Reservation.objects.get(pk=one.pk).status == "booked"


def missed(driver, charge_point, connector):
    """A booking at a charger that was there all the time, and whose grace is over."""
    go_online(charge_point)
    ChargePoint.objects.filter(pk=charge_point.pk).update(connected_at=timezone.now() - HOUR)
    fees(charge_point)
    return move(book(driver, connector), begins=-16 * MINUTE, ends=HOUR)


def test_a_charger_that_was_away_in_part_of_the_grace_costs_nothing(driver, charge_point, connector):
    one = missed(driver, charge_point, connector)
    ChargePoint.objects.filter(pk=charge_point.pk).update(connected_at=one.begins_at + MINUTE)

    keep_house()

    one.refresh_from_db()
    assert (one.status, one.cdr) == ("expired", None)


@pytest.mark.parametrize(
    ("minutes_ago", "heartbeat_s", "costs"),
    [(None, 300, False), (20, 300, False), (15, 300, True), (1, 300, True), (20, 3600, True), (150, 3600, False)],
)
def test_a_charger_that_was_silent_costs_nothing_though_its_socket_stood(
    driver, charge_point, connector, settings, minutes_ago, heartbeat_s, costs
):
    """It pings; whether anything works behind that nobody knows. One that is to speak every hour is given two."""
    settings.OCPP_HEARTBEAT_S = heartbeat_s
    one = missed(driver, charge_point, connector)
    OcppFrame.objects.all().delete()
    if minutes_ago is not None:
        speak(charge_point, at=timezone.now() - minutes_ago * MINUTE)

    keep_house()

    one.refresh_from_db()
    assert (one.status, one.cdr is not None) == ("expired", costs)


@pytest.mark.parametrize(("answer", "costs"), [("", False), ("NotSupported", True), ("Accepted", True)])
def test_a_charger_that_never_answered_when_it_was_told_of_her_costs_nothing(driver, charge_point, connector, answer, costs):
    one = missed(driver, charge_point, connector)
    Reservation.objects.filter(pk=one.pk).update(told_times=2, answer=answer)

    keep_house()

    one.refresh_from_db()
    assert (one.status, one.cdr is not None) == ("expired", costs)


@pytest.mark.parametrize(("trouble", "costs"), [("Faulted", False), ("Offline", False), ("Occupied", False), ("Ready", True)])
def test_cancelling_costs_nothing_while_the_charger_cannot_keep_its_word(driver, late, trouble, costs):
    Reservation.objects.filter(pk=late.pk).update(trouble=trouble)

    reservations.cancel(user=driver, reservation=late)

    assert ChargeDetailRecord.objects.exists() == costs


@pytest.mark.parametrize(("begun", "costs"), [(timedelta(minutes=2), False), (-HOUR, True)])
def test_who_charged_at_the_other_outlet_of_the_box_was_there(driver, charge_point, connector, begun, costs):
    one = missed(driver, charge_point, connector)
    other = Connector.objects.create(charge_point=charge_point, number=2, status="Charging")
    ChargingSession.objects.create(
        charge_point=charge_point,
        connector=other,
        driver=driver,
        owner=charge_point.owner,
        status="COMPLETED",
        start_received_at=one.begins_at + begun,
    )

    keep_house()

    one.refresh_from_db()
    assert (one.status, one.cdr is not None) == ("expired", costs)


def test_a_start_at_the_other_outlet_that_never_began_is_no_visit(driver, charge_point, connector):
    one = missed(driver, charge_point, connector)
    other = Connector.objects.create(charge_point=charge_point, number=2, status="Available")
    ChargingSession.objects.create(charge_point=charge_point, connector=other, driver=driver, owner=charge_point.owner, status="INVALID")

    keep_house()

    one.refresh_from_db()
    assert one.cdr is not None


def test_a_fee_is_disputed_from_the_page_of_the_booking(client, driver, stranger, staff, charge_point, connector):
    one = missed(driver, charge_point, connector)
    keep_house()
    one.refresh_from_db()
    url = reverse("stations:dispute_open", args=[one.code])
    client.force_login(driver)
    assert url in client.get(one.get_absolute_url()).content.decode()
    assert "no energy" not in client.get(url).content.decode()

    client.post(url, {"reason": "came", "text": "I stood before a locked gate."})
    again = client.post(url, {"reason": "came", "text": "Twice."})

    dispute = Dispute.objects.get()
    assert again["Location"] == dispute.get_absolute_url()
    assert (dispute.cdr, dispute.disputed_minor) == (one.cdr, one.cdr.total_minor)
    assert dispute.evidence["booking"]["begins_at"]
    assert url not in client.get(one.get_absolute_url()).content.decode()
    client.force_login(staff)
    case = client.get(reverse("admin:billing_dispute_case", args=[dispute.code]))
    assert dispute.evidence["booking"]["begins_at"] in case.content.decode()
    disputes.decide(staff, dispute, returned_minor=one.cdr.total_minor, decision="The gate was locked.")
    assert audit.check() == []
    client.force_login(stranger)
    assert client.get(url).status_code == 404
