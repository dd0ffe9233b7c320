"""Chargers near a place in the order in which a driver wants them: what they cost her, or how far she may count on them."""

import math
from collections.abc import Iterable
from itertools import islice

from django.db import models
from django.utils.translation import gettext_lazy as _

from stations import estimates, reliability, search
from stations.estimates import Estimate, Need
from stations.models import ChargePoint


class Ordering(models.TextChoices):
    """What comes first."""

    DISTANCE = "distance", _("the nearest")
    PRICE = "price", _("the cheapest")
    RELIABILITY = "reliability", _("the most reliable")


def nearest(found: Iterable[ChargePoint], viewer: object, need: Need, ordering: Ordering) -> list[ChargePoint]:
    """The nearest few hundred in this order, ties by distance. What a charger costs is known only once it is looked at."""
    few = list(islice(found, search.MOST))
    if ordering == Ordering.PRICE:
        search.show_prices(few, viewer)
        look_up(few, need)
        return sorted(few, key=_total)
    return sorted(few, key=lambda one: -_score(one))


def look_up(found: Iterable[ChargePoint], need: Need) -> None:
    """Let each of them know its `estimate`: of the outlet where the wish costs least among those it fits."""
    for charge_point in found:
        of_outlets = [estimates.of(connector, need) for connector in charge_point.connectors.all()]
        known = [one for one in of_outlets if one is not None]
        fitting = [one for one in known if one.fits] or known
        charge_point.__dict__["estimate"] = min(fitting, key=lambda one: one.total_minor, default=None)


def _total(charge_point: ChargePoint) -> float:
    found: Estimate | None = charge_point.__dict__["estimate"]
    return found.total_minor if found is not None and found.fits else math.inf


def _score(charge_point: ChargePoint) -> int:
    """Of whom nothing is known comes last."""
    found = reliability.of(charge_point)
    score = found.score if found is not None else None
    return -1 if score is None else score
