"""Pages of money."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from billing.models import ChargeDetailRecord


@login_required
def receipt(request: HttpRequest, number: str) -> HttpResponse:
    """A receipt, for the two people it concerns and for staff."""
    return render(request, "billing/receipt.html", {"cdr": get_object_or_404(ChargeDetailRecord, number=number)})
