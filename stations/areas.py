"""Areas where people wait for a charger: who hears when one comes, and how many wait, without saying who."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    MapArrival.objects.update_or_create(charge_point=charge_point, defaults={"at": timezone.now(), "told_at": None})


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
    new = _to_be_told(arrival.pk)
    if len(new) <= PEOPLE_AT_ONCE:
        mine.update(told_at=now)
    some = new[:PEOPLE_AT_ONCE]
    AreaNews.objects.bulk_create(AreaNews(user_id=alert.user_id, charge_point_id=arrival.pk, told_at=now) for alert, _place in some)
    heard = _heard_lately(some, now)
    for alert, charge_point in some:
        if heard.get(alert.user_id, 0) >= MOST_A_DAY:
            continue  # a whole car park, or somebody who wants to be read: it counts as told
        url = charge_point.get_absolute_url()
        notifications.notify(alert.user, Notification.Kind.AREA_CHARGER, url=url, place=charge_point.name, area=alert.name)
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


def _to_be_told(pk: int) -> list[tuple[AreaAlert, ChargePoint]]:
    """Who waits for this charger, may know of it and has not heard of it: each with the nearest of her areas."""
    charge_point = ChargePoint.objects.published().filter(pk=pk).prefetch_related("connectors").first()
    if charge_point is None:  # gone again
        return []
    waiting = _waiting_for(charge_point)
    told = set(AreaNews.objects.filter(charge_point=pk).values_list("user", flat=True)) if waiting else set()
    return [(alert, charge_point) for user_id, alert in sorted(waiting.items()) if user_id not in told]


def _waiting_for(charge_point: ChargePoint) -> dict[int, AreaAlert]:
    """By person, the nearest of her areas where such a charger is wanted. Measured from the place that all are told."""
    place = float(charge_point.public_latitude), float(charge_point.public_longitude)
    outlets = list(charge_point.connectors.all())
    near = []
    for alert in AreaAlert.objects.around(place).exclude(user=charge_point.owner_id).select_related("user"):
        distance_m = places.distance_m(*place, float(alert.latitude), float(alert.longitude))
        if distance_m <= alert.radius_km * 1000 and any(_fits(outlet, alert) for outlet in outlets):
            near.append((distance_m, alert))
    is_private = charge_point.access == ChargePoint.Access.PRIVATE
    guests = guests_of(charge_point) if is_private or any(alert.is_of_my_circles for _distance_m, alert in near) else set()
    found: dict[int, AreaAlert] = {}
    for _distance_m, alert in sorted(near, key=lambda one: (one[0], one[1].pk)):
        if alert.user_id in guests or not (is_private or alert.is_of_my_circles):
            found.setdefault(alert.user_id, alert)
    return found


def guests_of(charge_point: ChargePoint) -> set[int]:
    """Who is let in there beyond everybody: invited ones, and those with a price of a circle of theirs."""
    invited = Invitation.objects.filter(charge_point=charge_point).values_list("user", flat=True)
    prices = CirclePrice.objects.filter(connector__charge_point=charge_point, circle__members__joined_at__isnull=False)
    return {*invited, *prices.values_list("circle__members__user", flat=True)}


def _fits(outlet: Connector, alert: AreaAlert) -> bool:
    if alert.connector_types and outlet.type not in alert.connector_types:
        return False
    return alert.min_power_w is None or (outlet.max_power_w or 0) >= alert.min_power_w


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
