"""What a scanned code leads to, and the owner's page of her codes."""

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.pages import explained
from chargeshare.errors import NotFound
from stations import stickers
from stations.api.permissions import own_charge_point, seen_charge_point
from stations.models import ChargePoint, Connector, Sticker
from stations.views import estimating
from stations.views.charge_points import outlet_context


@never_cache
@require_safe
@explained
def sticker(request: HttpRequest, short: str) -> HttpResponseBase:
    """The page of the outlet the code is stuck on; of a code that is void or not ours, that it is."""
    try:
        found = stickers.find(short)
    except stickers.NotOurs:
        return _void(request, is_ours=False)
    charge_point = found.connector.charge_point
    if found.replaced_at is not None or charge_point.is_retired:
        return _void(request, is_ours=True)
    if not request.user.is_authenticated and not ChargePoint.objects.visible_to(request.user).filter(pk=charge_point.pk).exists():
        return redirect_to_login(request.path)
    return _page(request, found)


@never_cache
@login_required
@require_safe
@explained
def sticker_list(request: HttpRequest, code: str) -> HttpResponseBase:
    """The codes of one charger, to print, and to declare void where one was tampered with."""
    charge_point = own_charge_point(request, code)
    rows = [
        {
            "sticker": one,
            "url": stickers.url(one),
            "qr": segno.make(stickers.url(one), micro=False, error="m").svg_inline(
                scale=4, border=0, omitsize=True, svgclass="qr", lineclass=None
            ),
        }
        for one in (stickers.of(connector) for connector in charge_point.connectors.all())
    ]
    context = {"charge_point": charge_point, "rows": rows, "tab": "stickers", "plate": stickers.plate(charge_point)}
    return render(request, "stations/owner/sticker_list.html", {**context, "true_address": stickers.begins()})


@login_required
@require_safe
@explained
def sticker_pdf(request: HttpRequest, code: str) -> HttpResponseBase:
    """All of them on paper."""
    charge_point = own_charge_point(request, code)
    connectors = list(charge_point.connectors.all())
    if not connectors:
        raise NotFound
    content = stickers.pdf(charge_point, [stickers.of(connector) for connector in connectors])
    disposition = f'attachment; filename="chargeshare-{charge_point.code}.pdf"'
    return HttpResponse(content, content_type="application/pdf", headers={"Content-Disposition": disposition, "Cache-Control": "private"})


@login_required
@require_POST
@explained
def sticker_issue(request: HttpRequest, code: str, number: int) -> HttpResponseBase:
    """A new code for one outlet."""
    charge_point = own_charge_point(request, code)
    stickers.issue(outlet(charge_point, number), instead_of=request.POST.get("instead_of", ""))
    messages.success(request, _("The old code is void from now on. Print the new sticker and put it over the old one."))
    return redirect("stations:owner_stickers", code)


def outlet(charge_point: ChargePoint, number: int) -> Connector:
    """One of its outlets."""
    found = next((one for one in charge_point.connectors.all() if one.number == number), None)
    if found is None:
        raise NotFound
    return found


def _page(request: HttpRequest, found: Sticker) -> HttpResponseBase:
    """The page behind the older codes, and what helps to notice a false one."""
    charge_point = found.connector.charge_point
    context = outlet_context(request, seen_charge_point(request, charge_point.code), found.connector.number)
    more = {"is_at_charger": True, "true_address": stickers.begins(), "plate": stickers.plate(charge_point)}
    return estimating.remember(render(request, "stations/connector_qr.html", {**context, **more}), context["wish"].asked)


def _void(request: HttpRequest, *, is_ours: bool) -> HttpResponse:
    context = {"is_ours": is_ours, "true_address": stickers.begins()}
    return render(request, "stations/sticker_void.html", context, status=410 if is_ours else 404)
