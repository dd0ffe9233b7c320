"""What the simulated wallbox answers when it is asked, and that it does it."""

import asyncio
from datetime import UTC, datetime

import pytest

from tests.paper_central import ACCEPTED, scenario


@pytest.mark.parametrize("plugged", [True, False])
def test_a_remote_start_begins_at_once_or_with_the_cable(plugged):
    async def story(central, box):
        if plugged:
            await box.plug_in()
        assert await central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "ABCDEF01234567"}) == {"status": "Accepted"}
        await box.idle()
        if not plugged:
            assert not central.said("StartTransaction")
            await box.plug_in()
        assert central.said("StartTransaction")[0]["idTag"] == "ABCDEF01234567"
        assert await central.ask("RemoteStartTransaction", {"idTag": "X"}) == {"status": "Rejected"}
        assert await central.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Rejected"}
        assert await central.ask("RemoteStopTransaction", {"transactionId": 77}) == {"status": "Accepted"}
        await box.idle()
        assert central.said("StopTransaction")[0]["reason"] == "Remote"
        assert (await box.expect("RemoteStartTransaction"))["connectorId"] == 1

    scenario(story)


def test_a_whole_visit_by_remote_start():
    async def story(central, box):
        await central.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": "ONE-TIME"})
        await box.plug_in_and_charge("ONE-TIME", 1_000)
        assert not central.said("Authorize")
        assert len(central.said("StartTransaction")) == 1
        assert central.said("StopTransaction")[0]["reason"] == "EVDisconnected"

    scenario(story)


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
def test_a_reset_ends_what_runs_and_boots_again(kind):
    async def story(central, box):
        await box.plug_in()
        await box.tap("CARD")
        central.calls.clear()
        assert await central.ask("Reset", {"type": kind}) == {"status": "Accepted"}
        await box.idle()
        assert central.actions()[0] == "StopTransaction"
        assert central.said("StopTransaction")[0]["reason"] == f"{kind}Reset"
        assert len(central.said("BootNotification")) == 1

    scenario(story)


def test_unlocking_ends_what_runs():
    async def story(central, box):
        await box.plug_in()
        await box.tap("CARD")
        assert await central.ask("UnlockConnector", {"connectorId": 9}) == {"status": "NotSupported"}
        assert await central.ask("UnlockConnector", {"connectorId": 1}) == {"status": "Unlocked"}
        await box.idle()
        assert central.said("StopTransaction")[0]["reason"] == "UnlockCommand"

    scenario(story)


def test_availability_waits_for_the_end_of_a_session():
    async def story(central, box):
        await box.plug_in()
        await box.tap("CARD")
        assert await central.ask("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}) == {"status": "Scheduled"}
        assert central.statuses()[-1] == "Charging"
        await box.unplug()
        assert central.statuses()[-1] == "Unavailable"
        assert await central.ask("RemoteStartTransaction", {"idTag": "X"}) == {"status": "Rejected"}
        assert await central.ask("ChangeAvailability", {"connectorId": 1, "type": "Operative"}) == {"status": "Accepted"}
        await box.idle()
        assert central.statuses()[-1] == "Available"

    scenario(story)


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("MeterValueSampleInterval", "30", "Accepted"),
        ("MeterValueSampleInterval", "often", "Rejected"),
        ("LocalAuthorizeOffline", "False", "Accepted"),
        ("LocalAuthorizeOffline", "perhaps", "Rejected"),
        ("NumberOfConnectors", "7", "Rejected"),
        ("Wings", "2", "NotSupported"),
        ("AuthorizationKey", "short", "Rejected"),
        ("AuthorizationKey", "long enough", "Accepted"),
    ],
)
def test_configuration(key, value, status):
    async def story(central, box):
        assert await central.ask("ChangeConfiguration", {"key": key, "value": value}) == {"status": status}
        told = await central.ask("GetConfiguration", {"key": [key]})
        if key in ("Wings", "AuthorizationKey"):
            assert told == {"configurationKey": [], "unknownKey": [key]}
        else:
            assert told["configurationKey"][0]["readonly"] is (key == "NumberOfConnectors")
            assert (told["configurationKey"][0]["value"] == value.lower()) is (status == "Accepted")
        assert len((await central.ask("GetConfiguration", {}))["configurationKey"]) > 25

    scenario(story)


def test_a_new_password_is_used_from_the_next_connection_on():
    async def story(central, box):
        await central.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": "brand new password"})
        await central.ask("Reset", {"type": "Soft"})
        await box.idle()
        assert central.passwords == ["old password", "brand new password"]

    scenario(story, password="old password")


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ("BootNotification", "BootNotification"),
        ("Heartbeat", "Heartbeat"),
        ("MeterValues", "MeterValues"),
        ("StatusNotification", "StatusNotification"),
        ("FirmwareStatusNotification", "FirmwareStatusNotification"),
        ("DiagnosticsStatusNotification", "DiagnosticsStatusNotification"),
    ],
)
def test_triggers(message, action):
    async def story(central, box):
        central.calls.clear()
        assert await central.ask("TriggerMessage", {"requestedMessage": message, "connectorId": 1}) == {"status": "Accepted"}
        await box.idle()
        assert central.actions(without=()) == [action]
        assert await central.ask("TriggerMessage", {"requestedMessage": message, "connectorId": 9}) == {"status": "Rejected"}

    scenario(story)


def test_a_reservation_ends_when_its_time_is_over_and_moves_no_clock():
    reserve = {"connectorId": 1, "expiryDate": "2024-05-01T13:00:00Z", "idTag": "CARD", "reservationId": 4}

    async def story(central, box):
        before = box.clock.now()
        assert await central.ask("ReserveNow", reserve) == {"status": "Accepted"}
        await box.idle()
        assert (box.clock.now(), box.outlets[1].status) == (before, "Reserved")
        box.clock.set(datetime(2024, 5, 1, 13, 0, 1, tzinfo=UTC))
        async with asyncio.timeout(30):
            while box.outlets[1].status != "Available":  # noqa: ASYNC110 - the box has no event for it
                await asyncio.sleep(0.05)
        assert central.statuses()[-1] == "Available"

    scenario(story)


def test_a_reservation_keeps_the_outlet_for_its_card_and_group():
    reserve = {"connectorId": 1, "expiryDate": "2024-05-01T13:00:00Z", "idTag": "CARD", "reservationId": 4, "parentIdTag": "FAMILY"}

    async def story(central, box):
        assert await central.ask("ReserveNow", reserve) == {"status": "Accepted"}
        assert await central.ask("ReserveNow", {**reserve, "reservationId": 5}) == {"status": "Occupied"}
        await asyncio.sleep(0)
        assert central.statuses()[-1] == "Reserved"
        central.answers["Authorize"] = {"idTagInfo": {"status": "Accepted"}}
        assert await box.tap("STRANGER") == "Blocked"
        central.answers["Authorize"] = ACCEPTED
        await box.plug_in()
        await box.tap("SISTER")
        assert central.said("StartTransaction")[0]["reservationId"] == 4
        assert await central.ask("CancelReservation", {"reservationId": 4}) == {"status": "Rejected"}

    scenario(story)


def test_profiles_limit_the_power():
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}]},
    }

    async def story(central, box):
        await box.plug_in()
        await box.tap("CARD")
        assert await central.ask("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}) == {"status": "Accepted"}
        await box.idle()
        await box.charge(500)
        assert box.outlets[1].power_w == pytest.approx(6 * 230 * 3)
        schedule = await central.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 60})
        assert schedule["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 4140.0}]
        assert await central.ask("ClearChargingProfile", {"id": 1}) == {"status": "Accepted"}
        assert await central.ask("ClearChargingProfile", {"id": 1}) == {"status": "Unknown"}
        await box.idle()
        assert box.outlets[1].limit_w is None

    scenario(story)


def test_the_local_list_admits_offline():
    async def story(central, box):
        entry = {"idTag": "LISTED", "idTagInfo": {"status": "Accepted"}}
        update = {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [entry]}
        assert await central.ask("SendLocalList", update) == {"status": "Accepted"}
        assert await central.ask("GetLocalListVersion", {}) == {"listVersion": 3}
        assert await central.ask("SendLocalList", {"listVersion": 3, "updateType": "Differential"}) == {"status": "VersionMismatch"}
        await central.hang_up()
        assert await box.tap("LISTED") == "Accepted"
        assert await box.tap("OTHER") == "Invalid"

    scenario(story)


def test_the_rest_is_answered_as_the_standard_has_it():
    async def story(central, box):
        assert await central.ask("ClearCache", {}) == {"status": "Accepted"}
        assert await central.ask("DataTransfer", {"vendorId": "Nobody"}) == {"status": "UnknownVendorId"}
        assert await central.ask("GetDiagnostics", {"location": "ftp://example.com/"}) == {"fileName": "diagnostics-BOX.txt"}
        await box.idle()
        assert [payload["status"] for payload in central.said("DiagnosticsStatusNotification")] == ["Uploading", "Uploaded"]
        update = {"location": "https://example.com/box-2.0.bin", "retrieveDate": "2024-05-01T12:05:00Z"}
        assert await central.ask("UpdateFirmware", update) == {}
        await box.idle()
        assert central.said("FirmwareStatusNotification")[-1] == {"status": "Installed"}
        assert central.said("BootNotification")[-1]["firmwareVersion"] == "box-2.0.bin"
        assert await central.ask("Dance", {}) == "NotImplemented"

    scenario(story)


def signed(certificate="-----BEGIN CERTIFICATE-----", request_id=5):
    at = "2024-05-01T12:05:00Z"
    image = {"location": "https://example.com/box-3.0.bin", "retrieveDateTime": at, "signingCertificate": certificate, "signature": "c2ln"}
    return {"requestId": request_id, "firmware": image}


def test_signed_firmware_is_installed_step_by_step():
    async def story(central, box):
        assert await central.ask("SignedUpdateFirmware", signed("none")) == {"status": "InvalidCertificate"}
        assert await central.ask("SignedUpdateFirmware", signed()) == {"status": "Accepted"}
        await box.idle()
        said = central.said("SignedFirmwareStatusNotification")
        assert {payload["requestId"] for payload in said} == {5}
        words = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting", "Installed"]
        assert [payload["status"] for payload in said] == words
        assert central.said("BootNotification")[-1]["firmwareVersion"] == "box-3.0.bin"

    scenario(story)


def test_an_update_fails_where_it_is_told_to():
    async def story(central, box):
        box.maintenance.fails_after, box.maintenance.fails_with = "Downloading", "DownloadFailed"
        update = {"location": "https://example.com/x.bin", "retrieveDate": "2024-05-01T12:05:00Z"}
        await central.ask("UpdateFirmware", update)
        await box.idle()
        assert [payload["status"] for payload in central.said("FirmwareStatusNotification")] == ["Downloading", "DownloadFailed"]
        assert central.said("BootNotification")[-1]["firmwareVersion"] == "1.6.0"

    scenario(story)


def test_a_log_that_nobody_takes_is_not_uploaded():
    async def story(central, box):
        log = {"remoteLocation": "http://127.0.0.1:9/"}  # nobody listens at the port for throwing away
        answer = await central.ask("GetLog", {"logType": "SecurityLog", "requestId": 8, "log": log})
        assert answer == {"status": "Accepted", "filename": "SecurityLog-BOX.txt"}
        await box.idle()
        words = [(payload["requestId"], payload["status"]) for payload in central.said("LogStatusNotification")]
        assert words == [(8, "Uploading"), (8, "UploadFailure")]
        box.maintenance.log = b""
        assert await central.ask("GetDiagnostics", {"location": "http://127.0.0.1:9/"}) == {}

    scenario(story)
