"""The console: everything a charger can be asked, what it was asked, and what it said."""

from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.pages import explained
from accounts.paging import Paginator
from chargeshare.errors import NotFound
from ocpp_core import catalogue, drafts, schemas
from ocpp_core.drafts import Draft
from ocpp_core.models import ConfigurationKey
from stations import commands
from stations.api.permissions import own_charge_point
from stations.models import ChargePoint, ChargingSession, Command
from stations.models.command import is_secret, without_secrets
from stations.views.owner import person

COMMANDS_ON_A_PAGE = 30
LARGEST_ID = 2**63 - 1
FRAME_SLACK = timedelta(seconds=5)


class Offer(NamedTuple):
    """Something a field may hold, and what it means."""

    value: str
    words: str | Promise


class Asked(NamedTuple):
    """A command as a line of the history."""

    command: Command
    who: str | Promise
    frames_url: str
    may_be_repeated: bool
    may_be_sent_again: bool


@login_required
@explained
@require_GET
def console(request: HttpRequest, code: str) -> HttpResponse:
    """What can be asked, in plain words, and below it everything that was: filtered, a page at a time."""
    charge_point = own_charge_point(request, code)
    asked = Command.objects.filter(charge_point=charge_point)
    chosen = {name: request.GET.get(name, "")[:40] for name in ("action", "status", "source")}
    found = asked.filter(**{name: value for name, value in chosen.items() if value})
    page = Paginator(_with_people(found), COMMANDS_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "charge_point": charge_point,
        "tab": "commands",
        "groups": catalogue.GROUPS,
        "page": page,
        "lines": [asked_line(command, charge_point) for command in page],
        "chosen": chosen,
        "is_filtered": any(chosen.values()),
        "actions": sorted(set(asked.order_by().values_list("action", flat=True).distinct())),
        "statuses": Command.Status.choices,
        "sources": Command.Source.choices,
    }
    return render(request, "ocpp_core/console.html", context)


@login_required
@explained
@never_cache
def ask(request: HttpRequest, code: str, action: str) -> HttpResponse:
    """The form of one request, made of its schema; what is dangerous is asked twice."""
    charge_point = own_charge_point(request, code)
    if action not in schemas.TO_CHARGER:
        raise NotFound
    zone = timezone.get_current_timezone()
    if request.method == "POST":
        draft = drafts.filled_in(action, request.POST.dict(), zone)
        if draft.payload is not None:
            danger = catalogue.danger(action, draft.payload, _charging(charge_point))
            if danger is not None and not draft.is_confirmed:
                return _confirm(request, charge_point, draft, danger)
            command = commands.ask(charge_point, action, draft.payload, asked_by=person(request))
            return redirect("ocpp_core:command", code, command.pk)
    else:
        draft = _opened(request, charge_point, action)
    return render(request, "ocpp_core/ask.html", {"charge_point": charge_point, "draft": draft, **form_context(action, charge_point)})


def form_context(action: str, charge_point: ChargePoint | None) -> dict[str, Any]:
    """What every form of a request needs beside its draft."""
    return {
        "tab": "commands",
        "action": action,
        "offers": _offers(charge_point) if charge_point is not None else {},
        "zone": timezone.get_current_timezone_name(),
    }


@login_required
@explained
@require_GET
def command(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """One command: what was asked, and the answer as soon as it comes."""
    charge_point = own_charge_point(request, code)
    one = _find(charge_point, pk)
    context = {"charge_point": charge_point, "tab": "commands", "line": asked_line(one, charge_point), "command": one}
    return render(request, "ocpp_core/command.html", context)


@login_required
@explained
@require_POST
def again(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """The same once more, at once; what is dangerous is confirmed as if it were asked for the first time."""
    charge_point = own_charge_point(request, code)
    one = _find(charge_point, pk)
    draft = Draft(one.action, payload=one.payload)
    if not _is_repeatable(one):
        raise NotFound
    if _holds_secret(one.payload):
        return redirect(_repeat_url(charge_point, one))
    danger = catalogue.danger(one.action, one.payload, _charging(charge_point))
    if danger is not None:
        return _confirm(request, charge_point, draft, danger)
    fresh = commands.ask(charge_point, one.action, one.payload, asked_by=person(request))
    messages.success(request, _("Asked again."))
    return redirect("ocpp_core:command", code, fresh.pk)


def asked_line(one: Command, charge_point: ChargePoint) -> Asked:
    """A command with what the page says of it."""
    is_repeatable = _is_repeatable(one)
    may_be_sent_again = is_repeatable and not _holds_secret(one.payload)
    return Asked(one, who_asked(one, charge_point), frames_url(one, charge_point), is_repeatable, may_be_sent_again)


def who_asked(one: Command, charge_point: ChargePoint) -> str | Promise:
    """The owner by name, staff as such, and what was asked by itself by its reason."""
    if one.source == Command.Source.PERSON and one.asked_by is not None:
        if one.asked_by_id == charge_point.owner_id or not one.asked_by.is_staff:
            return one.asked_by.short_name
        return _("staff")
    return str(one.get_source_display())


def frames_url(one: Command, charge_point: ChargePoint) -> str:
    """Where its frames stand, if it was sent."""
    if one.sent_at is None:
        return ""
    until = (one.answered_at or one.sent_at) + FRAME_SLACK
    words = {
        "action": one.action,
        "direction": "to_charger",
        "since": timezone.localtime(one.sent_at - FRAME_SLACK).replace(tzinfo=None).isoformat(timespec="seconds"),
        "until": timezone.localtime(until).replace(tzinfo=None).isoformat(timespec="seconds"),
    }
    return f"{reverse('ocpp_core:messages', args=[charge_point.code])}?{urlencode(words)}"


def _opened(request: HttpRequest, charge_point: ChargePoint, action: str) -> Draft:
    zone = timezone.get_current_timezone()
    is_json = request.GET.get("as") == "json"
    repeated = request.GET.get("repeat", "")
    if not (repeated.isascii() and repeated.isdecimal() and len(repeated) < 19):
        return drafts.opened(action, None, zone, is_json=is_json)
    one = _find(charge_point, int(repeated))
    if one.action != action or not _is_repeatable(one):
        raise NotFound
    return drafts.opened(action, one.shown_payload, zone, is_json=is_json)


def _confirm(request: HttpRequest, charge_point: ChargePoint, draft: Draft, danger: str | Promise) -> HttpResponse:
    context = {
        "charge_point": charge_point,
        "tab": "commands",
        "action": draft.action,
        "draft": draft,
        "danger": danger,
        "is_second_try": request.POST.get("deed") == "confirm",
        "ask_url": reverse("ocpp_core:ask", args=[charge_point.code, draft.action]),
    }
    return render(request, "ocpp_core/confirm.html", context)


def _offers(charge_point: ChargePoint) -> dict[str, list[Offer]]:
    """What the fields of certain names may hold at this charger; anything else may be written all the same."""
    connectors = [Offer("0", _("the whole box")), *(Offer(str(one.number), one.state.label) for one in charge_point.connectors.all())]
    keys = ConfigurationKey.objects.filter(charge_point=charge_point, is_known=True)
    running = ChargingSession.objects.filter(charge_point=charge_point, status=ChargingSession.Status.ACTIVE).select_related("connector")
    return {
        "connectorId": connectors,
        "key": [Offer(key.key, _setting_words(key)) for key in keys],
        "transactionId": [
            Offer(str(one.transaction_id), _("connector %(number)d") % {"number": one.connector.number}) for one in running.order_by("pk")
        ],
    }


def _setting_words(key: ConfigurationKey) -> str:
    value = _("hidden") if is_secret(key.key) else (key.value or "—")[:60]
    return f"{value} · {_('read only')}" if key.is_readonly else value


def _charging(charge_point: ChargePoint) -> set[int]:
    running = ChargingSession.objects.filter(charge_point=charge_point, status=ChargingSession.Status.ACTIVE)
    return set(running.values_list("connector__number", flat=True))


def _find(charge_point: ChargePoint, pk: int) -> Command:
    found = _with_people(Command.objects.filter(charge_point=charge_point, pk=pk)).first() if pk <= LARGEST_ID else None
    if found is None:
        raise NotFound
    return found


def _with_people(found: QuerySet[Command]) -> QuerySet[Command]:
    return found.select_related("asked_by", "session", "batch")


def _is_repeatable(one: Command) -> bool:
    """Whether it may be asked again. What names somebody else's card may not: the owner would come to read it."""
    is_whole = one.shown_payload == without_secrets(one.payload)
    return is_whole and one.action in schemas.TO_CHARGER and schemas.is_valid(one.action, one.payload)


def _holds_secret(payload: Any) -> bool:
    key = payload.get("key") if isinstance(payload, dict) else None
    return isinstance(key, str) and is_secret(key)


def _repeat_url(charge_point: ChargePoint, one: Command) -> str:
    return f"{reverse('ocpp_core:ask', args=[charge_point.code, one.action])}?repeat={one.pk}"
