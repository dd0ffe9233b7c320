import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from accounts.models import Notification
from billing import auto_top_ups, ledger, top_ups
from billing.models import AutoTopUp, TopUp
from chargeshare.errors import Invalid
from tests.billing.books import assert_books_balance, balance
from tests.factories import give_credit, make_user
from tests.meeting import meeting, one_waits_for_the_other

AMOUNTS = {"amount_minor": 50_000, "below_minor": 60_000, "monthly_cap_minor": 150_000}
DAY = timedelta(days=1, seconds=1)


@pytest.fixture
def payer(db):
    return make_user("payer@example.com")


@pytest.fixture
def plan(stub, payer):
    ordered = auto_top_ups.order(payer, **AMOUNTS, consent=auto_top_ups.consent_text(**AMOUNTS), address="127.0.0.1")
    first = top_ups.begin(payer, 50_000, plan=ordered)
    stub.move(first.gateway_id, "PAID")
    top_ups.refresh(str(first.gateway_id))
    ordered.refresh_from_db()
    return ordered


def recurrences(stub):
    return sum(call.endswith("/create-recurrence") for call in stub.calls)


def run(days=0):
    return top_ups.top_up_automatically(now=timezone.now() + days * DAY)


def test_the_first_payment_is_hers_and_makes_it_active(stub, payer, plan):
    assert (plan.state, plan.gateway_id) == ("active", TopUp.objects.get().gateway_id)
    recurrence = stub.payments[plan.gateway_id]["recurrence"]
    assert recurrence["recurrence_cycle"] == "ON_DEMAND"
    told = Notification.objects.get(user=payer, kind="auto_top_up_on")
    assert told.context["consent"] == plan.consent
    assert "1,500.00" in plan.consent.replace("\xa0", " ") or "1 500,00" in plan.consent.replace("\xa0", " ")


def test_full_wallets_are_not_looked_at_one_by_one(stub, plan, django_assert_num_queries):
    texts = {"consent": "", "gateway": "gopay", "gateway_id": "1", "state": "active", "currency": "CZK"}
    for number in range(5):
        other = make_user(f"full{number}@example.com")
        give_credit(other, 70_000)
        AutoTopUp.objects.create(user=other, **AMOUNTS, **texts)
    empty = AutoTopUp.objects.create(user=make_user("empty@example.com"), **AMOUNTS, **texts)
    blocked = AutoTopUp.objects.create(user=make_user("blocked@example.com", is_active=False), **AMOUNTS, **texts)

    with django_assert_num_queries(1):
        found = auto_top_ups.due(now=timezone.now())

    assert found == [plan, empty]
    assert blocked not in found


def test_a_wallet_that_runs_low_is_filled_up_to_the_month_s_cap(stub, payer, plan):
    assert balance(payer, "cash") == 50_000
    assert run() == 1
    assert balance(payer, "cash") == 100_000
    assert run() == 0  # enough is there

    ledger.hold(payer, 90_000, key="session:1")
    assert run() == 1
    assert balance(payer, "cash") == 150_000
    ledger.hold(payer, 55_000, key="session:2")
    assert run() == 0  # the month is full
    assert recurrences(stub) == 2
    assert_books_balance()


def test_nothing_is_charged_while_a_payment_is_under_way(stub, payer, plan):
    stub.recurrence_state = "CREATED"
    assert run() == 1
    assert run() == 0
    assert recurrences(stub) == 1


@pytest.mark.django_db(transaction=True)
@one_waits_for_the_other
@pytest.mark.parametrize("is_ended", [False, True])
def test_a_card_is_charged_neither_twice_nor_after_the_end(stub, payer, plan, is_ended):
    """Another process has begun the payment, or its owner has ended it, while this one waited for the wallet."""
    ledger.hold(payer, 50_000, key="session:1")
    asked = recurrences(stub)

    with meeting(run):
        ledger.lock_wallet(payer)
        if is_ended:
            AutoTopUp.objects.update(state="ended", ended_at=timezone.now(), is_voided=True)
        else:
            code = uuid.uuid4()
            TopUp.objects.create(
                user=payer, amount_minor=50_000, currency="CZK", gateway="gopay", plan=plan, code=code, order_number=f"{code}-1"
            )

    assert recurrences(stub) == asked
    assert TopUp.objects.filter(plan=plan).count() == (1 if is_ended else 2)


@pytest.mark.django_db(transaction=True)
@one_waits_for_the_other
def test_an_order_that_is_ended_while_its_payment_is_booked_stays_ended(stub, payer, plan):
    ledger.hold(payer, 50_000, key="session:1")
    run()
    top_up = TopUp.objects.filter(plan=plan).latest("pk")

    with meeting(lambda: transaction.atomic(auto_top_ups.follow)(plan, top_up, timezone.now())):
        AutoTopUp.objects.update(state="ended", ended_at=timezone.now(), is_voided=True)

    plan.refresh_from_db()
    assert plan.state == "ended"


def test_a_refused_card_rests_and_three_times_end_it(stub, payer, plan):
    stub.recurrence_state = "CANCELED"
    for days in range(3):
        assert run(days) == 1
        assert run(days) == 0
        TopUp.objects.filter(plan=plan).update(created_at=timezone.now() - timedelta(days=1))

    plan.refresh_from_db()
    assert (plan.state, recurrences(stub)) == ("ended", 3)
    assert Notification.objects.filter(user=payer, kind="auto_top_up_ended").count() == 1
    assert auto_top_ups.tidy(now=timezone.now()) == 1
    assert stub.payments[plan.gateway_id]["recurrence"]["recurrence_state"] == "STOPPED"
    assert run(9) == 0


def test_one_that_fails_after_a_while_counts_too(stub, payer, plan):
    stub.recurrence_state = "CREATED"
    run()
    later = TopUp.objects.order_by("-pk").first()
    assert later is not None
    stub.move(later.gateway_id, "TIMEOUTED")
    TopUp.objects.update(refreshed_at=None)

    top_ups.refresh(str(later.gateway_id))

    plan.refresh_from_db()
    assert (plan.failures, plan.state) == (1, "active")
    assert run() == 0
    assert run(1) == 1


def test_silence_is_looked_up_by_staff_before_a_card_is_charged_again(stub, payer, plan, capsys):
    original = stub.answer

    def lose(method, path, headers, body):
        said = original(method, path, headers, body)
        return (502, "") if path.endswith("create-recurrence") else said

    stub.answer = lose
    run()
    stub.answer = original
    top_up = TopUp.objects.get(status="review")
    assert run(5) == 0
    made = max(stub.payments, key=int)

    with pytest.raises(CommandError, match="another"):
        call_command("adopt_payment", top_up.code, plan.gateway_id)
    call_command("adopt_payment", top_up.code, made)

    assert balance(payer, "cash") == 100_000
    with pytest.raises(CommandError):
        call_command("adopt_payment", top_up.code, made)
    assert_books_balance()


def test_ended_is_ended_whatever_the_gateway_says(stub, payer, plan):
    stub.answers += [(500, "")]
    auto_top_ups.end(payer)

    plan.refresh_from_db()
    assert (plan.state, plan.is_voided) == ("ended", False)
    assert run() == 0
    assert auto_top_ups.tidy(now=timezone.now()) == 1
    assert auto_top_ups.tidy(now=timezone.now()) == 0
    assert stub.payments[plan.gateway_id]["recurrence"]["recurrence_state"] == "STOPPED"


def test_it_does_not_outlive_what_was_agreed(stub, payer, plan):
    auto_top_ups.tidy(now=timezone.now() + auto_top_ups.RUNS_FOR + DAY)

    plan.refresh_from_db()
    assert plan.state == "ended"


def test_a_first_payment_that_is_not_made_begins_nothing(stub, payer):
    ordered = auto_top_ups.order(payer, **AMOUNTS, consent=auto_top_ups.consent_text(**AMOUNTS), address=None)
    first = top_ups.begin(payer, 50_000, plan=ordered)
    stub.move(first.gateway_id, "CANCELED")
    top_ups.refresh(str(first.gateway_id))

    ordered.refresh_from_db()
    assert ordered.state == "ended"
    assert auto_top_ups.current(payer) is None


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("amount", {"amount_minor": 100}),
        ("amount", {"amount_minor": 10**9}),
        ("below", {"below_minor": 0}),
        ("below", {"below_minor": 490_000}),
        ("monthly_cap", {"monthly_cap_minor": 49_999}),
    ],
)
def test_amounts_that_make_no_sense(stub, payer, field, changes):
    amounts = {**AMOUNTS, **changes}

    with pytest.raises(Invalid) as refusal:
        auto_top_ups.order(payer, **amounts, consent=auto_top_ups.consent_text(**amounts), address=None)

    assert field in refusal.value.fields


def test_one_order_a_wallet_and_only_for_what_was_read(stub, payer, plan):
    with pytest.raises(auto_top_ups.AlreadyOrdered):
        auto_top_ups.order(payer, **AMOUNTS, consent=plan.consent, address=None)
    with pytest.raises(Invalid):
        auto_top_ups.order(payer, **{**AMOUNTS, "amount_minor": 60_000}, consent=plan.consent, address=None)


def test_the_pages_ask_tell_and_end(stub, payer, client):
    client.force_login(payer)
    typed = {"amount": "500", "below": "200", "monthly_cap": "2000"}
    assert client.post("/wallet/automatic/", {**typed, "amount": "x"}).status_code == 400
    read = client.post("/wallet/automatic/", typed)
    consent = read.context["consent"]
    assert consent in read.content.decode().replace("&#x27;", "'")
    assert AutoTopUp.objects.count() == 0

    assert client.post("/wallet/automatic/", {**typed, "amount": "600", "consent": consent, "agree": "1"}).status_code == 400
    gone = client.post("/wallet/automatic/", {**typed, "consent": consent, "agree": "1"})
    assert gone.status_code == 302
    assert gone.headers["Location"].startswith(stub.url)
    first = TopUp.objects.get()
    stub.move(first.gateway_id, "PAID")
    top_ups.refresh(str(first.gateway_id))
    assert "End it" in client.get("/wallet/automatic/", headers={"accept-language": "en"}).content.decode()

    assert client.post("/wallet/automatic/end/").status_code == 302
    assert AutoTopUp.objects.get().state == "ended"


def test_the_demo_gateway_repeats_payments(payer, client):
    ordered = auto_top_ups.order(payer, **AMOUNTS, consent=auto_top_ups.consent_text(**AMOUNTS), address=None)
    first = top_ups.begin(payer, 50_000, plan=ordered)
    client.force_login(payer)
    client.post(f"/wallet/demo-gateway/{first.gateway_id}/", {"deed": "pay"})

    assert run() == 1
    assert balance(payer, "cash") == 100_000
    auto_top_ups.end(payer)
    assert_books_balance()
