"""Updates of a box's firmware: what was asked of it, and what it says while it does it, for minutes or for days.

The box answers and begins at once, and answers and reports are taken in by different threads: both take the charger's row
first, and whoever comes second finds what the other has written.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ocpp_core.models import FirmwareUpdate
from ocpp_core.models.firmware import Reported
from stations import live
from stations.models import ChargePoint, Command

Payload = Mapping[str, Any]
R = TypeVar("R", bound=Reported)
Status = FirmwareUpdate.Status

ACTIONS = ("UpdateFirmware", "SignedUpdateFirmware")
WORD = 40
INT32_MAX = 2**31 - 1
LOOKED_AT = 20  # the newest rows of a charger among which a word finds the one it is about
OPEN_FOR = timedelta(days=7)  # how long after its last sign something still counts as under way
AGAIN_WITHIN = timedelta(days=1)
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*(?=@)")


@transaction.atomic
def asked(charge_point_id: int, payload: Payload, answer: Payload, *, is_signed: bool) -> None:
    """Keep what a box answered to UpdateFirmware or SignedUpdateFirmware. One box installs one firmware: an older update is replaced."""
    charge_point = _locked(charge_point_id)
    now = timezone.now()
    image = payload.get("firmware") if is_signed else payload
    image = image if isinstance(image, dict) else {}
    word = text(answer.get("status"), WORD) if is_signed else ""
    is_refused = is_signed and word not in ("Accepted", "AcceptedCanceled")
    newest = _newest(charge_point)
    update = None if is_refused else overtook(newest, being_answered(charge_point, ACTIONS))
    if not is_refused:
        for older in newest:
            if older.ended_at is None and older is not update:
                older.replace(now)
                older.save(update_fields=["was_replaced", "ended_at"])
    update = update or FirmwareUpdate(charge_point=charge_point, created_at=now, firmware_before=charge_point.firmware)
    update.was_asked, update.is_signed, update.answer = True, is_signed, word
    update.request_id = number(payload.get("requestId")) if is_signed else None
    update.location = without_password(text(image.get("location"), 2000))
    update.retrieve_at = instant(image.get("retrieveDateTime" if is_signed else "retrieveDate"))
    update.install_at = instant(image.get("installDateTime"))
    update.retries, update.retry_interval_s = number(payload.get("retries")), number(payload.get("retryInterval"))
    if is_refused:
        update.ended_at = now
    update.save()
    live.charge_point_changed(charge_point, "firmware")


@transaction.atomic
def heard(charge_point_id: int, status: str, *, request_id: int | None = None, at: datetime) -> None:
    """Keep a word of a box on its update, also where nobody asked for one. That it does nothing at the moment ends nothing."""
    charge_point = _locked(charge_point_id)
    newest = _newest(charge_point)
    newest = since_asked(newest, unanswered(charge_point, ACTIONS), request_id)
    update = meant(newest, request_id, at=at) or _again(newest, status, request_id, at)
    if status == Status.IDLE and (update is None or not update.status or update.ended_at is not None):
        return
    if update is None:
        update = FirmwareUpdate(
            charge_point=charge_point, created_at=at, firmware_before=charge_point.firmware, was_asked=False, request_id=request_id
        )
    has_booted = update.status == Status.BOOTED
    update.add(status, at)
    if has_booted and status not in FirmwareUpdate.FAILURES:
        update.status = Status.BOOTED  # it has shown its new firmware: what it says of it later is history
    if status in FirmwareUpdate.FAILURES or update.status in (Status.INSTALLED, Status.BOOTED):
        update.ended_at = update.ended_at or at
    elif not update.was_replaced:
        update.ended_at = None  # it tries once more
    update.save()
    live.charge_point_changed(charge_point, "firmware")


@transaction.atomic
def booted(charge_point: ChargePoint, firmware: str, *, at: datetime) -> None:
    """A box has come back with other firmware than before: that is the proof, whatever it said or did not say on the way."""
    update = FirmwareUpdate.objects.filter(charge_point=charge_point).select_for_update().order_by("-pk").first()
    if update is None or update.was_replaced or update.last_sign_at < at - OPEN_FOR:
        return
    is_due = update.retrieve_at is None or update.retrieve_at <= at
    if update.ended_at is None and is_due:
        update.add(Status.BOOTED, at)
        update.ended_at = at
    elif update.status != Status.INSTALLED or update.firmware_after:
        return
    update.firmware_after = firmware
    update.save()
    live.charge_point_changed(charge_point, "firmware")


def asked_for(charge_point_ids: Collection[int]) -> set[int]:
    """Those among them that were ever asked to take other firmware."""
    if not charge_point_ids:
        return set()
    return set(FirmwareUpdate.objects.filter(charge_point_id__in=charge_point_ids).values_list("charge_point_id", flat=True))


def _again(newest: list[FirmwareUpdate], status: str, request_id: int | None, at: datetime) -> FirmwareUpdate | None:
    """An update that was over and of which the box speaks once more: it repeats itself, tries again, or has restarted since."""
    last = newest[0] if newest else None
    if last is None or last.ended_at is None or last.was_replaced or last.request_id not in (None, request_id or last.request_id):
        return None
    if status == last.status:
        return last
    is_near = last.last_sign_at > at - AGAIN_WITHIN
    goes_on = last.status == Status.BOOTED or (last.status == Status.DOWNLOAD_FAILED and status != Status.INSTALLED)
    return last if is_near and goes_on else None


# What updates and uploads have in common


def meant(newest: Iterable[R], request_id: int | None, *, at: datetime) -> R | None:
    """The row a word is about: the one with its number, else the newest that is under way.

    A number nobody gave names none of those that have one; 0 and -1 are what boxes write that have no number to tell.
    """
    rows = list(newest)
    if request_id is not None:
        numbered = next((row for row in rows if row.request_id == request_id), None)
        if numbered is not None:
            return numbered
        if request_id > 0:
            rows = [row for row in rows if row.request_id is None]
    return next((row for row in rows if row.ended_at is None and row.last_sign_at > at - OPEN_FOR), None)


def unanswered(charge_point: ChargePoint, actions: Sequence[str]) -> Command | None:
    """The request whose answer is not written down yet. What a box says meanwhile is about that one: its words may overtake its answer."""
    sent = Command.objects.filter(charge_point=charge_point, action__in=actions, status=Command.Status.SENT)
    return sent.order_by("-pk").first()


def being_answered(charge_point: ChargePoint, actions: Sequence[str]) -> Command | None:
    """The request whose answer is being written down. A box may have restarted since it answered; its request was given up then."""
    given_up = (Command.Status.SENT, Command.Status.UNANSWERED)
    return Command.objects.filter(charge_point=charge_point, action__in=actions, status__in=given_up).order_by("-pk").first()


def since_asked(newest: list[R], request: Command | None, request_id: int | None) -> list[R]:
    """Those a word can be about while a request is unanswered: not those before it, unless the word says the number of one."""
    if request is None or (request_id is not None and any(row.request_id == request_id for row in newest)):
        return newest
    return [row for row in newest if row.is_since(request)]


def overtook(newest: Iterable[R], request: Command | None) -> R | None:
    """The row that nobody seemed to have asked for, if it is what was asked just now."""
    return None if request is None else next((row for row in newest if not row.was_asked and row.is_since(request)), None)


def text(said: object, limit: int) -> str:
    """A text of an answer or a request; "" for anything else."""
    return "".join(letter for letter in said if letter.isprintable())[:limit].strip() if isinstance(said, str) else ""


def number(said: object) -> int | None:
    """A whole number of 32 bits; None for anything else."""
    return said if isinstance(said, int) and not isinstance(said, bool) and abs(said) <= INT32_MAX else None


def instant(said: object) -> datetime | None:
    """A time; None for anything else."""
    try:
        moment = parse_datetime(said) if isinstance(said, str) else None
        if moment is None:
            return None
        return moment.astimezone(UTC) if timezone.is_aware(moment) else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def without_password(location: str) -> str:
    """An address as it may be shown."""
    return _PASSWORD.sub(r"\1:***", location)


def _newest(charge_point: ChargePoint) -> list[FirmwareUpdate]:
    """Locked: the box may come back with its new firmware at the very moment its last word is taken in."""
    return list(FirmwareUpdate.objects.select_for_update().filter(charge_point=charge_point).order_by("-pk")[:LOOKED_AT])


def _locked(charge_point_id: int) -> ChargePoint:
    return ChargePoint.objects.select_for_update(no_key=True).get(pk=charge_point_id)
