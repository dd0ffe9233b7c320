import itertools
import logging
import threading
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Notification
from billing import audit, ledger, settlement, top_ups
from billing.gateway import demo
from billing.gateway.gopay import GoPayGateway
from billing.models import DemoPayment, LedgerTransaction, TopUp
from chargeshare.errors import Invalid
from tests.billing.books import IS_SQLITE, assert_books_balance, at_once, balance, make_bill
from tests.factories import make_user


@pytest.fixture
def top_up(stub, driver):
    return top_ups.begin(driver, 20_000)


def ask(top_up, **more):
    """A nudge that comes after the rest between two questions."""
    TopUp.objects.filter(pk=top_up.pk).update(refreshed_at=None)
    refreshed = top_ups.refresh(top_up.gateway_id, **more)
    top_up.refresh_from_db()
    return refreshed


def status_calls(stub):
    return sum(call.startswith("GET /api/payments/payment/") for call in stub.calls)


def test_a_top_up_begins(stub, driver):
    top_up = top_ups.begin(driver, 20_000)

    assert (top_up.status, top_up.gateway, top_up.amount_minor) == ("pending", "gopay", 20_000)
    payment = stub.payments[top_up.gateway_id]
    assert payment["order_number"] == f"{top_up.code}-1" == top_up.order_number
    assert payment["payer"]["contact"]["email"] == driver.email
    assert balance(driver, "cash") == 50_000


def test_addresses_come_from_the_settings(stub, driver, monkeypatch):
    sent = []
    original = stub.create

    def create(wanted):
        sent.append(wanted)
        return original(wanted)

    monkeypatch.setattr(stub, "create", create)

    top_up = top_ups.begin(driver, 20_000)

    assert sent[0]["callback"] == {
        "return_url": f"https://chargeshare.example/wallet/top-ups/{top_up.code}/return/",
        "notification_url": "https://chargeshare.example/gopay/notification/",
    }


def test_paid_is_credited_once(stub, driver, top_up):
    stub.move(top_up.gateway_id, "PAID")

    for _ in range(3):
        ask(top_up)

    assert (top_up.status, balance(driver, "cash"), balance(None, "gopay_clearing")) == ("paid", 70_000, -20_000)
    assert top_up.paid_at is not None
    assert LedgerTransaction.objects.filter(key=f"top-up:{top_up.code}").count() == 1
    told = Notification.objects.get(user=driver, kind="top_up_paid")
    assert told.context == {"amount_minor": 20_000, "balance_minor": 70_000, "currency": "CZK"}
    assert_books_balance()


def test_a_debt_is_paid_first(stub, stranger, owner):
    settlement.settle(make_bill(stranger, owner, 5_000))
    top_up = top_ups.begin(stranger, 5_000)
    stub.move(top_up.gateway_id, "PAID")

    ask(top_up)

    assert (balance(stranger, "debt"), balance(stranger, "cash")) == (0, 1_750)
    ledger.hold(stranger, 1_000, key="session:1")
    assert_books_balance()


@pytest.mark.parametrize(
    ("states", "status", "cash"),
    [
        (["CREATED", "PAYMENT_METHOD_CHOSEN", "AUTHORIZED"], "pending", 50_000),
        (["CANCELED"], "closed", 50_000),
        (["TIMEOUTED", "PAID"], "paid", 70_000),
        (["PAID", "CANCELED", "TIMEOUTED", "CREATED"], "paid", 70_000),
        (["REFUNDED"], "refunded", 50_000),
        (["PAID", "REFUNDED", "PAID"], "refunded", 50_000),
        (["SOMETHING_NEW"], "pending", 50_000),
        (["SOMETHING_NEW", "PAID", "SOMETHING_NEW"], "paid", 70_000),
    ],
)
def test_the_table_follows_what_the_gateway_says_now(stub, driver, top_up, states, status, cash):
    for state in states:
        stub.move(top_up.gateway_id, state)
        ask(top_up)

    assert (top_up.status, balance(driver, "cash")) == (status, cash)
    assert top_up.gateway_state == states[-1]
    assert_books_balance()


def test_every_order_of_states_ends_well(stub, driver):
    for states in itertools.permutations(["CREATED", "TIMEOUTED", "PAID", "REFUNDED"]):
        before = balance(driver, "cash")
        top_up = top_ups.begin(driver, 1_000)
        for state in states:
            stub.move(top_up.gateway_id, state)
            ask(top_up)
        assert balance(driver, "cash") == before
        assert top_up.status == "refunded"
        TopUp.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert_books_balance()


def test_partial_refunds_are_followed(stub, driver, top_up):
    stub.move(top_up.gateway_id, "PAID")
    ask(top_up)
    stub.refund(top_up.gateway_id, 3_000)
    ask(top_up)
    ask(top_up)
    stub.refund(top_up.gateway_id, 2_000)
    ask(top_up)
    assert (balance(driver, "cash"), top_up.refunded_minor, top_up.status) == (65_000, 5_000, "refunded")
    stub.move(top_up.gateway_id, "REFUNDED")  # the whole amount, whatever the list says

    ask(top_up)

    assert (balance(driver, "cash"), top_up.refunded_minor) == (50_000, 20_000)
    keys = LedgerTransaction.objects.filter(kind="refund").order_by("id").values_list("key", flat=True)
    assert list(keys) == [f"top-up:{top_up.code}:refund:{number}" for number in (1, 2, 3)]
    assert_books_balance()


def test_a_refund_of_money_that_is_spent_leaves_a_wallet_below_zero(stub, stranger, owner):
    top_up = top_ups.begin(stranger, 10_000)
    stub.move(top_up.gateway_id, "PAID")
    ask(top_up)
    settlement.settle(make_bill(stranger, owner))
    stub.move(top_up.gateway_id, "REFUNDED")

    ask(top_up)

    assert ledger.wallet(stranger).available_minor == -6_500
    with pytest.raises(ledger.CreditTooLow):
        ledger.hold(stranger, 0, key="session:1")
    assert_books_balance()


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 20_001},
        {"amount": "20000"},
        {"currency": "EUR"},
        {"order_number": "x"},
        {"target": {"goid": 1}},
        {"target": None},
        {"id": 7},
    ],
)
def test_a_payment_that_is_not_the_one_we_asked_for_is_never_credited(stub, driver, top_up, change, caplog):
    good = dict(stub.payments[top_up.gateway_id])
    stub.move(top_up.gateway_id, "PAID", **change)
    ask(top_up)
    assert (top_up.status, balance(driver, "cash")) == ("review", 50_000)
    assert "does not match" in caplog.text
    stub.payments[top_up.gateway_id] = {**good, "state": "PAID"}

    ask(top_up)

    assert (top_up.status, balance(driver, "cash")) == ("review", 50_000)


def test_a_nudge_within_five_seconds_is_kept(stub, driver, top_up):
    now = timezone.now()
    top_ups.refresh(top_up.gateway_id, now=now)
    stub.move(top_up.gateway_id, "PAID")

    top_ups.refresh(top_up.gateway_id, now=now + timedelta(seconds=4))

    assert (status_calls(stub), balance(driver, "cash")) == (1, 50_000)
    top_ups.refresh_pending(now=now + timedelta(seconds=4.5))
    assert status_calls(stub) == 1
    top_ups.refresh_pending(now=now + timedelta(seconds=5))
    assert (status_calls(stub), balance(driver, "cash")) == (2, 70_000)


def test_a_nudge_that_comes_while_we_ask_is_kept(stub, top_up):
    now = timezone.now() + timedelta(seconds=60)
    fetched = GoPayGateway().fetch_payment(top_up.gateway_id)
    TopUp.objects.filter(pk=top_up.pk).update(refresh_at=now + top_ups.REST)

    top_ups._apply(top_up.pk, fetched, now)

    top_up.refresh_from_db()
    assert top_up.refresh_at == now + top_ups.REST


def test_what_is_not_ours_is_not_asked_about(stub, driver):
    assert top_ups.refresh("3999999999") is None
    assert stub.calls == []


def test_the_gateway_is_asked_unprompted_by_the_schedule(stub, top_up):
    began, asked = top_up.created_at, []
    now = began
    while now < began + timedelta(days=9):
        before = status_calls(stub)
        top_ups.refresh_pending(now=now)
        if status_calls(stub) > before:
            asked.append(now - began)
        now += timedelta(seconds=10) if now < began + timedelta(hours=2) else timedelta(hours=1)

    seconds = [10, 20, 40, 120, 300, 900, 3600]
    assert asked[:7] == [timedelta(seconds=one) for one in seconds]
    hours = [round(one / timedelta(hours=1)) for one in asked[7:]]
    assert hours == [6, 12, 18, 24, 48, 72, 96, 120, 144, 168]


def test_a_paid_one_is_asked_about_seldom(stub, driver, top_up):
    stub.move(top_up.gateway_id, "PAID")
    top_ups.refresh_pending(now=top_up.created_at + timedelta(seconds=10))
    top_ups.refresh_pending(now=top_up.created_at + timedelta(seconds=20))

    top_up.refresh_from_db()
    assert top_up.refresh_at == top_up.created_at + timedelta(hours=6)
    assert balance(driver, "cash") == 70_000


def test_closed_ones_are_refreshed_too(stub, driver, top_up, caplog):
    stub.move(top_up.gateway_id, "TIMEOUTED")
    top_ups.refresh_pending(now=top_up.created_at + timedelta(hours=2))
    stub.move(top_up.gateway_id, "PAID")

    top_ups.refresh_pending(now=top_up.created_at + timedelta(hours=7))

    assert balance(driver, "cash") == 70_000
    assert "paid after it had been closed" in caplog.text


def test_a_gateway_that_is_away_takes_no_payment(stub, driver, caplog):
    stub.answers += [(500, {})] * 2

    with pytest.raises(top_ups.GatewayUnavailable) as refusal:
        top_ups.begin(driver, 20_000)

    assert (refusal.value.status, refusal.value.code) == (503, "gateway_unavailable")
    orphan = TopUp.objects.get()
    assert (orphan.status, orphan.gateway_id) == ("new", None)
    again = top_ups.begin(driver, 20_000)
    assert again.order_number != orphan.order_number
    top_ups.refresh_pending(now=orphan.created_at + timedelta(hours=25))
    orphan.refresh_from_db()
    assert orphan.status == "closed"


def test_a_gateway_that_is_away_is_asked_again_by_the_next_pass(stub, driver, top_up):
    stub.move(top_up.gateway_id, "PAID")
    stub.answers.append((503, {}))
    now = timezone.now()

    top_ups.refresh(top_up.gateway_id, now=now)

    assert balance(driver, "cash") == 50_000
    top_ups.refresh_pending(now=now + timedelta(seconds=30))
    assert balance(driver, "cash") == 70_000


def test_an_outage_costs_a_pass_only_a_few_tries(stub, driver):
    for _ in range(6):
        top_ups.begin(driver, 1_000)
    stub.answers += [(503, {})] * 20

    assert top_ups.refresh_pending(now=timezone.now() + timedelta(minutes=1)) == 2
    assert status_calls(stub) == 3


def test_a_payment_the_gateway_has_forgotten_is_no_outage(stub, top_up, caplog):
    del stub.payments[top_up.gateway_id]

    ask(top_up)

    assert top_up.status == "pending"
    assert "PAYMENT_NOT_FOUND" in caplog.text
    assert top_up.refresh_at is not None


def test_amounts_have_limits(stub, driver, settings):
    for amount, words in ((99, "least"), (-5, "least"), (450_001, "500 Kč"), (10**11, "at most")):
        with pytest.raises(Invalid) as refusal:
            top_ups.begin(driver, amount)
        assert words in refusal.value.fields["amount"][0].replace("\u00a0", " ").replace("4,500.00", "500")
    ledger.grant(driver, 400_000, reason="promo is not counted")
    assert top_ups.begin(driver, 450_000).status == "pending"
    assert top_ups.begin(driver, 100).status == "pending"
    settings.WALLET_ENABLED = False
    with pytest.raises(top_ups.WalletDisabled):
        top_ups.begin(driver, 1_000)


def test_too_many_top_ups(stub, driver, settings, stranger):
    settings.LIMIT_TOP_UPS = 3
    for _ in range(3):
        top_ups.begin(driver, 1_000)

    with pytest.raises(top_ups.TooManyTopUps) as refusal:
        top_ups.begin(driver, 1_000)

    assert (refusal.value.status, refusal.value.code) == (429, "too_many_top_ups")
    assert top_ups.begin(stranger, 1_000).status == "pending"
    TopUp.objects.update(created_at=timezone.now() - timedelta(minutes=10))
    assert top_ups.begin(driver, 1_000).status == "pending"


def test_the_demo_gateway_plays_the_same_game(driver, settings):
    paid, cancelled, late = (top_ups.begin(driver, amount) for amount in (1_000, 2_000, 3_000))
    assert f"/wallet/demo-gateway/{paid.gateway_id}/" in paid.gateway_url
    payments = {one.gateway_id: one for one in DemoPayment.objects.all()}

    assert demo.pay(payments[str(paid.gateway_id)])
    assert not demo.cancel(payments[str(paid.gateway_id)])
    assert demo.cancel(payments[str(cancelled.gateway_id)])
    DemoPayment.objects.filter(gateway_id=late.gateway_id).update(created_at=timezone.now() - timedelta(hours=2))
    for one in (paid, cancelled, late):
        ask(one)

    assert [one.status for one in (paid, cancelled, late)] == ["paid", "closed", "closed"]
    assert balance(driver, "cash") == 51_000
    DemoPayment.objects.filter(gateway_id=late.gateway_id).update(state="PAID")
    DemoPayment.objects.filter(gateway_id=paid.gateway_id).update(state="REFUNDED")
    DemoPayment.objects.filter(gateway_id=cancelled.gateway_id).delete()
    for one in (paid, cancelled, late):
        ask(one)
    assert balance(driver, "cash") == 53_000
    assert_books_balance()


@pytest.mark.skipif(IS_SQLITE, reason="one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_fifty_notifications_at_once_credit_once(stub, caplog):
    user = make_user()
    top_up = top_ups.begin(user, 20_000)
    stub.move(top_up.gateway_id, "PAID")

    def nudge(_number):
        found = ask(TopUp.objects.get(pk=top_up.pk))
        return found is not None

    assert at_once(nudge, 50) == [True] * 50
    assert balance(user, "cash") == 20_000
    assert Notification.objects.filter(user=user).count() == 1
    assert_books_balance()


@pytest.mark.skipif(IS_SQLITE, reason="one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_fifty_notifications_the_payer_and_the_next_pass_at_once_credit_once(stub):
    """Whoever comes first: GoPay's nudges, the browser that returns, the periodic job."""
    user = make_user()
    top_up = top_ups.begin(user, 20_000)
    stub.move(top_up.gateway_id, "PAID")
    TopUp.objects.update(refreshed_at=None)

    def come(number):
        client = Client()
        if number % 9 == 1:
            client.force_login(user)
            return client.get(top_up.get_absolute_url()).status_code
        if number % 9 == 2:
            top_ups.refresh_pending(now=timezone.now() + timedelta(minutes=1))
            return 200
        return client.get(f"/gopay/notification/?id={top_up.gateway_id}").status_code

    assert set(at_once(come, 63, threads=16)) == {200}
    top_ups.refresh_pending(now=timezone.now() + timedelta(minutes=10))
    assert balance(user, "cash") == 20_000
    assert LedgerTransaction.objects.filter(kind="top_up").count() == 1
    assert Notification.objects.filter(user=user).count() == 1
    assert_books_balance()


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_gateway_is_asked(stub, settings):
    """Another connection can write meanwhile: on SQLite too, where a transaction would lock everybody out."""
    user = make_user()
    top_up = top_ups.begin(user, 20_000)
    stub.move(top_up.gateway_id, "PAID")
    settings.GOPAY_TIMEOUT_S = 30.0
    is_asked, may_answer = threading.Event(), threading.Event()
    answer = stub.answer

    def hold(method, path, headers, body):
        if method == "GET":
            is_asked.set()
            assert may_answer.wait(30)
        return answer(method, path, headers, body)

    stub.answer = hold
    waiting = threading.Thread(target=lambda: at_once(lambda _number: top_ups.refresh(str(top_up.gateway_id)), 1, threads=1))
    waiting.start()
    assert is_asked.wait(30)

    ledger.grant(user, 100, reason="meanwhile")

    may_answer.set()
    waiting.join()
    assert ledger.wallet(user).balance_minor == 20_100
    assert logging.getLogger("billing").isEnabledFor(logging.ERROR)


def test_the_books_notice_a_top_up_that_says_something_else(stub, top_up):
    stub.move(top_up.gateway_id, "PAID")
    ask(top_up)
    TopUp.objects.filter(pk=top_up.pk).update(status="pending")

    assert audit.check() == [f"Top-up {top_up.code} of 20000 is pending, and the books say otherwise."]
