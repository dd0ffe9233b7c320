"""The simulated wallbox against a central system on paper: it must behave like a real one, or flows prove nothing."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command

from ocpp_core import frames, schemas
from ocpp_core.simulator import Car, LinkClosed, ManualClock, Refused, SimulatedChargePoint
from stations.models import ChargingSession
from tests import factories

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


class Central:
    """A central system that accepts everything, checks it against the official schemas, and can ask."""

    def __init__(self):
        self.calls = []
        self.answers = {}
        self.reachable = True
        self.passwords = []
        self._links = []
        self._waiting = {}

    async def dial(self, password):
        if not self.reachable:
            raise LinkClosed("nobody there")
        self.passwords.append(password)
        self._links.append(PaperLink(self))
        return self._links[-1]

    async def hang_up(self):
        await self._links[-1].close()
        await asyncio.sleep(0)

    def actions(self, *, without=("Heartbeat",)):
        return [action for action, _payload in self.calls if action not in without]

    def said(self, action):
        return [payload for name, payload in self.calls if name == action]

    def statuses(self, connector=1):
        return [payload["status"] for payload in self.said("StatusNotification") if payload["connectorId"] == connector]

    async def ask(self, action, payload):
        message_id = f"ask-{len(self._waiting)}"
        self._waiting[message_id] = asyncio.get_running_loop().create_future()
        self._links[-1].to_charger.put_nowait(frames.call(message_id, action, payload))
        answer = await asyncio.wait_for(self._waiting[message_id], 2)
        if isinstance(answer, frames.Result):
            assert schemas.problems(action, answer.payload, kind="response") is None
            return answer.payload
        return answer.code

    def hear(self, text):
        frame = frames.parse(text)
        if not isinstance(frame, frames.Call):
            self._waiting[frame.message_id].set_result(frame)
            return None
        assert schemas.problems(frame.action, frame.payload) is None
        self.calls.append((frame.action, frame.payload))
        answer = self.answers.get(frame.action, ACCEPTING[frame.action])
        answer = answer(frame.payload) if callable(answer) else answer
        if isinstance(answer, str):
            return frames.error(frame.message_id, answer)
        return frames.result(frame.message_id, answer)


ACCEPTED = {"idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}
BOOTED = {"status": "Accepted", "interval": 300, "currentTime": "2024-05-01T12:00:00Z"}
ACCEPTING = {
    "Authorize": ACCEPTED,
    "BootNotification": BOOTED,
    "DiagnosticsStatusNotification": {},
    "FirmwareStatusNotification": {},
    "Heartbeat": {"currentTime": "2024-05-01T12:00:00Z"},
    "MeterValues": {},
    "StartTransaction": {"transactionId": 77, **ACCEPTED},
    "StatusNotification": {},
    "StopTransaction": {},
}


class PaperLink:
    def __init__(self, central):
        self._central = central
        self.to_charger: asyncio.Queue[str | None] = asyncio.Queue()
        self._open = True

    async def send(self, text):
        if not self._open:
            raise LinkClosed("closed")
        answer = self._central.hear(text)
        if answer is not None:
            self.to_charger.put_nowait(answer)

    async def recv(self):
        text = await self.to_charger.get()
        if text is None:
            raise LinkClosed("closed")
        return text

    async def close(self):
        self._open = False
        self.to_charger.put_nowait(None)


def scenario(story, **options):
    """Run a story with a central system and a box whose clock stands at noon."""

    async def run():
        central = Central()
        box = SimulatedChargePoint("BOX", central.dial, clock=ManualClock(NOON), **{"meter_wh": 5_000, **options})
        async with box:
            await story(central, box)

    async_to_sync(run)()


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
        assert await central.ask("SignedUpdateFirmware", {}) == "NotImplemented"
        assert await central.ask("Dance", {}) == "NotImplemented"

    scenario(story)


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
