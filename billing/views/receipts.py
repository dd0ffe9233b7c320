"""Receipts: as a page, on paper, and checked by anybody."""

import segno
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts import addresses, counting, offline
from accounts.pages import who
from billing import disputes, money, receipts
from billing.models import ChargeDetailRecord
from billing.pricing import Prices

LONGEST_NUMBER = 30
LONGEST_TOTAL = 30
MOST_CHECKS = 60  # of one address, or one home, within ten minutes
CHECKS_WITHIN_S = 600


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
        "terms": receipts.terms(prices) if prices else [],
        "title": receipts.title(cdr),
        "seller": receipts.seller(cdr),
        "vat": receipts.vat(cdr),
        "fee_vat": receipts.fee_vat(cdr),
        "readings": receipts.readings(cdr),
        "corrections": cdr.corrections.all(),
        "is_earned": cdr.owner_id == who(request).pk,
        "may_dispute": disputes.may_open(who(request), cdr),
        "disputes": cdr.disputes.all() if who(request).pk in (cdr.driver_id, cdr.owner_id) or who(request).is_staff else [],
        "is_paid_by_me": cdr.driver_id == who(request).pk,
        "verify_url": verify_url,
        "qr": segno.make(verify_url, micro=False, error="m").svg_inline(scale=4, border=0, omitsize=True, svgclass="qr", lineclass=None),
    }
    page = render(request, "billing/receipt.html", context)
    return offline.keep(page) if context["is_paid_by_me"] else page


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
    """For anybody with a printed receipt: whether its number and total agree, and nothing more. Guessing is slowed down."""
    total = request.GET.get("total", "")[:LONGEST_TOTAL]
    context: dict[str, object] = {"number": number[:LONGEST_NUMBER], "total": total}
    if not total:
        return render(request, "billing/receipt_verify.html", context)
    total_minor = receipts.read_total(total)
    if total_minor is None:
        return render(request, "billing/receipt_verify.html", {**context, "verdict": "unreadable"}, status=400)
    address = addresses.network(addresses.client_address(request))
    if counting.add_one(f"receipt-checks:{address}", keep_s=CHECKS_WITHIN_S) > MOST_CHECKS:
        return render(request, "billing/receipt_verify.html", {**context, "verdict": "wait"}, status=429)
    context |= {
        "verdict": "agrees" if receipts.agrees(number, total_minor) else "differs",
        "written": money.number(money.decimal(total_minor)),
    }
    return render(request, "billing/receipt_verify.html", context)
