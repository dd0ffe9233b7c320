"""The wizard that registers a charger, one short question at a time. What was said waits in the browser's session."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts.pages import explained
from chargeshare.errors import DomainError
from stations import charge_points, makes
from stations.forms import MakeForm, NameForm, PlaceForm
from stations.views.map import map_config
from stations.views.owner import demand_around, person
from stations.views.owner_charge_point import show_once

DRAFT = "new_charger"
STEPS = 6


@login_required
def register(request: HttpRequest) -> HttpResponse:
    """First: what it is called, and who may charge."""
    draft = _draft(request)
    form = NameForm(request.POST if request.method == "POST" else None, initial=draft or None)
    if request.method == "POST" and form.is_valid():
        request.session[DRAFT] = {**draft, **form.cleaned_data}
        return redirect("stations:register_place")
    return render(request, "stations/owner/register.html", {"form": form, "step": 1, "steps": STEPS})


@login_required
def register_place(request: HttpRequest) -> HttpResponse:
    """Second: where it stands."""
    draft = _draft(request)
    if "name" not in draft:
        return redirect("stations:register")
    form = PlaceForm(request.POST if request.method == "POST" else None, initial=draft)
    if request.method == "POST" and form.is_valid():
        request.session[DRAFT] = {**draft, **form.cleaned_data}
        return redirect("stations:register_make")
    context = {"form": form, "step": 2, "steps": STEPS, "map_settings": map_config()}
    return render(request, "stations/owner/register_place.html", context)


@login_required
@explained
def register_make(request: HttpRequest) -> HttpResponse:
    """Third: the make. Then the charger is registered, and its page says what to type into the box."""
    draft = _draft(request)
    if "latitude" not in draft:
        return redirect("stations:register_place")
    form = MakeForm(request.POST if request.method == "POST" else None, initial={"make": "other"})
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            charge_point, password = charge_points.register(
                owner=person(request),
                identity=said["identity"] or None,
                password="" if said["without_password"] else None,
                make=said["make"],
                **draft,
            )
        except DomainError as refusal:
            for name, sentences in refusal.fields.items() or [(None, [str(refusal.message)])]:
                form.add_error(name if name in form.fields else None, sentences)
        else:
            del request.session[DRAFT]
            show_once(request, charge_point, password)
            return redirect("ocpp_core:connection", charge_point.code)
    demand = demand_around(float(draft["latitude"]), float(draft["longitude"]), but=person(request))
    context = {"form": form, "step": 3, "steps": STEPS, "makes": makes.MAKES, "demand": demand}
    return render(request, "stations/owner/register_make.html", context)


def _draft(request: HttpRequest) -> dict[str, Any]:
    return dict(request.session.get(DRAFT, {}))
