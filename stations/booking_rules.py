"""What an owner asks of those who book: when, how long, with what notice, and what it costs to stay away."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from billing import money, pricing
from billing.pricing import Prices, Usage
from chargeshare.errors import DomainError, Invalid, NotFound
from stations import live, weekly
from stations.models import BookingRules, ChargePoint, Closure, Connector, Reservation, WeeklyHours
from stations.models.booking_rules import BUFFERS, MOST_FEE_MINOR
from stations.weekly import Hours

Approval = BookingRules.Approval
Kind = WeeklyHours.Kind
HALF_AN_HOUR = timedelta(minutes=30)
LATENESS = timedelta(minutes=1)  # of a request on its way, and of clocks
LEAST, MOST = timedelta(minutes=1), timedelta(hours=72)
FARTHEST = timedelta(days=365)
MOST_CLOSURES = 200
LONGEST_CLOSURE = timedelta(days=366)
_RANGES = {
    "approve_first": (1, 100),
    "notice_minutes": (0, 30 * 24 * 60),
    "ahead_days": (1, 365),
    "shortest_minutes": (1, 24 * 60),
    "longest_minutes": (15, 72 * 60),
    "free_until_hours": (0, 7 * 24),
}


class OutsideRules(DomainError):
    """The owner lets nobody book like this."""

    code = "outside_booking_rules"
    message = gettext_lazy("The host does not take bookings like this.")


class RequirementMissing(DomainError):
    """Something of the driver is missing that the owner asks for."""

    code = "requirement_missing"
    message = gettext_lazy("The host asks for something your account does not have yet.")


@dataclass(frozen=True)
class Terms:
    """What holds for one booking; it is shown before and written into it."""

    needs_approval: bool = False
    free_until: datetime | None = None
    late_fee_minor: int = 0
    no_show_fee_minor: int = 0


def of(charge_point: ChargePoint) -> BookingRules:
    """The rules of a charger; of one whose owner has said nothing, those that ask for nothing."""
    try:
        return charge_point.booking_rules
    except BookingRules.DoesNotExist:
        return BookingRules(charge_point=charge_point)


@transaction.atomic
def edit(charge_point: ChargePoint, **changes: Any) -> BookingRules:
    """Change what is named; `open` and `own` are hours of the week. Bookings that were made before stay as they are."""
    ChargePoint.objects.select_for_update().values_list("pk").get(pk=charge_point.pk)
    hours = {kind: weekly.read(changes.pop(kind)) for kind in Kind.values if kind in changes}
    rules = of(charge_point)
    for name, value in changes.items():
        setattr(rules, name, value)
    _check_rules(rules)
    rules.save()
    for kind, rows in hours.items():
        WeeklyHours.objects.filter(charge_point=charge_point, kind=kind).delete()
        charge_point.weekly_hours.add(*(WeeklyHours(kind=kind, **vars(row)) for row in rows), bulk=False)
    if hours:
        open_and_close(now=timezone.now(), only=charge_point)
    return rules


def hours(charge_point: ChargePoint, kind: str) -> list[Hours]:
    """The weekly hours of a kind; none at all means always open, and never the owner's own."""
    prefetch_related_objects([charge_point], "weekly_hours")  # once, both kinds
    rows = (row for row in charge_point.weekly_hours.all() if row.kind == kind)
    return weekly.merged(Hours(row.weekday, row.from_minute, row.to_minute) for row in rows)


def hours_for_guests(charge_point: ChargePoint) -> list[Hours]:
    """When others may come; none at all means always, or never (`takes_guests`).

    That somebody keeps the rest for herself, when she is at home, is not said.
    """
    own, whole = hours(charge_point, Kind.OWN), [Hours(day, 0, weekly.MINUTES_OF_DAY) for day in range(weekly.DAYS)]
    open_hours = hours(charge_point, Kind.OPEN)
    return weekly.without(open_hours or whole, own) if own else open_hours


def takes_guests(charge_point: ChargePoint) -> bool:
    """Whether she leaves others any hour of the week."""
    return bool(hours_for_guests(charge_point)) or not hours(charge_point, Kind.OWN)


@transaction.atomic
def close(charge_point: ChargePoint, *, begins_at: datetime, ends_at: datetime, note: str = "") -> Closure:
    """Let nobody have the charger for a time. Bookings that were made before stay: cancelling them is the owner's own deed."""
    now = timezone.now()
    if not now < ends_at <= begins_at + LONGEST_CLOSURE or ends_at <= begins_at:
        raise Invalid(fields={"to": [_("A closure ends after it begins and after now, and lasts at most a year.")]})
    if begins_at > now + 2 * LONGEST_CLOSURE:
        raise Invalid(fields={"from": [_("Close at most two years ahead.")]})
    ChargePoint.objects.select_for_update().values_list("pk").get(pk=charge_point.pk)
    if Closure.objects.filter(charge_point=charge_point, ends_at__gt=now).count() >= MOST_CLOSURES:
        raise Invalid(_("There are as many closures as one charger may have. Remove one of them first."))
    same = Closure.objects.filter(charge_point=charge_point, begins_at=begins_at, ends_at=ends_at).first()
    closure = same or Closure.objects.create(charge_point=charge_point, begins_at=begins_at, ends_at=ends_at, note=note[:100])
    open_and_close(now=now, only=charge_point)
    return closure


@transaction.atomic
def reopen(charge_point: ChargePoint, pk: int) -> None:
    """Take a closure back."""
    if not Closure.objects.filter(charge_point=charge_point, pk=pk).delete()[0]:
        raise NotFound
    open_and_close(now=timezone.now(), only=charge_point)


def closures(charge_point: ChargePoint, now: datetime) -> QuerySet[Closure]:
    """Those that are not over."""
    return Closure.objects.filter(charge_point=charge_point, ends_at__gt=now)


def is_open(charge_point: ChargePoint, at: datetime) -> bool:
    """Whether anybody but the owner may have it at a moment."""
    if Closure.objects.filter(charge_point=charge_point, begins_at__lte=at, ends_at__gt=at).exists():
        return False
    open_hours = hours(charge_point, Kind.OPEN)
    return not open_hours or weekly.covers(open_hours, weekly.pieces(at, at + timedelta(minutes=1), zone_of(charge_point)))


def open_and_close(*, now: datetime, only: ChargePoint | None = None) -> int:
    """Write down which chargers are closed now, so that the map and the gate need not work it out."""
    known = ChargePoint.objects.filter(pk=only.pk) if only is not None else ChargePoint.objects.alive()
    limited = known.filter(
        Q(is_closed=True)
        | Exists(WeeklyHours.objects.filter(charge_point=OuterRef("pk"), kind=Kind.OPEN))
        | Exists(Closure.objects.filter(charge_point=OuterRef("pk"), begins_at__lte=now, ends_at__gt=now))
    )
    moved = 0
    for charge_point in limited.prefetch_related("connectors"):
        is_closed = not is_open(charge_point, now)
        if is_closed != charge_point.is_closed and ChargePoint.objects.filter(pk=charge_point.pk, is_closed=not is_closed).update(
            is_closed=is_closed
        ):
            moved += 1
            for connector in charge_point.connectors.all():
                live.connector_changed(connector)
            live.charge_point_changed(charge_point, "status")
    return moved


def check_slot(begins_at: datetime, ends_at: datetime, now: datetime) -> None:
    """Refuse a time that nobody can book anywhere, in one sentence for each field."""
    fields: dict[str, list[str]] = {}
    if begins_at < now - LATENESS:
        fields["from"] = [_("This time has passed.")]
    elif begins_at > now + FARTHEST:
        fields["from"] = [_("Book at most a year ahead.")]
    if ends_at <= begins_at:
        fields["to"] = [_("The end must come after the beginning.")]
    elif not fields and ends_at - begins_at < LEAST:
        fields["to"] = [_("Book at least a minute.")]
    elif not fields and ends_at - begins_at > MOST:
        fields["to"] = [_("Book at most three days at once.")]
    if fields:
        raise Invalid(fields=fields)


def check(driver: User, connector: Connector, begins_at: datetime, ends_at: datetime, now: datetime) -> None:
    """Refuse what the owner has ruled out; she herself books as she likes."""
    charge_point = connector.charge_point
    if charge_point.owner_id == driver.pk:
        return
    sentence = refusal(charge_point, begins_at, ends_at, now)
    if sentence:
        raise OutsideRules(sentence, fields={"from": [sentence]})
    missing = missing_of(driver, of(charge_point))
    if missing:
        raise RequirementMissing(missing)


def refusal(charge_point: ChargePoint, begins_at: datetime, ends_at: datetime, now: datetime) -> str:
    """Why a stranger cannot have this slot by the owner's rules, in a sentence; nothing where she can."""
    return _refused_length(of(charge_point), begins_at, ends_at, now) or _refused_hours(charge_point, begins_at, ends_at)


def _refused_length(rules: BookingRules, begins_at: datetime, ends_at: datetime, now: datetime) -> str:
    minutes = (ends_at - begins_at) / timedelta(minutes=1)
    if begins_at < now + timedelta(minutes=rules.notice_minutes) - LATENESS:
        return _("Book at least %(time)s ahead.") % {"time": lasting(rules.notice_minutes)}
    if begins_at > now + timedelta(days=rules.ahead_days):
        return _("Book at most %(time)s ahead.") % {"time": lasting(rules.ahead_days * weekly.MINUTES_OF_DAY)}
    if minutes < rules.shortest_minutes:
        return _("Book at least %(time)s.") % {"time": lasting(rules.shortest_minutes)}
    if minutes > rules.longest_minutes:
        return _("Book at most %(time)s at once.") % {"time": lasting(rules.longest_minutes)}
    return ""


def _refused_hours(charge_point: ChargePoint, begins_at: datetime, ends_at: datetime) -> str:
    wanted = weekly.pieces(begins_at, ends_at, zone_of(charge_point))
    open_hours = hours_for_guests(charge_point)
    if not open_hours and not takes_guests(charge_point):
        return _("The host takes no bookings here.")
    if open_hours and not weekly.covers(open_hours, wanted):
        return _("The charger is not open then. It is open %(hours)s.") % {"hours": ", ".join(weekly.spoken(open_hours))}
    if Closure.objects.filter(charge_point=charge_point, begins_at__lt=ends_at, ends_at__gt=begins_at).exists():
        return _("The host has closed the charger for this time.")
    if weekly.touches(hours(charge_point, Kind.OWN), wanted):
        return _("The charger is not open then.")
    return ""


def missing_of(driver: User, rules: BookingRules) -> str:
    """What the owner asks for and this driver does not have, in a sentence."""
    if rules.wants_confirmed_email and not EmailAddress.objects.filter(user=driver, email__iexact=driver.email, verified=True).exists():
        return _("The host takes guests with a confirmed e-mail. Confirm yours in your account, then book.")
    if rules.wants_vehicle and not driver.vehicles.exclude(plate="").exists():
        return _("The host asks for a car with its number plate. Add yours in your account, then book.")
    return ""


def terms(driver: User, connector: Connector, begins_at: datetime, now: datetime, prices: Prices | None) -> Terms:
    """What this driver's booking would be subject to. Fees are never more than half an hour of charging costs there."""
    charge_point = connector.charge_point
    if charge_point.owner_id == driver.pk:
        return Terms()
    rules = of(charge_point)
    most_minor = 0 if prices is None or prices.is_free else half_an_hour_minor(prices, connector, begins_at)
    late_minor, no_show_minor = min(rules.late_fee_minor, most_minor), min(rules.no_show_fee_minor, most_minor)
    # Who books later than that may still think again for a quarter of an hour: nobody pays for a slip of the finger.
    free_until = max(begins_at - timedelta(hours=rules.free_until_hours), min(now + timedelta(minutes=15), begins_at))
    return Terms(needs_approval(driver, rules), free_until if late_minor else None, late_minor, no_show_minor)


def needs_approval(driver: User, rules: BookingRules) -> bool:
    """Whether the owner wants to be asked about this driver."""
    if rules.approval != Approval.FIRST:
        return rules.approval == Approval.ALWAYS
    had = Reservation.objects.filter(
        driver=driver, charge_point=rules.charge_point, status__in=(Reservation.Status.BOOKED, Reservation.Status.ACTIVE, "used")
    )
    count = had.filter(series=None).count() + had.exclude(series=None).order_by().values("series").distinct().count()
    return count < rules.approve_first


def half_an_hour_minor(prices: Prices, connector: Connector, begins_at: datetime) -> int:
    """What half an hour at full power costs at an outlet."""
    ends_at = begins_at + HALF_AN_HOUR
    usage = Usage(
        energy_wh=(connector.max_power_w or 0) // 2,
        started_at=begins_at,
        stopped_at=ends_at,
        seconds=1800,
        time_zone=connector.charge_point.time_zone,
    )
    return max(0, pricing.total(pricing.price(prices, usage)))


def zone_of(charge_point: ChargePoint) -> ZoneInfo:
    """The clock on the charger's wall."""
    return ZoneInfo(charge_point.time_zone)


def lasting(minutes: int) -> str:
    """A length of time in words: 2 h 30 min, 3 days."""
    if minutes and minutes % (24 * 60) == 0:
        return ngettext("%(days)s day", "%(days)s days", minutes // 1440) % {"days": minutes // 1440}
    hours_of, rest = divmod(minutes, 60)
    words = ([f"{hours_of}\N{NO-BREAK SPACE}h"] if hours_of else []) + ([f"{rest}\N{NO-BREAK SPACE}min"] if rest or not hours_of else [])
    return "\N{NO-BREAK SPACE}".join(words)


def bookable(
    connectors: QuerySet[Connector], begins_at: datetime, ends_at: datetime, *, viewer: object, now: datetime
) -> QuerySet[Connector]:
    """Those of some outlets whose owners' rules allow this slot; all of her own for an owner. One condition of a query each."""
    minutes = int((ends_at - begins_at).total_seconds()) // 60
    ahead = begins_at - now
    refused = BookingRules.objects.filter(charge_point=OuterRef("charge_point")).filter(
        Q(notice_minutes__gt=max(0, int(ahead.total_seconds()) // 60 + 1))
        | Q(ahead_days__lt=-(-ahead // timedelta(days=1)))
        | Q(shortest_minutes__gt=minutes)
        | Q(longest_minutes__lt=minutes)
    )
    closed = Closure.objects.filter(charge_point=OuterRef("charge_point"), begins_at__lt=ends_at, ends_at__gt=begins_at)
    unfit = Q(Exists(refused)) | Q(Exists(closed))
    zones = WeeklyHours.objects.order_by().values_list("charge_point__time_zone", flat=True).distinct()
    for name in zones:
        wanted = weekly.pieces(begins_at, ends_at, ZoneInfo(name))
        here = WeeklyHours.objects.filter(charge_point=OuterRef("charge_point"))
        is_covered = Q()
        for piece in wanted:
            covering = here.filter(
                kind=Kind.OPEN, weekday=piece.weekday, from_minute__lte=piece.from_minute, to_minute__gte=piece.to_minute
            )
            is_covered &= Q(Exists(covering))
        kept = Q()
        for piece in wanted:
            kept |= Q(weekday=piece.weekday, from_minute__lt=piece.to_minute, to_minute__gt=piece.from_minute)
        has_hours = Q(Exists(here.filter(kind=Kind.OPEN)))
        in_zone = Q(charge_point__time_zone=name)
        unfit |= in_zone & ((has_hours & ~is_covered) | Q(Exists(here.filter(kept, kind=Kind.OWN))))
    own = Q(charge_point__owner=viewer) if isinstance(viewer, User) else Q(pk__in=())
    return connectors.filter(own | ~unfit)


def paused(begins_at: datetime, ends_at: datetime, driver: object, now: datetime) -> QuerySet[Reservation]:
    """Bookings of others that leave no room because their owner wants a pause in between."""
    others = Reservation.objects.occupying(now)
    if isinstance(driver, User):
        others = others.exclude(driver=driver)
    near = Q(pk__in=())
    for minutes in BUFFERS[1:]:
        pause = timedelta(minutes=minutes)
        near |= Q(charge_point__booking_rules__buffer_minutes=minutes, begins_at__lt=ends_at + pause, ends_at__gt=begins_at - pause)
    return others.filter(near)


def _check_rules(rules: BookingRules) -> None:
    fields: dict[str, list[str]] = {}
    for name, (least, most) in _RANGES.items():
        if not least <= getattr(rules, name) <= most:
            fields[name] = [_("Write a number from %(least)s to %(most)s.") % {"least": least, "most": most}]
    for name in ("late_fee_minor", "no_show_fee_minor"):
        if not 0 <= getattr(rules, name) <= MOST_FEE_MINOR:
            fields[name] = [_("A fee is at most %(most)s.") % {"most": money.fmt(MOST_FEE_MINOR, settings.CURRENCY, decimals=0)}]
    if rules.approval not in Approval.values:
        fields["approval"] = [_("There is no such choice.")]
    if rules.buffer_minutes not in BUFFERS:
        fields["buffer_minutes"] = [_("A pause takes one of %(minutes)s minutes.") % {"minutes": ", ".join(map(str, BUFFERS))}]
    if rules.shortest_minutes > rules.longest_minutes:
        fields["longest_minutes"] = [_("The longest booking cannot be shorter than the shortest.")]
    if fields:
        raise Invalid(fields=fields)
