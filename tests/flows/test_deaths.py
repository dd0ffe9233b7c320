"""The process is killed between any two steps that move money, and started again: the books balance, nothing twice, nothing missing."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.models import Notification
from billing import ledger, payouts, refunds, top_ups
from billing.gateway import gopay
from billing.models import ChargeDetailRecord, Payout, PayoutBatch, Refund, TopUp
from ocpp_core.simulator import LinkClosed
from stations import prepaid
from stations.models import ChargingSession, PrepaidStart
from tests import factories, gopay_stub
from tests.billing.books import assert_books_balance, balance
from tests.billing.paying import IBAN, earn, usable_account
from tests.chargers import raw_charger_for
from tests.conftest import OPENING_CREDIT_MINOR
from tests.flows.doors import Api, assert_settled
from tests.flows.test_faults import BOOT, at, begin, reading
from tests.serving import Served
from tests.stations import acting

PATIENCE_S = 60
LONG = timedelta(minutes=30)


@pytest.fixture
def stub(settings):
    with gopay_stub.serve() as running:
        for name, value in at_gopay(running).items():
            setattr(settings, name, value)
        gopay.tokens.clear()
        yield running


def at_gopay(stub: gopay_stub.GoPayStub) -> dict[str, str]:
    return {
        "PAYMENT_GATEWAY": "gopay",
        "GOPAY_GATEWAY_URL": stub.url,
        "GOPAY_GOID": gopay_stub.GOID,
        "GOPAY_CLIENT_ID": gopay_stub.CLIENT_ID,
        "GOPAY_CLIENT_SECRET": gopay_stub.CLIENT_SECRET,
    }


def mortal(fault: str, **environment: str) -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": "tests.settings_mortal", "FAULT": fault, **environment}


def await_death(served: Served) -> None:
    """The process ends by itself, at its point."""
    assert served.process is not None
    assert served.process.wait(PATIENCE_S) == -9
    served.process = None


def wait_until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def keep_house(home: Any, stub: gopay_stub.GoPayStub, fault: str = "") -> int:
    """One pass of the periodic jobs in a process of its own; how it ended."""
    return Served(home, **mortal(fault, **at_gopay(stub))).manage("housekeeping", "--once").returncode


def time_passes() -> None:
    """Half an hour, as far as payments and visits go."""
    then = timezone.now() - LONG
    TopUp.objects.update(refreshed_at=then, refresh_at=then, created_at=then)
    Refund.objects.filter(sent_at__isnull=False).update(sent_at=then)
    Refund.objects.update(created_at=then)
    PrepaidStart.objects.filter(returning_at__isnull=False).update(returning_at=then)


@pytest.mark.parametrize(
    "fault",
    [
        "billing.settlement:settle:before",
        "billing.ledger:book:after",
        "billing.settlement:settle:after",
        "billing.settlement:settle:committed",
    ],
)
def test_between_a_stop_and_its_receipt(serve_process, driver, owner, tariff, fault):
    """The charger has no answer and says it again, to whoever has come in place of the dead."""
    charge_point = factories.make_charge_point(owner, tariff=tariff, auto_configure=False)
    card = factories.make_id_token(driver).uid
    served = serve_process(**mortal(fault))

    async def until_death():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            transaction_id, _start, _answer = await begin(box, card)
            await box.call("MeterValues", reading(transaction_id, 30, 4_000))
            stop = {"transactionId": transaction_id, "meterStop": 9_000, "timestamp": at(60), "reason": "Local"}
            with pytest.raises(LinkClosed):
                await box.call("StopTransaction", stop, "stop")
            return stop

    async def afterwards(stop):
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            await box.call("StopTransaction", stop, "stop")

    stop = async_to_sync(until_death)()
    await_death(served)
    served.restart(FAULT="")
    async_to_sync(afterwards)(stop)
    assert ChargeDetailRecord.objects.count() == 1
    assert_settled(ChargingSession.objects.get(), opening_minor=OPENING_CREDIT_MINOR, energy_wh=8_000)


@pytest.mark.parametrize(
    "fault",
    [
        "billing.gateway.gopay:GoPayGateway.fetch_payment:after",
        "billing.ledger:post:after",
        "accounts.notifications:notify:after",
        "billing.top_ups:_credit:committed",
    ],
)
def test_between_paid_and_credited(serve_process, stub, driver, fault):
    served = serve_process(**mortal(fault, **at_gopay(stub)))
    status, begun = async_to_sync(Api(served, driver).post)("wallet/top-ups/", {"amount": "200.00"})
    assert status == 201
    assert begun["gateway_url"].startswith(stub.url)
    (gateway_id,) = stub.payments
    stub.move(gateway_id, "PAID")
    time_passes()
    await_death(served)
    served.restart(FAULT="")
    time_passes()

    wait_until(lambda: TopUp.objects.get().paid_at)

    assert balance(driver, "cash") == OPENING_CREDIT_MINOR + 20_000
    assert Notification.objects.filter(user=driver, kind="top_up_paid").count() == 1
    assert_books_balance()


def test_between_a_payment_and_the_note_of_it(serve_process, stub, driver):
    """Nobody knows the number of that payment any more but GoPay: staff find it there, and it is credited once."""
    served = serve_process(**mortal("billing.gateway.gopay:GoPayGateway.create_payment:after", **at_gopay(stub)))
    with pytest.raises(ConnectionError):
        async_to_sync(Api(served, driver).post)("wallet/top-ups/", {"amount": "200.00"})
    await_death(served)
    (gateway_id,) = stub.payments
    stub.move(gateway_id, "PAID")
    orphan = TopUp.objects.get()
    assert (orphan.status, orphan.gateway_id, balance(driver, "cash")) == ("new", None, OPENING_CREDIT_MINOR)

    top_ups.adopt(orphan, gateway_id)

    assert balance(driver, "cash") == OPENING_CREDIT_MINOR + 20_000
    assert_books_balance()


@pytest.mark.parametrize(
    "fault",
    [
        "billing.ledger:post:after",
        "billing.refunds:send:before",
        "billing.gateway.gopay:GoPayGateway.refund_payment:before",
        "billing.gateway.gopay:GoPayGateway.refund_payment:after",
        "billing.refunds:_finish:after",
        "billing.refunds:_finish:committed",
    ],
)
def test_between_a_refund_and_its_answer(tmp_path, transactional_db, stub, fault):
    """Asked for once or not at all; what GoPay has done is found in its list and not asked for again."""
    payer = factories.make_user()
    top_up = top_ups.begin(payer, 30_000)
    stub.move(top_up.gateway_id, "PAID")
    top_ups.refresh(str(top_up.gateway_id))
    asks = f"from accounts.models import User; from billing import refunds; refunds.request(User.objects.get(pk={payer.pk}), 10_000)"
    process = Served(tmp_path, **mortal(fault, **at_gopay(stub)))

    is_in_booking = "_finish" in fault
    ended = process.manage("shell", "-c", asks)
    assert ended.returncode == (0 if is_in_booking else -9), ended.stderr
    if is_in_booking:
        time_passes()
        assert keep_house(tmp_path, stub, fault) == -9
    for _ in range(4):
        time_passes()
        assert keep_house(tmp_path, stub) == 0

    was_asked_for = "post" not in fault  # that one was never committed: it is as if nobody had asked
    assert sum(one["amount"] for one in stub.refunds.get(top_up.gateway_id, [])) == 10_000 * was_asked_for
    assert [one.status for one in Refund.objects.all()] == ["done"] * was_asked_for
    assert (balance(payer, "cash"), balance(None, "refund_transit")) == (30_000 - 10_000 * was_asked_for, 0)
    assert_books_balance()


@pytest.mark.parametrize(
    "fault",
    [
        "stations.sessions:request_start:after",
        "billing.refunds:request:before",
        "billing.refunds:_take:after",
        "billing.refunds:send:before",
        "billing.gateway.gopay:GoPayGateway.refund_payment:after",
    ],
)
def test_on_the_way_of_a_guest(tmp_path, transactional_db, stub, owner, tariff, fault):
    """Paid, charged, and the rest back: once, wherever the process died."""
    charge_point = acting.go_online(factories.make_charge_point(owner, tariff=tariff, auto_configure=False))
    visit = prepaid.begin(prepaid.guest("guest@example.org", "en"), charge_point.connectors.get(), 20_000)
    assert visit.top_up is not None
    stub.move(visit.top_up.gateway_id, "PAID")
    time_passes()
    top_ups.refresh(str(visit.top_up.gateway_id))
    dies_early = "request_start" in fault
    if dies_early:
        assert keep_house(tmp_path, stub, fault) == -9
    acting.go_online(charge_point)
    prepaid.pursue(now=timezone.now())
    session = ChargingSession.objects.get()
    now = timezone.now()
    begun = acting.begin(charge_point, session.id_tag, at=now)
    acting.stop(charge_point, begun.transaction_id, meter=11_000, at=now + timedelta(hours=1))
    if not dies_early:
        assert keep_house(tmp_path, stub, fault) == -9
    for _ in range(5):
        time_passes()
        assert keep_house(tmp_path, stub) == 0

    session.refresh_from_db()
    assert session.cdr is not None
    assert session.cdr.total_minor == 6_500
    assert [one["amount"] for one in stub.refunds[visit.top_up.gateway_id]] == [13_500]
    assert ledger.wallet(visit.driver).balance_minor == 0
    assert not Refund.objects.filter(status__in=refunds.OPEN).exists()
    assert_books_balance()


@pytest.mark.parametrize(
    ("deed", "fault", "status"),
    [
        ("request(owner, 60_000, account)", "billing.ledger:post:after", None),
        ("request(owner, 60_000, account)", "billing.payouts:_post:committed", "requested"),
        ("export([payout], staff)", "billing.payouts:hindrance_of:after", "approved"),
        ("export([payout], staff)", "billing.payouts:export:after", "exported"),
        ("mark_paid(payout)", "billing.payouts:_post:after", "exported"),
        ("mark_paid(payout)", "billing.payouts:_post:committed", "paid"),
        ("fail(payout, reason='x')", "billing.payouts:_post:after", "paid"),
        ("fail(payout, reason='x')", "billing.payouts:_post:committed", "failed"),
    ],
)
def test_on_the_way_of_a_payout(tmp_path, transactional_db, settings, owner, staff, deed, fault, status):
    """Every step is there as a whole or not at all, and can be done again where it is not."""
    settings.PAYOUT_IBAN = IBAN
    earn(owner, 100_000)
    account = usable_account(owner)
    before: dict[str | None, Callable[[Payout], Any]] = {
        "export": lambda payout: payouts.approve(payout, staff),
        "mark_paid": lambda payout: payouts.export([payouts.approve(payout, staff)], staff),
        "fail": lambda payout: payouts.mark_paid(payouts.export([payouts.approve(payout, staff)], staff).payouts.get()),
    }
    if prepare := before.get(deed.partition("(")[0]):
        prepare(payouts.request(owner, 60_000, account))
    names = (
        "from accounts.models import User; from billing import payouts; from billing.models import BankAccount, Payout\n"
        f"owner, staff = User.objects.get(pk={owner.pk}), User.objects.get(pk={staff.pk})\n"
        "account, payout = BankAccount.objects.get(), Payout.objects.first()\n"
    )
    process = Served(tmp_path, **mortal(fault, PAYOUT_IBAN=IBAN))

    assert process.manage("shell", "-c", f"{names}payouts.{deed}").returncode == -9

    found = Payout.objects.first()
    assert (found.status if found else None) == status
    assert_books_balance()
    process.manage("shell", "-c", f"{names}payouts.{deed}", FAULT="")
    assert Payout.objects.count() == 1
    assert PayoutBatch.objects.count() <= 1
    assert balance(owner, "earnings_available") == (100_000 if deed.startswith("fail") else 40_000)
    assert_books_balance()
