"""Complaining about a session or a fee: the form, and everything known of it put beside the complaint."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.pages import who
from billing import disputes, money, settlement
from billing.models import ChargeDetailRecord, Dispute
from chargeshare.errors import DomainError, Invalid
from stations import evidence
from stations.forms import DisputeForm
from stations.models import ChargingSession, Reservation


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def dispute_open(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Say what is wrong with a receipt, as the one who paid it or the one who earned it."""
    user = who(request)
    cdr = get_object_or_404(ChargeDetailRecord.objects.select_related("driver", "owner"), session_code=code, corrects=None)
    if user.pk not in (cdr.driver_id, cdr.owner_id):
        raise Http404
    known = Dispute.objects.filter(cdr=cdr).exclude(status=Dispute.Status.WITHDRAWN).first()
    if known is not None:
        return redirect(known)
    spent_minor = settlement.spent_minor(code)
    is_driver = user.pk == cdr.driver_id
    booking = Reservation.objects.select_related("connector", "charge_point").filter(code=code).first()
    form = DisputeForm(
        request.POST if request.method == "POST" else None,
        is_driver=is_driver,
        of_fee=booking is not None,
        most=money.fmt(spent_minor, cdr.currency),
    )
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            opened = disputes.open_dispute(
                user,
                cdr,
                reason=said["reason"],
                text=said["text"],
                amount_minor=said.get("amount"),
                evidence=_known(code) if booking is None else evidence.of_booking(booking),
            )
        except Invalid as refusal:
            for field, sentences in refusal.fields.items():
                form.add_error(field if field in form.fields else None, [str(sentence) for sentence in sentences])
        except DomainError as refusal:
            form.add_error(None, str(refusal.message))
        else:
            messages.success(request, _("Thank you. The other side has three days to answer, then we decide."))
            return redirect(opened)
    context = {"form": form, "cdr": cdr, "spent_minor": spent_minor, "is_driver": is_driver}
    return render(request, "stations/dispute_open.html", context, status=400 if form.is_bound else 200)


def _known(code: uuid.UUID) -> dict[str, Any]:
    return evidence.of(get_object_or_404(ChargingSession.objects.select_related("connector", "charge_point"), code=code))
