"""What the ring measures and when a session will be done."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stations import sessions
from stations.models import ChargingSession
from stations.progress import Progress, Target
from tests import factories
from tests.stations.acting import begin, go_online, session_of


@pytest.fixture
def place(charge_point):
    return go_online(charge_point)


@pytest.fixture
def charging(place, driver):
    started = begin(place, factories.make_id_token(driver).uid, at=timezone.now() - timedelta(minutes=30))
    return changed(session_of(started), energy_wh=5000, power_w=10_000)


def changed(session, **fields):
    ChargingSession.objects.filter(pk=session.pk).update(**fields)
    return ChargingSession.objects.get(pk=session.pk)


def test_the_drivers_own_wish_comes_first(charging):
    """Energy before money before the battery before the credit."""
    assert Progress(charging).target == Target.CREDIT
    assert Progress(charging).percent == 3250 * 100 // 50_000
    charging = changed(charging, soc_percent=57)
    assert (Progress(charging).target, Progress(charging).percent) == (Target.BATTERY, 57)
    charging = changed(charging, max_amount_minor=10_000)
    assert (Progress(charging).target, Progress(charging).percent) == (Target.AMOUNT, 32)
    charging = changed(charging, max_energy_wh=20_000)
    assert (Progress(charging).target, Progress(charging).percent) == (Target.ENERGY, 25)


def test_without_a_limit_the_ring_shows_the_power(place, owner):
    """The owner at her own charger has nothing to run out of."""
    session = sessions.request_start(driver=owner, connector=place.connectors.get())
    session = changed(session, status="ACTIVE", started_at=timezone.now(), power_w=5500)

    progress = Progress(session)

    assert progress.amount_cap is None
    assert (progress.target, progress.percent) == (Target.POWER, 50)
    assert progress.done_at is None


def test_when_it_will_be_done(charging):
    assert Progress(charging).done_at is None
    progress = Progress(changed(charging, max_energy_wh=20_000))
    assert progress.done_at == progress.now + timedelta(minutes=90)
    until = timezone.now() + timedelta(minutes=10)
    assert Progress(changed(charging, until=until)).done_at == until
    assert Progress(changed(charging, until=None, power_w=1)).done_at is None
    assert Progress(changed(charging, power_w=None)).done_at is None


def test_a_charger_that_tells_nothing_while_it_charges_is_no_riddle(charging, client, driver):
    client.force_login(driver)
    assert Progress(charging).has_no_data
    assert "No live data." in client.get(charging.get_absolute_url()).content.decode()
    assert not Progress(changed(charging, start_received_at=timezone.now())).has_no_data, "it has only just begun"
    told = changed(charging, last_received_at=timezone.now(), start_received_at=charging.start_received_at)
    assert not Progress(told).has_no_data
    assert "No live data." not in client.get(charging.get_absolute_url()).content.decode()


def test_others_learn_nothing_of_the_credit(charging):
    progress = Progress(charging, shows_credit=False)

    assert progress.amount_cap is None
    assert progress.target == Target.POWER


def test_a_charger_that_prepares_because_it_was_asked_does_not_prove_a_cable(place, driver):
    connector = place.connectors.get()
    connector.status, connector.status_at = "Preparing", timezone.now() - timedelta(minutes=1)
    connector.save()
    session = sessions.request_start(driver=driver, connector=connector)
    assert Progress(session).is_plugged_in

    connector.status_at = timezone.now()
    connector.save()
    assert not Progress(changed(session)).is_plugged_in
    connector.status = "Charging"
    connector.save()
    assert Progress(changed(session)).is_plugged_in
