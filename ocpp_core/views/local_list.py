"""The cards in the box: what it was given to know without us, and the owner's say in it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.pages import explained
from accounts.paging import Paginator
from chargeshare.errors import NotFound
from ocpp_core import local_list as room
from ocpp_core.local_list_updates import Changes
from ocpp_core.models import LocalList, LocalListEntry
from stations import local_lists
from stations.api.permissions import own_charge_point
from stations.models import ChargePoint, Command
from stations.models.command import end_of_card
from stations.views.owner import person

ENTRIES_ON_A_PAGE = 50


class State(NamedTuple):
    """How the list in the box stands, in one sentence."""

    colour: str
    icon: str
    text: str | Promise


class Row(NamedTuple):
    """A card in the box: the owner's by its name, a guest's by its end."""

    entry: LocalListEntry
    name: str
    is_owners: bool


@login_required
@explained
@require_http_methods(["GET", "HEAD", "POST"])
def local_list(request: HttpRequest, code: str) -> HttpResponse:
    """Which cards the box starts by without asking us, what was sent to it last, and the buttons for it."""
    charge_point = own_charge_point(request, code)
    if request.method == "POST":
        deed = DEEDS.get(request.POST.get("deed", ""))
        if deed is None:
            raise NotFound
        deed(request, charge_point)
        return redirect("ocpp_core:local_list", code)
    known = LocalList.objects.filter(charge_point=charge_point).first() or LocalList(charge_point=charge_point)
    cards = local_lists.cards(charge_point)
    limits = room.limits(charge_point)
    page = Paginator(LocalListEntry.objects.filter(local_list__charge_point=charge_point).order_by("pk"), ENTRIES_ON_A_PAGE).get_page(
        request.GET.get("page")
    )
    last = room.last_command(charge_point)
    changes = room.changes(known, charge_point) if known.pk else Changes([], [], [])
    sendable = cards[: limits.entries]
    context = {
        "charge_point": charge_point,
        "tab": "local_list",
        "known": known,
        "state": _state(known, last, changes),
        "page": page,
        "rows": _rows(charge_point, list(page)),
        "owners": sum(card.is_owners for card in sendable),
        "guests": sum(not card.is_owners for card in sendable),
        "left_out": len(cards) - len(sendable),
        "changes": sum(map(len, changes)),
        "may_send_changes": known.is_agreed and bool(known.version),
        "most": limits.entries if room.is_limit_known(charge_point) else None,
        "decides_offline": room.decides_offline(charge_point),
        "is_under_way": last is not None and last.is_under_way,
        "last": last,
    }
    return render(request, "ocpp_core/local_list.html", context)


def _rows(charge_point: ChargePoint, entries: list[LocalListEntry]) -> list[Row]:
    labels = local_lists.own_labels(charge_point, [entry.id_tag for entry in entries])
    guest = _("A guest's card")
    return [
        Row(entry, labels.get(entry.id_tag) or f"{guest}\N{NO-BREAK SPACE}{end_of_card(entry.id_tag)}", is_owners=entry.id_tag in labels)
        for entry in entries
    ]


def _state(known: LocalList, last: Command | None, changes: Changes) -> State:
    return _trouble(known, last) or _peace(known, has_changed=any(changes))


def _trouble(known: LocalList, last: Command | None) -> State | None:
    """What came of the last list that was sent, where it was not taken, or not yet."""
    if last is not None and last.is_under_way:
        return State("amber", "hourglass", _("The cards are on their way. The answer will stand here."))
    if not known.is_supported:
        return State("red", "ban", _("The charger says that it keeps no cards, or that this is turned off in it."))
    if last is not None and last.status == Command.Status.UNANSWERED:
        return State("amber", "wifi-off", _("The charger did not answer. Ask what it has to see whether the cards arrived."))
    if last is not None and last.status == Command.Status.REJECTED:
        code = last.response.get("code", "") if isinstance(last.response, dict) else ""
        return State("red", "x", format_lazy(_("The charger refused the cards: {code}."), code=code))
    return REFUSALS.get(known.outcome) if last is not None else None


def _peace(known: LocalList, *, has_changed: bool) -> State:
    """How what the box has compares with what it should have."""
    if known.version is None:
        return State("", "nfc", _("No cards were sent to this charger yet."))
    if not known.is_agreed:
        return MISMATCH
    if has_changed:
        return State("amber", "refresh-cw", _("The cards that may charge have changed since they were sent."))
    if known.confirmed_at is None or (known.sent_at is not None and known.confirmed_at < known.sent_at):
        return State("green", "check", _("The charger took the cards. It has not been asked for its version since."))
    return State("green", "circle-check", _("The charger has exactly these cards. It told us the version itself."))


MISMATCH = State("amber", "triangle-alert", gettext_lazy("The charger has another list than the one we know. Send it all cards again."))
REFUSALS: Mapping[str, State] = {
    "Failed": State("red", "x", gettext_lazy("The charger could not keep the cards; perhaps it has no room for so many.")),
    "NotSupported": State("red", "ban", gettext_lazy("The charger keeps no cards.")),
    "VersionMismatch": MISMATCH,
}


def _send(*, whole: bool) -> Callable[[HttpRequest, ChargePoint], None]:
    def send(request: HttpRequest, charge_point: ChargePoint) -> None:
        if room.send(charge_point, whole=whole, asked_by=person(request)) is None:
            messages.info(request, _("Nothing has changed: the charger has all the cards already."))

    return send


def _clear(request: HttpRequest, charge_point: ChargePoint) -> None:
    room.clear(charge_point, asked_by=person(request))


def _version(request: HttpRequest, charge_point: ChargePoint) -> None:
    room.ask_version(charge_point, asked_by=person(request))


def _keep(*, kept: bool) -> Callable[[HttpRequest, ChargePoint], None]:
    return lambda _request, charge_point: room.keep(charge_point, kept=kept)


def _offline(*, allowed: bool) -> Callable[[HttpRequest, ChargePoint], None]:
    return lambda request, charge_point: room.allow_offline(charge_point, allowed=allowed, asked_by=person(request))


DEEDS: Mapping[str, Callable[[HttpRequest, ChargePoint], None]] = {
    "send": _send(whole=True),
    "send_changes": _send(whole=False),
    "clear": _clear,
    "version": _version,
    "keep": _keep(kept=True),
    "keep_no_more": _keep(kept=False),
    "offline": _offline(allowed=True),
    "offline_no_more": _offline(allowed=False),
}
