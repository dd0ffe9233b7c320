"""What the tests of money share: bills, threads, and a look at the books."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from accounts.models import User
from billing import audit, ledger
from billing.models import ChargeDetailRecord
from billing.pricing import Prices, Usage
from billing.settlement import Bill

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PER_KWH = Prices(Decimal("6.50"), Decimal(0), Decimal(0), Decimal(0), 15, (), "CZK")
IS_SQLITE = connection.vendor == "sqlite"


def make_bill(driver: User | None, owner: User, wh: int = 10_000, **more: Any) -> Bill:
    """10 kWh at 6.50, an hour long, a tenth for the platform."""
    usage = Usage(wh, NOON, NOON + timedelta(hours=1), 3_600)
    known: dict[str, Any] = {
        "session_code": uuid.uuid4(),
        "driver": driver,
        "owner": owner,
        "usage": usage,
        "prices": PER_KWH,
        "is_free": False,
        "fee_share": Decimal("0.10"),
        "hold": None,
        "place_name": "U Nováků",
        "charge_point_code": "abc234def",
        "connector_label": "Type 2 · 1",
    }
    return Bill(**{**known, **more})


def balance(user: User | None, kind: str) -> int:
    """What an account stands at."""
    one = ledger.account(user, kind) if user else ledger.platform_account(kind)
    one.refresh_from_db()
    return one.balance_minor


def assert_books_balance() -> None:
    """Every proof holds."""
    assert audit.check() == []
    assert settings.CURRENCY == "CZK"


def year_of(cdr: ChargeDetailRecord) -> int:
    """The year in which a receipt is numbered."""
    return timezone.localtime(cdr.created_at).year


def at_once(function: Callable[[int], Any], times: int, *, threads: int = 10) -> list[Any]:
    """Call a function from many threads at the same moment; exceptions are results."""
    barrier = threading.Barrier(threads)
    results: list[Any] = []
    left = list(range(times))

    def work() -> None:
        barrier.wait()
        try:
            while True:
                try:
                    number = left.pop()
                except IndexError:
                    return
                try:
                    results.append(function(number))
                except Exception as error:  # noqa: BLE001 - what went wrong is the result
                    results.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results
