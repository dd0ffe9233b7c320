"""When an outlet can be booked: what is taken or closed, and what is left of a week."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from accounts.models import User
from stations import booking_rules, slots, weekly
from stations.models import Closure, Connector, Reservation, WaitlistPlace
from stations.weekly import Span

STEP = timedelta(minutes=30)
QUARTER = timedelta(minutes=15)
DAYS = 7


@dataclass(frozen=True)
class FreeDay:
    """What can be had of one day."""

    day: date
    spans: list[Span]


def taken(connector: Connector, viewer: object, first: datetime, last: datetime, *, now: datetime) -> list[Span]:
    """When somebody has the outlet between two moments: bookings with the pause around them, and what is offered to who waits."""
    pause = timedelta(minutes=booking_rules.of(connector.charge_point).buffer_minutes)
    spans = []
    bookings = slots.taken(first - pause, last + pause, now=now).filter(connector=connector)
    for driver_id, begins_at, ends_at in bookings.values_list("driver", "begins_at", "ends_at"):
        is_hers = isinstance(viewer, User) and driver_id == viewer.pk
        around = timedelta(0) if is_hers or _is_owner(viewer, connector) else pause
        spans.append((begins_at - around, ends_at + around))
    offers = WaitlistPlace.objects.offered(now).filter(connector=connector, begins_at__lt=last, ends_at__gt=first)
    if isinstance(viewer, User):
        offers = offers.exclude(driver=viewer)
    return weekly.joined([*spans, *offers.values_list("begins_at", "ends_at")])


def closed(connector: Connector, viewer: object, first: datetime, last: datetime, *, now: datetime) -> list[Span]:
    """When the owner's rules let nobody else have it; they do not bind her."""
    if _is_owner(viewer, connector):
        return [(first, now)] if first < now else []
    charge_point = connector.charge_point
    rules, zone = booking_rules.of(charge_point), booking_rules.zone_of(charge_point)
    spans = [(first, now + timedelta(minutes=rules.notice_minutes)), (now + timedelta(days=rules.ahead_days), last)]
    spans += Closure.objects.filter(charge_point=charge_point, begins_at__lt=last, ends_at__gt=first).values_list("begins_at", "ends_at")
    spans += weekly.spans(booking_rules.hours(charge_point, booking_rules.Kind.OWN), zone, first, last)
    open_hours = booking_rules.hours(charge_point, booking_rules.Kind.OPEN)
    if open_hours:
        spans += weekly.gaps(weekly.spans(open_hours, zone, first, last), first, last)
    return weekly.joined((max(begins_at, first), min(ends_at, last)) for begins_at, ends_at in spans if begins_at < ends_at)


def free(connector: Connector, viewer: object, first: datetime, last: datetime, *, now: datetime) -> list[Span]:
    """What is left, in pieces that are long enough for a booking there."""
    shortest = timedelta(minutes=booking_rules.of(connector.charge_point).shortest_minutes)
    gone = [*taken(connector, viewer, first, last, now=now), *closed(connector, viewer, first, last, now=now)]
    return [(begins_at, ends_at) for begins_at, ends_at in weekly.gaps(gone, first, last) if ends_at - begins_at >= max(shortest, STEP)]


def week(connector: Connector, viewer: object, first: datetime, *, now: datetime) -> list[FreeDay]:
    """Seven days of an outlet from the midnight before `first`, each with what is left of it; days on which nothing is left too."""
    zone = booking_rules.zone_of(connector.charge_point)
    today = first.astimezone(zone).date()
    days = [today + timedelta(days=number) for number in range(DAYS)]
    midnights = [datetime(day.year, day.month, day.day, tzinfo=zone) for day in [*days, days[-1] + timedelta(days=1)]]
    left = free(connector, viewer, max(midnights[0], _next_quarter(now)), midnights[-1], now=now)
    found = []
    for day, begins_at, ends_at in zip(days, midnights, midnights[1:], strict=False):
        spans = [(max(one, begins_at), min(other, ends_at)) for one, other in left if one < ends_at and other > begins_at]
        found.append(FreeDay(day, spans))
    return found


def others_in_the_way(
    connector: Connector, driver: User, begins_at: datetime, ends_at: datetime, *, now: datetime, instead_of: Reservation | None = None
) -> bool:
    """Whether somebody has this slot, or is being asked whether she wants it. The outlet's row must be locked."""
    pause = timedelta(minutes=0 if _is_owner(driver, connector) else booking_rules.of(connector.charge_point).buffer_minutes)
    bookings = Reservation.objects.occupying(now).filter(connector=connector)
    if instead_of is not None:
        bookings = bookings.exclude(pk=instead_of.pk)
    if bookings.overlapping(begins_at, ends_at).exists():
        return True
    if pause and bookings.overlapping(begins_at - pause, ends_at + pause).exclude(driver=driver).exists():
        return True
    offers = WaitlistPlace.objects.offered(now).filter(connector=connector, begins_at__lt=ends_at, ends_at__gt=begins_at)
    return offers.exclude(driver=driver).exists()


def _next_quarter(now: datetime) -> datetime:
    return now + (QUARTER - timedelta(seconds=now.timestamp() % QUARTER.total_seconds())) % QUARTER


def _is_owner(viewer: object, connector: Connector) -> bool:
    return isinstance(viewer, User) and viewer.pk == connector.charge_point.owner_id
