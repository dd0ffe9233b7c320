"""What an owner, or a driver, is told about a charger that does what it should not."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.translation import override

from accounts.models import Notification
from stations import alarms, readings, sessions
from stations.models import ChargingSession, Command, QuarantinedMessage
from stations.readings import Incoming
from tests import factories
from tests.stations.acting import HOUR, MINUTE, NOON, begin, go_online, reading, session_of, stop

pytestmark = pytest.mark.django_db
Kind = Notification.Kind


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, "04A2B3C4D5E680").uid


def told(user, kind=Kind.CHARGER_ALERT):
    return [one.context["reason"] for one in Notification.objects.filter(user=user, kind=kind)]


def in_her_language(user, reason):
    with override(user.language):
        return str(reason)


def short_session(charge_point, card, at, *, seconds=15, more_wh=0, reason="Local"):
    started = begin(charge_point, card, at=at)
    stop(charge_point, started.transaction_id, meter=1000 + more_wh, at=at + timedelta(seconds=seconds), reason=reason)
    return session_of(started)


# The contactor opens at once


def test_two_sessions_in_a_row_that_end_at_once(charge_point, card, owner):
    short_session(charge_point, card, NOON)
    assert not alarms.opens_at_once(charge_point, now=NOON)
    assert short_session(charge_point, card, NOON + MINUTE).cdr.total_minor == 0
    for _again in range(2):
        assert alarms.opens_at_once(charge_point, now=timezone.now())
    assert told(owner) == [in_her_language(owner, alarms.NEEDS_WSS)]


@pytest.mark.parametrize("second", [{"seconds": 300}, {"more_wh": 25}, {"reason": "EVDisconnected"}, {"reason": "Remote"}])
def test_one_that_ended_otherwise_says_nothing_about_it(charge_point, card, owner, second):
    short_session(charge_point, card, NOON)
    short_session(charge_point, card, NOON + MINUTE, **second)
    assert not alarms.opens_at_once(charge_point, now=timezone.now())
    assert told(owner) == []


# Energy goes on flowing after the end


def after_the_end(charge_point, session, minutes, register):
    said = Incoming(charge_point.pk, 1, session.transaction_id, (reading(minutes, register),), NOON + timedelta(minutes=minutes))
    readings.store([said])


def stops_asked(session):
    return Command.objects.filter(session=session, action="RemoteStopTransaction").count()


@pytest.fixture
def ended(charge_point, card):
    go_online(charge_point)
    started = begin(charge_point, card)
    stop(charge_point, started.transaction_id, meter=4000, at=NOON + 30 * MINUTE)
    return session_of(started)


def test_what_flows_after_the_stop_alerts_the_owner_and_is_stopped_again(charge_point, ended, owner):
    before = ended.cdr.total_minor
    after_the_end(charge_point, ended, 35, 4500)
    after_the_end(charge_point, ended, 36, 4700)
    assert stops_asked(ended) == 1, "not twice within a minute"
    assert told(owner) == [in_her_language(owner, alarms.FLOWS_ON)]
    ended.refresh_from_db()
    assert (ended.status, ended.energy_wh, ended.cdr.total_minor) == ("COMPLETED", 3000, before)


@pytest.mark.parametrize("register", [3900, 4000, 4050, 900_000])
def test_a_late_reading_or_a_broken_one_alerts_nobody(charge_point, ended, owner, register):
    after_the_end(charge_point, ended, 35, register)
    assert (stops_asked(ended), told(owner)) == (0, [])


def test_what_the_next_driver_uses_is_hers(charge_point, ended, owner, stranger):
    factories.give_credit(stranger, 50_000)
    begin(charge_point, factories.make_id_token(stranger, "0A0B0C0D").uid, meter=4000, at=NOON + 31 * MINUTE)
    after_the_end(charge_point, ended, 40, 4500)
    assert (stops_asked(ended), told(owner)) == (0, [])


# No energy for ten minutes


@pytest.fixture
def idle(charge_point, card):
    at = timezone.now() - timedelta(minutes=12)
    started = begin(charge_point, card, at=at)
    for minutes in (1, 2):
        said = reading(0, 1000)
        moved = type(said)(at + minutes * MINUTE, said.samples)
        readings.store([Incoming(charge_point.pk, 1, started.transaction_id, (moved,), at + minutes * MINUTE)])
    return session_of(started)


def test_a_driver_is_told_once_that_nothing_flows(idle, driver, owner):
    now = timezone.now()
    assert sessions.tell_of_no_energy(now=now - 3 * MINUTE) == 0
    assert sessions.tell_of_no_energy(now=now) == 1
    assert sessions.tell_of_no_energy(now=now) == 0
    assert len(told(driver, Kind.SESSION_FAILED)) == 1
    assert told(owner) == [in_her_language(owner, alarms.NOTHING_FLOWS)]


def test_the_owner_hears_nothing_of_a_car_that_waits(idle, driver, owner, connector):
    type(connector).objects.update(status="SuspendedEV")
    assert sessions.tell_of_no_energy(now=timezone.now()) == 1
    assert told(driver, Kind.SESSION_FAILED)
    assert told(owner) == []


def test_nobody_is_told_while_it_charges_or_when_it_is_too_late(idle):
    assert sessions.tell_of_no_energy(now=timezone.now() + HOUR) == 0
    ChargingSession.objects.update(energy_wh=150)
    assert sessions.tell_of_no_energy(now=timezone.now()) == 0


# A stop that comes before its start


def kept_stop(charge_point, number, *, meter=4000, minutes=30, **more):
    at = NOON + timedelta(minutes=minutes)
    stop(charge_point, number, meter=meter, at=at, **{"received_at": NOON + HOUR, **more})


def begin_late(charge_point, card, **more):
    return session_of(begin(charge_point, card, received_at=NOON + HOUR + MINUTE, **more))


@pytest.mark.parametrize("number", [None, 77])
def test_a_stop_before_its_start_is_paired_when_the_start_arrives(charge_point, card, driver, number):
    kept_stop(charge_point, number, id_tag=card, readings=(reading(10, 2000),))
    session = begin_late(charge_point, card)
    assert (session.status, session.energy_wh, session.started_at, session.stopped_at) == ("COMPLETED", 3000, NOON, NOON + 30 * MINUTE)
    assert session.cdr.total_minor == 1950
    assert session.meter_values.count() == 1
    assert QuarantinedMessage.objects.get().resolved_at is not None

    again = begin_late(charge_point, card)
    kept_stop(charge_point, number, id_tag=card, readings=(reading(10, 2000),))
    assert again == session
    assert QuarantinedMessage.objects.count() == 1
    assert ChargingSession.objects.count() == 1


def test_each_start_takes_the_first_stop_after_it(charge_point, card):
    kept_stop(charge_point, None, meter=6000, minutes=50)
    kept_stop(charge_point, None, meter=4000, minutes=20)
    first = begin_late(charge_point, card)
    second = begin_late(charge_point, card, meter=4000, at=NOON + 25 * MINUTE)
    assert [(one.energy_wh, one.status) for one in (first, second)] == [(3000, "COMPLETED"), (2000, "COMPLETED")]


@pytest.mark.parametrize(
    "said", [{"meter": 900}, {"meter": 500_000}, {"id_tag": "SOMEBODYELSE"}, {"minutes": -5}], ids=["meter", "leap", "card", "time"]
)
def test_a_stop_that_does_not_fit_stays_where_it_is(charge_point, card, said):
    kept_stop(charge_point, None, **said)
    assert begin_late(charge_point, card).status == "ACTIVE"
    assert QuarantinedMessage.objects.get().resolved_at is None


def test_a_stop_that_is_older_than_a_month_is_not_looked_for(charge_point, card):
    kept_stop(charge_point, None)
    QuarantinedMessage.objects.update(received_at=NOON - timedelta(days=31))
    assert begin_late(charge_point, card).status == "ACTIVE"
