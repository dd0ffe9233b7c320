"""The map from afar, counted beforehand: exact about who is there, and silent about whom one may not see."""

from threading import Thread

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from chargeshare import housekeeping
from stations import charge_points, circles, map_cells, search
from stations.models import ChargePoint, Circle, MapCell, MapCount, MapMove
from stations.search import Box, Wanted
from tests import factories

WORLD = Box(-180.0, -90.0, 180.0, 90.0)
NOBODY = AnonymousUser()
Access = ChargePoint.Access


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A town is counted beforehand as a country is."""
    monkeypatch.setattr(map_cells, "COUNTED_DIRECTLY", 3)


@pytest.fixture
def town(owner: User, tariff) -> list[ChargePoint]:
    """Six places near each other: four for all, one for members, one for guests."""
    accesses = [Access.PUBLIC] * 4 + [Access.MEMBERS, Access.PRIVATE]
    return [
        factories.make_charge_point(owner, tariff=tariff, access=access, latitude=f"49.9{number}", longitude=f"17.9{number}")
        for number, access in enumerate(accesses)
    ]


def count() -> int:
    return search.count_map(now=timezone.now())


def seen(viewer: object, box: Box = WORLD) -> int | None:
    """How many this person is told of, by what was counted beforehand alone."""
    found = search.crowds(viewer, box, Wanted())
    return None if found is None else sum(one.count for one in found)


def test_everybody_is_told_of_those_she_may_see(town, driver, owner, staff):
    assert count() > 0

    assert seen(NOBODY) == 4
    assert seen(driver) == 5
    assert seen(owner) == 6
    assert seen(staff) == 6
    assert count() == 0, "nothing has changed"


def test_guest_is_told_of_the_private_one_and_where_it_stands(town, driver, stranger, tariff):
    count()
    charge_points.invite(town[-1], driver.email)
    before = search.crowds(stranger, WORLD, Wanted()) or []

    assert seen(driver) == 6
    [mine], [others] = (search.crowds(driver, WORLD, Wanted()) or [], before)
    places = [(float(one.public_latitude), float(one.public_longitude)) for one in town]
    assert mine.latitude == pytest.approx(sum(latitude for latitude, _ in places) / 6, abs=1e-4)
    assert others.latitude == pytest.approx(sum(latitude for latitude, _ in places[:5]) / 5, abs=1e-4)
    assert others.longitude == pytest.approx(sum(longitude for _, longitude in places[:5]) / 5, abs=1e-4)


def test_price_of_a_circle_lets_in_as_well(town, driver, owner, tariff):
    count()
    [connector] = town[-1].connectors.all()
    friends = next(one for one in circles.all_of(owner) if one.kind == Circle.Kind.FRIENDS)
    circles.invite(friends, driver.email)
    circles.set_prices(connector, {friends: tariff})
    assert seen(driver) == 5

    circles.accept(driver, friends.pk)

    assert seen(driver) == 6


def test_what_is_hidden_is_out_of_every_number_at_once(town, driver):
    count()

    charge_points.edit(town[0], access=Access.PRIVATE)
    assert (seen(NOBODY), seen(driver)) == (None, 4), "three are so few that they are counted directly"
    charge_points.edit(town[0], access=Access.PUBLIC)
    assert (seen(NOBODY), seen(driver)) == (4, 5)
    charge_points.unpublish(town[4])
    assert seen(driver) == 4
    town[4].booted_at = timezone.now()
    charge_points.publish(town[4])
    assert seen(driver) == 5
    charge_points.retire(town[4])
    assert (seen(NOBODY), seen(driver)) == (4, 4)

    count()
    assert not MapMove.objects.exists()
    assert (seen(NOBODY), seen(driver)) == (4, 4)


def test_moved_place_is_counted_where_it_went(town, driver):
    count()
    silesia, bohemia = Box(16.0, 49.0, 19.0, 51.0), Box(13.0, 49.0, 15.0, 51.0)
    view = map_cells.View.of(west=bohemia.west, south=bohemia.south, east=bohemia.east, north=bohemia.north)
    assert view is not None
    assert seen(NOBODY, silesia) == 4

    charge_points.edit(town[1], latitude="50.08", longitude="14.43")

    assert seen(NOBODY, silesia) is None
    assert sum(crowd.count for crowd in map_cells.crowds(view, [Access.PUBLIC]).values()) == 1


def test_change_is_taken_back_with_its_transaction(town):
    count()

    def hide_and_fail() -> None:
        with transaction.atomic():
            charge_points.unpublish(town[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        hide_and_fail()
    assert seen(NOBODY) == 4
    assert not MapMove.objects.exists()


def test_account_that_is_blocked_leaves_with_the_next_count(town, owner):
    count()
    User.objects.filter(pk=owner.pk).update(is_active=False)

    count()

    assert seen(NOBODY) is None
    assert not MapCell.objects.exists(), "what is left is so little that nothing is kept"


def test_few_places_are_not_counted_beforehand(owner, tariff):
    factories.make_charge_point(owner, tariff=tariff)

    assert count() == 0
    assert not MapCell.objects.exists()
    assert seen(NOBODY) is None
    assert sum(one.count for one in search.clusters(NOBODY, WORLD, Wanted())) == 1


def test_free_ones_are_told_as_they_were_counted(town):
    ChargePoint.objects.filter(pk=town[0].pk).update(connection="11111111-1111-4111-8111-111111111111", last_seen_at=timezone.now())

    count()

    assert sum(one.free for one in search.crowds(NOBODY, WORLD, Wanted()) or []) == 1


def test_same_is_told_at_every_zoom_and_across_the_date_line(owner, tariff):
    for longitude in ("179.5", "179.6", "-179.5", "-179.6", "-179.7"):
        factories.make_charge_point(owner, tariff=tariff, latitude="-17.7", longitude=longitude)
    count()

    for half in (40.0, 20.0, 10.0, 4.0):
        assert seen(NOBODY, Box(180 - half, -17.7 - half / 2, -180 + half, -17.7 + half / 2)) == 5, half
    assert seen(NOBODY, Box(-170.0, -60.0, 170.0, 60.0)) is None, "they all lie beyond its edges"


def test_filters_are_never_answered_from_it(town):
    count()
    assert search.crowds(NOBODY, WORLD, Wanted(min_power_w=1)) is None
    assert search.crowds(NOBODY, WORLD, Wanted(text="x")) is None


def test_map_from_afar_is_drawn_of_it(client, town, monkeypatch):
    monkeypatch.setattr("stations.api.views.ON_ONE_SCREEN", 3)
    count()
    for _ in range(2):
        answer = client.get("/api/v1/charge-points/?bbox=-180,-85,180,85").json()
        assert [one["properties"]["point_count"] for one in answer["features"]] == [4]
        MapCell.objects.filter(count=4).update(count=5)
        answer = client.get("/api/v1/charge-points/?bbox=-180,-85,180,85").json()
        assert [one["properties"]["point_count"] for one in answer["features"]] == [5], "it was not counted again for this"
        MapCell.objects.filter(count=5).update(count=4)


def test_periodic_job_counts(town):
    housekeeping.run([job for job in housekeeping.JOBS if job.do is search.count_map], timezone.now())

    assert seen(NOBODY) == 4
    assert map_cells.age_s(timezone.now()) is not None


def test_who_counted_with_older_eyes_writes_nothing(town, monkeypatch):
    count()
    charge_points.unpublish(town[0])
    look = map_cells._look

    def slow_look(*args):
        seen_by_him = look(*args)
        monkeypatch.setattr(map_cells, "_look", look)
        charge_points.unpublish(town[1])
        count()
        return seen_by_him

    monkeypatch.setattr(map_cells, "_look", slow_look)
    assert count() == 0
    assert sum(MapCell.objects.filter(zoom=0, access=Access.PUBLIC).values_list("count", flat=True)) == 2


@pytest.mark.django_db(transaction=True)
def test_numbers_are_exact_whoever_hides_what_at_once(town):
    """Each owner hides one of four, twice, while it is being counted."""
    count()

    def hide(pk: int) -> None:
        try:
            for _ in range(2):
                charge_points.unpublish(ChargePoint.objects.get(pk=pk))
        finally:
            connection.close()

    def keep_counting() -> None:
        try:
            for _ in range(3):
                count()
        finally:
            connection.close()

    threads = [Thread(target=hide, args=(one.pk,)) for one in (*town[:2], *town[:2])] + [Thread(target=keep_counting)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    view = map_cells.View.of(west=-180.0, south=-90.0, east=180.0, north=90.0)
    assert view is not None
    assert sum(crowd.count for crowd in map_cells.crowds(view, [Access.PUBLIC]).values()) == 2
    count()
    assert sum(crowd.count for crowd in map_cells.crowds(view, [Access.PUBLIC]).values()) == 2
    assert MapCount.objects.get().number >= 2
