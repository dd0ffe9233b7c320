"""StopTransaction: the charger's last word on a session. Whatever it says, it is acknowledged: refusing only makes it repeat."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts import id_tokens
from billing import ledger
from chargeshare.sentences import Question
from stations import authorization, live, meter_values, metering, quarantine
from stations.metering import Meter, Outcome, Reading
from stations.models import ChargePoint, ChargingSession, MeterCase, QuarantinedMessage
from stations.sessions import ending, protection

logger = logging.getLogger(__name__)
Status = ChargingSession.Status
MOST_INT32 = 2**31 - 1
HEURISTIC = "matched by heuristic"
UNKNOWN = "unknown transaction"
KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True)
class StopAnswer:
    """What a StopTransaction is answered about its idTag; nothing where it named none."""

    status: str | None = None
    parent_tag: str = ""


@dataclass(frozen=True)
class _Stop:
    """What a StopTransaction says."""

    charge_point: ChargePoint
    transaction_id: int | None
    meter_stop_wh: int | None
    stopped_at: datetime
    stopped_at_said: str
    reason: str
    id_tag: str
    readings: Sequence[Reading]
    received_at: datetime

    def written(self) -> dict[str, Any]:
        """As JSON, for the quarantine."""
        return {
            "transaction_id": self.transaction_id,
            "meter_stop_wh": self.meter_stop_wh,
            "stopped_at": self.stopped_at_said or self.stopped_at.isoformat(),
            "reason": self.reason,
            "id_tag": self.id_tag,
            "readings": [{"at": reading.at.isoformat(), "samples": reading.samples} for reading in self.readings],
        }


def stop(  # noqa: PLR0913 - as many words as the charger says
    charge_point: ChargePoint,
    *,
    transaction_id: int | None,
    meter_stop_wh: int | None,
    stopped_at: datetime,
    stopped_at_said: str = "",
    reason: str = "Local",
    id_tag: str = "",
    readings: Sequence[Reading] = (),
    received_at: datetime,
) -> StopAnswer:
    """End a session and settle it. Repetitions, days later as well, change nothing; what fits no session is kept for staff.

    A session that was closed without it and settled from an estimate is put right.
    """
    clean = quarantine.clean
    word = _Stop(
        charge_point=charge_point,
        transaction_id=transaction_id,
        meter_stop_wh=meter_stop_wh,
        stopped_at=stopped_at,
        stopped_at_said=clean(stopped_at_said)[:40],
        reason=clean(reason) or "Local",
        id_tag=clean(id_tag)[:64],
        readings=readings,
        received_at=received_at,
    )
    _stop(word)
    return _answer(word)


@ledger.retried
@transaction.atomic(savepoint=False)
def _stop(word: _Stop) -> None:
    session = _named(word)
    guessed = False
    if session is None and not _is_ours(word.transaction_id):
        session = _only_open(word)
        guessed = session is not None
    if session is None:
        _quarantine(word)
        return
    if guessed:
        session.note = session.note or HEURISTIC
    meter = _take_readings(session, word)
    if session.status == Status.ACTIVE or (session.status == Status.INVALID and session.stop_received_at is None):
        _end(session, word, meter)
        protection.stand_down(session)
    elif session.status == Status.COMPLETED and session.is_estimated:
        _put_right(session, word, meter)


def has_kept(charge_point: ChargePoint, *, now: datetime) -> bool:
    """Whether a stop of this charger waits for its start."""
    return _first_waiting.first(charge_point.pk, now - KEPT_FOR) is not None


def _waiting(charge_point_id: int, since: datetime) -> QuerySet[QuarantinedMessage]:
    kept = QuarantinedMessage.objects.filter(charge_point_id=charge_point_id, action="StopTransaction", reason=UNKNOWN, resolved_at=None)
    return kept.filter(received_at__gt=since).order_by("pk")


_first_waiting = Question(lambda charge_point_id, since: _waiting(charge_point_id, since).values_list("pk", flat=True)[:1])


@ledger.retried
@transaction.atomic
def end_by_kept(charge_point: ChargePoint, transaction_id: int, *, now: datetime) -> bool:
    """A start came whose stop came before it, from a queue told out of order: end it by that. The stop was kept for this."""
    waiting = list(_waiting(charge_point.pk, now - KEPT_FOR))
    if not waiting:
        return False
    session = ending.lock(ChargingSession.objects.of(charge_point).values_list("pk", flat=True).get(transaction_id=transaction_id))
    is_estimated = session.status == Status.COMPLETED and session.is_estimated
    if session.stop_received_at is not None and not is_estimated:
        return False
    fitting = [(word, message) for message in waiting if (word := _kept(message, session, now)) and _ends(word, session)]
    if not fitting:
        return False
    word, message = min(fitting, key=lambda pair: pair[0].stopped_at)
    session.note = session.note or HEURISTIC
    meter = _take_readings(session, word)
    if is_estimated:
        _put_right(session, word, meter)
    else:
        _end(session, word, meter)
        protection.stand_down(session)
    QuarantinedMessage.objects.filter(pk=message.pk).update(resolved_at=now)
    return True


def _kept(message: QuarantinedMessage, session: ChargingSession, now: datetime) -> _Stop | None:
    """A stop out of the quarantine, as it was understood then."""
    said = message.payload
    if not isinstance(said, dict) or "at" not in said:
        return None
    readings = [Reading(datetime.fromisoformat(reading["at"]), reading["samples"]) for reading in said["readings"]]
    return _Stop(
        charge_point=session.charge_point,
        transaction_id=session.transaction_id,
        meter_stop_wh=said["meter_stop_wh"],
        stopped_at=datetime.fromisoformat(said["at"]),
        stopped_at_said=said["stopped_at"][:40],
        reason=said["reason"],
        id_tag=said["id_tag"],
        readings=readings,
        received_at=now,
    )


def _ends(word: _Stop, session: ChargingSession) -> bool:
    """Whether a stop can be the end of this session: time, meter and card agree, and the energy can have flowed."""
    if session.started_at is None or not session.started_at <= word.stopped_at <= word.received_at or word.meter_stop_wh is None:
        return False
    more_wh = word.meter_stop_wh - (session.meter_start_wh or 0)
    seconds = (word.stopped_at - session.started_at).total_seconds()
    most_wh = metering.plausible_wh(session.connector.max_power_w, seconds, settings.METER_SLACK_WH)
    tag = id_tokens.key(word.id_tag)
    return 0 <= more_wh <= most_wh and (not tag or tag == id_tokens.key(session.id_tag))


def _end(session: ChargingSession, word: _Stop, meter: Meter) -> None:
    if session.meter_start_wh is None and meter.readings:
        session.meter_start_wh = (meter.register or 0) - meter.energy
    result = ending.measure(session, meter_stop_wh=word.meter_stop_wh, at=word.stopped_at, received_at=word.received_at, meter=meter)
    ending.finish(session, result, stopped_at=word.stopped_at, received_at=word.received_at, reason=word.reason, said=word.stopped_at_said)


def _put_right(session: ChargingSession, word: _Stop, meter: Meter) -> None:
    """The true word about a session that was settled from an estimate; also the word that only comes again."""
    if session.meter_cases.filter(kind=MeterCase.Kind.LATE).exclude(outcome="").exists():
        return  # decided
    result: Outcome = ending.measure(
        session, meter_stop_wh=word.meter_stop_wh, at=word.stopped_at, received_at=word.received_at, meter=meter
    )
    stopped_at = max(min(word.stopped_at, word.received_at), session.started_at or word.stopped_at)
    changes = {
        "energy_wh": result.energy_wh,
        "meter_stop_wh": result.meter_stop_wh,
        "stopped_at": stopped_at,
        "stopped_at_said": word.stopped_at_said,
        "stop_reason": word.reason[:30],
        "is_estimated": False,
    }
    late: dict[str, Any] = {
        "late_meter_stop_wh": result.meter_stop_wh,
        "late_stopped_at": stopped_at,
        "late_stopped_at_said": word.stopped_at_said,
        "late_reason": word.reason[:30],
    }
    if result.doubt:
        claimed_wh = (result.meter_stop_wh or 0) - (session.meter_start_wh or 0)
        ending.wait_for_staff(session, reported_wh=max(result.energy_wh, claimed_wh), doubt=result.doubt, **late)
    elif not ending.correct(session, changes):
        ending.wait_for_staff(session, reported_wh=result.energy_wh, **late)


def _take_readings(session: ChargingSession, word: _Stop) -> Meter:
    """Keep what came with the StopTransaction, and count what of it is new."""
    meter = Meter.of(session.meter)
    received = word.received_at
    in_order = sorted(word.readings, key=lambda reading: reading.at)
    rows = [
        meter_values.Row(session.pk, session.connector_id, reading.at, received, reading.samples) for reading in in_order if reading.samples
    ]
    meter_values.insert(rows)
    if session.status not in (Status.ACTIVE, Status.INVALID) and not session.is_estimated:
        return meter
    for reading in in_order:
        register = metering.energy_wh(reading)
        if register is not None and reading.at.timestamp() > meter.at - (0 if meter.readings else 1):
            power_w = session.connector.max_power_w
            meter.advance(register, reading.at.timestamp(), received.timestamp(), power_w, settings.METER_SLACK_WH)
            session.last_reading_at = reading.at
            session.last_received_at = received
    session.meter = meter.state()
    return meter


_begun = Question(
    lambda charge_point_id, transaction_id: (
        ChargingSession.objects.select_for_update()
        .filter(charge_point_id=charge_point_id, transaction_id=transaction_id, start_received_at__isnull=False)
        .values_list("pk", flat=True)
    )
)


def _named(word: _Stop) -> ChargingSession | None:
    """The session of this charger with this transactionId; those of others do not exist for it."""
    if word.transaction_id is None or not _is_ours(word.transaction_id):
        return None
    return ending.lock_first(_begun, word.charge_point, word.charge_point.pk, word.transaction_id)


def _is_ours(transaction_id: int | None) -> bool:
    """Whether we could have given this number."""
    return transaction_id is not None and 0 < transaction_id <= MOST_INT32


def _only_open(word: _Stop) -> ChargingSession | None:
    """For a charger that lost the number: the one session it can mean, if time, meter and card agree."""
    active = ChargingSession.objects.of(word.charge_point).filter(status=Status.ACTIVE).values_list("pk", flat=True)[:2]
    if len(active) != 1:
        return None
    session = ending.lock(active[0])
    if session.status != Status.ACTIVE or (session.started_at is not None and word.stopped_at < session.started_at):
        return None
    if word.meter_stop_wh is None or word.meter_stop_wh < (session.meter_start_wh or 0):
        return None
    tag = id_tokens.key(word.id_tag)
    return session if not tag or tag == id_tokens.key(session.id_tag) else None


def _quarantine(word: _Stop) -> None:
    number = word.transaction_id if word.transaction_id is not None and _is_ours(word.transaction_id) else None
    if number is None and _came_before(word):
        return
    reason = UNKNOWN
    if number is not None and ChargingSession.objects.filter(transaction_id=number).exclude(charge_point=word.charge_point).exists():
        reason = "transaction of another charger"
        logger.warning("security: charge point %d tried to stop a transaction of another charger", word.charge_point.pk)
    said = word.written()
    kept = {**said, "at": min(word.stopped_at, word.received_at).isoformat()}
    same = json.dumps(said, sort_keys=True, default=str)
    quarantine.keep(word.charge_point.pk, "StopTransaction", reason, kept, same=same, at=word.received_at)
    live.charge_point_changed(word.charge_point, "quarantine")


def _came_before(word: _Stop) -> bool:
    """Whether a stop without a number has ended its session already and is only repeated."""
    ended = ChargingSession.objects.of(word.charge_point).exclude(stop_received_at=None)
    return ended.filter(
        stopped_at_said=word.stopped_at_said, stop_reason=word.reason[:30], meter_stop_wh=word.meter_stop_wh, note__startswith=HEURISTIC
    ).exists()


def _answer(word: _Stop) -> StopAnswer:
    """What of the card that stopped: it never decides whether the stop counts."""
    if not id_tokens.key(word.id_tag):
        return StopAnswer()
    who = authorization.identify(word.charge_point, word.id_tag)
    if who.is_accepted:
        return StopAnswer(who.status, who.parent_tag)
    session = _named_by(word)
    if session is not None and session.driver is not None:
        return StopAnswer(authorization.ACCEPTED, session.driver.group_tag)
    return StopAnswer(who.status)


def _named_by(word: _Stop) -> ChargingSession | None:
    """The session that began under the one-time tag that ended it."""
    if word.transaction_id is None or not _is_ours(word.transaction_id):
        return None
    own = ChargingSession.objects.of(word.charge_point).select_related("driver").filter(id_tag_status=authorization.ACCEPTED)
    session = own.filter(transaction_id=word.transaction_id, id_token=None).first()
    if session is None or not id_tokens.key(word.id_tag).startswith(id_tokens.key(session.id_tag)):
        return None
    return session
