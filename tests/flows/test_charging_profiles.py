"""Limits of power over a real socket: asked for at the page or the command door, kept by a box, metered, and taken off again."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from ocpp_core.charging_profiles import kept
from ocpp_core.models import ChargingProfile, ConfigurationKey
from ocpp_core.simulator import ManualClock
from stations import limits
from stations.models import ChargePoint, ChargingSession, Command
from tests import factories
from tests.chargers import charger_for, raw_charger_for
from tests.flows.doors import Api, Pages

AMPERE_W = 230 * 3
SOLAX = {"ChargingSchduleAllowedChargingRate": "Power", "MaxChargingProfilesInstalled": "1"}  # its own spelling; it takes amperes


@pytest.fixture
def served(serve_process):
    return serve_process(HOUSEKEEPING="False")


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, "04A2B3C4D5E680").uid


def run(story):
    async def within_time():
        async with asyncio.timeout(120):
            await story()

    async_to_sync(within_time)()


def schedule(limit, unit="A", **more):
    return {"chargingRateUnit": unit, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}], **more}


def profile(number, purpose, limit, *, level=0, unit="A", **more):
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule(limit, unit),
        **more,
    }


class Door:
    """The owner's program at the command door of one charger."""

    def __init__(self, served, owner, charge_point):
        self.api = Api(served, owner)
        self.path = f"charge-points/{charge_point.code}/"

    async def ask(self, action: str, **payload: Any) -> dict[str, Any]:
        """Ask and wait; what the charger said."""
        status, body = await self.api.post(f"{self.path}commands/?wait=30", {"action": action, "payload": payload})
        assert (status, body["status"]) == (201, "accepted"), body
        said: dict[str, Any] = body["response"]
        return said

    async def set(self, connector: int, said: dict[str, Any]) -> str:
        """Give the charger a profile; its answer."""
        status: str = (await self.ask("SetChargingProfile", connectorId=connector, csChargingProfiles=said))["status"]
        return status

    async def held(self) -> list[int]:
        """The numbers of the profiles it is known to hold."""
        body = await self.api.get(f"{self.path}charging-profiles/")
        return sorted(row["profile"]["chargingProfileId"] for row in body["results"])


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait for what happens in the other process."""
    deadline = time.monotonic() + seconds
    while True:
        found = await asyncio.to_thread(condition)
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.1)


async def metered_w(api: Api, box: Any, wh: float = 400) -> int:
    """Let it charge for a while, and read at the other door what power was metered."""
    await box.idle()
    await box.charge(wh)
    session = await api.session(status="active")
    power: int = session["power_w"]
    return power


def test_limits_reduce_the_power_that_is_metered(served, driver, owner, charge_point, card):
    """Of each purpose the highest level, the session's own above the default, and never more than the whole charger may."""

    async def story():
        door, api = Door(served, owner, charge_point), Api(served, driver)
        async with charger_for(charge_point, served) as box:
            await box.plug_in()
            await box.tap(card)
            await box.charge(500)
            assert await metered_w(api, box) == 11_000
            assert await door.set(1, profile(1, "TxDefaultProfile", 10)) == "Accepted"
            assert await metered_w(api, box) == 10 * AMPERE_W
            assert await door.set(1, profile(2, "TxDefaultProfile", 12, level=1)) == "Accepted"
            assert await metered_w(api, box) == 12 * AMPERE_W
            transaction = (await api.session(status="active"))["transaction_id"]
            assert await door.set(1, profile(3, "TxProfile", 14, transactionId=transaction)) == "Accepted"
            assert await metered_w(api, box) == 14 * AMPERE_W
            assert await door.set(0, profile(4, "ChargePointMaxProfile", 4_140, unit="W")) == "Accepted"
            assert await metered_w(api, box) == 4_140
            assert await door.held() == [1, 2, 3, 4]

            assert await door.ask("ClearChargingProfile", id=4) == {"status": "Accepted"}
            assert await metered_w(api, box) == 14 * AMPERE_W
            assert await door.ask("ClearChargingProfile", chargingProfilePurpose="TxDefaultProfile", stackLevel=1) == {"status": "Accepted"}
            assert await door.held() == [1, 3]
            assert await door.ask("ClearChargingProfile", connectorId=2) == {"status": "Unknown"}
            await box.unplug()
            assert await door.held() == [1], "the limit of a session ends with it"
            assert await door.ask("ClearChargingProfile") == {"status": "Accepted"}
            assert await door.held() == []
            assert box.profiles == []

    run(story)


def test_what_a_box_refuses_is_not_held(served, owner, charge_point):
    async def story():
        door = Door(served, owner, charge_point)
        async with charger_for(charge_point, served) as box:
            box.configuration.built_with(MaxChargingProfilesInstalled="1", ChargeProfileMaxStackLevel="2")
            for connector, said in (
                (1, profile(1, "TxProfile", 10)),  # nothing runs
                (9, profile(1, "TxDefaultProfile", 10)),
                (1, profile(1, "ChargePointMaxProfile", 10)),
                (1, profile(1, "TxDefaultProfile", 10, level=3)),
                (1, profile(1, "TxDefaultProfile", 10, chargingProfileKind="Recurring")),
            ):
                assert await door.set(connector, said) == "Rejected"
            assert await door.held() == []
            assert await door.set(1, profile(1, "TxDefaultProfile", 10)) == "Accepted"
            assert await door.set(0, profile(2, "ChargePointMaxProfile", 10)) == "Rejected", "there is room for one"
            assert await door.set(1, profile(3, "TxDefaultProfile", 10)) == "Accepted", "which takes the other's place"
            assert await door.held() == [3]
            box.configuration.built_with(SupportedFeatureProfiles="Core")
            assert await door.set(1, profile(4, "TxDefaultProfile", 10)) == "NotSupported"
            assert await door.held() == [3]

    run(story)


def test_an_owner_limits_her_charger_at_the_page_and_asks_it_what_holds(served, driver, owner, charge_point, card):
    async def story():
        pages, api, path = Pages(served), Api(served, driver), f"/owner/{charge_point.code}/charging-profiles/"
        async with charger_for(charge_point, served, clock=ManualClock(datetime.now(UTC).replace(microsecond=0))) as box:
            await pages.log_in(owner)
            await box.plug_in()
            await box.tap(card)
            await box.charge(500)
            await pages.open(path)
            await pages.submit(path, **{"deed": "limit", "limit-place": "0", "limit-amount": "8", "limit-unit": "A", "limit-until": ""})
            asked = await box.expect("SetChargingProfile")
            assert asked["csChargingProfiles"]["chargingProfilePurpose"] == "ChargePointMaxProfile"
            assert await metered_w(api, box) == 8 * AMPERE_W
            await until(ChargingProfile.objects.filter(connector_number=0).exists)

            await pages.submit(path, deed="ask", connector="1")
            assert (await box.expect("GetCompositeSchedule"))["duration"] == 86_400
            said = await until(charge_point.composite_schedules.first)
            assert [entry["limit"] for entry in said.schedule["chargingSchedulePeriod"]] == [8.0]
            assert "plot__said" in await pages.open(path)

            await pages.submit(path, deed="clear", profile=str((await until(ChargingProfile.objects.first)).pk))
            await box.expect("ClearChargingProfile")
            await until(lambda: not ChargingProfile.objects.exists())
            assert await metered_w(api, box) == 11_000

    run(story)


def test_a_day_plan_changes_the_power_at_its_hours(served, owner, charge_point, driver, card):
    """Asked for at the page; the box then lives through the hours of a night by its own clock."""
    evening = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=1)
    clock = ManualClock(evening)

    async def story():
        pages, path = Pages(served), f"/owner/{charge_point.code}/charging-profiles/"
        async with charger_for(charge_point, served, clock=clock) as box:
            await pages.log_in(owner)
            await pages.open(path)
            said = {"place": "1", "begins": "00:00", "ends": "04:00", "amount": "16", "unit": "A", "otherwise": "6", "until": ""}
            await pages.submit(
                path, deed="plan", **{f"plan-{name}": value for name, value in said.items()}, **{"plan-days": list("0123456")}
            )
            asked = (await box.expect("SetChargingProfile"))["csChargingProfiles"]
            midnight = datetime.fromisoformat(asked["chargingSchedule"]["startSchedule"])
            assert (asked["chargingProfileKind"], asked["recurrencyKind"]) == ("Recurring", "Daily")
            await box.idle()
            await box.plug_in()
            await box.tap(card)
            box.outlets[1].car.wanted_wh = 1_000_000
            tonight = midnight + timedelta(days=(clock.now() - midnight) // timedelta(days=1) + 1)
            for at, amperes in ((tonight - timedelta(minutes=30), 6), (tonight, 16), (tonight + timedelta(hours=4), 6)):
                clock.set(at)
                await box.charge(300)
                assert box.outlets[1].power_w == pytest.approx(min(11_000, amperes * AMPERE_W)), at
            composite = await Door(served, owner, charge_point).ask(
                "GetCompositeSchedule", connectorId=1, duration=86_400, chargingRateUnit="A"
            )
            periods = composite["chargingSchedule"]["chargingSchedulePeriod"]
            assert [entry["limit"] for entry in periods] == [6, 15.9, 6], "no more than the outlet can give"
            assert periods[2]["startPeriod"] - periods[1]["startPeriod"] == 4 * 3600

    run(story)


def test_a_profile_inside_a_start_limits_that_session_alone(served, owner, charge_point):
    async def story():
        pages, api, path = Pages(served), Api(served, owner), f"/owner/{charge_point.code}/charging-profiles/"
        async with charger_for(charge_point, served) as box:
            await box.plug_in()
            await pages.log_in(owner)
            await pages.open(path)
            await pages.submit(path, **{"deed": "start", "start-place": "1", "start-amount": "7", "start-unit": "A"})
            asked = await box.expect("RemoteStartTransaction")
            assert "transactionId" not in asked["chargingProfile"]
            session = await api.session(status="active")
            assert await metered_w(api, box) == 7 * AMPERE_W
            row = await until(lambda: next((row for row in kept.held(charge_point) if row.transaction_id is not None), None))
            assert (row.transaction_id, row.connector_number, row.is_waiting) == (session["transaction_id"], 1, False)
            await box.unplug()
            await until(lambda: not ChargingProfile.objects.exists())
            await box.plug_in()
            assert box.outlets[1].limit_w is None

    run(story)


def test_a_start_with_a_profile_at_the_command_door(served, owner, charge_point, card):
    async def story():
        door = Door(served, owner, charge_point)
        async with charger_for(charge_point, served) as box:
            own = profile(5, "TxProfile", 9)
            wrong = profile(6, "TxDefaultProfile", 9)
            assert (await door.ask("RemoteStartTransaction", connectorId=1, idTag=card, chargingProfile=wrong))["status"] == "Rejected"
            assert await door.held() == []
            await asyncio.to_thread(Command.objects.all().delete)  # and with it the ten seconds' rest of the relay
            assert await door.ask("RemoteStartTransaction", connectorId=1, idTag=card, chargingProfile=own) == {"status": "Accepted"}
            rows = (await door.api.get(f"{door.path}charging-profiles/"))["results"]
            assert [(row["is_waiting"], row["transaction_id"]) for row in rows] == [(True, None)]
            await box.plug_in()
            session = await asyncio.to_thread(ChargingSession.objects.get)
            rows = (await door.api.get(f"{door.path}charging-profiles/"))["results"]
            assert [(row["is_waiting"], row["transaction_id"]) for row in rows] == [(False, session.transaction_id)]
            await box.charge(400)
            assert box.outlets[1].power_w == pytest.approx(9 * AMPERE_W)

    run(story)


@pytest.mark.parametrize(
    ("make", "keys", "unit", "level_and_kind"),
    [
        (("Huawei", "SCharger-22KT-S0", "1.0"), {}, "W", (1, "Absolute")),
        (("Any", "Box", "1.0"), {"ChargingScheduleAllowedChargingRateUnit": "Power"}, "W", (1, "Absolute")),
        (("ABB", "Terra AC W22-T", "1.8"), {}, "A", (0, "Absolute")),
        (("Wall Box Chargers", "Pulsar Plus", "5.17.65"), {}, "A", (0, "Absolute")),
        (("Wall Box Chargers", "Pulsar Plus", "4.6.1"), {}, "A", (1, "Relative")),
        (("SolaxPower", "SPACS000001", "005.02"), SOLAX, "A", (0, "Absolute")),
    ],
)
def test_each_make_gets_limits_in_its_own_way(served, owner, charge_point, make, keys, unit, level_and_kind):
    """A limit of 16 A for two hours, as it stands on the wire."""
    keys = {"ChargeProfileMaxStackLevel": "2", **keys}
    now = timezone.now()
    ConfigurationKey.objects.bulk_create(ConfigurationKey(charge_point=charge_point, key=key, value=keys[key], read_at=now) for key in keys)

    async def story():
        pages, path = Pages(served), f"/owner/{charge_point.code}/charging-profiles/"
        async with raw_charger_for(charge_point, served) as box:
            boot = dict(zip(("chargePointVendor", "chargePointModel", "firmwareVersion"), make, strict=True))
            await box.call("BootNotification", boot)
            await asyncio.to_thread(ChargePoint.objects.filter(pk=charge_point.pk).update, auto_configure=False)
            await pages.log_in(owner)
            await pages.open(path)
            later = timezone.localtime(now + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
            said = {"place": "1", "amount": "16", "unit": "A", "until": later}
            await pages.submit(path, deed="limit", **{f"limit-{name}": value for name, value in said.items()})
            while True:
                _kind, message_id, action, payload = await box.receive(30)
                if action == "SetChargingProfile":
                    break
                await box.send([4, message_id, "NotSupported", "", {}])
            await box.send([3, message_id, {"status": "Accepted"}])
            sent = payload["csChargingProfiles"]
            assert sent["chargingSchedule"]["chargingRateUnit"] == unit
            assert sent["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == (16 if unit == "A" else 16 * AMPERE_W)
            assert (sent["stackLevel"], sent["chargingProfileKind"]) == level_and_kind
            await until(ChargingProfile.objects.exists)

    run(story)


def test_what_protection_took_is_given_back_when_the_session_ends(served, driver, owner, charge_point, card):
    """The box took no notice of three stops. The power that was taken from it does not stay away from who comes next."""

    def insist():
        session = ChargingSession.objects.select_related("charge_point", "connector", "owner").get()
        asked = {"charge_point": session.charge_point, "action": "RemoteStopTransaction", "session": session, "status": "accepted"}
        Command.objects.bulk_create(Command(**asked) for _time in range(limits.STOP_TRIES))
        Command.objects.update(created_at=timezone.now() - timedelta(minutes=5))
        limits.insist(session, timezone.now())

    async def story():
        door = Door(served, owner, charge_point)
        async with charger_for(charge_point, served) as box:
            await box.plug_in()
            await box.tap(card)
            await box.charge(500)
            await asyncio.to_thread(insist)
            taken = (await box.expect("SetChargingProfile"))["csChargingProfiles"]
            assert taken["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 0}]
            await box.expect("UnlockConnector")
            cleared = await box.expect("ClearChargingProfile", timeout=30)
            assert cleared == {"id": taken["chargingProfileId"]}
            await until(lambda: not Command.objects.filter(status__in=["pending", "sent"]).exists())
            assert await door.held() == []

    run(story)
