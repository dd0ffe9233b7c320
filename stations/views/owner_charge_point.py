"""One charger as its owner runs it: its connectors, what she can ask of it, who charged, whom she lets in."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.pages import explained
from billing import tariffs
from billing.models import Tariff
from billing.pricing import Prices
from chargeshare.errors import DomainError, Invalid, NotFound
from stations import charge_points, circles, commands, password_rotation, reliability, sessions, site_facts, slots
from stations.api.permissions import own_charge_point
from stations.forms import FREE, PRICES, ChargePointForm, ConnectorForm, InvitationForm
from stations.models import ChargePoint, ChargingSession, Command, Connector, Invitation, SiteFacts
from stations.models.site_facts import HIGHEST_CM, LOWEST_CM
from stations.views.health import advice
from stations.views.map import map_config
from stations.views.owner import hints, person, price_words, waited_for

RECENT = 5


class FactsForm(forms.ModelForm[SiteFacts]):
    """What the owner says of the place."""

    max_height_cm = forms.IntegerField(
        label=gettext_lazy("How high a car may be"),
        min_value=LOWEST_CM,
        max_value=HIGHEST_CM,
        required=False,
        help_text=gettext_lazy("The lowest gate or ceiling on the way. Leave it empty where nothing is above."),
    )

    class Meta:
        model = SiteFacts
        fields = site_facts.NAMES


@login_required
@explained
@require_GET
def charge_point(request: HttpRequest, code: str) -> HttpResponse:
    """State of every connector, buttons, what was asked lately, who charged lately."""
    one = own_charge_point(request, code)
    open_sessions = ChargingSession.objects.filter(charge_point=one, status=ChargingSession.Status.ACTIVE)
    charging = {session.connector_id: session for session in open_sessions.select_related("driver", "tariff_version__tariff", "cdr")}
    kept = slots.kept(one, now=timezone.now())
    connectors = [(connector, charging.get(connector.pk), kept.get(connector.number)) for connector in one.connectors.all()]
    recent = ChargingSession.objects.filter(charge_point=one).select_related("connector", "driver", "cdr", "tariff_version__tariff")
    context = {
        "charge_point": one,
        "tab": "overview",
        "connectors": connectors,
        "commands": Command.objects.filter(charge_point=one).exclude(source=Command.Source.SETUP)[:RECENT],
        "recent": recent[:RECENT],
        "hints": [*hints(one), *waited_for(one.owner, [one])],
        "reliability": reliability.of(one),
        "advice": list(advice(one, reliability.of(one))),
        "is_ready": one.booted_at is not None and any(connector.is_ready_to_publish for connector, _session, _kept in connectors),
        "invitations": Invitation.objects.filter(charge_point=one).select_related("user").order_by("pk"),
        "invitation_form": InvitationForm(),
        "is_mine": one.owner_id == person(request).pk,
    }
    return render(request, "stations/owner/charge_point.html", context)


@login_required
@explained
@require_POST
def ask(request: HttpRequest, code: str) -> HttpResponse:
    """One of the buttons. The answer comes when the charger gives it; the page shows it then."""
    one = own_charge_point(request, code)
    deed = request.POST.get("deed", "")
    if deed == "start":
        return redirect(_start(request, one))
    if deed == "stop":
        session = get_object_or_404(ChargingSession.objects.of(one), pk=_number(request, "session"))
        sessions.request_stop(user=person(request), session=session)
    elif deed in DEEDS:
        DEEDS[deed](request, one)
    else:
        raise NotFound
    return redirect(reverse("stations:owner_charge_point", args=[code]) + "#commands")


def _start(request: HttpRequest, one: ChargePoint) -> ChargingSession:
    connector = _connector(one, _number(request, "connector"))
    return sessions.request_start(driver=person(request), connector=connector, origin=ChargingSession.Origin.APP)


def _reset(kind: str) -> Callable[[HttpRequest, ChargePoint], object]:
    return lambda request, one: commands.reset(one, kind=kind, asked_by=person(request))


def _unlock(request: HttpRequest, one: ChargePoint) -> object:
    return commands.unlock(_connector(one, _number(request, "connector")), asked_by=person(request))


def _availability(*, operative: bool) -> Callable[[HttpRequest, ChargePoint], object]:
    def change(request: HttpRequest, one: ChargePoint) -> object:
        number = _number(request, "connector")
        if number:
            _connector(one, number)
        return commands.change_availability(one, operative=operative, connector_number=number, asked_by=person(request))

    return change


def _ask_state(request: HttpRequest, one: ChargePoint) -> object:
    return commands.ask(one, "TriggerMessage", {"requestedMessage": "StatusNotification"}, asked_by=person(request))


DEEDS: dict[str, Callable[[HttpRequest, ChargePoint], object]] = {
    "reset": _reset("Soft"),
    "reset_hard": _reset("Hard"),
    "unlock": _unlock,
    "operative": _availability(operative=True),
    "inoperative": _availability(operative=False),
    "ask_state": _ask_state,
}


@login_required
@explained
def edit(request: HttpRequest, code: str) -> HttpResponse:
    """Name, place, who may charge."""
    one = own_charge_point(request, code)
    form = ChargePointForm(request.POST) if request.method == "POST" else ChargePointForm.of(one)
    facts = FactsForm(request.POST if request.method == "POST" else None, instance=site_facts.of(one))
    is_valid = request.method == "POST" and form.is_valid() and facts.is_valid()
    if is_valid and saved(form, lambda: _keep(one, form, facts)):
        messages.success(request, _("Saved."))
        return redirect("stations:owner_charge_point", code)
    context = {"charge_point": one, "form": form, "facts": facts, "map_settings": map_config()}
    return render(request, "stations/owner/edit.html", context)


@transaction.atomic
def _keep(one: ChargePoint, form: ChargePointForm, facts: FactsForm) -> None:
    charge_points.edit(one, **form.cleaned_data)
    if facts.has_changed():  # of a place of which nothing was ever said, nothing is said by saving its name
        site_facts.edit(one, facts.cleaned_data)


@login_required
@explained
def connector(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Type, power and price of an outlet."""
    one = own_charge_point(request, code)
    outlet = _connector(one, number)
    initial: dict[str, Any] = {"type": outlet.type, "tariff": outlet.tariff_id}
    if outlet.max_power_w:
        initial["power_kw"] = f"{Decimal(outlet.max_power_w).scaleb(-3).normalize():f}"
    form = ConnectorForm(
        request.POST if request.method == "POST" else None,
        owner=one.owner,
        known=circles.all_of(one.owner),
        paid=circles.prices_at(outlet),
        initial=initial,
    )
    if request.method == "POST" and form.is_valid() and saved(form, lambda: _price(outlet, one.owner, form)):
        if one.is_published:
            messages.success(request, _("Saved."))
        return redirect("stations:owner_charge_point", code)
    return render(request, "stations/owner/connector.html", {"charge_point": one, "connector": outlet, "form": form, **price_words()})


@transaction.atomic
def _price(outlet: Connector, owner: User, form: ConnectorForm) -> Connector:
    said = form.cleaned_data
    tariff = said["tariff"]
    if tariff is None:
        prices = {name: said[name] or 0 for name in PRICES}
        tariff = tariffs.create(owner, {"name": outlet.charge_point.name[:60], **prices})
    kept = charge_points.edit_connector(outlet, type=said["type"], max_power_w=int(said["power_kw"] * 1000), tariff=tariff)
    circles.set_prices(outlet, {circle: _circle_tariff(owner, said[name]) for name, circle in form.circles.items()})
    return kept


def _circle_tariff(owner: User, choice: str) -> Tariff | None:
    """The tariff chosen for a circle; "free" is the owner's own tariff of nothing, made when it is first wanted."""
    if choice != FREE:
        return Tariff.objects.get(pk=choice, owner=owner) if choice else None
    free = next((one for one in tariffs.of(owner) if one.current is not None and Prices.of(one.current).is_free), None)
    return free or tariffs.create(owner, {"name": pgettext("price", "free").capitalize()})


@login_required
@explained
@require_POST
def publish(request: HttpRequest, code: str) -> HttpResponse:
    """Put it on the map, or take it off."""
    one = own_charge_point(request, code)
    if request.POST.get("published") == "true":
        charge_points.publish(one)
        messages.success(request, _("Your charger is on the map."))
    else:
        charge_points.unpublish(one)
        messages.success(request, _("Your charger is off the map. Whoever is charging may finish."))
    return redirect("stations:owner_charge_point", code)


@login_required
@explained
@require_POST
def pause(request: HttpRequest, code: str) -> HttpResponse:
    """Let nobody start for a while, and go on again."""
    one = own_charge_point(request, code)
    charge_points.edit(one, is_paused=request.POST.get("paused") == "true")
    return redirect("stations:owner_charge_point", code)


@login_required
@explained
def retire(request: HttpRequest, code: str) -> HttpResponse:
    """Take it out of service for good, once the owner has said so twice."""
    one = own_charge_point(request, code)
    if request.method == "POST":
        charge_points.retire(one)
        messages.success(request, _("The charger is retired. Its history stays in your sessions and receipts."))
        return redirect("stations:owner")
    return render(request, "stations/owner/retire.html", {"charge_point": one})


@login_required
@explained
@require_POST
def new_password(request: HttpRequest, code: str) -> HttpResponse:
    """A new password, shown on the page of the connection this once."""
    one = own_charge_point(request, code)
    show_once(request, one, password_rotation.begin(one, asked_by=person(request)))
    return redirect("ocpp_core:connection", code)


def show_once(request: HttpRequest, one: ChargePoint, password: str | None) -> None:
    """Keep a password until the page of the connection has been opened once."""
    if password is not None:
        request.session["charger_password"] = {"code": one.code, "password": password}


@login_required
@explained
@require_POST
def invite(request: HttpRequest, code: str) -> HttpResponse:
    """Let a person in."""
    one = own_charge_point(request, code)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("This is no e-mail address."))
    try:
        charge_points.invite(one, form.cleaned_data["email"])
    except Invalid as refusal:
        raise Invalid(refusal.fields["email"][0]) from refusal
    return redirect(reverse("stations:owner_charge_point", args=[code]) + "#invitations")


@login_required
@explained
@require_POST
def uninvite(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Take an invitation back."""
    one = own_charge_point(request, code)
    invitation = get_object_or_404(Invitation.objects.select_related("user"), charge_point=one, pk=pk)
    charge_points.uninvite(one, invitation.user)
    return redirect(reverse("stations:owner_charge_point", args=[code]) + "#invitations")


def saved(form: Any, deed: Callable[[], object]) -> bool:
    """Do it, or put what the rules say beside the fields."""
    try:
        deed()
    except DomainError as refusal:
        for name, sentences in refusal.fields.items() or [(None, [str(refusal.message)])]:
            for sentence in sentences:
                form.add_error(name if name in form.fields else None, sentence)
        return False
    return True


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "0")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else 0


def _connector(one: ChargePoint, number: int) -> Connector:
    for outlet in one.connectors.all():
        if outlet.number == number:
            return outlet
    raise NotFound
