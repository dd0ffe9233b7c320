"""Starts and stops that a driver asks for, from button and QR code."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.translation import override

from accounts.models import Notification
from billing.ledger import CreditTooLow
from billing.models import Hold
from chargeshare.errors import Invalid, NotFound
from stations import authorization, commands, intents, sessions
from stations.models import ChargingSession, Command
from tests import factories
from tests.conftest import OPENING_CREDIT_MINOR
from tests.stations.acting import HOUR, NOON, available_minor, balance_minor, begin, go_online, session_of, stop


@pytest.fixture
def wished(charge_point, connector, driver):
    go_online(charge_point)
    return sessions.request_start(driver=driver, connector=connector)


def answer(session, status, response=None):
    command = commands.claim(session.commands.get(action="RemoteStartTransaction").pk)
    assert command is not None
    commands.record_result(command, status=status, response=response)
    session.refresh_from_db()


def test_money_is_set_aside_before_the_charger_is_asked(wished, driver):
    assert wished.status == "PENDING"
    assert wished.hold.amount_minor == 10_000
    assert available_minor(driver) == OPENING_CREDIT_MINOR - 10_000
    command = wished.commands.get()
    assert command.payload == {"connectorId": 1, "idTag": wished.id_tag}
    assert command.status == "pending"


def test_the_charger_begins_it_and_the_hold_is_the_same(wished, charge_point, driver):
    answer(wished, Command.Status.ACCEPTED, {"status": "Accepted"})
    started = begin(charge_point, wished.id_tag.lower())
    assert started.status == "Accepted"
    assert session_of(started).pk == wished.pk
    assert started.transaction_id == wished.transaction_id
    assert begin(charge_point, wished.id_tag.lower()) == started
    assert Hold.objects.count() == 1
    stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR, id_tag=wished.id_tag)
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 650
    assert session_of(started).origin == "app"


@pytest.mark.parametrize(
    ("status", "response", "reason"),
    [
        (Command.Status.ACCEPTED, {"status": "Rejected"}, intents.REFUSED),
        (Command.Status.REJECTED, {"code": "InternalError"}, intents.REFUSED),
        (Command.Status.UNANSWERED, None, intents.NO_ANSWER),
    ],
)
def test_refused_or_unanswered_nothing_is_charged(wished, driver, status, response, reason):
    answer(wished, status, response)
    with override(driver.language):
        assert (wished.status, wished.note) == ("INVALID", str(reason))
    assert available_minor(driver) == OPENING_CREDIT_MINOR
    assert Notification.objects.filter(user=driver, kind="session_failed").count() == 1


def test_a_socket_that_drops_leaves_the_wish_unanswered(wished, charge_point, driver):
    commands.claim(wished.commands.get().pk)
    commands.mark_dropped(charge_point.pk)
    wished.refresh_from_db()
    assert wished.status == "INVALID"
    assert available_minor(driver) == OPENING_CREDIT_MINOR


def test_given_up_when_no_car_connects(wished, charge_point, driver):
    answer(wished, Command.Status.ACCEPTED, {"status": "Accepted"})
    assert sessions.abandon_stale(now=timezone.now() + timedelta(seconds=149)) == 0
    assert sessions.abandon_stale(now=timezone.now() + timedelta(seconds=151)) == 1
    assert sessions.abandon_stale(now=timezone.now() + timedelta(seconds=151)) == 0
    assert available_minor(driver) == OPENING_CREDIT_MINOR
    assert begin(charge_point, wished.id_tag).status == "Invalid"


def test_called_off_before_it_began(wished, driver):
    sessions.request_stop(user=driver, session=wished)
    wished.refresh_from_db()
    assert wished.status == "INVALID"
    assert wished.commands.get().status == "unanswered"
    assert available_minor(driver) == OPENING_CREDIT_MINOR


def test_a_double_click_starts_once(wished, connector, driver):
    with pytest.raises(authorization.ConnectorBusy):
        sessions.request_start(driver=driver, connector=connector)
    assert ChargingSession.objects.count() == 1


def test_offline_and_poor(charge_point, connector, driver, stranger):
    with pytest.raises(authorization.ChargerOffline):
        sessions.request_start(driver=driver, connector=connector)
    go_online(charge_point)
    with pytest.raises(CreditTooLow):
        sessions.request_start(driver=stranger, connector=connector)
    assert not ChargingSession.objects.exists()
    assert not Hold.objects.exists()


def test_the_hold_grows_with_the_wish_up_to_the_credit(charge_point, connector, driver):
    go_online(charge_point)
    big = sessions.request_start(driver=driver, connector=connector, max_energy_wh=40_000)
    assert big.hold is not None
    assert big.hold.amount_minor == 26_000
    sessions.request_stop(user=driver, session=big)
    bigger = sessions.request_start(driver=driver, connector=connector, max_energy_wh=400_000)
    assert bigger.hold is not None
    assert bigger.hold.amount_minor == OPENING_CREDIT_MINOR


@pytest.mark.parametrize("limit", [{"max_amount_minor": 0}, {"max_energy_wh": -1}, {"until": NOON}])
def test_limits_that_let_nothing_flow(charge_point, connector, driver, limit):
    go_online(charge_point)
    with pytest.raises(Invalid):
        sessions.request_start(driver=driver, connector=connector, **limit)


def test_the_owner_starts_her_own_for_nothing(charge_point, connector, owner):
    go_online(charge_point)
    session = sessions.request_start(driver=owner, connector=connector)
    assert (session.is_free, session.hold) == (True, None)
    started = begin(charge_point, session.id_tag)
    stop(charge_point, started.transaction_id, meter=5000, at=NOON + HOUR)
    assert session_of(started).status == "COMPLETED"
    assert balance_minor(owner) == 0


def test_who_may_stop(wished, charge_point, driver, owner, staff, stranger):
    started = begin(charge_point, wished.id_tag)
    session = session_of(started)
    with pytest.raises(NotFound):
        sessions.request_stop(user=stranger, session=session)
    for person in (driver, owner, staff):
        sessions.request_stop(user=person, session=session)
    command = session.commands.get(action="RemoteStopTransaction")
    assert command.payload == {"transactionId": started.transaction_id}
    assert (command.source, command.asked_by) == ("person", driver)
    assert command.not_before is None


def test_a_stop_needs_a_charger_that_listens(wished, charge_point, driver):
    session = session_of(begin(charge_point, wished.id_tag))
    type(charge_point).objects.update(connection=None)
    with pytest.raises(authorization.ChargerOffline):
        sessions.request_stop(user=driver, session=session)


def test_stopping_what_has_ended_is_no_fault(wished, charge_point, driver):
    started = begin(charge_point, wished.id_tag)
    stop(charge_point, started.transaction_id, meter=1000, at=NOON + HOUR)
    assert sessions.request_stop(user=driver, session=session_of(started)).status == "COMPLETED"


def test_a_start_elsewhere_than_asked_is_hers_all_the_same(charge_point, wished, tariff):
    started = begin(charge_point, wished.id_tag, number=2)
    assert session_of(started).connector.number == 2


def test_the_same_tag_again_after_a_lost_stop(wished, charge_point, driver):
    first = begin(charge_point, wished.id_tag)
    second = begin(charge_point, wished.id_tag, meter=2000, at=NOON + HOUR)
    assert (first.status, second.status) == ("Accepted", "Accepted")
    assert first.transaction_id != second.transaction_id
    assert session_of(first).status == "COMPLETED"
    assert session_of(second).driver == driver


def test_cost_so_far(wished, charge_point, driver):
    assert sessions.cost_so_far_minor(wished) == 0
    started = begin(charge_point, wished.id_tag)
    ChargingSession.objects.update(energy_wh=2000)
    assert sessions.cost_so_far_minor(session_of(started)) == 1300
    stop(charge_point, started.transaction_id, meter=4000, at=NOON + HOUR)
    assert sessions.cost_so_far_minor(session_of(started)) == 1950


def test_card_of_another_person_at_a_pending_outlet(wished, charge_point, stranger):
    """Somebody else taps first: hers goes on waiting until it is given up."""
    factories.give_credit(stranger, 20_000)
    factories.make_id_token(stranger, "04CCCCCC")
    assert begin(charge_point, "04CCCCCC").status == "Accepted"
    wished.refresh_from_db()
    assert wished.status == "PENDING"
