"""A central system on paper: what a simulated wallbox is held against."""

import asyncio
from datetime import UTC, datetime

from asgiref.sync import async_to_sync

from ocpp_core import frames, schemas
from ocpp_core.simulator import LinkClosed, ManualClock, SimulatedChargePoint

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
        answer = await asyncio.wait_for(self._waiting[message_id], 30)
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
    "LogStatusNotification": {},
    "MeterValues": {},
    "SecurityEventNotification": {},
    "SignCertificate": {"status": "Accepted"},
    "SignedFirmwareStatusNotification": {},
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
