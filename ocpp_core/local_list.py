"""The cards in a box: sending them, and keeping what both sides agree on.

Nothing goes out unless the owner wishes it, by a button or by letting us keep the list up to date. What goes out goes piece
by piece: the next is asked for in the transaction that records that the box took the last, so a box that refuses or hangs
up is left with a list and a version that we know. At the end it is asked for its version.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chargeshare.errors import DomainError
from ocpp_core import local_list_updates as updates
from ocpp_core.local_list_updates import Changes, Entry, Limits
from ocpp_core.models import ConfigurationKey, LocalList, LocalListEntry
from stations import commands, live, local_lists
from stations.authorization import ChargerOffline
from stations.models import ChargePoint, Command

ENABLED, OFFLINE = "LocalAuthListEnabled", "LocalAuthorizeOffline"
MOST_ENTRIES, MOST_AT_ONCE = "LocalAuthListMaxLength", "SendLocalListMaxLength"
KEYS = (ENABLED, MOST_ENTRIES, MOST_AT_ONCE, OFFLINE)
UNKNOWN_LIMIT = 20  # the least any box has been seen to hold
AGAIN_AFTER = timedelta(hours=1)
_UNDER_WAY = (Command.Status.PENDING, Command.Status.SENT)


class ListUnderWay(DomainError):
    """Two lists at once would get in each other's way."""

    code = "local_list_under_way"
    message = _("Cards are being sent to this charger just now. Wait until it has answered.")


def of(charge_point: ChargePoint) -> LocalList:
    """What we know of the list in this box; of most boxes nothing."""
    return LocalList.objects.get_or_create(charge_point=charge_point)[0]


def wanted(charge_point: ChargePoint) -> list[Entry]:
    """What should stand in it."""
    cards = local_lists.cards(charge_point)
    return [Entry(card.id_tag, updates.ACCEPTED, card.expires_at, card.parent_tag) for card in cards]


def entries(known: LocalList) -> list[Entry]:
    """What stands in it, as far as we know."""
    return [Entry(row.id_tag, row.status, row.expires_at, row.parent_tag) for row in known.entries.order_by("pk")]


def limits(charge_point: ChargePoint) -> Limits:
    """How many cards the box holds, and takes at once, as it says itself; where it never said, as few as any."""
    said = _said(charge_point)
    most, at_once = _number(said.get(MOST_ENTRIES)), _number(said.get(MOST_AT_ONCE))
    return Limits(UNKNOWN_LIMIT if most is None else max(0, most), at_once or UNKNOWN_LIMIT)


def is_limit_known(charge_point: ChargePoint) -> bool:
    """Whether the box ever said how many cards it holds."""
    return _number(_said(charge_point).get(MOST_ENTRIES)) is not None


def decides_offline(charge_point: ChargePoint) -> bool | None:
    """Whether the box, as it last said, starts by its list while it is offline; None where it never said."""
    said = _said(charge_point)
    if OFFLINE not in said:
        return None
    return said[OFFLINE].casefold() == "true" and said.get(ENABLED, "true").casefold() == "true"


def changes(known: LocalList, charge_point: ChargePoint) -> Changes:
    """What would change if the list were sent now."""
    return updates.changes(entries(known), wanted(charge_point), limits(charge_point))


def last_command(charge_point: ChargePoint) -> Command | None:
    """The last list that was sent to this box, by whomever."""
    return Command.objects.filter(charge_point=charge_point, action="SendLocalList").order_by("-pk").first()


@transaction.atomic
def send(charge_point: ChargePoint, *, whole: bool = False, asked_by: User | None = None) -> Command | None:
    """Give the box the cards that may charge there: all of them, or only what changed; None when nothing did.

    Where both sides do not agree on what it has, only a whole list helps.
    """
    known = _for_sending(charge_point)
    if not is_limit_known(charge_point):
        _ask(charge_point, "GetConfiguration", {"key": list(KEYS)}, asked_by)
    piece = _piece(known, charge_point, whole=whole)
    if piece is None:
        return None
    return _send(known, charge_point, piece, asked_by)


@transaction.atomic
def clear(charge_point: ChargePoint, *, asked_by: User | None = None) -> None:
    """Take all cards out of the box. They do not come back by themselves."""
    known = _for_sending(charge_point)
    known.is_kept = False
    known.sending_version = None  # nothing follows
    known.save(update_fields=["is_kept", "sending_version"])
    version = updates.next_version(known.version) or 1
    _ask(charge_point, "SendLocalList", updates.whole(version, [], limits(charge_point)), asked_by)
    _ask(charge_point, "GetLocalListVersion", {}, asked_by)


def ask_version(charge_point: ChargePoint, *, asked_by: User | None = None) -> None:
    """Ask the box which version it has, and what it can hold."""
    _must_be_online(charge_point)
    _ask(charge_point, "GetLocalListVersion", {}, asked_by)
    _ask(charge_point, "GetConfiguration", {"key": list(KEYS)}, asked_by)


def keep(charge_point: ChargePoint, *, kept: bool) -> None:
    """Send changes by ourselves from now on, or no more."""
    LocalList.objects.filter(pk=of(charge_point).pk).update(is_kept=kept)
    live.charge_point_changed(charge_point, "commands")


@transaction.atomic
def allow_offline(charge_point: ChargePoint, *, allowed: bool, asked_by: User | None = None) -> None:
    """Let the box start by its list while it is offline, or no more. Unless the owner says so, no box we set up does."""
    _must_be_online(charge_point)
    LocalList.objects.filter(pk=of(charge_point).pk).update(works_offline=allowed)
    for key in (ENABLED, OFFLINE) if allowed else (OFFLINE,):
        _ask(charge_point, "ChangeConfiguration", {"key": key, "value": "true" if allowed else "false"}, asked_by)


def chosen(charge_point: ChargePoint, configuration: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """How a box is set up where its owner lets it decide by its cards: what she chose is not undone by a new firmware."""
    settings = list(configuration)
    if (
        not any(key == OFFLINE for key, _value in settings)
        or not LocalList.objects.filter(charge_point=charge_point, works_offline=True).exists()
    ):
        return settings
    return [(ENABLED, "true"), *((key, "true" if key == OFFLINE else value) for key, value in settings)]


def keep_up_to_date(*, now: datetime) -> int:
    """Send what changed to the boxes whose owners wish it; how many were asked something. A refusal is respected for an hour."""
    online = ChargePoint.objects.online().filter(retired_at=None, local_list__is_kept=True)
    return sum(_look_after(charge_point, now) for charge_point in online.select_related("owner").order_by("pk"))


def take_answer(charge_point_id: int, payload: Mapping[str, Any], response: Mapping[str, Any]) -> None:
    """Learn from the answer to a list, whoever sent it: what was accepted stands in the box now."""
    known = _locked(charge_point_id)
    known.outcome = str(response.get("status", ""))[:20]
    if known.outcome == updates.ACCEPTED:
        _keep_accepted(known, payload)
    elif known.outcome == "VersionMismatch":
        known.is_agreed = False
    elif known.outcome == "NotSupported":
        known.is_supported = False
    known.save()
    if payload.get("listVersion") == known.sending_version:
        _go_on(known)


def take_version(charge_point_id: int, response: Mapping[str, Any]) -> None:
    """Learn which version the box says it has: the one we expect, none at all, or one that we know nothing about."""
    version = _number(response.get("listVersion"))
    if version is None:
        return
    known = _locked(charge_point_id)
    known.heard_at = now = timezone.now()
    known.is_supported = version >= 0
    is_expected = version == known.version or (version == 0 and known.is_agreed and not known.entries.exists())
    if not is_expected:
        known.entries.all().delete()
        known.version = version if version >= 0 else None
        known.is_agreed = version == 0
    if known.is_agreed:
        known.confirmed_at = now
    known.save()


def take_refusal(charge_point_id: int) -> None:
    """Learn that the box knows nothing of lists."""
    known = _locked(charge_point_id)
    known.is_supported = False
    known.save(update_fields=["is_supported"])


def _keep_accepted(known: LocalList, payload: Mapping[str, Any]) -> None:
    is_whole = payload.get("updateType") == updates.FULL
    now_there = updates.applied(entries(known), payload)
    known.entries.all().delete()
    LocalListEntry.objects.bulk_create(
        LocalListEntry(local_list=known, id_tag=entry.id_tag, status=entry.status, expires_at=entry.expires_at, parent_tag=entry.parent_tag)
        for entry in now_there
    )
    known.version = _number(payload.get("listVersion"))
    known.is_agreed = known.version is not None and (is_whole or known.is_agreed)
    known.is_supported = True
    known.sent_at = timezone.now()


def _go_on(known: LocalList) -> None:
    """After a piece of ours: the next one, or the question whether it arrived."""
    charge_point = known.charge_point
    if known.outcome == updates.ACCEPTED:
        piece = _piece(known, charge_point)
        if piece is not None:
            _send(known, charge_point, piece, None)
            return
    if known.outcome in (updates.ACCEPTED, "VersionMismatch"):
        _ask(charge_point, "GetLocalListVersion", {}, None)


def _piece(known: LocalList, charge_point: ChargePoint, *, whole: bool = False) -> dict[str, Any] | None:
    version = updates.next_version(known.version, known.sending_version)
    here, there, most = wanted(charge_point), entries(known), limits(charge_point)
    if whole or version is None or not known.is_agreed or not known.version:
        return updates.whole(version or 1, here, most)
    return updates.difference(version, there, here, most)


def _send(known: LocalList, charge_point: ChargePoint, piece: dict[str, Any], asked_by: User | None) -> Command:
    known.sending_version = piece["listVersion"]
    known.save(update_fields=["sending_version"])
    return _ask(charge_point, "SendLocalList", piece, asked_by)


def _look_after(charge_point: ChargePoint, now: datetime) -> bool:
    known = of(charge_point)
    asked = Command.objects.filter(charge_point=charge_point, action__in=["SendLocalList", "GetLocalListVersion"])
    last = asked.order_by("-pk").first()
    if last is not None and last.is_under_way:
        return False
    connected_at = charge_point.connected_at or now
    if known.heard_at is None or known.heard_at < connected_at:
        if last is not None and last.created_at > connected_at:
            return False  # asked, and nothing usable came
        _ask(charge_point, "GetLocalListVersion", {}, None)
        return True
    if not known.is_supported or (
        _has_refused(known, last_command(charge_point)) and last is not None and last.created_at > now - AGAIN_AFTER
    ):
        return False
    try:
        return send(charge_point) is not None
    except DomainError:
        return False


def _has_refused(known: LocalList, last: Command | None) -> bool:
    """Whether the box took no list the last time, and another one of the same kind would fare no better."""
    if last is None:
        return False
    if last.status != Command.Status.ACCEPTED:
        return True
    is_mended_by_whole = known.outcome == "VersionMismatch" and last.payload.get("updateType") == updates.DIFFERENTIAL
    return known.outcome not in ("", updates.ACCEPTED) and not is_mended_by_whole


def _for_sending(charge_point: ChargePoint) -> LocalList:
    _must_be_online(charge_point)
    known = _locked(charge_point.pk)
    if Command.objects.filter(charge_point=charge_point, action="SendLocalList", status__in=_UNDER_WAY).exists():
        raise ListUnderWay
    return known


def _must_be_online(charge_point: ChargePoint) -> None:
    if not ChargePoint.objects.online().filter(pk=charge_point.pk).exists():
        raise ChargerOffline


def _locked(charge_point_id: int) -> LocalList:
    LocalList.objects.get_or_create(charge_point_id=charge_point_id)
    return LocalList.objects.select_for_update(of=("self",)).select_related("charge_point__owner").get(charge_point=charge_point_id)


def _ask(charge_point: ChargePoint, action: str, payload: dict[str, Any], asked_by: User | None) -> Command:
    return commands.ask(charge_point, action, payload, source=Command.Source.SETUP, asked_by=asked_by)


def _said(charge_point: ChargePoint) -> dict[str, str]:
    known = ConfigurationKey.objects.filter(charge_point=charge_point, key__in=KEYS, is_known=True).exclude(value=None)
    return {key: str(value).strip() for key, value in known.values_list("key", "value")}


def _number(said: object) -> int | None:
    """A whole number, however a box spells it, that a column can hold."""
    try:
        number = int(str(said))
    except ValueError:
        return None
    return number if -(2**31) <= number < 2**63 else None
