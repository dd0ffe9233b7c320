"""The review desk: sessions whose meter said what nobody can simply believe, with all that is known, settled by a click."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.pages import explained
from chargeshare.errors import Invalid
from ocpp_core import told_steps
from ocpp_core.views.review_forms import DecisionForm
from stations import limits, meter_steps, sessions
from stations.models import ChargingSession, MeterCase
from stations.sessions import deciding

P = ParamSpec("P")
SHOWN = 100
LATELY = 10
WITH_PRICE = ("charge_point", "connector", "cdr", "tariff_version__tariff")  # enough for the list: a join more is planned anew each time
WITH_ALL = ("connector", "charge_point__owner", "driver", "owner", "id_token", "hold", "cdr", "tariff_version__tariff")


@dataclass(frozen=True)
class Waiting:
    """One row of the queue."""

    case: MeterCase
    hours_left: int
    is_overdue: bool
    total_minor: int
    currency: str

    @classmethod
    def of(cls, case: MeterCase, *, now: datetime) -> "Waiting":
        """With what is at stake: the reported energy, or what a late end adds."""
        session = case.session
        total_minor = deciding.price(session, case.reported_wh)[0]
        if case.kind == MeterCase.Kind.LATE:
            total_minor -= sessions.cost_so_far_minor(session)
        left = case.decide_by - now
        return cls(case, max(0, int(left / timedelta(hours=1))), case.is_overdue(now), total_minor, _currency(session))


def for_staff(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let in whose rights say that she may decide cases; the administration has asked for staff and second factor before."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **options: P.kwargs) -> HttpResponseBase:
        if not _staff(request).has_perm("stations.change_metercase"):
            raise PermissionDenied
        return view(request, *args, **options)

    return wrapped


def _staff(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


@never_cache
@for_staff
@require_GET
def review_desk(request: HttpRequest) -> HttpResponse:
    """What waits, the oldest first, and what was decided lately."""
    decided = MeterCase.objects.exclude(outcome="").order_by("-decided_at", "-pk")
    latest = list(decided.values_list("pk", flat=True)[:LATELY])  # sorted by themselves: with all that is joined it takes ten times as long
    decided = decided.filter(pk__in=latest).select_related("session__charge_point", "decided_by")
    return render(request, "ocpp_core/review_desk.html", {**_queue(), "decided": decided})


@never_cache
@for_staff
@require_GET
@explained
def review_case(request: HttpRequest, pk: int) -> HttpResponse:
    """One case: the curve of the meter, the frames around what is doubtful, both proposals with what they come to."""
    case = _case(pk)
    return _page(request, case, DecisionForm(initial={"choice": MeterCase.Outcome.PLAUSIBLE, **_figures(case)}))


@never_cache
@for_staff
@require_POST
@explained
def review_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Settle it."""
    case, form = _case(pk), DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, case, form, status=400)
    said = form.cleaned_data
    try:
        sessions.decide(
            user=_staff(request),
            session=case.session,
            energy_wh=form.energy_wh,
            reason=said["reason"],
            seen=form.seen,
            has_meter_checked=said["has_meter_checked"],
        )
    except Invalid as refusal:
        for name, sentences in refusal.fields.items():
            form.add_error({"energy_wh": "energy"}.get(name, name), sentences)
        return _page(request, case, form, status=400)
    messages.success(request, _("Settled. Both sides were told why."))
    return redirect("admin:stations_review_case", case.pk)


@for_staff
@require_POST
@explained
def review_reopen(request: HttpRequest, code: UUID) -> HttpResponse:
    """Bring a settled session here, because somebody says that it was more."""
    case = deciding.reopen(user=_staff(request), session=get_object_or_404(ChargingSession, code=code))
    return redirect("admin:stations_review_case", case.pk)


def _case(pk: int) -> MeterCase:
    known = MeterCase.objects.select_related("decided_by", *(f"session__{name}" for name in WITH_ALL))
    found: MeterCase = get_object_or_404(known, pk=pk)
    return found


def _figures(case: MeterCase) -> dict[str, int]:
    return {"plausible_wh": case.plausible_wh, "reported_wh": case.reported_wh}


def _currency(session: ChargingSession) -> str:
    prices = limits.prices_of(session)
    return prices.currency if prices is not None else ""


def _queue() -> dict[str, object]:
    now = timezone.now()
    waiting = MeterCase.objects.open().select_related(*(f"session__{name}" for name in WITH_PRICE))
    waiting = waiting.prefetch_related(*(f"session__{name}" for name in WITH_ALL if name not in WITH_PRICE and "__" not in name))
    return {"waiting": [Waiting.of(case, now=now) for case in waiting[:SHOWN]], "count": waiting.count()}


def _page(request: HttpRequest, case: MeterCase, form: DecisionForm, *, status: int = 200) -> HttpResponse:
    session = case.session
    steps = meter_steps.of(session)
    context = {
        **_queue(),
        "case": case,
        "session": session,
        "form": form,
        "steps": steps,
        "told": told_steps.of(session, steps),
        "plausible": deciding.quote(session, case.plausible_wh),
        "reported": deciding.quote(session, case.reported_wh),
        "prices": limits.prices_of(session),
        "currency": _currency(session),
        "is_mine": deciding.is_side(_staff(request), session),
        "is_overdue": case.is_overdue(timezone.now()),
        "spent_minor": sessions.cost_so_far_minor(session) if session.cdr_id is not None else None,
    }
    return render(request, "ocpp_core/review_case.html", context, status=status)
