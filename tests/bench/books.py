"""How long the proof of long books takes: `python -m tests.bench.books ENTRIES` fills a database and prints seconds and memory as JSON.

One session is settled as always, and its rows are repeated by the database with other keys and numbers, so that the books
balance. For PostgreSQL alone.
"""

import json
import os
import resource
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chargeshare.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import F, Model  # noqa: E402

from billing import audit, settlement  # noqa: E402
from billing.models import CdrLine, ChargeDetailRecord, LedgerAccount, LedgerEntry, LedgerTransaction, ReceiptSeries  # noqa: E402
from tests import factories  # noqa: E402
from tests.billing.books import make_bill  # noqa: E402


def fill(entries: int) -> int:
    """Repeat one settled session until the books have so many entries; how many sessions that takes."""
    driver, owner = factories.make_user("Driver"), factories.make_user("Owner")
    factories.give_credit(driver, 1_000_000_000)
    cdr = settlement.settle(make_bill(driver, owner, 10_000))
    booked = LedgerTransaction.objects.get(key=f"session:{cdr.session_code}:settle")
    moved = {entry.account_id: entry.amount_minor for entry in LedgerEntry.objects.filter(transaction=booked)}
    times = entries // len(moved)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # the triggers would look at each row
        code = "md5('bench' || n)::uuid"
        number = f"'{cdr.number.rpartition('-')[0]}-' || lpad((n + 1)::text, 6, '0')"
        _repeat(cursor, ChargeDetailRecord, times, f"t.id = {cdr.pk}", id=f"{cdr.pk} + n", session_code=code, number=number)
        _repeat(cursor, CdrLine, times, f"t.cdr_id = {cdr.pk}", id=f"t.id + n * {len(moved)}", cdr_id=f"{cdr.pk} + n")
        key = f"'session:' || {code} || ':settle'"
        _repeat(cursor, LedgerTransaction, times, f"t.id = {booked.pk}", id=f"{booked.pk} + n", key=key)
        after = "t.balance_after_minor + n * t.amount_minor"
        within = f"t.transaction_id = {booked.pk}"
        words = {"id": f"t.id + n * {len(moved)}", "transaction_id": f"{booked.pk} + n", "balance_after_minor": after}
        _repeat(cursor, LedgerEntry, times, within, **words)
        for account_id, amount_minor in moved.items():
            LedgerAccount.objects.filter(pk=account_id).update(balance_minor=F("balance_minor") + amount_minor * times)
        ReceiptSeries.objects.update(last=times + 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return times


def _repeat(cursor: object, model: type[Model], times: int, which: str, **others: str) -> None:
    names = [str(field.column) for field in model._meta.concrete_fields]
    values = ", ".join(others.get(name, f"t.{name}") for name in names)
    table = model._meta.db_table
    said = f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} t, generate_series(1, {times}) n WHERE {which}"  # noqa: S608 - names of ours
    cursor.execute(said)  # type: ignore[attr-defined]


def main() -> None:
    """Fill, prove, and say how long it took."""
    sessions = fill(int(sys.argv[1]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    problems = audit.check()
    seconds = time.monotonic() - began
    if problems:
        sys.exit("\n".join(problems))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    said = {"entries": LedgerEntry.objects.count(), "sessions": sessions, "seconds": round(seconds, 2), "grown_mib": round(grown, 1)}
    print(json.dumps(said))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
