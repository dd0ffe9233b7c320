"""How many charge points stand where, counted beforehand for views of the map from afar.

Counting a hundred thousand takes a database a quarter of a second, so it is done once a pass of the periodic jobs and kept
by cell and zoom. What comes, goes, moves or is hidden in between is added by the reader (`MapMove`): the numbers of places are
exact at any time, and nobody is counted who may not be seen. How many of them are free is as old as the last count.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, F, FloatField, IntegerField, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Floor

from stations.models import ChargePoint, MapCell, MapCount, MapMove

FINEST = 12
ROWS, COLUMNS = 18, 24
COUNTED_DIRECTLY = 1000  # so few are counted for each question anew
AT_ONCE = 2000
LEAST_MOVE = 1e-4  # degrees: a few metres


@dataclass(slots=True)
class Crowd:
    """Those in one cell that somebody may see."""

    count: int = 0
    free: int = 0
    latitude_sum: float = 0.0
    longitude_sum: float = 0.0

    def add(self, count: int, free: int, latitude_sum: float, longitude_sum: float) -> None:
        """Some more of them, or fewer."""
        self.count += count
        self.free += free
        self.latitude_sum += latitude_sum
        self.longitude_sum += longitude_sum


class Grid(NamedTuple):
    """The cells of one zoom: the world cut into 2 ** zoom rows and as many columns."""

    zoom: int

    @property
    def height(self) -> float:
        """Of a cell, in degrees."""
        return 180 / (1 << self.zoom)

    @property
    def width(self) -> float:
        """The same from west to east."""
        return 360 / (1 << self.zoom)

    def row(self, latitude: float) -> int:
        """In which row a place lies."""
        return min(int((latitude + 90) / self.height), (1 << self.zoom) - 1)

    def column(self, longitude: float) -> int:
        """In which column."""
        return min(int((longitude + 180) / self.width), (1 << self.zoom) - 1)


@dataclass(frozen=True)
class View:
    """A piece of the map in cells. Where its first column is greater than the last it crosses the date line."""

    grid: Grid
    south: float
    north: float
    west: float
    east: float
    rows: range = field(init=False)
    columns: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", range(self.grid.row(self.south), self.grid.row(self.north) + 1))
        object.__setattr__(self, "columns", (self.grid.column(self.west), self.grid.column(self.east)))

    @classmethod
    def of(cls, *, west: float, south: float, east: float, north: float) -> "View | None":
        """With as fine a grid as leaves a screen at most so many cells; None where none so fine is kept."""
        width = east - west if west <= east else east - west + 360
        zoom = 0
        while (north - south) * 2 ** (zoom + 1) <= 180 * (ROWS - 1) and width * 2 ** (zoom + 1) <= 360 * (COLUMNS - 1):
            zoom += 1
            if zoom > FINEST:
                return None
        return cls(Grid(zoom), south, north, west, east)

    def has_column(self, column: int) -> bool:
        """Whether a column is in it."""
        first, last = self.columns
        return first <= column <= last if first <= last else column >= first or column <= last

    def is_whole(self, row: int, column: int) -> bool:
        """Whether a cell lies in it altogether."""
        grid = self.grid
        south, west = row * grid.height - 90, column * grid.width - 180
        in_rows = south >= self.south and south + grid.height <= self.north
        if self.west <= self.east:
            return in_rows and west >= self.west and west + grid.width <= self.east
        return in_rows and (west >= self.west or west + grid.width <= self.east)


def crowds(view: View, accesses: Iterable[str]) -> dict[tuple[int, int], Crowd]:
    """Who stands in the cells of a view, by row and column, of these kinds of access; one query, of one moment."""
    first, last = view.columns
    columns = Q(column__range=(first, last)) if first <= last else Q(column__gte=first) | Q(column__lte=last)
    kept = MapCell.objects.filter(columns, zoom=view.grid.zoom, row__in=view.rows, access__in=list(accesses)).order_by()
    counted = kept.values_list("row", "column", "count", "free", "latitude_sum", "longitude_sum")
    moved = MapMove.objects.filter(access__in=list(accesses)).order_by()
    whole = {name: Value(-1, output_field=IntegerField()) for name in ("row", "column")}
    since = moved.annotate(**whole, free=Value(0)).values_list("row", "column", "count", "free", "latitude", "longitude")
    found: dict[tuple[int, int], Crowd] = {}
    for row, column, count, free, latitude, longitude in counted.union(since, all=True):
        if row >= 0:
            found.setdefault((row, column), Crowd()).add(count, free, latitude, longitude)
            continue
        place = (view.grid.row(latitude), view.grid.column(longitude))
        if place[0] in view.rows and view.has_column(place[1]):
            found.setdefault(place, Crowd()).add(count, 0, count * latitude, count * longitude)
    return {place: crowd for place, crowd in found.items() if crowd.count > 0}


@contextmanager
def recounted(charge_point: ChargePoint) -> Iterator[None]:
    """Around whatever may bring a charge point to the map, take it away or move it there: the numbers follow in the same transaction."""
    with transaction.atomic():
        before = _counted(charge_point.pk)
        yield
        after = _counted(charge_point.pk)
        if before != after:
            moves = ((before, -1), (after, 1))
            MapMove.objects.bulk_create(
                MapMove(latitude=place[0], longitude=place[1], access=place[2], count=count) for place, count in moves if place is not None
            )


def _counted(pk: int) -> tuple[float, float, str] | None:
    """Where and for whom a charge point is on the map, if it is; nobody changes that meanwhile."""
    one = ChargePoint.objects.select_for_update(of=("self",)).select_related("owner").get(pk=pk)
    if not one.is_published or one.is_retired or not one.owner.is_active:
        return None
    return float(one.public_latitude), float(one.public_longitude), one.access


def count_again(*, now: datetime, is_free: Q) -> int:
    """Count all of them; returns how many cells have changed. `is_free` says which are free, as the search has it.

    Looking takes no lock; what is written is only what differs. Whoever finds that somebody else has counted meanwhile
    leaves it at that.
    """
    count, _is_new = MapCount.objects.get_or_create(pk=1)
    published = ChargePoint.objects.published()
    if len(published.order_by().values_list("pk", flat=True)[: COUNTED_DIRECTLY + 1]) <= COUNTED_DIRECTLY:
        stored = MapCell.objects.all()
        return stored.delete()[0] + MapMove.objects.all().delete()[0] if stored.exists() or MapMove.objects.exists() else 0
    cells, moves = _look(published, is_free)
    known = {tuple(row[1:5]): row for row in MapCell.objects.order_by().values_list("pk", *_KEY, *_FIGURES)}
    names = (*_KEY, *_FIGURES)
    different = ((*key, *figures) for key, figures in cells.items() if not _is_same(known.get(key, ())[5:], figures))
    changed = [MapCell(**dict(zip(names, values, strict=True))) for values in different]
    gone = [row[0] for key, row in known.items() if key not in cells]
    with transaction.atomic():
        if not MapCount.objects.filter(pk=1, number=count.number).update(number=F("number") + 1, counted_at=now):
            return 0
        MapCell.objects.bulk_create(changed, AT_ONCE, update_conflicts=True, unique_fields=_KEY, update_fields=_FIGURES)
        for begin in range(0, len(gone), AT_ONCE):
            MapCell.objects.filter(pk__in=gone[begin : begin + AT_ONCE]).delete()
        for begin in range(0, len(moves), AT_ONCE):
            MapMove.objects.filter(pk__in=moves[begin : begin + AT_ONCE]).delete()
    return len(changed) + len(gone)


def _is_same(known: tuple[Any, ...], figures: tuple[Any, ...]) -> bool:
    """Whether nothing has changed but the order in which a database happened to add."""
    if not known or known[:2] != figures[:2]:
        return False
    return all(abs(one - other) < LEAST_MOVE for one, other in zip(known[2:], figures[2:], strict=True))


_KEY = ["zoom", "row", "column", "access"]
_FIGURES = ["count", "free", "latitude_sum", "longitude_sum"]
_Cells = dict[tuple[Any, ...], tuple[Any, ...]]


def _look(published: QuerySet[ChargePoint], is_free: Q) -> tuple[_Cells, list[int]]:
    """Every cell of every zoom, and the changes that are in it: one statement, so that both are of one moment."""
    grid = Grid(FINEST)
    latitude, longitude = Cast(F("public_latitude"), FloatField()), Cast(F("public_longitude"), FloatField())
    counted = (
        published.order_by()
        .annotate(
            row=Floor((latitude + Value(90.0)) / Value(grid.height)),
            column=Floor((longitude + Value(180.0)) / Value(grid.width)),
            is_free_now=is_free,
        )
        .values("row", "column", "access")
        .annotate(
            count=Count("pk"),
            free=Count("pk", filter=Q(is_free_now=True)),
            latitude_sum=Sum(latitude),
            longitude_sum=Sum(longitude),
        )
        .values_list("row", "column", "access", "count", "free", "latitude_sum", "longitude_sum")
    )
    no_place = {name: Value(-1.0, output_field=FloatField()) for name in ("row", "column")}
    nothing = {name: Value(0.0, output_field=FloatField()) for name in ("latitude_sum", "longitude_sum")}
    moved = (
        MapMove.objects.order_by()
        .annotate(**no_place, **nothing, free=Value(0))
        .values_list("row", "column", "access", "pk", "free", "latitude_sum", "longitude_sum")
    )
    moves: list[int] = []
    level: dict[tuple[int, int, str], tuple[int, int, float, float]] = {}
    for row, column, access, count, *rest in counted.union(moved, all=True):
        if row < 0:
            moves.append(count)
        else:
            level[min(int(row), (1 << FINEST) - 1), min(int(column), (1 << FINEST) - 1), access] = (count, *rest)
    return _rolled_up(level), moves


def _rolled_up(level: dict[tuple[int, int, str], tuple[int, int, float, float]]) -> _Cells:
    """The same for every coarser zoom: four cells make one."""
    cells: _Cells = {}
    for zoom in range(FINEST, -1, -1):
        coarser: dict[tuple[int, int, str], tuple[int, int, float, float]] = {}
        for (row, column, access), (count, free, latitude, longitude) in level.items():
            cells[zoom, row, column, access] = (count, free, round(latitude, 5), round(longitude, 5))
            key = (row // 2, column // 2, access)
            of = coarser.get(key, (0, 0, 0.0, 0.0))
            coarser[key] = (of[0] + count, of[1] + free, of[2] + latitude, of[3] + longitude)
        level = coarser
    return cells


def age_s(now: datetime) -> float | None:
    """How old the count is; None where nothing is counted beforehand."""
    counted_at = MapCount.objects.filter(pk=1).values_list("counted_at", flat=True).first()
    return (now - counted_at).total_seconds() if counted_at is not None else None
