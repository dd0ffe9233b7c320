"""What people of the demo town have booked for the days to come."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from chargeshare.demo import town
from stations import reservations
from stations.models import Connector, Reservation


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


def make(now: datetime) -> int:
    """Book it all, through the rule everybody books by; what is booked already stays. Returns how many there are."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    for plan in PLANS:
        connector = Connector.objects.get(charge_point__identity=plan.identity, charge_point__retired_at=None, number=1)
        if Reservation.objects.filter(driver__email=plan.email, connector=connector).exists():
            continue
        begins_at = midnight + timedelta(days=plan.days, hours=plan.hour)
        driver = User.objects.get(email=plan.email)
        reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=begins_at + timedelta(hours=plan.hours))
    return Reservation.objects.count()
