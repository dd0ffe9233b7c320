"""The simulated wallbox against a central system on paper: it must behave like a real one, or flows prove nothing."""

import asyncio
import contextlib
import gc
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command

from ocpp_core.simulator import Car, Refused, SimulatedChargePoint
from stations.models import ChargingSession
from tests import factories
from tests.paper_central import ACCEPTED, BOOTED, NOON, Central, scenario


def test_it_boots_and_says_how_its_outlets_stand():
    async def story(central, box):
        assert central.actions() == ["BootNotification", *["StatusNotification"] * 3]
        assert box.configuration.number("HeartbeatInterval") == 300

    scenario(story, connectors=2)


def test_it_boots_until_it_is_accepted():
    async def story(central, box):
        replies = iter([{**BOOTED, "status": "Pending"}, BOOTED])
        central.answers["BootNotification"] = lambda _payload: next(replies)

        await box.boot()

        assert box.clock.now() == NOON + timedelta(seconds=300)

    scenario(story)


def test_a_whole_visit_by_card():
    async def story(central, box):
        central.calls.clear()

        await box.plug_in()
        assert await box.tap("CARD") == "Accepted"
        await box.charge(2_000)
        await box.tap("CARD")
        await box.unplug()

        assert central.statuses() == ["Preparing", "Charging", "Finishing", "Available"]
        (start,), (stop,) = central.said("StartTransaction"), central.said("StopTransaction")
        assert start == {"connectorId": 1, "idTag": "CARD", "meterStart": 5_000, "timestamp": "2024-05-01T12:00:00Z"}
        assert stop["transactionId"] == 77
        assert stop["reason"] == "Local"
        assert 7_000 <= stop["meterStop"] <= 7_004
        registers = [int(payload["meterValue"][0]["sampledValue"][0]["value"]) for payload in central.said("MeterValues")]
        assert registers == sorted(registers)
        assert len(registers) == pytest.approx(2_000 / 11_000 * 60, abs=2)
        assert all(payload["transactionId"] == 77 for payload in central.said("MeterValues"))

    scenario(story)


def test_power_rises_and_falls_again_and_a_full_car_suspends():
    async def story(central, box):
        await box.plug_in(car=Car(wanted_wh=1_500))
        await box.tap("CARD")
        box.configuration.change("MeterValueSampleInterval", "10")
        await box.charge(2_000)

        powers = [int(payload["meterValue"][0]["sampledValue"][1]["value"]) for payload in central.said("MeterValues")]
        peak = powers.index(max(powers))
        assert powers[: peak + 1] == sorted(powers[: peak + 1])
        assert powers[-1] < max(powers) / 2
        assert central.statuses()[-1] == "SuspendedEV"

    scenario(story)


def test_a_card_first_and_the_cable_later():
    async def story(central, box):
        await box.tap("CARD")
        assert not central.said("StartTransaction")
        await box.plug_in()
        assert central.said("StartTransaction")

    scenario(story)


def test_a_cable_too_late_starts_nothing():
    async def story(central, box):
        await box.tap("CARD")
        await box.clock.sleep(121)
        await box.plug_in()
        assert not central.said("StartTransaction")

    scenario(story)


def test_another_card_of_the_same_group_stops_and_a_stranger_does_not():
    async def story(central, box):
        await box.plug_in()
        await box.tap("CARD")
        central.answers["Authorize"] = {"idTagInfo": {"status": "Accepted", "parentIdTag": "OTHERS"}}
        await box.tap("STRANGER")
        assert not central.said("StopTransaction")
        central.answers["Authorize"] = ACCEPTED
        await box.tap("SISTER")
        assert central.said("StopTransaction")[0]["idTag"] == "SISTER"

    scenario(story)


def test_a_refused_card_starts_nothing_and_a_refused_start_is_ended():
    async def story(central, box):
        await box.plug_in()
        central.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
        assert await box.tap("CARD") == "Blocked"
        assert not central.said("StartTransaction")

        central.answers["Authorize"] = ACCEPTED
        central.answers["StartTransaction"] = {"transactionId": 5, "idTagInfo": {"status": "ConcurrentTx"}}
        await box.tap("CARD")
        (stop,) = central.said("StopTransaction")
        assert (stop["transactionId"], stop["reason"]) == (5, "DeAuthorized")

    scenario(story)


def test_what_happens_offline_is_told_afterwards_in_order():
    async def story(central, box):
        await box.plug_in()
        await box.tap("CARD")
        central.reachable = False
        await central.hang_up()
        await box.charge(500)
        await box.unplug()
        central.calls.clear()

        central.reachable = True
        await box.connect()

        told = central.actions(without=("BootNotification", "StatusNotification"))
        assert told == ["MeterValues"] * (len(told) - 1) + ["StopTransaction"]
        assert {payload["transactionId"] for payload in central.said("MeterValues") + central.said("StopTransaction")} == {77}

    scenario(story)


def test_a_start_made_offline_gets_its_number_before_its_readings_are_told():
    async def story(central, box):
        await box.plug_in()
        await box.tap("CARD")
        await box.unplug()
        central.reachable = False
        await central.hang_up()
        central.calls.clear()
        await box.plug_in()
        assert await box.tap("NEVER SEEN") == "Invalid"
        assert await box.tap("CARD") == "Accepted"
        await box.charge(300)
        await box.unplug()
        central.answers["StartTransaction"] = {"transactionId": 78, **ACCEPTED}

        central.reachable = True
        await box.connect()

        assert central.said("StartTransaction")[0]["timestamp"] == "2024-05-01T12:00:00Z"
        assert central.said("StopTransaction")[0]["transactionId"] == 78

    scenario(story)


def test_what_is_refused_again_and_again_is_given_up():
    async def story(central, box):
        await box.plug_in()
        central.answers["StartTransaction"] = "InternalError"
        await box.tap("CARD")
        assert len(central.said("StartTransaction")) == 3
        central.answers["StatusNotification"] = "InternalError"
        with pytest.raises(Refused):
            await box.connection.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})

    scenario(story)


def test_it_reconnects_by_itself():
    async def story():
        central = Central()
        box = SimulatedChargePoint("BOX", central.dial)
        running = asyncio.create_task(box.run())
        for _ in range(2):
            await _until(lambda: box.connection.is_open and central.statuses())
            central.calls.clear()
            await central.hang_up()
        await _until(central.statuses)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert len(central.passwords) == 3

    async_to_sync(story)()


def test_a_fault_ends_what_runs():
    async def story(central, box):
        await box.plug_in()
        await box.tap("CARD")
        await box.fail()
        assert central.said("StopTransaction")
        assert central.statuses()[-1] == "Faulted"

    scenario(story)


@pytest.mark.django_db(transaction=True)
def test_the_command_charges_at_a_real_server(serve_process, driver, charge_point):
    factories.make_id_token(driver, "SIMULATED")
    served = serve_process(OCPP_SETTLE_DELAY_S="600")
    options = ["--password", factories.CHARGER_PASSWORD, "--sessions", "1", "--energy", "0.05", "--speed", "20"]

    ran = served.manage("simulate", f"{served.ocpp_url}/{charge_point.identity}", *options)

    assert ran.returncode == 0, ran.stderr
    assert "0.05 kWh, EVDisconnected" in ran.stdout
    assert ChargingSession.objects.get().status == ChargingSession.Status.COMPLETED


@pytest.mark.parametrize(
    ("arguments", "said"), [(["http://example.com"], "ws://"), (["ws://127.0.0.1:9", "--count", "0"], "greater than zero")]
)
def test_the_command_says_what_it_cannot_do(arguments, said):
    with pytest.raises(CommandError, match=said):
        call_command("simulate", *arguments)


async def _until(true):
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


def test_it_hangs_up_before_what_was_asked_has_begun():
    async def story(_central, box):
        box.spawn(box.boot())

        await box.close()

        assert not box.connection.is_open

    scenario(story)
    gc.collect()  # a coroutine that nobody awaited complains when it is collected, and complaints fail the test
