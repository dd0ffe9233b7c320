"""Ways to pay: those our shop has at the gateway, known beforehand and never asked about while somebody waits."""

import pytest
from django.utils import timezone, translation

from billing import instruments, top_ups
from tests.factories import make_user


@pytest.fixture
def payer(db):
    return make_user("payer@example.com")


def ask():
    return instruments.ask(now=timezone.now())


def codes():
    return [one.code for one in instruments.enabled()]


def test_what_the_shop_has_is_shown_in_our_order(stub):
    assert codes() == []

    assert ask() == 4
    assert codes() == ["PAYMENT_CARD", "APPLE_PAY", "GPAY", "BANK_ACCOUNT"]
    stub.instruments = ["GPAY", "PAYSAFECARD", "PAYMENT_CARD"]
    assert ask() == 2
    assert codes() == ["PAYMENT_CARD", "GPAY"]
    assert f"GET /api/eshops/eshop/{'8123456789'}/payment-instruments/CZK" in stub.calls


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}),
        (404, {"errors": [{"error_name": "X"}]}),
        (200, {}),
        (200, []),
        (200, {"enabledPaymentInstruments": "all"}),
        (200, "<html>"),
    ],
)
def test_a_gateway_that_does_not_say_takes_none_away(stub, answer):
    ask()
    stub.answers += [answer]

    assert ask() == 0
    assert len(codes()) == 4


def test_odd_members_are_left_out(stub):
    ask()
    stub.answers += [(200, {"enabledPaymentInstruments": [None, {}, {"paymentInstrument": 7}, {"paymentInstrument": "GPAY"}]})]

    assert ask() == 1
    assert codes() == ["GPAY"]


def test_what_she_picked_comes_first_at_the_gateway(stub, payer):
    ask()

    picked = top_ups.begin(payer, 20_000, instrument="APPLE_PAY")
    left_open = top_ups.begin(payer, 20_000)
    unknown = top_ups.begin(payer, 20_000, instrument="BITCOIN")

    said = stub.payments[picked.gateway_id]["payer"]
    assert said["default_payment_instrument"] == "APPLE_PAY"
    assert said["allowed_payment_instruments"] == ["PAYMENT_CARD", "APPLE_PAY", "GPAY", "BANK_ACCOUNT"]
    for other in (left_open, unknown):
        assert set(stub.payments[other.gateway_id]["payer"]) == {"contact"}


def test_the_page_of_the_wallet_asks_nobody(stub, client, payer):
    client.force_login(payer)
    page = client.get("/wallet/?top-up=1").content.decode()
    assert "Apple Pay" not in page

    ask()
    asked_before = len(stub.calls)
    page = client.get("/wallet/?top-up=1&pay=GPAY")
    assert len(stub.calls) == asked_before
    assert page.context["instrument"] == "GPAY"
    assert page.content.decode().count('name="instrument" value="GPAY"') == 2
    with translation.override("cs"):
        assert [str(one.label) for one in page.context["instruments"]][1:3] == ["Apple Pay", "Google Pay"]
    begun = client.post("/wallet/", {"amount": "200", "key": page.context["key"], "instrument": "GPAY"})
    assert begun.status_code == 302
    (payment,) = stub.payments.values()
    assert payment["payer"]["default_payment_instrument"] == "GPAY"
    assert client.get("/wallet/?top-up=1&pay=<script>").context["instrument"] == ""


def test_ways_to_pay_over_the_api(stub, client, payer):
    client.force_login(payer)
    assert client.get("/api/v1/wallet/instruments/").json() == []
    ask()
    assert [one["code"] for one in client.get("/api/v1/wallet/instruments/").json()] == codes()

    made = client.post("/api/v1/wallet/top-ups/", {"amount": "200.00", "instrument": "BANK_ACCOUNT"}, content_type="application/json")

    assert made.status_code == 201
    assert "instrument" not in made.json()
    assert next(iter(stub.payments.values()))["payer"]["default_payment_instrument"] == "BANK_ACCOUNT"
