"""Book a connector, see what one has booked, change it or call it off; and what others booked at mine."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Case, F, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import offline
from accounts.models import User
from accounts.pages import explained, who
from accounts.paging import Sorted
from billing import disputes
from chargeshare.errors import Invalid, NotFound
from stations import (
    arrival,
    booking_fees,
    booking_requests,
    booking_rules,
    booking_series,
    calendar_files,
    free_times,
    holding,
    places,
    reservations,
    slots,
    weekly,
)
from stations.api.permissions import seen_charge_point
from stations.estimates import prices_of
from stations.models import Connector, Reservation, WaitlistPlace
from stations.views.day import Choice, Day, shown_part

ON_ONE_PAGE = 20
WEEKS = (4, 8, 12, 26, 52)
_T = TypeVar("_T")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def book(request: HttpRequest, code: str) -> HttpResponseBase:
    """Choose a day, a time and how long; every choice is a link and the last one a button."""
    charge_point = seen_charge_point(request, code)
    connectors = list(charge_point.connectors.all())
    connector = _chosen(connectors, request.POST.get("connector") or request.GET.get("connector", ""))
    if request.method == "POST":
        begins_at, ends_at = moments(request.POST)
        if request.POST.get("weeks", "").strip():
            return _book_weeks(request, connector, begins_at, ends_at)
        try:
            booking = said_in_one(lambda: reservations.book(driver=who(request), connector=connector, begins_at=begins_at, ends_at=ends_at))
        except reservations.SlotTaken:
            hers = reservations.hers(driver=who(request), connector=connector, begins_at=begins_at, ends_at=ends_at)
            if hers is None:
                raise
            booking = hers  # two clicks: it is she herself who has booked it
        _say(request, booking)
        return redirect(booking)
    now = timezone.now()
    choice = Choice.read(request.GET, now)
    day = Day(choice, [], now, shown_part(request.GET, choice))
    first, last = min(day.span[0], choice.begins_at), max(day.span[1], choice.ends_at)
    taken = free_times.taken(connector, request.user, first, last, now=now)
    closed = free_times.closed(connector, request.user, first, last, now=now)
    prices, is_own = prices_of(connector), charge_point.owner_id == who(request).pk
    rules = booking_rules.of(charge_point)
    context = {
        "charge_point": charge_point,
        "connectors": connectors,
        "connector": connector,
        "choice": choice,
        "day": Day(choice, taken, now, day.part, closed),
        "prices": prices,
        "is_own": is_own,
        "town": places.town(charge_point.address),
        "hours": [] if is_own else weekly.spoken(booking_rules.hours_for_guests(charge_point)),
        "terms": booking_rules.terms(who(request), connector, choice.begins_at, now, prices),
        "refusal": "" if is_own else booking_rules.refusal(charge_point, choice.begins_at, choice.ends_at, now),
        "missing": "" if is_own else booking_rules.missing_of(who(request), rules),
        "weeks": WEEKS,
        "currency": settings.CURRENCY,
    }
    return render(request, "stations/book.html", context)


def _book_weeks(request: HttpRequest, connector: Connector, begins_at: datetime, ends_at: datetime) -> HttpResponseBase:
    """The same hours every week; where some weeks are not free, which ones, and whether the rest will do."""
    written, rest = request.POST.get("weeks", ""), bool(request.POST.get("rest"))
    weeks = int(written) if written.isascii() and written.isdecimal() and len(written) < 5 else 0
    try:
        booked = said_in_one(
            lambda: booking_series.book(
                driver=who(request), connector=connector, begins_at=begins_at, ends_at=ends_at, weeks=weeks, skip_taken=rest
            )
        )
    except booking_series.WeeksTaken as refusal:
        hers = reservations.hers(driver=who(request), connector=connector, begins_at=begins_at, ends_at=ends_at)
        if hers is not None and hers.series is not None and hers.series.weeks == weeks:
            _say(request, hers, hers.series.reservations.count())
            return redirect(hers)
        context = {
            "charge_point": connector.charge_point,
            "connector": connector,
            "begins_at": begins_at,
            "ends_at": ends_at,
            "weeks": weeks,
            "taken": booking_series.spoken(refusal.taken),
            "left": refusal.left,
        }
        return render(request, "stations/book_weeks.html", context, status=409)
    _say(request, booked[0], len(booked))
    return redirect(booked[0])


def _say(request: HttpRequest, booking: Reservation, count: int = 1) -> None:
    slot = slots.spoken(booking.begins_at, booking.ends_at)
    if booking.status == Reservation.Status.REQUESTED:
        messages.success(request, _("%(slot)s is kept for you until the host answers.") % {"slot": slot})
    elif count > 1:
        weeks = ngettext("%(slot)s is yours, %(count)s week in all.", "%(slot)s is yours, %(count)s weeks in all.", count)
        messages.success(request, weeks % {"slot": slot, "count": count})
    else:
        messages.success(request, _("%(slot)s is yours.") % {"slot": slot})


@login_required
@require_safe
@explained
def reservation_list(request: HttpRequest) -> HttpResponseBase:
    """What I have booked: what is to come, and what was."""
    mine = _shown(Reservation.objects.filter(driver=who(request)))
    waiting = WaitlistPlace.objects.filter(driver=who(request), status__in=WaitlistPlace.OPEN, begins_at__gt=timezone.now())
    context = {**_page(request, mine), "waiting": waiting.select_related("charge_point").order_by("begins_at")}
    return offline.keep(render(request, "stations/reservation_list.html", context))


@login_required
@require_safe
@explained
def reservation_detail(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """One booking, for her who made it and for the owner of the charger."""
    user, now = who(request), timezone.now()
    booking = find(user, code)
    is_host, is_driver = booking.charge_point.owner_id == user.pk, booking.driver_id == user.pk
    context = {
        "booking": booking,
        "can_answer": (is_host or user.is_staff) and booking.status == Reservation.Status.REQUESTED,
        "can_change": is_driver and booking.is_open and booking.ends_at > now,
        "pack": arrival.shown_to(booking.charge_point, user, now) if is_driver and booking.is_open else None,
        "trouble": holding.REASONS.get(booking.trouble, ""),
        "weeks": _shown(Reservation.objects.filter(series=booking.series_id)).order_by("begins_at") if booking.series_id else [],
        "is_driver": is_driver,
        "is_host": is_host,
        "can_cancel": booking.status in (Reservation.Status.BOOKED, Reservation.Status.REQUESTED),
        "address": booking.charge_point.address if is_host or slots.may_see_address(booking, now) else "",
        "shows_address_from": slots.address_from(booking),
        "may_dispute": booking.cdr is not None and disputes.may_open(user, booking.cdr, now=now),
    }
    page = render(request, "stations/reservation_detail.html", context)
    is_on_the_way = slots.may_see_address(booking, now)
    if not is_driver or ((context["address"] or context["pack"]) and not is_on_the_way):
        return page  # what is seen for another reason than this booking has another end
    return offline.keep(page, booking.ends_at + offline.LINGER if is_on_the_way else None)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def reservation_cancel(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """Call a booking off; opened as a page, it asks whether one means it."""
    user = who(request)
    booking = find(user, code)
    if request.method == "POST":
        ended = reservations.cancel(user=user, reservation=booking, following=bool(request.POST.get("following")))
        is_free = ended.cdr is None
        messages.success(request, _("The booking is cancelled. Nothing was charged.") if is_free else _("The booking is cancelled."))
        return redirect(booking)
    if booking.status not in reservations.WAITING:
        return redirect(booking)
    fee_minor = booking_fees.late_minor(booking, timezone.now()) if booking.driver_id == user.pk else 0
    following = Reservation.objects.filter(series=booking.series_id, status__in=reservations.WAITING, begins_at__gt=booking.begins_at)
    context = {
        "booking": booking,
        "fee_minor": fee_minor,
        "currency": settings.CURRENCY,
        "following": following.count() if booking.series_id else 0,
    }
    return render(request, "stations/reservation_cancel.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def reservation_change(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """Make a booking shorter or longer, or move it."""
    user = who(request)
    booking = find(user, code)
    if booking.driver_id != user.pk:
        raise NotFound
    if request.method == "POST":
        begins_at, ends_at = moments(request.POST, booking.begins_at)
        changed = said_in_one(lambda: reservations.change(user=user, reservation=booking, begins_at=begins_at, ends_at=ends_at))
        _say(request, changed)
        return redirect(booking)
    if not booking.is_open:
        return redirect(booking)
    now = timezone.now()
    can_move = booking.status != Reservation.Status.ACTIVE and booking.begins_at > now and not booking_fees.late_minor(booking, now)
    return render(request, "stations/reservation_change.html", {"booking": booking, "can_move": can_move})


@login_required
@require_POST
@explained
def reservation_answer(request: HttpRequest, code: UUID, answer: str) -> HttpResponseBase:
    """Say yes or no to a request at my charger."""
    user = who(request)
    booking = find(user, code)
    if answer == "approve":
        booking_requests.approve(user=user, reservation=booking)
        messages.success(request, _("Approved. Your guest knows."))
    else:
        booking_requests.reject(user=user, reservation=booking)
        messages.success(request, _("Declined. Your guest knows."))
    return redirect("stations:owner_reservations")


@login_required
@require_safe
@explained
def reservation_calendar(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """The booking as a file that any calendar takes."""
    booking = find(who(request), code)
    answer = HttpResponse(calendar_files.written(booking), content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="chargeshare-{booking.begins_at:%Y-%m-%d}.ics"'
    return answer


@login_required
@require_safe
@explained
def hosted_reservation_list(request: HttpRequest) -> HttpResponseBase:
    """Who booked my chargers and when: a first name, and nothing else about anybody."""
    mine = _shown(Reservation.objects.filter(charge_point__owner=who(request)))
    return render(request, "stations/owner/hosted_reservation_list.html", {**_page(request, mine), "side": "reservations"})


def _page(request: HttpRequest, mine: QuerySet[Reservation]) -> dict[str, Any]:
    """A page of bookings: what is to come, the next one first, and after it what was."""
    is_open = Q(status__in=Reservation.OPEN)
    ordered = mine.order_by(Case(When(is_open, then=0), default=1), Case(When(is_open, then=F("begins_at"))), "-pk")
    page = Sorted(ordered, ON_ONE_PAGE).get_page(request.GET.get("page"))
    return {"page": page, "to_come": [one for one in page if one.is_open], "past": [one for one in page if not one.is_open]}


def find(user: User, code: UUID) -> Reservation:
    """A booking this person may see."""
    booking = _shown(Reservation.objects.filter(pk__in=Reservation.objects.visible_to(user), code=code)).first()
    if booking is None:
        raise NotFound
    return booking


def _shown(found: QuerySet[Reservation]) -> QuerySet[Reservation]:
    return found.select_related("charge_point__owner", "connector", "driver", "session", "cdr")


def moments(said: Mapping[str, str], known: datetime | None = None) -> tuple[datetime, datetime]:
    """From when to when a form says; a beginning that it leaves out is the known one. Times without a zone are of the place."""
    try:
        begins, ends = said.get("from", ""), said.get("to", "")
        return known if known is not None and not begins else _moment(begins), _moment(ends)
    except (ValueError, OverflowError) as error:
        raise Invalid(_("Choose a day and a time.")) from error


def _moment(said: str) -> datetime:
    moment = datetime.fromisoformat(said)
    return (moment if moment.tzinfo is not None else timezone.make_aware(moment)).astimezone(UTC)


def said_in_one(do: Callable[[], _T]) -> _T:
    """Do it; what is refused field by field is refused in one sentence, for there are no fields on a page of links."""
    try:
        return do()
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
