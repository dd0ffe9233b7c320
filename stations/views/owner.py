"""What an owner sees of all her chargers: the overview, the list, the sessions of others at them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.paging import Paginator
from billing import ledger, money
from stations import analytics, areas, problems, reliability, reviews
from stations.analytics import Harvest, Period, Span, Tally
from stations.areas import Demand
from stations.models import ChargePoint, ChargingSession, Connector, State
from stations.models.charge_point import has_socket
from stations.templatetags.energy import since, written_day
from stations.views.charts import BarChart, bar_chart

SESSIONS_ON_A_PAGE = 25
CHARGERS_ON_A_PAGE = 50
HINTS_AT_ONCE = 10
PROBLEMS_AT_ONCE = 3


@dataclass(frozen=True)
class Row:
    """One charger in the table of the overview."""

    charge_point: ChargePoint
    power_w: int | None
    tally: Tally

    @property
    def is_charging(self) -> bool:
        """Whether a car takes energy there."""
        return self.power_w is not None


@dataclass(frozen=True)
class Hint:
    """What needs the owner, and where she does it."""

    icon: str
    colour: str
    title: str | Promise
    text: str | Promise
    url: str


@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    """Three figures, earnings over time, my chargers live, and what to do next."""
    owner = person(request)
    period = Period(request.GET["period"]) if request.GET.get("period") in set(Period) else Period.MONTH
    span = Span.of(period, timezone.localdate())
    harvest = analytics.harvest(owner, span)
    page = Paginator(mine(owner), CHARGERS_ON_A_PAGE).get_page(request.GET.get("page"))
    careful = page if page.paginator.num_pages == 1 else needing_care(owner)[:HINTS_AT_ONCE]
    open_sessions = _charging(owner)
    context = {
        "side": "overview",
        "period": period,
        "periods": Period,
        "span": span,
        "harvest": harvest,
        "change_percent": _change_percent(harvest),
        "pending_minor": ledger.account(owner, "earnings_pending").balance_minor,
        "available_minor": ledger.account(owner, "earnings_available").balance_minor,
        "currency": settings.CURRENCY,
        **price_words(),
        "chart": _chart(harvest),
        "rows": [Row(one, _power_w(one, open_sessions), harvest.by_charge_point.get(one.code, Tally())) for one in page],
        "page": page,
        "hints": [
            *reported(owner),
            *waited_for(owner, careful),
            *(hint for charge_point in careful for hint in hints(charge_point)),
        ][:HINTS_AT_ONCE],
    }
    return render(request, "stations/owner/dashboard.html", context)


@login_required
def charge_point_list(request: HttpRequest) -> HttpResponse:
    """My chargers, each with its connectors."""
    page = Paginator(mine(person(request)), CHARGERS_ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "stations/owner/charge_point_list.html", {"page": page, "charge_points": page.object_list, "side": "chargers"})


@login_required
def hosted_session_list(request: HttpRequest) -> HttpResponse:
    """Who charged at my chargers: a first name, energy and money, and nothing else about anybody."""
    owner = person(request)
    found = ChargingSession.objects.filter(owner=owner).select_related(
        "charge_point", "connector", "driver", "cdr", "tariff_version__tariff", "hold"
    )
    charge_points = list(ChargePoint.objects.filter(owner=owner).order_by("name", "id"))
    chosen = next((one for one in charge_points if one.code == request.GET.get("charger")), None)
    if chosen is not None:
        found = found.filter(charge_point=chosen)
    status = request.GET.get("status", "")
    if status in ChargingSession.Status.values:
        found = found.filter(status=status)
    page = Paginator(found, SESSIONS_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "reviewable": reviews.waiting_for_host(page, timezone.now()),
        "charge_points": charge_points,
        "chosen": chosen,
        "status": status,
        "statuses": ChargingSession.Status.choices,
        "side": "sessions",
    }
    return render(request, "stations/owner/hosted_session_list.html", context)


def mine(owner: User) -> QuerySet[ChargePoint]:
    """Her chargers in service with what lists show of them."""
    alive = ChargePoint.objects.alive().filter(owner=owner)
    return alive.select_related("reliability").prefetch_related("connectors__tariff__current").order_by("name", "id")


def needing_care(owner: User) -> QuerySet[ChargePoint]:
    """Those of them that `hints` may have something to say about."""
    outlets = Connector.objects.filter(charge_point__owner=owner).values("charge_point")
    is_faulty = Q(status="Faulted") | Q(pk__in=outlets.filter(status="Faulted"))
    is_ready = Q(pk__in=outlets.filter(max_power_w__isnull=False, tariff__isnull=False).exclude(type=""))
    return mine(owner).filter(Q(booted_at=None) | ~has_socket() | is_faulty | Q(is_published=False) | ~is_ready)


def hints(charge_point: ChargePoint) -> Iterable[Hint]:
    """What this charger needs of its owner, the step that comes first."""
    name = charge_point.name
    page = reverse("stations:owner_charge_point", args=[charge_point.code])
    if charge_point.booted_at is None:
        url = reverse("ocpp_core:connection", args=[charge_point.code])
        yield Hint("plug-zap", "amber", format_lazy(_("Connect {name}"), name=name), _("It has not reported yet. We will guide you."), url)
        return
    if not charge_point.is_online:
        silent_since = since(charge_point.last_seen_at)
        words = _("{name} has been silent since {time}") if silent_since else _("{name} is not connected")
        title = format_lazy(words, name=name, time=silent_since)
        yield Hint("wifi-off", "", title, _("Check its breaker and Wi-Fi."), page)
    elif charge_point.state == State.FAULT:
        yield Hint("triangle-alert", "red", format_lazy(_("{name} reports a fault"), name=name), _fault(charge_point), page)
    connectors = charge_point.connectors.all()
    if not any(connector.is_ready_to_publish for connector in connectors):
        first = next(iter(connectors), None)
        url = reverse("stations:owner_connector", args=[charge_point.code, first.number]) if first else page
        yield Hint("tag", "green", format_lazy(_("Set the price of {name}"), name=name), _("Type, power and price are missing."), url)
    elif not charge_point.is_published and not _left_by_itself(charge_point):
        title = format_lazy(_("Put {name} on the map"), name=name)
        yield Hint("map-pin", "green", title, _("Everything is ready for guests."), f"{page}#publish")


def demand_words(demand: Demand) -> str:
    """How many wait, as one says it."""
    if demand.is_more:
        said = ngettext(
            "More than %(count)d driver waits for a charger around here",
            "More than %(count)d drivers wait for a charger around here",
            demand.count,
        )
    else:
        said = ngettext(
            "%(count)d driver waits for a charger around here", "%(count)d drivers wait for a charger around here", demand.count
        )
    return said % {"count": demand.count}


def demand_around(latitude: float, longitude: float, *, but: User) -> str:
    """The same of a place where a charger is to stand; empty where fewer than three wait."""
    [found] = areas.demand([(latitude, longitude)], but=but)
    return demand_words(found) if found else ""


def reported(owner: User) -> Iterator[Hint]:
    """What guests have found wrong and nobody has put right."""
    for code, name, count in problems.open_at(owner, PROBLEMS_AT_ONCE):
        title = ngettext("%(name)s: %(count)d open problem", "%(name)s: %(count)d open problems", count) % {"name": name, "count": count}
        page = reverse("stations:owner_problems", args=[code])
        yield Hint("flag", "red", title, _("Guests reported it. Put it right and tell them."), page)


def waited_for(owner: User, charge_points: Iterable[ChargePoint]) -> Iterator[Hint]:
    """Chargers of hers that are not on the map, though people around them wait for one."""
    hidden = [one for one in charge_points if not one.is_published]
    found = areas.demand(((float(one.public_latitude), float(one.public_longitude)) for one in hidden), but=owner)
    for one, demand in zip(hidden, found, strict=True):
        if demand is not None:
            text = format_lazy(_("Once {name} is on the map, they hear of it."), name=one.name)
            yield Hint("users", "green", demand_words(demand), text, reverse("stations:owner_charge_point", args=[one.code]))


def _left_by_itself(charge_point: ChargePoint) -> bool:
    found = reliability.of(charge_point)
    return found is not None and found.left_map_at is not None


def _fault(charge_point: ChargePoint) -> str | Promise:
    codes = [charge_point.error_code, *(connector.error_code for connector in charge_point.connectors.all())]
    code = next((code for code in codes if code and code != "NoError"), "")
    return format_lazy(_("It says: {code}."), code=code) if code else _("It does not say which.")


def _charging(owner: User) -> dict[int, int]:
    charging = ChargingSession.objects.filter(owner=owner, status=ChargingSession.Status.ACTIVE).order_by()
    powers: dict[int, int] = {}
    for charge_point_id, power_w in charging.values_list("charge_point_id", "power_w"):
        powers[charge_point_id] = powers.get(charge_point_id, 0) + (power_w or 0)
    return powers


def _power_w(charge_point: ChargePoint, powers: dict[int, int]) -> int | None:
    return powers.get(charge_point.pk) if charge_point.is_online else None


def _change_percent(harvest: Harvest) -> int | None:
    before = harvest.earlier_minor
    return round((harvest.total.earned_minor - before) * 100 / before) if before > 0 else None


def _chart(harvest: Harvest) -> BarChart:
    span, today = harvest.span, timezone.localdate()
    slots = span.slots
    values = [harvest.by_slot[slot].earned_minor for slot in slots]
    days = [date_format(slot, "F Y") if span.period == Period.YEAR else written_day(slot) for slot in slots]
    titles = [f"{day}: {money.fmt(value, settings.CURRENCY)}" for day, value in zip(days, values, strict=True)]
    now = span.slot(today)
    labels = [_label(span, place, slot, is_now=slot == now) for place, slot in enumerate(slots)]
    return bar_chart(values, titles, labels, now=slots.index(now) if now in slots else None)


def _label(span: Span, place: int, slot: date, *, is_now: bool) -> str:
    if span.period == Period.YEAR:
        return date_format(slot, "b")
    if span.period == Period.WEEK:
        return date_format(slot, "D")
    point = "." if (get_language() or "cs").startswith("cs") else ""
    return f"{slot.day}{point}" if is_now or place == 0 or slot.day % 5 == 0 else ""


def person(request: HttpRequest) -> User:
    """Who is logged in; `login_required` has seen to it that somebody is."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def price_words() -> dict[str, str]:
    """What stands beside every field of a price."""
    return {
        "currency_sign": money.SYMBOLS.get(settings.CURRENCY, settings.CURRENCY),
        "fee_percent": f"{(settings.PLATFORM_FEE * 100).normalize():f}",
    }
