"""The simulated wallbox keeps to its charging profiles as the standard says."""

from datetime import timedelta

import pytest

from tests.paper_central import NOON, scenario

AMPERE_W = 230 * 3


def profile(number=1, purpose="TxDefaultProfile", limit=6, level=0, **more):
    return {
        "chargingProfileId": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]},
        **more,
    }


async def give(central, connector, **said):
    answer = await central.ask("SetChargingProfile", {"connectorId": connector, "csChargingProfiles": profile(**said)})
    return answer["status"]


def numbers(box):
    return sorted(installed.profile["chargingProfileId"] for installed in box.profiles)


def test_the_profile_of_one_session_ends_with_it_and_no_other_does():
    async def story(central, box):
        await box.plug_in(1)
        await box.tap("CARD", 1)
        await box.plug_in(2)
        central.answers["StartTransaction"] = {"transactionId": 78, "idTagInfo": {"status": "Accepted"}}
        await box.tap("OTHER", 2)
        assert await give(central, 1, number=1, purpose="TxProfile", transactionId=77) == "Accepted"
        assert await give(central, 2, number=2, purpose="TxProfile") == "Accepted"
        assert await give(central, 2, number=3, purpose="TxProfile", transactionId=77, level=1) == "Rejected"
        assert await give(central, 0, number=4) == "Accepted"
        await box.unplug(1)
        assert numbers(box) == [2, 4]

    scenario(story, connectors=2)


@pytest.mark.parametrize(
    ("asked", "left"),
    [({}, []), ({"id": 1, "connectorId": 9}, [2, 3]), ({"connectorId": 0}, [1, 2]), ({"stackLevel": 1}, [1, 3]), ({"id": 8}, None)],
)
def test_what_is_cleared(asked, left):
    async def story(central, box):
        await give(central, 1, number=1)
        await give(central, 1, number=2, level=1)
        await give(central, 0, number=3, purpose="ChargePointMaxProfile")
        answer = await central.ask("ClearChargingProfile", asked)
        assert answer == {"status": "Unknown" if left is None else "Accepted"}
        assert numbers(box) == ([1, 2, 3] if left is None else left)

    scenario(story)


def test_a_profile_comes_with_a_start_and_is_for_that_start_alone():
    async def story(central, box):
        start = {"connectorId": 1, "idTag": "ONE", "chargingProfile": profile(limit=7)}
        assert await central.ask("RemoteStartTransaction", start) == {"status": "Rejected"}, "it is no profile of a transaction"
        start["chargingProfile"] = profile(purpose="TxProfile", limit=7)
        assert await central.ask("RemoteStartTransaction", start) == {"status": "Accepted"}
        await box.idle()
        assert numbers(box) == []
        await box.plug_in()
        await box.charge(500)
        assert box.outlets[1].power_w == pytest.approx(7 * AMPERE_W)
        await box.unplug()
        assert box.outlets[1].limit_w is None

    scenario(story)


def test_a_plan_is_kept_as_the_hours_pass_and_told_beforehand():
    plan = {
        "chargingRateUnit": "W",
        "startSchedule": (NOON - timedelta(hours=12)).isoformat(),
        "duration": 86_400,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9_000}, {"startPeriod": 13 * 3_600, "limit": 0}],
    }

    async def story(central, box):
        said = {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily", "chargingSchedule": plan}
        assert await give(central, 1, **said) == "Accepted"
        await box.plug_in()
        await box.tap("CARD")
        await box.charge(2_000)
        assert box.outlets[1].power_w == pytest.approx(9_000)
        asked = {"connectorId": 1, "duration": 86_400, "chargingRateUnit": "W"}
        box.clock.set(NOON + timedelta(minutes=30))
        told = (await central.ask("GetCompositeSchedule", asked))["chargingSchedule"]
        assert told["chargingSchedulePeriod"] == [
            {"startPeriod": 0, "limit": 9_000},
            {"startPeriod": 1_800, "limit": 0},
            {"startPeriod": 41_400, "limit": 9_000},
        ]
        box.clock.set(NOON + timedelta(hours=1))
        await box.charge(100)
        assert (box.outlets[1].power_w, box.outlets[1].status) == (0, "SuspendedEVSE")
        assert (await central.ask("GetCompositeSchedule", {"connectorId": 7, "duration": 1})) == {"status": "Rejected"}

    scenario(story)


@pytest.mark.parametrize(
    ("built", "said", "status"),
    [
        ({"ChargeProfileMaxStackLevel": "0"}, {"level": 1}, "Rejected"),
        ({"ChargingScheduleAllowedChargingRateUnit": "Power"}, {}, "Rejected"),
        ({"SupportedFeatureProfiles": "Core"}, {}, "NotSupported"),
        ({"MaxChargingProfilesInstalled": "0"}, {}, "Rejected"),
        ({}, {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"}, "Rejected"),
        ({}, {"purpose": "ChargePointMaxProfile"}, "Rejected"),
        ({}, {}, "Accepted"),
    ],
)
def test_what_a_box_refuses(built, said, status):
    async def story(central, box):
        box.configuration.built_with(**built)
        assert await give(central, 1, **said) == status

    scenario(story)
