"""Wait for a time that somebody has; take it when it is one's turn, or let it go."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.pages import explained, who
from chargeshare.errors import NotFound
from stations import reservations, slots, waitlist
from stations.api.permissions import connector_of
from stations.models import WaitlistPlace
from stations.views.reservations import moments, said_in_one


@login_required
@require_POST
@explained
def waitlist_join(request: HttpRequest, code: str, number: int) -> HttpResponseBase:
    """Wait for a time at an outlet."""
    begins_at, ends_at = moments(request.POST)
    connector = connector_of(who(request), code, number)
    place = said_in_one(lambda: waitlist.join(driver=who(request), connector=connector, begins_at=begins_at, ends_at=ends_at))
    messages.success(request, _("You are in the line. We write when it is your turn."))
    return redirect(place)


@login_required
@require_safe
@explained
def waitlist_place(request: HttpRequest, code: UUID) -> HttpResponse:
    """My place in a line: what I wait for, and two buttons when it is my turn."""
    place = _find(request, code)
    is_offered = place.status == WaitlistPlace.Status.OFFERED and place.offer_until is not None and place.offer_until > timezone.now()
    context = {"place": place, "is_offered": is_offered, "is_open": place.status in WaitlistPlace.OPEN and place.begins_at > timezone.now()}
    return render(request, "stations/waitlist_place.html", context)


@login_required
@require_POST
@explained
def waitlist_answer(request: HttpRequest, code: UUID, answer: str) -> HttpResponseBase:
    """Take it, or wait no longer."""
    place = _find(request, code)
    if answer == "leave":
        waitlist.leave(user=who(request), place=place)
        messages.success(request, _("You no longer wait for it."))
        return redirect("stations:reservation_list")
    booking = said_in_one(lambda: reservations.claim(user=who(request), place=place))
    messages.success(request, _("%(slot)s is yours.") % {"slot": slots.spoken(booking.begins_at, booking.ends_at)})
    return redirect(booking)


def _find(request: HttpRequest, code: UUID) -> WaitlistPlace:
    mine = WaitlistPlace.objects.filter(driver=who(request), code=code)
    place = mine.select_related("charge_point", "connector", "reservation").first()
    if place is None:
        raise NotFound
    return place
