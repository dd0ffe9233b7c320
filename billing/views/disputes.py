"""Disputes as both sides follow them."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.pages import explained, who
from accounts.paging import Paginator
from billing import disputes
from billing.forms import ReplyForm
from billing.models import Dispute

PER_PAGE = 20


@never_cache
@login_required
@require_GET
def dispute_list(request: HttpRequest) -> HttpResponseBase:
    """Those I opened and those about what I earned or paid, the newest first."""
    mine = disputes.concerning(who(request))
    return render(request, "billing/dispute_list.html", {"page": Paginator(mine, PER_PAGE).get_page(request.GET.get("page"))})


@never_cache
@login_required
@require_GET
def dispute(request: HttpRequest, code: uuid.UUID) -> HttpResponseBase:
    """How one stands: what it is about, what both sides said, what was decided and why."""
    return _page(request, _one(request, code), ReplyForm())


@login_required
@explained
@require_POST
def dispute_reply(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """The other side says how it sees the matter."""
    one, form = _one(request, code), ReplyForm(request.POST)
    if not form.is_valid():
        return _page(request, one, form, status=400)
    disputes.reply(who(request), one, form.cleaned_data["text"])
    messages.success(request, _("Thank you. We decide now and write to you."))
    return redirect(one)


@login_required
@explained
@require_POST
def dispute_withdraw(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Whoever opened it is content."""
    one = _one(request, code)
    disputes.withdraw(who(request), one)
    messages.success(request, _("The dispute is withdrawn."))
    return redirect(one)


def _one(request: HttpRequest, code: uuid.UUID) -> Dispute:
    found: Dispute = get_object_or_404(disputes.visible_to(who(request)), code=code)
    return found


def _page(request: HttpRequest, one: Dispute, form: ReplyForm, *, status: int = 200) -> HttpResponse:
    user = who(request)
    is_mine = one.opened_by_id == user.pk
    is_party = user.pk in (one.cdr.driver_id, one.cdr.owner_id)
    context = {
        "dispute": one,
        "form": form,
        "is_mine": is_mine,
        "may_reply": is_party and not is_mine and one.status == Dispute.Status.OPEN,
        "may_withdraw": is_mine and one.is_open,
        "readings": one.evidence.get("readings", []),
    }
    return render(request, "billing/dispute.html", context, status=status)
