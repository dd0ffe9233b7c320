"""A month of a wallet: as a page, on paper, and as a table to take away."""

from datetime import date

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.pages import who
from accounts.paging import Paginator
from billing import spreadsheets, statements, wallet_statements
from billing.wallet_statements import Statement

PER_PAGE = 50


def _statement(request: HttpRequest, number: str) -> Statement:
    """A month that has begun, and in which this person may have had a wallet."""
    month = date.fromisoformat(f"{number}-01")
    if month > timezone.localdate():
        raise Http404
    return wallet_statements.of_month(who(request), month)


@login_required
@require_GET
def wallet_statement(request: HttpRequest, number: str) -> HttpResponseBase:
    """One month of my wallet, with how it stood before and after."""
    statement = _statement(request, number)
    earlier = date.fromordinal(statement.month.toordinal() - 1).replace(day=1)
    later = statements.next_month(statement.month)
    context = {
        "statement": statement,
        "parts": wallet_statements.parts(statement),
        "page": Paginator(statement.lines, PER_PAGE).get_page(request.GET.get("page")),
        "earlier": earlier if wallet_statements.is_known_before(who(request), statement.month) else None,
        "later": later if later <= timezone.localdate() else None,
    }
    return render(request, "billing/wallet_statement.html", context)


@login_required
@require_GET
def wallet_statement_file(request: HttpRequest, number: str, ending: str) -> HttpResponseBase:
    """The same as PDF, CSV or XLSX."""
    statement = _statement(request, number)
    match ending:
        case "pdf":
            content, kind = wallet_statements.pdf(who(request), statement), "application/pdf"
        case "csv":
            content, kind = spreadsheets.csv_bytes(wallet_statements.rows(statement)), spreadsheets.CSV_TYPE
        case _:
            content, kind = spreadsheets.xlsx_bytes({number: wallet_statements.rows(statement)}), spreadsheets.XLSX_TYPE
    headers = {
        "Content-Disposition": f'attachment; filename="chargeshare-wallet-{number}.{ending}"',
        "Cache-Control": "private, no-store",
    }
    return HttpResponse(content, content_type=kind, headers=headers)
