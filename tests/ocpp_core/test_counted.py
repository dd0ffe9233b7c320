"""What a serving process counts at its chargers' door, asked for over the network as Prometheus does."""

from datetime import UTC, datetime

from tests import factories
from tests.chargers import raw_charger_for
from tests.ocpp_core.conftest import knock, run, until


def test_a_charger_is_counted_in_everything_it_does(served, owner, tariff):
    charge_point = factories.make_charge_point(owner, tariff=tariff, auto_configure=False)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    meter = {"connectorId": 1, "meterValue": [{"timestamp": now, "sampledValue": [{"value": "1500"}]}]}
    before = served.told()
    connected = {}

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", {"chargePointVendor": "Any", "chargePointModel": "Box"}, "b")
            for number in range(3):
                await box.call("Heartbeat", {}, f"h{number}")
            assert await box.ask([2, "h2", "Heartbeat", {}]) == await box.ask([2, "h2", "Heartbeat", {}])
            await box.call("MeterValues", meter, "m")
            assert (await box.ask([2, "x", "MakeCoffee", {}]))[0] == 4
            assert (await box.ask([2, "y", "Authorize", {}]))[0] == 4
            connected.update(served.told())

    assert knock(served, f"/ocpp/{charge_point.identity}", "Basic bm86bm8=").status == 401
    run(story)

    def grown(name):
        return connected[f"chargeshare_{name}"] - before.get(f"chargeshare_{name}", 0)

    assert grown("charger_sockets") == 1
    assert grown("charger_handshakes_total 101") == 1
    assert grown("charger_handshakes_total 401") == 1
    assert grown("charger_messages_total BootNotification answered") == 1
    assert grown("charger_messages_total Heartbeat answered") == 3
    assert grown("charger_messages_total Heartbeat repeated") == 2
    assert grown("charger_messages_total MeterValues answered") == 1
    assert grown("charger_messages_total Authorize refused") == 1
    assert grown("charger_messages_total other refused") == 1
    assert not any("MakeCoffee" in name for name in connected)
    assert (grown("batch_readings_count"), grown("batch_readings_sum"), grown("batch_wait_seconds_count")) == (1, 1, 1)
    assert grown("commit_seconds_count") >= 1
    assert connected["chargeshare_worker_threads"] in (2, 8)
    assert {"chargeshare_worker_threads_busy", "chargeshare_worker_queue", "chargeshare_writer_waiting frames"} <= set(connected)
    assert connected["chargeshare_database_away"] == 0
    until(lambda: served.told()["chargeshare_up database"] == 1)
    until(lambda: served.told()["chargeshare_charger_sockets"] == 0)
