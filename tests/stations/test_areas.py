"""Areas where people wait for a charger: each hears once of each, nobody of what she may not see, and owners learn of nobody."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import notifications
from accounts.models import Notification
from chargeshare import housekeeping
from chargeshare.errors import Invalid
from stations import areas, charge_points, circles, export
from stations.areas import Area, Demand
from stations.models import AreaAlert, AreaNews, ChargePoint, Connector, MapArrival
from tests import factories

OPAVA = Area("Opava", 49.9387, 17.9026)


def later():
    return timezone.now() + areas.SETTLES_IN + timedelta(seconds=1)


def publish(owner, **fields):
    """A charger that goes on the map by the owner's own deed."""
    charge_point = factories.make_charge_point(owner, **fields)
    ChargePoint.objects.filter(pk=charge_point.pk).update(is_published=False, booted_at=timezone.now())
    charge_point.refresh_from_db()
    return charge_points.publish(charge_point)


def told(user):
    return list(Notification.objects.filter(user=user, kind=Notification.Kind.AREA_CHARGER).order_by("pk"))


def test_each_hears_once_of_each_charger(owner, driver):
    areas.watch(driver, OPAVA)
    areas.watch(driver, Area("The north", 49.99, 17.9, radius_km=20))
    charge_point = publish(owner, name="Garage")

    assert areas.tell(now=timezone.now()) == 0  # she may have pressed the wrong button
    assert areas.tell(now=later()) == 1
    assert areas.tell(now=later()) == 0
    [news] = told(driver)
    assert (news.context, news.url) == ({"place": "Garage", "area": "Opava"}, f"/charge-points/{charge_point.code}/")

    charge_points.unpublish(charge_point)
    charge_points.publish(charge_point)
    assert areas.tell(now=later()) == 0
    assert len(told(driver)) == 1


def test_one_that_comes_back_is_news_for_who_has_not_heard_of_it(owner, driver, stranger):
    areas.watch(driver, OPAVA)
    charge_point = publish(owner)
    areas.tell(now=later())
    charge_points.unpublish(charge_point)
    areas.watch(stranger, OPAVA)
    assert areas.tell(now=later()) == 0

    charge_points.publish(charge_point)
    assert areas.tell(now=later()) == 1
    assert (len(told(driver)), len(told(stranger))) == (1, 1)


def test_who_took_it_back_at_once_has_told_nobody(owner, driver):
    areas.watch(driver, OPAVA)
    charge_points.unpublish(publish(owner))
    retired = publish(owner)
    charge_points.retire(retired)
    assert areas.tell(now=later()) == 0
    assert not told(driver)


def test_it_is_the_moved_place_that_counts(owner, driver):
    charge_point = publish(owner)
    exact = float(charge_point.latitude), float(charge_point.longitude)
    moved = float(charge_point.public_latitude), float(charge_point.public_longitude)
    at_the_edge = Area("Edge", moved[0] + 0.99 * 1000 / 111_195, moved[1], radius_km=1)
    beyond = Area("Beyond", moved[0] + 1.01 * 1000 / 111_195, moved[1], radius_km=1)
    assert exact != moved
    areas.watch(driver, beyond)
    assert areas.tell(now=later()) == 0
    areas.watch(driver, at_the_edge)
    areas.arrive(charge_point)
    assert areas.tell(now=later()) == 1


def test_nobody_hears_of_her_own_nor_of_what_she_may_not_see(owner, driver, stranger):
    for user in (owner, driver, stranger):
        areas.watch(user, OPAVA)
    private = publish(owner, access="private")
    charge_points.invite(private, driver.email)
    assert areas.tell(now=later()) == 1
    assert (len(told(owner)), len(told(driver)), len(told(stranger))) == (0, 1, 0)

    charge_points.edit(private, access="members")
    assert areas.tell(now=later()) == 1
    assert (len(told(owner)), len(told(driver)), len(told(stranger))) == (0, 1, 1)


def test_a_closed_account_hears_nothing(owner, driver):
    areas.watch(driver, OPAVA)
    driver.is_active = False
    driver.save()
    publish(owner)
    assert areas.tell(now=later()) == 0


@pytest.mark.parametrize(
    ("wish", "is_told"),
    [
        ({"connector_types": ["TYPE_2"], "min_power_w": 11_000}, True),
        ({"connector_types": ["CCS"]}, True),
        ({"connector_types": ["CCS"], "min_power_w": 50_001}, False),
        ({"connector_types": ["TYPE_2"], "min_power_w": 22_000}, False),  # the strong one has another connector
        ({"connector_types": ["SCHUKO"]}, False),
        ({"is_of_my_circles": True}, False),
    ],
)
def test_one_outlet_must_fit_all_of_the_wish(owner, driver, wish, is_told):
    areas.watch(driver, Area("Opava", OPAVA.latitude, OPAVA.longitude, **wish))
    charge_point = publish(owner, connectors=2)
    Connector.objects.filter(charge_point=charge_point, number=2).update(type="CCS", max_power_w=50_000)
    assert areas.tell(now=later()) == is_told


def test_her_circles_alone(owner, driver, stranger, tariff):
    for user in (driver, stranger):
        areas.watch(user, Area("Opava", OPAVA.latitude, OPAVA.longitude, is_of_my_circles=True))
    charge_point = publish(owner, access="private")
    group = circles.create_group(owner, "Neighbours")
    circles.invite(group, driver.email)
    circles.set_prices(charge_point.connectors.get(), {group: tariff})
    assert areas.guests_of(charge_point) == set()  # invited, and has not said yes
    circles.accept(driver, group.pk)
    assert areas.tell(now=later()) == 1
    assert (len(told(driver)), len(told(stranger))) == (1, 0)


def outlet_of(charge_point):
    return charge_point.connectors.get()


def test_one_that_now_offers_more_is_news_for_whom_it_did_not_suit(owner, driver, stranger, staff):
    charge_point = publish(owner)  # 11 kW by Type 2
    areas.watch(driver, Area("Opava", OPAVA.latitude, OPAVA.longitude, min_power_w=22_000))
    areas.watch(stranger, OPAVA)  # the map showed it to her when she made the area
    areas.watch(staff, Area("Fast", OPAVA.latitude, OPAVA.longitude, connector_types=["CCS"]))
    areas.tell(now=later())
    first = [len(told(user)) for user in (driver, stranger, staff)]
    assert first == [0, 1, 0]
    AreaNews.objects.all().delete()
    Notification.objects.all().delete()

    charge_points.edit_connector(outlet_of(charge_point), max_power_w=22_000)
    charge_points.edit_connector(outlet_of(charge_point), type="CCS")
    assert areas.tell(now=timezone.now()) == 0  # a slip of the finger is put right within minutes
    assert areas.tell(now=later()) == 2
    charge_points.edit_connector(outlet_of(charge_point), max_power_w=11_000)
    charge_points.edit_connector(outlet_of(charge_point), max_power_w=22_000)
    assert areas.tell(now=later()) == 0
    assert [len(told(user)) for user in (driver, stranger, staff)] == [1, 0, 1]
    [news] = told(driver)
    assert "suits you now" in notifications.title(news)


def test_an_outlet_is_offered_once_it_has_a_price(owner, driver, tariff):
    charge_point = publish(owner, connectors=2)
    Connector.objects.filter(charge_point=charge_point, number=2).update(type="CCS", max_power_w=50_000, tariff=None)
    areas.watch(driver, Area("Opava", OPAVA.latitude, OPAVA.longitude, min_power_w=50_000))
    assert areas.tell(now=later()) == 0
    charge_points.edit_connector(charge_point.connectors.get(number=2), tariff=tariff)
    assert areas.tell(now=later()) == 1


def test_what_changes_off_the_map_and_what_changes_nothing_is_no_news(owner, driver, tariff):
    areas.watch(driver, OPAVA)
    hidden = factories.make_charge_point(owner)
    charge_points.unpublish(hidden)
    charge_points.edit_connector(outlet_of(hidden), max_power_w=22_000)
    shown = publish(owner)
    areas.tell(now=later())
    MapArrival.objects.all().delete()
    charge_points.edit_connector(outlet_of(shown), tariff=tariff, max_power_w=11_000)
    assert not MapArrival.objects.exists()


def test_who_is_let_in_later_hears_and_nobody_else(owner, driver, stranger, staff, tariff):
    private = publish(owner, access="private")
    charge_points.invite(private, staff.email)
    for user in (driver, stranger, staff):
        areas.watch(user, OPAVA)
    areas.tell(now=later())
    assert [len(told(user)) for user in (driver, stranger, staff)] == [0, 0, 1]
    charge_points.invite(private, driver.email)
    assert areas.tell(now=later()) == 1
    group = circles.create_group(owner, "Neighbours")
    circles.invite(group, stranger.email)
    circles.accept(stranger, group.pk)
    circles.set_prices(outlet_of(private), {group: tariff})
    assert areas.tell(now=later()) == 1
    assert [len(told(user)) for user in (driver, stranger, staff)] == [1, 1, 1]


def test_what_came_to_the_map_stays_new_though_it_is_changed_before_it_is_told(owner, driver):
    areas.watch(driver, OPAVA)
    charge_points.edit_connector(outlet_of(publish(owner)), max_power_w=22_000)
    assert areas.tell(now=later()) == 1


def test_an_area_over_the_date_line_and_one_at_the_pole(owner, driver):
    areas.watch(driver, Area("Fiji", -16.8, 179.99, radius_km=50))
    areas.watch(driver, Area("The Pole", 89.9, 10.0, radius_km=50))
    publish(owner, latitude="-16.8", longitude="-179.9")
    publish(owner, latitude="89.95", longitude="-170.0")
    publish(owner, latitude="-16.8", longitude="-179.0")
    assert areas.tell(now=later()) == 2


@pytest.mark.parametrize(
    ("area", "field"),
    [
        (Area(" ", 49.9, 17.9), "name"),
        (Area("x" * 61, 49.9, 17.9), "name"),
        (Area("Home", 49.9, 17.9, radius_km=0), "radius_km"),
        (Area("Home", 49.9, 17.9, radius_km=51), "radius_km"),
        (Area("Home", 91, 17.9), "latitude"),
        (Area("Home", 49.9, 181), "latitude"),
        (Area("Home", float("nan"), 17.9), "latitude"),
        (Area("Home", 49.9, 17.9, connector_types=["PLUG"]), "connector_types"),
    ],
)
def test_what_is_no_area(driver, area, field):
    with pytest.raises(Invalid) as refusal:
        areas.watch(driver, area)
    assert field in refusal.value.fields
    assert not AreaAlert.objects.exists()


def test_no_more_than_anybody_drives_through(driver, monkeypatch):
    monkeypatch.setattr(areas, "MOST", 1)
    areas.watch(driver, OPAVA)
    with pytest.raises(areas.TooManyAreas):
        areas.watch(driver, OPAVA)


def test_many_hear_in_pieces_and_each_once(owner, driver, stranger, staff, monkeypatch):
    monkeypatch.setattr(areas, "PEOPLE_AT_ONCE", 2)
    for user in (driver, stranger, staff):
        areas.watch(user, OPAVA)
    publish(owner)
    assert areas.tell(now=later()) == 3
    assert [len(told(user)) for user in (driver, stranger, staff)] == [1, 1, 1]
    assert MapArrival.objects.get().told_at is not None


def test_one_owner_cannot_fill_an_inbox(owner, stranger, driver, monkeypatch):
    monkeypatch.setattr(areas, "MOST_A_DAY", 2)
    areas.watch(driver, OPAVA)
    for _number in range(3):
        publish(owner)
    publish(stranger)
    areas.tell(now=later())
    assert len(told(driver)) == 3
    assert AreaNews.objects.count() == 4
    publish(owner)
    areas.tell(now=later() + timedelta(days=1))
    assert len(told(driver)) == 4


@pytest.mark.django_db(transaction=True)
def test_two_processes_tell_once(owner, driver, stranger):
    for user in (driver, stranger):
        areas.watch(user, OPAVA)
    for number in range(5):
        publish(owner, name=f"Garage {number}")
    now, counts, start = later(), [], threading.Barrier(3)

    def tell():
        start.wait(timeout=30)
        try:
            counts.append(areas.tell(now=now))
        finally:
            connection.close()

    threads = [threading.Thread(target=tell) for _number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sum(counts) == 10
    assert (len(told(driver)), len(told(stranger)), AreaNews.objects.count()) == (5, 5, 10)


def test_what_is_remembered_goes_with_the_last_area_and_with_the_account(owner, driver, client):
    first, second = areas.watch(driver, OPAVA), areas.watch(driver, OPAVA)
    publish(owner)
    areas.tell(now=later())
    about = export.everything_about(driver)
    assert [area["name"] for area in about["watched_areas"]] == ["Opava", "Opava"]
    assert len(about["news_of_areas"]) == 1
    areas.remove(first)
    areas.remove(first)
    assert AreaNews.objects.count() == 1
    areas.remove(second)
    assert not AreaNews.objects.exists()
    housekeeping.forget_old(now=later() + timedelta(days=2))
    assert not MapArrival.objects.exists()


def test_owners_learn_how_many_wait_and_nothing_else(owner):
    here = [(49.9387, 17.9026)]
    people = [factories.make_user(f"Driver {number}") for number in range(12)]
    for number, person in enumerate(people[:2]):
        areas.watch(person, Area("Opava", 49.90 + number / 100, 17.95, radius_km=10))
        areas.watch(person, Area("Again", 49.95, 17.95, radius_km=10))
    areas.watch(owner, OPAVA)
    assert areas.demand(here, but=owner) == [None]
    areas.watch(people[2], Area("Opava", 49.95, 17.95, radius_km=10))
    assert areas.demand(here, but=owner) == [Demand(3, is_more=False)]
    assert areas.demand([(49.9010, 17.9990), (10.0, 10.0)], but=owner) == [Demand(3, is_more=False), None]  # the same cell, and another
    for person in people[3:]:
        areas.watch(person, Area("Opava", 49.95, 17.95, radius_km=10))
    assert areas.demand(here, but=owner) == [Demand(10, is_more=True)]


def test_the_cost_does_not_grow_with_the_areas(owner, driver, stranger):
    def cost(charge_point):
        areas.arrive(charge_point)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert areas.tell(now=later()) == 1
        return len(asked)

    areas.watch(driver, OPAVA)
    few = cost(publish(owner))
    far = [
        AreaAlert(user=stranger, name="Far", latitude=40, longitude=number / 100, radius_km=5, south=39.9, north=40.1, west=0, east=50)
        for number in range(500)
    ]
    AreaAlert.objects.bulk_create(far)
    assert cost(publish(owner)) == few <= 12
