"""The map: the first page, and the list that is its twin."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import get_language, gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie

from accounts import offline
from accounts.models import Vehicle
from billing import money
from billing.pricing import Prices
from stations import estimates, filter_profiles, gazetteer, geocoder, places, reliability, reviews, search, site_facts
from stations.estimates import Estimate, Need
from stations.gazetteer import Town
from stations.geocoder import Address
from stations.models import ChargePoint, Connector, FilterProfile, Reliability, State
from stations.views import estimating, loosening, typed
from stations.views.estimating import Asked

ON_ONE_LIST = 60
AMOUNTS_WH = (10_000, 20_000, 30_000, 40_000, 60_000)
POWERS_W = (3_700, 7_400, 11_000, 22_000, 50_000)
WORLD = search.Box(west=-180.0, south=-90.0, east=180.0, north=90.0)
YES = ("1", "true", "on", "True")
SORTINGS = {"near": _("the nearest"), "price": _("the cheapest"), "power": _("the strongest"), "reliable": _("the most reliable")}
PLURALS = (("one", 1), ("few", 2), ("other", 5))  # by the names the browser has for them, with a number of each


@dataclass(frozen=True)
class Wish:
    """What the form above the map asks for. What cannot be read is left out, and `refusal` says so in one sentence."""

    text: str = ""
    types: tuple[str, ...] = ()
    min_power_w: int | None = None
    is_free_now: bool = False
    is_favourite: bool = False
    is_of_my_circles: bool = False
    fits_car: bool = False
    is_booked_at_once: bool = False
    min_rating: Decimal | None = None
    facts: tuple[str, ...] = ()
    height_cm: int | None = None
    max_price: Decimal | None = None
    free_from: datetime | None = None
    free_to: datetime | None = None
    asked: Asked = field(default_factory=lambda: Asked(Need()))
    sorting: str = "near"
    box: search.Box | None = None
    centre: tuple[float, float] | None = None
    selected: str = ""
    refusal: str = ""

    @classmethod
    def read(cls, request: HttpRequest, query: QueryDict | None = None, cars: list[Vehicle] | None = None) -> "Wish":
        """The same names as in the API, so that an address of the page explains itself. `query` stands in for the address."""
        query = request.GET if query is None else query
        types = {word.strip().upper() for words in query.getlist("connector_type") for word in words.split(",")}
        box = typed.numbers(query.get("bbox", ""), 4)
        centre = typed.numbers(query.get("near", ""), 2)
        free_from, free_to = typed.slot(query.get("free_from", ""), query.get("free_to", ""))
        facts = {word.strip().lower() for words in query.getlist("facts") for word in words.split(",")}
        asked = estimating.read(request, query, cars)
        wish = cls(
            text=query.get("q", "").strip()[:100],
            types=tuple(kind for kind in Connector.Type.values if kind in types),
            min_power_w=max((typed.whole(said) or 0 for said in query.getlist("min_power_w")), default=0) or None,
            is_free_now=query.get("available", "") in YES,
            is_favourite=request.user.is_authenticated and query.get("favourites", "") in YES,
            is_of_my_circles=request.user.is_authenticated and query.get("my_circles", "") in YES,
            fits_car=asked.need.vehicle is not None and query.get("fits_car", "") in YES,
            is_booked_at_once=query.get("instant_book", "") in YES,
            min_rating=typed.price(query.get("min_rating", ""), least=1, most=5),
            facts=tuple(word for word in site_facts.COLUMNS if word in facts),
            height_cm=typed.height_cm(query.get("height_cm")),
            max_price=typed.price(query.get("max_price_per_kwh", "")),
            free_from=free_from,
            free_to=free_to,
            asked=asked,
            sorting=query.get("sort", "") if query.get("sort") in SORTINGS else cls.sorting,
            box=search.Box(*box) if box and box[1] <= box[3] else None,
            centre=(centre[0], centre[1]) if centre else None,
            selected=query.get("selected", "")[:20],
        )
        return replace(wish, refusal=asked.refusal or _refusal(query, wish))

    @property
    def wanted(self) -> search.Wanted:
        """The filters alone."""
        return search.Wanted(
            connector_types=self.types,
            min_power_w=self.min_power_w,
            available=self.is_free_now,
            max_price_per_kwh=self.max_price,
            text=self.text,
            free_from=self.free_from,
            free_to=self.free_to,
            favourites=self.is_favourite,
            my_circles=self.is_of_my_circles,
            instant_book=self.is_booked_at_once,
            min_rating=self.min_rating,
            facts=self.facts,
            height_cm=self.height_cm,
            car_types=estimates.usable_types(self.need.vehicle) if self.fits_car and self.need.vehicle else None,
        )

    @property
    def need(self) -> Need:
        """What the totals are for."""
        return self.asked.need

    @property
    def filter_count(self) -> int:
        """How many filters are on; the text is seen anyway."""
        return len([name for name in loosening.active(self) if name != "q"])

    @property
    def where(self) -> tuple[float, float] | None:
        """What is near counts from the visitor, else from the middle of what she looks at."""
        if self.centre or self.box is None:
            return self.centre
        return (self.box.south + self.box.north) / 2, (self.box.west + self.box.east) / 2


@dataclass(frozen=True)
class Place:
    """One row of the list."""

    charge_point: ChargePoint
    wish: Wish
    connectors: Sequence[Connector] = field(default_factory=tuple)

    @cached_property
    def connector(self) -> Connector | None:
        """The outlet the row speaks of: a free one of the wanted kind before the others, then the cheapest."""
        fitting = [one for one in self.connectors if not self.wish.types or one.type in self.wish.types] or list(self.connectors)
        order = list(State)
        return min(fitting, key=lambda one: (not self._fits(one), order.index(one.state), self._price(one)), default=None)

    @property
    def state(self) -> State:
        """The place's one word."""
        return self.charge_point.state

    @cached_property
    def prices(self) -> Prices | None:
        """What a session started now would cost."""
        return estimates.prices_of(self.connector)

    @cached_property
    def estimate(self) -> Estimate | None:
        """What the visitor's wish comes to at the outlet."""
        return estimates.of(self.connector, self.wish.need, prices=self.prices) if self.connector is not None else None

    @property
    def total_minor(self) -> int | None:
        """The whole price of what the visitor wants, time and start included."""
        return self.estimate.total_minor if self.estimate else None

    @property
    def distance_m(self) -> float | None:
        """From the visitor to the public place; nothing while we do not know where she is."""
        return self.nearness_m if self.wish.centre else None

    @cached_property
    def nearness_m(self) -> float:
        """What the list is sorted by."""
        if self.wish.where is None:
            return 0.0
        point = self.charge_point
        return places.distance_m(*self.wish.where, float(point.public_latitude), float(point.public_longitude))

    @property
    def rating(self) -> reviews.Rating | None:
        """What visitors thought of it."""
        return reviews.rating_of(self.charge_point)

    @property
    def reliability(self) -> Reliability | None:
        """How far one may count on it."""
        return reliability.of(self.charge_point)

    @property
    def score(self) -> int:
        """The same for sorting: of whom nothing is known comes last."""
        score = self.reliability.score if self.reliability else None
        return -1 if score is None else score

    @property
    def town(self) -> str:
        """The part of the address that may be told."""
        return places.town(self.charge_point.address)

    @property
    def seen_at(self) -> datetime | None:
        """How fresh the state is: the last sign of life. Older ones are offline, and the silence of a home is nobody's business."""
        return None if self.state == State.OFFLINE else self.charge_point.last_seen_at

    def _fits(self, connector: Connector) -> bool:
        car = self.wish.need.vehicle
        return car is None or estimates.fits_car(car, connector.type)

    @staticmethod
    def _price(connector: Connector) -> Decimal:
        prices = estimates.prices_of(connector)
        return prices.price_per_kwh if prices else Decimal("Infinity")


@require_safe
@vary_on_cookie
def map(request: HttpRequest) -> HttpResponse:  # noqa: A001 - the page's name
    """Chargers near a place. With `part=list` only the list, which the page's script puts in place as the map moves."""
    profiles = [] if request.GET.get("part") == "list" else filter_profiles.of(request.user)
    query = _query(request, profiles)
    wish = Wish.read(request, query)
    found, is_crowded = _found(request, wish)
    reviews.look_up(place.charge_point for place in found[:ON_ONE_LIST])
    context = {
        "wish": wish,
        "places": found[:ON_ONE_LIST],
        "count": len(found),
        "more": max(0, len(found) - ON_ONE_LIST),
        "is_crowded": is_crowded,
        "towns": _towns(wish, query),
        "ways_out": [] if found or is_crowded else loosening.ways_out(wish, query, lambda wider: _count(request, wider)),
        "geocoder_attribution": settings.GEOCODER_ATTRIBUTION if settings.GEOCODER_URL else "",
        "area_address": _kept(query, ("bbox", "near", "connector_type", "min_power_w", "my_circles")),
    }
    if request.GET.get("part") == "list":
        return offline.keep(estimating.remember(render(request, "stations/_map_list.html", context), wish.asked))
    page = render(
        request,
        "stations/map.html",
        {
            **context,
            "profiles": [(profile, profile.filters == filter_profiles.read(query.lists())) for profile in profiles],
            "opens_filtered": any(profile.is_default for profile in profiles),
            "sortings": SORTINGS,
            "fact_words": site_facts.WORDS,
            "types": Connector.Type.choices,
            "powers_w": POWERS_W,
            "amounts_wh": AMOUNTS_WH,
            "map_config": map_config(),
        },
    )
    return offline.keep(estimating.remember(page, wish.asked))


def _query(request: HttpRequest, profiles: Sequence[FilterProfile]) -> QueryDict:
    """The address; where it says nothing at all, the filters that somebody wants on whenever she opens the map."""
    usual = next((profile for profile in profiles if profile.is_default), None)
    return QueryDict(usual.query) if usual is not None and not request.GET else request.GET


def _kept(query: QueryDict, names: Sequence[str]) -> str:
    """Of the address what another page can use."""
    kept = QueryDict(mutable=True)
    for name in names:
        kept.setlist(name, [said for said in query.getlist(name) if said])
    return kept.urlencode()


def _found(request: HttpRequest, wish: Wish) -> tuple[list[Place], bool]:
    """What matches, in the wished order; and whether it is more than a list can hold."""
    charge_points = search.in_box(request.user, _where(wish), wish.wanted)
    if charge_points is None:
        return [], True
    rows = [Place(one, wish, tuple(one.connectors.all())) for one in charge_points]
    keys = {
        "near": lambda place: (place.nearness_m, place.charge_point.name),
        "price": lambda place: (place.total_minor if place.total_minor is not None else math.inf, place.charge_point.name),
        "reliable": lambda place: (-place.score, place.nearness_m, place.charge_point.name),
        "power": lambda place: (-((place.connector and place.connector.max_power_w) or 0), place.charge_point.name),
    }
    return sorted(rows, key=keys[wish.sorting]), False


def _count(request: HttpRequest, wish: Wish) -> int:
    """How many there would be."""
    return search.count(request.user, _where(wish), wish.wanted)


def _towns(wish: Wish, query: QueryDict) -> list[tuple[Town | Address, str]]:
    """The places a text may mean, each with the address of the same map around it. Addresses only of what was sent off to be searched."""
    found: list[tuple[Town | Address, str]] = []
    is_sent = query.get("search", "") in YES
    addresses = geocoder.find(wish.text, get_language() or settings.LANGUAGE_CODE) if is_sent else []
    places_meant: list[Town | Address] = [*gazetteer.find(wish.text), *addresses]
    for place in places_meant:
        around = query.copy()
        for name in ("q", "part", "bbox", "selected", "search"):
            around.pop(name, None)
        around["near"] = f"{place.latitude},{place.longitude}"
        found.append((place, around.urlencode()))
    return found


def _refusal(query: QueryDict, wish: Wish) -> str:
    """What in the address is no filter, in one sentence."""
    kinds = {word.strip().upper() for words in query.getlist("connector_type") for word in words.split(",") if word.strip()}
    facts = {word.strip().lower() for words in query.getlist("facts") for word in words.split(",") if word.strip()}
    powers = [said for said in query.getlist("min_power_w") if said.strip() and typed.whole(said) is None]
    slot = " – ".join(filter(None, (query.get("free_from", "").strip(), query.get("free_to", "").strip())))
    unread = (
        (_("Connector"), min(kinds - set(Connector.Type.values), default="")),
        (_("Power from"), min(powers, default="")),
        (_("Price up to"), query.get("max_price_per_kwh", "").strip() if wish.max_price is None else ""),
        (_("Stars from"), query.get("min_rating", "").strip() if wish.min_rating is None else ""),
        (pgettext("filter", "The place"), min(facts - set(site_facts.COLUMNS), default="")),
        (_("Height of my car"), query.get("height_cm", "").strip() if wish.height_cm is None else ""),
        (_("Free in my time"), slot if wish.free_from is None else ""),
        (_("Place"), query.get("near", "").strip() if wish.centre is None else ""),
        (_("Map"), query.get("bbox", "").strip() if wish.box is None else ""),
    )
    for name, said in unread:
        if said:
            return gettext("“%(said)s” is not a usable value of “%(name)s”, so it is left out.") % {"said": said[:60], "name": name}
    return ""


def _where(wish: Wish) -> search.Box:
    """A name and favourites are looked for everywhere; without them, what the map shows."""
    return WORLD if wish.text or wish.is_favourite or wish.box is None else wish.box


def map_config() -> dict[str, Any]:
    """What the script must know, from the settings of django-leaflet."""
    leaflet: dict[str, Any] = settings.LEAFLET_CONFIG
    tiles = [{"name": str(name), "url": url, "attribution": options.get("attribution", "")} for name, url, options in leaflet["TILES"]]
    return {
        "centre": leaflet["DEFAULT_CENTER"],
        "zoom": leaflet["DEFAULT_ZOOM"],
        "minZoom": leaflet["MIN_ZOOM"],
        "maxZoom": leaflet["MAX_ZOOM"],
        "tiles": tiles,
        "worldUrl": static("map/world.json"),
        "townUrl": static("map/opava.json"),
        "currencies": money.SYMBOLS,
        "words": {
            "places": {form: ngettext("{count} place", "{count} places", number) for form, number in PLURALS},
            "free": {form: ngettext("{count} free", "{count} free", number) for form, number in PLURALS},
            "you": _("You are here"),
            "noPlace": _("Your browser did not say where you are."),
            "sketch": _("Own sketch of the map · Natural Earth"),
            "locate": _("Where I am"),
            "zoomIn": _("Closer"),
            "zoomOut": _("Farther"),
        },
    }
