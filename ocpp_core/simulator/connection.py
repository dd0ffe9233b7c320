"""The charger's half of OCPP-J: one CALL at a time, answers matched, and a queue for what must not be lost."""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ocpp_core import frames
from ocpp_core.simulator.link import Dial, Link, LinkClosed
from ocpp_core.simulator.outlet import Transaction

Heard = Callable[[frames.Call], None]


class Refused(Exception):
    """The central system answered a CALL with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


@dataclass
class Queued:
    """A message about a transaction: kept until it is answered, however often the link breaks."""

    action: str
    payload: dict[str, Any]
    transaction: Transaction | None
    attempts: int = 0
    answer: dict[str, Any] | None = None

    def filled(self) -> dict[str, Any]:
        """Give the payload with the transactionId, which may have become known only while it waited."""
        if self.action == "StartTransaction" or self.transaction is None:
            return self.payload
        if self.transaction.id is None:
            return {**self.payload, "transactionId": -1} if self.action == "StopTransaction" else self.payload
        return {**self.payload, "transactionId": self.transaction.id}


class Connection:
    """Sends, receives, remembers. `heard` is told every CALL of the central system."""

    def __init__(self, dial: Dial, heard: Heard) -> None:
        self.timeout_s = 30.0
        self.attempts = 3
        self.outbox: deque[Queued] = deque()
        self._dial = dial
        self._heard = heard
        self._link: Link | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[frames.MessageId, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._speaking = asyncio.Lock()
        self._delivering = asyncio.Lock()
        self.closed = asyncio.Event()
        self.closed.set()

    @property
    def is_open(self) -> bool:
        """Whether there is a link."""
        return self._link is not None

    async def open(self, password: str | None) -> None:
        """Dial. LinkClosed if nobody answers or the password is wrong."""
        self._link = await self._dial(password)
        self.closed.clear()
        self._reader = asyncio.create_task(self._read(self._link))

    async def close(self) -> None:
        """Hang up and wait until the reader has noticed."""
        link, self._link = self._link, None
        if link is not None:
            with contextlib.suppress(LinkClosed):
                await link.close()
        if self._reader is not None and self._reader is not asyncio.current_task():
            await asyncio.wait([self._reader])

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Ask the central system and wait for its answer. Refused, LinkClosed or TimeoutError if there is none."""
        async with self._speaking:
            link = self._link
            if link is None:
                raise LinkClosed("offline")
            message_id = str(next(self._ids))
            answer = self._waiting[message_id] = asyncio.get_running_loop().create_future()
            try:
                await link.send(frames.call(message_id, action, payload))
                return await asyncio.wait_for(answer, self.timeout_s)
            finally:
                del self._waiting[message_id]

    async def answer(self, text: str) -> None:
        """Send an answer; into the void if the link is gone."""
        if self._link is not None:
            with contextlib.suppress(LinkClosed):
                await self._link.send(text)

    async def deliver(self, queued: Queued) -> dict[str, Any] | None:
        """Queue a message about a transaction and send what can be sent; its answer, or None while it has to wait."""
        self.outbox.append(queued)
        await self.flush()
        return queued.answer

    async def flush(self) -> None:
        """Send the queue in its order. A message refused too often is given up, as the standard says."""
        async with self._delivering:
            while self.outbox and self._link is not None:
                queued = self.outbox[0]
                queued.attempts += 1
                try:
                    queued.answer = await self.call(queued.action, queued.filled())
                except Refused:
                    if queued.attempts < self.attempts:
                        continue
                    queued.answer = {}
                except (LinkClosed, TimeoutError):
                    return
                if queued.action == "StartTransaction" and queued.transaction is not None:
                    queued.transaction.id = queued.answer.get("transactionId")
                self.outbox.popleft()

    async def _read(self, link: Link) -> None:
        try:
            while True:
                self._understand(await link.recv())
        except LinkClosed as closed:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(LinkClosed(str(closed), closed.code))
        finally:
            if self._link is link:
                self._link = None
            self.closed.set()

    def _understand(self, text: str) -> None:
        try:
            frame = frames.parse(text)
        except frames.BadFrame:
            return
        if isinstance(frame, frames.Call):
            self._heard(frame)
            return
        answer = self._waiting.get(frame.message_id)
        if answer is None or answer.done():
            return
        if isinstance(frame, frames.Error):
            answer.set_exception(Refused(frame.code, frame.description))
        else:
            answer.set_result(frame.payload)
