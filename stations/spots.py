"""Places as plain values, as a screen full of them is drawn: three queries and no rows turned into objects."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import F, FloatField, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.models import User
from stations.models import ChargePoint, CirclePrice, Connector, State
from stations.models.charge_point import best_state, box_state, has_socket, outlet_state


class Outlet(NamedTuple):
    """One outlet as the map shows it, with what the viewer would pay."""

    number: int
    type: str
    max_power_w: int | None
    state: State
    state_at: datetime | None
    """When the charger last spoke of it; nothing while it is offline: the silence of a home is nobody's business."""
    price_per_kwh: Decimal | None
    currency: str | None


class Spot(NamedTuple):
    """One charge point where everybody may think it stands."""

    pk: int
    code: str
    name: str
    access: str
    latitude: float
    longitude: float
    state: State
    outlets: Sequence[Outlet]


_BOX = ("pk", "code", "name", "access", "north", "east", "is_on", "status", "is_paused", "is_closed")
_OUTLET = (
    *("charge_point_id", "pk", "number", "type", "max_power_w", "status", "status_at", "kept_until", "has_session"),
    *("tariff__current__price_per_kwh", "tariff__currency"),
)


def read(found: QuerySet[ChargePoint], viewer: object, *, limit: int) -> list[Spot] | None:
    """The first `limit` of them in no order; None where there are more: not one more than needed is looked at to know that."""
    places = {name: Cast(F(of), FloatField()) for name, of in (("north", "public_latitude"), ("east", "public_longitude"))}
    boxes = list(found.order_by().annotate(**places, is_on=has_socket()).values_list(*_BOX)[: limit + 1])
    if len(boxes) > limit:
        return None
    of_boxes = {
        pk: box_state(status, is_online=is_on, is_paused=is_paused or is_closed)
        for pk, *_place, is_on, status, is_paused, is_closed in boxes
    }
    outlets = _outlets(of_boxes, viewer, timezone.now())
    spots = []
    for pk, code, name, access, latitude, longitude, *_more in boxes:
        mine = outlets.get(pk, [])
        state = of_boxes[pk] or best_state(None, {outlet.state for outlet in mine})
        spots.append(Spot(pk, code, name, access, latitude, longitude, state, mine))
    return sorted(spots)


def _outlets(of_boxes: dict[int, State | None], viewer: object, now: datetime) -> dict[int, list[Outlet]]:
    outlets: dict[int, list[Outlet]] = {}
    rows = list(Connector.objects.filter(charge_point__in=of_boxes).order_by("number").values_list(*_OUTLET))
    hers = _prices(viewer, [row[1] for row in rows])
    for box, pk, number, kind, power_w, status, status_at, kept_until, has_session, price, currency in rows:
        is_kept = kept_until is not None and kept_until > now
        state = outlet_state(of_boxes[box], status, is_charging=has_session, is_kept=is_kept)
        spoken_at = None if state == State.OFFLINE else status_at
        outlets.setdefault(box, []).append(Outlet(number, kind, power_w, state, spoken_at, *hers.get(pk, (price, currency))))
    return outlets


def _prices(viewer: object, outlets: Iterable[int]) -> dict[int, tuple[Decimal | None, str | None]]:
    """What the viewer pays where she is in a circle that has a price of its own: the innermost one decides."""
    if not isinstance(viewer, User):
        return {}
    prices = CirclePrice.objects.of(viewer).filter(connector__in=list(outlets)).innermost_first()
    found: dict[int, tuple[Decimal | None, str | None]] = {}
    for connector_id, price, currency in prices.values_list("connector_id", "tariff__current__price_per_kwh", F("tariff__currency")):
        found.setdefault(connector_id, (price, currency))
    return found
