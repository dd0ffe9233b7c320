"""The page of a charger and the page behind the QR code."""

import pytest

from billing import ledger
from stations import sessions
from stations.models import ChargePoint
from tests import factories
from tests.stations.acting import go_online

ADDRESS = "Rolnická 41, Opava-Kateřinky"


@pytest.fixture
def place(owner, tariff):
    return go_online(factories.make_charge_point(owner, name="U Nováků", address=ADDRESS, tariff=tariff))


def page_of(client, place, query=""):
    return client.get(f"/charge-points/{place.code}/{query}").content.decode().replace("\xa0", " ")


def test_what_a_stranger_reads(client, place):
    page = page_of(client, place)

    assert "U Nováků" in page
    assert "6.50 Kč" in page
    assert "11 kW" in page
    assert f"/accounts/login/?next=/charge-points/{place.code}/" in page
    assert "Rolnická" not in page
    assert "Opava-Kateřinky" in page
    assert place.identity not in page


def test_the_estimate_follows_the_wish(client, place):
    assert "260 Kč" in page_of(client, place, "?energy_wh=40000")


def test_the_inside_alone_for_the_map(client, place):
    panel = page_of(client, place, "?part=panel")

    assert "<html" not in panel
    assert "U Nováků" in panel


def test_the_address_is_for_who_charges_there(client, place, driver, owner, stranger):
    """It is somebody's home: the owner, and a driver from the start to the end."""
    client.force_login(owner)
    assert "Rolnická 41" in page_of(client, place)

    client.force_login(driver)
    assert "Rolnická 41" not in page_of(client, place)
    session = sessions.request_start(driver=driver, connector=place.connectors.get())
    assert "Rolnická 41" in page_of(client, place)
    assert f"/sessions/{session.code}/" in page_of(client, place)
    sessions.request_stop(user=driver, session=session)
    assert "Rolnická 41" not in page_of(client, place)

    client.force_login(stranger)
    assert "Rolnická 41" not in page_of(client, place)


def test_one_button_says_what_is_possible(client, place, driver, owner):
    start = f"/charge-points/{place.code}/connectors/1/start/"
    client.force_login(driver)
    assert start in page_of(client, place)

    place.connectors.update(status="Charging")
    assert start not in page_of(client, place)

    place.connectors.update(status="Available")
    ledger.hold(driver, ledger.wallet(driver).available_minor, key="test:all")
    page = page_of(client, place)
    assert start not in page
    assert "/wallet/" in page

    client.force_login(owner)
    assert start in page_of(client, place)


def test_silent_and_paused_ones_cannot_be_started(client, place, driver):
    client.force_login(driver)
    ChargePoint.objects.filter(pk=place.pk).update(is_paused=True)
    assert "/start/" not in page_of(client, place)
    ChargePoint.objects.filter(pk=place.pk).update(is_paused=False, connection=None)
    assert "/start/" not in page_of(client, place)


def test_the_code_on_the_connector(client, place, driver):
    client.force_login(driver)

    page = client.get(f"/c/{place.code}/1/").content.decode()

    assert 'name="origin" value="qr"' in page
    assert f"/charge-points/{place.code}/connectors/1/start/" in page


@pytest.mark.parametrize("path", ["/c/{code}/7/", "/c/nothing/1/", "/charge-points/nothing/", "/charge-points/%3Cscript%3E/"])
def test_what_is_not_there(client, place, path):
    assert client.get(path.format(code=place.code)).status_code == 404


def test_private_ones_do_not_exist_for_others(client, place, owner, stranger):
    ChargePoint.objects.filter(pk=place.pk).update(access=ChargePoint.Access.PRIVATE)

    assert client.get(place.get_absolute_url()).status_code == 404
    client.force_login(stranger)
    assert client.get(place.get_absolute_url()).status_code == 404
    assert client.get(f"/c/{place.code}/1/").status_code == 404
    client.force_login(owner)
    assert client.get(place.get_absolute_url()).status_code == 200
