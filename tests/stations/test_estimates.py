"""What a visitor is told a charging would cost: her price, from now on, by the clock on the charger's wall."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import Vehicle
from billing.pricing import Prices
from chargeshare.errors import Invalid
from stations import circles, estimates, search
from stations.estimates import Need
from stations.models import ChargePoint
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


NOON = datetime(2026, 11, 20, 12, tzinfo=PRAGUE)
CAR = Vehicle(battery_wh=72_000, ac_limit_w=7_200, dc_limit_w=100_000, connector_types=["TYPE_2", "CCS"], consumption_wh_100km=18_000)
DEAR = {"price_per_minute": "0.10", "session_fee": "9", "minimum_price": "50"}


@pytest.mark.parametrize(
    ("prices", "energy_wh", "power_w", "begins_at", "time_zone", "total_minor"),
    [
        pytest.param(DEAR, 11_000, 11_000, NOON, "Europe/Prague", 6_600 + 600 + 900, id="energy, minutes and start"),
        pytest.param(DEAR, 1_100, 11_000, NOON, "Europe/Prague", 5_000, id="up to the minimum"),
        pytest.param(DEAR, 11_000, None, NOON, "Europe/Prague", 6_600 + 900, id="power unknown"),
        pytest.param({"price_per_kwh": "0"}, 40_000, 11_000, NOON, "Europe/Prague", 0, id="free"),
        pytest.param({"bands": [NIGHT]}, 22_000, 11_000, NOON.replace(hour=21), "Europe/Prague", 11 * 800, id="into the night"),
        pytest.param({"bands": [NIGHT]}, 22_000, 11_000, NOON.replace(hour=21), "Europe/London", 22 * 600, id="on the charger's wall"),
        pytest.param({"bands": [NIGHT]}, 22_000, 11_000, NOON.replace(hour=23), "Europe/Prague", 22 * 200, id="across midnight"),
        pytest.param({"bands": [NIGHT]}, 22_000, 11_000, NOON.replace(hour=5), "Europe/Prague", 11 * 800, id="out of the night"),
        # 25 October: the hour from two to three comes twice, so from one to six there are six hours. 28 March: four.
        pytest.param(
            {"bands": [NIGHT]}, 70_000, 10_000, datetime(2026, 10, 25, 1, tzinfo=PRAGUE), "Europe/Prague", 6 * 2_000 + 6_000, id="autumn"
        ),
        pytest.param(
            {"bands": [NIGHT]}, 50_000, 10_000, datetime(2027, 3, 28, 1, tzinfo=PRAGUE), "Europe/Prague", 4 * 2_000 + 6_000, id="spring"
        ),
    ],
)
def test_what_an_energy_costs(owner, prices, energy_wh, power_w, begins_at, time_zone, total_minor):
    prices = prices_of(factories.make_tariff(owner, **{"price_per_kwh": "6.00", **prices}))
    planned = estimates.course(Need(energy_wh), "TYPE_2", power_w)
    assert estimates.cost_minor(prices, planned, time_zone, begins_at) == total_minor


@pytest.mark.parametrize(
    ("percents", "connector_type", "max_power_w", "energy_wh", "seconds", "power_w"),
    [
        pytest.param((20, 80), "TYPE_2", 22_000, 48_000, 24_000, 7_200, id="the car takes less"),
        pytest.param((20, 80), "TYPE_2", 3_600, 48_000, 48_000, 3_600, id="the charger gives less"),
        pytest.param((20, 80), "TYPE_2", None, 48_000, 24_000, 7_200, id="the charger's power unknown"),
        pytest.param((0, 100), "SCHUKO", 3_600, 80_000, 80_000, 3_600, id="alternating current does not taper"),
        pytest.param((42, 80), "CCS", 50_000, 28_800, 2_074, 50_000, id="direct current up to 80 %"),
        pytest.param((80, 81), "CCS", 100_000, 758, 28, 100_000, id="the first percent of the taper"),
        pytest.param((99, 100), "CCS", 100_000, 758, 124, 100_000, id="the last one takes five times as long"),
        pytest.param((50, 51), "CCS", 100_000, 758, 27, 100_000, id="as long as one below"),
    ],
)
def test_how_a_car_is_charged(percents, connector_type, max_power_w, energy_wh, seconds, power_w):
    planned = estimates.course(Need(vehicle=CAR, from_percent=percents[0], to_percent=percents[1]), connector_type, max_power_w)
    assert (planned.energy_wh, planned.seconds, planned.power_w) == (energy_wh, seconds, power_w)
    assert sum(piece[1] for piece in planned.pieces) == energy_wh


def test_the_taper_counts_where_the_price_changes_by_the_hour(owner):
    """Less energy falls into the later hours than an even spread would put there."""
    evening = prices_of(factories.make_tariff(owner, "6.00", bands=[NIGHT]))
    planned = estimates.course(Need(vehicle=CAR, from_percent=70, to_percent=100), "CCS", 10_000)
    before_ten = NOON.replace(hour=20, minute=30)
    assert planned.seconds is not None
    evenly = estimates.Course(planned.energy_wh, 10_000, ((planned.seconds, planned.energy_wh),))
    real, spread = (estimates.cost_minor(evening, one, "Europe/Prague", before_ten) for one in (planned, evenly))
    assert planned.energy_wh * 200 // 1000 < spread < real < planned.energy_wh * 600 // 1000


def test_a_connector_that_does_not_fit_is_told(owner, connector):
    leaf = Vehicle(
        battery_wh=39_000, ac_limit_w=6_600, dc_limit_w=46_000, connector_types=["TYPE_2", "CHADEMO"], consumption_wh_100km=17_000
    )
    assert [estimates.fits_car(leaf, kind) for kind in ("TYPE_2", "TYPE_1", "SCHUKO", "CHADEMO", "CCS", "")] == [True] * 4 + [False, True]


@pytest.mark.parametrize(
    ("chosen", "words"), [((80, 20), "cannot be charged to 20"), ((50, 50), "50"), ((-1, 50), "0 to 100"), ((0, 101), "0 to 100")]
)
def test_percents_no_battery_has(chosen, words):
    with pytest.raises(Invalid) as refused:
        estimates.percents(*chosen)
    assert words in str(refused.value.message)


def test_many_chargers_are_priced_without_a_question_to_the_database(owner, driver, django_assert_num_queries):
    tariffs = [factories.make_tariff(owner, price) for price in ("5", "7")]
    for number in range(6):
        factories.make_charge_point(owner, tariff=tariffs[number % 2])
    vehicle = factories.make_vehicle(driver)
    found = search.in_box(driver, search.Box(-180, -90, 180, 90), search.Wanted())
    assert found is not None
    connectors = [connector for charge_point in found for connector in charge_point.connectors.all()]
    with django_assert_num_queries(0):
        priced = estimates.for_car(connectors, Need(vehicle=vehicle))
    assert sorted(one.total_minor for one in priced.values()) == [25_667] * 3 + [35_933] * 3
    one = priced[connectors[0].pk]
    assert (one.energy_wh, one.seconds, one.per_kwh, one.fits) == (51_333, 16_800, Decimal("5.00"), True)
    assert one.saved_g == 256_660 * 150 // 1000 - 51_333 * 410 // 1000


def test_the_pages_show_the_price_for_the_car_and_remember_the_percents(client, driver, charge_point, connector):
    vehicle = factories.make_vehicle(driver)
    client.force_login(driver)
    address = charge_point.get_absolute_url()

    page = client.get(address)
    assert (page.context["wish"].need.vehicle, page.context["outlet"].estimate.energy_wh) == (vehicle, 51_333)
    assert "For my car" in client.get(address, HTTP_ACCEPT_LANGUAGE="en").content.decode()
    asked = client.get(address, {"from": "40", "to": "80"})
    assert asked.context["outlet"].estimate.energy_wh == 34_222
    for other in (address, f"/c/{charge_point.code}/1/", "/"):
        need = client.get(other).context["wish"].need
        assert (need.from_percent, need.to_percent) == (40, 80), other
    assert client.get(address, {"energy_wh": "10000"}).context["outlet"].estimate.energy_wh == 10_000
    listed = client.get("/", {"part": "list"}).context["places"][0]
    assert listed.total_minor == asked.context["outlet"].total_minor == 22_244


@pytest.mark.parametrize("absurd", [{"from": "80", "to": "20"}, {"from": "-5"}, {"to": "400"}, {"from": "x" * 40}, {"car": "nonsense"}])
def test_an_absurd_question_gets_one_sentence_and_the_usual_estimate(client, driver, charge_point, absurd):
    factories.make_vehicle(driver)
    client.force_login(driver)
    client.cookies["estimate"] = "0-0-<script>"
    page = client.get(charge_point.get_absolute_url(), absurd)
    assert (page.context["wish"].need.from_percent, page.context["wish"].need.to_percent) == (20, 80)
    assert bool(page.context["wish"].asked.refusal) == ("car" not in absurd)


def test_without_a_car_the_estimate_is_for_an_energy(client, charge_point):
    page = client.get(charge_point.get_absolute_url(), {"energy_wh": "40000", "from": "1", "to": "2"})
    assert (page.context["wish"].need.vehicle, page.context["outlet"].total_minor) == (None, 26_000)


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
