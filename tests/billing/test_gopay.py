import logging
import time

import pytest

from billing.gateway import GatewayAwayError, GatewayError, PaymentRequest, get_gateway, gopay
from billing.gateway.demo import DemoGateway
from billing.gateway.gopay import GoPayGateway
from tests.gopay_stub import CLIENT_SECRET, GOID

REQUEST = PaymentRequest("order-1", 50_000, "CZK", "Dobití peněženky", "a@example.com", "cs", "https://x/return/", "https://x/notify/")


@pytest.fixture
def gateway(stub):
    return GoPayGateway()


def token_calls(stub):
    return sum("oauth2" in call for call in stub.calls)


def test_a_payment_is_created_and_asked_about(stub, gateway):
    created = gateway.create_payment(REQUEST)

    assert (created.state, created.amount_minor, created.currency, created.order_number) == ("CREATED", 50_000, "CZK", "order-1")
    assert (created.shop, created.url) == (GOID, f"{stub.url}gw/v3/{created.gateway_id}")
    assert stub.payments[created.gateway_id]["lang"] == "CS"
    stub.move(created.gateway_id, "PAID")
    assert gateway.fetch_payment(created.gateway_id).state == "PAID"
    assert token_calls(stub) == 1
    assert gateway.shop == GOID


def test_refunds_are_counted(stub, gateway):
    one = gateway.create_payment(REQUEST).gateway_id
    stub.refund(one, 1_000)
    stub.refund(one, 2_500, state="ACCEPTED")
    stub.refund(one, 9_000, state="FAILED")

    assert gateway.fetch_payment(one).refunded_minor == 3_500
    stub.move(one, "REFUNDED")
    assert gateway.fetch_payment(one).refunded_minor == 50_000


def test_an_expired_token_is_replaced_once(stub, gateway):
    one = gateway.create_payment(REQUEST).gateway_id
    stub.expire_tokens()

    assert gateway.fetch_payment(one).state == "CREATED"
    assert token_calls(stub) == 2


def test_a_token_that_is_refused_twice_is_an_error(stub, gateway):
    one = gateway.create_payment(REQUEST).gateway_id
    stub.answers += [(401, {}), (200, {"access_token": "bad"}), (403, {})]

    with pytest.raises(GatewayAwayError, match="403"):
        gateway.fetch_payment(one)


def test_tokens_are_kept_for_less_than_they_live(monkeypatch):
    cache, now = gopay.TokenCache(), time.monotonic()
    cache.set_token("k", "token")

    assert cache.get_token("k") == "token"
    monkeypatch.setattr(time, "monotonic", lambda: now + 25 * 60 + 1)
    assert cache.get_token("k") is None


def test_without_a_token_nothing_is_asked(stub, gateway):
    stub.refuse_tokens = True

    with pytest.raises(GatewayAwayError, match="token"):
        gateway.create_payment(REQUEST)

    assert not any("payments" in call for call in stub.calls)


def test_a_dead_network_is_no_success(settings, stub, gateway):
    settings.GOPAY_GATEWAY_URL = "http://127.0.0.1:9/"

    with pytest.raises(GatewayAwayError):
        gateway.create_payment(REQUEST)


def test_a_network_that_dies_after_the_token_is_no_success(settings, stub, gateway, monkeypatch):
    gateway.create_payment(REQUEST)
    stub.delay_s = 1
    settings.GOPAY_TIMEOUT_S = 0.3

    with pytest.raises(GatewayAwayError):
        gateway.create_payment(REQUEST)


@pytest.mark.parametrize("broken", ["settings", "token"])
def test_what_the_sdk_chokes_on_is_an_outage(settings, stub, gateway, broken, caplog):
    if broken == "settings":
        settings.GOPAY_GOID = ""
    else:
        stub.answers.append((200, ["no", "token"]))

    with pytest.raises(GatewayAwayError, match="SDK failed") as error:
        gateway.create_payment(REQUEST)

    assert CLIENT_SECRET not in repr(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize("drip", [False, True])
def test_the_budget_ends_every_call(settings, stub, gateway, drip):
    settings.GOPAY_TIMEOUT_S = 0.4
    stub.delay_s, stub.drip = (0.0, True) if drip else (60.0, False)
    began = time.monotonic()

    with pytest.raises(GatewayAwayError):
        gateway.create_payment(REQUEST)

    assert time.monotonic() - began < 25, "the drops would take much longer"


def test_a_smaller_budget_wins(stub, gateway):
    one = gateway.create_payment(REQUEST).gateway_id
    stub.delay_s = 60
    began = time.monotonic()

    with pytest.raises(GatewayAwayError):
        gateway.fetch_payment(one, budget_s=0.2)

    assert time.monotonic() - began < 30
    with pytest.raises(GatewayAwayError):
        gateway.fetch_payment(one, budget_s=-1)


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (409, {"errors": [{"error_name": "INVALID", "field": "amount"}]}, "INVALID amount"),
        (200, {"errors": [{"error_name": "STRANGE"}], "id": 1, "state": "PAID"}, "STRANGE"),
        (200, {"state": "PAID"}, "no payment"),
        (200, {"id": 1}, "no payment"),
        (200, [], "no payment"),
        (200, "<html>maintenance</html>", "no payment"),
        (302, {}, "302"),
        (404, {}, "no reason"),
        (429, {}, "429"),
        (500, {"id": 1, "state": "PAID"}, "500"),
    ],
)
def test_only_a_good_answer_counts(stub, gateway, status, answer, error):
    one = gateway.create_payment(REQUEST).gateway_id
    stub.answers.append((status, answer))

    with pytest.raises(GatewayError, match=error):
        gateway.fetch_payment(one)


def test_a_list_of_refunds_that_is_none(stub, gateway):
    one = gateway.create_payment(REQUEST).gateway_id
    stub.answers += [(200, {**stub.payments[one], "state": "PARTIALLY_REFUNDED"}), (200, {"no": "list"})]

    with pytest.raises(GatewayError, match="no refunds"):
        gateway.fetch_payment(one)


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("https://gate.gopay.cz/gw/v3/abc", True),
        ("https://gw.sandbox.gopay.com/gw/v3/abc", True),
        ("http://gate.gopay.cz/gw/v3/abc", False),
        ("https://gopay.cz.example.com/", False),
        ("https://evilgopay.cz/", False),
        ("https://example.com/?.gopay.cz", False),
        ("javascript:alert(1)//.gopay.cz", False),
        ("", False),
    ],
)
def test_payers_are_sent_to_gopay_alone(stub, gateway, url, is_fine):
    gateway.fetch_payment(gateway.create_payment(REQUEST).gateway_id)
    answer = {"id": 5, "state": "CREATED", "amount": 1, "currency": "CZK", "order_number": "x", "gw_url": url}
    stub.answers.append((200, answer))

    if is_fine:
        assert gateway.create_payment(REQUEST).url == url
    else:
        with pytest.raises(GatewayError, match="address"):
            gateway.create_payment(REQUEST)


def test_the_log_keeps_secrets(stub, gateway, caplog):
    with caplog.at_level(logging.DEBUG):
        gateway.create_payment(REQUEST)

    assert "gopay was asked about a new payment and answered 200" in caplog.text
    for secret in (CLIENT_SECRET, "token-", "a@example.com", "Basic"):
        assert secret not in caplog.text


def test_the_gateway_is_chosen_by_name(settings):
    settings.PAYMENT_GATEWAY = "demo"
    assert isinstance(get_gateway(), DemoGateway)
    assert isinstance(get_gateway("gopay"), GoPayGateway)
