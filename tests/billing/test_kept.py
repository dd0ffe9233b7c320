"""Tests of billing/kept.py: sums that are written down are the plain ones, whatever was booked, and when."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from billing import audit, earnings, kept, ledger, settlement, statements
from billing.ledger import Kind
from billing.models import ChargeDetailRecord, KeptBalance, KeptSum, LedgerEntry
from billing.models.frozen import FrozenRowError
from billing.pricing import Usage
from tests import factories
from tests.billing.books import make_bill

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MONTHS = [date(2026, month, 1) for month in range(1, 13)]


@pytest.fixture(autouse=True)
def _few_are_worth_it(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kept, "WORTH_KEEPING", 1)
    monkeypatch.setattr(kept, "AT_ONCE", 3)
    yield
    assert audit.check() == []


def visit(
    driver: User, owner: User, at: datetime, wh: int = 10_000, *, at_charger: str = "abc234def", booked: datetime | None = None
) -> tuple[ChargeDetailRecord, Any]:
    """A settled session that ended at one moment and was booked at another; its bill is kept beside it for a correction."""
    usage = Usage(wh, at - timedelta(hours=1), at, 3_600)
    bill = make_bill(driver, owner, usage=usage, settled_at=booked or at, charge_point_code=at_charger, session_code=uuid.uuid4())
    return settlement.settle(bill), bill


def corrected(cdr: ChargeDetailRecord, bill: Any, wh: int, at: datetime) -> ChargeDetailRecord:
    """The same session with another energy, put right at a moment of its own."""
    usage = Usage(wh, bill.usage.started_at, bill.usage.stopped_at, 3_600)
    correction = settlement.correct(cdr, type(bill)(**{**vars(bill), "usage": usage, "settled_at": at}), approved=True)
    assert correction is not None
    return correction


def plain(owner: User, of: str, per: str, *, with_own: bool = False) -> dict[Any, dict[str, int]]:
    """The same sums, row by row."""
    found: dict[Any, dict[str, int]] = defaultdict(lambda: dict.fromkeys((*kept.NAMES, "last_receipt"), 0))
    for cdr in ChargeDetailRecord.objects.filter(owner=owner).select_related("corrects").order_by("pk"):
        at = timezone.localdate(cdr.stopped_at if of == kept.Of.ENDED else cdr.created_at)
        if at.year != 2026 or (cdr.driver_id == owner.pk and not with_own):
            continue
        one = found[{"month": at.replace(day=1), "charge_point_code": cdr.charge_point_code, "driver_id": cdr.driver_id}[per]]
        figures = {"gross_minor": cdr.total_minor, "fee_minor": cdr.fee_minor, "earned_minor": cdr.owner_minor}
        figures |= {"vat_minor": cdr.vat_minor, "fee_vat_minor": cdr.fee_vat_minor}
        if cdr.corrects is None:
            figures |= {"energy_wh": cdr.energy_wh, "sessions": 1}
        else:
            figures["corrected_wh"] = cdr.energy_wh - cdr.corrects.energy_wh
        for name, figure in figures.items():
            one[name] += figure
        one["last_receipt"] = cdr.pk
    return dict(found)


def assert_sums_are_plain(owner: User) -> None:
    ways: list[tuple[str, kept.Per]] = [
        *((of, per) for of in (kept.Of.MADE, kept.Of.ENDED) for per in ("month", "charge_point_code")),
        *((kept.Of.GUESTS, per) for per in ("month", "driver_id")),
    ]
    for of, per in ways:
        for with_own in (False, True):
            assert kept.sums(owner.pk, MONTHS, of=of, per=per, with_own=with_own) == plain(owner, of, per, with_own=with_own), (of, per)


def assert_balances_are_plain(person: User, *kinds: str) -> None:
    entries = LedgerEntry.objects.filter(account__user=person, account__kind__in=kinds).select_related("transaction")
    known = [(timezone.localdate(one.transaction.created_at), one.amount_minor) for one in entries]
    stood = kept.balances_before({"user_id": person.pk, "kind__in": kinds}, MONTHS)
    assert stood == [sum(amount_minor for day, amount_minor in known if day < month) for month in MONTHS]


@pytest.fixture
def guest() -> User:
    return factories.make_user("Guest")


def test_sums_are_the_plain_ones_at_any_moment(driver: User, owner: User, guest: User) -> None:
    """Before anything is written down, after it, after what comes later, and after that is written down as well."""
    factories.give_credit(driver, 1_000_000)
    factories.give_credit(guest, 1_000_000)
    first, bill = visit(driver, owner, datetime(2026, 3, 31, 21, 59, tzinfo=UTC))
    visit(guest, owner, datetime(2026, 3, 31, 22, 0, tzinfo=UTC), at_charger="another99")
    visit(owner, owner, datetime(2026, 5, 1, tzinfo=UTC), 4_000)
    assert_sums_are_plain(owner)

    assert kept.keep(now=NOW) > 0
    assert_sums_are_plain(owner)

    corrected(first, bill, 7_000, datetime(2026, 4, 2, tzinfo=UTC))  # of an old receipt
    visit(guest, owner, datetime(2026, 3, 1, tzinfo=UTC), booked=datetime(2026, 6, 3, tzinfo=UTC))  # told months later
    visit(driver, owner, datetime(2026, 2, 1, tzinfo=UTC))  # booked into a month that is written down
    visit(driver, owner, datetime(2026, 3, 29, 1, tzinfo=UTC), 2_000)  # the hour that is left out
    visit(driver, owner, datetime(2026, 10, 25, 1, tzinfo=UTC), 3_000)  # the hour that comes twice
    visit(driver, owner, datetime(2031, 1, 1, tzinfo=UTC), booked=datetime(1999, 1, 1, tzinfo=UTC))  # two clocks that were wrong
    assert_sums_are_plain(owner)
    assert_balances_are_plain(owner, Kind.EARNINGS_PENDING, Kind.EARNINGS_AVAILABLE)
    assert_balances_are_plain(driver, Kind.CASH, Kind.PROMO)

    assert kept.keep(now=NOW) > 0
    assert_sums_are_plain(owner)
    assert_balances_are_plain(owner, Kind.EARNINGS_PENDING, Kind.EARNINGS_AVAILABLE)
    assert_balances_are_plain(driver, Kind.CASH, Kind.PROMO)
    settlement.credit(first, 100)
    assert_sums_are_plain(owner)
    assert_balances_are_plain(driver, Kind.CASH, Kind.PROMO)


def test_nothing_is_written_down_twice(driver: User, owner: User) -> None:
    factories.give_credit(driver, 1_000_000)
    visit(driver, owner, NOW - timedelta(days=40))
    assert kept.keep(now=NOW) > 0
    rows = KeptSum.objects.count(), KeptBalance.objects.count()

    assert kept.keep(now=NOW) == 0
    assert (KeptSum.objects.count(), KeptBalance.objects.count()) == rows


def test_few_are_not_worth_it(driver: User, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.give_credit(driver, 1_000_000)
    visit(driver, owner, NOW)
    visit(driver, owner, NOW)
    monkeypatch.setattr(kept, "WORTH_KEEPING", 3)
    assert kept.keep(now=NOW) == 1, "only the driver's own money has moved three times"
    visit(driver, owner, NOW)
    assert kept.keep(now=NOW) == 2, "her receipts and her earnings"


def test_what_is_written_down_is_never_changed(driver: User, owner: User) -> None:
    factories.give_credit(driver, 1_000_000)
    visit(driver, owner, NOW)
    kept.keep(now=NOW)
    with pytest.raises(FrozenRowError):
        KeptSum.objects.update(gross_minor=1)
    with pytest.raises(FrozenRowError):
        KeptBalance.objects.all()[0].delete()


def test_proof_finds_a_sum_that_is_no_sum(driver: User, owner: User) -> None:
    factories.give_credit(driver, 1_000_000)
    visit(driver, owner, NOW)
    kept.keep(now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_keptsum SET earned_minor = earned_minor + 1 WHERE of = 'made'")
        cursor.execute("UPDATE billing_keptbalance SET moved_minor = moved_minor + 1")

    problems = audit.check()
    assert any("(made) are not what her receipts come to" in problem for problem in problems)
    assert any("is written down, its entries sum to" in problem for problem in problems)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_keptsum SET earned_minor = earned_minor - 1 WHERE of = 'made'")
        cursor.execute("UPDATE billing_keptbalance SET moved_minor = moved_minor - 1")


def test_pages_show_the_same_before_and_after(driver: User, owner: User) -> None:
    factories.give_credit(driver, 1_000_000)
    for month in (8, 9, 10):
        visit(driver, owner, datetime(2026, month, 15, tzinfo=UTC), 1_000 * month)
    pages = (statements.by_month, statements.by_charge_point, statements.by_guest)
    before = [page(owner, 2026) for page in pages], earnings.of(owner)
    months = [statements.of_month(owner, date(2026, month, 1)) for month in (8, 9, 10, 11)]
    kept.keep(now=NOW)
    assert ([page(owner, 2026) for page in pages], earnings.of(owner)) == before
    for one in months:
        again = statements.of_month(owner, one.month)
        assert (again.sums, again.opening_minor, again.closing_minor, again.other_minor) == (
            *(one.sums, one.opening_minor, one.closing_minor),
            0,
        )


def test_money_that_ripened_is_made_available_as_before(driver: User, owner: User) -> None:
    """What waits is counted from the youngest entries alone: an old ledger costs no more than a young one."""
    factories.give_credit(driver, 1_000_000)
    now = timezone.now()
    old, _bill = visit(driver, owner, now - timedelta(hours=80))
    visit(driver, owner, now - timedelta(hours=10))
    assert earnings.release_pending(now=now) == 1
    assert ledger.account(owner, Kind.EARNINGS_AVAILABLE).balance_minor == old.owner_minor
    assert earnings.release_pending(now=now) == 0
