"""The limits of a charger: what the box holds, what that comes to over a day, and what its owner may wish."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.pages import explained
from chargeshare.errors import Invalid, NotFound
from ocpp_core.charging_profiles import abilities, building, kept, shown
from ocpp_core.charging_profiles.abilities import Abilities
from ocpp_core.charging_profiles.building import Built, Place
from ocpp_core.charging_profiles.schedules import Charging, Question, composite, periods_of
from ocpp_core.charging_profiles.units import AMPERES, VOLTAGE_V, WATTS
from ocpp_core.models import ChargingProfile, CompositeSchedule
from ocpp_core.templatetags.power_limits import Curve, Step
from ocpp_core.views.limit_forms import AmountForm, LimitForm, PlanForm, StartForm
from stations import commands, sessions
from stations.api.permissions import own_charge_point
from stations.models import ChargePoint, ChargingSession, Command, Connector
from stations.views.owner import person
from stations.views.owner_charge_point import saved

DAY = timedelta(hours=24)
ASKED_SHOWN = 6
ACTIONS = ("SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule", "RemoteStartTransaction")
LATELY = timedelta(days=7)


@dataclass(frozen=True)
class Outlook:
    """One outlet, or the whole charger, over the next day."""

    number: int
    curve: Curve
    lines: list[shown.Line]
    said: CompositeSchedule | None


@dataclass(frozen=True)
class Box:
    """What the page knows of the charger while it is drawn or asked."""

    charge_point: ChargePoint
    connectors: Sequence[Connector]
    held: Sequence[ChargingProfile]
    can: Abilities
    charging: Mapping[int, Charging]
    zone: ZoneInfo
    now: datetime

    @classmethod
    def of(cls, charge_point: ChargePoint) -> "Box":
        """Look everything up once."""
        connectors = list(charge_point.connectors.all())
        running = {one.number: kept.charging_at(charge_point, one.number) for one in connectors}
        return cls(
            charge_point,
            connectors,
            kept.held(charge_point),
            kept.can(charge_point),
            {number: charging for number, charging in running.items() if charging is not None},
            ZoneInfo(charge_point.time_zone),
            timezone.now(),
        )

    @property
    def places(self) -> dict[str, tuple[Any, Place]]:
        """What a limit may be for."""
        known = [connector.max_power_w for connector in self.connectors if connector.max_power_w is not None]
        kind = self.connectors[0].type if len({connector.type for connector in self.connectors}) == 1 else ""
        found: dict[str, tuple[Any, Place]] = {"0": (_("The whole charger"), Place(0, max(known, default=None), kind))}
        for one in self.connectors:
            words = shown.where(ChargingProfile.Purpose.TX_DEFAULT, one.number)
            found[str(one.number)] = (words, Place(one.number, one.max_power_w, one.type))
        for number, charging in self.charging.items():
            one = self._connector(number)
            words = _("Connector %(number)d, the session that runs now") % {"number": number}
            found[f"{number}-now"] = (words, Place(number, one.max_power_w, one.type, charging.transaction_id))
        return found

    @property
    def lasting_places(self) -> dict[str, tuple[Any, Place]]:
        """The same for plans, which outlive a session."""
        return {key: value for key, value in self.places.items() if value[1].transaction_id is None}

    @property
    def outlets(self) -> dict[str, tuple[Any, Place]]:
        """Where a session may begin."""
        return {
            str(one.number): (_("Connector %(number)d") % {"number": one.number}, Place(one.number, one.max_power_w, one.type))
            for one in self.connectors
            if one.number not in self.charging
        }

    def _connector(self, number: int) -> Connector:
        return next(one for one in self.connectors if one.number == number)

    def outlooks(self) -> list[Outlook]:
        """The next day at every outlet; of the whole charger too where it has several, or was asked about."""
        said = {one.connector_number: one for one in CompositeSchedule.objects.filter(charge_point=self.charge_point)}
        numbers = [connector.number for connector in self.connectors]
        if len(numbers) != 1 or 0 in said:
            numbers.insert(0, 0)
        return [self._outlook(number, said.get(number)) for number in numbers]

    def _outlook(self, number: int, said: CompositeSchedule | None) -> Outlook:
        place = self.places[str(number)][1]
        ends = self.now + DAY
        asked = Question(number, self.now, ends, WATTS, place.phases, self.charging.get(number))
        rows = [kept.as_held(row) for row in self.held if not row.is_waiting]
        reckoned = [Step(step.at, step.limit) for step in composite(rows, asked)]
        told = [] if said is None else _told(said, place.phases)
        until = None
        if said is not None and said.schedule and "duration" in said.schedule:
            until = said.starts_at + timedelta(seconds=said.schedule["duration"])
        if until is not None and until <= self.now:
            told = []
        most_w = place.max_power_w if number else None
        curve = Curve(self.now, ends, most_w, reckoned, told, until, self.zone)
        return Outlook(number, curve, shown.limits(iter([(step.at, step.limit_w) for step in reckoned]), self.zone), said)


def _told(said: CompositeSchedule, phases: int) -> list[Step]:
    """What the box says, in watts."""
    if not said.schedule:
        return [Step(said.starts_at, None)]
    per_ampere = VOLTAGE_V if said.schedule["chargingRateUnit"] == AMPERES else 0
    return [
        Step(
            said.starts_at + timedelta(seconds=period.start_s),
            period.limit * per_ampere * (period.phases or phases) if per_ampere else period.limit,
        )
        for period in periods_of(said.schedule)
    ]


@login_required
@explained
@require_http_methods(["GET", "HEAD", "POST"])
def charging_profiles(request: HttpRequest, code: str) -> HttpResponse:
    """What limits the charger, and the forms for it. A form that does not fit is shown again with what is wrong."""
    charge_point = own_charge_point(request, code)
    box = Box.of(charge_point)
    deed = request.POST.get("deed", "")
    unit = WATTS if AMPERES not in box.can.units else AMPERES
    options: dict[str, Any] = {"zone": box.zone, "unit": unit}
    limit = LimitForm(request.POST if deed == "limit" else None, places=box.places, prefix="limit", **options)
    plan = PlanForm(request.POST if deed == "plan" else None, places=box.lasting_places, prefix="plan", **options)
    start = StartForm(request.POST if deed == "start" else None, places=box.outlets, prefix="start", **options)
    may_start = bool(box.outlets) and charge_point.owner_id == person(request).pk
    if request.method == "POST":
        deeds: dict[str, Callable[[], bool]] = {
            "limit": lambda: _wish(request, box, limit, lambda: _limit(box, limit)),
            "plan": lambda: _wish(request, box, plan, lambda: _plan(box, plan)),
            "start": lambda: start.is_valid() and saved(start, lambda: _start(request, box, start)),
            "clear": lambda: _clear(request, box),
            "ask": lambda: _ask_composite(request, box),
            "read": lambda: _read(request, box),
        }
        if deed not in deeds or (deed == "start" and not may_start):
            raise NotFound
        if deeds[deed]():
            return redirect(reverse("ocpp_core:charging_profiles", args=[code]) + "#asked")
    context = {
        "charge_point": charge_point,
        "tab": "charging_profiles",
        "profiles": [shown.profile(row, box.zone) for row in box.held],
        "outlooks": box.outlooks(),
        "can": box.can,
        "takes": [shown.amount(0, unit).split("\N{NO-BREAK SPACE}")[-1] for unit in sorted(box.can.units)],
        "commands": _asked(charge_point),
        "limit_form": limit,
        "plan_form": plan,
        "start_form": start,
        "may_start": may_start,
    }
    return render(request, "ocpp_core/charging_profiles.html", context, status=400 if deed else 200)


def _asked(charge_point: ChargePoint) -> list[Command]:
    """What was asked of limits lately; of the requests to start those that held one."""
    lately = Command.objects.filter(charge_point=charge_point, action__in=ACTIONS, created_at__gt=timezone.now() - LATELY)
    without = lately.filter(action="RemoteStartTransaction").exclude(payload__has_key="chargingProfile")
    return list(lately.exclude(pk__in=without.values("pk")).order_by("-pk")[:ASKED_SHOWN])


def _limit(box: Box, form: LimitForm) -> Built:
    return building.limit(form.chosen, form.said(), box.can, now=box.now, until=form.cleaned_data["until"])


def _plan(box: Box, form: PlanForm) -> Built:
    return building.day_plan(form.chosen, form.plan, box.can, now=box.now, zone=box.zone, until=form.cleaned_data["until"])


def _wish(request: HttpRequest, box: Box, form: AmountForm, build: Callable[[], Built]) -> bool:
    """Make a profile of it and ask the box to take it."""

    def send() -> None:
        built = build()
        _must_have_room(box, built)
        commands.ask(box.charge_point, "SetChargingProfile", built.payload, asked_by=person(request))
        for note in built.notes:
            messages.info(request, note)

    return form.is_valid() and saved(form, send)


def _must_have_room(box: Box, built: Built) -> None:
    """A box that is full refuses without saying why."""
    if box.can.most_profiles is None:
        return
    new = built.profile
    same = (built.connector_number, new["chargingProfilePurpose"], new["stackLevel"])
    rest = [
        row
        for row in box.held
        if row.profile_id != new["chargingProfileId"] and (row.connector_number, row.purpose, row.stack_level) != same
    ]
    if len(rest) >= box.can.most_profiles:
        message = _("The charger holds no more than %(most)d at once. Clear one first.")
        raise Invalid(message % {"most": box.can.most_profiles})


def _start(request: HttpRequest, box: Box, form: StartForm) -> ChargingSession:
    place = form.chosen
    connector = next(one for one in box.connectors if one.number == place.connector_number)
    built = building.of_start(place, form.said(), box.can)
    _must_have_room(box, built)
    session = sessions.request_start(driver=person(request), connector=connector, charging_profile=built.profile)
    for note in built.notes:
        messages.info(request, note)
    return session


def _clear(request: HttpRequest, box: Box) -> bool:
    """One by its number, or all of them."""
    said = request.POST.get("profile", "")
    payload: dict[str, Any] = {}
    if said:
        row = next((row for row in box.held if str(row.pk) == said), None)
        if row is None:
            raise NotFound
        payload = {"id": row.profile_id}
    commands.ask(box.charge_point, "ClearChargingProfile", payload, asked_by=person(request))
    return True


def _ask_composite(request: HttpRequest, box: Box) -> bool:
    """What the box itself says it will keep to over the next day."""
    said = request.POST.get("connector", "")
    if said not in {"0", *(str(connector.number) for connector in box.connectors)}:
        raise NotFound
    payload = {"connectorId": int(said), "duration": int(DAY.total_seconds()), "chargingRateUnit": box.can.unit(WATTS)}
    commands.ask(box.charge_point, "GetCompositeSchedule", payload, asked_by=person(request))
    return True


def _read(request: HttpRequest, box: Box) -> bool:
    """What the box can take, out of its configuration."""
    commands.ask(box.charge_point, "GetConfiguration", {"key": list(abilities.KEYS)}, asked_by=person(request))
    return True
