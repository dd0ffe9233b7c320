"""The arrival pack: where exactly, through which gate, to which socket. It is read by those who are on their way and nobody else."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from chargeshare.errors import Invalid
from stations import slots
from stations.models import ArrivalPack, ChargePoint, ChargingSession, Reservation

FIELDS = ("spot", "gate_code", "socket", "cable_m", "rules")
LONGEST_CABLE_M = 50


def of(charge_point: ChargePoint) -> ArrivalPack:
    """What the owner has written; empty where she has not."""
    found = ArrivalPack.objects.filter(charge_point=charge_point).first()
    return found if found is not None else ArrivalPack(charge_point=charge_point)


def edit(charge_point: ChargePoint, **changes: Any) -> ArrivalPack:
    """Change what is named."""
    cable_m = changes.get("cable_m")
    if cable_m is not None and not 0 < cable_m <= LONGEST_CABLE_M:
        raise Invalid(fields={"cable_m": [_("A cable is up to %(most)s m long.") % {"most": LONGEST_CABLE_M}]})
    values = {name: value for name, value in changes.items() if name in FIELDS}
    return ArrivalPack.objects.update_or_create(charge_point=charge_point, defaults=values)[0]


def may_read(charge_point: ChargePoint, viewer: object, at: datetime) -> bool:
    """The owner and staff always; a guest in the window of her booking, the same in which she sees the address, or while she charges."""
    if not isinstance(viewer, User):
        return False
    if viewer.is_staff or charge_point.owner_id == viewer.pk:
        return True
    hers = Reservation.objects.filter(driver=viewer, charge_point=charge_point, status__in=(Reservation.Status.BOOKED, "active"))
    if any(slots.may_see_address(booking, at) for booking in hers.filter(ends_at__gt=at)):
        return True
    return ChargingSession.objects.filter(charge_point=charge_point, driver=viewer).open().exists()


def shown_to(charge_point: ChargePoint, viewer: object, at: datetime) -> ArrivalPack | None:
    """The pack for who may read it now, if there is anything in it."""
    pack = ArrivalPack.objects.filter(charge_point=charge_point).first() if isinstance(viewer, User) else None
    if pack is None or not any(getattr(pack, name) for name in FIELDS):
        return None
    return pack if may_read(charge_point, viewer, at) else None
