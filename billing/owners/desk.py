"""The payout desk: where staff let payouts go, make the bank's file of them, bring in what the bank says, and report who has earned."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import segno
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.pages import explained
from accounts.paging import Paginator
from billing import bank_statements, payment_orders, payouts, taxes
from billing.models import BankStatement, BankStatementLine, ChargeDetailRecord, Payout, PayoutBatch
from billing.owners.forms import ChosenForm, ExportForm, FailForm, LineForm, ReportForm, StatementForm
from billing.owners.views import table
from billing.statement_files import MOST_BYTES
from chargeshare.errors import DomainError, Invalid

P = ParamSpec("P")
Status = Payout.Status
SHOWN = 200
PER_PAGE = 20


def for_staff(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let in whose rights say that she may change payouts; the administration has asked for staff and second factor before."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **options: P.kwargs) -> HttpResponseBase:
        if not _staff(request).has_perm("billing.change_payout"):
            raise PermissionDenied
        return view(request, *args, **options)

    return wrapped


def _staff(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


@for_staff
@require_GET
def desk(request: HttpRequest) -> HttpResponseBase:
    """What waits for a look, what waits for the bank, what is there, and what of the bank's word fits nothing."""
    now = timezone.now()
    waiting = Payout.objects.select_related("owner", "bank_account").order_by("pk")
    requested = [(payout, payouts.hindrance_of(payout, now=now)) for payout in waiting.filter(status=Status.REQUESTED)[:SHOWN]]
    approved = list(waiting.filter(status=Status.APPROVED)[:SHOWN])
    batches = Paginator(PayoutBatch.objects.select_related("created_by"), PER_PAGE).get_page(request.GET.get("page"))
    at_bank = set(Payout.objects.filter(batch__in=list(batches), status=Status.EXPORTED).values_list("batch_id", flat=True))
    context = {
        "requested": requested,
        "ready": sum(not hindrance for _payout, hindrance in requested),
        "approved": approved,
        "approved_minor": sum(payout.amount_minor for payout in approved),
        "currency": approved[0].currency if approved else "",
        "no_account": _no_account_of_ours(),
        "export_form": ExportForm(initial={"due_on": timezone.localdate()}),
        "statement_form": StatementForm(),
        "page": batches,
        "at_bank": at_bank,
        "lines": BankStatementLine.objects.filter(outcome=BankStatementLine.Outcome.UNMATCHED)[:SHOWN],
        "statements": BankStatement.objects.select_related("created_by")[:5],
        "report_form": ReportForm(initial={"year": timezone.localdate().year - 1, "rate": "25"}),
    }
    return render(request, "billing/desk.html", context)


def _no_account_of_ours() -> str:
    try:
        payouts.our_account()
    except DomainError as refusal:
        return str(refusal.message)
    return ""


@for_staff
@require_POST
def approve(request: HttpRequest) -> HttpResponseBase:
    """Let the chosen payouts go; those that something stands in the way of stay and say why."""
    form = ChosenForm(request.POST)
    approved = 0
    if not form.is_valid():
        messages.error(request, _("Choose payouts first."))
        return redirect("admin:billing_payout_desk")
    for payout in form.cleaned_data["payout"]:
        try:
            payouts.approve(payout, _staff(request))
        except DomainError as refusal:
            messages.error(request, f"{payout.variable_symbol}: {refusal.message}")
        else:
            approved += 1
    if approved:
        messages.success(request, ngettext("%(count)s payout approved.", "%(count)s payouts approved.", approved) % {"count": approved})
    return redirect("admin:billing_payout_desk")


@for_staff
@require_POST
@explained
def export(request: HttpRequest) -> HttpResponseBase:
    """Make a batch of the chosen ones; its files are on its page."""
    form = ExportForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(next(iter(form.errors.values()))[0]))
        return redirect("admin:billing_payout_desk")
    batch = payouts.export(list(form.cleaned_data["payout"]), _staff(request), due_on=form.cleaned_data["due_on"])
    messages.success(request, _("Batch %(number)s is made. Send its file to the bank.") % {"number": batch.number})
    return redirect("admin:billing_payout_batch", batch.number)


@for_staff
@require_GET
def look(request: HttpRequest, code: Any) -> HttpResponseBase:
    """One payout, and the ways to end it."""
    payout = get_object_or_404(Payout.objects.select_related("owner", "bank_account", "batch", "approved_by"), code=code)
    waits = payout.status in (Status.REQUESTED, Status.APPROVED)
    earned = ChargeDetailRecord.objects.filter(owner=payout.owner).aggregate(sum=Sum("owner_minor"))["sum"]
    context = {
        "payout": payout,
        "hindrance": payouts.hindrance_of(payout, now=timezone.now()) if waits else "",
        "earned_minor": earned or 0,
        "fail_form": FailForm(),
    }
    return render(request, "billing/desk_payout.html", context)


@for_staff
@require_POST
@explained
def fail(request: HttpRequest, code: Any) -> HttpResponseBase:
    """Send a payout back, with a reason that its owner reads."""
    payout = get_object_or_404(Payout, code=code)
    form = FailForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("Say why; the owner reads it."))
    payouts.fail(payout, reason=form.cleaned_data["reason"])
    messages.success(request, _("The money is among the owner's earnings again."))
    return redirect("admin:billing_payout_desk")


@for_staff
@require_POST
@explained
def mark_paid(request: HttpRequest, code: Any) -> HttpResponseBase:
    """Note by hand what no statement says."""
    payouts.mark_paid(get_object_or_404(Payout, code=code))
    messages.success(request, _("Noted as paid."))
    return redirect("admin:billing_payout_desk")


@for_staff
@require_GET
def batch(request: HttpRequest, number: str) -> HttpResponseBase:
    """One batch: its files, and each payout as a QR payment for whoever pays by hand."""
    found = get_object_or_404(PayoutBatch.objects.select_related("created_by"), number=number)
    rows = [(payout, _qr(payout)) for payout in Payout.objects.filter(batch=found).select_related("owner").order_by("pk")]
    return render(request, "billing/desk_batch.html", {"batch": found, "rows": rows, "formats": payment_orders.FORMATS})


def _qr(payout: Payout) -> str:
    drawn: str = segno.make(payment_orders.spayd(payout), micro=False, error="m").svg_inline(
        scale=3, border=0, omitsize=True, svgclass="qr", lineclass=None
    )
    return drawn


@for_staff
@require_GET
@explained
def batch_file(request: HttpRequest, number: str, kind: str) -> HttpResponseBase:  # noqa: ARG001 - a view's signature
    """A file of a batch as a bank reads it, the same at every download."""
    found = get_object_or_404(PayoutBatch, number=number)
    if kind not in payment_orders.FORMATS:
        raise Http404
    write, ending = payment_orders.FORMATS[kind]
    headers = {"Content-Disposition": f'attachment; filename="chargeshare-{number}-{kind}.{ending}"', "Cache-Control": "private, no-store"}
    return HttpResponse(write(found), content_type="application/octet-stream", headers=headers)


@for_staff
@require_POST
@explained
def bring_in(request: HttpRequest) -> HttpResponseBase:
    """Read a statement of the bank and act on it."""
    form = StatementForm(request.POST, request.FILES)
    if not form.is_valid():
        raise Invalid(_("Choose a file first."))
    file = form.cleaned_data["file"]
    imported = bank_statements.bring_in(file.read(MOST_BYTES + 1), name=file.name, staff=_staff(request))
    if not imported.is_new:
        messages.info(request, _("This file was brought in before. Nothing has changed."))
    else:
        counts = imported.counts
        said = _("%(paid)s paid, %(returned)s came back, %(unmatched)s to look at, %(other)s others, %(known)s known already.")
        other = counts[BankStatementLine.Outcome.IGNORED]
        figures = {outcome: counts[outcome] for outcome in ("paid", "returned", "unmatched", "known")}
        messages.success(request, said % {**figures, "other": other})
    return redirect("admin:billing_payout_desk")


@for_staff
@require_POST
@explained
def settle_line(request: HttpRequest, line_id: int) -> HttpResponseBase:
    """Say what a movement is: the payout with this variable symbol, or with none no payout."""
    line = get_object_or_404(BankStatementLine, pk=line_id)
    form = LineForm(request.POST)
    symbol = form.cleaned_data["symbol"].strip() if form.is_valid() else ""
    if request.POST.get("deed") != "dismiss":
        payout = Payout.objects.filter(variable_symbol=symbol).first()
        if payout is None:
            raise Invalid(_("No payout has this variable symbol."))
        bank_statements.settle_by_hand(line, payout)
    else:
        bank_statements.dismiss([line], note=_("Dismissed by %(name)s.") % {"name": _staff(request)})
    messages.success(request, _("Noted."))
    return redirect("admin:billing_payout_desk")


@for_staff
@require_GET
@explained
def seller_report(request: HttpRequest) -> HttpResponseBase:
    """The yearly report about those who earned, as a table."""
    if not _staff(request).has_perm("billing.view_sellerdata"):
        raise PermissionDenied
    form = ReportForm(request.GET)
    if not form.is_valid():
        raise Invalid(_("A year and the rate of the euro are needed."))
    year = form.cleaned_data["year"]
    rows = taxes.report_rows(taxes.report(year, crowns_per_euro=form.cleaned_data["rate"]))
    return table(f"chargeshare-dac7-{year}", "csv" if request.GET.get("file") == "csv" else "xlsx", {str(year): rows})
