"""One charger's socket: frames in, answers out.

Everything here runs in the event loop and waits for nothing. A CALL is handed to the writer, to a thread or answered at
once; the next one of the same charger begins when it has been answered. Answers to our own CALLs are read meanwhile.
"""

import logging
import random
from asyncio import Future, TimerHandle
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any, NamedTuple, Protocol

from django.conf import settings

from chargeshare import tally
from ocpp_core import deviations, dialects, frame_log, frames
from ocpp_core.backstage import Backstage
from ocpp_core.calls import Calls
from ocpp_core.commands import Asker
from ocpp_core.frames import Call, MessageId
from ocpp_core.handlers.requests import Facts, Payload, Request
from ocpp_core.handshake import Verdict
from ocpp_core.limits import Window
from ocpp_core.spool import Entry
from ocpp_core.workers import DatabaseAway, InOtherHands
from ocpp_core.writer import Item

logger = logging.getLogger(__name__)

# A charger that waits for its answers never comes near these.
MOST_UNANSWERED = 32
FLOOD_FRAMES = 500
FLOOD_BYTES = 1_048_576
MOST_UNREAD = 1_048_576  # bytes of answers that nobody fetches, beyond what the network itself keeps

AGAIN_AFTER_S = (0.5, 2.0)
ANSWERS_KEPT = 32
ANSWERS_KEPT_S = 60.0
BAD_FRAMES_LOGGED = 20  # a minute; the rest is answered but leaves no row
LOGGED_OF_NONSENSE = 4_000

NORMAL, GOING_AWAY, UNSUPPORTED_DATA, POLICY_VIOLATION, INTERNAL_ERROR = 1000, 1001, 1003, 1008, 1011


_bad_frames = Window()


class Taken(NamedTuple):
    """A CALL that waits for its turn."""

    call: Call
    text: str
    received_at: datetime
    began: float


class Socket(Protocol):
    """What a connection speaks over."""

    def send_text(self, text: str) -> None:
        """Send a text message."""

    def close(self, code: int) -> None:
        """Begin the closing handshake."""

    def unread(self) -> int:
        """How much of what was sent the other side has not fetched."""


class Connection:
    """An accepted socket of an authenticated charger. There are ten thousand of them in a process, and most say nothing."""

    __slots__ = (
        "_answers",
        "_backstage",
        "_calls",
        "_close_socket",
        "_current",
        "_flood_bytes",
        "_flood_frames",
        "_queue",
        "_send",
        "_settling",
        "_unread",
        "asker",
        "attempt_id",
        "charge_point_id",
        "facts",
        "id",
        "is_closing",
        "last_sign_at",
        "on_lost",
        "version",
    )

    def __init__(
        self,
        verdict: Verdict,
        backstage: Backstage,
        *,
        send: Callable[[str], None],
        close: Callable[[int], None],
        unread: Callable[[], int] = int,
    ) -> None:
        if verdict.charge_point is None:
            raise ValueError("only a known charger has a connection")
        charge_point = verdict.charge_point
        self.facts = Facts(charge_point.pk, charge_point.identity, charge_point.clock_skew_s, is_secure=verdict.is_secure)
        if verdict.subprotocol is None:
            deviations.note(charge_point.pk, [deviations.NO_SUBPROTOCOL], "", datetime.now(UTC))
        self.charge_point_id: int = charge_point.pk
        self.id = verdict.connection
        self.attempt_id = verdict.attempt_id
        self.on_lost: Callable[[Connection, int], None] | None = None
        self.version = verdict.version
        self.last_sign_at = monotonic()
        self.is_closing = False
        self._backstage = backstage
        self._send = send
        self._close_socket = close
        self._unread = unread
        self._queue: list[Taken] = []
        self._current: Taken | None = None
        self._answers: dict[tuple[MessageId, int], tuple[float, str | None]] = {}
        self._flood_frames = self._flood_bytes = 0
        self._calls = Calls(backstage.loop, self._say, self._log, self.version.problems)
        setup = self.version.setup(backstage, self._calls, charge_point.pk)
        self.asker = Asker(backstage, self._calls, setup, charge_point.pk, has_booted_before=charge_point.booted_at is not None)
        self._settling: TimerHandle | None = backstage.loop.call_later(settings.OCPP_SETTLE_DELAY_S, self._settle)

    def moves_to(self, socket: Socket) -> None:
        """From now on speak over this one."""
        self._send, self._close_socket, self._unread = socket.send_text, socket.close, socket.unread

    def lost(self, code: int) -> None:
        """The socket has ended."""
        if self.on_lost is not None:
            self.on_lost(self, code)

    def _settle(self) -> None:
        self._settling = None
        self.asker.settle()

    # Frames in

    def feed(self, text: str) -> None:
        """Take one text message. A bug of ours in it ends this socket and no other."""
        self.last_sign_at = monotonic()
        if not text or self.is_closing:
            return
        try:
            self._read(text)
        except Exception:
            logger.exception("a frame of %r could not be handled", self.facts.identity)
            self.close(INTERNAL_ERROR)

    def _read(self, text: str) -> None:
        try:
            frame = frames.parse(text)
        except frames.BadFrame as bad:
            self._refuse_unreadable(bad, text)
            return
        if isinstance(frame, Call):
            self._take(frame, text)
        else:
            self._calls.take_answer(frame, text)

    def refuse_binary(self) -> None:
        """OCPP-J is text; a charger that sends something else speaks another language."""
        self.close(UNSUPPORTED_DATA)

    def _refuse_unreadable(self, bad: frames.BadFrame, text: str) -> None:
        _bad_frames.count(str(self.charge_point_id))
        self._count("", "refused")
        deviations.note(self.charge_point_id, [deviations.UNREADABLE_FRAME], text, datetime.now(UTC))
        is_logged = _bad_frames.times(str(self.charge_point_id)) <= BAD_FRAMES_LOGGED
        if is_logged:
            self._log(frame_log.FROM_CHARGER, frame_log.CALL, bad.message_id or "", "", text[:LOGGED_OF_NONSENSE])
        if bad.message_id is None:
            return
        answer = frames.error(bad.message_id, bad.code, bad.description)
        self._say(answer)
        if is_logged:
            self._log(frame_log.TO_CHARGER, frame_log.ERROR, bad.message_id, "", answer)

    def _take(self, call: Call, text: str) -> None:
        key = (call.message_id, hash(text))
        known = self._answers.get(key)
        if known is not None and self.last_sign_at - known[0] < ANSWERS_KEPT_S:
            self._count(call.action, "repeated")
            if known[1] is not None:  # else the first one is being worked on, and its answer serves both
                self._say(known[1])
            return
        waiting = len(self._queue)
        if waiting >= MOST_UNANSWERED - 1 and self._is_flood(text):
            self._log(frame_log.FROM_CHARGER, frame_log.CALL, call.message_id, call.action, text[:LOGGED_OF_NONSENSE])
            logger.warning("charger %r floods and is cut off", self.facts.identity)
            tally.cut_off["flood"] += 1
            self.close(POLICY_VIOLATION)
            return
        self._answers[key] = (self.last_sign_at, None)
        if len(self._answers) > ANSWERS_KEPT + waiting:
            del self._answers[next(iter(self._answers))]
        self._queue.append(Taken(call, text, datetime.now(UTC), self.last_sign_at))
        if self._current is None:
            self._work()

    def _is_flood(self, text: str) -> bool:
        self._flood_frames += 1
        self._flood_bytes += len(text)
        return self._flood_frames >= FLOOD_FRAMES or self._flood_bytes >= FLOOD_BYTES

    # CALLs, one after the other

    def _work(self) -> None:
        while self._queue and self._current is None and not self.is_closing:
            taken = self._current = self._queue.pop(0)
            if len(self._queue) < MOST_UNANSWERED - 1:
                self._flood_frames = self._flood_bytes = 0
            action = taken.call.action
            if action in self.version.readings:
                self._store(taken)
            elif action in self.version.in_a_thread:
                self._hand_over(taken)
            else:
                self._answer_at_once(taken)

    def _answer_at_once(self, taken: Taken) -> None:
        request = self._request(taken)
        self._backstage.writer.log(request.row)
        handler = self.version.at_once.get(request.action)
        if handler is None:
            code = self.version.error_code_for(request.action, request.payload)
            self._refuse(taken, code, f"{request.action[:40]!r} is nothing a charger asks.")
            return
        try:
            self._answer(taken, handler(request))
        except dialects.Unreadable as unreadable:
            self._refuse(taken, unreadable.code, unreadable.description)

    def _store(self, taken: Taken) -> None:
        request = self._request(taken)
        incoming = self.version.readings[request.action](request)

        def done(error: BaseException | None) -> None:
            if error is None:
                self._answer(taken, {})
            else:
                self._refuse(taken, frames.INTERNAL_ERROR)

        self._backstage.writer.store(Item(incoming, request.row, self._entry(taken), done))

    def _hand_over(self, taken: Taken) -> None:
        request = self._request(taken)
        if request.action not in self.version.logging_themselves:
            self._backstage.writer.log(request.row)
        self._ask_rooms(taken, request)

    def _ask_rooms(self, taken: Taken, request: Request) -> None:
        together = self._backstage.together.get((self.version.subprotocol, request.action))
        future = self._backstage.workers.run(self._handle, request) if together is None else together.ask(request)
        future.add_done_callback(lambda done: self._handled(taken, request, done))

    def _handle(self, request: Request) -> Payload:
        """In a thread: what came while the database was away is told before what comes now."""
        if self._backstage.spool.has_entries:
            self._backstage.spool.replay()
        return self.version.in_a_thread[request.action](request)

    def _ask_again(self, taken: Taken, request: Request) -> None:
        """What was in other hands is asked for again for as long as the charger waits for it, and no thread waits meanwhile."""
        if not self.is_closing:
            self._ask_rooms(taken, request)

    def _handled(self, taken: Taken, request: Request, future: Future[Payload]) -> None:
        error = future.exception()
        if error is None:
            self._answer(taken, future.result())
        elif isinstance(error, dialects.Unreadable):
            self._refuse(taken, error.code, error.description)
        elif isinstance(error, InOtherHands):
            logger.warning("%s of %r waits for what is in other hands", taken.call.action, self.facts.identity)
            tally.put_off[taken.call.action] += 1
            self._backstage.loop.call_later(random.uniform(*AGAIN_AFTER_S), self._ask_again, taken, request)
        elif isinstance(error, DatabaseAway):
            self._answer_without_database(taken)
        else:
            logger.error("%s of %r failed", taken.call.action, self.facts.identity, exc_info=error)
            self._refuse(taken, frames.INTERNAL_ERROR)

    def _answer_without_database(self, taken: Taken) -> None:
        action = taken.call.action
        if action in self.version.spooled:
            future = self._backstage.loop.run_in_executor(None, self._backstage.spool.append, [self._entry(taken)])
            future.add_done_callback(lambda done: self._spooled(taken, done))
        elif action in self.version.harmless:
            self._answer(taken, self.version.harmless[action](self._request(taken)))
        else:
            self._refuse(taken, frames.INTERNAL_ERROR)

    def _spooled(self, taken: Taken, future: Future[None]) -> None:
        error = future.exception()
        if error is None:
            self._answer(taken, {})
        else:
            logger.error("neither database nor spool: %s", error)
            self._refuse(taken, frames.INTERNAL_ERROR)

    # Answers out

    def _answer(self, taken: Taken, payload: dict[str, Any]) -> None:
        self._finish(taken, frames.result(taken.call.message_id, payload), frame_log.RESULT)
        tally.messages[taken.call.action, "answered"] += 1
        self.asker.answered(taken.call.action)

    def _refuse(self, taken: Taken, code: str, description: str = "") -> None:
        self._finish(taken, frames.error(taken.call.message_id, code, description), frame_log.ERROR)
        self._count(taken.call.action, "failed" if code == frames.INTERNAL_ERROR else "refused")
        if code == frames.INTERNAL_ERROR:  # it says "ask again": the same words again shall be heard, and not be told of the failure
            self._answers.pop((taken.call.message_id, hash(taken.text)), None)

    def _count(self, action: str, outcome: str) -> None:
        version = self.version
        is_ours = action in version.readings or action in version.in_a_thread or action in version.at_once
        tally.messages[action if is_ours else tally.OTHER, outcome] += 1

    def _finish(self, taken: Taken, text: str, kind: str) -> None:
        self._say(text)
        now = monotonic()
        call = taken.call
        self._answers[call.message_id, hash(taken.text)] = (now, text)
        self._log(frame_log.TO_CHARGER, kind, call.message_id, call.action, text, int((now - taken.began) * 1000))
        # By way of the loop: a queue of answers that are ready at once must not nest as deep as it is long, and whoever
        # sends a thousand at once gets one answer while everybody else gets one.
        self._backstage.loop.call_soon(self._next)

    def _next(self) -> None:
        self._current = None
        self._work()

    def _say(self, text: str) -> None:
        if self.is_closing:
            return
        self._send(text)
        if self._unread() > MOST_UNREAD:
            logger.warning("charger %r does not listen and is cut off", self.facts.identity)
            tally.cut_off["deaf"] += 1
            self.close(POLICY_VIOLATION)

    def _request(self, taken: Taken) -> Request:
        request = Request(self.facts, taken.call.action, taken.call.payload, taken.received_at, self._row(taken))
        request.note(taken.call.deviations)
        return request

    def _entry(self, taken: Taken) -> Entry:
        return Entry(self.charge_point_id, taken.call.action, taken.received_at, taken.text, self.version.subprotocol)

    def _row(self, taken: Taken) -> frame_log.Row:
        call = taken.call
        text = taken.text[:LOGGED_OF_NONSENSE] if call.action == "DataTransfer" else taken.text
        return frame_log.row(
            self.charge_point_id, taken.received_at, frame_log.FROM_CHARGER, frame_log.CALL, call.message_id, call.action, text
        )

    def _log(self, direction: str, kind: str, message_id: MessageId, action: str, text: str, took_ms: int | None = None) -> None:
        now = datetime.now(UTC)
        self._backstage.writer.log(frame_log.row(self.charge_point_id, now, direction, kind, message_id, action, text, took_ms))

    # The end

    def forget_answers(self) -> None:
        """Let go of answers that are too old to be asked for again, as far as they are all too old."""
        if self._answers and self._current is None and monotonic() - self.last_sign_at >= ANSWERS_KEPT_S:
            self._answers = {}

    @property
    def is_busy(self) -> bool:
        """Whether a CALL, the charger's or ours, is under way."""
        return self._current is not None or self.asker.is_busy

    def close(self, code: int = GOING_AWAY) -> None:
        """Close the socket. What is being worked on is finished; its answer goes nowhere and the charger will ask again."""
        if not self.is_closing:
            self.is_closing = True
            self._close_socket(code)

    def ended(self) -> None:
        """The socket is gone: stop what waits for it."""
        self.is_closing = True
        if self._settling is not None:
            self._settling.cancel()
        self._queue.clear()
        self._calls.drop()
