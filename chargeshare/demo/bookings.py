"""What people of the demo town have booked for the days to come."""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import User
from chargeshare.demo import town
from chargeshare.errors import DomainError
from stations import areas, arrival, booking_rules, booking_series, favourites, filter_profiles, reservations, site_facts, waitlist
from stations.models import BookingRules, Connector, Reservation


@dataclass(frozen=True)
class Plan:
    """Somebody wants to charge somewhere, so many days from now at an hour of the clock."""

    email: str
    identity: str
    days: int
    hour: float
    hours: float


PLANS = (
    Plan(town.DRIVER, "DEMO-DVORAKOVA-2", 1, 18, 3.5),
    Plan(town.DRIVER, "DEMO-NOVAK-2", 3, 9, 2),
    Plan("jakub.cerny@example.com", "DEMO-NOVAK-2", 1, 15.5, 2),
    Plan("lucie.prochazkova@example.com", "DEMO-NOVAK-2", 2, 17, 3),
    Plan("petr.svoboda@example.com", "DEMO-DVORAKOVA-2", 1, 8, 4),
    Plan("eva.nemcova@example.com", "DEMO-NOVAK-4", 2, 20, 10),
)


# Every week at the same hour, asked for at once.
WEEKLY, WEEKS = Plan(town.DRIVER, "DEMO-DRUZSTVO-2", 5, 7, 1.5), 4

# What waits for its owner's word: her rules are made after the bookings above.
REQUESTS = (Plan("eva.nemcova@example.com", "DEMO-NOVAK-2", 4, 10, 3),)
WAITING = Plan(town.DRIVER, "DEMO-NOVAK-2", 1, 15.5, 2)
ARRIVAL: dict[str, dict[str, Any]] = {
    "DEMO-NOVAK-2": {
        "spot": "Druhé stání vlevo za závorou, vedle kůlny.",
        "gate_code": "2580#",
        "socket": "Na boku chaty pod přístřeškem, oranžový kryt.",
        "cable_m": Decimal("5.0"),
        "rules": "Po 22. hodině prosíme potichu. Psa máme na dvoře, je hodný.",
    },
    "DEMO-DVORAKOVA-2": {"spot": "Ve dvoře u zadní zdi.", "gate_code": "1947", "socket": "Vpravo od vrat ateliéru."},
}


FACTS: dict[str, dict[str, Any]] = {
    "DEMO-NOVAK-2": {"has_cable": True, "has_barrier": True, "is_overnight": True, "fits_trailer": True},
    "DEMO-DVORAKOVA-2": {"has_solar": True, "has_barrier": True, "max_height_cm": 210},
}


FAVOURITES = (
    (town.DRIVER, "DEMO-DVORAKOVA-2", "Parkovat až u zadní zdi, vpředu překáží vratům."),
    (town.DRIVER, "DEMO-NOVAK-2", ""),
    ("lucie.prochazkova@example.com", "DEMO-NOVAK-2", "Jezdím sem v neděli."),
)


def make(now: datetime) -> int:
    """Book it all, through the rule everybody books by; what is booked already stays. Returns how many there are."""
    for plan in PLANS:
        _book(plan, now)
    if not Reservation.objects.filter(connector=_connector(WEEKLY.identity), driver__email=WEEKLY.email).exists():
        begins_at, ends_at = _slot(WEEKLY, now)
        driver = User.objects.get(email=WEEKLY.email)
        booking_series.book(driver=driver, connector=_connector(WEEKLY.identity), begins_at=begins_at, ends_at=ends_at, weeks=WEEKS)
    for identity, pack in ARRIVAL.items():
        arrival.edit(_connector(identity).charge_point, **pack)
    for identity, facts in FACTS.items():
        site_facts.edit(_connector(identity).charge_point, facts)
    for email, identity, note in FAVOURITES:
        favourites.add(User.objects.get(email=email), _connector(identity).charge_point, note=note)
    driver = User.objects.get(email=town.DRIVER)
    if not driver.filter_profiles.exists():
        filter_profiles.save(driver, name="Přes noc", filters={"connector_type": "TYPE_2", "facts": "overnight", "sort": "price"})
    if not driver.area_alerts.exists():
        areas.watch(driver, areas.Area("Hradec nad Moravicí", 49.8711, 17.8759, radius_km=5))
    weekend_house = _connector(REQUESTS[0].identity).charge_point
    if not BookingRules.objects.filter(charge_point=weekend_house).exists():
        booking_rules.edit(
            weekend_house,
            approval=BookingRules.Approval.FIRST,
            buffer_minutes=30,
            free_until_hours=4,
            late_fee_minor=3_000,
            no_show_fee_minor=5_000,
            open=[{"from": "06:00", "to": "22:00"}],
        )
    for plan in REQUESTS:
        _book(plan, now)
    with contextlib.suppress(DomainError):  # free again: nothing to wait for
        begins_at, ends_at = _slot(WAITING, now)
        driver = User.objects.get(email=WAITING.email)
        waitlist.join(driver=driver, connector=_connector(WAITING.identity), begins_at=begins_at, ends_at=ends_at)
    return Reservation.objects.count()


def make_for_now(email: str, identity: str) -> None:
    """Book for somebody who charges there at this moment: a booking in progress. Where it cannot be, she just charges."""
    connector, now = _connector(identity), timezone.now()
    if not Reservation.objects.filter(connector=connector, status__in=Reservation.OPEN).exists():
        with contextlib.suppress(DomainError):
            driver = User.objects.get(email=email)
            reservations.book(driver=driver, connector=connector, begins_at=now, ends_at=now + timedelta(hours=4))


def _book(plan: Plan, now: datetime) -> None:
    connector = _connector(plan.identity)
    begins_at, ends_at = _slot(plan, now)
    driver = User.objects.get(email=plan.email)
    if not Reservation.objects.filter(driver=driver, connector=connector).exists():
        reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=ends_at)


def _slot(plan: Plan, now: datetime) -> tuple[datetime, datetime]:
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    begins_at = midnight + timedelta(days=plan.days, hours=plan.hour)
    return begins_at, begins_at + timedelta(hours=plan.hours)


def _connector(identity: str) -> Connector:
    known = Connector.objects.select_related("charge_point__owner", "tariff__current")
    return known.get(charge_point__identity=identity, charge_point__retired_at=None, number=1)
