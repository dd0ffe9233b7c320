"""The pages of watched areas, their interface, and what owners are told of those who wait."""

from datetime import timedelta

from django.utils import timezone

from stations import areas, reliability
from stations.areas import Area
from stations.models import AreaAlert, ChargePoint, Reliability
from tests import factories
from tests.stations.test_api_sessions import client_of

URL = "/api/v1/areas/"
OPAVA = Area("Opava", 49.9387, 17.9026, radius_km=10)


def wait_at_opava(count):
    for number in range(count):
        areas.watch(factories.make_user(f"Driver {number}"), OPAVA)


def test_an_empty_map_offers_to_write(driver, client):
    box = "bbox=17.80,49.90,18.00,49.97&connector_type=CCS&available=true"
    offered = client.get(f"/?part=list&{box}").content.decode()
    assert 'href="/areas/new/?bbox=17.80%2C49.90%2C18.00%2C49.97&amp;connector_type=CCS"' in offered
    assert client.get(f"/areas/new/?{box}").url.startswith("/accounts/login/?next=/areas/new/")

    client.force_login(driver)
    page = client.get(f"/areas/new/?near=50.08,14.42&{box}").content.decode()  # she stands in Prague and looks at Opava
    assert 'value="Opava"' in page  # the town in the middle of what she looked at
    assert 'value="5" selected' in page
    assert page.count("checked") == 1
    answer = client.post(
        f"/areas/new/?{box}",
        {"name": "Opava", "latitude": "49.935", "longitude": "17.9", "radius_km": "5", "connector_types": ["CCS"], "min_power_w": "11000"},
    )
    assert answer.url == "/areas/"
    alert = AreaAlert.objects.get()
    assert (alert.radius_km, alert.connector_types, alert.min_power_w) == (5, ["CCS"], 11_000)
    assert "5 km · CCS" in client.get("/areas/").content.decode()


def test_a_place_is_found_by_the_name_of_its_town(driver, client):
    client.force_login(driver)
    page = client.get("/areas/new/").content.decode()
    assert 'name="latitude"' not in page
    assert "Kolín" in client.get("/areas/new/?q=kolin").content.decode()
    assert 'role="status"' in client.get("/areas/new/?q=xyzzyxyzzy").content.decode()
    assert client.get("/areas/new/?near=95,17").status_code == 200
    assert client.post("/areas/new/", {"name": "Nowhere", "radius_km": "5"}).status_code == 200
    assert not AreaAlert.objects.exists()


def test_one_is_changed_and_removed_by_who_made_it(driver, stranger, client):
    alert = areas.watch(driver, Area("Opava", 49.9, 17.9, radius_km=7, min_power_w=5_000))
    page = f"/areas/{alert.code}/"
    client.force_login(stranger)
    assert (client.get(page).status_code, client.post(page, {"deed": "remove"}).status_code) == (404, 404)
    client.force_login(driver)
    shown = client.get(page).content.decode()
    assert 'value="7" selected' in shown
    assert 'value="5000" selected' in shown
    said = {"name": "Kateřinky", "latitude": "49.95", "longitude": "17.9", "radius_km": "2"}
    assert client.post(page, {**said, "radius_km": "3"}).status_code == 200  # no choice
    assert client.post(page, said).status_code == 302
    alert.refresh_from_db()
    assert (alert.name, alert.radius_km, alert.min_power_w) == ("Kateřinky", 2, None)
    client.post(page, {"deed": "remove"})
    assert client.get(page).status_code == 404


def test_over_http(driver, stranger):
    api, other = client_of(driver), client_of(stranger)
    answer = api.post(URL, {"name": "Opava", "latitude": 49.9387, "longitude": "17.9026", "radius_km": 5}, format="json")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body == {
        "code": body["code"],
        "name": "Opava",
        "latitude": 49.9387,
        "longitude": 17.9026,
        "radius_km": 5,
        "connector_types": [],
        "min_power_w": None,
        "is_of_my_circles": False,
        "created_at": body["created_at"],
    }
    one = f"{URL}{body['code']}/"
    assert api.get(URL).json()["results"] == [api.get(one).json()] == [body]
    assert [other.get(one).status_code, other.patch(one, {}, format="json").status_code, other.delete(one).status_code] == [404] * 3
    changed = api.patch(one, {"radius_km": 20, "connector_types": ["CCS"]}, format="json").json()
    assert (changed["radius_km"], changed["connector_types"], changed["name"]) == (20, ["CCS"], "Opava")
    for wrong in ({"radius_km": 51}, {"latitude": 91}, {"connector_types": ["PLUG"]}, {"name": ""}):
        assert api.patch(one, wrong, format="json").status_code == 400
    assert (api.delete(one).status_code, api.get(one).status_code, client_of(None).get(URL).status_code) == (204, 404, 401)


def test_owners_hear_of_the_demand_before_they_are_on_the_map(owner, client):
    wait_at_opava(3)
    charge_point = factories.make_charge_point(owner, published=False, name="Garage")
    client.force_login(owner)
    client.cookies["django_language"] = "en"
    words = "3 drivers wait for a charger around here"
    for page in ("/owner/", f"/owner/{charge_point.code}/"):
        assert words in client.get(page).content.decode()
    client.post("/owner/add/", {"name": "Yard", "access": "public"})
    client.post("/owner/add/place/", {"latitude": "49.94", "longitude": "17.90"})
    assert words in client.get("/owner/add/make/").content.decode()
    ChargePoint.objects.filter(pk=charge_point.pk).update(is_published=True)
    assert words not in client.get("/owner/").content.decode()


def test_owners_see_what_drivers_see_and_what_pulls_it_down(owner, charge_point, client):
    client.force_login(owner)
    client.cookies["django_language"] = "en"
    page = f"/owner/{charge_point.code}/"
    assert "Reliability" not in client.get(page).content.decode()
    Reliability.objects.create(
        charge_point=charge_point,
        counted_at=timezone.now(),
        watched_s=1_000_000,
        online_s=800_000,
        starts=10,
        starts_worked=7,
        promised_w=11_000,
        delivered_w=3_600,
    )
    shown = client.get(page).content.decode()
    for words in ("7 of 10", "3 of 10 starts led to no energy", "It was away 20 % of the time", "No car ever got more than 3.6"):
        assert words in shown.replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")


def test_owners_see_that_a_dead_one_has_left_the_map(owner, charge_point, client):
    ChargePoint.objects.filter(pk=charge_point.pk).update(booted_at=timezone.now(), last_seen_at=timezone.now() - timedelta(days=31))
    reliability.record([ChargePoint.objects.get(pk=charge_point.pk)], {}, now=timezone.now())
    client.force_login(owner)
    client.cookies["django_language"] = "en"
    shown = client.get(f"/owner/{charge_point.code}/").content.decode()
    assert "gave no sign of life for 30 days" in shown
    assert "comes back by itself" in shown
    assert "Everything is ready for guests" not in client.get("/owner/").content.decode()
