from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import closing
from billing import earnings, ledger, settlement, top_ups
from billing.closing import MoneyLeft
from tests.billing.books import assert_books_balance, balance, make_bill
from tests.factories import make_user


def pots(owner):
    of = earnings.of(owner)
    return of.pending_minor, of.available_minor


def test_earnings_become_available_after_72_hours(driver, owner):
    now = timezone.now()
    settlement.settle(make_bill(driver, owner, settled_at=now - timedelta(hours=72)))
    settlement.settle(make_bill(driver, owner, 1_000, settled_at=now - timedelta(hours=71)))

    assert earnings.release_pending(now=now) == 1
    assert pots(owner) == (585, 5_850)
    assert earnings.release_pending(now=now) == 0
    assert earnings.release_pending(now=now + timedelta(hours=1)) == 1
    assert pots(owner) == (0, 6_435)
    assert_books_balance()


def test_what_a_correction_takes_back_comes_out_of_pending_first(driver, owner):
    now = timezone.now()
    bill = make_bill(driver, owner, settled_at=now - timedelta(hours=80))
    cdr = settlement.settle(bill)
    earnings.release_pending(now=now)
    smaller = replace(bill, usage=replace(bill.usage, energy_wh=4_000), settled_at=now)
    settlement.correct(cdr, smaller)
    assert pots(owner) == (-3_510, 5_850)

    earnings.release_pending(now=now)

    assert pots(owner) == (0, 2_340)
    settlement.settle(make_bill(driver, owner, 10_000, settled_at=now))
    earnings.release_pending(now=now)
    assert pots(owner) == (5_850, 2_340)
    assert_books_balance()


def test_a_fresh_correction_waits_with_its_session(driver, owner):
    now = timezone.now()
    bill = make_bill(driver, owner, settled_at=now)
    cdr = settlement.settle(bill)
    settlement.correct(cdr, replace(bill, usage=replace(bill.usage, energy_wh=4_000)))

    assert earnings.release_pending(now=now) == 0
    assert earnings.release_pending(now=now + timedelta(hours=72)) == 1
    assert pots(owner) == (0, 2_340)


def test_corrections_count_in_sums_but_not_as_sessions(driver, owner):
    bill = make_bill(driver, owner)
    settlement.correct(settlement.settle(bill), replace(bill, usage=replace(bill.usage, energy_wh=4_000)))

    (month,) = earnings.of(owner).by_month.values()

    assert (month.earned_minor, month.sessions) == (2_340, 1)


def test_an_account_with_money_stays_open(driver, owner, stranger, stub):
    with pytest.raises(MoneyLeft, match=r"500"):
        closing.close_account(driver)
    settlement.settle(make_bill(stranger, owner, 1_000))
    with pytest.raises(MoneyLeft, match=r"owe"):
        closing.close_account(stranger)
    with pytest.raises(MoneyLeft, match=r"earnings"):
        closing.close_account(owner)
    ledger.hold(driver, 1_000, key="session:x")
    with pytest.raises(MoneyLeft, match=r"session"):
        closing.close_account(driver)
    payer = make_user()
    top_ups.begin(payer, 1_000)
    with pytest.raises(MoneyLeft, match=r"under way"):
        closing.close_account(payer)


def test_promo_credit_is_given_up(driver):
    user = make_user()
    ledger.grant(user, 5_000, reason="x")

    closing.close_account(user)

    user.refresh_from_db()
    assert not user.is_active
    assert balance(user, "promo") == 5_000
