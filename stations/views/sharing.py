"""Where one arrives who shares something with the app on her phone: an address, a link of a map, a charger of ours."""

from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from stations import shared_places

OURS = ("charge_point_detail", "connector_qr")


@require_safe
def share(request: HttpRequest) -> HttpResponse:
    """Lead on to the charger, to the map around the point, or to the search for the words."""
    said = [request.GET.get(name, "") for name in ("title", "text", "url")]
    for link in shared_places.links(*said):
        if charger := _charger(request, link):
            return redirect(charger)
    place = shared_places.read(*said)
    if place.point is not None:
        return redirect(f"{reverse('stations:map')}?{urlencode({'near': '{},{}'.format(*place.point)})}")
    if place.is_shortened:
        messages.info(request, _("A shortened link does not say where it leads. Type the address, or share the place itself."))
    elif not place.text:
        messages.info(request, _("There was no place in what you shared. Type an address or a town."))
    return redirect(f"{reverse('stations:map')}?{urlencode({'q': place.text})}" if place.text else "stations:map")


def _charger(request: HttpRequest, link: str) -> str:
    """The page of a charger of ours that a link leads to."""
    try:
        parts = urlsplit(link)
        match = resolve(parts.path)
    except (ValueError, Resolver404):
        return ""
    is_ours = parts.netloc in (urlsplit(settings.PUBLIC_URL).netloc, request.get_host())
    return parts.path if is_ours and match.namespace == "stations" and match.url_name in OURS else ""
