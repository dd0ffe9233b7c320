"""Which filter to drop when nothing fits: an empty list says so, with how many there would be without it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MOST = 3
Wish = TypeVar("Wish", bound="DataclassInstance")


@dataclass(frozen=True)
class Filter:
    """One filter of the map: its names in the address, and the wish without it."""

    label: str | Promise
    without: dict[str, Any]
    names: tuple[str, ...]


@dataclass(frozen=True)
class WayOut:
    """A filter without which something would be found."""

    label: str | Promise
    names: str
    """As the script of the page reads them."""
    query: str
    count: int


FILTERS = (
    Filter(_("Free now"), {"is_free_now": False}, ("available",)),
    Filter(_("Free in my time"), {"free_from": None, "free_to": None}, ("free_from", "free_to")),
    Filter(_("Connector"), {"types": ()}, ("connector_type",)),
    Filter(_("Fits my car"), {"fits_car": False}, ("fits_car",)),
    Filter(_("Power from"), {"min_power_w": None}, ("min_power_w",)),
    Filter(_("Price up to"), {"max_price": None}, ("max_price_per_kwh",)),
    Filter(_("Booked at once"), {"is_booked_at_once": False}, ("instant_book",)),
    Filter(_("Stars from"), {"min_rating": None}, ("min_rating",)),
    Filter(pgettext_lazy("filter", "The place"), {"facts": ()}, ("facts",)),
    Filter(_("Height of my car"), {"height_cm": None}, ("height_cm",)),
    Filter(_("My circles"), {"is_of_my_circles": False}, ("my_circles",)),
    Filter(_("Favourites"), {"is_favourite": False}, ("favourites",)),
    Filter(pgettext_lazy("filter", "Name or town"), {"text": ""}, ("q",)),
)


def active(wish: "DataclassInstance") -> list[str]:
    """The filters that are on, by their first names in the address."""
    return [one.names[0] for one in FILTERS if _is_on(one, wish)]


def ways_out(wish: Wish, query: QueryDict, count: Callable[[Wish], int]) -> list[WayOut]:
    """The filters without which most would be found, the best first; none where no single one is to blame."""
    found = []
    for one in FILTERS:
        if not _is_on(one, wish):
            continue
        matching = count(replace(wish, **one.without))
        if matching:
            left = query.copy()
            for name in (*one.names, "part"):
                left.pop(name, None)
            found.append(WayOut(one.label, " ".join(one.names), left.urlencode(), matching))
    return sorted(found, key=lambda way: -way.count)[:MOST]


def _is_on(one: Filter, wish: "DataclassInstance") -> bool:
    return any(getattr(wish, name) != value for name, value in one.without.items())
