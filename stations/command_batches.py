"""The same request to many chargers: asked in one go, sent charger by charger at a pace, and called off half-way if need be.

A batch is rows of commands whose turns come one after the other, so whatever holds for one command holds here too: the rows
are the outbox, a restart loses nothing, and a charger that is away has its answer at once.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from chargeshare import bus
from chargeshare.errors import DomainError, Invalid
from stations import places
from stations.commands import REST_S, RESTING, TOO_OLD
from stations.models import ChargePoint, Command, CommandBatch
from stations.models.command import is_secret, without_secrets

MOST_CHARGERS = 20_000
USUAL_PER_MINUTE = 60
MOST_PER_MINUTE = 6_000
AT_ONCE = 1_000

Status = Command.Status
T = TypeVar("T")


class NothingToAsk(DomainError):
    """No charger was chosen."""

    code = "no_chargers"
    message = gettext_lazy("No charger was chosen.")


class Progress(NamedTuple):
    """How far a batch has got: how many commands stand how, and how many chargers answered which word."""

    total: int
    by_status: dict[str, int]
    by_word: dict[str, int]

    @property
    def waiting(self) -> int:
        """How many have not been asked yet."""
        return self.by_status.get(Status.PENDING, 0)

    @property
    def done(self) -> int:
        """For how many it is settled what came of it."""
        return self.total - self.waiting - self.by_status.get(Status.SENT, 0)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.done >= self.total


@dataclass(frozen=True)
class Wanted:
    """Which chargers: by what their boxes say of themselves, whether they are connected, and a word of name, town or identity."""

    make: str = ""
    model: str = ""
    firmware: str = ""
    is_online: bool | None = None
    text: str = ""


def within_reach(user: User) -> QuerySet[ChargePoint]:
    """The chargers this person may command: her own that are in service; staff all."""
    alive = ChargePoint.objects.alive().order_by("name", "id")
    return alive if user.is_staff else alive.filter(owner=user)


def fitting(user: User, wanted: Wanted) -> QuerySet[ChargePoint]:
    """Those of them that are as wanted."""
    found = within_reach(user)
    for column, value in (("vendor", wanted.make), ("model", wanted.model), ("firmware", wanted.firmware)):
        found = found.filter(**{column: value}) if value else found
    if wanted.text:
        found = found.filter(Q(search_text__contains=places.plain(wanted.text)) | Q(identity__icontains=wanted.text))
    if wanted.is_online is not None:
        online = ChargePoint.objects.online().values("pk")
        found = found.filter(pk__in=online) if wanted.is_online else found.exclude(pk__in=online)
    return found


def named(user: User, codes: Collection[str]) -> list[ChargePoint]:
    """Those with these codes. One that is not hers is like one that does not exist."""
    found = {one.code: one for some in _chunks(sorted(set(codes))) for one in within_reach(user).filter(code__in=some)}
    for code in codes:
        if code not in found:
            raise _refused("charge_points", _("There is no charger of yours with the code %(code)s.") % {"code": code[:20]})
    return list(found.values())


def begin(
    charge_points: Iterable[ChargePoint],
    action: str,
    payload: Mapping[str, Any],
    *,
    asked_by: User,
    per_minute: int = USUAL_PER_MINUTE,
) -> CommandBatch:
    """Ask many chargers for the same. Those that are away are done with at once, the others get their turns one after the other."""
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise _refused("per_minute", _("Between 1 and %(most)d chargers a minute can be asked.") % {"most": MOST_PER_MINUTE})
    if _holds_secret(payload):
        raise _refused("payload", _("A password belongs to one charger: set it at each of them."))
    chosen = sorted({charge_point.pk for charge_point in charge_points})
    if not chosen:
        raise NothingToAsk
    if len(chosen) > MOST_CHARGERS:
        raise Invalid(_("At most %(most)d chargers can be asked at once.") % {"most": MOST_CHARGERS})
    with transaction.atomic():
        batch = CommandBatch.objects.create(
            action=action, payload=dict(payload), asked_by=asked_by, total=len(chosen), per_minute=per_minute
        )
        Command.objects.bulk_create(_rows(batch, chosen), batch_size=AT_ONCE)
        first = Command.objects.filter(batch=batch, status=Status.PENDING).order_by("pk").values_list("pk", "charge_point_id").first()
        if first is not None:
            bus.publish("chargers", "command.requested", charge_point_id=first[1], command_id=first[0])
    return batch


def interrupt(batch: CommandBatch) -> int:
    """Call off what was not sent yet; what was sent may still be answered. A second time changes nothing."""
    now = timezone.now()
    with transaction.atomic():
        CommandBatch.objects.filter(pk=batch.pk, interrupted_at=None).update(interrupted_at=now)
        called_off = Command.objects.filter(batch=batch, status=Status.PENDING).update(status=Status.CANCELLED, answered_at=now)
    batch.refresh_from_db(fields=["interrupted_at"])
    return called_off


def progress(batch: CommandBatch) -> Progress:
    """What came of one."""
    return progress_of([batch])[batch.pk]


def progress_of(batches: Iterable[CommandBatch]) -> dict[int, Progress]:
    """Count what came of each, by status, and of what was answered by the charger's own word: one query for all."""
    found = {batch.pk: Progress(batch.total, {}, {}) for batch in batches}
    rows = Command.objects.filter(batch__in=list(found)).order_by().annotate(word=KT("response__status"))
    for batch, status, word, times in rows.values_list("batch", "status", "word").annotate(times=Count("pk")):
        by_status, by_word = found[batch].by_status, found[batch].by_word
        by_status[status] = by_status.get(status, 0) + times
        if status == Status.ACCEPTED and word:
            by_word[word] = by_word.get(word, 0) + times
    return found


def visible_to(user: User) -> QuerySet[CommandBatch]:
    """Her own; staff see all."""
    batches = CommandBatch.objects.select_related("asked_by")
    return batches if user.is_staff else batches.filter(asked_by=user)


def _rows(batch: CommandBatch, chosen: list[int]) -> Iterator[Command]:
    """One command for each charger, those that are connected in turn."""
    now = timezone.now()
    step = timedelta(minutes=1) / batch.per_minute
    turn = 0
    for some in _chunks(chosen):
        online = set(ChargePoint.objects.online().filter(pk__in=some).values_list("pk", flat=True))
        rested = _rested(batch, some)
        for charge_point_id in some:
            is_online = charge_point_id in online
            not_before = max(now + turn * step, rested.get(charge_point_id, now))
            turn += is_online
            yield Command(
                charge_point_id=charge_point_id,
                action=batch.action,
                payload=batch.payload,
                status=Status.PENDING if is_online else Status.OFFLINE,
                asked_by=batch.asked_by,
                batch=batch,
                not_before=not_before if is_online and not_before > now else None,
            )


def _chunks(chosen: list[T]) -> Iterator[list[T]]:
    for begin_at in range(0, len(chosen), AT_ONCE):
        yield chosen[begin_at : begin_at + AT_ONCE]


def _rested(batch: CommandBatch, some: list[int]) -> dict[int, datetime]:
    """When the relays may move again of those that were asked for the same a moment ago."""
    number = batch.payload.get("connectorId")
    if batch.action not in RESTING or not isinstance(number, int):
        return {}
    lately = Command.objects.filter(
        charge_point_id__in=some, action=batch.action, created_at__gt=timezone.now() - TOO_OLD, payload__connectorId=number
    ).exclude(status__in=[Status.OFFLINE, Status.CANCELLED])
    last = lately.order_by().values_list("charge_point_id").annotate(at=Max(Coalesce("not_before", "created_at")))
    return {charge_point_id: at + timedelta(seconds=REST_S) for charge_point_id, at in last}


def _holds_secret(payload: Mapping[str, Any]) -> bool:
    key = payload.get("key")
    return (isinstance(key, str) and is_secret(key)) or without_secrets(payload) != payload


def _refused(field: str, sentence: str) -> Invalid:
    return Invalid(sentence, fields={field: [sentence]})
