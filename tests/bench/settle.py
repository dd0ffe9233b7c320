"""What settling costs the database of the environment: `python -m tests.bench.settle STOPS` prints counts and seconds as JSON."""

import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from functools import partial

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chargeshare.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.models import User  # noqa: E402
from billing import audit, ledger, settlement  # noqa: E402
from billing.models import ChargeDetailRecord, LedgerAccount, LedgerEntry, LedgerTransaction, ReceiptSeries  # noqa: E402
from stations.models import ChargePoint, ChargingSession  # noqa: E402
from stations.sessions.billing import bill  # noqa: E402
from tests import factories  # noqa: E402
from tests.billing.books import at_once  # noqa: E402
from tests.stations.acting import HOUR, NOON, begin, stop  # noqa: E402

AROUND = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
THREADS = 16


def make_driver() -> User:
    """A driver with credit."""
    driver = factories.make_user("Driver")
    factories.give_credit(driver, 400_000)
    return driver


def count_statements() -> dict[str, int]:
    """Of people who have charged before: settling alone, the whole StopTransaction, and settling as one would write it first."""
    owner, driver = factories.make_user("Owner"), make_driver()
    charge_point = factories.make_charge_point(owner, tariff=factories.make_tariff(owner))
    card = factories.make_id_token(driver).uid
    counted = {}
    for turn in range(2):
        session = ChargingSession.objects.get(pk=_begin(charge_point, card, turn))
        session.energy_wh, session.stop_received_at = 1_000, NOON + (2 * turn + 1) * HOUR
        counted["settle"], _one = _counted(partial(settlement.settle, bill(session)))
        session.status = "COMPLETED"
        session.save()
    transaction_id = ChargingSession.objects.get(pk=_begin(charge_point, card, 2)).transaction_id
    ended = partial(stop, charge_point, transaction_id, meter=6_000, at=NOON + 5 * HOUR)
    counted["stop"], counted["transactions"] = _counted(ended)
    last = ChargeDetailRecord.objects.latest("pk")
    counted["naive"] = _counted(partial(settle_naively, last))[0]
    return counted


def _begin(charge_point: ChargePoint, card: str, turn: int) -> int:
    started = begin(charge_point, card, at=NOON + turn * 2 * HOUR, meter=2_000 * turn)
    return ChargingSession.objects.get(transaction_id=started.transaction_id).pk


def _counted(work: Callable[[], object]) -> tuple[int, int]:
    """How many statements something takes, and in how many transactions."""
    with CaptureQueriesContext(connection) as queries:
        work()
    said = [one["sql"] for one in queries]
    return len([one for one in said if not one.startswith(AROUND)]), len([one for one in said if one.startswith("BEGIN")])


@transaction.atomic
def settle_naively(like: ChargeDetailRecord) -> None:
    """The same rows, each account found, locked and saved by itself and each row created by itself."""
    moved = LedgerEntry.objects.filter(transaction__key=f"session:{like.session_code}:settle").select_related("account")
    code = uuid.uuid4()
    if LedgerTransaction.objects.filter(key=f"session:{code}:settle").exists():
        return
    booked = LedgerTransaction.objects.create(key=f"session:{code}:settle", kind="settle")
    for entry in moved:
        account = (
            ledger.account(entry.account.user, entry.account.kind) if entry.account.user else ledger.platform_account(entry.account.kind)
        )
        locked = LedgerAccount.objects.select_for_update().get(pk=account.pk)
        locked.balance_minor += entry.amount_minor
        locked.save()
        LedgerEntry.objects.create(
            transaction=booked, account=locked, amount_minor=entry.amount_minor, balance_after_minor=locked.balance_minor
        )
    series = ReceiptSeries.objects.select_for_update().latest("pk")
    series.last += 1
    series.save()
    lines = list(like.lines.all())
    record = ChargeDetailRecord.objects.get(pk=like.pk)
    record.pk, record.session_code, record.number = None, code, f"{like.number.rpartition('-')[0]}-{series.last:06d}"
    record._state.adding = True
    record.save(force_insert=True)
    for line in lines:
        line.pk, line.cdr, line._state.adding = None, record, True
        line.save(force_insert=True)


def settle_at_once(stops: int) -> dict[str, float]:
    """So many StopTransactions on different wallets, all at the same moment."""
    owner = factories.make_user("Owner")
    tariff = factories.make_tariff(owner)
    started = []
    for _number in range(stops):
        charge_point = factories.make_charge_point(owner, tariff=tariff)
        started.append((charge_point, begin(charge_point, factories.make_id_token(make_driver()).uid).transaction_id))
    before = _deadlocks()
    began = time.monotonic()
    results = at_once(lambda number: stop(*started[number], meter=2_000, at=NOON + HOUR), stops, threads=THREADS)
    seconds = time.monotonic() - began
    if failed := [one for one in results if isinstance(one, Exception)]:
        sys.exit(f"{len(failed)} stops failed, the first with {failed[0]!r}")
    time.sleep(1.5)  # until the server has written down what it counted
    return {"seconds": round(seconds, 2), "deadlocks": _deadlocks() - before}


def _deadlocks() -> int:
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def main() -> None:
    """Count, race, prove the books, and say what came out."""
    said = {**count_statements(), "stops": int(sys.argv[1]), **settle_at_once(int(sys.argv[1]))}
    if problems := audit.check():
        sys.exit("\n".join(problems))
    print(json.dumps(said))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
