"""Receipts: as a page, on paper, and checked by anybody."""

import segno
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.pages import who
from billing import disputes, receipts
from billing.models import ChargeDetailRecord
from billing.pricing import Prices


def _receipt(request: HttpRequest, number: str) -> ChargeDetailRecord:
    found: ChargeDetailRecord = get_object_or_404(receipts.visible_to(who(request)).select_related("corrects"), number=number)
    return found


@login_required
@require_GET
def receipt(request: HttpRequest, number: str) -> HttpResponseBase:
    """A receipt, for the two people it concerns and for staff."""
    cdr = _receipt(request, number)
    verify_url = receipts.verification_url(cdr)
    prices = Prices.from_snapshot(cdr.tariff) if cdr.tariff else None
    context = {
        "cdr": cdr,
        "lines": [(line, receipts.quantity(line)) for line in cdr.lines.select_related("cdr")],
        "parts": receipts.parts(cdr),
        "prices": prices,
        "tariff": receipts.tariff(prices) if prices else "",
        "corrections": cdr.corrections.all(),
        "is_earned": cdr.owner_id == who(request).pk,
        "may_dispute": disputes.may_open(who(request), cdr),
        "disputes": cdr.disputes.all() if who(request).pk in (cdr.driver_id, cdr.owner_id) or who(request).is_staff else [],
        "is_paid_by_me": cdr.driver_id == who(request).pk,
        "verify_url": verify_url,
        "qr": segno.make(verify_url, micro=False, error="m").svg_inline(scale=4, border=0, omitsize=True, svgclass="qr", lineclass=None),
    }
    return render(request, "billing/receipt.html", context)


@require_GET
def receipt_pdf(request: HttpRequest, number: str) -> HttpResponseBase:
    """The same on paper; also for whoever has the address from a letter to a guest."""
    key = request.GET.get("key", "")
    if key and receipts.holds_key(number, key):
        cdr = get_object_or_404(ChargeDetailRecord.objects.select_related("corrects"), number=number)
        content = receipts.pdf(cdr)
    elif not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    else:
        cdr = _receipt(request, number)
        content = receipts.pdf(cdr, with_parts=cdr.driver_id == who(request).pk or who(request).is_staff)
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="chargeshare-{number}.pdf"', "Cache-Control": "private"},
    )


@require_GET
def receipt_verify(request: HttpRequest, number: str) -> HttpResponseBase:
    """For anybody with a printed receipt: whether its number and total agree, and nothing more."""
    total = request.GET.get("total", "")
    context = {"number": number, "total": total, "agrees": bool(total) and receipts.agrees(number, total)}
    return render(request, "billing/receipt_verify.html", context)
