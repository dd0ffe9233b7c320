"""Hearts: give one to a charger, take it back, and find them all again."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.pages import came_from, explained, who
from accounts.paging import Paginator
from stations import favourites, search
from stations.api.permissions import seen_charge_point
from stations.models import Favourite
from stations.views.map import Place, Wish
from stations.views.reservations import said_in_one

ON_ONE_PAGE = 30


@never_cache
@login_required
@explained
@require_safe
def favourite_list(request: HttpRequest) -> HttpResponse:
    """My favourites, last given first, with how they stand now."""
    wish = Wish.read(request)
    mine = Favourite.objects.of(who(request)).select_related("charge_point")
    page = Paginator(mine.prefetch_related("charge_point__connectors__tariff__current__tariff"), ON_ONE_PAGE).get_page(
        request.GET.get("page")
    )
    chargers = [favourite.charge_point for favourite in page]
    search.show_prices(chargers, request.user)
    rows = [(favourite, Place(favourite.charge_point, wish, tuple(favourite.charge_point.connectors.all()))) for favourite in page]
    return render(request, "stations/favourite_list.html", {"page": page, "rows": rows, "longest_note": favourites.LONGEST_NOTE})


@login_required
@require_POST
@explained
def favourite(request: HttpRequest, code: str) -> HttpResponseBase:
    """Give a heart, take it back, or write a note to oneself."""
    charge_point = seen_charge_point(request, code)
    if request.POST.get("deed") == "remove":
        favourites.remove(who(request), charge_point)
        messages.success(request, _("%(name)s is no longer among your favourites.") % {"name": charge_point.name})
    else:
        note = request.POST.get("note")
        said_in_one(lambda: favourites.add(who(request), charge_point, note=note))
        saved = _("Your note is saved.") if note is not None else _("%(name)s is among your favourites.") % {"name": charge_point.name}
        messages.success(request, saved)
    return redirect(came_from(request, reverse("stations:favourites")))
