"""Paying for one visit: as a guest from the code on the outlet, or by everybody where wallets are switched off."""

from urllib.parse import urlsplit
from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import addresses, counting
from accounts.models import User
from accounts.pages import explained, who
from billing import instruments
from chargeshare.errors import DomainError, Invalid, NotFound
from stations import prepaid
from stations.api.permissions import seen_charge_point
from stations.forms import PrepayForm
from stations.models import PrepaidStart
from stations.views.charge_points import outlet_context

GUESTS_WITHIN_S = 600
LOOK_AGAIN_S = 3

_own = urlsplit(settings.GOPAY_GATEWAY_URL)
_to_gateway = csp_update({"form-action": ["https://*.gopay.cz", "https://*.gopay.com", f"{_own.scheme}://{_own.netloc}"]})


@never_cache
@_to_gateway  # type: ignore[arg-type]  # it types views without arguments alone
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def prepay(request: HttpRequest, code: str, number: int) -> HttpResponseBase:
    """How much, and for a guest where the receipt goes; then on to the payment."""
    charge_point = seen_charge_point(request, code)
    connector = next((one for one in charge_point.connectors.all() if one.number == number), None)
    if connector is None:
        raise NotFound
    is_guest = not isinstance(request.user, User)
    form = PrepayForm(request.POST if request.method == "POST" else None, is_guest=is_guest)
    instrument = instruments.chosen(request.POST.get("instrument", request.GET.get("pay", "")))
    if request.method == "POST" and form.is_valid():
        try:
            start = prepaid.begin(_payer(request, form), connector, form.cleaned_data["amount"], instrument=instrument)
        except Invalid as refusal:
            for field, sentences in refusal.fields.items():
                form.add_error(field if field in form.fields else None, [str(sentence) for sentence in sentences])
            if not refusal.fields:
                form.add_error(None, str(refusal.message))
        except DomainError as refusal:
            form.add_error(None, str(refusal.message))
        else:
            return HttpResponseRedirect(start.top_up.gateway_url.removeprefix(settings.PUBLIC_URL))  # type: ignore[union-attr]  # begun
    payment = {"form": form, "is_guest": is_guest, "instruments": instruments.enabled(), "instrument": instrument}
    context = {**outlet_context(request, charge_point, number), **payment}
    return render(request, "stations/prepay.html", context, status=400 if form.is_bound else 200)


@never_cache
@login_required
@require_safe
def prepaid_start(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """Where the browser comes back to from the payment: it waits for its word, and leads on to the session."""
    found = get_object_or_404(PrepaidStart.objects.select_related("connector__charge_point", "top_up"), code=code, driver=who(request))
    start = prepaid.now_follow(found)
    if start.session is not None:
        return redirect(start.session)
    is_waiting = start.status == PrepaidStart.Status.WAITING
    response: HttpResponse = render(request, "stations/prepaid_start.html", {"start": start, "is_waiting": is_waiting})
    if is_waiting:
        response.headers["Refresh"] = str(LOOK_AGAIN_S)
    return response


def _payer(request: HttpRequest, form: PrepayForm) -> User:
    """Whoever has logged in; a guest gets an account for this visit, and this browser is hers."""
    if isinstance(request.user, User):
        return request.user
    address = addresses.client_address(request)
    if counting.add_one(f"guests:{address}", keep_s=GUESTS_WITHIN_S) > settings.LIMIT_TOP_UPS:
        raise DomainError(_("Too many payments in a short time. Try again in ten minutes."))
    guest = prepaid.guest(form.cleaned_data["email"], get_language() or settings.LANGUAGE_CODE)
    login(request, guest, backend=settings.AUTHENTICATION_BACKENDS[0])
    return guest
