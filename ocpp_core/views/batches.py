"""The same request to many chargers: choose them, fill the request in, confirm, and watch what comes of it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.pages import explained
from accounts.paging import Paginator
from chargeshare.errors import DomainError, NotFound
from ocpp_core import catalogue, drafts, schemas
from ocpp_core.drafts import Draft
from ocpp_core.views.console import form_context
from stations import command_batches
from stations.command_batches import Wanted
from stations.models import ChargePoint, Command, CommandBatch
from stations.views.owner import person

CHARGERS_SHOWN = 200
BATCHES_ON_A_PAGE = 25
COMMANDS_ON_A_PAGE = 50
OFFLINE_SHOWN = 20


@login_required
@explained
@require_GET
def batch_list(request: HttpRequest) -> HttpResponse:
    """What was asked of many chargers, newest first."""
    page = Paginator(command_batches.visible_to(person(request)), BATCHES_ON_A_PAGE).get_page(request.GET.get("page"))
    came = command_batches.progress_of(page)
    lines = [(batch, came[batch.pk]) for batch in page]
    return render(request, "ocpp_core/batch_list.html", {"side": "chargers", "page": page, "lines": lines})


@login_required
@explained
@require_GET
def batch_new(request: HttpRequest) -> HttpResponse:
    """Choose chargers and a request."""
    user = person(request)
    wanted = _wanted(request.GET)
    found = command_batches.fitting(user, wanted)
    known = command_batches.within_reach(user).order_by()
    context = {
        "side": "chargers",
        "charge_points": found.prefetch_related("connectors")[:CHARGERS_SHOWN],
        "count": found.count(),
        "shown": CHARGERS_SHOWN,
        "wanted": wanted,
        "online": request.GET.get("online", ""),
        "makes": _values(known, "vendor"),
        "models": _values(known, "model"),
        "firmwares": _values(known, "firmware"),
        "groups": catalogue.GROUPS,
    }
    return render(request, "ocpp_core/batch_new.html", context)


@login_required
@explained
@never_cache
def batch_ask(request: HttpRequest) -> HttpResponse:
    """The form of the request, and the confirmation before it goes out. Who is asked stands in the address."""
    user = person(request)
    action = request.GET.get("action", "")
    if action not in schemas.TO_CHARGER:
        raise NotFound
    chosen = _chosen(user, request.GET)
    zone = timezone.get_current_timezone()
    draft = drafts.filled_in(action, request.POST.dict(), zone) if request.method == "POST" else drafts.opened(action, None, zone)
    if draft.payload is not None:
        if draft.is_confirmed and request.POST.get("deed") == "confirm":
            try:
                batch = command_batches.begin(chosen, action, draft.payload, asked_by=user, per_minute=_per_minute(request))
            except DomainError as refusal:
                draft.faults = {"": str(refusal.message)}
            else:
                return redirect("ocpp_core:batch", batch.code)
        return _confirm(request, chosen, draft)
    context = {**form_context(action, None), "side": "chargers", "draft": draft, "chosen": chosen, "tab": ""}
    return render(request, "ocpp_core/batch_ask.html", context)


@login_required
@explained
@require_GET
def batch(request: HttpRequest, code: str) -> HttpResponse:
    """How far it has got: counts, and every charger."""
    one = _find(request, code)
    status = request.GET.get("status", "")
    found = Command.objects.filter(batch=one).select_related("charge_point").order_by("id")
    if status in Command.Status.values:
        found = found.filter(status=status)
    progress = command_batches.progress(one)
    context = {
        "side": "chargers",
        "batch": one,
        "progress": progress,
        "counts": [(value, label, progress.by_status[value]) for value, label in Command.Status.choices if value in progress.by_status],
        "words": sorted(progress.by_word.items()),
        "page": Paginator(found, COMMANDS_ON_A_PAGE).get_page(request.GET.get("page")),
        "status": status,
    }
    return render(request, "ocpp_core/batch.html", context)


@login_required
@explained
@require_POST
def batch_interrupt(request: HttpRequest, code: str) -> HttpResponse:
    """Call off what was not sent yet."""
    count = command_batches.interrupt(_find(request, code))
    sentence = ngettext("Called off at %(count)d charger.", "Called off at %(count)d chargers.", count)
    messages.success(request, sentence % {"count": count})
    return redirect("ocpp_core:batch", code)


def _confirm(request: HttpRequest, chosen: list[ChargePoint], draft: Draft) -> HttpResponse:
    offline = [one for one in chosen if not one.is_online]
    context = {
        "side": "chargers",
        "action": draft.action,
        "draft": draft,
        "danger": catalogue.danger(draft.action, draft.payload or {}),
        "chosen": chosen,
        "offline": offline[:OFFLINE_SHOWN],
        "offline_more": max(0, len(offline) - OFFLINE_SHOWN),
        "offline_count": len(offline),
        "per_minute": request.POST.get("per_minute") or command_batches.USUAL_PER_MINUTE,
        "most_per_minute": command_batches.MOST_PER_MINUTE,
        "address": request.get_full_path(),
    }
    return render(request, "ocpp_core/batch_confirm.html", context)


def _wanted(said: QueryDict) -> Wanted:
    online = {"yes": True, "no": False}.get(said.get("online", ""))
    make, model, firmware, text = (said.get(name, "")[:100].strip() for name in ("make", "model", "firmware", "q"))
    return Wanted(make=make, model=model, firmware=firmware, is_online=online, text=text[:60])


def _chosen(user: User, said: QueryDict) -> list[ChargePoint]:
    if said.get("everything"):
        chosen = list(command_batches.fitting(user, _wanted(said))[: command_batches.MOST_CHARGERS + 1])
    else:
        chosen = command_batches.named(user, said.getlist("charger")[: 2 * CHARGERS_SHOWN])
    if not chosen:
        raise command_batches.NothingToAsk
    return chosen


def _values(known: Any, column: str) -> list[str]:
    return sorted(set(known.exclude(**{column: ""}).values_list(column, flat=True).distinct()))


def _per_minute(request: HttpRequest) -> int:
    text = request.POST.get("per_minute", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def _find(request: HttpRequest, code: str) -> CommandBatch:
    found = command_batches.visible_to(person(request)).filter(code=code).first() if code.isascii() and len(code) <= 20 else None
    if found is None:
        raise NotFound
    return found
