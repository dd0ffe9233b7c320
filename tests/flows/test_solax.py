"""A real session of a Solax X3-HAC, frame by frame over a real socket, with its times and its oddities."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from accounts.models import User
from billing import audit, ledger
from billing.models import CdrLine
from ocpp_core.models import ConfigurationKey
from stations.models import ChargePoint, ChargingSession, QuarantinedMessage
from tests import factories
from tests.chargers import RawCharger, raw_charger_for
from tests.serving import Served

ID_TAG = "8B6EDE6E"
METER_START = 1_130_300
MINUTES = 78
ENERGY = 13_600
SLOW_S = 0.2  # the box itself takes 1.3 s
READONLY = {
    "AuthorizeRemoteTxRequests": "false",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,Power.Factor",
    "NumberOfConnectors": "1",
    "GetConfigurationMaxKeys": "5",
    "ChargingSchduleAllowedChargingRate": "Power",  # its own spelling
    "MaxChargingProfilesInstalled": "1",
    "ChargeProfileMaxStackLevel": "2",
    "SupportedFeatureProfiles": "Core,SmartCharging,RemoteTrigger,LocalAuthListManagement",
    **{f"Vendor{number}": "0" for number in range(8)},
}
WRITABLE = {
    "HeartbeatInterval": "60",
    "MeterValueSampleInterval": "30",
    "ClockAlignedDataInterval": "900",
    "LocalAuthListEnabled": "false",
    "LocalAuthListMaxLength": "20",
    "LocalAuthorizeOffline": "true",
}


class SolaxX3Hac:
    """The box: one socket, its own frames, and answers to whatever it is asked, each after a while."""

    def __init__(self, raw: RawCharger, identity: str) -> None:
        self.raw = raw
        self.identity = identity
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.last_asked_at = asyncio.get_running_loop().time()
        self._values = dict(WRITABLE)
        self._ids = itertools.count(17)
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader = asyncio.create_task(self._read())

    async def say(self, action: str, payload: dict[str, Any]) -> Any:
        """Send a request; the whole answer as it came."""
        message_id = str(next(self._ids))
        await self.raw.send(json.dumps([2, message_id, action, payload], separators=(",", ":")))
        answer = await asyncio.wait_for(self._answers.get(), 60)
        assert answer[:2] == [3, message_id], answer
        return answer[2]

    async def is_left_alone(self) -> None:
        """Wait until nothing more is asked."""
        async with asyncio.timeout(180):
            while True:
                left = self.last_asked_at + 3 - asyncio.get_running_loop().time()
                if left <= 0:
                    return
                await asyncio.sleep(left)

    async def close(self) -> None:
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    async def _read(self) -> None:
        while True:
            frame = await self.raw.receive(60)
            if frame[0] != 2:
                self._answers.put_nowait(frame)
                continue
            self.asked.append((frame[2], frame[3]))
            self.last_asked_at = asyncio.get_running_loop().time()
            task = asyncio.create_task(self._answer(frame))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, frame: list[Any]) -> None:
        await asyncio.sleep(SLOW_S)
        self.last_asked_at = asyncio.get_running_loop().time()
        await self.raw.send([3, frame[1], self._payload(frame[2], frame[3])])

    def _payload(self, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        if action == "GetConfiguration":
            known = {**READONLY, **self._values}  # all 22 of them, however many were asked for
            return {"configurationKey": [{"key": key, "readonly": key in READONLY, "value": value} for key, value in known.items()]}
        if action == "ChangeConfiguration":
            if asked["key"] in self._values:
                self._values[asked["key"]] = asked["value"]
                return {"status": "Accepted"}
            return {"status": "Rejected"}
        return {"status": "Accepted"}


def solax_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def meter_value(at: datetime, register_wh: float, power_w: float, context: str = "Sample.Periodic") -> dict[str, Any]:
    """What its meter says every 30 s: strings with a decimal, voltages between the lines, a power factor in percent."""
    values: list[tuple[str, float, str, str | None]]
    values = [("Energy.Active.Import.Register", register_wh, "Wh", None), ("Power.Active.Import", power_w, "W", None)]
    values += [("Current.Import", power_w / 690, "A", phase) for phase in ("L1", "L2", "L3")]
    values += [("Voltage", 399.0, "V", phase) for phase in ("L1-L2", "L2-L3", "L3-L1")]
    values += [("Power.Factor", 100.0, "Percent", None)]
    sampled = [
        {"value": f"{value:.1f}", "context": context, "format": "Raw", "measurand": measurand, "location": "Outlet", "unit": unit}
        | ({"phase": phase} if phase else {})
        for measurand, value, unit, phase in values
    ]
    return {"timestamp": solax_time(at), "sampledValue": sampled}


def shown_wh(seconds: float) -> int:
    """Its register moves in steps of 100 Wh."""
    return METER_START + int(ENERGY * min(1.0, seconds / (MINUTES * 60)) / 100) * 100


async def whole_session(box: SolaxX3Hac, began: datetime) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """From BootNotification to the cable pulled out; returns what Boot, Start and Stop were answered."""
    boot = await box.say(
        "BootNotification",
        {
            "chargeBoxSerialNumber": box.identity,
            "chargePointModel": "SPACS000001",
            "chargePointVendor": "SolaxPower",
            "firmwareVersion": "005.02",
        },
    )
    status = {"connectorId": 1, "errorCode": "NoError"}
    await box.say("StatusNotification", {**status, "status": "Available"})
    await box.is_left_alone()
    await box.say("StatusNotification", {**status, "status": "Preparing"})
    authorized = await box.say("Authorize", {"idTag": ID_TAG})
    assert authorized["idTagInfo"]["status"] == "Accepted"
    start = await box.say(
        "StartTransaction",
        {"connectorId": 1, "idTag": ID_TAG, "meterStart": METER_START, "reservationId": 0, "timestamp": solax_time(began)},
    )
    await box.say("StatusNotification", {**status, "status": "Charging"})
    transaction_id = start["transactionId"]
    for seconds in range(0, MINUTES * 60, 30):
        reading = meter_value(began + timedelta(seconds=seconds), shown_wh(seconds), ENERGY / MINUTES * 60 if seconds else 0)
        said = await box.say("MeterValues", {"connectorId": 1, "transactionId": transaction_id, "meterValue": [reading]})
        assert said == {}
        if seconds % 300 == 0:
            await box.say("Heartbeat", {})
    ended = began + timedelta(minutes=MINUTES)
    stop = await box.say(
        "StopTransaction",
        {
            "idTag": ID_TAG,
            "meterStop": METER_START + ENERGY,
            "reason": "Local",
            "timestamp": solax_time(ended),
            "transactionData": [meter_value(ended, METER_START + ENERGY, 0, "Transaction.End")],
            "transactionId": transaction_id,
        },
    )
    for after in ("Finishing", "Available"):
        await box.say("StatusNotification", {**status, "status": after})
    return transaction_id, boot, stop


@pytest.mark.django_db(transaction=True)
def test_the_session_of_a_solax_is_settled_to_the_haler(
    serve_process: Callable[..., Served], driver: User, owner: User, charge_point: ChargePoint
) -> None:
    """78 minutes, 13.6 kWh at 6.50 Kč: 88.40 Kč, of which 8.84 are the platform's."""
    card = factories.make_id_token(driver, ID_TAG)
    served = serve_process(HOUSEKEEPING="False")
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=MINUTES + 2)
    opening_minor = ledger.wallet(driver).cash_minor

    async def story() -> tuple[int, dict[str, Any], dict[str, Any], list[tuple[str, dict[str, Any]]]]:
        async with raw_charger_for(charge_point, served) as raw:
            box = SolaxX3Hac(raw, charge_point.identity)
            try:
                return *await whole_session(box, began), box.asked
            finally:
                await box.close()

    transaction_id, boot, stop, asked = async_to_sync(story)()

    assert boot["status"] == "Accepted"
    assert boot["interval"] == 300
    assert datetime.fromisoformat(boot["currentTime"]) > began
    assert boot["currentTime"].endswith("Z")
    assert stop["idTagInfo"] == {"status": "Accepted", "parentIdTag": driver.group_tag}

    charge_point.refresh_from_db()
    assert (charge_point.vendor, charge_point.model, charge_point.firmware) == ("SolaxPower", "SPACS000001", "005.02")
    assert (charge_point.serial_number, charge_point.box_serial_number) == ("", charge_point.identity)
    assert charge_point.configured_firmware == "005.02", "what it rejects must not stop the setting-up"
    assert ("ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "60"}) in asked
    assert not [payload for action, payload in asked if action == "ChangeConfiguration" and payload["key"] in READONLY]
    assert ConfigurationKey.objects.filter(charge_point=charge_point).count() >= len(READONLY) + len(WRITABLE)

    session = ChargingSession.objects.get(transaction_id=transaction_id)
    assert session.status == ChargingSession.Status.COMPLETED
    assert (session.started_at, session.stopped_at) == (began, began + timedelta(minutes=MINUTES))
    assert (session.meter_start_wh, session.meter_stop_wh, session.energy_wh) == (METER_START, METER_START + ENERGY, ENERGY)
    assert (session.stop_reason, session.is_estimated, session.reservation_id) == ("Local", False, None)
    assert (session.id_tag, session.id_token, session.driver) == (ID_TAG, card, driver)

    readings = list(session.meter_values.all())
    assert len(readings) == MINUTES * 2 + 1
    assert [reading.at for reading in readings] == [began + timedelta(seconds=30 * number) for number in range(len(readings))]
    first = {(sample["measurand"], sample.get("phase")): (sample["value"], sample["unit"]) for sample in readings[0].samples}
    assert first["Energy.Active.Import.Register", None] == ("1130300.0", "Wh")
    assert first["Voltage", "L1-L2"] == ("399.0", "V")
    assert first["Power.Factor", None] == ("100.0", "Percent")

    cdr = session.cdr
    assert cdr is not None
    assert (cdr.total_minor, cdr.fee_minor, cdr.owner_minor) == (8_840, 884, 7_956)
    assert [(line.kind, line.amount_minor) for line in cdr.lines.all()] == [(CdrLine.Kind.ENERGY, 8_840)]
    purse = ledger.wallet(driver)
    assert (purse.cash_minor, purse.held_minor, purse.debt_minor) == (opening_minor - 8_840, 0, 0)
    assert ledger.account(owner, ledger.Kind.EARNINGS_PENDING).balance_minor == 7_956
    assert not QuarantinedMessage.objects.exists()
    assert audit.check() == []


@pytest.mark.django_db(transaction=True)
def test_over_ws_its_contactor_opens_after_a_quarter_of_a_minute(
    serve_process: Callable[..., Served], driver: User, charge_point: ChargePoint
) -> None:
    """Without TLS it stops by itself with nothing charged: nobody pays for that, and the next try is as good as the first."""
    factories.make_id_token(driver, ID_TAG)
    served = serve_process(HOUSEKEEPING="False", OCPP_SETTLE_DELAY_S="600")
    opening = ledger.wallet(driver)
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)

    async def story() -> None:
        async with raw_charger_for(charge_point, served) as raw:
            box = SolaxX3Hac(raw, charge_point.identity)
            try:
                for attempt in range(2):
                    at = began + timedelta(minutes=attempt)
                    said = {"connectorId": 1, "idTag": ID_TAG, "meterStart": METER_START, "reservationId": 0, "timestamp": solax_time(at)}
                    start = await box.say("StartTransaction", said)
                    assert start["idTagInfo"]["status"] == "Accepted"
                    ended = {"meterStop": METER_START, "timestamp": solax_time(at + timedelta(seconds=15)), "reason": "Other"}
                    await box.say("StopTransaction", {**ended, "transactionId": start["transactionId"]})
            finally:
                await box.close()

    async_to_sync(story)()

    sessions = ChargingSession.objects.filter(status=ChargingSession.Status.COMPLETED)
    assert [session.cdr.total_minor for session in sessions if session.cdr is not None] == [0, 0]
    assert ledger.wallet(driver) == opening
    assert audit.check() == []
