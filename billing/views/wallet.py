"""The wallet: what is in it, how money gets in and out, and the address GoPay calls."""

import hashlib
import logging
import uuid
from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import addresses, idempotency
from accounts.models import User
from accounts.pages import who
from accounts.paging import Paginator
from billing import auto_top_ups, instruments, journal, ledger, money, refunds, top_ups
from billing.forms import AutoTopUpForm, RefundForm, TopUpForm
from billing.gateway import demo
from billing.models import Hold, TopUp
from chargeshare.errors import DomainError, Invalid

logger = logging.getLogger(__name__)
PRESETS = (200, 500, 1_000, 2_000, 5_000)
PER_PAGE = 20
WAITING = (TopUp.Status.NEW, TopUp.Status.PENDING)
_own = urlsplit(settings.GOPAY_GATEWAY_URL)
_to_gateway = csp_update({"form-action": ["https://*.gopay.cz", "https://*.gopay.com", f"{_own.scheme}://{_own.netloc}"]})


@never_cache
@login_required
@_to_gateway
@require_http_methods(["GET", "HEAD", "POST"])
def wallet(request: HttpRequest) -> HttpResponseBase:
    """What is available, a way to add to it, and where it went."""
    form = TopUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(_wish(who(request), form).gateway_url.removeprefix(settings.PUBLIC_URL))
        except DomainError as refusal:
            form.add_error("amount", str(refusal.message))
    purse = ledger.wallet(who(request))
    page = Paginator(journal.events(who(request)), PER_PAGE).counted(journal.count(who(request))).get_page(request.GET.get("page"))
    held_of_cash_minor = min(purse.held_minor, max(0, purse.cash_minor))
    own_minor = purse.cash_minor - held_of_cash_minor
    promo_minor = purse.promo_minor - (purse.held_minor - held_of_cash_minor)
    context = {
        "form": form,
        "is_form_open": form.is_bound or "top-up" in request.GET,
        "key": uuid.uuid4(),
        "presets": [{"main": preset, "minor": preset * 100} for preset in PRESETS if preset * 100 <= top_ups.room_minor(purse)],
        "symbol": form.symbol,
        "purse": purse,
        "own_minor": own_minor,
        "promo_minor": promo_minor,
        "bar_parts": _bar_parts({"own": own_minor, "promo": promo_minor, "held": purse.held_minor}),
        "holds": Hold.objects.filter(user=who(request), closed_at=None),
        "owed_minor": -purse.debt_minor,
        "returnable_minor": refunds.returnable_minor(who(request)),
        "page": page,
        "movements": journal.movements(who(request), list(page)),
        "waiting": TopUp.objects.filter(user=who(request), status=TopUp.Status.PENDING)[:3],
        "is_enabled": settings.WALLET_ENABLED,
        "instruments": instruments.enabled(),
        "instrument": instruments.chosen(request.POST.get("instrument", request.GET.get("pay", ""))),
    }
    return render(request, "billing/wallet.html", context, status=400 if form.is_bound else 200)


def _bar_parts(parts_minor: dict[str, int]) -> list[dict[str, str | int]]:
    """The stripe under the figure: every part in thousandths of the whole, with a gap between neighbours."""
    shown = {name: amount_minor for name, amount_minor in parts_minor.items() if amount_minor > 0}
    whole_minor, x = sum(shown.values()), 0
    parts: list[dict[str, str | int]] = []
    for name, amount_minor in shown.items():
        width = amount_minor * 1_000 // whole_minor
        parts.append({"name": name, "x": x, "width": max(4, width - 6)})
        x += width
    return parts


def _wish(user: User, form: TopUpForm) -> TopUp:
    """Begin a top-up; the same form sent twice is the same top-up while that one can still be paid."""
    amount_minor: int = form.cleaned_data["amount"]
    instrument: str = form.cleaned_data["instrument"]

    def begin() -> tuple[int, str]:
        return 201, str(top_ups.begin(user, amount_minor, instrument=instrument).code)

    fingerprint = hashlib.sha256(f"wallet {amount_minor}".encode()).hexdigest()
    _status, code = idempotency.answer_once(user, f"form:{form.cleaned_data['key']}", fingerprint, begin)
    top_up = TopUp.objects.get(code=code, user=user)
    return top_up if top_up.status in WAITING else top_ups.begin(user, amount_minor, instrument=instrument)


@never_cache
@login_required
@require_GET
def top_up_return(request: HttpRequest, code: uuid.UUID) -> HttpResponseBase:
    """Where the browser comes back to. What it says proves nothing: the gateway is asked, and the page waits for its word."""
    top_up = get_object_or_404(TopUp, code=code, user=who(request))
    if top_up.gateway_id is not None and top_up.status in (*WAITING, TopUp.Status.CLOSED):
        top_up = top_ups.refresh(top_up.gateway_id, budget_s=top_ups.PAGE_PATIENCE_S) or top_up
    context = {"top_up": top_up, "is_waiting": top_up.status in WAITING, "purse": ledger.wallet(who(request))}
    return render(request, "billing/top_up_return.html", context)


@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def gopay_notification(request: HttpRequest) -> HttpResponse:
    """GoPay's nudge that a payment has moved. Whoever calls, only a payment of ours is asked about, and GoPay alone is believed."""
    gateway_id = request.GET.get("id", "")
    is_readable = gateway_id.isascii() and gateway_id.isdigit() and len(gateway_id) <= 20
    if not is_readable or top_ups.refresh(gateway_id, budget_s=top_ups.PATIENCE_S) is None:
        logger.info("gopay notification about a payment that is not ours")
    return HttpResponse(status=200, content_type="text/plain")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def demo_gateway(request: HttpRequest, gateway_id: str) -> HttpResponseBase:
    """The page that plays the bank: pay, cancel, or leave without a word."""
    payment = demo.find(gateway_id)
    if payment is None or not TopUp.objects.filter(gateway_id=gateway_id, gateway="demo", user=who(request)).exists():
        raise Http404
    if request.method == "POST":
        if request.POST.get("deed") == "pay":
            demo.pay(payment)
        elif request.POST.get("deed") == "cancel":
            demo.cancel(payment)
        top_ups.refresh(payment.gateway_id)  # a real gateway would send its notification now
        return HttpResponseRedirect(f"{urlsplit(payment.return_url).path}?id={payment.gateway_id}")
    return render(request, "billing/demo_gateway.html", {"payment": payment, "is_open": payment.state == demo.State.CREATED})


@never_cache
@login_required
@_to_gateway
@require_http_methods(["GET", "HEAD", "POST"])
def auto_top_up(request: HttpRequest) -> HttpResponseBase:
    """A wallet that tops itself up: first the amounts, then what one agrees to word for word, then the first payment."""
    user = who(request)
    plan = auto_top_ups.current(user)
    initial = {"amount": "500", "below": "200", "monthly_cap": "2000"}
    form = AutoTopUpForm(request.POST if request.method == "POST" else None, initial=initial)
    consent = ""
    if request.method == "POST" and settings.WALLET_ENABLED and form.is_valid():
        amounts = {f"{name}_minor": form.cleaned_data[name] for name in ("amount", "below", "monthly_cap")}
        consent = auto_top_ups.consent_text(**amounts)
        if "agree" in request.POST:
            try:
                said = form.cleaned_data["consent"]
                ordered = auto_top_ups.order(user, **amounts, consent=said, address=addresses.client_address(request))
                first = top_ups.begin(user, amounts["amount_minor"], plan=ordered)
                return HttpResponseRedirect(first.gateway_url.removeprefix(settings.PUBLIC_URL))
            except Invalid as refusal:
                for field, sentences in refusal.fields.items():
                    form.add_error(
                        field if field in form.fields and field != "consent" else None, [str(sentence) for sentence in sentences]
                    )
                consent = ""
            except DomainError as refusal:
                form.add_error(None, str(refusal.message))
                consent = ""
    context = {
        "form": form,
        "plan": plan if plan is not None and plan.state == plan.State.ACTIVE else None,
        "consent": consent,
        "is_enabled": settings.WALLET_ENABLED,
        "payments": auto_top_ups.of(user)[:PER_PAGE],
    }
    return render(request, "billing/auto_top_up.html", context, status=400 if form.is_bound and not consent else 200)


@login_required
@require_POST
def auto_top_up_end(request: HttpRequest) -> HttpResponseBase:
    """End it, at once and whatever the gateway says."""
    auto_top_ups.end(who(request))
    messages.success(request, _("Your wallet tops itself up no more."))
    return redirect("billing:auto_top_up")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def refund(request: HttpRequest) -> HttpResponseBase:
    """Money back from the wallet to the card or the account it came from."""
    user = who(request)
    most_minor = refunds.returnable_minor(user)
    typed = request.POST if request.method == "POST" else None
    form = RefundForm(typed, initial={"amount": money.number(money.decimal(most_minor)), "key": uuid.uuid4()})
    if request.method == "POST" and form.is_valid():
        amount_minor: int = form.cleaned_data["amount"]

        def begin() -> tuple[int, str]:
            return 201, str(refunds.request(user, amount_minor)[0].code)

        fingerprint = hashlib.sha256(f"refund {amount_minor}".encode()).hexdigest()
        try:
            idempotency.answer_once(user, f"form:{form.cleaned_data['key']}", fingerprint, begin)
        except DomainError as refusal:
            form.add_error("amount", str(refusal.message))
        else:
            messages.success(request, _("The money is on its way back. Banks show it within a few days."))
            return redirect("billing:refund")
    page = Paginator(refunds.of(user), PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "most_minor": most_minor, "purse": ledger.wallet(user), "page": page, "is_bound": form.is_bound}
    return render(request, "billing/refund.html", context, status=400 if form.is_bound else 200)
