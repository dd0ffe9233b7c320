"""The owner's rules for bookings of one charger, when it is closed, and what her guests read on their way."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.pages import explained
from stations import arrival, booking_rules
from stations.api.permissions import own_charge_point
from stations.forms import ArrivalForm, BookingRulesForm
from stations.views.owner_charge_point import saved
from stations.views.reservations import moments, said_in_one


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def rules(request: HttpRequest, code: str) -> HttpResponseBase:
    """Who books, when, how long, and what it costs to stay away."""
    one = own_charge_point(request, code)
    form = BookingRulesForm.of(one, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and saved(form, lambda: booking_rules.edit(one, **form.changes())):
        messages.success(request, _("Saved. Bookings that were made before stay as they are."))
        return redirect("stations:owner_booking_rules", code)
    context: dict[str, Any] = {
        "charge_point": one,
        "tab": "booking_rules",
        "form": form,
        "closures": booking_rules.closures(one, timezone.now()),
        "is_open": not one.is_closed,
    }
    return render(request, "stations/owner/rules.html", context)


@login_required
@require_POST
@explained
def closure_add(request: HttpRequest, code: str) -> HttpResponseBase:
    """Close it for a time."""
    one = own_charge_point(request, code)
    begins_at, ends_at = moments(request.POST)
    note = request.POST.get("note", "").replace("\0", "")
    said_in_one(lambda: booking_rules.close(one, begins_at=begins_at, ends_at=ends_at, note=note))
    messages.success(request, _("Closed for that time. Bookings that were made before stay as they are."))
    return redirect("stations:owner_booking_rules", code)


@login_required
@require_POST
@explained
def closure_remove(request: HttpRequest, code: str, pk: int) -> HttpResponseBase:
    """Open it again."""
    booking_rules.reopen(own_charge_point(request, code), pk)
    messages.success(request, _("The closure is gone."))
    return redirect("stations:owner_booking_rules", code)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def arrival_pack(request: HttpRequest, code: str) -> HttpResponse | HttpResponseBase:
    """Where exactly, through which gate, to which socket."""
    one = own_charge_point(request, code)
    form = ArrivalForm(request.POST) if request.method == "POST" else ArrivalForm.of(one)
    if request.method == "POST" and form.is_valid() and saved(form, lambda: arrival.edit(one, **form.cleaned_data)):
        messages.success(request, _("Saved."))
        return redirect("stations:owner_arrival", code)
    return render(request, "stations/owner/arrival_pack.html", {"charge_point": one, "tab": "arrival", "form": form})
