from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.utils import OperationalError

from billing import append_only, audit, ledger, money, settlement
from billing.models import Hold, LedgerAccount, LedgerEntry, LedgerTransaction
from billing.models.frozen import FrozenRowError
from tests.billing.books import IS_SQLITE, assert_books_balance, at_once, balance, make_bill
from tests.factories import give_credit, make_user


def entries(user, amount_minor):
    return [(ledger.platform_account("bank"), -amount_minor), (ledger.account(user, "cash"), amount_minor)]


def test_a_post_moves_money_once(driver):
    first = ledger.post(key="k", kind="top_up", entries=entries(driver, 100), note="hello", url="/wallet/")
    second = ledger.post(key="k", kind="top_up", entries=entries(driver, 999))

    assert first == second
    assert balance(driver, "cash") == 50_100
    assert [entry.balance_after_minor for entry in ledger.account(driver, "cash").entries.order_by("id")] == [50_000, 50_100]
    assert_books_balance()


def test_amounts_on_one_account_are_added_up(driver):
    cash, bank, fee = ledger.account(driver, "cash"), ledger.platform_account("bank"), ledger.platform_account("platform_fee")

    booked = ledger.post(key="k", kind="x", entries=[(cash, 5), (bank, -12), (cash, 7), (fee, 0)])

    assert sorted(booked.entries.values_list("amount_minor", flat=True)) == [-12, 12]


@pytest.mark.parametrize("amounts", [(100, -99), (0, 0), (1.0, -1.0), (True, -1), (money.MOST_MINOR + 1, -money.MOST_MINOR - 1)])
def test_what_does_not_balance_is_a_bug(driver, amounts):
    cash, bank = ledger.account(driver, "cash"), ledger.platform_account("bank")

    with pytest.raises(ValueError, match=r"sum to zero|can be booked"):
        ledger.post(key="k", kind="x", entries=[(cash, amounts[0]), (bank, amounts[1])])

    assert not LedgerTransaction.objects.filter(key="k").exists()


def test_a_hold_sets_money_aside(driver):
    held = ledger.hold(driver, 10_000, key="session:1")

    purse = ledger.wallet(driver)
    assert (purse.balance_minor, purse.held_minor, purse.available_minor) == (50_000, 10_000, 40_000)
    assert ledger.hold(driver, 10_000, key="session:1") == held

    ledger.release(held)
    ledger.release(held)
    assert ledger.wallet(driver).available_minor == 50_000


def test_what_is_not_there_cannot_be_held(driver):
    ledger.hold(driver, 45_000, key="session:1")

    with pytest.raises(ledger.CreditTooLow) as refusal:
        ledger.hold(driver, 10_000, key="session:2")

    assert refusal.value.code == "credit_too_low"
    assert "100" in str(refusal.value)
    assert "50" in str(refusal.value)


def test_a_debt_stands_before_any_hold(driver):
    loss = ledger.platform_account("loss")
    ledger.post(key="k", kind="x", entries=[(ledger.account(driver, "debt"), -100), (loss, 100)])

    with pytest.raises(ledger.CreditTooLow):
        ledger.hold(driver, 0, key="session:1")


def test_a_hold_grows_as_far_as_the_credit_goes(driver):
    held = ledger.hold(driver, 10_000, key="session:1")

    assert ledger.extend(held, 20_000).amount_minor == 20_000
    assert ledger.extend(held, 15_000).amount_minor == 20_000
    assert ledger.extend(held, 999_999).amount_minor == 50_000
    ledger.release(held)
    assert ledger.extend(held, 60_000).amount_minor == 50_000


def test_promo_credit_counts_as_credit(stranger):
    ledger.grant(stranger, 5_000, reason="welcome")

    assert ledger.hold(stranger, 5_000, key="session:1").amount_minor == 5_000
    with pytest.raises(money.NotAnAmount):
        ledger.grant(stranger, 0, reason="nothing")


def test_code_cannot_rewrite_the_books(driver):
    booked = LedgerTransaction.objects.get()
    entry = booked.entries.earliest("id")

    for forbidden in (
        entry.save,
        entry.delete,
        booked.delete,
        LedgerEntry.objects.all().delete,
        lambda: LedgerEntry.objects.update(amount_minor=1),
        lambda: LedgerEntry.objects.bulk_update([entry], ["amount_minor"]),
    ):
        with pytest.raises(FrozenRowError):
            forbidden()


@pytest.mark.parametrize("table", ["billing_ledgerentry", "billing_ledgertransaction", "billing_chargedetailrecord", "billing_cdrline"])
def test_the_database_refuses_to_rewrite_them_too(table, driver, owner):
    settlement.settle(make_bill(driver, owner))
    with connection.cursor() as cursor:
        if IS_SQLITE:  # the triggers that the tests do without
            for name in append_only.FROZEN:
                cursor.execute(f"DROP TRIGGER {name}_no_update")
            append_only.protect(apps, connection.SchemaEditorClass(connection))
        for statement in ("DELETE FROM {}", "UPDATE {} SET id = id + 1000"):
            with pytest.raises(IntegrityError), transaction.atomic():
                cursor.execute(statement.format(table))


@pytest.mark.skipif(IS_SQLITE, reason="SQLite has no deferred triggers")
def test_postgresql_refuses_to_commit_what_does_not_balance(driver):
    @transaction.atomic
    def forge():
        booked = LedgerTransaction.objects.create(key="bad", kind="x")
        LedgerEntry.objects.create(transaction=booked, account=ledger.account(driver, "cash"), amount_minor=1, balance_after_minor=1)
        connection.check_constraints()

    with pytest.raises(IntegrityError, match="sum to zero"):
        forge()


def test_check_ledger_finds_a_balance_that_drifted(driver):
    out = StringIO()
    call_command("check_ledger", stdout=out)
    assert "balance" in out.getvalue()

    LedgerAccount.objects.filter(user=driver, kind="cash").update(balance_minor=49_999)

    with pytest.raises(CommandError, match="1 findings"):
        call_command("check_ledger", stdout=out)
    assert "says 49999, its entries sum to 50000" in out.getvalue()


def test_check_ledger_finds_what_was_forged(driver):
    savepoint = transaction.savepoint()
    booked = LedgerTransaction.objects.create(key="session:x:settle", kind="settle")
    one = ledger.account(driver, "cash")
    LedgerEntry.objects.create(transaction=booked, account=one, amount_minor=5, balance_after_minor=0)

    problems = "\n".join(audit.check())
    transaction.savepoint_rollback(savepoint)  # PostgreSQL would refuse to commit it

    assert "has 1 entries that sum to 5" in problems
    assert "its entries sum to 50005" in problems
    assert "says 0 remained, it was 50005" in problems
    assert "session:x:settle has no receipt" in problems


def test_long_lists_of_problems_are_cut(driver):
    for number in range(30):
        LedgerTransaction.objects.create(key=f"empty:{number}", kind="x")

    assert audit.check()[-1] == "… and 10 more like the last one."


def test_grant_credit(driver):
    out = StringIO()

    call_command("grant_credit", driver.email.upper(), "50", reason="power cut", stdout=out)

    assert "550.00" in out.getvalue()
    assert LedgerTransaction.objects.get(kind="grant").note == "power cut"
    for arguments in (("nobody@example.com", "5"), (driver.email, "-5"), (driver.email, "x")):
        with pytest.raises(CommandError):
            call_command("grant_credit", *arguments, reason="x", stdout=out)
    assert_books_balance()


def test_only_the_outermost_is_repeated(driver):
    calls = []

    class Deadlock(Exception):
        sqlstate = "40P01"

    @ledger.retried
    def function():
        calls.append(1)
        if len(calls) < 3:
            raise OperationalError from Deadlock()
        return "done"

    with pytest.raises(OperationalError):
        function()
    assert len(calls) == 1


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_is_tried_again():
    calls = []

    class Deadlock(Exception):
        sqlstate = "40P01"

    @ledger.retried
    def function(most):
        calls.append(1)
        if len(calls) < most:
            raise OperationalError from Deadlock()
        return "done"

    assert function(3) == "done"
    calls.clear()
    with pytest.raises(OperationalError):
        function(9)
    assert len(calls) == 3


@pytest.mark.skipif(IS_SQLITE, reason="one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_two_chargers_cannot_hold_the_same_money():
    user = make_user()
    give_credit(user, 100_000)

    results = at_once(lambda number: ledger.hold(user, 70_000, key=f"session:{number}"), 20)

    assert sum(isinstance(result, Hold) for result in results) == 1
    assert sum(isinstance(result, ledger.CreditTooLow) for result in results) == 19
    assert ledger.wallet(user).held_minor == 70_000


@pytest.mark.skipif(IS_SQLITE, reason="one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_many_posts_at_once_keep_the_books():
    users = [make_user() for _ in range(4)]

    def post(number):
        one, other = users[number % 4], users[(number * 7 + 1) % 4]
        key, amount = f"k:{number // 2}", number // 2 + 1
        pair = [(ledger.account(one, "cash"), amount), (ledger.platform_account("bank"), -amount)]
        if number % 3 == 0:
            pair.append((ledger.account(other, "promo"), 5))
            pair.append((ledger.platform_account("promo_cost"), -5))
        return ledger.post(key=key, kind="x", entries=pair)

    results = at_once(post, 100)

    assert all(isinstance(result, LedgerTransaction) for result in results), results
    assert LedgerTransaction.objects.count() == 50
    assert_books_balance()
