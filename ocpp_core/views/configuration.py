"""The settings of a box."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.pages import explained
from ocpp_core.models import ConfigurationKey
from stations.api.permissions import own_charge_point
from stations.models.command import is_secret


@login_required
@explained
@require_GET
def configuration(request: HttpRequest, code: str) -> HttpResponse:
    """The settings of the box as it last told them; passwords stay hidden."""
    charge_point = own_charge_point(request, code)
    keys = [(key, is_secret(key.key)) for key in ConfigurationKey.objects.filter(charge_point=charge_point)]
    context = {
        "charge_point": charge_point,
        "tab": "configuration",
        "keys": keys,
        "read_at": max((key.read_at for key, _hidden in keys), default=None),
    }
    return render(request, "ocpp_core/configuration.html", context)
