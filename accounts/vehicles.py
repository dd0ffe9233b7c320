"""Vehicles: what a driver charges, kept so that a price can be told for her car."""

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import codes
from accounts.models import User, Vehicle
from chargeshare.errors import DomainError, Invalid

LIMIT_PER_ACCOUNT = 20
PLUGS = frozenset(Vehicle.Plug.values)
_PLATE = re.compile(r"[A-Z0-9]([A-Z0-9 -]{0,10}[A-Z0-9])?")
_RANGES = {
    "battery_wh": (1_000, 300_000),
    "ac_limit_w": (1_000, 44_000),
    "dc_limit_w": (0, 1_000_000),
    "consumption_wh_100km": (5_000, 100_000),
}
NAMES = ("name", "plate", *_RANGES, "connector_types", "is_default")


class TooManyVehicles(DomainError):
    """More cars than anybody drives herself."""

    code = "too_many_vehicles"
    message = gettext_lazy("An account can hold at most 20 cars.")


def of(user: User) -> list[Vehicle]:
    """A driver's cars, the usual one first."""
    return list(user.vehicles.all())


def default_of(user: User) -> Vehicle | None:
    """The car estimates are made for."""
    return user.vehicles.first()


def find(user: User, code: str) -> Vehicle | None:
    """A driver's car by its code; none where nothing is said, and somebody else's does not exist."""
    return codes.find(user.vehicles.all(), code) if code else None


@transaction.atomic
def create(user: User, values: Mapping[str, Any]) -> Vehicle:
    """Add a car. The first one is the usual one."""
    holder = User.objects.select_for_update().get(pk=user.pk)
    count = holder.vehicles.count()
    if count >= LIMIT_PER_ACCOUNT:
        raise TooManyVehicles
    vehicle = Vehicle(user=holder, **checked(values))
    vehicle.is_default = vehicle.is_default or count == 0
    _take_turn(vehicle)
    vehicle.save()
    return vehicle


@transaction.atomic
def edit(vehicle: Vehicle, changes: Mapping[str, Any]) -> Vehicle:
    """Change what is named. Another car becomes the usual one by being made so; this one does not cease to be it by itself."""
    User.objects.select_for_update().get(pk=vehicle.user_id)
    now = {name: getattr(vehicle, name) for name in NAMES}
    for name, value in checked({**now, **changes}).items():
        setattr(vehicle, name, value)
    vehicle.is_default = vehicle.is_default or bool(now["is_default"])
    _take_turn(vehicle)
    vehicle.save()
    return vehicle


@transaction.atomic
def remove(vehicle: Vehicle) -> None:
    """Forget a car; what it charged stays in the history without it. The oldest of the others becomes the usual one."""
    holder = User.objects.select_for_update().get(pk=vehicle.user_id)
    vehicle.delete()
    if not holder.vehicles.filter(is_default=True).exists():
        oldest = holder.vehicles.order_by("pk").first()
        if oldest is not None:
            Vehicle.objects.filter(pk=oldest.pk).update(is_default=True)


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody typed or sent, as it may be stored; refused with a sentence for every figure no car has."""
    name = " ".join(str(values.get("name") or "").split())
    plate = " ".join(str(values.get("plate") or "").upper().split())
    types = [plug for plug in Vehicle.Plug.values if plug in (values.get("connector_types") or ())]
    problems: dict[str, list[str]] = {}
    if not 1 <= len(name) <= 60:
        problems["name"] = [_("A name has 1 to 60 characters, such as Škoda Enyaq 80.")]
    if plate and not _PLATE.fullmatch(plate):
        problems["plate"] = [_("A plate has at most 12 letters, digits, spaces and hyphens.")]
    figures = {figure: values.get(figure) for figure in _RANGES}
    sentences = {
        "battery_wh": _("A car's battery holds 1 to 300 kWh."),
        "ac_limit_w": _("A car takes 1 to 44 kW from a wallbox."),
        "dc_limit_w": _("A car takes at most 1000 kW of direct current; 0 if it takes none."),
        "consumption_wh_100km": _("A car takes 5 to 100 kWh for 100 km."),
    }
    for figure, (least, most) in _RANGES.items():
        value = figures[figure]
        if not isinstance(value, int) or not least <= value <= most:
            problems[figure] = [sentences[figure]]
    if not types or set(values.get("connector_types") or ()) - PLUGS:
        problems["connector_types"] = [_("Choose at least one connector of your car.")]
    if problems:
        raise Invalid(next(iter(problems.values()))[0], fields=problems)
    return {"name": name, "plate": plate, **figures, "connector_types": types, "is_default": bool(values.get("is_default"))}


def _take_turn(vehicle: Vehicle) -> None:
    """There is one usual car: making another one it takes it from the earlier."""
    if vehicle.is_default:
        Vehicle.objects.filter(user_id=vehicle.user_id, is_default=True).exclude(pk=vehicle.pk).update(is_default=False)
