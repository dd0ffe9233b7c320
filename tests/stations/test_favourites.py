"""Hearts: each sees her own, none tells of a charger that one may no longer know of."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from chargeshare import housekeeping
from chargeshare.errors import Invalid
from stations import charge_points, export, favourites, search
from stations.models import ChargePoint, Favourite
from tests import factories
from tests.stations.test_api_sessions import client_of

URL = "/api/v1/favourites/"
MAP = "/api/v1/charge-points/"


def test_a_heart_is_one_however_often_it_is_given(driver, charge_point):
    first = favourites.add(driver, charge_point, note="  by the\nback gate ")
    assert favourites.add(driver, charge_point) == first
    assert Favourite.objects.get().note == "by the back gate"
    favourites.add(driver, charge_point, note="")
    assert Favourite.objects.get().note == ""
    with pytest.raises(Invalid):
        favourites.add(driver, charge_point, note="x" * 201)
    favourites.remove(driver, charge_point)
    favourites.remove(driver, charge_point)
    assert not Favourite.objects.exists()


def test_no_more_than_a_list_can_hold(driver, owner, charge_point, monkeypatch):
    monkeypatch.setattr(favourites, "MOST", 1)
    favourites.add(driver, charge_point)
    favourites.add(driver, charge_point)
    with pytest.raises(favourites.TooManyFavourites):
        favourites.add(driver, factories.make_charge_point(owner))


@pytest.mark.parametrize("how", ["retired", "hidden", "private"])
def test_a_charger_that_is_gone_leaves_without_a_word(driver, charge_point, client, how):
    api = client_of(driver)
    favourites.add(driver, charge_point, note="mine")
    if how == "retired":
        charge_points.retire(charge_point)
    else:
        change = {"is_published": False} if how == "hidden" else {"access": "private"}
        ChargePoint.objects.filter(pk=charge_point.pk).update(**change)

    assert api.get(URL).json()["results"] == []
    assert [getattr(api, verb)(f"{URL}{charge_point.code}/").status_code for verb in ("get", "patch", "delete")] == [404] * 3
    assert api.post(URL, {"charge_point": charge_point.code}, format="json").status_code == 404
    client.force_login(driver)
    assert charge_point.name not in client.get("/favourites/").content.decode()
    assert client.post(f"/charge-points/{charge_point.code}/favourite/").status_code == 404


def test_favourites_over_http(driver, stranger, charge_point):
    api, other = client_of(driver), client_of(stranger)
    answer = api.post(URL, {"charge_point": charge_point.code, "note": "<b>bold</b>"}, format="json")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body == {
        "charge_point": charge_point.code,
        "name": charge_point.name,
        "state": "offline",
        "note": "<b>bold</b>",
        "created_at": body["created_at"],
    }
    one = f"{URL}{charge_point.code}/"
    assert api.get(URL).json()["results"] == [api.get(one).json()] == [body]
    assert api.post(URL, {"charge_point": charge_point.code}, format="json").json() == body
    assert other.get(URL).json()["count"] == 0
    assert (other.get(one).status_code, other.patch(one, {"note": "x"}, format="json").status_code) == (404, 404)
    assert api.patch(one, {"note": "at the back"}, format="json").json()["note"] == "at the back"
    assert api.patch(one, {"note": "x" * 201}, format="json").status_code == 400
    assert api.post(URL, {"charge_point": "nowhere"}, format="json").status_code == 404
    assert (other.delete(one).status_code, api.delete(one).status_code, api.get(one).status_code) == (404, 204, 404)


def test_only_favourites_on_map_and_list(driver, owner, charge_point, client):
    factories.make_charge_point(owner)
    favourites.add(driver, charge_point)
    codes = [one["properties"]["code"] for one in client_of(driver).get(MAP, {"favourites": "true"}).json()["features"]]
    assert codes == [charge_point.code]
    assert client.get(MAP, {"favourites": "true"}).json()["features"] == []
    world = search.Box(west=-180.0, south=-90.0, east=180.0, north=90.0)
    assert search.crowds(driver, world, search.Wanted(favourites=True)) is None  # counted for everybody, so of no use here
    client.force_login(driver)
    assert client.get("/", {"favourites": "true", "bbox": "0,0,1,1"}).context["count"] == 1


def test_heart_and_note_on_the_page(driver, charge_point, client):
    address = charge_point.get_absolute_url()
    assert f"?next={address}" in client.get(address).content.decode()
    client.force_login(driver)
    heart = f"{address}favourite/"
    assert client.post(heart, headers={"Referer": f"http://testserver{address}"}).url == address
    assert client.post(heart, {"note": "<i>gate</i>"}).status_code == 302
    page = client.get(address).content.decode()
    assert "&lt;i&gt;gate&lt;/i&gt;" in page
    assert "<i>gate</i>" not in page
    assert 'value="remove"' in page
    assert "&lt;i&gt;gate&lt;/i&gt;" in client.get("/favourites/").content.decode()
    assert client.post(heart, {"note": "x" * 300}).status_code == 302
    assert Favourite.objects.get().note == "<i>gate</i>"
    client.post(heart, {"deed": "remove"})
    assert not Favourite.objects.exists()


def test_a_note_goes_along_and_goes_with_the_charger(driver, owner, charge_point):
    favourites.add(driver, charge_point, note="only for me")
    assert "only for me" in json.dumps(export.everything_about(driver), default=str)
    assert "only for me" not in json.dumps(export.everything_about(owner), default=str)
    charge_points.retire(charge_point)
    housekeeping.forget_old(now=timezone.now())
    assert Favourite.objects.exists()
    housekeeping.forget_old(now=timezone.now() + timedelta(days=2))
    assert not Favourite.objects.exists()
