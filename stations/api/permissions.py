"""Who may do what at which charge point."""

import re

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from accounts.models import User
from chargeshare.errors import NotFound
from stations import circles
from stations.models import ChargePoint, Connector


def user_of(request: Request) -> User:
    """Who asks; nobody is told to log in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def is_managed_by(charge_point: ChargePoint, user: object) -> bool:
    """Whether this person sees and does what only its owner (or staff) may."""
    return isinstance(user, User) and (user.is_staff or charge_point.owner_id == user.pk)


def seen_charge_point(request: Request | HttpRequest, code: str) -> ChargePoint:
    """The charge point, if this person may know of it; its connectors show what she would pay."""
    charge_points = ChargePoint.objects.visible_to(request.user).alive()
    charge_point = _one(charge_points.select_related("reliability", "site_facts").prefetch_related("connectors__tariff__current"), code)
    circles.look_up(charge_point.connectors.all(), request.user)
    return charge_point


def own_charge_point(request: Request | HttpRequest, code: str, *, retired: bool = False) -> ChargePoint:
    """The charge point, if this person runs it; to everybody else it does not exist, public or not.

    History asks for `retired` ones too: it stays.
    """
    charge_points = ChargePoint.objects.all() if retired else ChargePoint.objects.alive()
    charge_point = _one(charge_points.select_related("reliability", "site_facts").prefetch_related("connectors__tariff__current"), code)
    if not is_managed_by(charge_point, request.user):
        raise NotFound
    return charge_point


def connector_of(driver: User, code: str, number: int) -> Connector:
    """An outlet this person may know of."""
    charge_point = ChargePoint.objects.visible_to(driver).alive().filter(code=code)
    connector = Connector.objects.select_related("charge_point__owner", "tariff__current").filter(
        charge_point__in=charge_point, number=number
    )
    found = connector.first()
    if found is None:
        raise NotFound(_("There is no such connector, or it is not yours to see."))
    return found


def _one(charge_points: QuerySet[ChargePoint], code: str) -> ChargePoint:
    if not re.fullmatch(r"[a-z0-9-]{1,20}", code):
        raise NotFound
    charge_point = charge_points.filter(code=code).first()
    if charge_point is None:
        raise NotFound
    return charge_point
