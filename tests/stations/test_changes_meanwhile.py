"""While a car charges, everything around its session may change: the session ends as it began, and its money goes where it was to go."""

import pytest

from accounts import closing, id_tokens
from accounts.models import IdToken, User
from billing import audit, ledger, tariffs
from chargeshare.errors import DomainError
from stations import charge_points, readings, sessions
from stations.models import ChargePoint, Connector
from stations.readings import Incoming
from tests import factories
from tests.stations.acting import HOUR, NOON, balance_minor, begin, reading, session_of, stop

CARD = "04A1B2C3"


def dearer_tariff(charge_point, driver):
    tariffs.edit(charge_point.connectors.get().tariff, {"price_per_kwh": "60.00"})


def no_tariff(charge_point, driver):
    Connector.objects.filter(charge_point=charge_point).update(tariff=None)


def blocked_card(charge_point, driver):
    IdToken.objects.update(is_blocked=True)


def removed_card(charge_point, driver):
    id_tokens.remove(IdToken.objects.get())


def blocked_account(charge_point, driver):
    User.objects.filter(pk=driver.pk).update(is_active=False)


def taken_from_the_map(charge_point, driver):
    ChargePoint.objects.filter(pk=charge_point.pk).update(is_published=False)


def other_owner(charge_point, driver):
    ChargePoint.objects.filter(pk=charge_point.pk).update(owner=factories.make_user())


CHANGES = [dearer_tariff, no_tariff, blocked_card, removed_card, blocked_account, taken_from_the_map, other_owner]


@pytest.fixture
def started(charge_point, driver):
    factories.make_id_token(driver, CARD)
    return begin(charge_point, CARD)


def read(charge_point, started):
    readings.store([Incoming(charge_point.pk, 1, started.transaction_id, (reading(30, 4_000),), reading(30, 0).at)])


@pytest.mark.parametrize("change", CHANGES)
def test_the_end_is_as_it_was_agreed(charge_point, started, driver, owner, change):
    read(charge_point, started)
    change(charge_point, driver)
    stop(ChargePoint.objects.get(pk=charge_point.pk), started.transaction_id, meter=6_000, at=NOON + HOUR)
    session = session_of(started)
    assert (session.status, session.energy_wh) == ("COMPLETED", 5_000)
    assert balance_minor(driver) == 50_000 - 3_250
    assert ledger.account(owner, "earnings_pending").balance_minor == 3_250 - 325
    assert audit.check() == []


def test_a_charger_that_is_retired_can_say_no_last_word(charge_point, started, driver, owner):
    """Its socket is closed for good; a day later the session ends at what it last said."""
    read(charge_point, started)
    charge_points.retire(charge_point)
    sessions.close_orphans(now=NOON + 30 * HOUR)
    session = session_of(started)
    assert (session.status, session.energy_wh, session.is_estimated) == ("COMPLETED", 3_000, True)
    assert balance_minor(driver) == 50_000 - 1_950
    assert ledger.account(owner, "earnings_pending").balance_minor == 1_950 - 195
    assert audit.check() == []


def test_nobody_closes_an_account_in_the_middle(charge_point, started, driver, owner):
    for person in (driver, owner):
        with pytest.raises(DomainError):
            closing.close_account(person)
    stop(charge_point, started.transaction_id, meter=6_000, at=NOON + HOUR)
    assert session_of(started).status == "COMPLETED"
    assert audit.check() == []
