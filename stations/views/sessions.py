"""Start, watch, stop: the pages of a charging session."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import offline, vehicles
from accounts.models import User
from accounts.pages import explained
from accounts.paging import Paginator
from billing import money
from chargeshare.errors import Invalid, NotFound
from stations import authorization, estimates, history, reviews, sessions
from stations.api.permissions import seen_charge_point
from stations.models import ChargingSession
from stations.progress import Progress
from stations.views.reservations import said_in_one

ON_ONE_PAGE = 20
WITH_ALL = ("charge_point", "connector", "tariff_version__tariff", "hold", "cdr", "driver", "owner", "id_token", "vehicle")


@login_required
@require_POST
@explained
def session_start(request: HttpRequest, code: str, number: int) -> HttpResponseBase:
    """Ask a charger to start; what happens then is seen on the session's page."""
    charge_point = seen_charge_point(request, code)
    connector = next((one for one in charge_point.connectors.all() if one.number == number), None)
    if connector is None:
        raise NotFound
    origin = ChargingSession.Origin.QR if request.POST.get("origin") == "qr" else ChargingSession.Origin.APP
    try:
        session = sessions.request_start(
            driver=_user(request),
            connector=connector,
            origin=origin,
            **_limits(request.POST),
            car=sessions.Car.of(
                vehicles.find(_user(request), request.POST.get("vehicle", "")),
                _percents(request.POST.get("from_percent", "").strip(), request.POST.get("until_percent", "").strip()),
            ),
        )
    except authorization.ConnectorBusy:
        hers = ChargingSession.objects.filter(connector=connector, driver=_user(request)).open().order_by("-pk").first()
        if hers is None:
            raise
        session = hers  # two clicks: what keeps the outlet busy is her own session
    return redirect(session)


@login_required
@require_safe
@never_cache
@explained
def session_detail(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """One session, live while it is open. With `part=panel` only what changes, for browsers whose socket does not open.

    Once it is over, the phone of whoever charged keeps it, as it keeps the receipt.
    """
    session = find(_user(request), code)
    context = panel_context(_user(request), session)
    if request.GET.get("part") == "panel":
        return render(request, "stations/_session_panel.html", context)
    page = render(request, "stations/session_detail.html", context)
    return offline.keep(page) if session.has_ended and context["is_driver"] else page


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@explained
def session_stop(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """Ask the charger to stop. Opened as a page, it asks whether one means it: the dialog for browsers without a script."""
    user = _user(request)
    session = find(user, code)
    if request.method == "POST":
        sessions.request_stop(user=user, session=session)
        return redirect(session)
    if session.has_ended:
        return redirect(session)
    return render(request, "stations/session_stop.html", panel_context(user, session))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@explained
def session_limits(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """At what it stops by itself, thought over again while it charges."""
    user = _user(request)
    session = find(user, code)
    if session.driver_id != user.pk:
        raise NotFound
    if request.method == "POST":
        percent = request.POST.get("until_percent", "").strip()
        until_percent = _percents(str(session.soc_percent or 0), percent)
        said_in_one(
            lambda: sessions.change_limits(
                user=user, session=session, **_limits(request.POST), until_percent=until_percent[1] if until_percent else None
            )
        )
        messages.success(request, _("Your limits hold from now on."))
        return redirect(session)
    if session.has_ended:
        return redirect(session)
    context = {
        **panel_context(user, session),
        "can_percent": session.vehicle is not None and session.soc_percent is not None,
        "limit_amount": "" if session.max_amount_minor is None else f"{money.decimal(session.max_amount_minor).normalize():f}",
        "limit_energy": "" if session.max_energy_wh is None else f"{(Decimal(session.max_energy_wh) / 1000).normalize():f}",
        "limit_until": "" if session.until is None else f"{timezone.localtime(session.until):%H:%M}",
    }
    return render(request, "stations/session_limits.html", context)


@login_required
@require_POST
@explained
def session_vehicle(request: HttpRequest, code: UUID) -> HttpResponseBase:
    """Which car it was."""
    user = _user(request)
    session = find(user, code)
    sessions.choose_vehicle(user=user, session=session, vehicle=vehicles.find(user, request.POST.get("vehicle", "")))
    return redirect(session)


@login_required
@require_safe
@explained
def session_list(request: HttpRequest) -> HttpResponseBase:
    """What I have charged, newest first; open ones on top."""
    user = _user(request)
    wanted = history.Wanted.read(request.GET.dict())
    found = history.of(user, wanted).select_related("charge_point", "vehicle", "cdr").defer("cdr__readings", "cdr__tariff")
    charging = list(ChargingSession.objects.filter(driver=user).open().values_list("pk", flat=True))
    context = {
        "page": Paginator(found, ON_ONE_PAGE).get_page(request.GET.get("page")),
        "running": [Progress(session) for session in ChargingSession.objects.filter(pk__in=charging).select_related(*WITH_ALL)],
        "wanted": wanted,
        "chargers": history.chargers(user),
        "cards": history.cards(user),
        "vehicles": vehicles.of(user),
    }
    return offline.keep(render(request, "stations/session_list.html", context))


def find(user: User, code: UUID) -> ChargingSession:
    """A session this person may see."""
    session = ChargingSession.objects.visible_to(user).select_related(*WITH_ALL).filter(code=code).first()
    if session is None:
        raise NotFound
    return session


def panel_context(viewer: User, session: ChargingSession) -> dict[str, object]:
    """What the page and its live fragment are drawn from."""
    return {
        "session": session,
        "progress": Progress(session, shows_credit=session.driver_id == viewer.pk),
        "is_driver": session.driver_id == viewer.pk,
        "is_host": session.owner_id == viewer.pk,
        "viewer": viewer,
        "can_write": session.driver_id not in (None, session.owner_id) and viewer.pk in (session.driver_id, session.owner_id),
        "can_review": viewer.pk in (session.driver_id, session.owner_id) and reviews.is_reviewable(session, timezone.now()),
        "vehicles": vehicles.of(viewer) if session.has_ended and session.driver_id == viewer.pk else [],
        "case": session.meter_cases.first() if session.has_ended else None,
        "address": session.charge_point.address if not session.has_ended or session.owner_id == viewer.pk else "",
    }


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise NotFound
    return request.user


def _positive(amount_minor: int) -> int:
    if amount_minor <= 0:
        raise Invalid(_("The limit must be more than nothing."))
    return amount_minor


def _limits(said: Mapping[str, str]) -> dict[str, Any]:
    """At what to stop, as forms say it; what is left empty is no limit."""
    amount = said.get("max_amount", "").strip()
    return {
        "max_amount_minor": _positive(money.minor(amount)) if amount else None,
        "max_energy_wh": _energy_wh(said.get("max_energy_kwh", "").strip()),
        "until": _next(said.get("until", "").strip()),
    }


def _next(clock: str) -> datetime | None:
    """A time of day as the next moment at which clocks show it."""
    if not clock:
        return None
    try:
        said, now = time.fromisoformat(clock), timezone.localtime()
    except ValueError as error:
        raise Invalid(_("Enter a time such as 18:30.")) from error
    today = timezone.make_aware(datetime.combine(now.date(), said.replace(tzinfo=None)))
    return today if today > now else timezone.make_aware(datetime.combine(now.date() + timedelta(days=1), said.replace(tzinfo=None)))


def _percents(from_percent: str, until_percent: str) -> tuple[int, int] | None:
    """A limit typed in percent of the battery, counted from what it has now."""
    if not until_percent:
        return None
    try:
        return int(from_percent or estimates.FROM_PERCENT), int(until_percent)
    except ValueError as error:
        raise Invalid(_("Enter the battery in whole percent, such as 80.")) from error


def _energy_wh(text: str) -> int | None:
    """A limit typed in kWh."""
    if not text:
        return None
    try:
        kwh = Decimal(text.replace(",", "."))
    except InvalidOperation as error:
        raise Invalid(_("Enter energy in kWh, such as 20.")) from error
    if not kwh.is_finite() or not 0 < kwh <= 10_000:
        raise Invalid(_("Enter energy in kWh, such as 20."))
    return int(kwh * 1000)
