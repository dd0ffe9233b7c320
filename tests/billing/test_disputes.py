from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from billing import disputes, earnings, payouts, settlement
from billing.models import Dispute
from chargeshare.errors import Invalid, NotFound
from tests.billing.books import IS_SQLITE, assert_books_balance, at_once, balance, make_bill

DAY = timedelta(days=1)


@pytest.fixture
def cdr(driver, owner):
    return settlement.settle(make_bill(driver, owner, 10_000))


def complain(user, cdr, **said):
    return disputes.open_dispute(user, cdr, **{"reason": "too_much", "text": "", "amount_minor": None, "evidence": {}, **said})


def test_a_driver_complains_and_staff_give_a_part_back(cdr, driver, owner, staff):
    before = balance(driver, "cash")
    dispute = complain(driver, cdr, amount_minor=2_000)

    assert (dispute.disputed_minor, dispute.frozen_minor, disputes.frozen_minor(owner)) == (2_000, 1_800, 1_800)
    assert Notification.objects.filter(user=owner, kind="dispute_opened").exists()
    disputes.reply(owner, dispute, "The meter is right.")
    decided = disputes.decide(staff, dispute, returned_minor=1_500, decision="The first kWh never arrived.")

    assert decided.credit_note is not None
    assert (decided.status, decided.credit_note.total_minor, decided.credit_note.corrects) == ("decided", -1_500, cdr)
    assert (balance(driver, "cash"), disputes.frozen_minor(owner)) == (before + 1_500, 0)
    assert balance(owner, "earnings_pending") == cdr.owner_minor - 1_350
    assert Notification.objects.filter(kind="dispute_decided").count() == 2
    assert settlement.spent_minor(cdr.session_code) == cdr.total_minor - 1_500
    assert_books_balance()


def test_what_is_disputed_is_not_paid_out_and_the_rest_is(cdr, driver, owner):
    earnings.release_pending(now=timezone.now() + 4 * DAY)
    payable_minor = payouts.payable_minor(owner)

    complain(driver, cdr, amount_minor=2_000)

    assert payouts.payable_minor(owner) == payable_minor - 1_800


def test_all_of_it_goes_back(cdr, driver, owner, staff):
    dispute = complain(driver, cdr, reason="no_energy")

    disputes.decide(staff, dispute, returned_minor=cdr.total_minor, decision="No energy.")

    assert (balance(owner, "earnings_pending"), balance(None, "platform_fee")) == (0, 0)
    assert settlement.spent_minor(cdr.session_code) == 0
    assert_books_balance()


def test_a_receipt_may_stand(cdr, driver, staff):
    decided = disputes.decide(staff, complain(driver, cdr), returned_minor=0, decision="The curve agrees.")

    assert (decided.credit_note, decided.returned_minor) == (None, 0)
    assert_books_balance()


def test_what_a_charger_says_later_does_not_take_it_away_again(cdr, driver, owner, staff):
    disputes.decide(staff, complain(driver, cdr), returned_minor=500, decision="As a courtesy.")

    assert settlement.correct(cdr, make_bill(driver, owner, 10_000, session_code=cdr.session_code)) is None
    assert_books_balance()


def test_an_owner_complains_of_too_little(cdr, owner, driver):
    dispute = complain(owner, cdr, reason="too_little", text="The box shows 14 kWh.")

    assert (dispute.side, dispute.disputed_minor, disputes.frozen_minor(owner)) == ("owner", 0, 0)
    assert Notification.objects.filter(user=driver, kind="dispute_opened").exists()


def test_only_the_two_sides_and_only_once(cdr, driver, owner, stranger, staff):
    with pytest.raises(NotFound):
        complain(stranger, cdr)
    with pytest.raises(NotFound):
        complain(staff, cdr)
    dispute = complain(driver, cdr)
    with pytest.raises(disputes.AlreadyDisputed):
        complain(owner, cdr, reason="too_little")
    with pytest.raises(NotFound):
        disputes.reply(driver, dispute, "Me again.")
    with pytest.raises(NotFound):
        disputes.withdraw(owner, dispute)
    with pytest.raises(NotFound):
        disputes.decide(owner, dispute, returned_minor=0, decision="No.")
    disputes.withdraw(driver, dispute)
    assert disputes.may_open(driver, cdr)


def test_staff_decide_nothing_of_their_own(cdr, driver):
    driver.is_staff = True
    driver.save()

    with pytest.raises(NotFound):
        disputes.decide(driver, complain(driver, cdr), returned_minor=cdr.total_minor, decision="Mine.")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("amount", {"amount_minor": 0}),
        ("amount", {"amount_minor": 10**9}),
        ("reason", {"reason": "too_little"}),
        ("reason", {"reason": "nonsense"}),
        ("text", {"reason": "other", "text": "  "}),
        ("text", {"text": "x" * 2_001}),
        ("text", {"text": "\0"}),
    ],
)
def test_each_field_has_its_sentence(cdr, driver, field, said):
    with pytest.raises(Invalid) as refusal:
        complain(driver, cdr, **said)

    assert list(refusal.value.fields) == [field]


@pytest.mark.parametrize("returned_minor", [-1, 10**9])
def test_no_more_goes_back_than_was_paid(cdr, driver, staff, returned_minor):
    with pytest.raises(Invalid):
        disputes.decide(staff, complain(driver, cdr), returned_minor=returned_minor, decision="Why not.")


def test_two_weeks_later_a_receipt_stands(driver, owner):
    old = settlement.settle(make_bill(driver, owner, 10_000, settled_at=timezone.now() - 15 * DAY))

    assert not disputes.may_open(driver, old)
    with pytest.raises(disputes.TooLate):
        complain(driver, old)


def test_who_does_not_answer_leaves_it_to_staff(cdr, driver, owner):
    dispute = complain(driver, cdr)
    assert disputes.close_unanswered(now=timezone.now()) == 0
    assert disputes.close_unanswered(now=timezone.now() + 4 * DAY) == 1

    with pytest.raises(disputes.NotOpen):
        disputes.reply(owner, dispute, "Too late.")


@pytest.mark.skipif(IS_SQLITE, reason="one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_twenty_decisions_at_once_return_the_money_once(driver, owner, staff):
    cdr = settlement.settle(make_bill(driver, owner, 10_000))
    dispute = complain(driver, cdr)

    results = at_once(lambda _number: disputes.decide(staff, dispute, returned_minor=1_000, decision="Once."), 20)

    assert sum(isinstance(result, Dispute) for result in results) == 1
    assert settlement.spent_minor(cdr.session_code) == cdr.total_minor - 1_000
    assert_books_balance()


def test_the_pages_tell_both_sides(client, cdr, driver, owner, stranger, staff):
    dispute = complain(driver, cdr, evidence={"readings": [{"time": "2026-11-20 12:00:00", "energy_wh": 1, "power_w": None}]})
    address = dispute.get_absolute_url()
    client.force_login(stranger)
    assert client.get(address).status_code == 404
    client.force_login(owner)
    assert client.post(f"{address}reply/", {"text": ""}).status_code == 400
    assert client.post(f"{address}reply/", {"text": "<b>No</b>"}).status_code == 302
    assert b"&lt;b&gt;No&lt;/b&gt;" in client.get(address).content
    client.force_login(driver)
    assert cdr.place_name in client.get("/disputes/").content.decode()
    assert client.get(cdr.get_absolute_url()).context["may_dispute"] is False
    assert client.post(f"{address}withdraw/").status_code == 302
    dispute.refresh_from_db()
    assert dispute.status == "withdrawn"
