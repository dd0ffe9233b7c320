"""Which charge points match here."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from stations import charge_points, connectivity, search
from stations.models import ChargePoint, Connector, State
from stations.search import Box, Wanted
from tests import factories
from tests.stations.acting import begin

WORLD = Box(-180, -90, 180, 90)
OPAVA = Box(17.8, 49.8, 18.0, 50.1)


@pytest.fixture
def town(owner, tariff):
    """Four chargers in Opava."""
    names = ["Kateřinky", "Jaktař", "Předměstí", "Kylešovice"]
    made = [
        factories.make_charge_point(owner, tariff=tariff, name=name, address=f"Dlouhá {n}, 746 01 Opava", latitude=f"49.9{n}")
        for n, name in enumerate(names, 1)
    ]
    for one in made:
        connectivity.connected(one.pk, uuid4(), at=timezone.now())
    return made


def names(found):
    return sorted(one.name for one in found or [])


def test_in_the_box_whether_online_or_not(town):
    ChargePoint.objects.filter(pk=town[0].pk).update(connection=None)
    assert len(search.in_box(None, OPAVA, Wanted()) or []) == 4
    assert search.in_box(None, Box(18.5, 49, 19, 50), Wanted()) == []
    assert len(search.in_box(None, WORLD, Wanted()) or []) == 4


def test_number_of_queries_is_constant(town, django_assert_num_queries):
    with django_assert_num_queries(3):
        for one in search.in_box(None, OPAVA, Wanted()) or []:
            assert one.state in State
            tariff = one.connectors.all()[0].tariff
            assert tariff is not None
            assert tariff.current is not None
    with django_assert_num_queries(3):
        assert len(list(search.near(None, 49.9, 17.9, Wanted()))) == 4
    with django_assert_num_queries(1):
        search.clusters(None, WORLD, Wanted())


def test_who_sees_what(town, driver, owner, staff):
    ChargePoint.objects.filter(pk=town[0].pk).update(is_published=False)
    ChargePoint.objects.filter(pk=town[1].pk).update(access="members")
    ChargePoint.objects.filter(pk=town[2].pk).update(access="private")
    assert names(search.in_box(AnonymousUser(), OPAVA, Wanted())) == ["Kylešovice"]
    assert names(search.in_box(driver, OPAVA, Wanted())) == ["Jaktař", "Kylešovice"]
    charge_points.invite(town[2], driver.email)
    for person in (driver, owner, staff):
        assert names(search.in_box(person, OPAVA, Wanted())) == ["Jaktař", "Kylešovice", "Předměstí"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("katerinky", 1), ("KATEŘ", 1), ("opava jaktar", 1), ("opava", 4), ("dlouha", 0), ("746", 0), ("praha", 0), ("%", 0), ("", 4)],
)
def test_text_without_accents_and_without_streets(town, text, found):
    assert len(search.in_box(None, OPAVA, Wanted(text=text)) or []) == found


def test_filters_hold_for_one_and_the_same_outlet(town, owner):
    dear = factories.make_tariff(owner, price_per_kwh="12")
    Connector.objects.create(charge_point=town[0], number=2, type="CCS", max_power_w=50_000, tariff=dear, status="Available")
    Connector.objects.filter(charge_point=town[0], number=1).update(status="Charging")

    def found(**wanted):
        return len(search.in_box(None, OPAVA, Wanted(**wanted)) or [])

    assert found(connector_types=("CCS",)) == 1
    assert found(connector_types=("CCS", "TYPE_2")) == 4
    assert found(min_power_w=22_000) == 1
    assert found(connector_types=("TYPE_2",), min_power_w=22_000) == 0
    assert found(max_price_per_kwh=Decimal("6.50")) == 4
    assert found(max_price_per_kwh=Decimal("6.49")) == 0
    assert found(available=True) == 4
    assert found(available=True, connector_types=("TYPE_2",)) == 3
    assert found(available=True, max_price_per_kwh=Decimal(7)) == 3


def test_available_is_the_word_free(town, driver):
    ChargePoint.objects.filter(pk=town[0].pk).update(is_paused=True)
    ChargePoint.objects.filter(pk=town[1].pk).update(status="Faulted")
    ChargePoint.objects.filter(pk=town[2].pk).update(connection=None)
    factories.make_id_token(driver, "04A1B2C3")
    busy = factories.make_charge_point(town[0].owner, name="Komárov", latitude="49.95")
    connectivity.connected(busy.pk, uuid4(), at=timezone.now())
    begin(busy, "04A1B2C3")
    everything = search.in_box(None, OPAVA, Wanted()) or []
    free = search.in_box(None, OPAVA, Wanted(available=True)) or []
    assert [one for one in everything if one.state == State.FREE] == free
    assert names(free) == ["Kylešovice"], "one says it is available while a car charges there"
    assert sum(cluster.free for cluster in search.clusters(None, OPAVA, Wanted())) == len(free)


def test_nearest_first(town):
    found = search.near(None, 49.95, 17.9, Wanted())
    assert found.count() == 4
    distances = [one.distance_m for one in found]  # type: ignore[attr-defined]
    assert distances == sorted(distances)
    assert found[0].name == "Kylešovice"
    assert 50_000 < max(distances) - min(distances) + 50_000 < 100_000


def test_more_than_the_limit_come_as_clusters(town):
    assert search.in_box(None, OPAVA, Wanted(), limit=3) is None
    ChargePoint.objects.filter(pk=town[0].pk).update(connection=None)
    crowd = search.clusters(None, WORLD, Wanted())
    assert [(one.count, one.free) for one in crowd] == [(4, 3)]
    assert abs(crowd[0].longitude - 17.9) < 0.1
    assert sum(one.count for one in search.clusters(None, OPAVA, Wanted())) == 4
    assert sum(one.count for one in search.clusters(None, OPAVA, Wanted(text="katerinky"))) == 1


def test_across_the_date_line(owner, tariff):
    for longitude in ("179.99", "-179.99", "0"):
        factories.make_charge_point(owner, tariff=tariff, latitude="0", longitude=longitude)
    fiji = Box(179, -1, -179, 1)
    assert len(search.in_box(None, fiji, Wanted()) or []) == 2
    crowd = search.clusters(None, fiji, Wanted())
    assert sum(one.count for one in crowd) == 2
    assert all(-180 <= one.longitude <= 180 for one in crowd)


def test_never_more_than_500_cells(owner):
    for box in (WORLD, OPAVA, Box(-179.99, -89, 179.99, 89), Box(0.000001, 0, 0.000002, 0.000001)):
        rows = (box.north - box.south) / search._cell(box.north - box.south, search.ROWS, 180) + 1
        columns = box.width / search._cell(box.width, search.COLUMNS, 360) + 1
        assert (rows + 1) * (columns + 1) <= 500


def test_a_letter_that_is_none_breaks_nothing(charge_point):
    assert search.in_box(None, WORLD, Wanted(text="\0")) == [charge_point]
