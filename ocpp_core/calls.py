"""Our own CALLs to one charger: one at a time, each with a timeout. When to ask is not decided here."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol, TypeAlias
from uuid import uuid4

from django.conf import settings

from ocpp_core import frame_log, frames, schemas
from ocpp_core.frames import Error, MessageId, Result

STRAY_ANSWERS_LOGGED = 100


class Unanswered(Exception):
    """The charger did not answer in time, or its socket dropped."""


class Dropped(Unanswered):
    """The socket dropped."""


class Refused(Exception):
    """The charger answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


Problems: TypeAlias = Callable[[str, dict[str, Any]], str | None]


class Log(Protocol):
    """Keeps a frame in the log of frames."""

    def __call__(self, direction: str, kind: str, message_id: MessageId, action: str, text: str, took_ms: int | None = None) -> None:
        """Keep it."""


class Calls:
    """What we ask over one socket."""

    __slots__ = ("_log", "_loop", "_send", "_turn", "_waiting", "has_dropped", "problems", "strays")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, send: Callable[[str], None], log: Log, problems: Problems = schemas.problems
    ) -> None:
        self._loop = loop
        self._send = send
        self._log = log
        self.problems = problems
        self._turn: asyncio.Lock | None = None
        self._waiting: tuple[str, asyncio.Future[dict[str, Any]], str, float] | None = None
        self.has_dropped = False
        self.strays = 0

    async def call(self, action: str, payload: dict[str, Any], *, within_s: float | None = None) -> dict[str, Any]:
        """Ask, and wait for the answer; one at a time. Raises Refused, Unanswered, or ValueError for what may not be sent."""
        problem = self.problems(action, payload)
        if problem is not None:
            raise ValueError(f"{action}: {problem}")
        if self._turn is None:
            self._turn = asyncio.Lock()
        async with self._turn:
            if self.has_dropped:
                raise Dropped
            message_id = uuid4().hex
            text = frames.call(message_id, action, payload)
            future: asyncio.Future[dict[str, Any]] = self._loop.create_future()
            self._waiting = (message_id, future, action, monotonic())
            self._send(text)
            self._log(frame_log.TO_CHARGER, frame_log.CALL, message_id, action, text)
            try:
                return await asyncio.wait_for(future, within_s or settings.OCPP_CALL_TIMEOUT_S)
            except TimeoutError:
                raise Unanswered from None
            finally:
                self._waiting = None

    def take_answer(self, answer: Result | Error, text: str) -> None:
        """Give an answer to who waits for it; one that nobody waits for is counted, and some of them are kept in the log."""
        waiting = self._waiting
        kind = frame_log.RESULT if isinstance(answer, Result) else frame_log.ERROR
        if waiting is None or waiting[0] != answer.message_id:
            self.strays += 1
            if self.strays <= STRAY_ANSWERS_LOGGED:
                self._log(frame_log.FROM_CHARGER, kind, answer.message_id, "", text)
            return
        message_id, future, action, began = waiting
        self._log(frame_log.FROM_CHARGER, kind, message_id, action, text, int((monotonic() - began) * 1000))
        if future.done():
            return
        if isinstance(answer, Result):
            future.set_result(answer.payload)
        else:
            future.set_exception(Refused(answer.code, answer.description))

    def drop(self) -> None:
        """The socket is gone: nobody will answer."""
        self.has_dropped = True
        if self._waiting is not None and not self._waiting[1].done():
            self._waiting[1].set_exception(Dropped())
