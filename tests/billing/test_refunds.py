from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from billing import ledger, refunds, top_ups
from billing.models import Refund, TopUp
from chargeshare.errors import Invalid
from tests.billing.books import IS_SQLITE, assert_books_balance, at_once, balance
from tests.factories import give_credit, make_user

LATER = timedelta(minutes=6)


def paid(stub, user, amount_minor):
    top_up = top_ups.begin(user, amount_minor)
    stub.move(top_up.gateway_id, "PAID")
    return ask(top_up)


def ask(top_up, **more):
    """A nudge that comes after the rest between two questions."""
    TopUp.objects.filter(pk=top_up.pk).update(refreshed_at=None)
    return top_ups.refresh(top_up.gateway_id, **more)


def refund_calls(stub):
    return sum(call.endswith("/refund") for call in stub.calls)


@pytest.fixture
def payer(db):
    return make_user("payer@example.com")


def test_money_goes_back_to_the_payments_it_came_from_the_newest_first(stub, payer):
    first, second = paid(stub, payer, 30_000), paid(stub, payer, 20_000)

    made = refunds.request(payer, 25_000)

    assert [(one.top_up, one.amount_minor) for one in made] == [(second, 20_000), (first, 5_000)]
    assert (balance(payer, "cash"), balance(None, "refund_transit")) == (25_000, 25_000)
    ask(first)
    ask(second)
    assert {one.status for one in Refund.objects.all()} == {"done"}
    assert (balance(None, "refund_transit"), balance(None, "gopay_clearing")) == (0, -25_000)
    assert refunds.returnable_minor(payer) == 25_000
    assert Notification.objects.filter(user=payer, kind="refund_done").count() == 2
    assert_books_balance()


def test_promo_credit_and_what_is_held_stay(stub, payer):
    paid(stub, payer, 30_000)
    give_credit(payer, 10_000)
    ledger.hold(payer, 25_000, key="session:1")

    assert refunds.returnable_minor(payer) == 15_000
    with pytest.raises(Invalid):
        refunds.request(payer, 15_001)
    assert [one.amount_minor for one in refunds.request(payer)] == [15_000]


def test_nothing_goes_back_that_no_payment_brought(stub, payer):
    give_credit(payer, 10_000)

    with pytest.raises(refunds.NothingToReturn):
        refunds.request(payer)
    assert refund_calls(stub) == 0


@pytest.mark.parametrize("amount_minor", [0, -1, 30_001, 10**12])
def test_only_what_is_there_goes_back(stub, payer, amount_minor):
    paid(stub, payer, 30_000)

    with pytest.raises(Invalid):
        refunds.request(payer, amount_minor)

    assert balance(payer, "cash") == 30_000


def test_what_gopay_refuses_is_back_in_the_wallet(stub, payer):
    top_up = paid(stub, payer, 30_000)
    stub.answers.append((409, {"errors": [{"error_name": "PAYMENT_REFUND_NOT_POSSIBLE"}]}))

    (refund,) = refunds.request(payer)

    refund.refresh_from_db()
    assert (refund.status, balance(payer, "cash"), balance(None, "refund_transit")) == ("failed", 30_000, 0)
    assert Notification.objects.filter(user=payer, kind="refund_failed").exists()
    ask(top_up)
    assert_books_balance()


def test_one_that_fails_later_is_back_too(stub, payer):
    stub.refund_result = "ACCEPTED"
    top_up = paid(stub, payer, 30_000)
    (refund,) = refunds.request(payer)
    ask(top_up)
    refund.refresh_from_db()
    assert (refund.status, balance(None, "refund_transit")) == ("sent", 30_000)

    stub.refunds[top_up.gateway_id][0]["state"] = "FAILED"
    ask(top_up)

    refund.refresh_from_db()
    assert (refund.status, balance(payer, "cash")) == ("failed", 30_000)
    assert_books_balance()


@pytest.mark.parametrize("was_done", [True, False])
def test_after_a_lost_answer_the_list_of_refunds_decides(stub, payer, was_done):
    top_up = paid(stub, payer, 30_000)
    original = stub.answer

    def lose(method, path, headers, body):
        if path.endswith("/refund"):
            if was_done:
                original(method, path, headers, body)
            return 502, ""
        return original(method, path, headers, body)

    stub.answer = lose
    (refund,) = refunds.request(payer, 10_000)
    refund.refresh_from_db()
    assert (refund.status, balance(None, "refund_transit")) == ("requested", 10_000)
    stub.answer = original

    ask(top_up)
    if not was_done:
        assert refunds.send_unsent(now=timezone.now() + LATER) == 0
        ask(top_up, now=timezone.now() + LATER)
        assert refunds.send_unsent(now=timezone.now() + LATER) == 1
        ask(top_up, now=timezone.now() + 2 * LATER)

    refund.refresh_from_db()
    assert refund.status == "done"
    assert sum(one["amount"] for one in stub.refunds[top_up.gateway_id]) == 10_000
    assert_books_balance()


def test_one_that_never_arrives_is_given_up(stub, payer):
    top_up = paid(stub, payer, 30_000)
    stub.answers.append((500, ""))
    (refund,) = refunds.request(payer)
    now = timezone.now()
    for number in range(1, refunds.TRIES + 1):
        now += LATER
        ask(top_up, now=now)
        stub.answers.append((500, ""))
        assert refunds.send_unsent(now=now) == (1 if number < refunds.TRIES else 0)
    stub.answers.clear()

    refund.refresh_from_db()
    assert (refund.status, refund.tries, balance(payer, "cash")) == ("failed", refunds.TRIES, 30_000)
    assert_books_balance()


def test_a_process_that_died_before_it_asked_leaves_it_to_the_next(stub, payer, monkeypatch):
    top_up = paid(stub, payer, 30_000)
    with monkeypatch.context() as dying:
        dying.setattr(refunds, "send", lambda _refund: None)
        refunds.request(payer)
    assert refund_calls(stub) == 0

    assert refunds.send_unsent(now=timezone.now() + LATER) == 1
    assert refunds.send_unsent(now=timezone.now() + LATER) == 0
    ask(top_up)

    assert refund_calls(stub) == 1
    assert Refund.objects.get().status == "done"


def test_one_from_the_portal_is_told_from_ours(stub, payer):
    top_up = paid(stub, payer, 30_000)
    stub.refund(top_up.gateway_id, 4_000)
    refunds.request(payer, 10_000)
    ask(top_up)

    assert list(Refund.objects.order_by("pk").values_list("amount_minor", "is_external", "status")) == [
        (10_000, False, "done"),
        (4_000, True, "done"),
    ]
    assert balance(payer, "cash") == 16_000
    assert_books_balance()


@pytest.mark.skipif(IS_SQLITE, reason="one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_twenty_wishes_at_once_return_the_money_once(stub, payer):
    top_up = paid(stub, payer, 30_000)

    results = at_once(lambda _number: refunds.request(payer, 30_000), 20)

    assert {type(result) for result in results} <= {list, refunds.NothingToReturn, Invalid}
    assert sum(isinstance(result, list) for result in results) == 1
    ask(top_up)
    assert (refund_calls(stub), balance(payer, "cash")) == (1, 0)
    assert_books_balance()


def test_the_page_returns_money_once_for_a_form_sent_twice(stub, payer, client):
    paid(stub, payer, 30_000)
    client.force_login(payer)
    page = client.get("/wallet/refund/")
    form = {"amount": "100", "key": page.context["form"]["key"].value()}

    assert b"/wallet/refund/" in client.get("/wallet/").content
    assert [client.post("/wallet/refund/", form).status_code for _ in range(2)] == [302, 302]
    assert Refund.objects.count() == 1
    assert client.post("/wallet/refund/", {**form, "amount": "99999"}).status_code == 400
    assert client.post("/wallet/refund/", {}).status_code == 400
    assert "100,00" in client.get("/wallet/refund/", headers={"accept-language": "cs"}).content.decode().replace("\xa0", " ")


def test_programs_return_money_too(stub, payer, client):
    paid(stub, payer, 30_000)
    client.force_login(payer)

    made = client.post("/api/v1/wallet/refunds/", {"amount": "120.50"}, content_type="application/json")

    assert made.status_code == 201
    assert made.json()[0]["amount"] == {"amount": "120.50", "currency": "CZK"}
    assert client.get("/api/v1/wallet/refunds/").json()["count"] == 1
    assert client.post("/api/v1/wallet/refunds/", {"amount": "1e9"}, content_type="application/json").status_code == 400


def test_the_demo_gateway_returns_money(payer, client):
    top_up = top_ups.begin(payer, 30_000)
    client.force_login(payer)
    client.post(f"/wallet/demo-gateway/{top_up.gateway_id}/", {"deed": "pay"})

    refunds.request(payer, 10_000)
    ask(top_up)
    refunds.request(payer)
    ask(top_up)

    assert [one.status for one in Refund.objects.all()] == ["done", "done"]
    assert balance(payer, "cash") == 0
    assert_books_balance()


LATER_WORDS = [("FINISHED",), ("FAILED",), ("ACCEPTED", "FINISHED"), ("ACCEPTED", "FAILED"), ("ACCEPTED", "ACCEPTED", "FINISHED")]


@pytest.mark.parametrize("answered", ["FINISHED", "ACCEPTED", "FAILED", "lost and done", "lost", "refused"])
@pytest.mark.parametrize("then", LATER_WORDS)
@pytest.mark.parametrize("is_whole", [True, False])
def test_whatever_the_gateway_says_and_in_whatever_order_it_comes_to_rest(stub, payer, answered, then, is_whole):
    top_up = paid(stub, payer, 30_000)
    amount_minor = 30_000 if is_whole else 10_000
    honest = stub.answer
    is_lost = answered.startswith("lost")
    stub.refund_result = "ACCEPTED" if is_lost or answered == "refused" else answered

    def say(method, path, headers, body):
        if not path.endswith("/refund"):
            return honest(method, path, headers, body)
        if answered == "refused":
            return 409, {"errors": [{"error_name": "PAYMENT_REFUND_NOT_POSSIBLE"}]}
        said = honest(method, path, headers, body) if answered != "lost" else None
        return (502, "") if is_lost or said is None else said

    stub.answer = say
    (refund,) = refunds.request(payer, amount_minor)
    stub.answer = honest
    stub.refund_result = "FINISHED"
    now = timezone.now()
    for state in (*then, then[-1], then[-1]):
        for listed in stub.refunds.get(top_up.gateway_id, []):
            if listed["state"] == "ACCEPTED" and state != "ACCEPTED":
                listed["state"] = state
                if state == "FINISHED":
                    stub.move(top_up.gateway_id, "REFUNDED" if is_whole else "PARTIALLY_REFUNDED")
        now += LATER
        ask(top_up, now=now)
        refunds.send_unsent(now=now)
    for _ in range(2):
        now += LATER
        ask(top_up, now=now)

    refund.refresh_from_db()
    returned_minor = sum(one["amount"] for one in stub.refunds.get(top_up.gateway_id, []) if one["state"] == "FINISHED")
    assert (refund.status, returned_minor) in {("done", amount_minor), ("failed", 0)}
    assert balance(payer, "cash") == 30_000 - returned_minor
    assert balance(None, "refund_transit") == 0
    assert_books_balance()
