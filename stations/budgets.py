"""How many rows of readings a charger may fill a day, so that one gone mad does not fill the disk.

A reading every four seconds all day long is within it. Beyond it one in a minute is kept, of each session one in a minute
of its own, and always what a bill may rest on: the first of a session, what stands at its beginning and its end, what is
signed, and whatever was doubtful. What a session has used is counted from every reading, kept or not.

Counted in memory by each process for itself: a restart begins the day anew, which costs a disk nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from stations.metering import Sample

ROWS_A_DAY = 20_000
THEN_EVERY = timedelta(seconds=60)
PROOFS = frozenset({"Transaction.Begin", "Transaction.End"})
MOST_KNOWN = 200_000


@dataclass(slots=True)
class _Day:
    """What one charger has sent today."""

    day: date
    rows: int = 0
    kept_at: dict[int | None, datetime] = field(default_factory=dict)
    """Beyond the budget: when something was kept last, by session."""


_days: dict[int, _Day] = {}
_untold: set[int] = set()


def has_room(charge_point_id: int, at: datetime) -> bool:
    """Count one reading, and say whether it is within the budget of its day."""
    day = _days.get(charge_point_id)
    if day is None or day.day != at.date():
        if len(_days) >= MOST_KNOWN:
            _days.clear()
        day = _days[charge_point_id] = _Day(at.date())
    day.rows += 1
    if day.rows == ROWS_A_DAY + 1:
        _untold.add(charge_point_id)
    return day.rows <= ROWS_A_DAY


def keeps(charge_point_id: int, session_id: int | None, samples: Iterable[Sample], at: datetime) -> bool:
    """Whether a reading beyond the budget is kept all the same. `session_id` is None for what belongs to no session."""
    day = _days[charge_point_id]
    before = day.kept_at.get(session_id)
    is_due = before is None or at - before >= THEN_EVERY
    if is_due or (session_id is not None and is_proof(samples)):
        day.kept_at[session_id] = at
        return True
    return False


def is_proof(samples: Iterable[Sample]) -> bool:
    """Whether a bill may rest on this very reading."""
    return any(sample.get("context") in PROOFS or sample.get("format") == "SignedData" for sample in samples)


def is_spent(charge_point_id: int) -> bool:
    """Whether a charger has sent more than a day holds."""
    day = _days.get(charge_point_id)
    return day is not None and day.rows > ROWS_A_DAY


def untold() -> list[int]:
    """Those whose owners have not heard of it today; they count as told from now on."""
    if not _untold:
        return []
    spent = list(_untold)
    _untold.clear()
    return spent
