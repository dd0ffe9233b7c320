"""Areas where people wait for a charger: who hears when one comes, and how many wait, without saying who."""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import notifications
from accounts.models import Notification, User
from chargeshare.errors import DomainError, Invalid, NotFound
from stations import places
from stations.models import AreaAlert, AreaNews, ChargePoint, CirclePrice, Connector, Invitation, MapArrival
from stations.models.area_alert import LEAST_KM, MOST_KM

MOST = 20
LONGEST_NAME = 60
SETTLES_IN = timedelta(minutes=5)  # who published by mistake has time to take it back
AT_ONCE = 100
PEOPLE_AT_ONCE = 200
MOST_A_DAY = 10  # of one owner
A_DAY = timedelta(days=1)
LEAST_DEMAND = 3
COUNTED_TO = 10
CELL = 0.1  # degrees: demand is told of a part of the country, never of a street


class TooManyAreas(DomainError):
    """More than anybody drives through."""

    code = "too_many_areas"
    message = gettext_lazy("You watch as many areas as one account may. Remove one of them first.")


@dataclass(frozen=True)
class Area:
    """Where somebody waits for what."""

    name: str
    latitude: float
    longitude: float
    radius_km: int = 5
    connector_types: Sequence[str] = ()
    min_power_w: int | None = None
    is_of_my_circles: bool = False


@dataclass(frozen=True)
class Offer:
    """What a charger on the map has to offer: its outlets that have a price, as type and power, and who is let in beyond everybody."""

    outlets: list[list[Any]]
    guests: list[int]
    is_private: bool

    @classmethod
    def of(cls, charge_point: ChargePoint, *, with_guests: bool = True) -> "Offer":
        """As it stands in the database; without guests where nobody is asked for who waits for her circles alone."""
        is_private = charge_point.access == ChargePoint.Access.PRIVATE
        outlets = Connector.objects.filter(charge_point=charge_point).order_by("number")
        return cls(
            outlets=[[outlet.type, outlet.max_power_w] for outlet in outlets if outlet.is_ready_to_publish],
            guests=sorted(guests_of(charge_point)) if with_guests or is_private else [],
            is_private=is_private,
        )

    def suits(self, alert: AreaAlert) -> bool:
        """Whether one outlet is all that somebody wishes for, and she may use it."""
        if (self.is_private or alert.is_of_my_circles) and alert.user_id not in self.guests:
            return False
        least_w = alert.min_power_w or 0
        return any((not alert.connector_types or kind in alert.connector_types) and power_w >= least_w for kind, power_w in self.outlets)


@dataclass(frozen=True)
class Demand:
    """How many people wait around a place; from ten on only roughly."""

    count: int
    is_more: bool


def of(user: User) -> list[AreaAlert]:
    """Hers, in the order she made them."""
    return list(AreaAlert.objects.filter(user=user))


def find(user: User, code: UUID) -> AreaAlert:
    """One of hers; another's looks as if it did not exist."""
    found = AreaAlert.objects.filter(user=user, code=code).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def watch(user: User, area: Area) -> AreaAlert:
    """Wait for a charger somewhere."""
    alert = AreaAlert(user=user, **_checked(area))
    User.objects.select_for_update().get(pk=user.pk)  # one after the other, for the limit
    if AreaAlert.objects.filter(user=user).count() >= MOST:
        raise TooManyAreas
    alert.save(force_insert=True)
    return alert


def edit(alert: AreaAlert, area: Area) -> AreaAlert:
    """Another name, place or wish."""
    changed = _checked(area)
    if not AreaAlert.objects.filter(pk=alert.pk).update(**changed):
        raise NotFound
    alert.refresh_from_db()
    return alert


@transaction.atomic
def remove(alert: AreaAlert) -> None:
    """Wait no longer. With her last area goes the memory of what she was told. Twice is no fault."""
    AreaAlert.objects.filter(pk=alert.pk).delete()
    if not AreaAlert.objects.filter(user=alert.user_id).exists():
        AreaNews.objects.filter(user=alert.user_id).delete()


def forget(user: User) -> None:
    """All of it goes with her account."""
    AreaAlert.objects.filter(user=user).delete()
    AreaNews.objects.filter(user=user).delete()


def arrive(charge_point: ChargePoint) -> None:
    """A charger has come to the map, or more people see it now: those who wait for it may have to hear."""
    MapArrival.objects.update_or_create(charge_point=charge_point, defaults={"at": timezone.now(), "told_at": None, "before": None})


@contextmanager
def reconsidered(charge_point: ChargePoint) -> Iterator[None]:
    """Around a change of what a charger offers, or to whom: those whom it did not suit before may have to hear of it now."""
    with transaction.atomic():
        before = Offer.of(charge_point) if charge_point.is_published else None
        yield
        if before is not None and Offer.of(charge_point) != before:
            _change(charge_point, before)


def _change(charge_point: ChargePoint, before: Offer) -> None:
    """What is to be told already is told as it is then; what it was at first counts."""
    said = {"at": timezone.now(), "told_at": None}
    waiting, is_new = MapArrival.objects.select_for_update().get_or_create(
        charge_point=charge_point, defaults={**said, "before": asdict(before)}
    )
    if not is_new:
        was = waiting.before if waiting.told_at is None else asdict(before)
        MapArrival.objects.filter(pk=waiting.pk).update(**said, before=was)


def tell(*, now: datetime) -> int:
    """Tell those who wait of the chargers that came to the map, each person once of each. How many were told."""
    due = list(MapArrival.objects.filter(told_at=None, at__lte=now - SETTLES_IN).order_by("at")[:AT_ONCE])
    told = 0
    for arrival in due:
        some = PEOPLE_AT_ONCE
        while some == PEOPLE_AT_ONCE:
            some = _tell(arrival, now)
            told += some
    return told


@transaction.atomic
def _tell(arrival: MapArrival, now: datetime) -> int:
    """Tell some of those who wait, and be done once there are no more.

    Whoever has the arrival's own row tells; who waited for it finds it told, or goes on where the other has left off. It counts
    as told in the transaction that tells, so whoever dies in between has told nobody.
    """
    mine = MapArrival.objects.filter(pk=arrival.pk, at=arrival.at, told_at=None)
    if not mine.update(at=arrival.at):
        return 0
    new = _to_be_told(arrival)
    if len(new) <= PEOPLE_AT_ONCE:
        mine.update(told_at=now)
    some = new[:PEOPLE_AT_ONCE]
    AreaNews.objects.bulk_create(AreaNews(user_id=alert.user_id, charge_point_id=arrival.pk, told_at=now) for alert, _place in some)
    heard = _heard_lately(some, now)
    for alert, charge_point in some:
        if heard.get(alert.user_id, 0) >= MOST_A_DAY:
            continue  # a whole car park, or somebody who wants to be read: it counts as told
        url = charge_point.get_absolute_url()
        more = {} if arrival.before is None else {"offers_more": True}
        notifications.notify(alert.user, Notification.Kind.AREA_CHARGER, url=url, place=charge_point.name, area=alert.name, **more)
    return len(some)


def _heard_lately(some: Sequence[tuple[AreaAlert, ChargePoint]], now: datetime) -> dict[int, int]:
    """How much each of these people heard today of this owner's other chargers."""
    if not some:
        return {}
    charge_point = some[0][1]
    people = [alert.user_id for alert, _charge_point in some]
    today = AreaNews.objects.filter(user__in=people, charge_point__owner=charge_point.owner_id, told_at__gt=now - A_DAY)
    rows = today.exclude(charge_point=charge_point).order_by().values_list("user").annotate(Count("pk"))
    return dict(rows)


def _to_be_told(arrival: MapArrival) -> list[tuple[AreaAlert, ChargePoint]]:
    """Who waits for this charger, may know of it and has not heard of it: each with the nearest of her areas."""
    charge_point = ChargePoint.objects.published().filter(pk=arrival.pk).first()
    if charge_point is None:  # gone again
        return []
    waiting = _waiting_for(charge_point, None if arrival.before is None else Offer(**arrival.before))
    told = set(AreaNews.objects.filter(charge_point=charge_point).values_list("user", flat=True)) if waiting else set()
    return [(alert, charge_point) for user_id, alert in sorted(waiting.items()) if user_id not in told]


def _waiting_for(charge_point: ChargePoint, before: Offer | None) -> dict[int, AreaAlert]:
    """By person, the nearest of her areas where such a charger is wanted, unless it was there before and would have done for her.

    Measured from the place that all are told.
    """
    place = float(charge_point.public_latitude), float(charge_point.public_longitude)
    near = []
    for alert in AreaAlert.objects.around(place).exclude(user=charge_point.owner_id).select_related("user"):
        distance_m = places.distance_m(*place, float(alert.latitude), float(alert.longitude))
        if distance_m <= alert.radius_km * 1000:
            near.append((distance_m, alert))
    if not near:
        return {}
    offer = Offer.of(charge_point, with_guests=any(alert.is_of_my_circles for _distance_m, alert in near))
    found: dict[int, AreaAlert] = {}
    for _distance_m, alert in sorted(near, key=lambda one: (one[0], one[1].pk)):
        if offer.suits(alert):
            found.setdefault(alert.user_id, alert)
    known = {alert.user_id for _distance_m, alert in near if before is not None and before.suits(alert)}
    return {user_id: alert for user_id, alert in found.items() if user_id not in known}


def guests_of(charge_point: ChargePoint) -> set[int]:
    """Who is let in there beyond everybody: invited ones, and those with a price of a circle of theirs."""
    invited = Invitation.objects.filter(charge_point=charge_point).values_list("user", flat=True)
    prices = CirclePrice.objects.filter(connector__charge_point=charge_point, circle__members__joined_at__isnull=False)
    return {*invited, *prices.values_list("circle__members__user", flat=True)}


def demand(points: Iterable[tuple[float, float]], *, but: User) -> list[Demand | None]:
    """How many people besides her wait around each of these places; None where fewer than three do.

    Counted from the middle of a cell of some ten kilometres, so that asking for many places finds nobody's street.
    """
    cells = [(_middle(latitude), _middle(longitude)) for latitude, longitude in points]
    if not cells:
        return []
    rows = AreaAlert.objects.around(*set(cells)).exclude(user=but).order_by()
    areas = list(rows.values_list("user", "latitude", "longitude", "radius_km"))
    of_cells: dict[tuple[float, float], Demand | None] = {}
    for cell in set(cells):
        of_cells[cell] = _coarse({user for user, *at, km in areas if places.distance_m(*cell, *map(float, at)) <= km * 1000})
    return [of_cells[cell] for cell in cells]


def _coarse(people: Collection[int]) -> Demand | None:
    count = len(people)
    if count < LEAST_DEMAND:
        return None
    return Demand(count, is_more=False) if count < COUNTED_TO else Demand(count // COUNTED_TO * COUNTED_TO, is_more=count % COUNTED_TO > 0)


def _middle(degrees: float) -> float:
    return (math.floor(degrees / CELL) + 0.5) * CELL


def _checked(area: Area) -> dict[str, object]:
    """The columns of an alert. What was said in degrees and kilometres is what the box is made of."""
    fields: dict[str, list[str]] = {}
    name = " ".join(area.name.replace("\0", " ").split())
    if not name:
        fields["name"] = [_("Give it a name.")]
    elif len(name) > LONGEST_NAME:
        fields["name"] = [_("Write at most %(most)s characters.") % {"most": LONGEST_NAME}]
    if not LEAST_KM <= area.radius_km <= MOST_KM:
        fields["radius_km"] = [_("A radius lies between %(least)d and %(most)d km.") % {"least": LEAST_KM, "most": MOST_KM}]
    if not set(area.connector_types) <= set(Connector.Type.values):
        fields["connector_types"] = [_("There is no such connector.")]
    latitude, longitude = places.rounded(area.latitude), places.rounded(area.longitude)
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        fields["latitude"] = [_("Choose a place first.")]
    if fields or latitude is None or longitude is None:
        raise Invalid(fields=fields)
    north = math.degrees(area.radius_km * 1000 / places.EARTH_RADIUS_M)
    east = min(180.0, north / max(math.cos(math.radians(abs(float(latitude)) + north)), 0.001))
    return {
        "name": name,
        "latitude": latitude,
        "longitude": longitude,
        "radius_km": area.radius_km,
        "connector_types": [kind for kind in Connector.Type.values if kind in area.connector_types],
        "min_power_w": area.min_power_w,
        "is_of_my_circles": area.is_of_my_circles,
        "south": float(latitude) - north,
        "north": float(latitude) + north,
        "west": float(longitude) - east,
        "east": float(longitude) + east,
    }
