from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from billing import reconciliation, top_ups
from billing.models import GatewayStatement, TopUp
from tests.billing.books import assert_books_balance, balance
from tests.factories import make_user


@pytest.fixture
def payer(db):
    return make_user("payer@example.com")


@pytest.fixture
def at_noon():
    """Tomorrow at noon: the statement of today is closed."""
    return timezone.localtime().replace(hour=12, minute=0) + timedelta(days=1)


def paid(stub, user, amount_minor=20_000):
    top_up = top_ups.begin(user, amount_minor)
    stub.move(top_up.gateway_id, "PAID")
    top_ups.refresh(str(top_up.gateway_id))
    return top_up


def line(top_up, amount="200,00"):
    return f"{top_up.gateway_id};{top_up.order_number};{amount};CZK\n"


def today(now):
    return GatewayStatement.objects.get(day=(now - timedelta(days=1)).date())


def test_a_day_that_agrees(stub, payer, staff, at_noon):
    stub.statement += line(paid(stub, payer)) + "fee;;-3,20;CZK\n"

    assert reconciliation.compare_days(now=at_noon) == reconciliation.DAYS_BACK
    assert reconciliation.compare_days(now=at_noon) == 0

    assert (today(at_noon).problems, today(at_noon).lines) == ([], 3)
    assert not Notification.objects.filter(user=staff).exists()


@pytest.mark.parametrize("statement", ["", "{id};{order};199,00;CZK\n"])
def test_what_nobody_paid_is_told_to_staff(stub, payer, staff, at_noon, statement):
    top_up = paid(stub, payer)
    stub.statement += statement.format(id=top_up.gateway_id, order=top_up.order_number)

    reconciliation.compare_days(now=at_noon)

    assert str(top_up.code) in today(at_noon).problems[0]
    assert Notification.objects.get(user=staff).kind == "ledger_alert"


def test_a_payment_whose_answer_was_lost_is_found(stub, payer, at_noon):
    top_up = paid(stub, payer)
    lost = top_ups.begin(payer, 30_000)
    stub.move(lost.gateway_id, "PAID")
    number = lost.gateway_id
    TopUp.objects.filter(pk=lost.pk).update(gateway_id=None, gateway_state="", status="new")
    stub.statement += line(top_up) + f"2026001;{number};{lost.order_number};300,00;CZK\n"

    reconciliation.compare_days(now=at_noon)

    lost.refresh_from_db()
    assert (lost.status, lost.gateway_id, balance(payer, "cash")) == ("paid", number, 50_000)
    assert today(at_noon).problems == []
    assert_books_balance()


def test_an_order_that_is_not_ours(stub, payer, at_noon):
    stub.statement += line(paid(stub, payer)) + "9;00000000-0000-4000-8000-000000000000-1;5,00\n"

    reconciliation.compare_days(now=at_noon)

    assert "not ours" in today(at_noon).problems[0]


@pytest.mark.parametrize("status", [404, 500])
def test_without_a_statement_the_next_pass_tries_again(stub, payer, at_noon, status):
    paid(stub, payer)
    stub.answers.append((status, {}))

    assert reconciliation.compare_days(now=at_noon) == 0
    assert reconciliation.compare_days(now=at_noon) == reconciliation.DAYS_BACK


def test_nothing_is_asked_at_night_nor_of_paper(stub, payer, at_noon):
    assert reconciliation.compare_days(now=at_noon) == 0
    paid(stub, payer)
    assert reconciliation.compare_days(now=at_noon.replace(hour=2)) == 0
