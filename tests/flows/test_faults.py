"""Charging on a bad day: words lost, late, repeated; the server killed in between. Energy and money stay exact."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync

from billing import ledger
from billing.models import ChargeDetailRecord
from ocpp_core.simulator import LinkClosed
from stations.models import ChargingSession
from tests import factories
from tests.chargers import raw_charger_for
from tests.conftest import OPENING_CREDIT_MINOR
from tests.flows.doors import Api, assert_books, assert_settled, price_minor

BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box"}


def at(minutes):
    """A time of the charger: the visit began two hours ago."""
    return (datetime.now(UTC) - timedelta(hours=2) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def run(story):
    async def within_time():
        async with asyncio.timeout(240):
            await story()

    async_to_sync(within_time)()


@pytest.fixture
def charge_point(owner, tariff):
    """One that is asked nothing unasked, for the other end of these sockets answers nothing."""
    return factories.make_charge_point(owner, tariff=tariff, auto_configure=False)


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, "04A2B3C4D5E680").uid


def reading(transaction_id, minutes, wh):
    sample = {"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    return {"connectorId": 1, "transactionId": transaction_id, "meterValue": [{"timestamp": at(minutes), "sampledValue": [sample]}]}


async def begin(box, card, wh=1_000, serial="s"):
    start = {"connectorId": 1, "idTag": card, "meterStart": wh, "timestamp": at(0)}
    answer = await box.call("StartTransaction", start, f"{serial}1")
    assert answer["idTagInfo"]["status"] == "Accepted"
    return answer["transactionId"], start, answer


def test_start_and_stop_repeated_change_nothing_and_are_answered_the_same(serve_process, driver, charge_point, card):
    served = serve_process()

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            transaction_id, start, answer = await begin(box, card)
            assert await box.call("StartTransaction", start, "s1") == answer, "the very same frame"
            assert await box.call("StartTransaction", start, "another id") == answer
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            assert await box.call("StartTransaction", start, "after a reboot") == answer
            await box.call("MeterValues", reading(transaction_id, 30, 4_000))
            stop = {"transactionId": transaction_id, "meterStop": 6_000, "timestamp": at(60), "reason": "Local", "idTag": card}
            first = await box.call("StopTransaction", stop, "x1")
            for message_id in ("x1", "x2", "x3"):
                assert await box.call("StopTransaction", stop, message_id) == first
            assert await box.call("StartTransaction", start, "even now") == answer

    run(story)
    assert ChargeDetailRecord.objects.count() == 1
    assert_settled(ChargingSession.objects.get(), opening_minor=OPENING_CREDIT_MINOR, energy_wh=5_000)


@pytest.mark.parametrize(("meter_stop", "corrected"), [(6_500, True), (16_000, False)])
def test_a_stop_that_never_comes_is_estimated_and_a_late_one_corrects(serve_process, driver, charge_point, card, meter_stop, corrected):
    """Within 20 Kč the late word of the meter stands by itself; dearer than that somebody of staff looks first."""
    served = serve_process(SESSION_ORPHAN_GRACE_S="1")

    async def story():
        api = Api(served, driver)
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            transaction_id, _start, _answer = await begin(box, card)
            await box.call("MeterValues", reading(transaction_id, 60, 6_000))
            await box.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})
            estimated = await api.session(status="completed")
            assert (estimated["is_estimated"], estimated["energy_wh"]) == (True, 5_000)
            stop = {"transactionId": transaction_id, "meterStop": meter_stop, "timestamp": at(110)}
            for message_id in ("late", "later"):
                await box.call("StopTransaction", stop, message_id)

    run(story)
    session = ChargingSession.objects.get()
    records = ChargeDetailRecord.objects.filter(session_code=session.code).order_by("pk")
    wallet = ledger.wallet(driver)
    paid_minor = price_minor(meter_stop - 1_000 if corrected else 5_000)
    assert OPENING_CREDIT_MINOR - wallet.balance_minor == paid_minor
    assert sum(record.total_minor for record in records) == paid_minor
    assert len(records) == (2 if corrected else 1)
    assert_books()


@pytest.mark.parametrize("delay_ms", [0, 3, 6, 10, 15, 25])
def test_killed_between_stop_and_answer(serve_process, driver, charge_point, card, delay_ms):
    """Whether the commit came before the death or not: the charger asks again and is charged once."""
    served = serve_process()

    async def before():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            transaction_id, _start, _answer = await begin(box, card)
            await box.call("MeterValues", reading(transaction_id, 30, 4_000))
            stop = {"transactionId": transaction_id, "meterStop": 9_000, "timestamp": at(60), "reason": "Local"}
            await box.send([2, "stop", "StopTransaction", stop])
            await asyncio.sleep(delay_ms / 1000)
            served.kill()
            return stop

    async def after(stop):
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            await box.call("StopTransaction", stop, "stop")

    stop = async_to_sync(before)()
    served.restart()
    async_to_sync(after)(stop)
    assert ChargeDetailRecord.objects.count() == 1
    assert_settled(ChargingSession.objects.get(), opening_minor=OPENING_CREDIT_MINOR, energy_wh=8_000)


def test_what_was_acknowledged_before_the_death_is_there_afterwards(serve_process, driver, charge_point, card):
    served = serve_process()

    async def before():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            transaction_id, _start, _answer = await begin(box, card)
            for minute in range(1, 21):
                await box.call("MeterValues", reading(transaction_id, minute, 1_000 + 100 * minute), str(minute))
            served.kill()

    async_to_sync(before)()
    session = ChargingSession.objects.get()
    assert session.meter_values.count() == 20
    assert session.energy_wh == 2_000
    served.restart()
    assert session.hold is not None
    assert ledger.wallet(driver).held_minor == session.hold.amount_minor


def test_a_stop_nobody_knows_is_kept_and_acknowledged(serve_process, charge_point, staff):
    served = serve_process()

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            stop = {"transactionId": 424242, "meterStop": 9_000, "timestamp": at(60), "reason": "Local"}
            await box.call("StopTransaction", stop, "a")
            await box.call("StopTransaction", stop, "b")

    run(story)
    kept = charge_point.quarantine.get()
    assert (kept.action, kept.payload["transaction_id"]) == ("StopTransaction", 424242)


def test_another_charger_cannot_stop_it(serve_process, driver, owner, charge_point, card):
    served = serve_process()
    other = factories.make_charge_point(owner, auto_configure=False)

    async def story():
        async with raw_charger_for(charge_point, served) as box, raw_charger_for(other, served) as rogue:
            await box.call("BootNotification", BOOT)
            await rogue.call("BootNotification", BOOT)
            transaction_id, _start, _answer = await begin(box, card)
            await rogue.call("StopTransaction", {"transactionId": transaction_id, "meterStop": 1_500, "timestamp": at(10)})
            await box.call("MeterValues", reading(transaction_id, 30, 3_000))
            await box.call("StopTransaction", {"transactionId": transaction_id, "meterStop": 4_000, "timestamp": at(60)}, "2")

    run(story)
    assert_settled(ChargingSession.objects.get(), opening_minor=OPENING_CREDIT_MINOR, energy_wh=3_000)
    assert other.quarantine.exists()


def test_the_newest_socket_wins(serve_process, charge_point):
    served = serve_process()

    async def story():
        async with raw_charger_for(charge_point, served) as old:
            await old.call("BootNotification", BOOT)
            async with raw_charger_for(charge_point, served) as new:
                await new.call("BootNotification", BOOT)
                assert await old.closed() is not None
                await new.call("Heartbeat", {}, "2")
                with pytest.raises(LinkClosed):
                    await old.call("Heartbeat", {}, "3")

    run(story)
