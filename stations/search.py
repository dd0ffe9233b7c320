"""Which charge points match here: on the map, in a list by distance, in clusters of a wide view."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import (
    Avg,
    Case,
    Count,
    Exists,
    Expression,
    F,
    FloatField,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Value,
    When,
    prefetch_related_objects,
)
from django.db.models.functions import ASin, Cast, Cos, Floor, Least, Power, Radians, Round, Sin, Sqrt
from django.utils import timezone

from accounts.models import User
from stations import booking_rules, circles, map_cells, places, reviews, site_facts, slots
from stations.models import BookingRules, ChargePoint, Connector, Favourite
from stations.models.charge_point import guest_of, has_socket, own_or_guest
from stations.spots import Spot
from stations.spots import read as read_spots

MOST = 500
ROWS, COLUMNS = 18, 24
_UNUSABLE = ("Faulted", "Unavailable")
_ASKED_FIRST = BookingRules.objects.filter(charge_point=OuterRef("pk")).exclude(approval=BookingRules.Approval.AT_ONCE)


@dataclass(frozen=True)
class Wanted:
    """What a driver looks for. Type, power, price and being free, now or in her slot, must hold for one and the same outlet."""

    connector_types: tuple[str, ...] = ()
    car_types: tuple[str, ...] | None = None
    min_power_w: int | None = None
    available: bool = False
    max_price_per_kwh: Decimal | None = None
    text: str = ""
    free_from: datetime | None = None
    free_to: datetime | None = None
    favourites: bool = False
    my_circles: bool = False
    instant_book: bool = False
    min_rating: Decimal | None = None
    facts: tuple[str, ...] = ()
    height_cm: int | None = None


@dataclass(frozen=True)
class Box:
    """A piece of the map in degrees. Where west is greater than east it crosses the date line."""

    west: float
    south: float
    east: float
    north: float

    @property
    def width(self) -> float:
        """From west to east, in degrees."""
        return self.east - self.west if self.west <= self.east else self.east - self.west + 360


@dataclass(frozen=True)
class Cluster:
    """Many charge points near one spot."""

    latitude: float
    longitude: float
    count: int
    free: int


def in_box(viewer: object, box: Box, wanted: Wanted, *, limit: int = MOST) -> list[ChargePoint] | None:
    """The published charge points in a box, offline ones too, with their outlets and prices; None where there are more than `limit`."""
    found = list(_matching(viewer, wanted).filter(_inside(box)).order_by()[: limit + 1])  # in no order: the first that are met will do
    if len(found) > limit:
        return None
    found.sort(key=lambda one: one.pk)
    prefetch_related_objects(found, _outlets(), "reliability")
    show_prices(found, viewer)
    return found


def spots(viewer: object, box: Box, wanted: Wanted, *, limit: int = MOST) -> list[Spot] | None:
    """The same as plain values, for a map that draws them all; None where there are more than `limit`."""
    return read_spots(_matching(viewer, wanted).filter(_inside(box)), viewer, limit=limit)


def show_prices(found: Iterable[ChargePoint], viewer: object) -> None:
    """Let their connectors show what this viewer would pay: one query for all of them."""
    circles.look_up((connector for charge_point in found for connector in charge_point.connectors.all()), viewer)


def near(viewer: object, latitude: float, longitude: float, wanted: Wanted) -> QuerySet[ChargePoint]:
    """The same everywhere, nearest first; each says its `distance_m`, counted from its public place.

    Whoever takes a page of it lets `show_prices` look at that page.
    """
    north = Radians(_as_float("public_latitude") - Value(latitude)) / 2.0
    east = Radians(_as_float("public_longitude") - Value(longitude)) / 2.0
    shrink = Cos(Radians(_as_float("public_latitude"))) * Value(math.cos(math.radians(latitude)))
    half = Power(Sin(north), 2.0) + shrink * Power(Sin(east), 2.0)
    distance = Value(2 * places.EARTH_RADIUS_M) * ASin(Least(Value(1.0), Sqrt(half)))
    by_distance = _matching(viewer, wanted).annotate(distance_m=Cast(Round(distance), IntegerField()))
    nearest_first = by_distance.order_by("distance_m", "pk").select_related("site_facts")
    return nearest_first.prefetch_related(_outlets(), "reliability")


def crowds(viewer: object, box: Box, wanted: Wanted) -> list[Cluster] | None:
    """The clusters of a view from afar as they were counted beforehand; None where it is not known to hold many of them.

    Filters are for `clusters` to count. A cell that the edge of the view cuts is counted whole.
    """
    view = map_cells.View.of(west=box.west, south=box.south, east=box.east, north=box.north)
    if wanted != Wanted() or view is None:
        return None
    cells = map_cells.crowds(view, _accesses(viewer))
    if sum(crowd.count for place, crowd in cells.items() if view.is_whole(*place)) <= map_cells.COUNTED_DIRECTLY:
        return None
    for latitude, longitude, is_free in _let_in(viewer, box):
        place = (view.grid.row(latitude), view.grid.column(longitude))
        cells.setdefault(place, map_cells.Crowd()).add(1, int(is_free), latitude, longitude)
    most_first = sorted(cells.items(), key=lambda cell: (-cell[1].count, cell[0]))
    return [
        Cluster(crowd.latitude_sum / crowd.count, crowd.longitude_sum / crowd.count, crowd.count, max(0, min(crowd.free, crowd.count)))
        for _place, crowd in most_first[:MOST]
    ]


def count_map(*, now: datetime) -> int:
    """Count beforehand what stands where on the whole map."""
    return map_cells.count_again(now=now, is_free=_is_free(Connector.objects.all()))


def count(viewer: object, box: Box, wanted: Wanted) -> int:
    """How many match in a box; more than a map shows one by one are not counted on."""
    return _matching(viewer, wanted).filter(_inside(box)).order_by()[: MOST + 1].count()


def clusters(viewer: object, box: Box, wanted: Wanted) -> list[Cluster]:
    """How many charge points stand where, in at most 500 cells. The cells do not move with the box, so panning moves no cluster."""
    height = _cell(box.north - box.south, ROWS, 180.0)
    width = _cell(box.width, COLUMNS, 360.0)
    longitude: Expression = _as_float("public_longitude")
    if box.west > box.east:
        longitude = Case(When(public_longitude__lt=box.west, then=longitude + Value(360.0)), default=longitude, output_field=FloatField())
    cells = (
        _matching(viewer, wanted)
        .filter(_inside(box))
        .annotate(
            row=Floor((_as_float("public_latitude") + Value(90.0)) / Value(height)),
            column=Floor((longitude + Value(180.0)) / Value(width)),
            is_free_now=_is_free(Connector.objects.all()),
        )
        .values("row", "column")
        .annotate(
            latitude_mean=Avg(_as_float("public_latitude")),
            longitude_mean=Avg(longitude),
            count=Count("pk"),
            free=Count("pk", filter=Q(is_free_now=True)),
        )
        .order_by("-count", "row", "column")
        .values_list("latitude_mean", "longitude_mean", "count", "free")
    )
    return [Cluster(lat, (lon + 180) % 360 - 180, count, free) for lat, lon, count, free in cells[:MOST]]


def _matching(viewer: object, wanted: Wanted) -> QuerySet[ChargePoint]:
    found = ChargePoint.objects.filter(_seen_by(viewer), is_published=True, retired_at=None, owner__is_active=True)
    for word in places.plain(wanted.text).split():
        found = found.filter(search_text__contains=word)
    found = found.filter(_with_a_heart(viewer) if wanted.favourites else Q())
    if wanted.my_circles:
        found = found.filter(pk__in=own_or_guest(viewer)) if isinstance(viewer, User) else found.none()
    if wanted.instant_book:
        found = found.exclude(Exists(_ASKED_FIRST))
    if wanted.min_rating is not None:
        found = found.filter(reviews.are_from(wanted.min_rating))
    found = found.filter(site_facts.told_as(wanted.facts, wanted.height_cm))
    outlets = _outlets_wanted(viewer, wanted)
    if wanted.available:
        return found.filter(_is_free(outlets))
    of_outlet = (wanted.free_from, wanted.car_types, wanted.connector_types or None, wanted.min_power_w, wanted.max_price_per_kwh)
    if any(one is not None for one in of_outlet):
        return found.filter(Exists(outlets.filter(charge_point=OuterRef("pk"))))
    return found


def _with_a_heart(viewer: object) -> Q:
    """Those she gave one; nobody gave none."""
    hearts = Favourite.objects.filter(user=viewer) if isinstance(viewer, User) else Favourite.objects.none()
    return Q(pk__in=hearts.order_by().values("charge_point"))


def _outlets_wanted(viewer: object, wanted: Wanted) -> QuerySet[Connector]:
    outlets = Connector.objects.all()
    if wanted.connector_types:
        outlets = outlets.filter(type__in=wanted.connector_types)
    if wanted.car_types is not None:
        outlets = outlets.filter(type__in=wanted.car_types)
    if wanted.min_power_w is not None:
        outlets = outlets.filter(max_power_w__gte=wanted.min_power_w)
    if wanted.max_price_per_kwh is not None:
        outlets = outlets.alias(price=circles.price_per_kwh_for(viewer)).filter(price__lte=wanted.max_price_per_kwh)
    if wanted.free_from is not None and wanted.free_to is not None:
        booked = slots.taken(wanted.free_from, wanted.free_to, now=timezone.now())
        outlets = outlets.exclude(Exists(booked.filter(connector=OuterRef("pk"))))
        paused = booking_rules.paused(wanted.free_from, wanted.free_to, viewer, timezone.now())
        outlets = outlets.exclude(Exists(paused.filter(connector=OuterRef("pk"))))
        outlets = booking_rules.bookable(outlets, wanted.free_from, wanted.free_to, viewer=viewer, now=timezone.now())
    return outlets


def _accesses(viewer: object) -> list[str]:
    """Of which kinds of access somebody sees all there are."""
    if not isinstance(viewer, User):
        return [ChargePoint.Access.PUBLIC]
    return ChargePoint.Access.values if viewer.is_staff else [ChargePoint.Access.PUBLIC, ChargePoint.Access.MEMBERS]


def _let_in(viewer: object, box: Box) -> list[tuple[float, float, bool]]:
    """The private ones this person sees all the same, a few as a rule: her own and where she is a guest."""
    if not isinstance(viewer, User) or viewer.is_staff:
        return []
    private = ChargePoint.objects.published().filter(access=ChargePoint.Access.PRIVATE, pk__in=own_or_guest(viewer))
    rows = private.filter(_inside(box)).annotate(is_free_now=_is_free(Connector.objects.all())).order_by()
    places = rows.values_list("public_latitude", "public_longitude", "is_free_now")
    return [(float(latitude), float(longitude), is_free) for latitude, longitude, is_free in places]


def _seen_by(viewer: object) -> Q:
    if not isinstance(viewer, User):
        return Q(access=ChargePoint.Access.PUBLIC)
    if viewer.is_staff:
        return Q()
    return ~Q(access=ChargePoint.Access.PRIVATE) | Q(owner=viewer) | guest_of(viewer)


def _is_free(outlets: QuerySet[Connector]) -> Q:
    """The same as the word `free` of `ChargePoint.state`, asked of the database."""
    now = timezone.now()
    box = has_socket() & Q(is_paused=False, is_closed=False) & ~Q(status__in=_UNUSABLE)
    free = outlets.filter(charge_point=OuterRef("pk"), status="Available").filter(Q(has_session=False)).exclude(kept_until__gt=now)
    return box & Q(Exists(free))


def _inside(box: Box) -> Q:
    latitudes = Q(public_latitude__gte=_edge(box.south), public_latitude__lte=_edge(box.north))
    from_west, to_east = Q(public_longitude__gte=_edge(box.west)), Q(public_longitude__lte=_edge(box.east))
    return latitudes & (from_west & to_east if box.west <= box.east else from_west | to_east)


def _edge(degrees: float) -> Decimal:
    return Decimal(degrees).quantize(Decimal("0.000001"))


def _outlets() -> Prefetch[str]:
    return Prefetch("connectors", Connector.objects.select_related("tariff__current__tariff").order_by("number"))


def _as_float(name: str) -> Cast:
    return Cast(F(name), FloatField())


def _cell(extent: float, parts: int, whole: float) -> float:
    """The side of a cell: the whole halved as often as leaves at most so many of them in the extent, one more for the edges."""
    side = whole
    while extent / (side / 2) <= parts - 1 and side > 1e-5:
        side /= 2
    return side
