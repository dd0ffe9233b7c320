"""The page of a charger, and the page behind the QR code on an outlet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.pages import explained
from billing import ledger, pricing
from billing.pricing import Prices
from chargeshare.errors import NotFound
from stations import arrival, estimates, favourites, free_times, photos, places, reviews, site_facts, slots
from stations.api.permissions import seen_charge_point
from stations.estimates import Estimate, Need
from stations.models import ChargePoint, ChargingSession, Connector, Reservation, State
from stations.views import estimating
from stations.views.map import AMOUNTS_WH, Place, Wish

REVIEWS_SHOWN = 3
STARTABLE = frozenset({"Available", "Preparing", "Finishing"})


@dataclass(frozen=True)
class Outlet:
    """One connector as the visitor may use it."""

    connector: Connector
    viewer: object
    need: Need
    bookings: tuple[Reservation, ...] = ()

    @cached_property
    def prices(self) -> Prices | None:
        """What a session started now would cost."""
        return estimates.prices_of(self.connector)

    @property
    def state(self) -> State:
        """Free, busy and so on; kept for somebody, whether or not the charger can say so."""
        state = self.connector.state
        return State.BOOKED if state == State.FREE and (self.booking or self.booked_by_other) else state

    @cached_property
    def booking(self) -> Reservation | None:
        """The visitor's own booking whose time it is."""
        return slots.hers(self.bookings, self.viewer, self.connector) if isinstance(self.viewer, User) else None

    @cached_property
    def booked_by_other(self) -> Reservation | None:
        """Somebody else's, until she comes or the grace is over."""
        viewer = self.viewer if isinstance(self.viewer, User) else None
        return slots.in_the_way(self.bookings, viewer, self.connector, timezone.now())

    @property
    def seen_at(self) -> datetime | None:
        """How fresh the state is: the last sign of life."""
        return None if self.state == State.OFFLINE else self.connector.charge_point.last_seen_at

    @cached_property
    def is_own(self) -> bool:
        """The owner pays nothing at her own charger."""
        return isinstance(self.viewer, User) and self.connector.charge_point.owner_id == self.viewer.pk

    @cached_property
    def session(self) -> ChargingSession | None:
        """The visitor's own session that is open here."""
        if not isinstance(self.viewer, User):
            return None
        return ChargingSession.objects.filter(connector=self.connector, driver=self.viewer).open().first()

    @property
    def can_start(self) -> bool:
        """Whether asking for a start makes sense; the rules have the last word."""
        charge_point = self.connector.charge_point
        priced = self.is_own or self.connector.is_ready_to_publish
        paused = (charge_point.is_paused or (charge_point.is_closed and not self.booking)) and not self.is_own
        if not charge_point.is_online or paused or not priced or (self.booked_by_other and not self.is_own):
            return False
        return self.connector.status in STARTABLE or (self.connector.status == "Reserved" and self.booking is not None)

    @property
    def can_book(self) -> bool:
        """Whether a booking makes sense; the rules have the last word."""
        charge_point = self.connector.charge_point
        return self.is_own or (charge_point.is_published and not charge_point.is_paused and self.connector.is_ready_to_publish)

    @cached_property
    def estimate(self) -> Estimate | None:
        """What the visitor's wish comes to here, if it begins now."""
        return estimates.of(self.connector, self.need, prices=self.prices)

    @property
    def total_minor(self) -> int | None:
        """What it costs."""
        return self.estimate.total_minor if self.estimate else None

    @cached_property
    def missing_minor(self) -> int:
        """How much credit a start lacks."""
        if not isinstance(self.viewer, User) or self.is_own or self.prices is None or self.prices.is_free:
            return 0
        needed = max(pricing.expected_minor(self.prices), 0)
        return max(0, needed - ledger.wallet(self.viewer).available_minor)


@require_safe
@explained
def charge_point_detail(request: HttpRequest, code: str) -> HttpResponseBase:
    """One charger. With `part=panel` only its inside, for the side of the map."""
    charge_point = seen_charge_point(request, code)
    is_panel = request.GET.get("part") == "panel"
    template = "stations/_charge_point_panel.html" if is_panel else "stations/charge_point_detail.html"
    context = _context(request, charge_point)
    if not is_panel:
        context |= _of_page(request, charge_point, context["outlet"])
    return estimating.remember(render(request, template, context), context["wish"].asked)


@require_safe
@explained
def connector_qr(request: HttpRequest, code: str, number: int) -> HttpResponseBase:
    """What somebody sees who stands before the charger and scanned its code: this outlet, its price, one button."""
    charge_point = seen_charge_point(request, code)
    context = outlet_context(request, charge_point, number)
    page = render(request, "stations/connector_qr.html", {**context, "is_at_charger": True})
    return estimating.remember(page, context["wish"].asked)


def outlet_context(request: HttpRequest, charge_point: ChargePoint, number: int) -> dict[str, Any]:
    """What pages about one outlet show."""
    context = _context(request, charge_point)
    outlet = next((one for one in context["outlets"] if one.connector.number == number), None)
    if outlet is None:
        raise NotFound
    return {**context, "outlet": outlet}


def _of_page(request: HttpRequest, charge_point: ChargePoint, outlet: object) -> dict[str, object]:
    """What the page shows and the side of the map does not: when it is free, and for whom it is time how to arrive."""
    now, can_book = timezone.now(), isinstance(outlet, Outlet) and outlet.can_book
    return {
        "free_days": free_times.week(outlet.connector, request.user, now, now=now) if isinstance(outlet, Outlet) and can_book else [],
        "pack": arrival.shown_to(charge_point, request.user, now),
        "reviews": reviews.of_place(charge_point)[:REVIEWS_SHOWN],
    }


def _context(request: HttpRequest, charge_point: ChargePoint) -> dict[str, Any]:
    wish = Wish.read(request)
    connectors = list(charge_point.connectors.all())
    bookings = tuple(slots.near(charge_point, timezone.now()))
    outlets = [Outlet(connector, request.user, wish.need, bookings) for connector in connectors]
    place = Place(charge_point, wish, tuple(connectors))
    chosen = next((one for one in outlets if one.connector == place.connector), None)
    return {
        "charge_point": charge_point,
        "place": place,
        "wish": wish,
        "outlets": outlets,
        "outlet": next((one for one in outlets if one.session), None) or chosen,
        "amounts_wh": AMOUNTS_WH,
        "address": charge_point.address if _may_see_address(request, charge_point, bookings) else "",
        "town": places.town(charge_point.address),
        "pays_each_visit": not settings.WALLET_ENABLED,
        "rating": reviews.rating_of(charge_point),
        "photos": photos.shown_to(charge_point, request.user, timezone.now()),
        "public_host": settings.PUBLIC_URL,
        "facts": _facts(charge_point),
        "favourite": favourites.of(request.user, charge_point),
        "public_url": settings.PUBLIC_URL + charge_point.get_absolute_url(),
    }


def _facts(charge_point: ChargePoint) -> list[tuple[str, str, str]]:
    """What the owner says of the place, as rows with an icon."""
    told = site_facts.of(charge_point)
    if told is None:
        return []
    rows = [("circle-check", str(site_facts.WORDS[word]), _("yes")) for word, column in site_facts.COLUMNS.items() if getattr(told, column)]
    if told.has_barrier:
        rows.append(("lock", _("Gate or barrier"), _("yes")))
    if told.max_height_cm is not None:
        rows.append(("gauge", _("How high a car may be"), f"{told.max_height_cm}\N{NO-BREAK SPACE}cm"))
    return rows


def _may_see_address(request: HttpRequest, charge_point: ChargePoint, bookings: Sequence[Reservation]) -> bool:
    """The exact address is for the owner, staff and whoever charges there or has booked for now: it is somebody's home."""
    user = request.user
    if not isinstance(user, User):
        return False
    if user.is_staff or charge_point.owner_id == user.pk:
        return True
    if any(booking.driver_id == user.pk for booking in bookings):
        return True
    return ChargingSession.objects.filter(charge_point=charge_point, driver=user).open().exists()
