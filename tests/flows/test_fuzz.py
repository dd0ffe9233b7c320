"""Frames spoilt in every way: each has its answer, nobody else notices, nothing is written that a person must look into.

FUZZ_SEED repeats a run; the seed stands in the output of one that failed.
"""

import asyncio
import contextlib
import json
import logging
import os
import random
from collections import defaultdict
from typing import Any

import psutil
import pytest
from asgiref.sync import async_to_sync

from ocpp_core import door, frames, schemas
from ocpp_core.connection import Connection
from ocpp_core.frames import BadFrame, Call
from ocpp_core.handshake import Outcome, Verdict
from ocpp_core.simulator import LinkClosed
from tests import factories
from tests.chargers import RawCharger, raw_charger_for
from tests.mutations import Mutations

CODES = {
    *("NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError", "FormationViolation"),
    *("PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation", "GenericError"),
}
AT_A_TIME = 20  # fewer than a charger may leave unanswered
LONGEST = 65_536
MEBIBYTE = 2**20


@pytest.fixture
def seed():
    chosen = int(os.environ.get("FUZZ_SEED") or random.randrange(2**32))
    print(f"FUZZ_SEED={chosen}")  # noqa: T201 - pytest shows it where the test fails
    return chosen


@pytest.fixture
def complaints():
    """What is logged as an error."""

    class Complaints(logging.Handler):
        heard: list[str] = []

        def emit(self, record: logging.LogRecord) -> None:
            self.heard.append(self.format(record))

    handler = Complaints(logging.ERROR)
    logging.getLogger().addHandler(handler)
    yield handler.heard
    logging.getLogger().removeHandler(handler)


def strictly(text: str) -> Any:
    """Read what we send as the pickiest charger would: no NaN, no key twice."""

    def no_constant(name: str) -> None:
        raise AssertionError(f"we sent {name}")

    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), text
        return dict(pairs)

    return json.loads(text, parse_constant=no_constant, object_pairs_hook=no_duplicates)


class Judge:
    """Knows which frames must be answered, and which answers they may get."""

    def __init__(self) -> None:
        self.due: dict[str, list[str]] = defaultdict(list)
        self.answered: set[str] = set()

    def sends(self, text: str) -> None:
        """Take note of a frame that goes to the server."""
        try:
            frame = frames.parse(text)
        except BadFrame as bad:
            if bad.message_id is not None:
                self.due[json.dumps(bad.message_id)].append("")
            return
        if isinstance(frame, Call):
            self.due[json.dumps(frame.message_id)].append(frame.action)

    def hears(self, text: str) -> str | None:
        """Judge a frame of the server's; what to say to it, if it is a question."""
        kind, message_id, *said = strictly(text)
        if kind == 2:
            assert schemas.problems(*said) is None, text
            return json.dumps([3, message_id, {"status": "Accepted"}])
        actions = self.due[json.dumps(message_id)]
        assert actions, f"nobody asked for {text}"
        if kind == 3:
            [payload] = said
            fits = [
                action for action in actions if action in schemas.ACTIONS and schemas.problems(action, payload, kind="response") is None
            ]
            assert fits, (text, actions)
        else:
            code, description, details = said
            assert kind == 4
            assert code in CODES - {"InternalError"}, text
            assert (len(description) <= 255, details) == (True, {})
        self.answered.add(json.dumps(message_id))
        return None

    def settle(self) -> None:
        """Everything that must be answered has been."""
        missing = {message_id: actions for message_id, actions in self.due.items() if message_id not in self.answered}
        assert not missing, missing
        self.due.clear()
        self.answered.clear()


# In this process: the very connection, its handlers, threads, writer and tables; only the socket is missing


def in_process(charge_point, count, seed):
    mutations = Mutations(seed)
    judge = Judge()
    grown: list[int] = []

    async def story():
        this_door = door.current()
        quiet = asyncio.Event()
        closed: list[int] = []

        def hear(text):
            if text.startswith('[3,"done"'):
                quiet.set()
            elif (reply := judge.hears(text)) is not None:
                this_door.backstage.loop.call_soon(connection.feed, reply)

        verdict = Verdict(Outcome.ACCEPTED, charge_point.identity, charge_point=charge_point)
        connection = Connection(verdict, this_door.backstage, send=hear, close=closed.append)
        this_door.registry.add(connection)
        try:
            for batch in range(count // AT_A_TIME):
                for _ in range(AT_A_TIME):
                    text = mutations.frame()
                    judge.sends(text)
                    connection.feed(text)
                    assert not closed, (closed, text)
                connection.feed(f'[2,"done","Heartbeat",{{"n":{batch}}}]')
                async with asyncio.timeout(30):
                    await quiet.wait()
                quiet.clear()
                judge.settle()
                if batch % 50 == 49:
                    grown.append(psutil.Process().memory_info().rss)
        finally:
            connection.ended()
            this_door.registry.remove(connection)
            await door.close()

    async_to_sync(story)()
    return grown


@pytest.fixture
def box(transactional_db, owner, tariff, driver):
    factories.make_id_token(driver, "04A2B3C4D5E680")
    return factories.make_charge_point(owner, tariff=tariff, auto_configure=False)


def test_whatever_a_charger_says_has_its_answer(box, seed, complaints):
    in_process(box, 1_500, seed)
    assert complaints == []


@pytest.mark.slow
def test_a_hundred_thousand_frames_leave_nothing_behind(box, seed, complaints):
    grown = in_process(box, 100_000, seed)
    assert complaints == []
    assert grown[-1] - grown[len(grown) // 5] < 32 * MEBIBYTE, grown


# Over real sockets, with what only a socket can get wrong


class Attacker:
    """A charger gone mad. It comes back whenever it is shown the door."""

    def __init__(self, charge_point, served, seed: int) -> None:
        self.charge_point = charge_point
        self.served = served
        self.mutations = Mutations(seed)
        self.random = random.Random(seed)

    async def attack(self, count: int) -> None:
        """Send so many frames, however many sockets they take."""
        sent = 0
        while sent < count:
            async with raw_charger_for(self.charge_point, self.served) as box:
                sent += await self._speak(box, count - sent)

    async def _speak(self, box: RawCharger, count: int) -> int:
        judge = Judge()
        quiet = asyncio.Event()
        listening = asyncio.create_task(self._listen(box, judge, quiet))
        sent = 0
        try:
            while sent < count and self.random.random() > 0.1:
                for _ in range(AT_A_TIME):
                    text = self.mutations.frame()
                    while len(text.encode()) > LONGEST:
                        text = self.mutations.frame()
                    judge.sends(text)
                    await self._send(box, text)
                    sent += 1
                await box.send([2, "done", "Heartbeat", {"n": sent}])
                waiting = asyncio.create_task(quiet.wait())
                await asyncio.wait({waiting, listening}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
                assert waiting.done(), listening.result() if listening.done() else "no answer"
                quiet.clear()
                judge.settle()
            expected = await self._offend(box)
            async with asyncio.timeout(30):
                code = await listening
            assert expected in (None, code), (expected, code)
        finally:
            listening.cancel()
        return sent + 1

    async def _listen(self, box: RawCharger, judge: Judge, quiet: asyncio.Event) -> int | None:
        try:
            while True:
                text = await box.link.recv()
                if text.startswith('[3,"done"'):
                    quiet.set()
                elif (reply := judge.hears(text)) is not None:
                    await box.link.send(reply)
        except LinkClosed as closed:
            return closed.code

    async def _send(self, box: RawCharger, text: str) -> None:
        """Whole, or in pieces with control frames in between."""
        if not text or self.random.random() < 0.7:
            await box.link.send(text)
            return
        socket = box.link._connection
        cuts = sorted(self.random.randrange(len(text)) for _ in range(self.random.choice((1, 2, 9))))

        async def pieces():
            for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
                yield text[begin:end]
                await self.random.choice((socket.ping, socket.pong))()

        await socket.send(pieces())

    async def _offend(self, box: RawCharger) -> int | None:
        """Break the rules of WebSocket itself; the close code they have for that."""
        socket = box.link._connection
        offence = self.random.randrange(7)
        with contextlib.suppress(LinkClosed):
            if offence == 0:
                await box.link.send(b"\x02\x00\xff")
                return 1003
            if offence == 1:
                await socket.send(b'[2,"1","Heartbeat",{"a":"\xff\xfe"}]', text=True)
                return 1007
            if offence == 2:
                await socket.send(b'[2,"1","Heartbeat",{"a":"\xed\xa0\x80"}]' + b" " * LONGEST, text=True)
                return 1009
            if offence == 3:
                socket.transport.write(b"\xc1\x85\0\0\0\0hello")  # compressed, which nobody agreed on
                return 1002
            if offence == 4:
                socket.transport.write(b"\x83\x80\0\0\0\0")  # an opcode that does not exist
                return 1002
            if offence == 5:
                socket.transport.write(b"\x81\x85\0\0\0\0he")  # and no more
                await asyncio.sleep(0.05)
            socket.transport.abort()
        return None


async def bystander(charge_point, served, until: asyncio.Event) -> int:
    """A charger that minds its own business; how often it was answered, each time soon."""
    answered = 0
    async with raw_charger_for(charge_point, served) as box:
        while not until.is_set():
            async with asyncio.timeout(60):
                assert "currentTime" in await box.call("Heartbeat", {}, str(answered))
            answered += 1
            await asyncio.sleep(0.05)
    return answered


def over_sockets(served, owner, tariff, count, seed):
    """Three attackers at once beside one bystander; how much memory the server has come to use since its first half."""
    mad = [factories.make_charge_point(owner, tariff=tariff, auto_configure=False) for _ in range(3)]
    good = factories.make_charge_point(owner, tariff=tariff, auto_configure=False)
    sizes: list[int] = []

    async def story():
        over = asyncio.Event()
        attackers = [Attacker(charge_point, served, seed + number) for number, charge_point in enumerate(mad)]
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(bystander(good, served, over))
            for _half in range(2):
                await asyncio.gather(*(attacker.attack(count // 6) for attacker in attackers))
                sizes.append(psutil.Process(served.process.pid).memory_info().rss)
            over.set()
        assert watching.result() > 5

    async_to_sync(story)()
    assert served.process.poll() is None
    assert "Traceback" not in served.said()
    return sizes[1] - sizes[0]


@pytest.fixture
def served(serve_process):
    return serve_process(OCPP_MAX_FRAME_BYTES=str(LONGEST))


def test_chargers_gone_mad_harm_nobody(served, owner, tariff, driver, seed):
    factories.make_id_token(driver, "04A2B3C4D5E680")
    over_sockets(served, owner, tariff, 900, seed)


@pytest.mark.slow
def test_ten_thousand_frames_over_sockets_harm_nobody(served, owner, tariff, driver, seed):
    factories.make_id_token(driver, "04A2B3C4D5E680")
    grown = over_sockets(served, owner, tariff, 10_000, seed)
    assert grown < 32 * MEBIBYTE
