from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from billing import audit, ledger, pricing, settlement
from billing.models import CdrLine, ChargeDetailRecord, LedgerTransaction, ReceiptSeries
from billing.models.frozen import FrozenRowError
from tests.billing.books import IS_SQLITE, PER_KWH, assert_books_balance, at_once, balance, make_bill
from tests.factories import give_credit, make_user


def parts(cdr):
    return cdr.promo_minor, cdr.cash_minor, cdr.debt_minor, cdr.loss_minor


def test_an_owner_without_a_name_keeps_her_e_mail_to_herself(driver):
    nameless = make_user("Jana")
    nameless.name = ""
    nameless.save()

    assert settlement.settle(make_bill(driver, nameless)).owner_name == "U Nováků"


def with_energy(bill, wh):
    return replace(bill, usage=replace(bill.usage, energy_wh=wh))


def test_the_driver_pays_the_owner_earns_the_platform_takes_its_share(driver, owner):
    held = ledger.hold(driver, 10_000, key="session:1")

    cdr = settlement.settle(make_bill(driver, owner, hold=held, id_token_label="blue card"))

    assert (cdr.total_minor, cdr.fee_minor, cdr.owner_minor) == (6_500, 650, 5_850)
    assert parts(cdr) == (0, 6_500, 0, 0)
    assert ledger.wallet(driver).available_minor == 43_500
    assert balance(owner, "earnings_pending") == 5_850
    assert balance(None, "platform_fee") == 650
    assert cdr.owner_name == "Pavel Novák"
    assert cdr.tariff["price_per_kwh"] == "6.50"
    booked = LedgerTransaction.objects.get(key=f"session:{cdr.session_code}:settle")
    assert (booked.note, booked.url) == ("U Nováků", f"/receipts/{cdr.number}/")
    assert_books_balance()


def test_settling_again_changes_nothing(driver, owner):
    bill = make_bill(driver, owner)

    assert settlement.settle(bill) == settlement.settle(with_energy(bill, 99_000))

    assert balance(driver, "cash") == 43_500
    assert settlement.spent_minor(bill.session_code) == 6_500


def test_promo_credit_goes_first(driver, owner):
    ledger.grant(driver, 5_000, reason="welcome")

    cdr = settlement.settle(make_bill(driver, owner))

    assert parts(cdr) == (5_000, 1_500, 0, 0)
    assert balance(driver, "promo") == 0
    assert_books_balance()


@pytest.mark.parametrize(
    ("credit", "wh", "expected"),
    [
        (6_500, 10_000, (0, 6_500, 0, 0)),
        (6_000, 10_000, (0, 6_000, 500, 0)),
        (1_500, 10_000, (0, 1_500, 5_000, 0)),
        (1_000, 10_000, (0, 1_000, 5_000, 500)),
        (0, 100_000, (0, 0, 5_000, 60_000)),
    ],
)
def test_a_shortfall_becomes_a_debt_and_then_the_platform_s_loss(stranger, owner, credit, wh, expected):
    if credit:
        give_credit(stranger, credit)

    cdr = settlement.settle(make_bill(stranger, owner, wh))

    assert parts(cdr) == expected
    assert cdr.owner_minor == cdr.total_minor - cdr.total_minor // 10
    assert balance(owner, "earnings_pending") == cdr.owner_minor
    assert ledger.wallet(stranger).debt_minor == -expected[2]
    assert_books_balance()


def test_what_other_sessions_hold_is_not_touched(driver, owner):
    ledger.hold(driver, 42_000, key="session:other")
    held = ledger.hold(driver, 5_000, key="session:this")

    cdr = settlement.settle(make_bill(driver, owner, 20_000, hold=held))

    assert parts(cdr) == (0, 8_000, 5_000, 0)
    assert ledger.wallet(driver).held_minor == 42_000


def test_no_energy_no_bill(driver, owner):
    held = ledger.hold(driver, 10_000, key="session:1")

    cdr = settlement.settle(make_bill(driver, owner, 99, hold=held))

    assert (cdr.total_minor, cdr.lines.count()) == (0, 0)
    assert ledger.wallet(driver).held_minor == 0
    assert not LedgerTransaction.objects.filter(kind="settle").exists()


@pytest.mark.parametrize("case", ["free", "nobody", "no tariff"])
def test_a_session_nobody_pays_for_still_gets_a_record(case, driver, owner):
    bill = {
        "free": make_bill(owner, owner, is_free=True),
        "nobody": make_bill(None, owner),
        "no tariff": make_bill(driver, owner, prices=None),
    }[case]

    cdr = settlement.settle(bill)

    assert (cdr.total_minor, cdr.energy_wh) == (0, 10_000)
    assert cdr.lines.get().quantity == 10
    assert_books_balance()


def test_receipts_are_numbered_without_gaps_by_issuer_and_year(driver, owner, stranger, settings):
    at = datetime(2026, 12, 31, 22, 30, tzinfo=UTC)  # still the old year in Prague
    numbers = [settlement.settle(make_bill(driver, issuer, settled_at=at)).number for issuer in (owner, owner, stranger)]
    numbers.append(settlement.settle(make_bill(driver, owner, settled_at=at.replace(hour=23))).number)
    settings.SUPPLY_MODEL = "commissionaire"
    numbers += [settlement.settle(make_bill(driver, issuer, settled_at=at)).number for issuer in (owner, stranger)]

    mine, other = f"{owner.pk:04d}", f"{stranger.pk:04d}"
    assert numbers == [
        f"2026-{mine}-000001",
        f"2026-{mine}-000002",
        f"2026-{other}-000001",
        f"2027-{mine}-000001",
        "2026-000001",
        "2026-000002",
    ]
    assert_books_balance()
    ReceiptSeries.objects.filter(issuer=stranger).update(last=2)
    assert len(audit.check()) == 1


def test_a_receipt_is_frozen(driver, owner):
    cdr = settlement.settle(make_bill(driver, owner))

    cdr.total_minor = 1
    for forbidden in (cdr.save, cdr.delete, cdr.lines.get().save, cdr.lines.all().delete):
        with pytest.raises(FrozenRowError):
            forbidden()


def test_a_correction_downwards_gives_the_money_back(driver, owner):
    ledger.grant(driver, 1_000, reason="welcome")
    bill = make_bill(driver, owner, is_estimated=True)
    estimated = settlement.settle(bill)

    corrected = settlement.correct(estimated, replace(with_energy(bill, 8_000), is_estimated=False))

    assert corrected is not None
    assert (corrected.total_minor, corrected.fee_minor, corrected.owner_minor) == (-1_300, -130, -1_170)
    assert parts(corrected) == (0, -1_300, 0, 0)
    assert corrected.corrects == estimated
    assert [(line.kind, line.amount_minor) for line in corrected.lines.all()] == [("credit", -6_500), ("energy", 5_200)]
    assert LedgerTransaction.objects.filter(key=f"session:{bill.session_code}:correct:1").exists()
    assert settlement.spent_minor(bill.session_code) == 5_200
    assert settlement.correct(estimated, with_energy(bill, 8_000)) == corrected
    assert_books_balance()


def test_a_correction_to_nothing_returns_promo_credit_as_promo_credit(driver, owner):
    ledger.grant(driver, 1_000, reason="welcome")
    bill = make_bill(driver, owner)
    cdr = settlement.settle(bill)

    corrected = settlement.correct(cdr, with_energy(bill, 50))

    assert corrected is not None
    assert parts(corrected) == (-1_000, -5_500, 0, 0)
    assert (balance(driver, "promo"), balance(driver, "cash"), balance(owner, "earnings_pending")) == (1_000, 50_000, 0)
    assert_books_balance()


def test_a_correction_relieves_the_loss_then_the_debt(stranger, owner):
    give_credit(stranger, 1_000)
    bill = make_bill(stranger, owner)
    cdr = settlement.settle(bill)
    assert parts(cdr) == (0, 1_000, 5_000, 500)

    corrected = settlement.correct(cdr, with_energy(bill, 5_000))

    assert corrected is not None
    assert parts(corrected) == (0, 0, -2_750, -500)
    assert balance(stranger, "debt") == -2_250
    assert_books_balance()


def test_a_debt_paid_meanwhile_comes_back_as_own_money(stranger, owner):
    bill = make_bill(stranger, owner, 5_000)
    cdr = settlement.settle(bill)
    bank = ledger.platform_account("bank")
    ledger.post(key="k", kind="x", entries=[(bank, -3_250), (ledger.account(stranger, "debt"), 3_250)])

    corrected = settlement.correct(cdr, with_energy(bill, 1_000))

    assert corrected is not None
    assert parts(corrected) == (0, -2_600, 0, 0)
    assert balance(stranger, "cash") == 2_600
    assert_books_balance()


def test_a_correction_upwards_stops_at_twenty_crowns(driver, owner):
    bill = make_bill(driver, owner)
    cdr = settlement.settle(bill)

    dearer = settlement.correct(cdr, with_energy(bill, 13_000))
    assert dearer is not None
    assert dearer.total_minor == 1_950
    assert settlement.correct(cdr, with_energy(bill, 17_000)) is None
    approved = settlement.correct(cdr, with_energy(bill, 17_000), approved=True)
    assert approved is not None
    assert approved.total_minor == 2_600
    assert approved.corrects == dearer
    assert_books_balance()


def test_a_correction_upwards_counts_the_debt_there_is(stranger, owner):
    bill = make_bill(stranger, owner, 6_000)
    cdr = settlement.settle(bill)
    assert parts(cdr) == (0, 0, 3_900, 0)

    corrected = settlement.correct(cdr, with_energy(bill, 9_000))

    assert corrected is not None
    assert parts(corrected) == (0, 0, 1_100, 850)
    assert_books_balance()


def test_an_empty_bill_can_be_corrected_upwards(driver, owner):
    bill = make_bill(driver, owner, 0)
    cdr = settlement.settle(bill)

    corrected = settlement.correct(cdr, with_energy(bill, 1_000))

    assert corrected is not None
    assert [line.kind for line in corrected.lines.all()] == ["energy"]
    assert_books_balance()


def test_check_ledger_reads_receipts_too(driver, owner):
    cdr = settlement.settle(make_bill(driver, owner))
    held = ledger.hold(driver, 100, key=f"session:{cdr.session_code}")
    CdrLine.objects.create(cdr=cdr, kind="energy", quantity=1, unit_price=1, amount_minor=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    problems = "\n".join(audit.check())

    assert f"Hold {held.key}" in problems
    assert "says 6500, its lines sum to 6501" in problems


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cash=st.integers(0, 20_000),
    promo=st.integers(0, 5_000),
    other=st.integers(0, 5_000),
    energies=st.lists(st.integers(0, 30_000), min_size=1, max_size=4),
    share=st.decimals(0, 1, places=4),
)
def test_whatever_happens_the_parts_add_up(cash, promo, other, energies, share, owner):
    driver = make_user()
    if cash:
        give_credit(driver, cash)
    if promo:
        ledger.grant(driver, promo, reason="x")
    ledger.hold(driver, min(other, cash + promo), key=f"session:other:{driver.pk}")
    bill = make_bill(driver, owner, energies[0], fee_share=Decimal(share))

    cdr = settlement.settle(bill)
    for wh in energies[1:]:
        settlement.correct(cdr, with_energy(bill, wh), approved=True)

    due = pricing.total(pricing.price(PER_KWH, with_energy(bill, energies[-1]).usage))
    assert settlement.spent_minor(bill.session_code) == due
    records = ChargeDetailRecord.objects.filter(session_code=bill.session_code)
    assert sum(record.fee_minor for record in records) == int(due * share)
    purse = ledger.wallet(driver)
    assert purse.available_minor >= 0
    assert -settlement.MOST_DEBT_MINOR <= purse.debt_minor <= 0
    assert_books_balance()


@pytest.mark.skipif(IS_SQLITE, reason="one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_a_hundred_settlements_of_one_session_are_one():
    driver, owner = make_user(), make_user()
    give_credit(driver, 50_000)
    bill = make_bill(driver, owner, hold=ledger.hold(driver, 10_000, key="session:1"))

    results = at_once(lambda _number: settlement.settle(bill).number, 100)

    assert set(results) == {f"{datetime.now().astimezone().year}-{owner.pk:04d}-000001"}
    assert balance(driver, "cash") == 43_500
    assert_books_balance()


@pytest.mark.skipif(IS_SQLITE, reason="one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_neighbours_who_charge_at_each_other_s_do_not_lock_up():
    one, other = make_user(), make_user()
    give_credit(one, 100_000)
    give_credit(other, 100_000)

    def settle(number):
        driver, owner = (one, other) if number % 2 else (other, one)
        held = ledger.hold(driver, 100, key=f"session:{number}")
        return settlement.settle(make_bill(driver, owner, 1_000, hold=held)).total_minor

    results = at_once(settle, 60)

    assert results == [650] * 60
    assert balance(one, "cash") == balance(other, "cash") == 100_000 - 30 * 650
    assert_books_balance()
