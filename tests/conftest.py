"""The cast of the tests."""

import pytest
from django.core.cache import cache

from accounts.models import User
from billing.models import Tariff
from stations.models import ChargePoint, Connector
from tests import factories

OPENING_CREDIT_MINOR = 50_000


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """No test pays for the failed log-ins of another."""
    cache.clear()


@pytest.fixture
def driver(db: None) -> User:
    """A driver with 500 Kč of own money."""
    user = factories.make_user("Tereza Malá")
    factories.give_credit(user, OPENING_CREDIT_MINOR)
    return user


@pytest.fixture
def owner(db: None) -> User:
    """The owner of `charge_point`."""
    return factories.make_user("Pavel Novák")


@pytest.fixture
def stranger(db: None) -> User:
    """Somebody who has nothing to do with it."""
    return factories.make_user("Cizí Člověk")


@pytest.fixture
def staff(db: None) -> User:
    """A member of staff."""
    return factories.make_user("Správa", is_staff=True, is_superuser=True)


@pytest.fixture
def tariff(owner: User) -> Tariff:
    """6.50 Kč per kWh."""
    return factories.make_tariff(owner)


@pytest.fixture
def charge_point(owner: User, tariff: Tariff) -> ChargePoint:
    """A published charge point with one connector of 11 kW."""
    return factories.make_charge_point(owner, tariff=tariff)


@pytest.fixture
def connector(charge_point: ChargePoint) -> Connector:
    """The connector of `charge_point`."""
    return charge_point.connectors.get()
