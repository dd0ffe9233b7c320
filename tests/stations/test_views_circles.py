"""The pages of circles: the owner's, and those of whoever is in one."""

import pytest
from django.urls import reverse

from stations import circles
from stations.models import Circle, CircleMember, CirclePrice
from tests import factories
from tests.stations.acting import go_online
from tests.stations.test_circles import Kind, circle_of, give_price


def change(client, circle, deed, **said):
    return client.post(reverse("stations:circle_change", args=[circle.pk]), {"deed": deed, **said}, follow=True)


def test_an_owner_makes_a_group_and_invites(client, owner, driver):
    client.force_login(owner)
    page = client.get("/owner/circles/").content.decode()
    assert page.count("row--link") == 2
    answer = client.post("/owner/circles/", {"name": "Street"}, follow=True)
    group = Circle.objects.get(kind="group")
    assert answer.redirect_chain[-1][0] == f"/owner/circles/{group.pk}/"
    page = answer.content.decode()
    assert f"/circles/{group.link}/" in page
    assert "<svg" in page

    page = change(client, group, "invite", email=driver.email).content.decode()
    assert driver.email in page
    assert "Tereza" not in page
    circles.accept(driver, group.pk)
    page = client.get(group.get_absolute_url()).content.decode()
    assert "Tereza" in page
    assert "Malá" not in page
    assert driver.email not in page

    change(client, group, "remove", member=str(group.members.get().pk))
    assert not CircleMember.objects.exists()
    old = group.link
    change(client, group, "renew")
    group.refresh_from_db()
    assert group.link != old
    assert group.link not in change(client, group, "close").content.decode()
    assert "Our street" in change(client, group, "rename", name="Our street").content.decode()
    assert change(client, group, "delete").redirect_chain[-1][0] == "/owner/circles/"
    assert not Circle.objects.filter(kind="group").exists()


@pytest.mark.parametrize(
    ("deed", "said"),
    [("invite", {"email": "nonsense"}), ("invite", {"email": "nobody@example.com"}), ("rename", {"name": "x"}), ("delete", {})],
)
def test_what_is_refused_is_said(client, owner, deed, said):
    client.force_login(owner)
    household = circle_of(owner, Kind.HOUSEHOLD)
    answer = client.post(
        reverse("stations:circle_change", args=[household.pk]),
        {"deed": deed, **said},
        follow=True,
        HTTP_REFERER="http://testserver/owner/circles/",
    )
    assert 'class="toast' in answer.content.decode()
    assert Circle.objects.filter(pk=household.pk).exists()


def test_a_group_without_a_name_is_none(client, owner):
    client.force_login(owner)
    assert client.post("/owner/circles/", {"name": " "}).status_code == 200
    assert not Circle.objects.filter(kind="group").exists()


def test_strangers_find_nothing(client, owner, driver, stranger):
    circle = circle_of(owner, Kind.GROUP, driver)
    for person in (stranger, driver):
        client.force_login(person)
        assert client.get(circle.get_absolute_url()).status_code == 404
        for deed in ("invite", "remove", "rename", "renew", "close", "delete", "nonsense"):
            assert change(client, circle, deed, email=stranger.email, member=str(circle.members.get().pk), name="Mine").status_code == 404
    client.force_login(stranger)
    for deed in ("accept", "leave"):
        assert client.post(f"/circles/{circle.pk}/answer/", {"deed": deed}).status_code == 404
    assert client.get("/circles/nonsense/").status_code == 404
    assert client.post("/circles/nonsense/").status_code == 404
    assert circle.members.get().user == driver


def test_a_member_of_another_circle_is_not_removed_through_mine(client, owner, driver, stranger):
    theirs = circle_of(stranger, Kind.GROUP, driver)
    mine = circle_of(owner, Kind.GROUP)
    client.force_login(owner)
    for member in (str(theirs.members.get().pk), "", "-1", "9" * 30, "x"):
        assert change(client, mine, "remove", member=member).status_code == 404
    assert theirs.members.exists()


def test_joining_by_the_link_needs_a_log_in(client, owner, driver):
    group = circles.create_group(owner, "Street")
    address = f"/circles/{group.link}/"
    answer = client.get(address)
    assert answer.status_code == 302
    assert f"next={address}" in answer["Location"]
    client.force_login(driver)
    assert "Pavel" in client.get(address).content.decode()
    assert not group.members.exists()
    assert client.post(address, follow=True).redirect_chain[-1][0] == "/circles/"
    assert client.post(address).status_code == 302
    assert group.members.count() == 1
    assert "<form" not in client.get(address).content.decode().split("<main")[1]
    client.force_login(owner)
    assert group.get_absolute_url() in client.get(address).content.decode()


def test_accepting_and_leaving(client, owner, driver):
    circle = circle_of(owner)
    circles.invite(circle, driver.email)
    client.force_login(driver)
    assert reverse("stations:my_circles") in client.get(reverse("accounts:profile")).content.decode()
    assert 'value="accept"' in client.get("/circles/").content.decode()
    assert 'value="leave"' in client.post(f"/circles/{circle.pk}/answer/", {"deed": "accept"}, follow=True).content.decode()
    assert circle.members.get().joined_at
    client.post(f"/circles/{circle.pk}/answer/", {"deed": "leave"})
    assert not circle.members.exists()


def test_the_prices_of_circles_on_the_page_of_a_connector(client, owner, connector, charge_point, tariff):
    client.force_login(owner)
    friends = circle_of(owner)
    household = circle_of(owner, Kind.HOUSEHOLD)
    other = factories.make_tariff(owner, "3")
    said = {"type": "TYPE_2", "power_kw": "11", "tariff": tariff.pk}
    page = f"/owner/{charge_point.code}/connectors/1/"
    client.post(page, {**said, f"circle_{friends.pk}": other.pk, f"circle_{household.pk}": "free"})
    prices = {price.circle_id: price.tariff for price in CirclePrice.objects.select_related("tariff__current")}
    assert prices[friends.pk] == other
    free = prices[household.pk]
    assert free.current is not None
    assert free.current.price_per_kwh == 0
    assert f'value="{other.pk}" selected' in client.get(page).content.decode()

    client.post(page, {**said, f"circle_{friends.pk}": "free", f"circle_{household.pk}": ""})
    assert list(CirclePrice.objects.values_list("circle", "tariff")) == [(friends.pk, free.pk)]
    theirs = factories.make_tariff(factories.make_user(), "1")
    assert client.post(page, {**said, f"circle_{friends.pk}": theirs.pk}).status_code == 200
    assert list(CirclePrice.objects.values_list("circle", "tariff")) == [(friends.pk, free.pk)]


def test_every_page_shows_the_price_of_who_looks(client, owner, driver, stranger, connector, charge_point):
    give_price(connector, circle_of(owner, Kind.FRIENDS, driver), "2.37")
    for address in (
        charge_point.get_absolute_url(),
        f"/c/{charge_point.code}/1/",
        "/?part=list",
        f"/charge-points/{charge_point.code}/book/",
    ):
        client.force_login(driver)
        assert "2.37" in client.get(address, HTTP_ACCEPT_LANGUAGE="en").content.decode().replace(",", "."), address
        client.force_login(stranger)
        page = client.get(address, HTTP_ACCEPT_LANGUAGE="en").content.decode().replace(",", ".")
        assert "2.37" not in page, address
        assert "6.5" in page, address
        client.logout()
        assert "2.37" not in client.get(address, HTTP_ACCEPT_LANGUAGE="en").content.decode().replace(",", "."), address


def test_a_start_from_the_page_of_a_free_circle_asks_for_no_credit(client, owner, stranger, connector, charge_point):
    go_online(charge_point)
    give_price(connector, circle_of(owner, Kind.FRIENDS, stranger), "0")
    client.force_login(stranger)
    assert f"/charge-points/{charge_point.code}/connectors/1/start/" in client.get(f"/c/{charge_point.code}/1/").content.decode()
