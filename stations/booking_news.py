"""What both sides of a booking hear of it."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import notifications
from accounts.models import Notification
from stations.models import Reservation

Kind = Notification.Kind


def tell(booking: Reservation, kind: str, *, count: int = 1, to_driver: bool = True, to_owner: bool = True, **more: Any) -> None:
    """Tell both sides; at her own charger the owner is told once. `count` is of bookings that repeat every week."""
    owner = booking.charge_point.owner
    weeks = {"count": count} if count > 1 else {}
    if kind == Kind.RESERVATION_CANCELLED and booking.cancelled_by_id == owner.pk != booking.driver_id:
        more = {"by_host": True, **more}
    if to_driver:
        notifications.notify(booking.driver, kind, url=booking.get_absolute_url(), **words(booking), **weeks, **more)
    if to_owner and owner.pk != booking.driver_id and owner.is_active:
        for_host = {name: value for name, value in more.items() if name != "by_host"}
        is_asked = kind == Kind.RESERVATION_REQUESTED
        url = booking.get_absolute_url() if is_asked else reverse("stations:owner_reservations")
        notifications.notify(owner, kind, url=url, guest=booking.driver.short_name, **words(booking), **weeks, **for_host)


def fee(amount_minor: int) -> dict[str, Any]:
    """What a booking has cost, as the texts want it."""
    return {"fee_minor": amount_minor, "currency": settings.CURRENCY} if amount_minor else {}


def words(booking: Reservation) -> dict[str, str]:
    """Where and when; the moments as they are, for whoever reads it chooses her language herself."""
    return {
        "place": booking.charge_point.name,
        "begins_at": booking.begins_at.isoformat(),
        "ends_at": booking.ends_at.isoformat(),
    }
