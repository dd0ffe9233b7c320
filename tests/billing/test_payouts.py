"""Money out, step by step, and what it does in a crowd."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts import closing
from accounts.models import Letter, Notification, User
from billing import audit, bank_accounts, disputes, earnings, ledger, payout_plans, payouts, seller_data, settlement, statements
from billing.models import BankAccount, Dispute, LedgerTransaction, Payout, SellerData
from chargeshare.errors import Invalid, NotFound
from tests.billing.books import IS_SQLITE, assert_books_balance, at_once, balance, make_bill
from tests.billing.paying import IBAN, OTHER_IBAN, earn, usable_account
from tests.factories import give_credit

Status = Payout.Status


@pytest.fixture(autouse=True)
def _our_account(settings):
    settings.PAYOUT_IBAN = OTHER_IBAN


@pytest.fixture
def account(owner):
    return usable_account(owner)


@pytest.fixture
def approved(owner, account, staff):
    earn(owner, 100_000)
    return payouts.approve(payouts.request(owner, 60_000, account), staff)


def test_money_lies_apart_from_the_wish_to_the_banks_word(owner, account, staff):
    earn(owner, 100_000)

    payout = payouts.request(owner, 60_000, account)

    assert (balance(owner, "earnings_available"), balance(owner, "earnings_in_payout")) == (40_000, 60_000)
    assert (payout.status, payout.iban, payout.name) == (Status.REQUESTED, IBAN, owner.name)
    payouts.approve(payout, staff)
    batch = payouts.export([payout], staff)
    assert (batch.total_minor, batch.from_iban) == (60_000, OTHER_IBAN)
    assert payouts.mark_paid(payout).status == Status.PAID
    assert (balance(owner, "earnings_available"), balance(owner, "earnings_in_payout")) == (40_000, 0)
    keys = LedgerTransaction.objects.filter(kind="payout").order_by("pk").values_list("key", flat=True)
    assert list(keys) == [f"payout:{payout.code}", f"payout:{payout.code}:paid"]
    kinds = Notification.objects.filter(user=owner, kind__startswith="payout").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["payout_requested", "payout_paid"]
    assert_books_balance()


@pytest.mark.parametrize("amount_minor", [0, -1, 1, 19_999])
def test_less_than_the_minimum_is_not_paid_out(owner, account, amount_minor):
    earn(owner, 100_000)

    with pytest.raises(Invalid) as refusal:
        payouts.request(owner, amount_minor, account)

    assert "200" in refusal.value.fields["amount"][0]
    assert balance(owner, "earnings_in_payout") == 0


def test_no_more_than_is_available(owner, account, driver):
    earn(owner, 30_000)
    settlement.settle(make_bill(driver, owner, 10_000))

    with pytest.raises(payouts.EarningsTooLow, match="300"):
        payouts.request(owner, 30_001, account)

    payouts.request(owner, 30_000, account)
    with pytest.raises(payouts.EarningsTooLow):
        payouts.request(owner, 20_000, account)


def test_what_a_correction_takes_back_and_what_she_owes_is_not_paid_out(owner, driver, account):
    now = timezone.now()
    bill = make_bill(driver, owner, settled_at=now - timedelta(hours=80))
    cdr = settlement.settle(bill)
    earnings.release_pending(now=now)
    earn(owner, 20_000)
    settlement.correct(cdr, replace(bill, usage=replace(bill.usage, energy_wh=4_000), settled_at=now))
    assert payouts.payable_minor(owner) == 20_000 + 5_850 - 3_510
    entries = [(ledger.platform_account("loss"), 2_000), (ledger.account(owner, "debt"), -2_000)]

    ledger.post(key="test:debt", kind="settle_test", entries=entries)

    assert payouts.payable_minor(owner) == 20_000 + 5_850 - 3_510 - 2_000


def test_the_rest_below_the_minimum_is_paid_out_to_who_leaves(owner, account):
    earn(owner, 5_000)

    with pytest.raises(Invalid):
        payouts.request(owner, 4_000, account)
    payout = payouts.request(owner, 5_000, account)

    assert payout.amount_minor == 5_000
    earn(owner, 1_000)
    with pytest.raises(Invalid):
        payouts.request(owner, 1_000, account)


def test_a_payout_to_somebody_elses_account_is_refused(owner, stranger):
    earn(owner, 50_000)

    with pytest.raises(NotFound):
        payouts.request(owner, 50_000, usable_account(stranger))


def test_an_unconfirmed_e_mail_gets_no_money(owner, account):
    earn(owner, 50_000)
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True, verified=False)

    with pytest.raises(payouts.EmailNotConfirmed):
        payouts.request(owner, 50_000, account)
    with pytest.raises(payouts.EmailNotConfirmed):
        bank_accounts.enter(owner, OTHER_IBAN)


def test_cancelled_money_is_among_the_earnings_again(owner, account, staff):
    earn(owner, 50_000)
    payout = payouts.request(owner, 50_000, account)

    assert payouts.cancel(payout).status == Status.CANCELLED

    assert (balance(owner, "earnings_available"), balance(owner, "earnings_in_payout")) == (50_000, 0)
    with pytest.raises(payouts.WrongState):
        payouts.cancel(payout)
    with pytest.raises(payouts.WrongState):
        payouts.approve(payout, staff)
    assert_books_balance()


def test_what_staff_approved_the_owner_cannot_cancel(approved):
    with pytest.raises(payouts.WrongState):
        payouts.cancel(approved)


@pytest.mark.parametrize("step", ["requested", "approved", "exported", "paid"])
def test_money_that_fails_to_arrive_comes_back_once(owner, account, staff, step):
    earn(owner, 50_000)
    payout = payouts.request(owner, 50_000, account)
    if step != "requested":
        payouts.approve(payout, staff)
    if step in ("exported", "paid"):
        payouts.export([payout], staff)
    if step == "paid":
        payouts.mark_paid(payout)

    for _ in range(2):
        assert payouts.fail(payout, reason="The account is closed.").status == Status.FAILED

    assert (balance(owner, "earnings_available"), balance(owner, "earnings_in_payout"), balance(None, "bank")) == (50_000, 0, -50_000)
    told = Notification.objects.get(user=owner, kind="payout_failed")
    assert told.context["reason"] == "The account is closed."
    assert_books_balance()


def test_nobody_approves_her_own_payout(staff):
    earn(staff, 50_000)
    payout = payouts.request(staff, 50_000, usable_account(staff))

    with pytest.raises(payouts.NotYet):
        payouts.approve(payout, staff)


def test_a_batch_holds_a_payout_once(approved, staff):
    payouts.export([approved, approved], staff)

    with pytest.raises(payouts.WrongState):
        payouts.export([approved], staff)
    assert Payout.objects.filter(batch__isnull=False).count() == 1


def test_a_batch_takes_all_or_nothing(approved, owner, account, staff):
    other = payouts.request(owner, 30_000, account)

    with pytest.raises(payouts.WrongState):
        payouts.export([approved, other], staff)

    approved.refresh_from_db()
    assert (approved.status, approved.batch) == (Status.APPROVED, None)


def test_without_an_account_of_ours_nothing_goes_to_the_bank(approved, staff, settings):
    settings.PAYOUT_IBAN = ""

    with pytest.raises(payouts.NotYet, match="PAYOUT_IBAN"):
        payouts.export([approved], staff)


def test_a_correction_after_the_wish_stops_the_payout(owner, driver, account, staff):
    now = timezone.now()
    bill = make_bill(driver, owner, 60_000, settled_at=now - timedelta(hours=80))
    cdr = settlement.settle(bill)
    earnings.release_pending(now=now)
    payout = payouts.request(owner, payouts.payable_minor(owner), account)
    Payout.objects.update(not_before=now)
    settlement.correct(cdr, replace(bill, usage=replace(bill.usage, energy_wh=4_000)))

    with pytest.raises(payouts.NotYet, match="owes"):
        payouts.approve(payout, staff)

    payouts.fail(payout, reason="A receipt was corrected.")
    assert payouts.payable_minor(owner) == 2_340
    assert_books_balance()


def test_a_dispute_freezes_its_amount_and_nothing_else(owner, driver, account, staff):
    now = timezone.now()
    old = settlement.settle(make_bill(driver, owner, 10_000, settled_at=now - timedelta(hours=80)))
    earnings.release_pending(now=now)
    fresh = settlement.settle(make_bill(driver, owner, 1_000, settled_at=now))
    earn(owner, 50_000)
    words: Any = {"reason": "no_energy", "text": "The car was not there.", "amount_minor": None, "evidence": {}}

    disputes.open_dispute(driver, fresh, **words)
    assert payouts.payable_minor(owner) == 55_850
    opened = disputes.open_dispute(driver, old, **words)

    assert payouts.payable_minor(owner) == 50_000
    with pytest.raises(payouts.EarningsTooLow):
        payouts.request(owner, 50_001, account)
    disputes.withdraw(driver, opened)
    assert payouts.payable_minor(owner) == 55_850


def test_a_dispute_after_the_wish_holds_the_payout_until_it_is_decided(owner, driver, account, staff):
    now = timezone.now()
    receipt = settlement.settle(make_bill(driver, owner, 60_000, settled_at=now - timedelta(hours=80)))
    earnings.release_pending(now=now)
    payout = payouts.request(owner, payouts.payable_minor(owner), account)
    Payout.objects.update(not_before=now)
    opened = disputes.open_dispute(driver, receipt, reason="too_much", text="Too much.", amount_minor=10_000, evidence={})

    with pytest.raises(payouts.NotYet, match="dispute"):
        payouts.approve(payout, staff)

    disputes.decide(staff, opened, returned_minor=0, decision="The meter is right.")
    assert payouts.approve(payout, staff).status == Status.APPROVED
    assert_books_balance()


def test_earnings_of_a_new_charger_wait(owner, driver, account, staff):
    now = timezone.now()
    earn(owner, 30_000)
    give_credit(driver, 100_000)
    settlement.settle(make_bill(driver, owner, 100_000, settled_at=now - timedelta(days=4)))
    earnings.release_pending(now=now)

    small, large = payouts.request(owner, 25_000, account), payouts.request(owner, 50_000, account)

    assert small.not_before <= timezone.now()
    assert large.not_before == pytest.approx(now + timedelta(days=10), abs=timedelta(minutes=5))
    payouts.approve(small, staff)
    with pytest.raises(payouts.NotYet, match="waits until"):
        payouts.approve(large, staff)


def test_each_earning_of_a_charger_without_a_password_waits(owner, driver, account, staff):
    now = timezone.now()
    earn(owner, 30_000)
    give_credit(driver, 200_000)
    for days, is_unproven in ((40, False), (30, True), (5, True), (6, False)):
        bill = make_bill(driver, owner, 10_000, settled_at=now - timedelta(days=days), is_unproven=is_unproven)
        assert settlement.settle(bill).is_unproven == is_unproven
    earnings.release_pending(now=now)

    assert payouts.payable_minor(owner) == 30_000 + 4 * 5_850
    proven = payouts.request(owner, 30_000 + 3 * 5_850, account)
    assert proven.not_before <= timezone.now()
    payouts.cancel(proven)
    everything = payouts.request(owner, 30_000 + 4 * 5_850, account)
    assert everything.not_before == pytest.approx(now + timedelta(days=9), abs=timedelta(minutes=5))
    with pytest.raises(payouts.NotYet, match="waits until"):
        payouts.approve(everything, staff)


# ── Bank accounts ──


def test_a_new_account_is_confirmed_by_mail_and_rests(owner, staff):
    earn(owner, 50_000)
    account, is_new = bank_accounts.enter(owner, "19-2000145399/0800")
    payout = payouts.request(owner, 50_000, account)

    assert is_new
    assert account.iban == IBAN
    assert payouts.hindrance_of(payout, now=timezone.now())
    with pytest.raises(payouts.NotYet, match="confirmed"):
        payouts.approve(payout, staff)
    letter = Letter.objects.get(to=owner.email)
    token = letter.text.split("/confirm/")[1].split("/")[0]
    bank_accounts.confirm(bank_accounts.find(owner, token))
    with pytest.raises(payouts.NotYet, match="waits until"):
        payouts.approve(payout, staff)
    BankAccount.objects.update(usable_from=timezone.now())
    assert payouts.approve(payout, staff).status == Status.APPROVED


def test_a_link_is_for_its_owner_alone(owner, stranger):
    bank_accounts.enter(owner, IBAN)
    token = Letter.objects.get(to=owner.email).text.split("/confirm/")[1].split("/")[0]

    with pytest.raises(NotFound):
        bank_accounts.find(stranger, token)
    with pytest.raises(NotFound):
        bank_accounts.find(owner, token + "x")


def test_a_change_is_told_to_every_address(owner):
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True, verified=True)
    EmailAddress.objects.create(user=owner, email="before@example.com", verified=True)

    bank_accounts.enter(owner, IBAN)

    assert set(Letter.objects.values_list("to", flat=True)) == {owner.email, "before@example.com"}
    assert "confirm" not in Letter.objects.get(to="before@example.com").text
    assert Notification.objects.get(user=owner).context["account"] == "CZ65 … 5399"


def test_the_account_in_use_stays_until_the_new_one_has_rested(owner, account):
    coming, _is_new = bank_accounts.enter(owner, OTHER_IBAN)

    assert bank_accounts.usable(owner) == account
    bank_accounts.confirm(coming)
    assert bank_accounts.usable(owner) == account
    BankAccount.objects.filter(pk=coming.pk).update(usable_from=timezone.now())
    assert bank_accounts.usable(owner) == coming


def test_a_newer_wish_replaces_the_one_that_waits(owner):
    earn(owner, 50_000)
    first, _is_new = bank_accounts.enter(owner, IBAN)
    payout = payouts.request(owner, 50_000, first)

    bank_accounts.enter(owner, OTHER_IBAN)

    first.refresh_from_db()
    payout.refresh_from_db()
    assert first.replaced_at is not None
    assert payout.status == Status.CANCELLED
    assert balance(owner, "earnings_available") == 50_000


def test_an_account_taken_away_gets_nothing_more(owner, account, approved):
    bank_accounts.give_up(account)

    approved.refresh_from_db()
    assert approved.status == Status.CANCELLED
    assert bank_accounts.usable(owner) is None
    assert_books_balance()


def test_nobody_tries_out_numbers(owner):
    for number in range(bank_accounts.CHANGES_A_DAY):
        bank_accounts.enter(owner, f"200014{number}/0800")

    with pytest.raises(bank_accounts.TooManyChanges):
        bank_accounts.enter(owner, IBAN)


# ── By itself ──


def test_money_comes_by_itself_once_a_month(owner, account):
    earn(owner, 100_000)
    plan = payout_plans.choose(owner, "monthly", keep_minor=30_000)
    assert plan.next_on is not None
    assert plan.next_on.day == 1
    assert payout_plans.request_due(now=timezone.now()) == 0
    first = statements.midnight(plan.next_on)

    assert [payout_plans.request_due(now=first) for _ in range(2)] == [1, 0]

    payout = Payout.objects.get()
    assert (payout.amount_minor, payout.is_automatic) == (70_000, True)
    plan.refresh_from_db()
    assert plan.next_on > first.date()


def test_a_plan_waits_for_enough_and_for_an_account(owner):
    earn(owner, 100_000)
    plan = payout_plans.choose(owner, "weekly")

    assert plan.next_on is not None
    assert plan.next_on.weekday() == 0
    assert payout_plans.request_due(now=statements.midnight(plan.next_on)) == 0
    usable_account(owner)
    payout_plans.choose(owner, "weekly", keep_minor=90_000)
    assert payout_plans.request_due(now=statements.midnight(plan.next_on)) == 0
    assert not Payout.objects.exists()


# ── Data for the tax office ──


def test_owners_who_earn_are_asked_twice_and_then_nothing_is_paid_out(owner, driver, account):
    earn(owner, 50_000)
    settlement.settle(make_bill(driver, owner, 10_000))
    now = timezone.now()

    assert [seller_data.ask(now=now) for _ in range(2)] == [1, 0]
    assert [seller_data.ask(now=now + timedelta(days=31)) for _ in range(2)] == [1, 0]
    assert Notification.objects.filter(user=owner, kind="seller_data_wanted").count() == 2
    SellerData.objects.update(asked_at=now - timedelta(days=60))
    with pytest.raises(seller_data.SellerDataMissing):
        payouts.request(owner, 50_000, account)
    seller_data.save(owner, DATA)
    assert payouts.request(owner, 50_000, account)


DATA = {
    "kind": "private",
    "name": "Pavel Novák",
    "street": "Na Rybníčku 1",
    "city": "Opava",
    "postcode": "746 01",
    "country": "CZ",
    "birth_date": timezone.localdate().replace(year=1980, day=1),
    "tin": "8001011234",
}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"tin": ""}, "tin"),
        ({"birth_date": None}, "birth_date"),
        ({"birth_date": timezone.localdate()}, "birth_date"),
        ({"kind": "company"}, "company_id"),
        ({"kind": "trade", "company_id": "12345678"}, "company_id"),
    ],
)
def test_half_of_the_data_is_not_enough(owner, changed, field):
    with pytest.raises(Invalid) as refusal:
        seller_data.save(owner, {**DATA, **changed})

    assert list(refusal.value.fields) == [field]
    assert not SellerData.objects.exists()


def test_a_company_needs_no_birth_date(owner):
    kept = seller_data.save(owner, {**DATA, "kind": "company", "company_id": "27082440", "birth_date": None, "tin": ""})

    assert kept.completed_at is not None


# ── In a crowd ──


def test_the_audit_finds_what_does_not_agree(approved):
    Payout.objects.filter(pk=approved.pk).update(amount_minor=59_999)

    found = audit.check()

    assert any("payout" in sentence.lower() for sentence in found)


def test_an_account_with_a_payout_under_way_stays_open(owner, account):
    earn(owner, 50_000)
    payouts.request(owner, 50_000, account)

    with pytest.raises(Exception, match="paid out"):
        closing.close_account(owner)


def test_closing_forgets_accounts_money_never_went_to(owner):
    usable_account(owner)
    payout_plans.choose(owner, "weekly")
    seller_data.save(owner, DATA)

    closing.close_account(owner)

    assert not BankAccount.objects.exists()
    assert not SellerData.objects.exists()


def test_closing_keeps_what_the_law_asks_of_who_has_earned(owner, driver, staff):
    seller_data.save(owner, DATA)
    settlement.settle(make_bill(driver, owner, 50_000, settled_at=timezone.now() - timedelta(days=20)))
    earnings.release_pending(now=timezone.now())
    payout = payouts.request(owner, payouts.payable_minor(owner), usable_account(owner))
    payouts.mark_paid(payouts.export([payouts.approve(payout, staff)], staff).payouts.get())

    closing.close_account(owner)

    assert SellerData.objects.get().name == "Pavel Novák"
    account = BankAccount.objects.get()
    assert account.replaced_at is not None
    assert_books_balance()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(IS_SQLITE, reason="needs rows that are locked one by one")
def test_two_wishes_at_once_do_not_pay_twice(owner):
    earn(owner, 100_000)
    account = usable_account(owner)

    results = at_once(lambda _number: payouts.request(User.objects.get(pk=owner.pk), 60_000, account), 10)

    paid = [one for one in results if isinstance(one, Payout)]
    refused = [one for one in results if isinstance(one, payouts.EarningsTooLow)]
    assert (len(paid), len(refused)) == (1, 9)
    assert_books_balance()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(IS_SQLITE, reason="needs rows that are locked one by one")
def test_a_payout_at_the_same_moment_as_a_correction(owner, driver):
    account = usable_account(owner)
    give_credit(driver, 1_000_000)
    now = timezone.now()
    bills = [make_bill(driver, owner, 100_000, settled_at=now - timedelta(hours=80)) for _ in range(6)]
    receipts = [settlement.settle(bill) for bill in bills]
    earnings.release_pending(now=now)

    def act(number):
        if number % 2:
            return payouts.request(User.objects.get(pk=owner.pk), 58_500, account)
        bill = bills[number // 2]
        return settlement.correct(receipts[number // 2], replace(bill, usage=replace(bill.usage, energy_wh=0)))

    at_once(act, 12, threads=6)

    left = balance(owner, "earnings_available") + balance(owner, "earnings_pending") + balance(owner, "earnings_in_payout")
    assert left == 0
    assert balance(owner, "earnings_in_payout") <= 6 * 58_500
    assert_books_balance()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(IS_SQLITE, reason="needs rows that are locked one by one")
def test_paid_and_failed_at_once_is_one_of_them(owner, staff):
    earn(owner, 100_000)
    payout = payouts.request(owner, 60_000, usable_account(owner))
    payouts.approve(payout, staff)
    payouts.export([payout], staff)

    at_once(lambda number: payouts.mark_paid(payout) if number % 2 else payouts.fail(payout, reason="x"), 10)

    payout.refresh_from_db()
    assert payout.status == Status.FAILED  # what was paid may still come back, what came back is not paid any more
    assert balance(owner, "earnings_available") == 100_000
    assert_books_balance()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(IS_SQLITE, reason="needs rows that are locked one by one")
def test_two_batches_at_once_share_nothing(owner, staff):
    earn(owner, 100_000)
    chosen = [payouts.approve(payouts.request(owner, 20_000, usable_account(owner)), staff) for _ in range(3)]

    at_once(lambda _number: payouts.export(chosen, staff), 4, threads=4)

    assert Payout.objects.filter(status=Status.EXPORTED).count() == 3
    assert Payout.objects.values("batch").distinct().count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(IS_SQLITE, reason="needs rows that are locked one by one")
def test_a_payout_at_the_same_moment_as_a_dispute(owner, driver, staff):
    account = usable_account(owner)
    give_credit(driver, 1_000_000)
    now = timezone.now()
    receipt = settlement.settle(make_bill(driver, owner, 100_000, settled_at=now - timedelta(hours=80)))
    earnings.release_pending(now=now)

    def act(number):
        if number % 2:
            return payouts.request(User.objects.get(pk=owner.pk), 58_500, account)
        return disputes.open_dispute(driver, receipt, reason="too_much", text="Too much.", amount_minor=None, evidence={})

    at_once(act, 4, threads=4)

    assert Dispute.objects.count() == 1
    Payout.objects.update(not_before=now)
    for payout in Payout.objects.all():
        with pytest.raises(payouts.NotYet, match="dispute"):
            payouts.approve(payout, staff)
    assert Payout.objects.count() <= 1
    assert payouts.payable_minor(owner) <= 0
    assert_books_balance()
