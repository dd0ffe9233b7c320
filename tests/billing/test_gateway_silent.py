"""GoPay says nothing for a minute: pages answer at once, and nobody waits longer than was promised."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import async_to_sync

from billing import top_ups
from billing.models import TopUp
from tests import factories
from tests.billing.books import assert_books_balance, at_once, balance
from tests.chargers import raw_charger_for
from tests.factories import make_user
from tests.flows.doors import Api
from tests.flows.test_deaths import at_gopay
from tests.ocpp_core.conftest import until

GENEROUS_S = 20


@pytest.fixture
def top_up(stub, driver):
    return top_ups.begin(driver, 20_000)


def timed(ask):
    began = time.monotonic()
    answer = ask()
    assert time.monotonic() - began < GENEROUS_S
    return answer


def test_the_wallet_never_asks_the_gateway(stub, driver, top_up, client):
    client.force_login(driver)
    asked = len(stub.calls)
    stub.delay_s = 60

    for path in ("/wallet/", "/wallet/refund/", "/wallet/automatic/", "/sessions/", "/api/v1/wallet/"):
        assert timed(lambda path=path: client.get(path)).status_code == 200

    assert len(stub.calls) == asked


def test_who_comes_back_from_a_silent_gateway_is_told_to_wait(stub, driver, top_up, client, settings, monkeypatch):
    """The page's own patience is short, however long the rest of the house may wait."""
    settings.GOPAY_TIMEOUT_S = 60.0
    assert top_ups.PAGE_PATIENCE_S < 2
    client.force_login(driver)
    stub.move(top_up.gateway_id, "PAID")
    stub.delay_s = 60

    page = timed(lambda: client.get(top_up.get_absolute_url()))

    assert (page.status_code, page.context["is_waiting"]) == (200, True)
    stub.delay_s = 0
    monkeypatch.setattr(top_ups, "PAGE_PATIENCE_S", 30.0)  # a busy machine answers late as well
    TopUp.objects.update(refreshed_at=None)
    assert client.get(top_up.get_absolute_url()).context["is_waiting"] is False
    assert balance(driver, "cash") == 70_000
    assert_books_balance()


def test_a_notification_is_acknowledged_and_kept_for_the_next_pass(stub, driver, top_up, client, settings, monkeypatch):
    settings.GOPAY_TIMEOUT_S = 60.0
    monkeypatch.setattr(top_ups, "PATIENCE_S", 0.5)
    stub.move(top_up.gateway_id, "PAID")
    stub.delay_s = 60

    assert timed(lambda: client.get(f"/gopay/notification/?id={top_up.gateway_id}")).status_code == 200

    stub.delay_s = 0
    top_up.refresh_from_db()
    assert balance(driver, "cash") == 50_000
    top_ups.refresh_pending(now=top_up.refresh_at)
    assert balance(driver, "cash") == 70_000


def test_a_top_up_is_refused_within_its_budget(stub, driver, client, settings):
    settings.GOPAY_TIMEOUT_S = 0.5
    client.force_login(driver)
    stub.delay_s = 60

    refused = timed(lambda: client.post("/api/v1/wallet/top-ups/", {"amount": "200.00"}, content_type="application/json"))

    assert (refused.status_code, refused.json()["code"]) == (503, "gateway_unavailable")
    assert TopUp.objects.get().status == "new"
    assert_books_balance()


@pytest.mark.django_db(transaction=True)
def test_a_silent_gateway_holds_no_lock_and_no_thread(stub, settings):
    """More wishes at once than there are threads to ask with: each is answered in its time, and the first after the silence as well."""
    settings.GOPAY_TIMEOUT_S = 0.5
    payers = [make_user() for _ in range(6)]
    stub.delay_s = 3

    results = timed(lambda: at_once(lambda number: top_ups.begin(payers[number % 6], 1_000), 24, threads=6))

    assert {type(result) for result in results} == {top_ups.GatewayUnavailable}
    stub.delay_s, settings.GOPAY_TIMEOUT_S = 0, 30.0
    assert top_ups.begin(payers[0], 1_000).status == "pending"


def test_while_many_wait_for_a_silent_gateway_pages_and_chargers_go_on(serve_process, stub, driver, owner):
    """The real server, with more payers than it has threads for chargers; nobody else waits for as long as they do."""
    payers = [make_user() for _ in range(12)]
    charge_point = factories.make_charge_point(owner, auto_configure=False)
    may_answer, answer = threading.Event(), stub.answer

    def hold(method, path, headers, body):
        assert may_answer.wait(120)
        return answer(method, path, headers, body)

    stub.answer = hold
    served = serve_process(**at_gopay(stub), GOPAY_TIMEOUT_S="120", HOUSEKEEPING="False")

    async def heartbeats():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", {"chargePointVendor": "Any", "chargePointModel": "Box"})
            for _ in range(5):
                await box.call("Heartbeat", {})

    others = [Api(served, payer) for payer in payers]
    for other in others:
        async_to_sync(other.get)("wallet/")
    try:
        with ThreadPoolExecutor(len(others)) as pool:
            waiting = [pool.submit(async_to_sync(other.post), "wallet/top-ups/", {"amount": "200.00"}) for other in others]
            until(lambda: TopUp.objects.count() == len(payers))
            async_to_sync(heartbeats)()
            wallet = async_to_sync(Api(served, driver).get)("wallet/")
            is_still_silent = not any(one.done() for one in waiting)
            may_answer.set()
    finally:
        may_answer.set()
    assert is_still_silent
    assert wallet["balance"]["amount"] == "500.00"
    assert [one.result()[0] for one in waiting] == [201] * len(payers)
    assert_books_balance()
