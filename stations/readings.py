"""What meters say, from many chargers at once: stored, counted, and acted on where a limit is reached.

This is the one path where every microsecond counts: a batch is a handful of statements, whatever the number of chargers
in it. What a reading means for its session is computed in between, without rows turned into objects.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import starmap
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from chargeshare.errors import is_in_other_hands
from chargeshare.sentences import Among
from stations import alarms, budgets, connectivity, limits, live, meter_values, metering, quarantine
from stations.meter_values import Row
from stations.metering import Meter, Reading
from stations.models import ChargePoint, ChargingSession, Connector

logger = logging.getLogger(__name__)

MOST_INT32 = 2**31 - 1
ALIVE_AFTER = timedelta(seconds=90)
DERIVED_AFTER_S = 5
LONGEST_LOCK_MS = 50
GHOSTS_KEPT = 10_000
GHOST_REMEMBERED = timedelta(hours=1)
_ACTIVE, _INVALID = ChargingSession.Status.ACTIVE.value, ChargingSession.Status.INVALID.value
_ghosts: OrderedDict[tuple[int, int], datetime] = OrderedDict()

_COLUMNS = (
    "id",
    "code",
    "driver_id",
    "transaction_id",
    "charge_point_id",
    "connector_id",
    "connector__number",
    "connector__max_power_w",
    "status",
    "stop_received_at",
    "started_at",
    "meter_start_wh",
    "meter",
    "power_w",
    "soc_percent",
    "last_reading_at",
    "last_received_at",
    "orphaned_at",
    "warn_at_wh",
    "stop_at_wh",
    "stop_at",
    "watched_until",
)
_sessions = ChargingSession.objects.order_by().values_list(*_COLUMNS)
_named = Among(lambda numbers: _sessions.filter(transaction_id__in=numbers))
_open_at = Among(lambda charge_point_ids: _sessions.filter(status=_ACTIVE, charge_point_id__in=charge_point_ids))
_UPDATE_POSTGRESQL = """
    UPDATE stations_chargingsession AS session
    SET energy_wh = new.energy_wh, power_w = new.power_w, soc_percent = new.soc_percent, meter = new.meter::jsonb,
        meter_start_wh = new.meter_start_wh, last_reading_at = new.last_reading_at, last_received_at = new.last_received_at,
        orphaned_at = new.orphaned_at
    FROM unnest(
        %s::bigint[], %s::bigint[], %s::integer[], %s::smallint[], %s::bigint[],
        %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], string_to_array(%s, chr(30))
    ) AS new (id, energy_wh, power_w, soc_percent, meter_start_wh, last_reading_at, last_received_at, orphaned_at, meter)
    WHERE session.id = new.id AND session.status IN ('ACTIVE', 'INVALID') AND session.stop_received_at IS NULL
"""
_UPDATE_SQLITE = """
    UPDATE stations_chargingsession
    SET energy_wh = %s, power_w = %s, soc_percent = %s, meter_start_wh = %s,
        last_reading_at = %s, last_received_at = %s, orphaned_at = %s, meter = %s
    WHERE id = %s AND status IN ('ACTIVE', 'INVALID') AND stop_received_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One MeterValues of one charger."""

    charge_point_id: int
    connector_number: int
    transaction_id: int | None
    readings: tuple[Reading, ...]
    received_at: datetime
    unusable: str = ""
    """Which members of it nothing could be made of."""
    raw: str = ""
    """Its frame, where it is wanted because of them."""

    @property
    def names_a_session(self) -> bool:
        """Whether its transactionId can be one that we gave."""
        return self.transaction_id is not None and 0 < self.transaction_id <= MOST_INT32


@dataclass(slots=True)
class _Session:
    """What of a session matters here; the order is that of _COLUMNS."""

    pk: int
    code: UUID
    driver_id: int | None
    transaction_id: int
    charge_point_id: int
    connector_id: int
    number: int
    max_power_w: int | None
    status: str
    stop_received_at: datetime | None
    started_at: datetime | None
    meter_start_wh: int | None
    state: dict[str, Any]
    power_w: int | None
    soc_percent: int | None
    last_reading_at: datetime | None
    last_received_at: datetime | None
    orphaned_at: datetime | None
    warn_at_wh: int | None
    stop_at_wh: int | None
    stop_at: datetime | None
    watched_until: datetime | None
    meter: Meter | None = None

    @property
    def counts(self) -> bool:
        """Whether readings still change it; those after the end are only kept."""
        return self.stop_received_at is None and (self.status in (_ACTIVE, _INVALID))

    def take(self, reading: Reading, received_at: datetime, slack_wh: int) -> None:
        """Count one reading."""
        meter = self.meter
        if meter is None:
            meter = self.meter = Meter.of(self.state)
        said = metering.measured(reading.samples)
        at, received = reading.at.timestamp(), received_at.timestamp()
        is_new = self.last_reading_at is None or reading.at >= self.last_reading_at
        watts = said.power_w
        if said.energy_wh is not None:
            before_wh, before_at = meter.energy, meter.at
            if meter.advance(said.energy_wh, at, received, self.max_power_w, slack_wh):
                is_new = True
                if watts is None and at - before_at >= DERIVED_AFTER_S:
                    watts = min(int((meter.energy - before_wh) * 3600 / (at - before_at)), MOST_INT32)
            if self.meter_start_wh is None:
                self.meter_start_wh = said.energy_wh
        if is_new:
            self.power_w = watts if watts is not None else self.power_w
            self.soc_percent = said.soc_percent if said.soc_percent is not None else self.soc_percent
            self.last_reading_at = reading.at if self.last_reading_at is None else max(reading.at, self.last_reading_at)
        self.last_received_at = received_at
        if self.orphaned_at is not None and (reading.at > self.orphaned_at or received_at > self.orphaned_at + ALIVE_AFTER):
            self.orphaned_at = None

    @property
    def doubts(self) -> int:
        """How often its register did what no register should; one more is a reading to be kept whatever there is of others."""
        if self.meter is not None:
            return self.meter.jumps + self.meter.resets + self.meter.relative
        return int(sum(self.state.get(name, 0) for name in ("jumps", "resets", "relative")))

    @property
    def has_crossed(self) -> bool:
        """Whether somebody must look at its limits now."""
        if self.status != _ACTIVE or self.meter is None or self.last_received_at is None:
            return False
        energy_wh = self.meter.energy
        return (
            (self.warn_at_wh is not None and energy_wh >= self.warn_at_wh)
            or (self.stop_at_wh is not None and energy_wh >= self.stop_at_wh)
            or (self.stop_at is not None and self.last_received_at >= self.stop_at)
        )


def store(batch: Sequence[Incoming]) -> None:
    """Store what many chargers said, in the caller's transaction. Repetitions change nothing; nothing in it is refused."""
    if not batch:
        return
    sessions = _Sessions(batch)
    outlets = _Outlets([incoming for incoming in batch if sessions.named(incoming) is None])
    slack_wh = settings.METER_SLACK_WH
    rows: list[Row] = []
    changed: dict[int, _Session] = {}
    late: list[tuple[int, Reading, datetime]] = []
    for incoming in batch:
        received_at, box = incoming.received_at, incoming.charge_point_id
        session = sessions.of(incoming, outlets)
        is_named = session is not None and session is sessions.named(incoming)
        for reading in incoming.readings:
            if not reading.samples:
                continue
            if session is None or (not is_named and session.started_at is not None and reading.at < session.started_at):
                connector_id = outlets.id_of(incoming)
                box_id = incoming.charge_point_id if connector_id is None else None
                if budgets.has_room(box, received_at) or budgets.keeps(box, None, reading.samples, received_at):
                    rows.append(Row(None, connector_id, reading.at, received_at, reading.samples, box_id))
                continue
            is_kept = budgets.has_room(box, received_at) or budgets.keeps(box, session.pk, reading.samples, received_at)
            doubts = 0 if is_kept else session.doubts
            if session.counts:
                session.take(reading, received_at, slack_wh)
                changed[session.pk] = session
            else:
                late.append((session.pk, reading, received_at))
            if is_kept or session.doubts != doubts:
                rows.append(Row(session.pk, session.connector_id, reading.at, received_at, reading.samples))
        _note_oddities(incoming, session)
    meter_values.insert(rows)
    _update(list(changed.values()))
    _announce(changed.values())
    _look_at_limits([session for session in changed.values() if session.has_crossed])
    _look_after_end(late)
    _tell_of_floods(budgets.untold())


def _note_oddities(incoming: Incoming, session: _Session | None) -> None:
    if session is None and incoming.names_a_session:
        _note_ghost(incoming)
    if incoming.unusable:
        set_aside(incoming, incoming.unusable, raw=incoming.raw, same=incoming.unusable)


def set_aside(incoming: Incoming, reason: str, *, raw: str = "", same: str = "") -> None:
    """Keep a message that could not be stored, or not all of it, where staff will see it."""
    payload = {
        "connector_number": incoming.connector_number,
        "transaction_id": incoming.transaction_id,
        "readings": [{"at": reading.at.isoformat(), "samples": reading.samples} for reading in incoming.readings],
    }
    quarantine.keep(incoming.charge_point_id, "MeterValues", reason, payload, raw=raw, same=same, at=incoming.received_at)


class _Sessions:
    """The sessions that a batch speaks of, by one query; by a second one where somebody names none, or one that is not his."""

    def __init__(self, batch: Sequence[Incoming]) -> None:
        named = {incoming.transaction_id or 0 for incoming in batch if incoming.names_a_session}
        elsewhere = {incoming.charge_point_id for incoming in batch if not incoming.names_a_session}
        self._by_number: dict[int, _Session] = {}
        self._take(_named.of(named))
        self._take(_open_at.of(elsewhere))
        astray = {incoming.charge_point_id for incoming in batch if incoming.names_a_session and self.named(incoming) is None}
        self._take(_open_at.of(astray - elsewhere))
        open_ones = (session for session in self._by_number.values() if session.status == _ACTIVE)
        self._open = {(session.charge_point_id, session.number): session for session in open_ones}

    def _take(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for session in starmap(_Session, rows):
            self._by_number.setdefault(session.transaction_id, session)

    def named(self, incoming: Incoming) -> _Session | None:
        """The session whose number a message gives; one of another charger does not exist for this one."""
        session = self._by_number.get(incoming.transaction_id or 0)
        return session if session is not None and session.charge_point_id == incoming.charge_point_id else None

    def of(self, incoming: Incoming, outlets: "_Outlets") -> _Session | None:
        """The session a message means: by its number, else the one at its outlet, for some boxes forget or make up numbers."""
        named = self.named(incoming)
        return named if named is not None else self._open.get((incoming.charge_point_id, outlets.number_of(incoming)))


class _Outlets:
    """The outlets of those that name no session of theirs, by one query; made where the charger speaks of one for the first time."""

    def __init__(self, batch: Sequence[Incoming]) -> None:
        self._ids: dict[int, dict[int, int]] = {incoming.charge_point_id: {} for incoming in batch}
        if self._ids:
            self._load(self._ids)

    def _load(self, charge_point_ids: Iterable[int]) -> None:
        known = Connector.objects.filter(charge_point_id__in=list(charge_point_ids)).values_list("charge_point_id", "number", "id")
        for charge_point_id, number, pk in known:
            self._ids.setdefault(charge_point_id, {})[number] = pk

    def number_of(self, incoming: Incoming) -> int:
        """The outlet that is meant: 0 means the only one there is."""
        numbers = self._ids.get(incoming.charge_point_id, {})
        if incoming.connector_number == 0 and len(numbers) == 1:
            return next(iter(numbers))
        return incoming.connector_number

    def id_of(self, incoming: Incoming) -> int | None:
        """Its row; None for what 0 says of a box with several, which is about none of them more than another."""
        if incoming.charge_point_id not in self._ids:
            self._load([incoming.charge_point_id])
        numbers = self._ids.setdefault(incoming.charge_point_id, {})
        number = self.number_of(incoming)
        if number == 0 and len(numbers) > 1:
            return None
        if number not in numbers:
            made = connectivity.connector(ChargePoint.objects.get(pk=incoming.charge_point_id), number)
            numbers[made.number] = numbers[number] = made.pk
        return numbers[number]


def _update(sessions: Sequence[_Session]) -> None:
    """The last values of many sessions in one statement. One that ended meanwhile stays as it ended."""
    if not sessions:
        return
    values = [
        (
            session.pk,
            session.meter.energy if session.meter is not None else 0,
            session.power_w,
            session.soc_percent,
            session.meter_start_wh,
            session.last_reading_at,
            session.last_received_at,
            session.orphaned_at,
            orjson.dumps(session.meter).decode(),
        )
        for session in sessions
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            *columns, meters = zip(*values, strict=True)
            cursor.execute(_UPDATE_POSTGRESQL, [*map(meter_values.array, columns), meter_values.documents(meters)])
        else:
            time = connection.ops.adapt_datetimefield_value
            cursor.executemany(_UPDATE_SQLITE, [(*row[1:5], *map(time, row[5:8]), row[8], row[0]) for row in values])


def _announce(sessions: Iterable[_Session]) -> None:
    for session in sessions:
        if session.watched_until is not None and session.last_received_at is not None and session.watched_until > session.last_received_at:
            live.announce_session(str(session.code), session.charge_point_id)


def _look_at_limits(sessions: Sequence[_Session]) -> None:
    """The slow path, for the few that need it. One that fails is told in the log and hinders no other.

    Nor does one whose wallet somebody holds: a batch is many chargers' and must not wait for it. The next reading looks again.
    """
    if sessions and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {LONGEST_LOCK_MS}")
    for session in sorted(sessions, key=lambda one: one.driver_id or 0):
        try:
            with transaction.atomic():
                limits.look_again(session.pk, now=session.last_received_at or timezone.now())
        except (OperationalError, InterfaceError) as error:
            if not is_in_other_hands(error):
                raise
            logger.warning("the limits of session %s wait for its wallet, which is in other hands", session.code)
        except Exception:
            logger.exception("the limits of session %s could not be looked at", session.code)


def _look_after_end(late: Iterable[tuple[int, Reading, datetime]]) -> None:
    """The slow path of sessions that have ended and are still spoken of; a failure hinders nobody either."""
    last = {session_id: (register, at) for session_id, reading, at in late if (register := metering.energy_wh(reading)) is not None}
    for session_id, (register, at) in last.items():
        try:
            with transaction.atomic():
                alarms.flows_after_end(session_id, register, now=at)
        except (OperationalError, InterfaceError) as error:
            if not is_in_other_hands(error):
                raise
        except Exception:
            logger.exception("what flows after the end of session %d could not be looked at", session_id)


def _tell_of_floods(charge_point_ids: Sequence[int]) -> None:
    """Tell the owners of chargers that have sent more today than is kept."""
    for charge_point in ChargePoint.objects.select_related("owner").filter(pk__in=charge_point_ids) if charge_point_ids else ():
        logger.warning("charge point %s has sent more readings today than are kept; they are thinned", charge_point.code)
        alarms.tell_owner(
            charge_point, alarms.SENDS_TOO_MUCH, now=timezone.now(), url=reverse("ocpp_core:deviations", args=[charge_point.code])
        )


def _note_ghost(incoming: Incoming) -> None:
    """A transaction that is not this charger's: some boxes repeat one for ever, so it is noted once an hour."""
    key = (incoming.charge_point_id, incoming.transaction_id or 0)
    noted_at = _ghosts.get(key)
    if noted_at is not None and incoming.received_at < noted_at + GHOST_REMEMBERED:
        return
    _ghosts[key] = incoming.received_at
    while len(_ghosts) > GHOSTS_KEPT:
        _ghosts.popitem(last=False)
    payload = {"transaction_id": incoming.transaction_id, "connector_number": incoming.connector_number}
    quarantine.keep(incoming.charge_point_id, "MeterValues", "unknown transaction", payload, at=incoming.received_at)
