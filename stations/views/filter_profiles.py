"""Saved filters: keep what stands in the address of the map, and find it again by one tap."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import vehicles
from accounts.pages import explained, who
from chargeshare.errors import Invalid
from stations import filter_profiles
from stations.views.estimating import ENERGY_WH
from stations.views.map import Wish
from stations.views.reservations import said_in_one
from stations.views.wording import words


@never_cache
@login_required
@require_safe
def filter_profile_list(request: HttpRequest) -> HttpResponse:
    """All of mine, with what each of them asks for."""
    cars = vehicles.of(who(request))
    rows = [(profile, words(Wish.read(request, QueryDict(profile.query), cars))) for profile in filter_profiles.of(request.user)]
    return render(request, "stations/filter_profile_list.html", {"rows": rows, "longest_name": filter_profiles.LONGEST_NAME})


@never_cache
@login_required
@explained
@require_http_methods(["GET", "HEAD", "POST"])
def filter_profile_new(request: HttpRequest) -> HttpResponseBase:
    """Give the filters in the address a name."""
    filters = filter_profiles.read(request.GET.lists())
    if filters.get("sort") == Wish.sorting:
        del filters["sort"]
    if filters.get("energy_wh") == str(ENERGY_WH):
        del filters["energy_wh"]
    fields: dict[str, list[str]] = {}
    name = request.POST.get("name", "")
    if request.method == "POST":
        try:
            profile = filter_profiles.save(who(request), name=name, filters=filters, is_default="is_default" in request.POST)
        except Invalid as refusal:
            fields = refusal.fields
        else:
            messages.success(request, _("“%(name)s” is saved. You find it above the map.") % {"name": profile.name})
            return redirect(profile)
    context = {
        "words": words(Wish.read(request)) if filters else "",
        "name": name,
        "errors": [sentence for said in fields.values() for sentence in said],
        "longest_name": filter_profiles.LONGEST_NAME,
    }
    return render(request, "stations/filter_profile_new.html", context)


@login_required
@require_POST
@explained
def filter_profile(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """Rename them, have them on whenever the map is opened, or delete them."""
    profile = filter_profiles.find(who(request), code)
    deed = request.POST.get("deed", "")
    if deed == "remove":
        filter_profiles.delete(profile)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": profile.name})
    elif deed in ("usual", "unusual"):
        filter_profiles.edit(profile, is_default=deed == "usual")
        messages.success(request, _("Saved."))
    else:
        said_in_one(lambda: filter_profiles.edit(profile, name=request.POST.get("name", "")))
        messages.success(request, _("Saved."))
    return redirect("stations:filter_profiles")
