"""Chargers whose software is not ours: made of the library `ocpp`, which takes nothing that the official schemas do not allow.

The first is the library's own ChargePoint over `websockets`, everything left as its authors set it. The second is a box with
two connectors over another WebSocket client, built on the library's messages alone, as firmware without a framework is.
"""

import asyncio
import base64
import contextlib
import itertools
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from ocpp.messages import Call, CallResult, unpack, validate_payload
from ocpp.routing import after, on
from ocpp.v16 import ChargePoint as LibraryChargePoint
from ocpp.v16 import call, call_result
from ocpp.v16.enums import Action, ChargePointStatus, MessageTrigger, RegistrationStatus
from picows import WSListener, WSMsgType, ws_connect
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from ocpp_core import schemas
from stations.models import ChargePoint, ChargingSession, Command
from tests import factories
from tests.chargers import url_of
from tests.conftest import OPENING_CREDIT_MINOR
from tests.factories import CHARGER_PASSWORD
from tests.flows.doors import Api, assert_books, assert_settled
from tests.ocpp_core.standard import MESSAGES


@pytest.fixture
def served(serve_process):
    return serve_process()


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, "04A2B3C4D5E680").uid


def run(story):
    async def within_time():
        async with asyncio.timeout(180):
            await story()

    async_to_sync(within_time)()


def ago(minutes: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def reading(wh: int, at: str) -> dict[str, Any]:
    register = {"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh", "context": "Sample.Periodic"}
    power = {"value": "10800.0", "measurand": "Power.Active.Import", "unit": "W"}
    return {"timestamp": at, "sampledValue": [register, power]}


# The first: a subclass of the library's charge point


class LibraryBox(LibraryChargePoint):
    """What the library's examples show, and a meter."""

    def __init__(self, identity: str, connection: Any) -> None:
        super().__init__(identity, connection, response_timeout=60)
        self.configuration = {"MeterValueSampleInterval": "30", "AuthorizationCacheEnabled": "true", "NumberOfConnectors": "1"}
        self.triggered: list[str] = []
        self.remote_start: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.remote_stop: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @on(Action.get_configuration)
    def tell_configuration(self, key: list[str] | None = None) -> call_result.GetConfiguration:
        known = [name for name in self.configuration if key is None or name in key]
        entries = [{"key": name, "readonly": name == "NumberOfConnectors", "value": self.configuration[name]} for name in known]
        return call_result.GetConfiguration(entries, [name for name in key or () if name not in known])

    @on(Action.change_configuration)
    def change_configuration(self, key: str, value: str) -> call_result.ChangeConfiguration:
        if key not in self.configuration:
            return call_result.ChangeConfiguration("NotSupported")
        self.configuration[key] = value
        return call_result.ChangeConfiguration("Accepted")

    @on(Action.trigger_message)
    def hear_trigger(self, requested_message: str, connector_id: int | None = None) -> call_result.TriggerMessage:
        return call_result.TriggerMessage("Accepted")

    @after(Action.trigger_message)
    async def obey_trigger(self, requested_message: str, connector_id: int | None = None) -> None:
        self.triggered.append(requested_message)
        if requested_message == MessageTrigger.status_notification:
            await self.say_status(ChargePointStatus.available)

    @on(Action.remote_start_transaction)
    def hear_remote_start(self, id_tag: str, connector_id: int | None = None) -> call_result.RemoteStartTransaction:
        self.remote_start.set_result(id_tag)
        return call_result.RemoteStartTransaction("Accepted")

    @on(Action.remote_stop_transaction)
    def hear_remote_stop(self, transaction_id: int) -> call_result.RemoteStopTransaction:
        self.remote_stop.set_result(transaction_id)
        return call_result.RemoteStopTransaction("Accepted")

    async def boot(self) -> None:
        answer = await self.call(call.BootNotification("Model of theirs", "The library", firmware_version="2.1.0"), suppress=False)
        assert answer.status == RegistrationStatus.accepted

    async def say_status(self, status: ChargePointStatus) -> None:
        await self.call(call.StatusNotification(1, "NoError", status), suppress=False)

    async def authorize(self, id_tag: str) -> str:
        answer = await self.call(call.Authorize(id_tag), suppress=False)
        return str(answer.id_tag_info["status"])

    async def begin(self, id_tag: str, meter_wh: int, at: str) -> int:
        answer = await self.call(call.StartTransaction(1, id_tag, meter_wh, at), suppress=False)
        assert answer.id_tag_info["status"] == "Accepted"
        await self.say_status(ChargePointStatus.charging)
        return int(answer.transaction_id)

    async def read(self, transaction_id: int, wh: int, at: str) -> None:
        await self.call(call.MeterValues(1, [reading(wh, at)], transaction_id), suppress=False)

    async def end(self, transaction_id: int, wh: int, **more: Any) -> None:
        data = [reading(wh, ago(1))]
        stop = call.StopTransaction(wh, ago(1), transaction_id, transaction_data=data, **more)
        await self.call(stop, suppress=False)
        await self.say_status(ChargePointStatus.finishing)
        await self.say_status(ChargePointStatus.available)


@contextlib.asynccontextmanager
async def library_box(charge_point: ChargePoint, served):
    url = url_of(charge_point, served).replace("ws://", f"ws://{charge_point.identity}:{CHARGER_PASSWORD}@")
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as connection:
        assert connection.subprotocol == "ocpp1.6"
        box = LibraryBox(charge_point.identity, connection)
        listening = asyncio.create_task(box.start())
        try:
            yield box
            assert not listening.done(), "the library gave up on what we say"
        finally:
            listening.cancel()


class Objections(logging.Handler):
    """Collects what the library finds wrong with us: requests and answers its schemas do not allow, refusals of ours."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


@pytest.fixture
def objections():
    handler = Objections()
    logging.getLogger("ocpp").addHandler(handler)
    yield handler.heard
    logging.getLogger("ocpp").removeHandler(handler)


def test_the_librarys_charge_point_charges_by_card(served, driver, charge_point, card, objections):
    async def story():
        async with library_box(charge_point, served) as box:
            await box.boot()
            await box.say_status(ChargePointStatus.preparing)
            assert await box.authorize("04DEADBEEF0000") == "Invalid"
            assert await box.authorize(card) == "Accepted"
            transaction_id = await box.begin(card, 250_000, ago(60))
            for minutes, wh in ((45, 252_700), (30, 255_400), (15, 258_100)):
                await box.read(transaction_id, wh, ago(minutes))
            heartbeat = await box.call(call.Heartbeat(), suppress=False)
            assert heartbeat.current_time.endswith("Z")
            transfer = await box.call(call.DataTransfer("org.example", "hello"), suppress=False)
            assert transfer.status == "UnknownVendorId"
            await box.end(transaction_id, 260_001, id_tag=card, reason="Local")
            while box.configuration["AuthorizationCacheEnabled"] != "false":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert box.configuration["MeterValueSampleInterval"] == "60", "it was set up and took it"

    run(story)
    assert objections == []
    assert_settled(ChargingSession.objects.get(), opening_minor=OPENING_CREDIT_MINOR, energy_wh=10_001)


def test_the_librarys_charge_point_charges_by_button(served, driver, owner, charge_point, objections):
    async def story():
        api, owners = Api(served, driver), Api(served, owner)
        async with library_box(charge_point, served) as box:
            await box.boot()
            path = f"charge-points/{charge_point.code}/commands/?wait=10"
            asked = {"action": "TriggerMessage", "payload": {"requestedMessage": "StatusNotification", "connectorId": 1}}
            status, answer = await owners.post(path, asked)
            assert (status, answer["response"]) == (201, {"status": "Accepted"})
            status, session = await api.post("sessions/", {"connector": f"{charge_point.code}/1"})
            assert status == 202, session
            id_tag = await box.remote_start
            transaction_id = await box.begin(id_tag, 0, ago(60))
            await box.read(transaction_id, 3_333, ago(30))
            assert (await api.session(status="active", energy_wh=3_333))["code"] == session["code"]
            status, _body = await api.post(f"sessions/{session['code']}/stop/")
            assert status == 202
            assert await box.remote_stop == transaction_id
            await box.end(transaction_id, 7_777, reason="Remote")
            await api.session(status="completed")
            assert MessageTrigger.status_notification in box.triggered

    run(story)
    assert objections == []
    session = ChargingSession.objects.get()
    assert session.stop_reason == "Remote"
    assert_settled(session, opening_minor=OPENING_CREDIT_MINOR, energy_wh=7_777)


# The second: bare messages of the library, another WebSocket client, two connectors, every profile


class BareBox(WSListener):
    """Answers each request from a table, and checks each frame both ways with the library's validator."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.frames: asyncio.Queue[bytes] = asyncio.Queue()
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.asked: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()
        self.numbers = itertools.count(1)

    def on_ws_connected(self, transport: Any) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            self.frames.put_nowait(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())

    async def live(self) -> None:
        """Hear requests and answers until the end of the connection."""
        while True:
            message = unpack((await self.frames.get()).decode())
            if not isinstance(message, Call):
                self.answers.put_nowait(message)
                continue
            await validate_payload(message, "1.6")
            self.asked.put_nowait((message.action, message.payload))
            answer = CallResult(message.unique_id, MESSAGES[message.action].answers[0], message.action)
            await validate_payload(answer, "1.6")
            self.transport.send(WSMsgType.TEXT, answer.to_json().encode())

    async def ask(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Say something, and take only an answer that the schema allows."""
        request = Call(str(next(self.numbers)), action, payload)
        await validate_payload(request, "1.6")
        self.transport.send(WSMsgType.TEXT, request.to_json().encode())
        answer = await self.answers.get()
        assert isinstance(answer, CallResult), answer
        assert answer.unique_id == request.unique_id
        answer.action = action
        await validate_payload(answer, "1.6")
        return dict(answer.payload)

    async def expect(self, action: str) -> dict[str, Any]:
        """Wait until this is asked of us."""
        while True:
            asked, payload = await self.asked.get()
            if asked == action:
                return payload


@contextlib.asynccontextmanager
async def bare_box(charge_point: ChargePoint, served):
    token = base64.b64encode(f"{charge_point.identity}:{CHARGER_PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Sec-WebSocket-Protocol": "ocpp1.6"}
    _transport, box = await ws_connect(BareBox, url_of(charge_point, served), extra_headers=headers, enable_auto_pong=False)
    assert isinstance(box, BareBox)
    living = asyncio.create_task(box.live())
    try:
        yield box
        if living.done():
            living.result()
    finally:
        living.cancel()
        box.transport.disconnect()


@pytest.fixture
def two_connectors(owner, tariff):
    return factories.make_charge_point(owner, tariff=tariff, connectors=2)


def test_a_box_without_a_framework_charges_by_button_and_by_card_at_once(served, driver, stranger, owner, two_connectors):
    """Two sessions on two connectors, one asked for and one by card, while the owner asks for all there is to ask."""
    card = factories.make_id_token(stranger, "04FFEEDDCCBBAA").uid
    factories.give_credit(stranger, 100_000)

    async def story():
        api, owners = Api(served, driver), Api(served, owner)
        async with bare_box(two_connectors, served) as box:
            assert (await box.ask("BootNotification", MESSAGES["BootNotification"].requests[-1]))["status"] == "Accepted"
            for connector in (0, 1, 2):
                await box.ask("StatusNotification", {"connectorId": connector, "errorCode": "NoError", "status": "Available"})
            status, session = await api.post("sessions/", {"connector": f"{two_connectors.code}/2"})
            assert status == 202, session
            wished = await box.expect("RemoteStartTransaction")
            assert wished["connectorId"] == 2
            start = {"connectorId": 2, "idTag": wished["idTag"], "meterStart": 1_000, "timestamp": ago(60)}
            started = await box.ask("StartTransaction", start)
            assert started["idTagInfo"]["status"] == "Accepted"
            assert (await box.ask("Authorize", {"idTag": card}))["idTagInfo"]["status"] == "Accepted"
            other = await box.ask("StartTransaction", {"connectorId": 1, "idTag": card, "meterStart": 0, "timestamp": ago(50)})
            assert other["idTagInfo"]["status"] == "Accepted"
            assert await box.ask("StartTransaction", start) == started, "the same again is the same again"
            await everything_is_asked(owners)
            for wh, at in ((3_000, ago(30)), (5_000, ago(20))):
                said = {"connectorId": 2, "transactionId": started["transactionId"], "meterValue": [reading(wh, at)]}
                assert await box.ask("MeterValues", said) == {}
            await api.session(status="active", energy_wh=4_000)
            await api.post(f"sessions/{session['code']}/stop/")
            assert await box.expect("RemoteStopTransaction") == {"transactionId": started["transactionId"]}
            stop = {"transactionId": started["transactionId"], "meterStop": 6_400, "timestamp": ago(1), "reason": "Remote"}
            await box.ask("StopTransaction", stop)
            await box.ask("StopTransaction", stop)
            stop = {"transactionId": other["transactionId"], "meterStop": 2_500, "timestamp": ago(1), "idTag": card}
            assert (await box.ask("StopTransaction", stop))["idTagInfo"]["status"] == "Accepted"
            await api.session(status="completed")

    async def everything_is_asked(owners):
        path = f"charge-points/{two_connectors.code}/commands/?wait=10"
        for action in sorted(schemas.TO_CHARGER - {"RemoteStartTransaction", "RemoteStopTransaction", "UnlockConnector"}):
            status, body = await owners.post(path, {"action": action, "payload": MESSAGES[action].requests[-1]})
            assert (status, body["status"], body["response"]) == (201, "accepted", MESSAGES[action].answers[0]), body

    run(story)
    assert "Traceback" not in served.said()
    assert set(Command.objects.values_list("status", flat=True)) == {Command.Status.ACCEPTED}
    by_button, by_card = ChargingSession.objects.order_by("connector__number").reverse()
    assert (by_button.energy_wh, by_card.energy_wh) == (5_400, 2_500)
    assert by_button.cdr is not None
    assert by_card.cdr is not None
    assert (by_button.cdr.total_minor, by_card.cdr.total_minor) == (3_510, 1_625)
    assert_books()
