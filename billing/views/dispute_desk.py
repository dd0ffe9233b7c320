"""The dispute desk: complaints about receipts with everything known of them, decided by staff with a credit note."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.pages import explained, who
from billing import disputes, money, settlement
from billing.forms import DisputeDecisionForm
from billing.models import ChargeDetailRecord, Dispute
from chargeshare.errors import Invalid

P = ParamSpec("P")
Status = Dispute.Status
SHOWN = 100
LATELY = 10


def for_staff(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let in whose rights say that she may change disputes; the administration has asked for staff and second factor before."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **options: P.kwargs) -> HttpResponseBase:
        if not who(request).has_perm("billing.change_dispute"):
            raise PermissionDenied
        return view(request, *args, **options)

    return wrapped


@never_cache
@for_staff
@require_GET
def dispute_desk(request: HttpRequest) -> HttpResponse:
    """Those that wait for a decision, those that wait for the other side, and what was decided lately."""
    known = Dispute.objects.select_related("cdr", "decided_by")
    context = {
        "answered": known.filter(status=Status.ANSWERED).order_by("reply_by", "pk")[:SHOWN],
        "unanswered": known.filter(status=Status.OPEN).order_by("reply_by", "pk")[:SHOWN],
        "decided": known.filter(status=Status.DECIDED).order_by("-decided_at")[:LATELY],
    }
    return render(request, "billing/dispute_desk.html", context)


@never_cache
@for_staff
@require_GET
def dispute_case(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """One complaint: both sides, the evidence, the receipts of the session, the decision."""
    one = _one(request, code)
    initial: dict[str, str] = {"choice": DisputeDecisionForm.Choice.NONE.value}
    if one.disputed_minor:
        initial = {"choice": DisputeDecisionForm.Choice.SOME.value, "amount": money.number(money.decimal(one.disputed_minor))}
    return _page(request, one, DisputeDecisionForm(initial=initial, most_minor=_spent_minor(one)))


@never_cache
@for_staff
@require_POST
@explained
def dispute_decide(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Carry it out."""
    one = _one(request, code)
    form = DisputeDecisionForm(request.POST, most_minor=_spent_minor(one))
    if not form.is_valid():
        return _page(request, one, form, status=400)
    try:
        disputes.decide(who(request), one, returned_minor=form.returned_minor, decision=form.cleaned_data["decision"])
    except Invalid as refusal:
        for name, sentences in refusal.fields.items():
            form.add_error({"returned": "amount"}.get(name, name), sentences)
        return _page(request, one, form, status=400)
    messages.success(request, _("Decided. Both sides were told why."))
    return redirect("admin:billing_dispute_case", one.code)


def _one(request: HttpRequest, code: uuid.UUID) -> Dispute:
    found: Dispute = get_object_or_404(disputes.visible_to(who(request)), code=code)
    return found


def _spent_minor(one: Dispute) -> int:
    return settlement.spent_minor(one.cdr.session_code)


def _page(request: HttpRequest, one: Dispute, form: DisputeDecisionForm, *, status: int = 200) -> HttpResponse:
    records = ChargeDetailRecord.objects.filter(session_code=one.cdr.session_code).order_by("pk")
    context = {
        "dispute": one,
        "cdr": one.cdr,
        "form": form,
        "spent_minor": form.most_minor,
        "records": records,
        "commands": one.evidence.get("commands", []),
        "facts": one.evidence.get("session", {}),
        "is_mine": who(request).pk in (one.cdr.driver_id, one.cdr.owner_id),
        "is_late": one.status == Status.OPEN and one.reply_by <= timezone.now(),
    }
    return render(request, "billing/dispute_case.html", context, status=status)
