"""What a visitor is told a charging would cost: her price, from now on, by the clock on the charger's wall."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from billing.pricing import Prices
from stations import circles
from stations.models import ChargePoint
from stations.views.map import estimate_minor
from tests import factories
from tests.stations.test_circles import Kind, circle_of, give_price

PRAGUE = ZoneInfo("Europe/Prague")
NIGHT = {"days": [], "from": "22:00", "to": "06:00", "price_per_kwh": "2.00"}


@pytest.fixture
def at(monkeypatch):
    """Let it be another time."""
    return lambda moment: monkeypatch.setattr(timezone, "now", lambda: moment)


def prices_of(tariff):
    """What it says today."""
    assert tariff.current is not None
    return Prices.of(tariff.current)


def test_an_estimate_counts_energy_minutes_start_and_minimum(owner, at):
    at(datetime(2026, 11, 20, 12, tzinfo=PRAGUE))
    prices = prices_of(factories.make_tariff(owner, "6.00", price_per_minute="0.10", session_fee="9", minimum_price="50"))
    assert estimate_minor(prices, 11_000, 11_000, "Europe/Prague") == 6_600 + 600 + 900
    assert estimate_minor(prices, 1_100, 11_000, "Europe/Prague") == 5_000
    assert estimate_minor(prices, 11_000, None, "Europe/Prague") == 6_600 + 900


def test_an_estimate_begins_now_on_the_chargers_wall(owner, at):
    prices = prices_of(factories.make_tariff(owner, "6.00", bands=[NIGHT]))
    at(datetime(2026, 11, 20, 21, tzinfo=PRAGUE))
    assert estimate_minor(prices, 22_000, 11_000, "Europe/Prague") == 11 * 600 + 11 * 200
    assert estimate_minor(prices, 22_000, 11_000, "Europe/London") == 22 * 600
    at(datetime(2026, 11, 20, 23, tzinfo=PRAGUE))
    assert estimate_minor(prices, 22_000, 11_000, "Europe/Prague") == 22 * 200


def test_the_page_estimates_at_the_price_and_the_clock_of_the_viewer_s_charger(
    client, owner, driver, stranger, connector, charge_point, at
):
    give_price(connector, circle_of(owner, Kind.FRIENDS, driver), "3", bands=[{**NIGHT, "price_per_kwh": "1"}])
    ChargePoint.objects.filter(pk=charge_point.pk).update(time_zone="Europe/London")
    at(datetime(2026, 11, 20, 21, 30, tzinfo=PRAGUE))
    seen = {}
    for person in (driver, stranger):
        client.force_login(person)
        page = client.get(charge_point.get_absolute_url(), {"energy_wh": 11_000})
        seen[person.pk] = (page.context["outlet"].total_minor, page.context["place"].total_minor)
    assert seen == {driver.pk: (3_300, 3_300), stranger.pk: (7_150, 7_150)}
    at(datetime(2026, 11, 20, 23, 30, tzinfo=PRAGUE))
    client.force_login(driver)
    assert client.get(charge_point.get_absolute_url(), {"energy_wh": 11_000}).context["outlet"].total_minor == 1_100


def test_the_list_sorts_by_what_the_viewer_pays(client, owner, driver, at):
    at(datetime(2026, 11, 20, 12, tzinfo=PRAGUE))
    dear, cheap = (factories.make_charge_point(owner, tariff=factories.make_tariff(owner, price), name=price) for price in ("9", "5"))
    give_price(dear.connectors.get(), circle_of(owner, Kind.FRIENDS, driver), "1")

    def order():
        return [place.charge_point for place in client.get("/", {"sort": "price", "part": "list"}).context["places"]]

    assert order() == [cheap, dear]
    client.force_login(driver)
    assert order() == [dear, cheap]


def test_prices_are_listed_in_the_order_of_the_law_with_quiet_hours_and_cap(client, owner, charge_point, connector):
    connector.tariff = factories.make_tariff(
        owner,
        "6.50",
        price_per_minute="0.11",
        session_fee="9",
        minimum_price="21",
        idle_price_per_minute="1.5",
        idle_cap="77",
        bands=[NIGHT],
    )
    version = connector.tariff.current
    version.__class__.objects.filter(pk=version.pk).update(idle_quiet_from="23:00", idle_quiet_to="07:00")
    connector.save()
    for address in (charge_point.get_absolute_url(), f"/c/{charge_point.code}/1/"):
        page = client.get(address, HTTP_ACCEPT_LANGUAGE="en").content.decode()
        prices = page[page.index("Price list") :].replace(",", ".")
        words = ("6.50", "22:00–06:00", "0.11", "9.00", "21.00", "1.50", "77.00", "23:00–07:00")
        places = [prices.index(word) for word in words]
        assert places == sorted(places), address


def test_a_price_for_the_map_is_that_of_the_innermost_circle(owner, driver, connector):
    give_price(connector, circle_of(owner, Kind.FRIENDS, driver), "3")
    give_price(connector, circle_of(owner, Kind.HOUSEHOLD, driver), "0")
    tariff = circles.tariff_for(connector, driver)
    assert tariff is not None
    assert prices_of(tariff).price_per_kwh == Decimal(0)
