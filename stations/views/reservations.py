"""Book a connector, see what one has booked, call it off; and what others booked at mine."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.pages import explained
from chargeshare.errors import Invalid, NotFound
from stations import calendar_files, places, reservations, slots
from stations.api.permissions import seen_charge_point
from stations.estimates import prices_of
from stations.models import Connector, Reservation
from stations.views.day import Choice, Day, shown_part

ON_ONE_PAGE = 20


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def book(request: HttpRequest, code: str) -> HttpResponseBase:
    """Choose a day, a time and how long; every choice is a link and the last one a button."""
    charge_point = seen_charge_point(request, code)
    connectors = list(charge_point.connectors.all())
    connector = _chosen(connectors, request.POST.get("connector") or request.GET.get("connector", ""))
    if request.method == "POST":
        booking = _booked(_user(request), connector, request.POST.get("from", ""), request.POST.get("to", ""))
        messages.success(request, _("%(slot)s is yours.") % {"slot": slots.spoken(booking.begins_at, booking.ends_at)})
        return redirect(booking)
    now = timezone.now()
    choice = Choice.read(request.GET, now)
    day = Day(choice, [], now, shown_part(request.GET, choice))
    first, last = min(day.span[0], choice.begins_at), max(day.span[1], choice.ends_at)
    taken = list(slots.taken(first, last, now=now).filter(connector=connector).order_by("begins_at"))
    context = {
        "charge_point": charge_point,
        "connectors": connectors,
        "connector": connector,
        "choice": choice,
        "day": Day(choice, taken, now, day.part),
        "prices": prices_of(connector),
        "is_own": charge_point.owner_id == _user(request).pk,
        "town": places.town(charge_point.address),
    }
    return render(request, "stations/book.html", context)


@login_required
@require_safe
@explained
def reservation_list(request: HttpRequest) -> HttpResponseBase:
    """What I have booked: what is to come, and what was."""
    mine = _shown(Reservation.objects.filter(driver=_user(request)))
    to_come = mine.filter(status__in=Reservation.OPEN).order_by("begins_at")
    page = Paginator(mine.exclude(status__in=Reservation.OPEN), ON_ONE_PAGE).get_page(request.GET.get("page"))
    return render(request, "stations/reservation_list.html", {"to_come": to_come, "page": page})


@login_required
@require_safe
@explained
def reservation_detail(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """One booking, for her who made it and for the owner of the charger."""
    user = _user(request)
    booking = find(user, code)
    is_host = booking.charge_point.owner_id == user.pk
    context = {
        "booking": booking,
        "is_driver": booking.driver_id == user.pk,
        "is_host": is_host,
        "can_cancel": booking.status in (Reservation.Status.BOOKED, Reservation.Status.REQUESTED),
        "address": booking.charge_point.address if is_host or slots.may_see_address(booking, timezone.now()) else "",
        "shows_address_from": slots.address_from(booking),
    }
    return render(request, "stations/reservation_detail.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def reservation_cancel(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """Call a booking off; opened as a page, it asks whether one means it."""
    user = _user(request)
    booking = find(user, code)
    if request.method == "POST":
        reservations.cancel(user=user, reservation=booking)
        messages.success(request, _("The booking is cancelled. Nothing was charged."))
        return redirect(booking)
    if booking.status not in (Reservation.Status.BOOKED, Reservation.Status.REQUESTED):
        return redirect(booking)
    return render(request, "stations/reservation_cancel.html", {"booking": booking})


@login_required
@require_safe
@explained
def reservation_calendar(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """The booking as a file that any calendar takes."""
    booking = find(_user(request), code)
    answer = HttpResponse(calendar_files.written(booking), content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="chargeshare-{booking.begins_at:%Y-%m-%d}.ics"'
    return answer


@login_required
@require_safe
@explained
def hosted_reservation_list(request: HttpRequest) -> HttpResponseBase:
    """Who booked my chargers and when: a first name, and nothing else about anybody."""
    mine = _shown(Reservation.objects.filter(charge_point__owner=_user(request)))
    to_come = mine.filter(status__in=Reservation.OPEN).order_by("begins_at")
    page = Paginator(mine.exclude(status__in=Reservation.OPEN), ON_ONE_PAGE).get_page(request.GET.get("page"))
    context = {"to_come": to_come, "page": page, "side": "reservations"}
    return render(request, "stations/owner/hosted_reservation_list.html", context)


def find(user: User, code: UUID) -> Reservation:
    """A booking this person may see."""
    booking = _shown(Reservation.objects.filter(pk__in=Reservation.objects.visible_to(user), code=code)).first()
    if booking is None:
        raise NotFound
    return booking


def _shown(found: QuerySet[Reservation]) -> QuerySet[Reservation]:
    return found.select_related("charge_point__owner", "connector", "driver", "session")


def _booked(driver: User, connector: Connector, begins: str, ends: str) -> Reservation:
    """Book what the form says; a slot that cannot be is refused by its own sentence."""
    try:
        begins_at, ends_at = datetime.fromisoformat(begins).astimezone(UTC), datetime.fromisoformat(ends).astimezone(UTC)
        return reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=ends_at)
    except (ValueError, OverflowError) as error:
        raise Invalid(_("Choose a day and a time.")) from error
    except Invalid as refusal:
        sentences = [sentence for said in refusal.fields.values() for sentence in said]
        raise Invalid(" ".join(sentences) or refusal.message) from refusal


def _chosen(connectors: list[Connector], number: str) -> Connector:
    chosen = next((one for one in connectors if str(one.number) == number), None)
    bookable = next((one for one in connectors if one.is_ready_to_publish), None)
    found: Any = chosen or bookable or next(iter(connectors), None)
    if not isinstance(found, Connector):
        raise NotFound
    return found


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise NotFound
    return request.user
