"""Areas somebody watches: choose a place, say what the charger must be able to do, and hear when one comes."""

import math
from dataclasses import replace
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.pages import explained, who
from chargeshare.errors import Invalid
from stations import areas, gazetteer, places, search
from stations.areas import Area
from stations.models import AreaAlert, Connector
from stations.models.area_alert import LEAST_KM, MOST_KM
from stations.templatetags.energy import kw
from stations.views.map import POWERS_W, Wish

RADII_KM = (1, 2, 5, 10, 20, 50)


class AreaForm(forms.Form):
    """A circle on the map and a wish."""

    name = forms.CharField(label=_("Name"), max_length=areas.LONGEST_NAME, help_text=_("You read it in the message."))
    latitude = forms.FloatField(widget=forms.HiddenInput)
    longitude = forms.FloatField(widget=forms.HiddenInput)
    radius_km = forms.TypedChoiceField(label=_("How far around"), coerce=int)
    connector_types = forms.MultipleChoiceField(
        label=_("Connector"), choices=Connector.Type.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    min_power_w = forms.TypedChoiceField(label=_("Power from"), coerce=int, empty_value=None, required=False)
    is_of_my_circles = forms.BooleanField(label=_("Only of people in whose circles I am"), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        radius_km, power_w = self.initial.get("radius_km"), self.initial.get("min_power_w")  # a program may have said any
        radii = sorted({*RADII_KM, *filter(None, [radius_km])})
        powers = sorted({*POWERS_W, *filter(None, [power_w])})
        self.fields["radius_km"].choices = [(km, f"{km} km") for km in radii]  # type: ignore[attr-defined]  # a choice
        self.fields["min_power_w"].choices = [  # type: ignore[attr-defined]  # the same
            ("", pgettext_lazy("power", "any")),
            *((power, kw(power)) for power in powers),
        ]

    def area(self) -> Area:
        """What was said."""
        return Area(**self.cleaned_data)


@never_cache
@login_required
@require_safe
def area_list(request: HttpRequest) -> HttpResponse:
    """All of mine."""
    rows = [(alert, _wish(alert)) for alert in areas.of(who(request))]
    return render(request, "stations/area_list.html", {"rows": rows})


@never_cache
@login_required
@explained
@require_http_methods(["GET", "HEAD", "POST"])
def area(request: HttpRequest, code: UUID | None = None) -> HttpResponseBase:
    """Watch a new area, or change one. Without a place there is first one to be found."""
    alert = areas.find(who(request), code) if code is not None else None
    if alert is not None and request.POST.get("deed") == "remove":
        areas.remove(alert)
        messages.success(request, gettext("You no longer watch %(name)s.") % {"name": alert.name})
        return redirect("stations:areas")
    form = AreaForm(request.POST if request.method == "POST" else None, initial=_told(alert) if alert else _initial(request))
    if request.method == "POST" and form.is_valid() and _saved(request, form, alert):
        return redirect("stations:areas")
    text = request.GET.get("q", "").strip()[:100]
    context = {"form": form, "alert": alert, "text": text, "towns": [(town, _around(request, town)) for town in gazetteer.find(text)]}
    return render(request, "stations/area.html", context)


def _saved(request: HttpRequest, form: AreaForm, alert: AreaAlert | None) -> bool:
    try:
        kept = areas.edit(alert, form.area()) if alert else areas.watch(who(request), form.area())
    except Invalid as refusal:
        for name, sentences in refusal.fields.items():
            form.add_error(name, sentences)
        return False
    messages.success(request, gettext("You will hear when a charger comes to %(name)s.") % {"name": kept.name})
    return True


def _wish(alert: AreaAlert) -> str:
    """What it waits for, in one line."""
    words = [f"{alert.radius_km} km", *(str(Connector.Type(kind).label) for kind in alert.connector_types)]
    if alert.min_power_w:
        words.append(gettext("from %(power)s") % {"power": kw(alert.min_power_w)})
    if alert.is_of_my_circles:
        words.append(gettext("My circles"))
    return " · ".join(words)


def _told(alert: AreaAlert) -> dict[str, Any]:
    return {name: getattr(alert, name) for name in AreaForm.base_fields}


def _initial(request: HttpRequest) -> dict[str, Any]:
    """What the map showed when she left it: its middle, as far as it reached, and the filters that make sense here."""
    wish = Wish.read(request)
    found: dict[str, Any] = {"connector_types": wish.types, "min_power_w": wish.min_power_w, "is_of_my_circles": wish.is_of_my_circles}
    looked_at = replace(wish, centre=None) if wish.box is not None else wish  # the map, wherever she stands herself
    if looked_at.where is None or abs(looked_at.where[0]) > 90:
        return found
    latitude, longitude = looked_at.where[0], math.remainder(looked_at.where[1], 360)
    town = gazetteer.nearest(latitude, longitude)
    found |= {"latitude": round(latitude, 6), "longitude": round(longitude, 6), "name": town.name if town else ""}
    return found | {"radius_km": _radius_km(wish.box) if wish.box is not None else RADII_KM[2]}


def _radius_km(box: search.Box) -> int:
    """The choice that comes nearest to what a piece of the map shows of the shorter side."""
    north_m = places.distance_m(box.south, box.west, box.north, box.west)
    east_m = places.distance_m((box.south + box.north) / 2, box.west, (box.south + box.north) / 2, box.east)
    half_km = max(LEAST_KM, min(MOST_KM, min(north_m, east_m) / 2000))
    return min(RADII_KM, key=lambda km: abs(math.log(km / half_km)))


def _around(request: HttpRequest, town: gazetteer.Town) -> str:
    """The same page for a town that was found."""
    query: QueryDict = request.GET.copy()
    for name in ("q", "bbox"):
        query.pop(name, None)
    query["near"] = f"{town.latitude},{town.longitude}"
    return query.urlencode()
