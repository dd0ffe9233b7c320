"""Pages of an owner's money: payouts and the bank account they go to, earnings, monthly statements, taxes."""

import hashlib
import uuid
from datetime import date

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import idempotency
from accounts.addresses import client_address
from accounts.models import User
from accounts.pages import explained, fresh_login_required
from accounts.paging import Paginator
from billing import bank_accounts, earnings, fee_papers, iban, money, payout_plans, payouts, seller_data, spreadsheets, statements, taxes
from billing.models import BankAccount, Payout, PayoutPlan
from billing.owners.forms import BankAccountForm, PayoutForm, PlanForm, SecondFactorForm, SellerDataForm
from billing.spreadsheets import Row
from chargeshare.errors import DomainError, Invalid

PER_PAGE = 20
LINES_PER_PAGE = 100


def _owner(request: HttpRequest) -> User:
    """Who has logged in; every view here stands behind the log-in."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


@never_cache
@login_required
@fresh_login_required
@require_http_methods(["GET", "HEAD", "POST"])
def payout_list(request: HttpRequest) -> HttpResponseBase:
    """What I have, a way to have it paid out, and every payout there was."""
    owner = _owner(request)
    account = bank_accounts.usable(owner) or next(iter(bank_accounts.of(owner)), None)
    form = PayoutForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and account is not None:
        try:
            payout = _wish(owner, form, account)
        except DomainError as refusal:
            form.add_error("amount", str(refusal.fields["amount"][0] if "amount" in refusal.fields else refusal.message))
        else:
            amount = money.fmt(payout.amount_minor, payout.currency)
            messages.success(request, _("%(amount)s will go to your account once we have looked at it.") % {"amount": amount})
            return redirect("billing:payouts")
    payable_minor = payouts.payable_minor(owner)
    plan = payout_plans.of(owner)
    context = {
        "side": "payouts",
        "form": form,
        "key": uuid.uuid4(),
        "earned": earnings.balances(owner),
        "payable_minor": payable_minor,
        "payable": _typed(max(0, payable_minor)),
        "least_minor": settings.PAYOUT_MINIMUM_MINOR,
        "can_ask": payable_minor >= settings.PAYOUT_MINIMUM_MINOR or (payable_minor > 0 and payouts.is_last_one(owner)),
        "account": account,
        "account_number": iban.written(account.iban) if account else "",
        "coming": next((one for one in bank_accounts.of(owner) if not one.is_usable and one != account), None),
        "plan": plan,
        "plan_form": PlanForm(initial={"rhythm": plan.rhythm, "keep": _typed(plan.keep_minor)}),
        "seller_data": seller_data.of(owner),
        "payouts_stop_at": seller_data.stops_at(seller_data.of(owner)),
        "page": Paginator(Payout.objects.filter(owner=owner).select_related("bank_account"), PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "billing/payout_list.html", context, status=400 if form.is_bound else 200)


def _typed(amount_minor: int) -> str:
    """An amount as a field can be sent back with: no marks between the thousands, which could be read as decimals."""
    written = str(money.decimal(amount_minor))
    return written.replace(".", ",") if (get_language() or "cs").startswith("cs") else written


def _wish(owner: User, form: PayoutForm, account: BankAccount) -> Payout:
    """Ask for a payout; the same form sent twice is the same payout."""
    amount_minor: int = form.cleaned_data["amount"]

    def ask() -> tuple[int, str]:
        return 201, str(payouts.request(owner, amount_minor, account).code)

    fingerprint = hashlib.sha256(f"payout {amount_minor} {account.pk}".encode()).hexdigest()
    _status, code = idempotency.answer_once(owner, f"form:{form.cleaned_data['key']}", fingerprint, ask)
    return Payout.objects.get(code=code, owner=owner)


@login_required
@require_POST
@explained
def payout_cancel(request: HttpRequest, code: uuid.UUID) -> HttpResponseBase:
    """Take a wish back."""
    payout = get_object_or_404(Payout, code=code, owner=_owner(request))
    payouts.cancel(payout)
    messages.success(request, _("The payout is cancelled. The money is among your earnings again."))
    return redirect("billing:payouts")


@login_required
@fresh_login_required
@require_POST
def payout_plan(request: HttpRequest) -> HttpResponseBase:
    """How often money comes by itself."""
    form = PlanForm(request.POST)
    if form.is_valid():
        plan = payout_plans.choose(_owner(request), form.cleaned_data["rhythm"], keep_minor=form.cleaned_data["keep"])
        if plan.rhythm == PayoutPlan.Rhythm.NEVER:
            messages.success(request, _("You are paid only when you ask for it."))
        else:
            messages.success(request, _("You will be paid by itself."))
    else:
        messages.error(request, str(next(iter(form.errors.values()))[0]))
    return redirect("billing:payouts")


@never_cache
@login_required
@fresh_login_required
@require_http_methods(["GET", "HEAD", "POST"])
def bank_account(request: HttpRequest) -> HttpResponseBase:
    """Where my money goes, and a form for another account."""
    owner = _owner(request)
    form = BankAccountForm(request.POST or None, user=owner, address=client_address(request), initial={"name": owner.name})
    if request.method == "POST" and form.is_valid():
        try:
            _account, is_new = bank_accounts.enter(owner, form.cleaned_data["iban"], name=form.cleaned_data["name"])
        except DomainError as refusal:
            form.add_error("iban", str(refusal.message))
        else:
            if is_new:
                messages.success(request, _("We have written to you. Follow the link in the e-mail to confirm the account."))
            else:
                messages.info(request, _("You have entered this account before."))
            return redirect("billing:bank_account")
    accounts = [(one, iban.written(one.iban)) for one in bank_accounts.of(owner)]
    context = {"side": "payouts", "form": form, "accounts": accounts, "current": bank_accounts.usable(owner), "now": timezone.now()}
    return render(request, "billing/bank_account.html", context, status=400 if form.is_bound else 200)


def _account(request: HttpRequest, account_id: int) -> BankAccount:
    return get_object_or_404(BankAccount, pk=account_id, owner=_owner(request), replaced_at=None)


@login_required
@require_POST
@explained
def bank_account_remove(request: HttpRequest, account_id: int) -> HttpResponseBase:
    """Send no more money there. It takes no password: whoever finds a stranger's account here should be quick."""
    bank_accounts.give_up(_account(request, account_id))
    messages.success(request, _("The account is removed. What was on its way there is among your earnings again."))
    return redirect("billing:bank_account")


@login_required
@require_POST
@explained
def bank_account_letter(request: HttpRequest, account_id: int) -> HttpResponseBase:
    """Send the letter with the link once more."""
    bank_accounts.ask_again(_account(request, account_id))
    messages.success(request, _("The e-mail is on its way."))
    return redirect("billing:bank_account")


@never_cache
@login_required
@fresh_login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def bank_account_confirm(request: HttpRequest, token: str) -> HttpResponseBase:
    """Where the link of the letter leads: a look at the number, and the word that it is mine."""
    account = bank_accounts.find(_owner(request), token)
    form = SecondFactorForm(request.POST if request.method == "POST" else None, user=_owner(request), address=client_address(request))
    if request.method == "POST" and form.is_valid():
        bank_accounts.confirm(account)
        messages.success(request, _("The account is confirmed."))
        return redirect("billing:bank_account")
    context = {"side": "payouts", "account": account, "number": iban.written(account.iban), "form": form}
    return render(request, "billing/bank_account_confirm.html", context, status=400 if form.is_bound else 200)


def _year(request: HttpRequest) -> int:
    asked = request.GET.get("year", "")
    return int(asked) if asked.isdigit() and 2000 <= int(asked) <= 2100 else timezone.localdate().year


@login_required
@require_GET
def earning_list(request: HttpRequest) -> HttpResponseBase:
    """A year of earnings by month, charger and guest."""
    owner, year = _owner(request), _year(request)
    context = {
        "side": "earnings",
        "year": year,
        "years": statements.years(owner),
        "months": statements.by_month(owner, year),
        "charge_points": statements.by_charge_point(owner, year),
        "guests": statements.by_guest(owner, year),
        "total": taxes.of(owner, year).total,
        "currency": settings.CURRENCY,
    }
    return render(request, "billing/earning_list.html", context)


@login_required
@require_GET
def earning_export(request: HttpRequest, year: int, ending: str) -> HttpResponseBase:
    """Every session of a year, to take away."""
    owner = _owner(request)
    found = statements.earned(owner, begins=date(year, 1, 1), ends=date(year + 1, 1, 1))
    return table(f"chargeshare-{year}", ending, {str(year): statements.rows(owner, found)})


def _month(number: str) -> date:
    try:
        return date.fromisoformat(f"{number}-01")
    except ValueError as error:
        raise Http404 from error


@login_required
@require_GET
def monthly_statement(request: HttpRequest, number: str) -> HttpResponseBase:
    """One month with every session and payout, and how the money stood before and after."""
    if _month(number) > timezone.localdate():
        raise Http404
    paper = fee_papers.of_month(_owner(request), _month(number))
    statement = paper.statement
    page = Paginator(statement.receipts, LINES_PER_PAGE).get_page(request.GET.get("page"))
    guests = [(cdr, statements.pseudonym(_owner(request), cdr.driver_id)) for cdr in page]
    context = {
        "side": "earnings",
        "statement": statement,
        "lines": guests,
        "page": page,
        "currency": settings.CURRENCY,
        "owner": _owner(request),
        "fee": fee_papers.fee(statement),
        "issuer": fee_papers.party(paper.issuer),
        "paper": paper,
    }
    return render(request, "billing/monthly_statement.html", context)


@login_required
@require_GET
def monthly_statement_export(request: HttpRequest, number: str, ending: str) -> HttpResponseBase:
    """The same to take away: on paper, with the platform's fee and its VAT, or as a table."""
    owner, month = _owner(request), _month(number)
    if month > timezone.localdate():
        raise Http404
    if ending == "pdf":
        return _paper(f"chargeshare-{number}", fee_papers.pdf(fee_papers.of_month(owner, month)))
    found = statements.earned(owner, begins=month, ends=statements.next_month(month))
    return table(f"chargeshare-{number}", ending, {number: statements.rows(owner, found)})


@login_required
@require_GET
def tax_overview(request: HttpRequest) -> HttpResponseBase:
    """A year for the tax office: how near the limits are, and what we report."""
    owner, year = _owner(request), _year(request)
    context = {
        "side": "taxes",
        "year": taxes.of(owner, year),
        "years": statements.years(owner),
        "data": seller_data.of(owner),
        "stops_at": seller_data.stops_at(seller_data.of(owner)),
        "currency": settings.CURRENCY,
    }
    return render(request, "billing/tax_overview.html", context)


@login_required
@require_GET
def tax_export(request: HttpRequest, year: int, ending: str) -> HttpResponseBase:
    """My copy of what is reported."""
    return table(f"chargeshare-taxes-{year}", ending, {str(year): taxes.own_rows(taxes.of(_owner(request), year))})


@never_cache
@login_required
@fresh_login_required
@require_http_methods(["GET", "HEAD", "POST"])
def seller_data_edit(request: HttpRequest) -> HttpResponseBase:
    """Who I am before the tax office."""
    owner = _owner(request)
    form = SellerDataForm(request.POST or None, instance=seller_data.of(owner))
    if request.method == "POST" and form.is_valid():
        try:
            seller_data.save(owner, form.cleaned_data)
        except Invalid as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Your data are saved."))
            return redirect("billing:taxes")
    return render(request, "billing/seller_data_edit.html", {"side": "taxes", "form": form}, status=400 if form.is_bound else 200)


def _paper(name: str, content: bytes) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}.pdf"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type="application/pdf", headers=headers)


def table(name: str, ending: str, sheets: dict[str, list[Row]]) -> HttpResponse:
    """A table as a file, by the ending that was asked for."""
    if ending == "csv":
        content, kind = spreadsheets.csv_bytes(row for rows in sheets.values() for row in rows), spreadsheets.CSV_TYPE
    else:
        content, kind = spreadsheets.xlsx_bytes(sheets), spreadsheets.XLSX_TYPE
    headers = {"Content-Disposition": f'attachment; filename="{name}.{ending}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=kind, headers=headers)
