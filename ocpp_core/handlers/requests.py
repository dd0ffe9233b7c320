"""What a handler is given, and the words every answer is made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from chargeshare.sentences import Question
from ocpp_core import deviations
from ocpp_core.frame_log import Row
from stations.models import ChargePoint

Payload: TypeAlias = dict[str, Any]

_charge_point = Question(lambda pk: ChargePoint.objects.select_related("owner").filter(pk=pk))


@dataclass(slots=True)
class Facts:
    """What a socket remembers of its charger, so that a reading needs no query."""

    charge_point_id: int
    identity: str
    clock_skew_s: int | None = None
    is_secure: bool = True


@dataclass(frozen=True)
class Request:
    """One CALL of a charger; `row` is its frame for the log."""

    facts: Facts
    action: str
    payload: Payload
    received_at: datetime
    row: Row = field(repr=False)

    def charge_point(self) -> ChargePoint:
        """Look up who speaks, as it stands now."""
        found = _charge_point.first(self.facts.charge_point_id)
        if found is None:
            raise ChargePoint.DoesNotExist
        return found

    def note(self, words: tuple[str, ...]) -> None:
        """Count how the charger strayed from the standard in it."""
        deviations.note(self.facts.charge_point_id, words, self.row.raw, self.received_at)


Handler: TypeAlias = Callable[[Request], Payload]


def utc(at: datetime) -> str:
    """Spell a time as every charger's parser takes it: no fraction, no offset."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def id_tag_info(status: str, parent_tag: str | None) -> Payload:
    """Spell the verdict on a card. The group is told only where the answer is yes."""
    return {"status": status, "parentIdTag": parent_tag} if status == "Accepted" and parent_tag else {"status": status}
