"""Saved filters: each has her own, one tap away, and what is none is refused in one sentence."""

import pytest
from django.urls import reverse

from chargeshare.errors import Invalid
from stations import closing, export, filter_profiles
from stations.models import FilterProfile
from tests import factories
from tests.stations.test_api_sessions import client_of

URL = "/api/v1/filter-profiles/"


def test_what_stands_in_the_address_is_kept_and_nothing_of_the_moment(driver, client):
    client.force_login(driver)
    address = (
        "connector_type=ccs&connector_type=TYPE_2&min_power_w=11000&min_power_w=&available=true&sort=near&energy_wh=20000"
        "&facts=trailer,cable&free_from=2026-11-21T10:00&free_to=2026-11-21T12:00&bbox=17,49,18,50&near=49.9,17.9&selected=abc&x=1"
    )
    page = client.get(f"/filters/new/?{address}").content.decode()
    assert "Type 2" in page
    answer = client.post(f"/filters/new/?{address}", {"name": "  On the\nway "})
    profile = FilterProfile.objects.get()
    assert (profile.name, profile.is_default) == ("On the way", False)
    assert profile.filters == {"connector_type": "TYPE_2,ccs", "min_power_w": "11000", "available": "true", "facts": "cable,trailer"}
    assert answer.url == f"/?{profile.query}"
    page = client.get(answer.url).content.decode()
    assert page.count('aria-current="true">') == 1
    assert "On the way" in page


def test_the_usual_ones_are_on_when_the_map_is_opened_without_any(driver, client):
    client.force_login(driver)
    first = filter_profiles.save(driver, name="Fast", filters={"min_power_w": "50000"}, is_default=True)
    second = filter_profiles.save(driver, name="Free", filters={"available": "true"}, is_default=True)
    first.refresh_from_db()
    assert (first.is_default, second.is_default) == (False, True)

    def is_on(address):
        return 'name="available"\n             value="true" checked' in client.get(address).content.decode()

    assert is_on("/")
    assert not is_on("/?sort=near")
    client.post(f"/filters/{second.code}/", {"deed": "unusual"})
    assert not is_on("/")
    client.post(f"/filters/{second.code}/", {"deed": "usual"})
    client.post(f"/filters/{second.code}/", {"deed": "remove"})
    assert not is_on("/")
    client.logout()
    assert client.get("/").status_code == 200


def test_a_number_beyond_all_measure_in_the_address(driver, client):
    filter_profiles.save(driver, name="Strong", filters={"min_power_w": "11000"})
    client.force_login(driver)
    for page in ("stations:map", "stations:filter_profile_new"):
        assert client.get(reverse(page), {"min_power_w": "9" * 5000}).status_code == 200, page


def test_names_are_changed_on_the_page(driver, stranger, client):
    client.force_login(driver)
    fast = filter_profiles.save(driver, name="Fast", filters={"min_power_w": "50000"})
    filter_profiles.save(driver, name="Free", filters={"available": "true"})
    page = f"/filters/{fast.code}/"
    client.post(page, {"name": "Very fast <b>"})
    assert "Very fast &lt;b&gt;" in client.get("/filters/").content.decode()
    client.post(page, {"name": "Free"})
    client.post(page, {"name": " "})
    fast.refresh_from_db()
    assert fast.name == "Very fast <b>"
    client.force_login(stranger)
    assert client.post(page, {"deed": "remove"}).status_code == 404
    assert FilterProfile.objects.count() == 2


def test_two_of_a_name_and_too_many(driver, monkeypatch):
    filter_profiles.save(driver, name="Fast", filters={"min_power_w": "50000"})
    with pytest.raises(filter_profiles.NameTaken):
        filter_profiles.save(driver, name="Fast", filters={"available": "true"})
    monkeypatch.setattr(filter_profiles, "MOST", 1)
    with pytest.raises(filter_profiles.TooManyProfiles):
        filter_profiles.save(driver, name="Free", filters={"available": "true"})


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("", {"available": "true"}),
        ("x" * 41, {"available": "true"}),
        ("Fast", {}),
        ("Fast", {"available": " "}),
        ("Fast", {"role": "owner"}),
        ("Fast", {"q": "x" * 101}),
        ("Fast", {"q": "a\0b"}),
    ],
)
def test_what_cannot_be_saved(driver, name, filters):
    with pytest.raises(Invalid):
        filter_profiles.save(driver, name=name, filters=filters)
    assert not FilterProfile.objects.exists()


def test_over_http(driver, stranger):
    api, other = client_of(driver), client_of(stranger)
    answer = api.post(URL, {"name": "Fast", "filters": {"connector_type": "CCS", "min_power_w": "50000"}}, format="json")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body == {
        "code": body["code"],
        "name": "Fast",
        "filters": {"connector_type": "CCS", "min_power_w": "50000"},
        "query": "connector_type=CCS&min_power_w=50000",
        "is_default": False,
        "created_at": body["created_at"],
    }
    one = f"{URL}{body['code']}/"
    assert api.get(URL).json()["results"] == [api.get(one).json()] == [body]
    assert other.get(URL).json()["count"] == 0
    assert [other.get(one).status_code, other.patch(one, {}, format="json").status_code, other.delete(one).status_code] == [404] * 3
    assert api.patch(one, {"is_default": True, "name": "Faster"}, format="json").json()["is_default"] is True
    assert api.post(URL, {"name": "Faster", "filters": {"available": "true"}}, format="json").json()["code"] == "filter_profile_exists"
    assert api.post(URL, {"name": "X", "filters": {"role": "owner"}}, format="json").status_code == 400
    assert api.post(URL, {"name": "X", "filters": {"q": {"a": 1}}}, format="json").status_code == 400
    assert api.patch(one, {"filters": {}}, format="json").status_code == 400
    assert (api.get(f"{URL}nonsense/").status_code, api.delete(one).status_code, api.get(one).status_code) == (404, 204, 404)


def test_they_go_with_the_account(driver):
    factories.make_vehicle(driver)
    filter_profiles.save(driver, name="Fast", filters={"min_power_w": "50000"})
    assert export.everything_about(driver)["saved_filters"][0]["filters"] == {"min_power_w": "50000"}
    closing.prepare_closing(None, user=driver)
    assert not FilterProfile.objects.exists()
