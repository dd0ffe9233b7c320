"""Registering, editing, publishing and retiring charge points."""

from decimal import Decimal

import pytest

from chargeshare.errors import Invalid
from stations import charge_points, places
from stations.models import ChargePoint, Connector
from tests import factories


def register(owner, **fields):
    return charge_points.register(owner=owner, **{"name": "Garage", "latitude": "49.9387", "longitude": "17.9026", **fields})


def test_public_place_is_moved_by_150_to_300_m_always_the_same_way(owner):
    for _ in range(20):
        charge_point, _password = register(owner)
        away = places.distance_m(49.9387, 17.9026, float(charge_point.public_latitude), float(charge_point.public_longitude))
        assert 150 <= away <= 300
        before = charge_point.public_latitude, charge_point.public_longitude
        charge_points.edit(charge_point, name="Other")
        assert (charge_point.public_latitude, charge_point.public_longitude) == before


def test_moving_moves_the_public_place_with_it(owner):
    charge_point, _password = register(owner)
    by = charge_point.public_latitude - charge_point.latitude
    charge_points.edit(charge_point, latitude="50.0")
    charge_point.refresh_from_db()
    assert charge_point.public_latitude - charge_point.latitude == pytest.approx(by, abs=Decimal("0.000002"))


@pytest.mark.parametrize(("latitude", "longitude"), [("89.9999", "10"), ("-90", "0"), ("0", "179.9999"), ("0", "-180")])
def test_public_place_at_the_edges_of_the_map(owner, latitude, longitude):
    charge_point, _password = register(owner, latitude=latitude, longitude=longitude)
    assert abs(charge_point.public_latitude) <= 90
    assert -180 <= charge_point.public_longitude <= 180


def test_password_is_made_up_and_known_only_once(owner):
    charge_point, password = register(owner)
    assert password is not None
    assert len(password) == 20
    assert password.isalnum()
    assert password not in charge_point.password_digest
    assert charge_points.password_matches(charge_point, password.encode())
    assert charge_points.password_matches(charge_point, password.encode().hex().encode())
    assert charge_points.password_matches(charge_point, password.encode().hex().upper().encode())
    assert not charge_points.password_matches(charge_point, b"wrong")
    assert not charge_points.password_matches(charge_point, b"")
    assert charge_point.identity.startswith("CS-")
    assert len(charge_point.identity) == 13
    assert charge_point.security_profile == 1
    assert charge_points.ocpp_url(charge_point) == f"ws://127.0.0.1:8000/ocpp/{charge_point.identity}"


def test_key_of_raw_bytes_matches_its_hex_text(owner):
    charge_point, _password = register(owner)
    charge_points.password_changed(charge_point, "00ff" * 10)
    assert charge_points.password_matches(charge_point, bytes.fromhex("00ff" * 10))
    assert charge_points.password_matches(charge_point, b"00ff" * 10)


def test_without_a_password_the_address_is_the_secret(owner):
    charge_point, password = register(owner, identity="BOX:1", password="")
    assert password is None
    assert charge_point.security_profile == 0
    assert charge_points.ocpp_url(charge_point).endswith(f"/ocpp/{charge_point.path_secret}/BOX:1")
    assert len(charge_point.path_secret) >= 32
    assert not charge_points.password_matches(charge_point, b"")


@pytest.mark.parametrize("password", ["short", "x" * 65, "tab\tinside"])
def test_useless_passwords_are_refused(owner, password):
    with pytest.raises(Invalid):
        register(owner, password=password)


@pytest.mark.parametrize(
    "fields", [{"name": " "}, {"latitude": "91"}, {"longitude": "x"}, {"identity": "a/b"}, {"identity": ""}, {"access": "all"}]
)
def test_bad_fields_are_named(owner, fields):
    with pytest.raises(Invalid) as refusal:
        register(owner, **fields)
    assert list(refusal.value.fields) == list(fields)


def test_identity_is_unique_without_regard_to_case_and_free_once_retired(owner, stranger):
    first, _password = register(owner, identity="Wallbox-1")
    with pytest.raises(charge_points.IdentityTaken):
        register(stranger, identity="WALLBOX-1")
    assert charge_points.find_by_identity("wallbox-1") == first
    charge_points.retire(first)
    assert charge_points.find_by_identity("wallbox-1") is None
    register(stranger, identity="WALLBOX-1")


def test_rotation_keeps_the_old_password_until_the_new_one_is_used(owner):
    charge_point, old = register(owner)
    assert old is not None
    new = charge_points.rotate_password(charge_point)
    for password in (old, new):
        assert charge_points.password_matches(charge_point, password.encode())
    charge_points.used_password(charge_point, old.encode())
    assert charge_points.password_matches(charge_point, new.encode())
    charge_points.used_password(charge_point, new.encode())
    charge_point.refresh_from_db()
    assert not charge_points.password_matches(charge_point, old.encode())
    assert charge_points.password_matches(charge_point, new.encode())


def test_publishing_needs_a_boot_and_something_to_offer(owner, tariff):
    charge_point = factories.make_charge_point(owner, published=False)
    with pytest.raises(charge_points.NotReadyToPublish):
        charge_points.publish(charge_point)
    outlet = charge_point.connectors.get()
    charge_points.edit_connector(outlet, type=Connector.Type.CCS, max_power_w=50_000, tariff=tariff)
    with pytest.raises(charge_points.NotReadyToPublish):
        charge_points.publish(charge_point)
    ChargePoint.objects.update(booted_at="2026-01-01T00:00:00Z")
    charge_point.refresh_from_db()
    assert charge_points.publish(charge_point).is_published


def test_somebody_elses_tariff_cannot_be_used(connector, stranger):
    with pytest.raises(Invalid):
        charge_points.edit_connector(connector, tariff=factories.make_tariff(stranger))


def test_search_text_holds_no_street(owner):
    charge_point, _password = register(owner, name="U Řeky", address="Krnovská 12, 746 01 Opava-Kateřinky")
    assert charge_point.search_text == "u reky opava-katerinky"
    assert places.town("Krnovská 12") == ""
    assert places.town("Opava") == "Opava"


def test_invitations(charge_point, driver):
    charge_points.edit(charge_point, access="private")
    assert not ChargePoint.objects.visible_to(driver).exists()
    charge_points.invite(charge_point, driver.email.upper())
    assert ChargePoint.objects.visible_to(driver).exists()
    charge_points.uninvite(charge_point, driver)
    assert not ChargePoint.objects.visible_to(driver).exists()
    with pytest.raises(Invalid):
        charge_points.invite(charge_point, "nobody@example.com")
