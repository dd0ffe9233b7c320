"""The first page and the list that is its twin."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from stations import charge_points, reservations
from stations.models import ChargePoint
from tests import factories
from tests.stations.acting import go_online

MAP = "/"
NONSENSE = "connector_type=BANANA&min_power_w=much&max_price_per_kwh=cheap&bbox=here&near=x&energy_wh=-5&sort=luck"
TILES = ("Streets", "https://tiles.example/{z}/{x}/{y}.png", {"attribution": "© Them"})


@pytest.fixture
def town(owner):
    """A free one, a strong dear one, a silent one."""
    free = go_online(factories.make_charge_point(owner, name="U Nováků", address="Rolnická 41, Opava-Kateřinky"))
    strong = go_online(factories.make_charge_point(owner, name="Garáž Vrchní", tariff=factories.make_tariff(owner, "9.90")))
    strong.connectors.update(type="CCS", max_power_w=50_000, status="Charging")
    silent = factories.make_charge_point(owner, name="Chata Hradec")
    return free, strong, silent


def names(answer):
    return {place.charge_point.name for place in answer.context["places"]}


def test_the_map_is_a_list_without_a_script(client, town):
    """Everything a driver must know stands in the page as the server sends it."""
    answer = client.get(MAP)

    page = answer.content.decode()
    assert names(answer) == {"U Nováků", "Garáž Vrchní", "Chata Hradec"}
    assert reverse("stations:charge_point_detail", args=[town[0].code]) in page
    assert "6.50 Kč/kWh" in page.replace("\xa0", " ")
    assert "130 Kč" in page.replace("\xa0", " ")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("available=true", {"U Nováků"}),
        ("connector_type=CCS", {"Garáž Vrchní"}),
        ("connector_type=TYPE_2&connector_type=CCS", {"U Nováků", "Garáž Vrchní", "Chata Hradec"}),
        ("connector_type=ccs,type_2", {"U Nováků", "Garáž Vrchní", "Chata Hradec"}),
        ("min_power_w=22000", {"Garáž Vrchní"}),
        ("max_price_per_kwh=7,00", {"U Nováků", "Chata Hradec"}),
        ("q=vrchni", {"Garáž Vrchní"}),
        ("q=katerinky", {"U Nováků"}),
        ("bbox=10,10,11,11", set()),
        ("bbox=10,10,11,11&q=chata", {"Chata Hradec"}),
        (
            NONSENSE,
            {"U Nováků", "Garáž Vrchní", "Chata Hradec"},
        ),
    ],
)
def test_filters_stand_in_the_address(client, town, query, found):
    """The form of the page is a GET form, so a filtered map can be sent to a friend; nonsense in it is left out."""
    assert names(client.get(f"{MAP}?{query}")) == found


def test_cheapest_and_strongest_first(client, town):
    by_price = [place.charge_point.name for place in client.get(f"{MAP}?sort=price").context["places"]]
    by_power = [place.charge_point.name for place in client.get(f"{MAP}?sort=power").context["places"]]

    assert by_price[-1] == "Garáž Vrchní"
    assert by_power[0] == "Garáž Vrchní"


def test_the_list_alone(client, town):
    """What the script fetches as the map moves has no page around it."""
    answer = client.get(f"{MAP}?part=list&bbox=17,49,19,51&near=49.9387,17.9026&selected={town[0].code}")

    assert b"<html" not in answer.content
    assert b"row--selected" in answer.content
    assert b"\xc2\xa0m" in answer.content


def test_narrow_filters_say_what_to_drop(client, town):
    town[0].connectors.update(status="Charging")

    answer = client.get(f"{MAP}?available=true")

    [way] = answer.context["ways_out"]
    assert (way.names, way.query, way.count) == ("available", "", 3)
    assert 'data-drop="available"' in answer.content.decode()


def test_the_filter_that_hides_most_is_named_first(client, town):
    answer = client.get(f"{MAP}?connector_type=CHADEMO&min_power_w=50000&q=u&sort=price")

    assert answer.context["ways_out"] == [], "no single one is to blame"
    answer = client.get(f"{MAP}?connector_type=CHADEMO&max_price_per_kwh=7&sort=price")
    [way] = answer.context["ways_out"]
    assert (way.names, way.query, way.count) == ("connector_type", "max_price_per_kwh=7&sort=price", 2)


def test_only_what_takes_the_plug_of_my_car(client, driver, town):
    town[0].connectors.update(type="SCHUKO")
    factories.make_vehicle(driver, connector_types=["TYPE_2"])
    assert len(names(client.get(f"{MAP}?fits_car=true"))) == 3, "nobody knows the car of a stranger"

    client.force_login(driver)

    assert names(client.get(f"{MAP}?fits_car=true")) == {"U Nováků", "Chata Hradec"}
    found = client.get("/api/v1/charge-points/?fits_car=true").json()["features"]
    assert {one["properties"]["name"] for one in found} == {"U Nováků", "Chata Hradec"}
    assert client.get("/api/v1/charge-points/?fits_car=true&car=x").status_code == 400


def test_only_where_i_am_let_in_or_have_a_price_of_my_own(client, driver, town):
    charge_points.invite(town[2], driver.email)
    assert client.get("/api/v1/charge-points/?my_circles=true").json()["features"] == []

    client.force_login(driver)

    assert names(client.get(f"{MAP}?my_circles=true")) == {"Chata Hradec"}
    [found] = client.get("/api/v1/charge-points/?my_circles=true").json()["features"]
    assert found["properties"]["name"] == "Chata Hradec"


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("connector_type=BANANA,CCS", "BANANA"),
        ("min_power_w=much", "much"),
        ("max_price_per_kwh=cheap", "cheap"),
        ("free_from=2026-11-21T18:00&free_to=2026-11-21T17:00", "2026-11-21T17:00"),
        ("near=x", "x"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_sentence(client, town, query, word):
    page = client.get(f"{MAP}?{query}&part=list")

    assert word in page.context["wish"].refusal
    assert page.content.decode().count('role="alert"') == 1


def test_a_town_is_found_by_its_name_and_shown_with_what_is_near(client, town):
    answer = client.get(f"{MAP}?q=opava&available=true&part=list")

    [(found, address)] = [(one, address) for one, address in answer.context["towns"] if one.name == "Opava"]
    assert address == "available=true&near=49.939%2C17.903"
    assert f'data-town="{found.latitude},{found.longitude}"' in answer.content.decode()
    near = client.get(f"{MAP}?{address}")
    assert near.context["wish"].centre == (49.939, 17.903)
    assert [place.distance_m < 2000 for place in near.context["places"]] == [True]


def test_empty_fields_of_the_form_are_no_mistake(client, town):
    answer = client.get(f"{MAP}?q=&min_power_w=11000&min_power_w=&max_price_per_kwh=&free_from=&free_to=&sort=near")

    assert answer.context["wish"].refusal == ""
    assert answer.context["wish"].min_power_w == 11_000


def test_neither_address_nor_identity_leaks(client, town):
    page = client.get(MAP).content.decode() + client.get(f"{MAP}?part=list").content.decode()

    assert "Rolnická" not in page
    for charge_point in ChargePoint.objects.all():
        assert charge_point.identity not in page
        assert str(charge_point.latitude) not in page


def test_private_ones_only_for_those_let_in(client, owner, stranger, town):
    ChargePoint.objects.filter(pk=town[0].pk).update(access=ChargePoint.Access.PRIVATE)

    assert "U Nováků" not in names(client.get(MAP))
    client.force_login(stranger)
    assert "U Nováků" not in names(client.get(MAP))
    client.force_login(owner)
    assert "U Nováků" in names(client.get(MAP))


def test_names_are_text(client, town):
    ChargePoint.objects.filter(pk=town[0].pk).update(name="<img src=x onerror=alert(1)>{{7*7}}")

    page = client.get(f"{MAP}?q=</script><script>").content.decode() + client.get(MAP).content.decode()

    assert "<img src=x" not in page
    assert "</script><script>" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;{{7*7}}" in page


def test_pages_obey_the_strict_policy(client, town, driver: User):
    """No inline style or script on any page of a driver: the browser would refuse it."""
    client.force_login(driver)
    for path in (MAP, town[0].get_absolute_url(), f"/c/{town[0].code}/1/", "/sessions/"):
        answer = client.get(path)
        page = answer.content.decode()
        assert "default-src 'self'" in answer["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
        assert all("src=" in tag or 'type="application/json"' in tag for tag in page.split("<script")[1:])


def test_tiles_only_with_an_address_and_consent(client, town, settings):
    """Whoever serves tiles learns who looks where, so they are asked for and never loaded unasked."""
    assert b"data-tiles-consent" not in client.get(MAP).content
    settings.LEAFLET_CONFIG = {
        **settings.LEAFLET_CONFIG,
        "TILES": [TILES],
    }

    answer = client.get(MAP)

    assert b"data-tiles-consent hidden" in answer.content
    assert answer.context["map_config"]["tiles"][0]["attribution"] == "© Them"


def test_what_is_taken_in_my_time_is_left_out(client, driver, charge_point, connector):
    begins_at = timezone.localtime(timezone.now() + timedelta(days=1)).replace(second=0, microsecond=0)
    ends_at = begins_at + timedelta(hours=2)
    query = {"free_from": f"{begins_at:%Y-%m-%dT%H:%M}", "free_to": f"{ends_at:%Y-%m-%dT%H:%M}"}
    assert charge_point.name in client.get("/", query).content.decode()

    reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=ends_at)

    assert charge_point.name not in client.get("/", {**query, "part": "list"}).content.decode()
    later = {"free_from": query["free_to"], "free_to": f"{ends_at + timedelta(hours=1):%Y-%m-%dT%H:%M}"}
    page = client.get("/", later)
    assert charge_point.name in page.content.decode()
    assert page.context["wish"].filter_count == 1


@pytest.mark.parametrize(
    "query",
    [
        {"free_from": "x", "free_to": "y"},
        {"free_from": "2026-11-21T18:00"},
        {"free_from": "2026-11-21T18:00", "free_to": "2026-11-21T17:00"},
        {"free_from": "0001-01-01T00:00", "free_to": "9999-12-31T23:59"},
    ],
)
def test_a_time_that_makes_no_sense_is_left_out(client, charge_point, query):
    assert client.get("/", query).status_code == 200
