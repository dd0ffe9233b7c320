"""Firmware from the command to the restart: a real server, a real socket, and at its other end a wallbox in software."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from accounts.models import User
from ocpp_core.models import FirmwareUpdate
from stations.models import ChargePoint
from tests.chargers import charger_for, raw_charger_for
from tests.flows.doors import Api
from tests.serving import Served

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 30.0
Row = dict[str, Any]


def plain(version: str) -> Row:
    at = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"action": "UpdateFirmware", "payload": {"location": f"http://firmware.example/{version}", "retrieveDate": at}}


def signed(version: str, request_id: int, certificate: str = "-----BEGIN CERTIFICATE-----") -> Row:
    at = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    image = {
        "location": f"https://firmware.example/{version}",
        "retrieveDateTime": at,
        "signingCertificate": certificate,
        "signature": "c2ln",
    }
    return {"action": "SignedUpdateFirmware", "payload": {"requestId": request_id, "firmware": image}}


class Owner:
    """The owner's program, at one charger."""

    def __init__(self, served: Served, owner: User, charge_point: ChargePoint) -> None:
        self.api = Api(served, owner)
        self.path = f"charge-points/{charge_point.code}/"

    async def ask(self, command: Row) -> Row:
        status, body = await self.api.post(f"{self.path}commands/?wait=20", command)
        assert status == 201, body
        return dict(body)

    async def updates(self) -> list[Row]:
        rows: list[Row] = (await self.api.get(f"{self.path}firmware/"))["results"]
        return rows

    async def answers(self) -> list[str]:
        """What came of what was asked, newest first. Read it at the end: a box may hang up before its answer is written down."""
        return [row["status"] for row in (await self.api.get(f"{self.path}commands/"))["results"] if "Firmware" in row["action"]]

    async def until(self, *progress: str) -> list[Row]:
        """Wait until the updates, newest first, have got so far."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                rows = await self.updates()
                if tuple(row["progress"] for row in rows) == progress:
                    return rows
                await asyncio.sleep(0.05)


def words(row: Row) -> list[str]:
    return [step["status"] for step in row["history"]]


def test_an_update_from_the_command_to_the_restart(serve_process: Callable[..., Served], owner: User, charge_point: ChargePoint) -> None:
    """The charger says each step, restarts, and its next introduction names the new firmware."""
    served = serve_process(HOUSEKEEPING="False")

    async def story() -> None:
        person = Owner(served, owner, charge_point)
        async with charger_for(charge_point, served) as box:
            await person.ask(plain("box-2.0.bin"))
            await box.idle()
            (row,) = await person.until("done")
            assert await person.answers() == ["accepted"]
            assert words(row) == ["Downloading", "Downloaded", "Installing", "Installed"]
            assert (row["was_asked"], row["is_signed"], row["firmware_before"], row["firmware_after"]) == (
                True,
                False,
                "1.6.0",
                "box-2.0.bin",
            )
            assert (await person.api.get(person.path))["firmware"] == "box-2.0.bin"

            await person.ask(plain("box-3.0.bin"))
            await box.idle()
            rows = await person.until("done", "done")
            assert [one["firmware_after"] for one in rows] == ["box-3.0.bin", "box-2.0.bin"]

    async_to_sync(story)()


def test_signed_firmware_restarts_in_between(serve_process: Callable[..., Served], owner: User, charge_point: ChargePoint) -> None:
    """The number ties every word to its update, over the restart and over an update that was refused."""
    served = serve_process(HOUSEKEEPING="False")

    async def story() -> None:
        person = Owner(served, owner, charge_point)
        async with charger_for(charge_point, served) as box:
            answer = await person.ask(signed("box-2.0.bin", 71, certificate="none"))
            assert answer["response"] == {"status": "InvalidCertificate"}
            await person.ask(signed("box-2.0.bin", 72))
            await box.idle()
            row, refused = await person.until("done", "refused")
            assert (refused["answer"], refused["request_id"], refused["history"]) == ("InvalidCertificate", 71, [])
            assert (row["request_id"], row["is_signed"], row["firmware_after"]) == (72, True, "box-2.0.bin")
            way = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting", "Booted", "Installed"]
            assert words(row) == way

    async_to_sync(story)()


@pytest.mark.parametrize(("after", "word"), [("Downloading", "DownloadFailed"), ("Installing", "InstallationFailed")])
def test_an_update_that_fails(serve_process: Callable[..., Served], owner: User, charge_point: ChargePoint, after: str, word: str) -> None:
    """The last word stands, and the charger goes on with what it had."""
    served = serve_process(HOUSEKEEPING="False")

    async def story() -> None:
        person = Owner(served, owner, charge_point)
        async with charger_for(charge_point, served) as box:
            box.maintenance.fails_after, box.maintenance.fails_with = after, word
            await person.ask(plain("box-2.0.bin"))
            await box.idle()
            (row,) = await person.until("failed")
            assert (words(row)[-2:], row["firmware_after"]) == ([after, word], "")
            box.maintenance.fails_after = ""
            await person.ask(plain("box-2.0.bin"))
            await box.idle()
            await person.until("done", "failed")

    async_to_sync(story)()


def test_words_of_a_raw_charger(serve_process: Callable[..., Served], owner: User, charge_point: ChargePoint) -> None:
    """A make with a spelling of its own, an update it began itself, one that took another's place, a reset in between, and nonsense."""
    served = serve_process(HOUSEKEEPING="False", OCPP_SETTLE_DELAY_S="600")
    boot = {"chargePointVendor": "Any", "chargePointModel": "Box", "firmwareVersion": "1.0"}
    number = iter(range(1, 1000))

    async def story() -> None:
        person = Owner(served, owner, charge_point)

        async def say(raw: Any, status: str) -> None:
            assert await raw.call("FirmwareStatusNotification", {"status": status}, f"f{next(number)}") == {}

        async def ask(raw: Any, command: Row) -> None:
            asking = asyncio.create_task(person.ask(command))
            _two, message_id, action, _payload = await raw.receive(30)
            assert action == command["action"]
            await raw.send([3, message_id, {}])
            assert (await asking)["status"] == "accepted"

        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", boot, "b1")
            await say(raw, "Idle")
            assert await person.updates() == []
            await say(raw, "downloading")  # nobody asked
            (row,) = await person.until("running")
            assert (row["was_asked"], words(row)) == (False, ["Downloading"])
            await ask(raw, plain("2.0"))
            await person.until("waiting", "superseded")
            await say(raw, "Downloading")
            await say(raw, "Downloaded")
            await ask(raw, plain("3.0"))
            await person.until("waiting", "superseded", "superseded")
            await say(raw, "Downloading")
            await say(raw, "Frobnicating")
            assert (await raw.ask([2, "bad", "FirmwareStatusNotification", {"status": 5.5}]))[0] in (3, 4)
        async with raw_charger_for(charge_point, served) as raw:  # it was pulled out of the wall
            await raw.call("BootNotification", boot, "b2")
            await say(raw, "INSTALLING")
            rows = await person.until("running", "superseded", "superseded")
            assert words(rows[0])[:2] == ["Downloading", "Frobnicating"]
        async with raw_charger_for(charge_point, served) as raw:
            await raw.call("BootNotification", {**boot, "firmwareVersion": "3.0"}, "b3")
            rows = await person.until("done", "superseded", "superseded")
            assert (rows[0]["firmware_before"], rows[0]["firmware_after"], words(rows[0])[-1]) == ("1.0", "3.0", "Booted")
            assert words(rows[1]) == ["Downloading", "Downloaded"]

    async_to_sync(story)()
    assert FirmwareUpdate.objects.count() == 3
