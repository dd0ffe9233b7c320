"""The same hours every week, asked for and approved as one; each week is a booking of its own."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from billing import ledger
from chargeshare.errors import DomainError, Invalid
from stations import booking_rules, free_times, reservations, slots, weekly
from stations.models import Connector, Reservation, ReservationSeries
from stations.weekly import Span

LEAST_WEEKS, MOST_WEEKS = 2, 52
WEEK = timedelta(weeks=1)


class WeeksTaken(DomainError):
    """Some of the weeks cannot be had; which ones stands in `fields`."""

    code = "slot_taken"
    message = gettext_lazy("Some of these weeks are not free. Book the rest, or choose another time.")

    def __init__(self, taken: list[Span], left: int) -> None:
        super().__init__(fields={"taken": [f"{begins_at:%Y-%m-%dT%H:%M:%SZ}" for begins_at, _ends_at in taken]})
        self.taken, self.left = taken, left


@dataclass(frozen=True)
class Weeks:
    """The slots of a series."""

    fitting: list[Span]
    taken: list[Span]


def weeks_until(begins_at: datetime, last_day: date, connector: Connector) -> int:
    """How many weeks fit until a day, that day included."""
    first_day = begins_at.astimezone(booking_rules.zone_of(connector.charge_point)).date()
    return (last_day - first_day).days // 7 + 1


@ledger.retried
@transaction.atomic
def book(
    *, driver: User, connector: Connector, begins_at: datetime, ends_at: datetime, weeks: int, skip_taken: bool = False
) -> list[Reservation]:
    """Book the same hours in so many weeks. Where some are not free nothing is booked, unless the rest will do."""
    now = timezone.now()
    if not LEAST_WEEKS <= weeks <= MOST_WEEKS:
        raise Invalid(fields={"weeks": [_("Repeat it for %(least)s to %(most)s weeks.") % {"least": LEAST_WEEKS, "most": MOST_WEEKS}]})
    booking_rules.check_slot(begins_at, ends_at, now)
    if ends_at - begins_at >= WEEK:
        raise Invalid(fields={"to": [_("A booking that repeats every week is shorter than a week.")]})
    connector = reservations.begin(driver, connector)
    booking_rules.check(driver, connector, begins_at, ends_at, now)
    found = _slots(driver, connector, begins_at, ends_at, weeks, now)
    if found.taken and (not skip_taken or not found.fitting):
        raise WeeksTaken(found.taken, len(found.fitting))
    open_ones = Reservation.objects.filter(driver=driver, status__in=Reservation.OPEN).count()
    if open_ones + len(found.fitting) > reservations.MOST_OPEN:
        raise reservations.TooManyReservations
    series = ReservationSeries.objects.create(driver=driver, connector=connector, weeks=weeks)
    first = reservations.terms_of(driver, connector, found.fitting[0][0], now)
    booked = []
    for begins, ends in found.fitting:
        terms = replace(reservations.terms_of(driver, connector, begins, now), needs_approval=first.needs_approval)
        booked.append(reservations.add(driver, connector, begins, ends, now, terms, series))
    if first.needs_approval:
        answer_by = booked[0].answer_by
        Reservation.objects.filter(series=series).update(answer_by=answer_by)
        for booking in booked:
            booking.answer_by = answer_by
    reservations.made(booked, now)
    return booked


def _slots(driver: User, connector: Connector, begins_at: datetime, ends_at: datetime, weeks: int, now: datetime) -> Weeks:
    """Which weeks can be had. Notice and how far ahead are asked of the first alone: the others follow it."""
    zone, found = booking_rules.zone_of(connector.charge_point), Weeks([], [])
    is_own = connector.charge_point.owner_id == driver.pk
    for number in range(weeks):
        begins = weekly.same_hours(begins_at, number, zone)
        span = (begins, weekly.same_hours(ends_at, number, zone))
        refused = span[0] >= span[1] or free_times.others_in_the_way(connector, driver, *span, now=now)
        if not refused and not is_own:
            refused = bool(booking_rules.refusal(connector.charge_point, *span, now + number * WEEK))
        (found.taken if refused else found.fitting).append(span)
    return found


def spoken(taken: list[Span]) -> list[str]:
    """The weeks that cannot be had, in words."""
    return [slots.spoken(begins_at, ends_at) for begins_at, ends_at in taken]
