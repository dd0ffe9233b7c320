"""What a StopTransaction costs the database, and two hundred of them at the same moment."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from billing import audit, ledger, settlement
from billing.models import ChargeDetailRecord
from stations.models import ChargingSession
from stations.sessions import ending
from stations.sessions.billing import bill
from tests import factories
from tests.billing.books import at_once
from tests.stations.acting import HOUR, NOON, begin, stop

MOST_STATEMENTS = 15


def test_settling_takes_one_transaction_and_few_statements(charge_point, driver):
    """Of an owner and a driver who have charged before; the first visit of all makes their accounts as well."""
    card = factories.make_id_token(driver).uid
    for turn in range(2):
        started = begin(charge_point, card, at=NOON + turn * 2 * HOUR, meter=1_000 * turn)
        session = ending.lock(ChargingSession.objects.get(transaction_id=started.transaction_id).pk)
        session.energy_wh, session.stop_received_at = 1_000, NOON + (2 * turn + 1) * HOUR
        drawn = bill(session)
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            settlement.settle(drawn)
        session.status = "COMPLETED"
        session.save()

    statements = [one["sql"] for one in queries if "SAVEPOINT" not in one["sql"] and one["sql"] not in ("BEGIN", "COMMIT")]
    assert len(statements) < MOST_STATEMENTS, "\n".join(statements)


def deadlocks():
    """How many the database has had to solve so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot(), deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one writer in at a time")
def test_two_hundred_stops_at_once_are_settled_without_a_deadlock(owner, tariff, caplog):
    """Different wallets, one owner and one platform account: whoever waits, waits for a moment."""
    caplog.set_level("INFO", "billing.ledger")
    started = []
    for _number in range(200):
        driver = factories.make_user()
        factories.give_credit(driver, 50_000)
        charge_point = factories.make_charge_point(owner, tariff=tariff)
        started.append((charge_point, begin(charge_point, factories.make_id_token(driver).uid).transaction_id))

    before = deadlocks()
    results = at_once(lambda number: stop(*started[number], meter=2_000, at=NOON + HOUR), 200, threads=16)

    assert deadlocks() == before

    assert [one for one in results if isinstance(one, Exception)] == []
    assert "asked to repeat" not in caplog.text
    assert ChargeDetailRecord.objects.count() == 200
    assert ledger.account(owner, "earnings_pending").balance_minor == 200 * 585
    assert audit.check() == []
