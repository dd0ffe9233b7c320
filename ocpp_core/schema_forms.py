"""Forms made of the official schemas: what may be filled in, and the payload that comes of what was. Pure.

What is left empty is left out, never null; what is filled in goes out as it is. A payload that a form cannot show without
changing it (an empty list, a time of another zone's spelling) is written as JSON instead: `shows` tells.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ocpp_core import schemas

ROOT = "p"
SPARE_ROWS = 1
MOST_ROWS = 500
DEEPEST = 32
WHOLE_NUMBERS = range(-(2**63), 2**63)
LARGEST = 1e300

# A required text that may be empty all the same: to say nothing is a value of its own there.
_MAY_BE_EMPTY = frozenset({("ChangeConfiguration", f"{ROOT}.value")})
_ABSENT: Any = object()


@dataclass(frozen=True)
class Rule:
    """What the standard says of one member: its kind, and what it may hold."""

    name: str
    kind: str
    is_required: bool
    most: int | None = None
    words: tuple[str, ...] = ()
    is_in_tenths: bool = False
    members: tuple["Rule", ...] = ()
    item: "Rule | None" = None


@dataclass(frozen=True)
class Field:
    """One member of a form as it is filled in: a leaf with its text, or what lies below it."""

    rule: Rule
    path: str
    text: str
    fault: str
    members: tuple["Field", ...] = ()
    rows: tuple["Field", ...] = ()

    @property
    def is_filled(self) -> bool:
        """Whether anything in it says something."""
        return bool(self.text or any(part.is_filled for part in (*self.members, *self.rows)))

    @property
    def has_fault(self) -> bool:
        """Whether anything in it is wrong."""
        return bool(self.fault or any(part.has_fault for part in (*self.members, *self.rows)))


@cache
def rule_of(action: str) -> Rule:
    """Give the whole request as one rule."""
    schema = schemas.request_schema(action)
    return _rule("", schema, schema, is_required=True)


def _rule(name: str, said: Mapping[str, Any], root: Mapping[str, Any], *, is_required: bool) -> Rule:
    while "$ref" in said:
        said = root["definitions"][said["$ref"].rpartition("/")[2]]
    kind = said["type"]
    if kind == "object":
        needed = said.get("required", ())
        members = [_rule(member, rule, root, is_required=member in needed) for member, rule in said["properties"].items()]
        return Rule(name, "object", is_required, members=tuple(sorted(members, key=lambda member: not member.is_required)))
    if kind == "array":
        return Rule(name, "list", is_required, item=_rule("", said["items"], root, is_required=False))
    if "enum" in said:
        return Rule(name, "choice", is_required, words=tuple(said["enum"]))
    if kind == "string" and said.get("format") in ("date-time", "uri"):
        return Rule(name, said["format"], is_required, said.get("maxLength"))
    return Rule(name, kind, is_required, said.get("maxLength"), is_in_tenths=said.get("multipleOf") == 0.1)


# ── From what was filled in to the payload ──


def read(action: str, said: Mapping[str, str], zone: tzinfo) -> tuple[dict[str, Any], dict[str, str]]:
    """Make the payload of what was filled in, and a sentence for each field that cannot be sent so, by its path."""
    reader = _Reader(action, said, zone)
    payload = reader.members(rule_of(action), ROOT)
    if not reader.faults:
        reader.faults.update({ROOT + _path(place): sentence for place, sentence in check(action, payload).items()})
    return payload, reader.faults


class _Reader:
    """Goes through a form once; what is wrong gathers in `faults`."""

    def __init__(self, action: str, said: Mapping[str, str], zone: tzinfo) -> None:
        self.action = action
        self.said = said
        self.zone = zone
        self.faults: dict[str, str] = {}

    def members(self, rule: Rule, path: str) -> dict[str, Any]:
        """Everything below an object."""
        read = {member.name: self.value(member, f"{path}.{member.name}") for member in rule.members}
        return {name: value for name, value in read.items() if value is not _ABSENT}

    def value(self, rule: Rule, path: str) -> Any:
        """One member, or that it is left out."""
        if rule.kind == "object":
            return self.members(rule, path) if rule.is_required or self._is_said(path) else _ABSENT
        if rule.kind == "list":
            return self._rows(rule, path)
        text = self.said.get(path, "").replace("\r\n", "\n")
        if not text and (self.action, path) not in _MAY_BE_EMPTY:
            if rule.is_required:
                self.faults[path] = _("Choose one.") if rule.kind == "choice" else _("Fill this in.")
            return _ABSENT
        return self._leaf(rule, path, text)

    def _rows(self, rule: Rule, path: str) -> Any:
        if rule.item is None:
            return _ABSENT
        rows = [self._row(rule.item, f"{path}.{number}") for number in rows_said(path, self.said) if self._is_said(f"{path}.{number}")]
        if rows:
            return rows
        if rule.is_required:
            self.faults[path] = _("Fill in at least one row.")
        return _ABSENT

    def _row(self, rule: Rule, path: str) -> Any:
        return self.members(rule, path) if rule.kind == "object" else self.value(rule, path)

    def _is_said(self, path: str) -> bool:
        return bool(self.said.get(path)) or any(text and name.startswith(f"{path}.") for name, text in self.said.items())

    def _leaf(self, rule: Rule, path: str, text: str) -> Any:
        try:
            return _LEAVES[rule.kind](rule, text, self.zone)
        except ValueError as error:
            self.faults[path] = str(error)
            return _ABSENT


def rows_said(path: str, said: Mapping[str, str]) -> list[int]:
    """Give the numbers of the rows of a list that a form holds, filled in or not."""
    head = f"{path}."
    numbers = {name[len(head) :].partition(".")[0] for name in said if name.startswith(head)}
    return sorted(int(number) for number in numbers if re.fullmatch(r"[0-9]{1,4}", number))[:MOST_ROWS]


def _text(rule: Rule, text: str, _zone: tzinfo) -> str:
    if is_unspeakable(text):
        raise ValueError(_("This holds a character that is none."))
    if rule.most is not None and len(text) > rule.most:
        raise ValueError(_("At most %(most)d characters; this has %(count)d.") % {"most": rule.most, "count": len(text)})
    return text


def _integer(_rule: Rule, text: str, _zone: tzinfo) -> int:
    if not re.fullmatch(r"\s*[-+]?[0-9]{1,18}\s*", text):
        raise ValueError(_("Write a whole number."))
    return int(text)


def _number(rule: Rule, text: str, _zone: tzinfo) -> int | float:
    text = text.strip().replace(",", ".")
    if not re.fullmatch(r"[-+]?[0-9]{1,15}(\.[0-9]{1,9})?", text):
        raise ValueError(_("Write a number."))
    if rule.is_in_tenths and len(text.partition(".")[2].rstrip("0")) > 1:
        raise ValueError(_("One decimal at most."))
    return float(text) if "." in text else int(text)


def _choice(rule: Rule, text: str, _zone: tzinfo) -> str:
    if text not in rule.words:
        raise ValueError(_("Choose one of the list."))
    return text


def _boolean(_rule: Rule, text: str, _zone: tzinfo) -> bool:
    if text not in ("true", "false"):
        raise ValueError(_("Choose one of the list."))
    return text == "true"


def _instant(_rule: Rule, text: str, zone: tzinfo) -> str:
    try:
        moment = datetime.fromisoformat(text.strip())
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        return _spelt(aware)
    except (ValueError, OverflowError) as error:
        raise ValueError(_("Write a date and a time.")) from error


def _spelt(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


_LEAVES = {
    "string": _text,
    "uri": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "choice": _choice,
    "date-time": _instant,
}


# ── From a payload to what is filled in ──


def write(action: str, payload: Mapping[str, Any], zone: tzinfo) -> dict[str, str]:
    """Fill a form in with a payload, as far as the two fit."""
    said: dict[str, str] = {}
    _write(rule_of(action), payload, ROOT, zone, said)
    return said


def shows(action: str, payload: Mapping[str, Any], zone: tzinfo) -> bool:
    """Whether a form filled in with this payload says the very same again."""
    again, faults = read(action, write(action, payload, zone), zone)
    return not faults and again == payload


def _write(rule: Rule, value: Any, path: str, zone: tzinfo, said: dict[str, str]) -> None:
    if rule.kind == "object" and isinstance(value, Mapping):
        for member in rule.members:
            if member.name in value:
                _write(member, value[member.name], f"{path}.{member.name}", zone, said)
    elif rule.kind == "list" and isinstance(value, list) and rule.item is not None:
        for number, row in enumerate(value[:MOST_ROWS]):
            _write(rule.item, row, f"{path}.{number}", zone, said)
    elif rule.kind == "date-time" and isinstance(value, str):
        said[path] = _local(value, zone)
    elif isinstance(value, bool):
        said[path] = "true" if value else "false"
    elif isinstance(value, str | int | float):
        said[path] = str(value)


def _local(text: str, zone: tzinfo) -> str:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(zone).replace(tzinfo=None).isoformat(timespec="seconds") if moment.tzinfo is not None else text
    except (ValueError, OverflowError):
        return text


# ── For the page ──


def form_of(action: str, said: Mapping[str, str], faults: Mapping[str, str], more: Iterable[str] = ()) -> tuple[Field, ...]:
    """Lay the form out: every field with what it holds; each list with its rows, a spare one, and one more where asked for."""
    return _field(rule_of(action), ROOT, said, faults, frozenset(more)).members


def _field(rule: Rule, path: str, said: Mapping[str, str], faults: Mapping[str, str], more: frozenset[str]) -> Field:
    text, fault = said.get(path, ""), faults.get(path, "")
    if rule.kind == "object":
        members = tuple(_field(member, f"{path}.{member.name}", said, faults, more) for member in rule.members)
        return Field(rule, path, "", fault, members=members)
    if rule.kind == "list" and rule.item is not None:
        count = max(rows_said(path, said), default=-1) + 1
        count = count + (path in more) if count else SPARE_ROWS + (path in more)
        rows = tuple(_field(rule.item, f"{path}.{number}", said, faults, more) for number in range(min(count, MOST_ROWS)))
        return Field(rule, path, "", fault, rows=rows)
    return Field(rule, path, text, fault)


# ── JSON by hand ──


class Unfit(ValueError):
    """A text that is no payload; the sentence says why."""


def read_json(text: str) -> dict[str, Any]:
    """Make a payload of a text. ValueError says in a sentence why it is none."""
    try:
        payload = json.loads(text or "{}", parse_constant=_no_constant, object_pairs_hook=_members_once)
    except RecursionError as error:
        raise Unfit(_("This is nested too deeply.")) from error
    except json.JSONDecodeError as error:
        raise Unfit(_("This is no JSON: look at line %(line)d.") % {"line": error.lineno}) from error
    except Unfit:
        raise
    except ValueError as error:
        raise Unfit(_("A number is too large.")) from error
    if not isinstance(payload, dict):
        raise Unfit(_("The payload must be an object, in curly brackets."))
    _keepable(payload, DEEPEST)
    return payload


def _no_constant(word: str) -> Any:
    raise Unfit(_("“%(word)s” is no number.") % {"word": word})


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _value in pairs]
        raise Unfit(_("“%(name)s” is there twice.") % {"name": next(name for name in names if names.count(name) > 1)[:60]})
    return members


def _keepable(value: Any, depth: int) -> None:
    if depth == 0:
        raise Unfit(_("This is nested too deeply."))
    if isinstance(value, dict):
        for name, member in value.items():
            _keepable(name, depth)
            _keepable(member, depth - 1)
    elif isinstance(value, list):
        for member in value:
            _keepable(member, depth - 1)
    elif isinstance(value, str) and is_unspeakable(value):
        raise Unfit(_("A text holds a character that is none."))
    elif (isinstance(value, int) and value not in WHOLE_NUMBERS) or (isinstance(value, float) and not abs(value) < LARGEST):
        raise Unfit(_("A number is too large."))


def is_unspeakable(text: str) -> bool:
    """Whether a text holds what no database keeps: a NUL, or half of a letter."""
    return "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)


def check(action: str, payload: dict[str, Any]) -> dict[tuple[str | int, ...], str]:
    """What the standard has against a payload: one clear sentence for each place."""
    found: dict[tuple[str | int, ...], str] = {}
    for fault in schemas.faults(action, payload):
        found.setdefault(fault.place, _sentence(fault))
    return found


def place_name(place: Iterable[str | int]) -> str:
    """Name a place as one reads it: csChargingProfiles.chargingSchedule."""
    return _path(place).removeprefix(".")


def _path(place: Iterable[str | int]) -> str:
    return "".join(f".{step}" for step in place)


def _sentence(fault: schemas.Fault) -> str:
    value = fault.value
    if fault.rule == "type" and isinstance(value, list) and value:
        return _TYPES.get(value[0], lambda: fault.message)()
    if fault.rule == "maxLength":
        return ngettext("At most %(most)d character.", "At most %(most)d characters.", value) % {"most": value}
    if fault.rule == "additionalProperties" and isinstance(value, list):
        return _("The standard has no member “%(names)s” here.") % {"names": "”, “".join(str(name)[:60] for name in value[:5])}
    return _RULES.get(fault.rule, lambda: fault.message)()


_TYPES = {
    "string": lambda: _("This must be a text."),
    "integer": lambda: _("Write a whole number."),
    "number": lambda: _("Write a number."),
    "boolean": lambda: _("This must be true or false."),
    "array": lambda: _("This must be a list."),
    "object": lambda: _("This must be an object."),
}
_RULES = {
    "required": lambda: _("This is missing, and the standard requires it."),
    "enum": lambda: _("Choose one of the words of the standard."),
    "format": lambda: _(
        "This is not written as the standard asks: a time such as 2026-03-01T12:00:00Z, an address such as https://example.com/."
    ),
    "multipleOf": lambda: _("One decimal at most."),
    "minItems": lambda: _("Fill in at least one row."),
}
