"""How a charger strays from the standard, in plain words."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.pages import explained
from ocpp_core import meanings, vendors
from ocpp_core.models import ChargerDeviation
from stations.api.permissions import own_charge_point
from stations.models import ChargingSession


@login_required
@explained
@require_GET
def deviation_list(request: HttpRequest, code: str) -> HttpResponse:
    """How the charger strays from the standard, in plain words; what needs care comes first."""
    charge_point = own_charge_point(request, code)
    found = [(deviation, meanings.of(deviation.word)) for deviation in ChargerDeviation.objects.filter(charge_point=charge_point)]
    context = {
        "charge_point": charge_point,
        "tab": "deviations",
        "deviations": sorted(found, key=lambda pair: not pair[1].needs_care),
        "advice": vendors.profile_of(charge_point.vendor, charge_point.model, charge_point.firmware).advice,
        "in_review": ChargingSession.objects.filter(charge_point=charge_point, status=ChargingSession.Status.REVIEW).count(),
    }
    return render(request, "ocpp_core/deviation_list.html", context)
