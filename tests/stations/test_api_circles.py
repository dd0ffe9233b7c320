"""Circles over HTTP."""

import pytest

from stations import circles
from stations.models import Circle, CirclePrice
from tests import factories
from tests.stations.test_api_sessions import client_of
from tests.stations.test_circles import Kind, circle_of, give_price

URL = "/api/v1/circles/"
MINE = "/api/v1/circle-memberships/"


def connector_url(charge_point):
    return f"/api/v1/charge-points/{charge_point.code}/connectors/1/"


def test_an_owner_keeps_her_circles(owner, driver, settings):
    api = client_of(owner)
    assert [one["kind"] for one in api.get(URL).json()["results"]] == ["household", "friends"]
    answer = api.post(URL, {"name": "Street"}, format="json")
    assert answer.status_code == 201, answer.content
    group = answer.json()
    link = Circle.objects.get(pk=group["id"]).link
    assert group == {
        "id": group["id"],
        "kind": "group",
        "name": "Street",
        "member_count": 0,
        "join_url": f"{settings.PUBLIC_URL}/circles/{link}/",
        "created_at": group["created_at"],
    }
    one = f"{URL}{group['id']}/"
    assert answer["Location"].endswith(one)
    assert api.get(one).json() == group
    assert api.patch(one, {"name": "Our street"}, format="json").json()["name"] == "Our street"

    answer = api.post(f"{one}members/", {"email": driver.email}, format="json")
    assert answer.status_code == 201
    member = answer.json()
    assert (member["name"], member["joined_at"]) == ("", None)
    circles.accept(driver, group["id"])
    assert [(one["id"], one["name"]) for one in api.get(f"{one}members/").json()["results"]] == [(member["id"], "Tereza")]
    assert api.get(one).json()["member_count"] == 1
    assert api.delete(f"{one}members/{member['id']}/").status_code == 204
    assert api.delete(f"{one}members/{member['id']}/").status_code == 404

    assert api.post(f"{one}link/").json()["join_url"] not in (group["join_url"], None)
    assert api.delete(f"{one}link/").status_code == 204
    assert api.get(one).json()["join_url"] is None
    assert api.delete(one).status_code == 204
    assert api.get(one).status_code == 404


def test_household_and_friends_stay(owner):
    api = client_of(owner)
    household = api.get(URL).json()["results"][0]["id"]
    assert api.delete(f"{URL}{household}/").status_code == 400
    assert api.patch(f"{URL}{household}/", {"name": "Us"}, format="json").status_code == 400
    for said in ({}, {"name": ""}, {"name": "x" * 61}, {"name": "a\0b"}):
        assert api.post(URL, said, format="json").status_code == 400
    assert api.post(f"{URL}{household}/members/", {"email": "nobody@example.com"}, format="json").json()["fields"]["email"]


def test_joining_and_leaving(owner, driver):
    group = circles.create_group(owner, "Street")
    api = client_of(driver)
    answer = api.post(MINE, {"link": group.link}, format="json")
    assert answer.status_code == 201, answer.content
    joined = answer.json()
    assert joined == {
        "circle": group.pk,
        "kind": "group",
        "name": "Street",
        "owner": "Pavel",
        "joined_at": joined["joined_at"],
        "created_at": joined["created_at"],
    }
    assert api.post(MINE, {"link": group.link}, format="json").json() == joined
    assert api.get(MINE).json()["results"] == [joined]
    assert api.delete(f"{MINE}{group.pk}/").status_code == 204
    assert api.delete(f"{MINE}{group.pk}/").status_code == 404
    assert api.post(MINE, {"link": "nonsense"}, format="json").status_code == 404


def test_accepting(owner, driver):
    circle = circle_of(owner)
    circles.invite(circle, driver.email)
    api = client_of(driver)
    assert api.get(MINE).json()["results"][0]["joined_at"] is None
    assert api.post(f"{MINE}{circle.pk}/accept/").json()["joined_at"]


def test_others_do_not_exist(owner, driver, stranger):
    circle = circle_of(owner, Kind.GROUP, driver)
    member = circle.members.get()
    for person in (stranger, driver):
        api = client_of(person)
        one = f"{URL}{circle.pk}/"
        answers = [
            api.get(one),
            api.patch(one, {"name": "Mine"}, format="json"),
            api.delete(one),
            api.get(f"{one}members/"),
            api.post(f"{one}members/", {"email": stranger.email}, format="json"),
            api.delete(f"{one}members/{member.pk}/"),
            api.post(f"{one}link/"),
            api.delete(f"{one}link/"),
        ]
        assert {answer.status_code for answer in answers} == {404}
    assert client_of(stranger).post(f"{MINE}{circle.pk}/accept/").status_code == 404
    assert client_of(stranger).delete(f"{MINE}{circle.pk}/").status_code == 404
    assert {client_of().get(URL).status_code, client_of().get(MINE).status_code} == {401}
    circle.refresh_from_db()
    assert circle.members.get() == member


def test_the_tariffs_of_circles_at_a_connector(owner, charge_point, connector):
    friends, household = circle_of(owner), circle_of(owner, Kind.HOUSEHOLD)
    tariff = factories.make_tariff(owner, "2")
    api = client_of(owner)
    said = api.patch(connector_url(charge_point), {"circle_tariffs": {str(friends.pk): tariff.pk}}, format="json")
    assert said.json()["circle_tariffs"] == {str(friends.pk): tariff.pk}
    api.patch(connector_url(charge_point), {"circle_tariffs": {str(household.pk): tariff.pk}, "max_power_w": 7400}, format="json")
    said = api.patch(connector_url(charge_point), {"circle_tariffs": {str(friends.pk): None}}, format="json")
    assert said.json()["circle_tariffs"] == {str(household.pk): tariff.pk}
    assert api.get(f"/api/v1/charge-points/{charge_point.code}/").json()["connectors"][0]["circle_tariffs"] == {
        str(household.pk): tariff.pk
    }
    assert "circle_tariffs" not in client_of().get(connector_url(charge_point)).json()


def test_circles_and_tariffs_of_others_do_not_exist(owner, stranger, charge_point, connector):
    friends, theirs = circle_of(owner), circle_of(stranger)
    mine, of_stranger = factories.make_tariff(owner), factories.make_tariff(stranger)
    api = client_of(owner)
    for said in (
        {str(theirs.pk): mine.pk},
        {str(friends.pk): of_stranger.pk},
        {"x": mine.pk},
        {"9" * 30: mine.pk},
        {str(friends.pk): "x"},
        [friends.pk],
    ):
        answer = api.patch(connector_url(charge_point), {"circle_tariffs": said}, format="json")
        assert answer.status_code == 400, said
        assert answer.json()["fields"]["circle_tariffs"]
    assert client_of(stranger).patch(connector_url(charge_point), {"circle_tariffs": {}}, format="json").status_code == 404
    assert not CirclePrice.objects.exists()


@pytest.mark.parametrize("query", ["", "?near=49.93,17.90", "?bbox=-180,-90,180,90"])
def test_lists_show_the_price_of_the_caller(owner, driver, stranger, charge_point, connector, query):
    give_price(connector, circle_of(owner, Kind.FRIENDS, driver), "2.37")

    def prices(person):
        answer = client_of(person).get(f"/api/v1/charge-points/{query}")
        return "2.3700" in answer.content.decode() or "2.37" in answer.content.decode()

    assert [prices(person) for person in (driver, stranger, None)] == [True, False, False]


def test_one_charger_shows_the_price_of_the_caller(owner, driver, charge_point, connector):
    give_price(connector, circle_of(owner, Kind.FRIENDS, driver), "2.37")
    seen = [client_of(person).get(f"/api/v1/charge-points/{charge_point.code}/").json() for person in (driver, owner, None)]
    assert [float(one["connectors"][0]["prices"]["price_per_kwh"]) for one in seen] == [2.37, 6.5, 6.5]
    one = client_of(driver).get(connector_url(charge_point)).json()
    assert float(one["prices"]["price_per_kwh"]) == 2.37


def test_a_list_of_my_chargers_asks_no_more_per_charger(owner, django_assert_max_num_queries):
    for _number in range(8):
        factories.make_charge_point(owner)
    with django_assert_max_num_queries(10):
        assert client_of(owner).get("/api/v1/charge-points/?role=owner").json()["count"] == 8
