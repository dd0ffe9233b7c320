"""The chargers near a place in the order a driver wants them over the interface."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stations.models import Connector, Reliability
from tests import factories
from tests.stations.test_api_sessions import client_of

URL = "/api/v1/charge-points/?near=49.9387,17.9026"


@pytest.fixture
def three(owner):
    """The near one has a price for the start, the farther ones are cheap: one by the kWh, one for short visits only."""
    rows = [
        ("Near", "49.9400", {"price_per_kwh": "9.00"}),
        ("Middle", "49.9900", {"price_per_kwh": "5.00", "session_fee": "100"}),
        ("Far", "50.1000", {"price_per_kwh": "7.00"}),
    ]
    found = [
        factories.make_charge_point(owner, name=name, latitude=at, tariff=factories.make_tariff(owner, **tariff))
        for name, at, tariff in rows
    ]
    for charge_point, starts_worked in zip(found[1:], (10, 5), strict=True):
        Reliability.objects.create(
            charge_point=charge_point,
            counted_at=timezone.now(),
            watched_s=int(timedelta(days=10).total_seconds()),
            online_s=int(timedelta(days=10).total_seconds()),
            starts=10,
            starts_worked=starts_worked,
        )
    return found


def names(answer):
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("", ["Near", "Middle", "Far"]),
        ("&ordering=distance", ["Near", "Middle", "Far"]),
        ("&ordering=price&energy_wh=20000", ["Far", "Near", "Middle"]),
        ("&ordering=price&energy_wh=100000", ["Middle", "Far", "Near"]),
        ("&ordering=reliability", ["Middle", "Far", "Near"]),
    ],
)
def test_what_comes_first(three, query, order):
    assert names(client_of().get(URL + query)) == order


def test_the_total_is_for_my_car(three, driver):
    api = client_of(driver)
    row = api.get(f"{URL}&energy_wh=20000").json()["results"][0]
    assert (row["estimate"]["total"], row["estimate"]["energy_wh"]) == ({"amount": "180.00", "currency": "CZK"}, 20_000)
    car = factories.make_vehicle(driver)
    row = api.get(f"{URL}&from_percent=50&to_percent=100").json()["results"][0]
    assert row["estimate"]["energy_wh"] >= car.battery_wh // 2
    assert row["estimate"]["fits"] is True
    Connector.objects.filter(charge_point=three[2]).update(type="CHADEMO")  # the cheapest for nobody who cannot plug in
    assert names(api.get(f"{URL}&ordering=price&from_percent=70&to_percent=80"))[-1] == "Far"


@pytest.mark.parametrize("query", ["&ordering=colour", "&energy_wh=1", "&from_percent=80&to_percent=20", "&to_percent=101"])
def test_what_cannot_be_asked(db, query):
    assert client_of().get(URL + query).status_code == 400


def test_a_map_has_no_order(db):
    assert client_of().get("/api/v1/charge-points/?ordering=price").json()["fields"].keys() == {"ordering"}


def test_pages_of_another_order(three):
    first = client_of().get(f"{URL}&ordering=reliability&page_size=2").json()
    assert (first["count"], len(first["results"])) == (3, 2)
    assert [row["name"] for row in client_of().get(first["next"]).json()["results"]] == ["Near"]
