"""OCPP-J text ⇄ CALL, CALLRESULT, CALLERROR: tolerant of what chargers send, exact in what we send. Pure.

Reading has a fast path, which well-formed frames take, and a slow one for everything odd. What is fast must be as
strict as what is slow: orjson keeps the last of two equal keys in silence and rounds long integers, so its reading is
trusted only if writing it out again gives the very text that came (with or without a space after `:` and `,`).
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

import orjson

MessageId: TypeAlias = str | int | float

MAX_DEPTH = 16
MAX_ID_LENGTH = 64

NOT_IMPLEMENTED = "NotImplemented"
NOT_SUPPORTED = "NotSupported"
INTERNAL_ERROR = "InternalError"
PROTOCOL_ERROR = "ProtocolError"
SECURITY_ERROR = "SecurityError"
FORMATION_VIOLATION = "FormationViolation"
PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
OCCURENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"
TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
GENERIC_ERROR = "GenericError"

# Of these a refusal costs money or is repeated for ever, so what can be read in them is read.
KEPT_WHATEVER_THEY_SAY = frozenset({"StartTransaction", "StopTransaction", "MeterValues"})


class Call(NamedTuple):
    """A request. `deviations` says in short words what had to be overlooked to read it."""

    message_id: MessageId
    action: str
    payload: dict[str, Any]
    raw: str | bytes
    deviations: tuple[str, ...] = ()


class Result(NamedTuple):
    """The answer to a request of ours."""

    message_id: MessageId
    payload: dict[str, Any]
    raw: str | bytes


class Error(NamedTuple):
    """The refusal of a request of ours."""

    message_id: MessageId
    code: str
    description: str
    details: dict[str, Any]
    raw: str | bytes


class BadFrame(ValueError):
    """Text that is no OCPP frame. With a `message_id` the sender can be told so by a CALLERROR, without one it cannot."""

    def __init__(self, code: str, description: str, message_id: MessageId | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.message_id = message_id


class _DuplicateKey(ValueError):
    pass


def parse(text: str | bytes) -> Call | Result | Error:
    """Read one frame; raise BadFrame for what is none. The text may be of any length: the transport limits it."""
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    deviations: tuple[str, ...] = ()
    try:
        message = orjson.loads(raw)
        if (written := orjson.dumps(message)) != raw and written != raw.replace(b'": ', b'":').replace(b", ", b","):
            message, deviations = _read_slowly(raw)
        elif b"\\u0000" in raw:
            message = _storable(message)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # what it reads may be nested deeper than what it writes
        message, deviations = _read_slowly(raw)
    if type(message) is not list or len(message) < 2:
        raise BadFrame(FORMATION_VIOLATION, "A frame is a JSON array of a message type, an id and more.")
    message_id = _checked_id(message[1])
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_too_deep(message):
        raise BadFrame(FORMATION_VIOLATION, f"Nested more than {MAX_DEPTH} levels deep.", message_id if message[0] == 2 else None)
    if message[0] == 2:
        return _call(message, message_id, text, deviations)
    if message[0] == 3:
        return Result(message_id, _answer_payload(message), text)
    if message[0] == 4:
        code, description, details = (*message[2:5], None, None, None)[:3]
        return Error(message_id, str(code or GENERIC_ERROR), str(description or ""), details if isinstance(details, dict) else {}, text)
    raise BadFrame(FORMATION_VIOLATION, "The message type is none of 2, 3 and 4.")


def call(message_id: MessageId, action: str, payload: dict[str, Any]) -> str:
    """The text of a request."""
    return _write([2, message_id, action, payload])


def result(message_id: MessageId, payload: dict[str, Any]) -> str:
    """The text of an answer."""
    return _write([3, message_id, payload])


def error(message_id: MessageId, code: str, description: str = "") -> str:
    """The text of a refusal."""
    return _write([4, message_id, code, description[:255], {}])


def _call(message: list[Any], message_id: MessageId, text: str | bytes, deviations: tuple[str, ...]) -> Call:
    action = message[2] if len(message) > 2 else None
    if not isinstance(action, str) or not action:
        raise BadFrame(FORMATION_VIOLATION, "The third member of a CALL is the name of its action.", message_id)
    payload = message[3] if len(message) > 3 else None
    if payload is None:
        payload, deviations = {}, (*deviations, "frame:no-payload")
    if not isinstance(payload, dict):
        raise BadFrame(FORMATION_VIOLATION, "The payload must be an object.", message_id)
    if len(message) > 4:
        if action not in KEPT_WHATEVER_THEY_SAY:
            raise BadFrame(FORMATION_VIOLATION, "A CALL has four members.", message_id)
        deviations = (*deviations, "frame:too-long")
    return Call(message_id, action, payload, text, deviations)


def _answer_payload(message: list[Any]) -> dict[str, Any]:
    payload = message[2] if len(message) > 2 else None
    if payload is not None and not isinstance(payload, dict):
        raise BadFrame(FORMATION_VIOLATION, "The payload must be an object.")
    return payload or {}


def _checked_id(given: object) -> MessageId:
    if (type(given) is str or type(given) is int or type(given) is float) and 0 < len(str(given)) <= MAX_ID_LENGTH:
        return given
    raise BadFrame(FORMATION_VIOLATION, f"A message id is a text of 1 to {MAX_ID_LENGTH} characters.")


def _is_too_deep(message: list[Any]) -> bool:
    level: list[Any] = [message]
    for _ in range(MAX_DEPTH):
        below = []
        for container in level:
            children: Iterable[Any] = container.values() if type(container) is dict else container
            for child in children:
                if type(child) is dict or type(child) is list:
                    below.append(child)  # noqa: PERF401 - extend() with a generator is slower here
        if not below:
            return False
        level = below
    return True


# The slow path

_HEAD = re.compile(r'\s*\[\s*2\s*,\s*("[^"\\\x00-\x1f]{1,64}"|-?(?:0|[1-9][0-9]{0,63})(?=[\s,\]]))\s*(?:,\s*"(\w{1,40})")?')
_FAULTS = re.compile(
    r"""
    (?P<text>"(?:[^"\\]+|\\.)*+"?)        # never look inside a text; an open one runs to the end
    | (?P<empty>:\s*(?=[,}\]]))           # "transactionId":,
    | (?P<last>,[\s,]*(?=[}\]]))          # [1,]
    | (?P<start>[\[{,])\s*,[\s,]*         # [,{   and   1,,2
    | (?P<number>-?\b(?:NaN|Infinity)\b)
    """,
    re.VERBOSE | re.DOTALL,
)


def _read_slowly(raw: bytes) -> tuple[Any, tuple[str, ...]]:
    text = raw.decode("utf-8", "replace").strip("\ufeff\0 \t\r\n")
    head = _HEAD.match(text)
    message_id = json.loads(head[1]) if head else None
    try:
        return _storable(_STRICT.decode(text)), ()
    except _DuplicateKey as duplicate:
        raise BadFrame(FORMATION_VIOLATION, f"The key {duplicate} stands there twice.", message_id) from None
    except RecursionError:
        raise BadFrame(FORMATION_VIOLATION, f"Nested more than {MAX_DEPTH} levels deep.", message_id) from None
    except ValueError as fault:
        reason = str(fault)
    if head and head[2] == "MeterValues":
        try:
            return _storable(_LENIENT.decode(_FAULTS.sub(_mend, text))), ("frame:repaired",)
        except (ValueError, RecursionError):
            pass  # the sender is told about the text that came, not about the mended one
    raise BadFrame(FORMATION_VIOLATION, f"Not JSON: {reason}"[:200], message_id)


def _mend(fault: re.Match[str]) -> str:
    match fault.lastgroup:
        case "text":
            return fault[0]
        case "empty":
            return ":null"
        case "last":
            return ""
        case "start":
            return fault["start"]
    return "null"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        raise _DuplicateKey(next(repr(key[:40]) for key, _value in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return members


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_ID_LENGTH else digits[:MAX_ID_LENGTH]


def _fraction(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits[:MAX_ID_LENGTH]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_fraction, parse_constant=_refuse_constant)
_LENIENT = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_fraction, parse_constant=_refuse_constant, strict=False
)


def _storable(value: Any, depth: int = 0) -> Any:
    """Without what no database takes: NUL, halves of surrogate pairs, and (as payload) integers over 64 bits, which become text."""
    if depth > MAX_DEPTH:
        return value  # refused a moment later
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list):
        return [_storable(member, depth + 1) for member in value]
    if isinstance(value, int) and depth > 1 and not -(2**63) <= value < 2**64:
        return str(value)
    return value


# Writing


def _write(message: list[Any]) -> str:
    try:
        written = orjson.dumps(message)
        if b"null" in written:
            written = orjson.dumps(_without_null(message))
        return written.decode()
    except TypeError:  # an id longer than 64 bits is echoed as well
        return json.dumps(_without_null(message), separators=(",", ":"), ensure_ascii=False)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_null(member) for key, member in value.items() if member is not None}
    if isinstance(value, list):
        return [_without_null(member) for member in value if member is not None]
    return value
