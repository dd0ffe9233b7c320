"""What owners say of a place: told to drivers, looked for on the map, and never made up."""

import pytest

from chargeshare.errors import Invalid
from stations import booking_rules, reviews, site_facts
from stations.models import SiteFacts
from tests import factories
from tests.stations.test_api_sessions import client_of
from tests.stations.test_reviews import visit

MAP = "/api/v1/charge-points/"


def found(api, query):
    return sorted(feature["properties"]["name"] for feature in api.get(f"{MAP}?{query}").json()["features"])


@pytest.fixture
def places(owner):
    told = factories.make_charge_point(owner, name="Told")
    factories.make_charge_point(owner, name="Silent")
    site_facts.edit(told, {"has_cable": True, "fits_trailer": True, "max_height_cm": 210})
    return told


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Silent", "Told"]),
        ("facts=cable", ["Told"]),
        ("facts=CABLE,trailer", ["Told"]),
        ("facts=cable,solar", []),
        ("height_cm=210", ["Told"]),
        ("height_cm=211", []),
        ("facts=cable&height_cm=200", ["Told"]),
        ("instant_book=true", ["Silent"]),
        ("min_rating=1", []),
    ],
)
def test_both_the_map_and_its_list_find_by_what_was_said(places, driver, client, query, names):
    booking_rules.edit(places, approval="always")
    assert found(client_of(driver), query) == names
    page = client.get(f"/?{query}&part=list").content.decode()
    assert [name for name in ("Silent", "Told") if f'row__title">{name}' in page] == names


@pytest.mark.parametrize("query", ["facts=sauna", "height_cm=50", "height_cm=x", "min_rating=6"])
def test_what_is_no_filter(driver, client, query):
    assert client_of(driver).get(f"{MAP}?{query}").status_code == 400
    assert 'role="alert"' in client.get(f"/?{query}&part=list").content.decode()


def test_where_nothing_is_above_every_car_fits(owner, driver):
    site_facts.edit(factories.make_charge_point(owner, name="Yard"), {"is_overnight": True})
    assert found(client_of(driver), "height_cm=400") == ["Yard"]


def test_the_owner_says_it_on_the_page_and_over_http(owner, driver, client):
    charge_point = factories.make_charge_point(owner, name="Garage")
    client.force_login(owner)
    page = f"/owner/{charge_point.code}/edit/"
    form = {"name": "Garage", "access": "public", "latitude": "49.9", "longitude": "17.9"}
    assert client.post(page, form).status_code == 302
    assert not SiteFacts.objects.exists()  # of a place of which nothing was said nothing is known
    assert client.post(page, {**form, "has_solar": "on", "max_height_cm": "50"}).status_code == 200
    assert client.post(page, {**form, "has_solar": "on", "max_height_cm": "220"}).status_code == 302

    api, url = client_of(owner), f"{MAP}{charge_point.code}/"
    answer = api.patch(url, {"facts": {"has_barrier": True}}, format="json")
    assert answer.status_code == 200, answer.content
    facts = client_of(driver).get(url).json()["facts"]
    assert facts == answer.json()["facts"]
    assert {name for name, value in facts.items() if value is True} == {"has_solar", "has_barrier"}
    assert facts["max_height_cm"] == 220
    assert api.patch(url, {"facts": {"max_height_cm": 99}}, format="json").status_code == 400
    assert client_of(driver).patch(url, {"facts": {"has_cable": True}}, format="json").status_code == 404
    shown = client.get(f"/charge-points/{charge_point.code}/").content.decode()
    assert "220\N{NO-BREAK SPACE}cm" in shown


def test_no_clearance_of_a_mouse(owner):
    with pytest.raises(Invalid):
        site_facts.edit(factories.make_charge_point(owner), {"max_height_cm": 20})


def test_stars_of_those_who_were_there(owner, driver, charge_point):
    visited = visit(driver, charge_point)
    reviews.write(user=driver, session=visited, rating=4)
    assert found(client_of(driver), "min_rating=1") == []  # nobody may read it yet
    reviews.write(user=owner, session=visited, rating=5)
    assert [bool(found(client_of(driver), f"min_rating={stars}")) for stars in ("1", "4", "4.1", "5")] == [True, True, False, False]
