"""How the list of cards in a box is changed: whole or by its differences, in pieces that every box can swallow. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ocpp_core import frames

FULL, DIFFERENTIAL = "Full", "Differential"
ACCEPTED = "Accepted"
LARGEST_FRAME = 1_900  # some boxes read into two kilobytes
LARGEST_VERSION = 2**31 - 1
_MESSAGE_ID = "0" * 32


class Entry(NamedTuple):
    """One card as a list names it. Two spellings that differ in case alone are one card."""

    id_tag: str
    status: str = ACCEPTED
    expires_at: datetime | None = None
    parent_tag: str = ""

    @property
    def key(self) -> str:
        """What the card is known by in a list."""
        return self.id_tag.casefold()

    @property
    def spoken(self) -> dict[str, Any]:
        """As it goes out."""
        info: dict[str, Any] = {"status": self.status}
        if self.expires_at is not None:
            info["expiryDate"] = self.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.parent_tag:
            info["parentIdTag"] = self.parent_tag
        return {"idTag": self.id_tag, "idTagInfo": info}

    @classmethod
    def read(cls, said: Any) -> Self | None:
        """As somebody wrote it; None where it takes a card out."""
        info = said.get("idTagInfo")
        if info is None:
            return None
        return cls(said["idTag"], info["status"], _time(info.get("expiryDate")), info.get("parentIdTag", ""))


class Limits(NamedTuple):
    """What a box says it can hold, and hear at once."""

    entries: int
    entries_at_once: int


def next_version(*versions: int | None) -> int | None:
    """A version above all of these; None where there is none, and only a whole list can begin anew."""
    highest = max(0, *(version or 0 for version in versions))
    return highest + 1 if highest < LARGEST_VERSION else None


def whole(version: int, wanted: Sequence[Entry], limits: Limits) -> dict[str, Any]:
    """A list that takes the place of whatever the box has: all of it, or as much as one frame takes. The rest are differences."""
    return _filled(version, FULL, [entry.spoken for entry in wanted[: limits.entries]], limits)


def difference(version: int, agreed: Iterable[Entry], wanted: Sequence[Entry], limits: Limits) -> dict[str, Any] | None:
    """What to change in the box's list next; None when nothing is left. What goes is named before what comes.

    A box that is full counts what comes before it has thrown out what goes, so those two do not share a frame there.
    """
    has = list(agreed)
    gone, changed, new = changes(has, wanted, limits)
    parts = [{"idTag": entry.id_tag} for entry in gone]
    if not gone or len(has) + len(new) <= limits.entries:
        parts += [entry.spoken for entry in (*changed, *new)]
    return _filled(version, DIFFERENTIAL, parts, limits) if parts else None


class Changes(NamedTuple):
    """How two lists differ."""

    gone: list[Entry]
    changed: list[Entry]
    new: list[Entry]


def changes(agreed: Iterable[Entry], wanted: Sequence[Entry], limits: Limits) -> Changes:
    """What goes, what changes and what comes, as far as the box has room."""
    has = {entry.key: entry for entry in agreed}
    wants = {entry.key: entry for entry in wanted[: limits.entries]}
    return Changes(
        [entry for key, entry in has.items() if key not in wants],
        [entry for key, entry in wants.items() if key in has and has[key].spoken["idTagInfo"] != entry.spoken["idTagInfo"]],
        [entry for key, entry in wants.items() if key not in has],
    )


def applied(agreed: Iterable[Entry], payload: Mapping[str, Any]) -> list[Entry]:
    """What stands in a box that has accepted this."""
    entries = {} if payload.get("updateType") == FULL else {entry.key: entry for entry in agreed}
    for said in payload.get("localAuthorizationList") or []:
        entry = Entry.read(said)
        if entry is None:
            entries.pop(said["idTag"].casefold(), None)
        else:
            entries[entry.key] = entry
    return list(entries.values())


def _filled(version: int, kind: str, parts: Sequence[dict[str, Any]], limits: Limits) -> dict[str, Any]:
    """As many of the parts as one message may hold; at least one, or nothing would ever move."""
    chosen: list[dict[str, Any]] = []
    payload = {"listVersion": version, "updateType": kind, "localAuthorizationList": chosen}
    for part in parts[: max(1, limits.entries_at_once)]:
        chosen.append(part)
        if len(chosen) > 1 and len(frames.call(_MESSAGE_ID, "SendLocalList", payload).encode()) > LARGEST_FRAME:
            chosen.pop()
            break
    return payload


def _time(said: str | None) -> datetime | None:
    """A time as a list has it; what cannot be one is left out."""
    try:
        at = parse_datetime(said) if said else None
    except ValueError:
        return None
    return timezone.make_aware(at) if at is not None and timezone.is_naive(at) else at
