"""What a visit costs the database: Authorize, StartTransaction, StopTransaction, and two hundred of the last at the same moment."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from billing import audit, ledger, settlement
from billing.ledger import Kind
from billing.models import ChargeDetailRecord
from stations import authorization
from stations.models import ChargePoint, ChargingSession
from stations.sessions import ending
from stations.sessions.billing import bill
from tests import factories
from tests.billing.books import at_once
from tests.stations.acting import HOUR, NOON, begin, stop

MOST_STATEMENTS = 12
MOST_OF_AUTHORIZE, MOST_OF_START, MOST_OF_STOP = 6, 14, 17


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

    assert len(_statements(queries)) <= MOST_STATEMENTS, "\n".join(_statements(queries))


def test_a_visit_takes_few_statements(charge_point, driver):
    """Of people who have charged before. Who adds one has a reason, for each costs every start or stop a quarter of a millisecond."""
    card = factories.make_id_token(driver).uid
    stop(charge_point, begin(charge_point, card).transaction_id, meter=1_000, at=NOON + HOUR)
    charge_point = ChargePoint.objects.select_related("owner").get(pk=charge_point.pk)

    with CaptureQueriesContext(connection) as authorize_queries:
        assert authorization.authorize(charge_point, card).is_accepted
    with CaptureQueriesContext(connection) as start_queries:
        started = begin(charge_point, card, at=NOON + 2 * HOUR, meter=1_000)
    with CaptureQueriesContext(connection) as stop_queries:
        stop(charge_point, started.transaction_id, meter=2_000, at=NOON + 3 * HOUR)

    assert ChargeDetailRecord.objects.count() == 2
    for queries, most in ((authorize_queries, MOST_OF_AUTHORIZE), (start_queries, MOST_OF_START), (stop_queries, MOST_OF_STOP)):
        assert len(_statements(queries)) <= most, "\n".join(_statements(queries))


def test_all_that_the_end_changes_is_written(charge_point, driver):
    """Not all columns are: a new one that an end changes belongs to those that are."""
    started = begin(charge_point, factories.make_id_token(driver).uid)
    ChargingSession.objects.update(idle_since=NOON + HOUR, orphaned_at=NOON, power_w=1, stop_at=NOON + 9 * HOUR, stop_asked_at=NOON)
    session = ending.lock(ChargingSession.objects.get(transaction_id=started.transaction_id).pk)
    session.note = "closed by hand"
    ending.soft_close(session, now=NOON + 2 * HOUR, next_start_wh=3_000, reason="Other")

    stored = ChargingSession.objects.get(pk=session.pk)
    columns = [field.attname for field in ChargingSession._meta.concrete_fields]
    assert {name: getattr(stored, name) for name in columns} == {name: getattr(session, name) for name in columns}
    assert (stored.status, stored.note, stored.power_w, stored.idle_since) == ("COMPLETED", "closed by hand", None, None)


def _statements(queries: CaptureQueriesContext) -> list[str]:
    """What the database was told, the marks of transactions left out."""
    return [one["sql"] for one in queries if "SAVEPOINT" not in one["sql"] and one["sql"] not in ("BEGIN", "COMMIT")]


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
    for kind in (Kind.PLATFORM_FEE, Kind.LOSS):  # as wherever somebody has charged before; the owner's first guests are these
        ledger.platform_account(kind)
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
