"""The charging profiles a box holds, as far as its answers told us."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet, prefetch_related_objects
from django.utils import timezone

from accounts import id_tokens
from chargeshare.sentences import Question
from ocpp_core import vendors
from ocpp_core.charging_profiles import abilities
from ocpp_core.charging_profiles.abilities import Abilities
from ocpp_core.charging_profiles.schedules import Charging, Held, moment
from ocpp_core.models import ChargingProfile, CompositeSchedule, ConfigurationKey
from stations.models import ChargePoint, ChargingSession, Command

TX = ChargingProfile.Purpose.TX
KEPT_EXPIRED = timedelta(days=30)
WAITS_FOR = timedelta(days=1)
MOST_PERIODS = 1_000
LARGEST_ID = 2**63 - 1
LONGEST_S = 366 * 86_400
_RUNNING = Q(status=ChargingSession.Status.ACTIVE) | Q(
    status=ChargingSession.Status.INVALID, start_received_at__isnull=False, stop_received_at=None
)


def can(charge_point: ChargePoint) -> Abilities:
    """What this charger can take, as far as its make and its configuration tell."""
    make = vendors.profile_of(charge_point.vendor, charge_point.model, charge_point.firmware)
    keys = ConfigurationKey.objects.filter(charge_point=charge_point, is_known=True).values_list("key", "value")
    return abilities.of(make, {key: value for key, value in keys if abilities.speaks_of(key)})


# What answers teach


@transaction.atomic
def remember_set(charge_point_id: int, payload: Mapping[str, Any]) -> None:
    """A charger took a profile: it stands where one of the same number stood, or of the same purpose and level at the connector."""
    number, profile = payload["connectorId"], payload["csChargingProfiles"]
    if not _can_be_kept(profile, number):
        return
    same = Q(purpose=profile["chargingProfilePurpose"], stack_level=profile["stackLevel"], connector_number=number)
    _of(charge_point_id).filter(Q(profile_id=profile["chargingProfileId"]) | same).delete()
    transaction_id = profile.get("transactionId")
    if profile["chargingProfilePurpose"] == TX and transaction_id is None:
        running = ChargingSession.objects.filter(_RUNNING, charge_point_id=charge_point_id, connector__number=number)
        transaction_id = running.order_by("-pk").values_list("transaction_id", flat=True).first()
    _keep(charge_point_id, "SetChargingProfile", profile, connector_number=number, transaction_id=transaction_id)
    catch_up(charge_point_id)


@transaction.atomic
def remember_start(charge_point_id: int, payload: Mapping[str, Any]) -> None:
    """A charger took a request to start with a profile in it: the profile waits for the session that begins under this tag."""
    number, profile = payload.get("connectorId"), payload.get("chargingProfile")
    if not isinstance(profile, dict) or not _can_be_kept(profile, number or 0):
        return
    tag = id_tokens.key(payload["idTag"])[:64]
    _of(charge_point_id).filter(purpose=TX, transaction_id=None, connector_number=number).exclude(id_tag="").delete()
    _keep(charge_point_id, "RemoteStartTransaction", profile, connector_number=number, id_tag=tag)
    catch_up(charge_point_id)


def remember_cleared(charge_point_id: int, payload: Mapping[str, Any]) -> None:
    """A charger cleared what was asked for, or says that it holds nothing of the kind: either way it is not there.

    A number says which one; only without it do the other words choose.
    """
    if "id" in payload:
        asked = Q(profile_id=_number(payload["id"]))
    else:
        names = {"connectorId": "connector_number", "chargingProfilePurpose": "purpose", "stackLevel": "stack_level"}
        asked = Q(**{column: _number(payload[name]) for name, column in names.items() if name in payload})
    _of(charge_point_id).filter(asked).delete()


def remember_composite(charge_point_id: int, payload: Mapping[str, Any], response: Mapping[str, Any]) -> None:
    """Keep the limit a charger says it holds; the last answer for each connector."""
    now = timezone.now()
    said = response.get("chargingSchedule")
    schedule = _schedule(said, str(payload.get("chargingRateUnit", "A"))) if isinstance(said, dict) else None
    begins = moment(response.get("scheduleStart")) or (moment(said.get("startSchedule")) if isinstance(said, dict) else None)
    if begins is None or abs(now - begins) > timedelta(seconds=LONGEST_S):
        begins = now
    CompositeSchedule.objects.update_or_create(
        charge_point_id=charge_point_id,
        connector_number=_number(payload["connectorId"]),
        defaults={"starts_at": begins, "schedule": schedule, "received_at": now},
    )


# Sessions begin and end


_of_one_session = Question(lambda charge_point_id: _of(charge_point_id).filter(purpose=TX))


def catch_up(charge_point_id: int) -> int:
    """Give profiles of one session to the one that has begun, and forget those whose session is over; how many changed.

    A start may be told before our own request was answered, so it is looked for from both sides.
    """
    changed = 0
    rows = _of_one_session.all(charge_point_id)
    prefetch_related_objects(rows, "command")
    for row in rows:
        if row.is_waiting:
            changed += _attach(row)
        elif _is_over(row):
            changed += row.delete()[0]
    return changed


def held(charge_point: ChargePoint) -> list[ChargingProfile]:
    """What the box holds now."""
    catch_up(charge_point.pk)
    return list(_of(charge_point.pk).select_related("command__asked_by", "command__session"))


def as_held(row: ChargingProfile) -> Held:
    """A kept profile for the reckoning. One for any outlet stands at none."""
    number = -1 if row.connector_number is None else row.connector_number
    return Held.of(row.profile, number, row.accepted_at, row.transaction_id)


def charging_at(charge_point: ChargePoint, connector_number: int) -> Charging | None:
    """The session that runs at an outlet."""
    running = ChargingSession.objects.filter(_RUNNING, charge_point=charge_point, connector__number=connector_number)
    session = running.order_by("-pk").first()
    return None if session is None else Charging(session.started_at or session.created_at, session.transaction_id)


def forget(*, now: datetime) -> int:
    """Delete what no box holds any more: of sessions that are over, of starts that never came, of retired chargers, long expired."""
    count = 0
    for charge_point_id in list(ChargingProfile.objects.filter(purpose=TX).values_list("charge_point_id", flat=True).distinct()):
        count += catch_up(charge_point_id)
    gone = Q(charge_point__retired_at__lt=now - timedelta(days=1))
    never_begun = Q(purpose=TX, transaction_id=None, accepted_at__lt=now - WAITS_FOR) & ~Q(id_tag="")
    count += ChargingProfile.objects.filter(gone | never_begun | Q(valid_to__lt=now - KEPT_EXPIRED)).delete()[0]
    return count + CompositeSchedule.objects.filter(gone).delete()[0]


def _of(charge_point_id: int) -> QuerySet[ChargingProfile]:
    return ChargingProfile.objects.filter(charge_point_id=charge_point_id)


def _keep(charge_point_id: int, action: str, profile: Mapping[str, Any], **more: Any) -> None:
    asked = Command.objects.filter(charge_point_id=charge_point_id, action=action, sent_at__isnull=False)  # one at a time
    ChargingProfile.objects.create(
        charge_point_id=charge_point_id,
        profile_id=profile["chargingProfileId"],
        stack_level=profile["stackLevel"],
        purpose=profile["chargingProfilePurpose"],
        kind=profile["chargingProfileKind"],
        recurrency=profile.get("recurrencyKind", ""),
        valid_from=moment(profile.get("validFrom")),
        valid_to=moment(profile.get("validTo")),
        profile=dict(profile),
        command=asked.order_by("-sent_at").first(),
        accepted_at=timezone.now(),
        **more,
    )


def _attach(row: ChargingProfile) -> int:
    """Find the session that a waiting profile was meant for."""
    asked_at = row.command.sent_at if row.command is not None and row.command.sent_at is not None else row.accepted_at
    begun = ChargingSession.objects.filter(charge_point_id=row.charge_point_id, start_received_at__gte=asked_at).select_related("connector")
    meant = row.command.session_id if row.command is not None else None
    for session in begun.order_by("pk"):
        if session.pk == meant or id_tokens.key(session.id_tag) == row.id_tag:
            row.transaction_id, row.connector_number, row.id_tag = session.transaction_id, session.connector.number, ""
            if _is_over(row):
                row.delete()
            else:
                row.save(update_fields=["transaction_id", "connector_number", "id_tag"])
            return 1
    return 0


def _is_over(row: ChargingProfile) -> bool:
    """Whether its session has ended; of one that is none of ours, whether another has begun at the connector since."""
    sessions = ChargingSession.objects.filter(charge_point_id=row.charge_point_id)
    own = sessions.filter(transaction_id=row.transaction_id) if row.transaction_id is not None else sessions.none()
    if own.exists():
        return not own.filter(_RUNNING).exists()
    later = sessions.filter(start_received_at__gt=row.accepted_at)
    return row.connector_number is not None and later.filter(connector__number=row.connector_number).exists()


def _can_be_kept(profile: Mapping[str, Any], connector_number: int) -> bool:
    """Whether its numbers are such as a table holds. The schema knows no bounds."""
    numbers = [profile["chargingProfileId"], profile["stackLevel"], connector_number, profile.get("transactionId", 0)]
    return all(abs(number) <= LARGEST_ID for number in numbers) and connector_number >= 0


def _number(said: Any) -> Any:
    """A number that a table can be asked for; another one stands for what nobody holds."""
    return said if not isinstance(said, int) or abs(said) <= LARGEST_ID else -1


def _schedule(said: Mapping[str, Any], asked_unit: str) -> dict[str, Any] | None:
    """What a charger says of its limit, as plain numbers: text for numbers is read, what is none is left out."""
    unit = str(said.get("chargingRateUnit", asked_unit)).strip().upper()
    entries = said.get("chargingSchedulePeriod")
    periods = []
    for entry in entries[:MOST_PERIODS] if isinstance(entries, list) else []:
        start, limit = (_finite(entry.get(name)) for name in ("startPeriod", "limit")) if isinstance(entry, dict) else (None, None)
        if start is not None and limit is not None and 0 <= start <= LONGEST_S:
            phases = _finite(entry.get("numberPhases"))
            periods.append({"startPeriod": int(start), "limit": limit} | ({"numberPhases": int(phases)} if phases in (1, 2, 3) else {}))
    if not periods:
        return None
    schedule: dict[str, Any] = {"chargingRateUnit": unit if unit in ("A", "W") else asked_unit, "chargingSchedulePeriod": periods}
    duration = _finite(said.get("duration"))
    return schedule if duration is None or not 0 < duration <= LONGEST_S else {**schedule, "duration": int(duration)}


def _finite(said: Any) -> float | None:
    """A number, also where it came as text."""
    if isinstance(said, bool) or not isinstance(said, (int, float, str)):
        return None
    try:
        read = float(said)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None
