"""What drivers complain of in other maps, and must not find in this one."""

import pytest

from stations import charge_points, favourites
from stations.models import Connector
from tests import factories
from tests.stations.acting import go_online
from tests.stations.test_api_sessions import client_of

MAP = "/api/v1/charge-points/"
FACTS = ("state", "free", "is_available")


@pytest.fixture
def mixed(owner):
    """Two outlets: the slow one is free, the fast one is busy."""
    charge_point = factories.make_charge_point(owner, name="Yard", connectors=2)
    go_online(charge_point)
    Connector.objects.filter(charge_point=charge_point).update(status="Available")
    Connector.objects.filter(charge_point=charge_point, number=2).update(type="CCS", max_power_w=50_000, status="Charging")
    return charge_point


@pytest.mark.parametrize(
    "query", ["connector_type=CCS", "min_power_w=50000", "max_price_per_kwh=9", "q=yard", "connector_type=CCS&min_power_w=22000"]
)
def test_a_filter_chooses_places_and_never_changes_how_free_they_are(mixed, query):
    def told(asked):
        [feature] = client_of().get(f"{MAP}?{asked}").json()["features"]
        return {name: feature["properties"][name] for name in FACTS} | {"outlets": len(feature["properties"]["connectors"])}

    assert told(query) == told("") == {"state": "free", "free": 1, "is_available": True, "outlets": 2}
    near = client_of().get(f"{MAP}?near=49.9,17.9&{query}").json()["results"]
    assert [(row["state"], len(row["connectors"])) for row in near] == [("free", 2)]


def test_free_now_means_the_outlet_that_was_asked_for(mixed):
    def found(query):
        return len(client_of().get(f"{MAP}?available=true&{query}").json()["features"])

    assert (found(""), found("connector_type=TYPE_2"), found("connector_type=CCS")) == (1, 1, 0)


def test_a_favourite_that_a_filter_hides_is_not_lost(owner, driver, client):
    client.force_login(driver)
    client.cookies["django_language"] = "en"
    far = factories.make_charge_point(owner, name="Far away", latitude="48.15", longitude="17.1")
    favourites.add(driver, far)
    only = client.get("/?part=list&favourites=true&bbox=17.8,49.9,18.0,50.0").content.decode()
    assert "Far away" in only  # wherever she looks
    hidden = client.get("/?part=list&favourites=true&available=true&bbox=17.8,49.9,18.0,50.0").content.decode()
    assert "Far away" not in hidden
    assert "Without “Free now”: 1 charger" in " ".join(hidden.split())
    charge_points.unpublish(far)
    assert "Far away" not in client.get("/?part=list&favourites=true").content.decode()
