"""Limits that a driver sets while she charges: they hold from then on, and cannot be set to what has passed."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from billing import instruments
from billing.models import TopUp
from chargeshare.errors import DomainError, Invalid, NotFound
from stations import limits, readings, sessions
from stations.models import ChargingSession, Command, PrepaidStart
from stations.readings import Incoming
from tests import factories
from tests.stations.acting import NOON, begin, go_online, reading, session_of
from tests.stations.test_api_sessions import client_of

NONE: dict[str, Any] = {"max_amount_minor": None, "max_energy_wh": None, "until": None}


@pytest.fixture
def running(driver, charge_point):
    """A session that has given 2 kWh."""
    factories.give_credit(driver, 50_000)
    go_online(charge_point)
    started = begin(charge_point, factories.make_id_token(driver).uid, at=NOON, received_at=timezone.now())
    readings.store([Incoming(charge_point.pk, 1, started.transaction_id, (reading(20, 3_000),), timezone.now())])
    return session_of(started)


def address(session):
    return reverse("stations:session_limits", args=[session.code])


def test_a_limit_set_on_the_way_ends_it(driver, charge_point, running):
    sessions.change_limits(user=driver, session=running, **NONE | {"max_energy_wh": 3_000})
    assert not Command.objects.filter(action="RemoteStopTransaction").exists()

    readings.store([Incoming(charge_point.pk, 1, running.transaction_id, (reading(40, 4_100),), timezone.now())])

    assert Command.objects.filter(action="RemoteStopTransaction").exists()
    running.refresh_from_db()
    assert running.note


def test_a_limit_taken_back_holds_no_longer(driver, running):
    sessions.change_limits(user=driver, session=running, **NONE | {"max_energy_wh": 3_000, "max_amount_minor": 5_000})
    before = session_of(_named(running))
    sessions.change_limits(user=driver, session=running, **NONE)

    after = session_of(_named(running))
    assert (before.max_energy_wh, after.max_energy_wh, after.max_amount_minor) == (3_000, None, None)
    assert before.stop_at_wh is not None
    assert before.stop_at_wh <= 3_000
    assert after.stop_at_wh is None or after.stop_at_wh > 3_000


def _named(session):
    return type("Named", (), {"transaction_id": session.transaction_id})


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"max_energy_wh": 2_000}, "max_energy_wh"),
        ({"max_energy_wh": 0}, "max_energy_wh"),
        ({"max_amount_minor": 100}, "max_amount"),
        ({"max_amount_minor": -1}, "max_amount"),
        ({"until": NOON}, "until"),
        ({"until_percent": 80}, "until_percent"),
    ],
)
def test_what_has_passed_is_no_limit(driver, running, wish, field):
    with pytest.raises(Invalid) as refused:
        sessions.change_limits(user=driver, session=running, **NONE | wish)

    assert field in refused.value.fields
    running.refresh_from_db()
    assert (running.max_energy_wh, running.max_amount_minor, running.until) == (None, None, None)


def test_to_a_percent_that_the_charger_can_count(driver, running):
    car = factories.make_vehicle(driver, battery_wh=50_000)
    ChargingSession.objects.filter(pk=running.pk).update(vehicle=car, soc_percent=40)

    sessions.change_limits(user=driver, session=running, **NONE, until_percent=60)

    running.refresh_from_db()
    assert running.until_percent == 60
    assert running.max_energy_wh is not None
    assert running.max_energy_wh >= running.energy_wh + 10_000
    with pytest.raises(Invalid):
        sessions.change_limits(user=driver, session=running, **NONE, until_percent=30)


def test_nobody_elses_and_nothing_that_has_ended(driver, owner, stranger, staff, running):
    for somebody in (owner, stranger, staff):
        with pytest.raises(NotFound):
            sessions.change_limits(user=somebody, session=running, **NONE)
    sessions.request_stop(user=driver, session=running)
    with pytest.raises(DomainError) as refused:
        sessions.change_limits(user=driver, session=running, **NONE)
    assert refused.value.code == "session_over"


def test_a_payment_for_one_visit_stays_its_limit(driver, running):
    PrepaidStart.objects.create(driver=driver, connector=running.connector, session=running, amount_minor=20_000, status="started")

    for wish in (None, 90_000):
        sessions.change_limits(user=driver, session=running, **NONE | {"max_amount_minor": wish})
        assert limits.cap_minor(session_of(_named(running))) == 20_000


def test_the_page(client, driver, stranger, running):
    client.force_login(stranger)
    assert client.get(address(running)).status_code == 404
    client.force_login(driver)
    assert address(running) in client.get(running.get_absolute_url()).content.decode()
    assert client.get(address(running)).status_code == 200

    at = timezone.localtime() + timedelta(hours=2)
    client.post(address(running), {"max_amount": "150", "max_energy_kwh": "12,5", "until": f"{at:%H:%M}"})

    running.refresh_from_db()
    assert (running.max_amount_minor, running.max_energy_wh) == (15_000, 12_500)
    assert running.until == at.replace(second=0, microsecond=0)
    page = client.get(address(running)).content.decode()
    assert all(f'value="{value}"' in page for value in ("150", "12.5", f"{at:%H:%M}"))
    for bad in ({"until": "25:99"}, {"max_energy_kwh": "-"}, {"max_amount": "0"}):
        client.post(address(running), bad)
        running.refresh_from_db()
        assert running.max_amount_minor == 15_000


def test_over_http(driver, stranger, running):
    path = f"/api/v1/sessions/{running.code}/limits/"

    assert client_of(driver).post(path, {"max_amount": "150.00", "max_energy_wh": 9_000}, format="json").status_code == 200
    assert client_of(driver).post(path, {"max_energy_wh": 1_000}, format="json").status_code == 400
    assert client_of(stranger).post(path, {}, format="json").status_code == 404
    running.refresh_from_db()
    assert (running.max_amount_minor, running.max_energy_wh) == (15_000, 9_000)


def test_a_start_until_a_time(client, driver, charge_point, connector):
    go_online(charge_point)
    client.force_login(driver)
    at = timezone.localtime() - timedelta(minutes=1)  # the next time clocks show it is tomorrow

    client.post(reverse("stations:session_start", args=[charge_point.code, 1]), {"until": f"{at:%H:%M}"})

    session = ChargingSession.objects.get()
    assert session.until is not None
    assert session.until > timezone.now()


def test_a_guest_picks_how_to_pay(client, charge_point, connector):
    go_online(charge_point)
    instruments.ask(now=timezone.now())
    path = reverse("stations:prepay", args=[charge_point.code, 1])
    first = instruments.enabled()[0]
    assert f"?pay={first.code}" in client.get(path).content.decode()
    assert f'name="instrument" value="{first.code}"' in client.get(f"{path}?pay={first.code}").content.decode()

    client.post(path, {"amount": "200", "email": "guest@example.org", "instrument": first.code})

    assert TopUp.objects.get().prepaid_start.amount_minor == 20_000
