"""Requests beside their answers, as people read the log of frames: filtered, newest first, however many there are.

Nothing here counts or sorts millions: frames are taken by their ids, a few hundred at a time, and only what is asked for of
them is kept in memory.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from ocpp_core import dialects, frame_log, frames, meanings, spoken
from ocpp_core.deviations import UNREADABLE_FRAME
from ocpp_core.models import OcppFrame
from stations.models import ChargePoint, Command
from stations.models.command import without_cards
from stations.templatetags.commands import pretty

ANSWER_WINDOW = timedelta(minutes=10)
SENT_WINDOW = timedelta(seconds=30)
OUT_OF_ORDER = timedelta(minutes=2)  # ids grow with time, give or take what was being written
WRITTEN_AT_ONCE = 10_000  # frames of all chargers in one batch at most: an answer may stand before its request in it
CHUNK = 200
CALL, RESULT, ERROR = OcppFrame.Type.CALL, OcppFrame.Type.RESULT, OcppFrame.Type.ERROR
FROM_CHARGER, TO_CHARGER = OcppFrame.Direction.FROM_CHARGER, OcppFrame.Direction.TO_CHARGER
_CARDS = re.compile(r'("(?:idTag|parentIdTag)"\s*:\s*")((?:[^"\\]|\\.)*)')
REFUSALS = frozenset({"Rejected", "NotSupported", "UnlockFailed", "NotImplemented", "Invalid", "Blocked", "Expired", "ConcurrentTx"})

_DIALECTS: Mapping[str, Callable[[dict[str, Any], datetime], Any]] = {
    "Authorize": lambda payload, _at: dialects.authorize(payload),
    "BootNotification": lambda payload, _at: dialects.boot_notification(payload),
    "MeterValues": dialects.meter_values,
    "StartTransaction": dialects.start_transaction,
    "StatusNotification": dialects.status_notification,
    "StopTransaction": dialects.stop_transaction,
}


@dataclass(frozen=True)
class Wanted:
    """Which requests."""

    direction: str = ""
    action: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    connector: int | None = None
    transaction: int | None = None
    only: str = ""
    """"errors", "unanswered" or "deviations"; anything else is all."""


@dataclass(frozen=True)
class Exchange:
    """A request and its answer, as one line of the log."""

    frame: OcppFrame
    answer: OcppFrame | None
    command: Command | None = None

    @property
    def said(self) -> Any:
        """The payload of the request; of a stray error, its details."""
        return _for_eyes(self.frame)

    @property
    def gist(self) -> str:
        """What of it one reads at a glance; of a request of ours, the word of the answer where it says more."""
        word = self.word
        return word if word and word != "Accepted" else spoken.gist(self.frame.action, self.said)

    @property
    def answered(self) -> spoken.Spoken | None:
        """What came back."""
        return spoken.read(self.answer) if self.answer else None

    @property
    def heard(self) -> str:
        """The answer for eyes: an error's code and words, or the payload."""
        answered = self.answered
        if answered is None or self.answer is None:
            return "—"
        payload = pretty(_for_eyes(self.answer))
        if answered.error_code is None:
            return payload
        return f"{answered.error_code}: {answered.error_description}\n{payload}".encode("utf-8", "replace").decode()

    @property
    def is_error(self) -> bool:
        """Whether it is, or was answered with, an error."""
        return ERROR in (self.frame.type, self.answer.type if self.answer else "")

    @property
    def is_refused(self) -> bool:
        """Whether the answer is an error, or says no."""
        return self.is_error or (self.answer is not None and self.word in REFUSALS)

    @property
    def is_unanswered(self) -> bool:
        """Whether nothing came back in the time there is for it."""
        patience = timedelta(seconds=settings.OCPP_CALL_TIMEOUT_S)
        return self.answer is None and self.frame.type == CALL and self.frame.at < timezone.now() - patience

    @cached_property
    def deviations(self) -> tuple[meanings.Meaning, ...]:
        """How the request strays from the standard, in plain words."""
        return tuple(meanings.of(word) for word in strays(self.frame))

    @property
    def word(self) -> str:
        """The one word of the answer that matters: its status, or the code of an error."""
        answered = self.answered
        if answered is None:
            return spoken.read(self.frame).error_code or ""
        if answered.error_code is not None:
            return answered.error_code
        payload = answered.payload if isinstance(answered.payload, dict) else {}
        status = payload.get("status")
        info = payload.get("idTagInfo")
        if status is None and isinstance(info, dict):
            status = info.get("status")
        return status if isinstance(status, str) else ""

    @property
    def frames(self) -> Sequence[OcppFrame]:
        """Both of them, as they came."""
        return [self.frame] if self.answer is None else [self.frame, self.answer]


def read(
    charge_point: ChargePoint, wanted: Wanted, *, before: int | None = None, most: int, scanned: int
) -> tuple[list[Exchange], int | None]:
    """A page of exchanges, and the id before which the next one begins (None: there is none).

    Looks through so many requests at most; where few of them fit, the page is short and the next one goes on from there.
    """
    page: list[Exchange] = []
    seen, last = 0, before
    for chunk, fitting in _chunks(charge_point, wanted, before):
        for exchange in fitting:
            if len(page) == most:
                return _told(charge_point, page), page[-1].frame.pk
            page.append(exchange)
        seen, last = seen + len(chunk), chunk[-1].pk
        if seen >= scanned:
            return _told(charge_point, page), last
    return _told(charge_point, page), None


def export(charge_point: ChargePoint, wanted: Wanted) -> Iterator[bytes]:
    """Every frame of the exchanges that fit as lines of JSON, newest first, a chunk of them at a time."""
    for _chunk, fitting in _chunks(charge_point, wanted, None):
        if fitting:
            yield b"".join(line(frame) for exchange in fitting for frame in exchange.frames)


def export_frames(found: QuerySet[OcppFrame]) -> Iterator[bytes]:
    """The same of any frames, paired or not."""
    before = None
    while True:
        older = found if before is None else found.filter(pk__lt=before)
        chunk = list(older.order_by("-id")[:CHUNK])
        if not chunk:
            return
        yield b"".join(line(frame) for frame in chunk)
        before = chunk[-1].pk


def line(frame: OcppFrame) -> bytes:
    """One frame taken apart, cards cut to their ends, as a line of JSON."""
    read = spoken.read(frame)
    said = {
        "id": frame.pk,
        "at": frame.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "direction": frame.direction,
        "type": frame.type,
        "message_id": frame.message_id,
        "action": frame.action,
        "payload": _for_eyes(frame),
        "error_code": read.error_code,
        "error_description": read.error_description,
        "answered_in_ms": frame.answered_in_ms,
    }
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def strays(frame: OcppFrame) -> tuple[str, ...]:
    """The words for how a request of the charger strays from the standard, as far as its text alone shows it."""
    if frame.direction != FROM_CHARGER or frame.type != CALL:
        return ()
    try:
        call = frames.parse(frame.raw)
    except frames.BadFrame:
        return (UNREADABLE_FRAME,)
    if not isinstance(call, frames.Call):
        return ()
    read = _DIALECTS.get(call.action)
    try:
        found = read(call.payload, frame.at).deviations if read else ()
    except dialects.Unreadable:
        found = (UNREADABLE_FRAME,)
    return tuple(dict.fromkeys((*call.deviations, *found)))


def _chunks(charge_point: ChargePoint, wanted: Wanted, before: int | None) -> Iterator[tuple[list[OcppFrame], list[Exchange]]]:
    """The requests a chunk at a time, and beside them the exchanges of the chunk that fit."""
    found = _found(charge_point, wanted)
    while True:
        older = found if before is None else found.filter(pk__lt=before)
        chunk = list(older.order_by("-id")[:CHUNK])
        if not chunk:
            return
        yield chunk, [exchange for exchange in _paired(charge_point, chunk) if _ONLY.get(wanted.only, _any)(exchange)]
        before = chunk[-1].pk


def _found(charge_point: ChargePoint, wanted: Wanted) -> QuerySet[OcppFrame]:
    """Requests, and errors that answer none that could be read."""
    found = OcppFrame.objects.filter(Q(type=CALL) | Q(type=ERROR, action=""), charge_point=charge_point)
    if wanted.direction:
        found = found.filter(direction=wanted.direction)
    if wanted.action:
        found = found.filter(action=wanted.action)
    if wanted.since is not None:
        found = found.filter(pk__gte=frame_log.first_since(wanted.since - OUT_OF_ORDER), at__gte=wanted.since)
    if wanted.until is not None:
        found = found.filter(pk__lt=frame_log.first_since(wanted.until + OUT_OF_ORDER), at__lte=wanted.until)
    for name, number in (("connectorId", wanted.connector), ("transactionId", wanted.transaction)):
        if number is not None:
            found = found.filter(raw__regex=rf'"{name}"\s*:\s*"?{number}[^0-9]')
    return found.filter(raw__icontains=wanted.text) if wanted.text else found


def _paired(charge_point: ChargePoint, chosen: Sequence[OcppFrame]) -> list[Exchange]:
    """Each request with the first answer to its id that came back afterwards; ids are used again after a restart."""
    calls = [frame for frame in chosen if frame.type == CALL]
    answers: dict[tuple[str, str], list[OcppFrame]] = {}
    if calls:
        window = (min(call.at for call in calls) - ANSWER_WINDOW, max(call.at for call in calls) + ANSWER_WINDOW)
        ids = {frame.message_id for frame in calls}
        said = OcppFrame.objects.filter(charge_point=charge_point)
        beyond = said.filter(pk__gt=max(call.pk for call in calls), at__gt=window[1] + OUT_OF_ORDER)
        last = beyond.order_by("id").values_list("pk", flat=True).first()
        around = said.filter(pk__gt=min(call.pk for call in calls) - WRITTEN_AT_ONCE, at__range=window)
        found = around.filter(type__in=[RESULT, ERROR], message_id__in=ids, **({"pk__lt": last} if last is not None else {}))
        for answer in found.order_by("id"):
            answers.setdefault((answer.message_id, answer.direction), []).append(answer)
    return [Exchange(frame, _first_after(frame, answers) if frame.type == CALL else None) for frame in chosen]


def _first_after(frame: OcppFrame, answers: Mapping[tuple[str, str], Sequence[OcppFrame]]) -> OcppFrame | None:
    back = TO_CHARGER if frame.direction == FROM_CHARGER else FROM_CHARGER
    return next((answer for answer in answers.get((frame.message_id, back), []) if answer.at >= frame.at), None)


def _told(charge_point: ChargePoint, page: list[Exchange]) -> list[Exchange]:
    """The page, each request of ours with the command it came from."""
    ours = [exchange.frame for exchange in page if exchange.frame.direction == TO_CHARGER and exchange.frame.type == CALL]
    if not ours:
        return page
    window = (min(frame.at for frame in ours) - SENT_WINDOW, max(frame.at for frame in ours) + SENT_WINDOW)
    sent = list(Command.objects.filter(charge_point=charge_point, sent_at__range=window).order_by("-sent_at"))
    return [Exchange(one.frame, one.answer, _command_of(one.frame, sent)) for one in page]


def _command_of(frame: OcppFrame, sent: Sequence[Command]) -> Command | None:
    if frame.direction != TO_CHARGER or frame.type != CALL:
        return None
    payload = _for_eyes(frame)
    for command in sent:
        is_near = command.sent_at is not None and timedelta(0) <= frame.at - command.sent_at <= SENT_WINDOW
        if is_near and command.action == frame.action and without_cards(command.shown_payload) == payload:
            return command
    return None


def _for_eyes(frame: OcppFrame) -> Any:
    """The payload with cards cut; as it came where it is nested too deeply or holds halves of letters, which no page can show."""
    payload = spoken.read(frame).payload
    try:
        json.dumps(payload, ensure_ascii=False).encode()
        return without_cards(payload)
    except (RecursionError, UnicodeEncodeError):
        return _CARDS.sub(r"\1…", frame.raw)


def _any(_exchange: Exchange) -> bool:
    return True


_ONLY: Mapping[str, Callable[[Exchange], bool]] = {
    "errors": lambda exchange: exchange.is_refused,
    "unanswered": lambda exchange: exchange.is_unanswered,
    "deviations": lambda exchange: bool(strays(exchange.frame)),
}
