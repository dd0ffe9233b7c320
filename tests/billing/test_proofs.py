"""The proof of the books: each night, on demand, told to staff."""

import uuid
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification
from billing import audit, ledger, payouts, proofs, settlement
from billing.models import LedgerAccount, LedgerProof, Payout
from tests import factories
from tests.billing.books import IS_SQLITE, at_once, make_bill
from tests.billing.paying import earn, usable_account

NIGHT = timezone.make_aware(datetime(2026, 5, 2, 3, 30))  # noqa: DTZ001 - made aware in our own zone
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def books(driver, owner):
    """A session settled."""
    return settlement.settle(make_bill(driver, owner, 10_000))


def spoil(user):
    """A balance that its entries do not come to."""
    LedgerAccount.objects.filter(user=user, kind="cash").update(balance_minor=1)


def test_the_books_are_proved_once_a_night(books):
    assert proofs.prove_nightly(now=NIGHT - 2 * HOUR) == 0
    assert proofs.prove_nightly(now=NIGHT) == 1
    assert proofs.prove_nightly(now=NIGHT + HOUR) == 0
    assert proofs.prove_nightly(now=NIGHT + 24 * HOUR) == 1

    newest = proofs.latest()
    assert newest is not None
    assert newest.is_good
    assert (newest.transactions, newest.entries > 3) == (2, True)
    assert not Notification.objects.filter(kind="ledger_alert").exists()


def test_what_is_wrong_is_told_to_all_staff(books, driver, staff):
    colleague = factories.make_user("Eva", is_staff=True)
    factories.make_user("Gone", is_staff=True, is_active=False)
    spoil(driver)

    proofs.prove_nightly(now=NIGHT)

    newest = proofs.latest()
    assert newest is not None
    assert not newest.is_good
    told = Notification.objects.filter(kind="ledger_alert")
    assert {one.user for one in told} == {staff, colleague}
    assert told[0].context == {"count": len(newest.problems), "first": newest.problems[0]}


def test_a_proof_that_died_with_its_process_is_made_again(books):
    LedgerProof.objects.create(night=NIGHT.date(), began_at=NIGHT)

    assert proofs.prove_nightly(now=NIGHT + HOUR / 2) == 0
    assert proofs.prove_nightly(now=NIGHT + 2 * HOUR) == 1
    assert proofs.prove_nightly(now=NIGHT + 4 * HOUR) == 0
    assert LedgerProof.objects.count() == 1


def test_the_page_says_that_they_balance(desk, books, staff):
    page = desk.get(reverse("admin:billing_proof")).content.decode()
    assert "have not been proved yet" in page

    answer = desk.post(reverse("admin:billing_proof_now"), follow=True).content.decode()

    assert "The books balance." in answer
    assert LedgerProof.objects.get().asked_by == staff
    assert "proved yet" not in answer


def test_the_page_says_what_is_wrong(desk, books, driver):
    spoil(driver)

    page = desk.post(reverse("admin:billing_proof_now"), follow=True).content.decode()

    assert "The books do not balance." in page
    assert "its entries sum to" in page


def test_last_nights_proof_is_missed(desk, books):
    LedgerProof.objects.create(began_at=timezone.now() - timedelta(days=3), took_ms=5)
    assert "proof is missing" in desk.get(reverse("admin:billing_proof")).content.decode()


def test_what_is_under_way_too_long_is_marked(desk, owner):
    earn(owner, 20_000)
    payout = payouts.request(owner, 20_000, usable_account(owner))

    def clearing():
        return next(one for one in proofs.clearings() if one.kind == "earnings_in_payout")

    assert (clearing().count, clearing().balance_minor, clearing().is_late) == (1, 20_000, False)
    Payout.objects.filter(pk=payout.pk).update(created_at=timezone.now() - timedelta(days=2))
    assert (clearing().is_late, clearing().is_old) == (True, False)
    Payout.objects.filter(pk=payout.pk).update(created_at=timezone.now() - timedelta(days=8))
    assert clearing().is_old
    assert "icon" in desk.get(reverse("admin:billing_proof")).content.decode()


def test_only_staff_with_the_right_come_in(client, driver):
    for person in (driver, factories.make_user("Eva", is_staff=True)):
        client.force_login(person)
        assert client.get(reverse("admin:billing_proof")).status_code in (302, 403, 404)
        assert client.post(reverse("admin:billing_proof_now")).status_code in (302, 403, 404)
    assert not LedgerProof.objects.exists()


@pytest.mark.skipif(IS_SQLITE, reason="SQLite lets one write at a time")
@pytest.mark.django_db(transaction=True)
def test_two_processes_prove_one_night_once(driver):
    assert sorted(at_once(lambda _number: proofs.prove_nightly(now=NIGHT), times=6, threads=6)) == [0, 0, 0, 0, 0, 1]


def test_what_moved_without_a_ground_is_found(books, owner, driver):
    savepoint = transaction.savepoint()
    accounts = (ledger.platform_account("bank"), ledger.platform_account("gopay_clearing"))
    code = uuid.uuid4()
    lost = f"session:{books.session_code}:correct:7"
    for kind, key in (("top_up", f"top-up:{code}"), ("payout", f"payout:{code}:paid"), ("correct", lost)):
        ledger.post(key=key, kind=kind, entries=[(accounts[0], -1), (accounts[1], 1)])

    problems = "\n".join(audit.check())
    transaction.savepoint_rollback(savepoint)

    assert f"Transaction top-up:{code} has no top-up." in problems
    assert f"Transaction payout:{code}:paid has no payout." in problems
    assert f"Transaction {lost} has no receipt." in problems


def test_corrected_sessions_and_holds_are_followed(books, driver):
    hold = ledger.hold(driver, 100, key=f"session:{books.session_code}")
    settlement.credit(books, 500)
    settlement.credit(books, 700)

    assert audit.check() == [f"Hold {hold.key} of 100 is open although its session has been settled."]


def test_long_books_are_read_in_pieces(monkeypatch, driver, owner):
    monkeypatch.setattr(audit, "AT_ONCE", 2)
    for _ in range(5):
        settlement.credit(settlement.settle(make_bill(driver, owner, 1_000)), 100)
    assert audit.check() == []
