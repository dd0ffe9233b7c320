"""Cards that become somebody's by being tapped."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import IdToken, Notification
from chargeshare.errors import NotFound
from stations import pairing
from stations.models import CardPairing, ChargePoint


def tap(charge_point: ChargePoint, id_tag: str) -> IdToken:
    token = pairing.tap(charge_point, id_tag)
    assert token is not None
    return token


def test_the_next_unknown_card_is_hers(charge_point, driver):
    pairing.open(driver, charge_point, "Work")
    token = tap(charge_point, "04A1B2C3")
    assert (token.user, token.label) == (driver, "Work")
    assert token.confirmed_at is not None
    assert pairing.tap(charge_point, "04FFFFFF") is None
    assert Notification.objects.filter(user=driver, kind="card_paired").count() == 1
    assert CardPairing.objects.get().uid == "04A1B2C3"


def test_not_after_two_minutes_and_not_elsewhere(charge_point, driver):
    pairing.open(driver, charge_point)
    CardPairing.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert pairing.tap(charge_point, "04A1B2C3") is None
    assert not IdToken.objects.exists()


def test_the_newest_pairing_counts(charge_point, driver, stranger):
    pairing.open(driver, charge_point)
    pairing.open(stranger, charge_point)
    assert tap(charge_point, "04A1B2C3").user == stranger
    assert pairing.tap(charge_point, "04A1B2C4") is None


def test_not_at_a_charger_one_may_not_see(charge_point, driver):
    charge_point.access = "private"
    charge_point.save()
    with pytest.raises(NotFound):
        pairing.open(driver, charge_point)


def test_what_is_no_card_number_does_not_end_the_waiting(charge_point, driver):
    pairing.open(driver, charge_point)
    assert pairing.tap(charge_point, "A1") is None
    assert pairing.tap(charge_point, "x" * 60) is None
    assert tap(charge_point, "04A1B2C3").user == driver
