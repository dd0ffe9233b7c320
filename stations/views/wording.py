"""What the map is asked for, in words: under the name somebody saved it by."""

from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from stations import site_facts
from stations.models import Connector
from stations.templatetags.energy import kw, kwh, number, unit_price
from stations.views.map import SORTINGS, Wish


def words(wish: Wish) -> str:
    """In one line, the filters in the order of the page."""
    return " · ".join(_each(wish))


def _each(wish: Wish) -> Iterator[str]:
    if wish.text:
        yield f"“{wish.text}”"
    switches = (
        (wish.is_free_now, _("Free now")),
        (wish.is_favourite, _("Favourites")),
        (wish.is_of_my_circles, _("My circles")),
        (wish.fits_car, _("Fits my car")),
        (wish.is_booked_at_once, _("Booked at once")),
    )
    yield from (word for is_on, word in switches if is_on)
    yield from (Connector.Type(kind).label for kind in wish.types)
    yield from _numbers(wish)
    yield from (str(site_facts.WORDS[word]) for word in wish.facts)
    yield _what_for(wish)
    if wish.sorting != "near":
        yield str(SORTINGS[wish.sorting])


def _numbers(wish: Wish) -> Iterator[str]:
    if wish.min_power_w:
        yield _("from %(power)s") % {"power": kw(wish.min_power_w)}
    if wish.max_price is not None:
        yield _("up to %(price)s/kWh") % {"price": unit_price(wish.max_price, settings.CURRENCY)}
    if wish.min_rating is not None:
        yield _("%(stars)s stars and more") % {"stars": number(wish.min_rating, 0 if wish.min_rating == int(wish.min_rating) else 1)}
    if wish.height_cm:
        yield _("for a car %(height)s cm high") % {"height": wish.height_cm}


def _what_for(wish: Wish) -> str:
    need = wish.need
    if need.vehicle is None:
        return pgettext("saved filters", "price for %(energy)s") % {"energy": kwh(need.energy_wh, 0)}
    said = {"car": need.vehicle, "from": need.from_percent, "to": need.to_percent}
    return pgettext("saved filters", "price for %(car)s, %(from)s–%(to)s %%") % said
