"""Why an account cannot be closed while somebody charges, and what goes with it when it can."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chargeshare.errors import DomainError
from stations import areas, charge_points, problems, reservations, reviews, threads
from stations.models import (
    CardPairing,
    ChargePoint,
    ChargingSession,
    Circle,
    CircleMember,
    Favourite,
    FilterProfile,
    Invitation,
    Reservation,
)

_Open = (ChargingSession.Status.PENDING, ChargingSession.Status.ACTIVE, ChargingSession.Status.REVIEW)


class SessionOpen(DomainError):
    """Money may still move."""

    code = "session_open"
    message = _("A charging session of yours has not been settled yet. Close the account once it is.")


def prepare_closing(sender: object, *, user: User, **_more: Any) -> None:
    """Object while a session is open; else take her chargers out of service and her cards' numbers out of the history.

    It runs in the transaction of the closing: if somebody else objects, nothing of it has happened.
    """
    del sender
    open_ones = ChargingSession.objects.filter(status__in=_Open)
    if open_ones.filter(driver=user).exists() or open_ones.filter(owner=user).exists():
        raise SessionOpen
    reservations.cancel_all(user)
    for charge_point in ChargePoint.objects.filter(owner=user, retired_at=None):
        charge_points.retire(charge_point)
    ChargingSession.objects.filter(driver=user).update(id_tag="")
    Reservation.objects.filter(driver=user).update(id_tag="")
    Invitation.objects.filter(user=user).delete()
    Favourite.objects.filter(user=user).delete()
    FilterProfile.objects.filter(user=user).delete()
    areas.forget(user)
    reviews.forget(user)
    threads.forget(user)
    problems.forget_person(user)
    CircleMember.objects.filter(user=user).delete()
    Circle.objects.filter(owner=user).delete()
    CardPairing.objects.filter(user=user).delete()
