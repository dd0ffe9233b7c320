"""For what pages make their estimates: an energy, or the visitor's car from one percent to another."""

from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict

from accounts import vehicles
from accounts.models import User, Vehicle
from chargeshare.errors import Invalid
from stations import estimates
from stations.estimates import FROM_PERCENT, TO_PERCENT, Need

COOKIE = "estimate"
KEPT_S = 365 * 24 * 3600
ENERGY_WH = 20_000


@dataclass(frozen=True)
class Asked:
    """What the visitor wants to know, and what she may choose from. `refusal` says what in her question cannot be."""

    need: Need
    vehicles: list[Vehicle] = field(default_factory=list)
    refusal: str = ""
    is_new: bool = False


def read(request: HttpRequest, query: QueryDict | None = None, cars: list[Vehicle] | None = None) -> Asked:
    """Read the address, then what the browser remembers of the last time.

    Who has a car gets the price for it, unless the address asks for an energy alone.
    """
    query = request.GET if query is None else query
    energy_wh = _whole(query.get("energy_wh"))
    plain = Need(energy_wh if energy_wh and 1000 <= energy_wh <= 200_000 else ENERGY_WH)
    if cars is None:
        cars = vehicles.of(request.user) if isinstance(request.user, User) else []
    says_percents = "from" in query or "to" in query
    if not cars or ("energy_wh" in query and not says_percents and "car" not in query):
        return Asked(plain, cars)
    kept_from, kept_to, kept_car = _remembered(request)
    wanted = query.get("car", kept_car)
    car = next((one for one in cars if str(one.code) == wanted), cars[0])
    refusal = ""
    chosen = kept_from, kept_to
    if says_percents:
        try:
            chosen = estimates.percents(
                _whole(query.get("from")) if "from" in query else kept_from, _whole(query.get("to")) if "to" in query else kept_to
            )
        except Invalid as error:
            refusal = str(error.message)
    return Asked(Need(plain.energy_wh, car, *chosen), cars, refusal, is_new=not refusal and (says_percents or "car" in query))


def remember(response: HttpResponse, asked: Asked) -> HttpResponse:
    """Let the browser keep what was chosen for the next page and the next visit."""
    need = asked.need
    if asked.is_new and need.vehicle is not None:
        kept = f"{need.from_percent}-{need.to_percent}-{need.vehicle.code}"
        response.set_cookie(COOKIE, kept, max_age=KEPT_S, secure=settings.SECURE_SSL, httponly=True, samesite="Lax")
    return response


def _remembered(request: HttpRequest) -> tuple[int, int, str]:
    """What the cookie says; it comes from outside like everything else."""
    first, _dash, rest = request.COOKIES.get(COOKIE, "").partition("-")
    second, _dash, car = rest.partition("-")
    try:
        from_percent, to_percent = estimates.percents(_whole(first), _whole(second))
        return from_percent, to_percent, str(UUID(car))
    except (Invalid, ValueError):
        return FROM_PERCENT, TO_PERCENT, ""


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 9 else None
