"""A session and the car it was for: stopped at a percent, chosen in the history, summed up by the year."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from chargeshare.errors import Invalid, NotFound
from stations import export, history, sessions, totals
from stations.models import ChargingSession
from stations.sessions import Car, SessionTooSmall
from tests import factories
from tests.stations.acting import begin, go_online, session_of, stop


@pytest.fixture
def car(driver):
    return factories.make_vehicle(driver)


@pytest.fixture
def online(charge_point):
    return go_online(charge_point)


def charged(place, card, at, wh=9_000):
    started = begin(place, card.uid, meter=1_000, at=at)
    stop(place, started.transaction_id, meter=1_000 + wh, at=at + timedelta(hours=1), reason="EVDisconnected")
    return session_of(started)


@pytest.mark.parametrize(
    ("limits", "percents", "energy_wh"),
    [
        ({}, (50, 80), 25_667),
        ({"max_energy_wh": 10_000}, (50, 80), 10_000),
        ({"max_energy_wh": 60_000}, (50, 80), 25_667),
        ({}, None, None),
    ],
)
def test_a_percent_becomes_an_energy(driver, car, online, connector, limits, percents, energy_wh):
    session = sessions.request_start(driver=driver, connector=connector, car=Car(car, percents), **limits)

    assert (session.max_energy_wh, session.vehicle) == (energy_wh, car)
    assert session.until_percent == (percents[1] if percents else None)


def test_percents_that_make_no_sense_set_nothing_aside(driver, stranger, car, online, connector):
    for arguments, refusal in (
        ({"car": Car(car, (80, 20))}, Invalid),
        ({"car": Car(factories.make_vehicle(stranger))}, NotFound),
        ({"car": Car(car, (20, 80)), "max_energy_wh": -1}, SessionTooSmall),
    ):
        with pytest.raises(refusal):
            sessions.request_start(driver=driver, connector=connector, **arguments)
    with pytest.raises(Invalid):
        Car.of(None, (20, 80))
    assert not ChargingSession.objects.exists()
    assert not driver.holds.exists()


def test_stop_at_a_percent_from_the_page_and_over_the_api(client, driver, car, online, connector):
    client.force_login(driver)
    address = reverse("stations:session_start", args=[online.code, connector.number])
    for wrong in ("lots", "101", "10"):
        client.post(address, {"vehicle": str(car.code), "from_percent": "40", "until_percent": wrong})
    assert not ChargingSession.objects.exists()
    assert client.post(address, {"vehicle": "00000000-0000-0000-0000-000000000000"}).status_code == 404

    client.post(address, {"vehicle": str(car.code), "from_percent": "40", "until_percent": "80"})
    session = ChargingSession.objects.get()
    assert (session.max_energy_wh, session.until_percent) == (34_222, 80)
    sessions.request_stop(user=driver, session=session)

    wish = {"connector": f"{online.code}/{connector.number}", "vehicle": str(car.code), "until_percent": 80}
    refused = client.post("/api/v1/sessions/", wish, content_type="application/json")
    assert (refused.status_code, list(refused.json()["fields"])) == (400, ["until_percent"])
    made = client.post("/api/v1/sessions/", {**wish, "from_percent": 60}, content_type="application/json")
    assert (made.status_code, made.json()["vehicle"]) == (202, str(car.code))
    assert ChargingSession.objects.get(code=made.json()["code"]).max_energy_wh == 17_111


def test_the_owner_does_not_learn_the_car(client, driver, owner, car, online, connector):
    session = sessions.request_start(driver=driver, connector=connector, car=Car(car, (20, 80)))

    client.force_login(owner)
    assert client.get(f"/api/v1/sessions/{session.code}/").json()["vehicle"] is None
    assert "vehicle__name" not in export.everything_about(owner)["hosted_sessions"][0]
    assert export.everything_about(driver)["sessions"][0]["vehicle__name"] == "Škoda Enyaq 80"


def test_a_session_by_card_is_given_its_car_afterwards_and_found_by_it(client, driver, stranger, car, online):
    card = factories.make_id_token(driver)
    at = timezone.now() - timedelta(days=3)
    first, second = charged(online, card, at), charged(online, card, at + timedelta(days=1))
    client.force_login(driver)

    chosen = client.post(reverse("stations:session_vehicle", args=[first.code]), {"vehicle": str(car.code)})

    assert chosen.status_code == 302
    page = client.get("/sessions/", {"vehicle": str(car.code)})
    assert [session.pk for session in page.context["page"]] == [first.pk]
    taken = client.get("/sessions/history.csv", {"vehicle": str(car.code)}).content.decode("utf-8-sig")
    assert taken.count("Škoda Enyaq 80") == 1
    assert client.get("/sessions/history.json").json()["sessions"][0]["vehicle"] == "Škoda Enyaq 80"
    for code in (str(factories.make_vehicle(stranger).code), "nonsense"):
        assert not history.of(driver, history.Wanted.read({"vehicle": code})).exists()
        assert client.post(reverse("stations:session_vehicle", args=[second.code]), {"vehicle": code}).status_code == 404
    client.force_login(stranger)
    assert client.post(reverse("stations:session_vehicle", args=[first.code]), {"vehicle": ""}).status_code == 404


def test_a_year_of_charging(client, driver, car, online, settings):
    settings.GRID_CO2_G_PER_KWH, settings.PETROL_CO2_G_PER_KM = 400, 150
    card = factories.make_id_token(driver)
    now = timezone.now()
    first, second = charged(online, card, now - timedelta(hours=5)), charged(online, card, now - timedelta(hours=3))
    began = timezone.localdate(first.started_at)
    ChargingSession.objects.filter(pk__in=[first.pk, second.pk]).update(started_at=first.started_at)
    sessions.choose_vehicle(user=driver, session=first, vehicle=car)

    found = totals.of_year(driver, began.year)

    assert (found.total.sessions, found.total.energy_wh, found.total.cost_minor) == (2, 18_000, 11_700)
    # nine tenths of 9 kWh are in the battery and make 45 km
    assert (found.by_vehicle[car].metres, found.by_vehicle[car].saved_g) == (45_000, 45 * 150 - 9 * 400)
    assert found.by_month[began.replace(day=1)].average_minor == 650
    assert set(found.by_vehicle) == {car, None}
    client.force_login(driver)
    page = client.get("/sessions/statistics/", {"year": str(began.year)}, HTTP_ACCEPT_LANGUAGE="en")
    assert page.context["found"].total.cost_minor == 11_700
    assert "<svg" in page.content.decode()
    assert client.get("/sessions/statistics/", {"year": "1900"}).status_code == 404
    assert client.get("/sessions/statistics/", {"year": "x"}).status_code == 200


def test_statistics_without_a_session(client, stranger):
    client.force_login(stranger)
    page = client.get("/sessions/statistics/")
    assert (page.status_code, page.context["found"].total.average_minor) == (200, None)
    assert Decimal(page.context["found"].total.cost_minor) == 0
