"""Circles: whom an owner counts to her household, her friends and her groups, and what each of them pays where.

The innermost circle with a price of its own at a connector decides: household before friends before groups, and of
several groups the cheapest; whoever is in none of them pays what everyone pays.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import counting, notifications
from accounts.models import Notification, User
from billing.models import Tariff
from chargeshare.errors import DomainError, Invalid, NotFound
from chargeshare.sentences import Question
from stations import areas, live
from stations.models import Circle, CircleMember, CirclePrice, Connector
from stations.models.circle import CirclePriceQuerySet, new_link

Kind = Circle.Kind
GROUPS_PER_OWNER = 50
MEMBERS_PER_CIRCLE = 500
INVITATIONS, INVITATIONS_WITHIN_S = 60, 3600
_RANKS = Case(*(When(kind=kind, then=Value(rank)) for rank, kind in enumerate(Kind.values)))


class TooManyCircles(DomainError):
    """Nobody needs so many; a program that went wrong does."""

    code = "too_many_circles"
    message = _("An account may have up to 50 groups.")


class CircleFull(DomainError):
    """A link that went round further than anybody meant."""

    code = "circle_full"
    message = _("This circle has no room for more people.")


class TooManyInvitations(DomainError):
    """Letters to people who may not want them."""

    code = "too_many_invitations"
    status = 429
    message = _("So many invitations at once look like advertising. Go on in an hour, or give people the link.")


class OwnCircle(DomainError):
    """The owner charges for nothing at her chargers anyway."""

    code = "own_circle"
    message = _("This is your own circle. You charge for free at your chargers anyway.")


def tariff_for(connector: Connector, driver: object) -> Tariff | None:
    """What this person pays here: the price of her innermost circle, else the connector's own. Guests are in no circle."""
    if not isinstance(driver, User):
        return connector.tariff
    if connector.__dict__.get("priced_for") == driver.pk:
        return shown_tariff(connector)
    price = CirclePrice.objects.filter(connector=connector).of(driver).innermost_first().select_related("tariff__current__tariff").first()
    return price.tariff if price is not None else connector.tariff


def shown_tariff(connector: Connector) -> Tariff | None:
    """What to show: the price of her for whom `look_up` looked, else everyone's."""
    tariff: Tariff | None = connector.__dict__.get("shown_tariff", connector.tariff)
    return tariff


def _prices_of(driver_id: int) -> CirclePriceQuerySet:
    return CirclePrice.objects.of(driver_id).innermost_first().select_related("tariff__current__tariff")


_at_one = Question(lambda driver_id, connector_id: _prices_of(driver_id).filter(connector_id=connector_id))


def look_up(connectors: Iterable[Connector], viewer: object) -> None:
    """Find the prices of many connectors for one person by one query; `tariff_for` then asks no more."""
    if not isinstance(viewer, User):
        return
    outlets = {connector.pk: connector for connector in connectors}
    if len(outlets) == 1:
        hers: Iterable[CirclePrice] = _at_one.all(viewer.pk, *outlets)
    else:
        hers = _prices_of(viewer.pk).filter(connector__in=outlets)
    tariffs: dict[int, Tariff] = {}
    for price in hers:
        tariffs.setdefault(price.connector_id, price.tariff)
    for pk, connector in outlets.items():
        connector.__dict__["priced_for"] = viewer.pk
        connector.__dict__["shown_tariff"] = tariffs.get(pk, connector.tariff)


def price_per_kwh_for(viewer: object) -> Coalesce:
    """The same price as a column of connectors, for filters."""
    everyones = F("tariff__current__price_per_kwh")
    if not isinstance(viewer, User):
        return Coalesce(everyones, everyones)
    hers = CirclePrice.objects.of(viewer).filter(connector=OuterRef("pk")).innermost_first()
    return Coalesce(Subquery(hers.values("tariff__current__price_per_kwh")[:1]), everyones)


def of(owner: User) -> QuerySet[Circle]:
    """Her circles, the innermost first, each with its `member_count`."""
    return (
        Circle.objects.filter(owner=owner)
        .annotate(member_count=Count("members", filter=Q(members__joined_at__isnull=False)))
        .order_by(_RANKS, "name", "pk")
    )


def all_of(owner: User) -> list[Circle]:
    """The same with household and friends, which everybody has: they are made when they are first looked at."""
    for kind in (Kind.HOUSEHOLD, Kind.FRIENDS):
        Circle.objects.get_or_create(owner=owner, kind=kind)
    return list(of(owner))


def memberships(user: User) -> QuerySet[CircleMember]:
    """The circles of others that she is in, or is asked into."""
    return CircleMember.objects.filter(user=user).select_related("circle__owner")


@transaction.atomic
def create_group(owner: User, name: str) -> Circle:
    """A new group, with a link to join it."""
    User.objects.select_for_update().get(pk=owner.pk)
    if Circle.objects.filter(owner=owner, kind=Kind.GROUP).count() >= GROUPS_PER_OWNER:
        raise TooManyCircles
    circle: Circle = Circle.objects.create(owner=owner, kind=Kind.GROUP, name=_checked_name(name), link=new_link())
    return circle


def rename(circle: Circle, name: str) -> Circle:
    """Call a group something else."""
    if circle.kind != Kind.GROUP:
        raise Invalid(fields={"name": [str(_("Only groups have names of their own."))]})
    circle.name = _checked_name(name)
    circle.save(update_fields=["name"])
    return circle


def delete(circle: Circle) -> None:
    """Dissolve a group: its members pay what they would without it. Sessions under way keep their price."""
    if circle.kind != Kind.GROUP:
        raise Invalid(_("Household and friends stay; remove their members instead."))
    circle.delete()


def renew_link(circle: Circle) -> Circle:
    """A new link; whoever has the old one joins no more."""
    circle.link = new_link()
    circle.save(update_fields=["link"])
    return circle


def close_link(circle: Circle) -> Circle:
    """From now on only the owner lets people in."""
    circle.link = None
    circle.save(update_fields=["link"])
    return circle


def find_by_link(link: str) -> Circle:
    """The circle somebody was given the link of."""
    circle = Circle.objects.select_related("owner").filter(link=link, owner__is_active=True).first() if link else None
    if circle is None:
        raise NotFound(_("This invitation is no longer valid. Ask for a new link."))
    return circle


def invite(circle: Circle, email: str) -> CircleMember:
    """Ask somebody by her e-mail into a circle. She is in it once she accepts; before that nobody learns her name."""
    if counting.add_one(f"circle-invitations:{circle.owner_id}", keep_s=INVITATIONS_WITHIN_S) > INVITATIONS:
        raise TooManyInvitations
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None or user.is_guest:
        raise Invalid(fields={"email": [str(_("Nobody with this e-mail has an account here."))]})
    with transaction.atomic():
        member, is_new = _add(circle, user, joined_at=None)
        if is_new:
            notifications.notify(
                user, Notification.Kind.CIRCLE_INVITED, url=reverse("stations:my_circles"), host=circle.owner.short_name, circle=circle.name
            )
    return member


def accept(user: User, circle_id: int) -> CircleMember:
    """Say yes to an invitation. Twice is once."""
    member = memberships(user).filter(circle=circle_id).first()
    if member is None:
        raise NotFound
    if CircleMember.objects.filter(pk=member.pk, joined_at=None).update(joined_at=timezone.now()):
        member.refresh_from_db(fields=["joined_at"])
    return member


def join(link: str, user: User) -> CircleMember:
    """Join by the link. Twice is once."""
    if user.is_guest:
        raise NotFound
    circle = find_by_link(link)
    with transaction.atomic():
        # Under the lock the link is looked at again: what was renewed a moment ago lets nobody in.
        locked = Circle.objects.select_for_update().filter(pk=circle.pk, link=link).first()
        if locked is None:
            raise NotFound(_("This invitation is no longer valid. Ask for a new link."))
        member, is_new = _add(locked, user, joined_at=timezone.now())
        return member if is_new or member.joined_at is not None else accept(user, circle.pk)


def remove(circle: Circle, member_id: int) -> None:
    """Count somebody to it no longer. A session under way keeps its price."""
    gone, _rows = CircleMember.objects.filter(circle=circle, pk=member_id).delete()
    if not gone:
        raise NotFound


def leave(user: User, circle_id: int) -> None:
    """Leave a circle of somebody else, or turn its invitation down."""
    gone, _rows = CircleMember.objects.filter(circle_id=circle_id, user=user).delete()
    if not gone:
        raise NotFound


@transaction.atomic
def set_prices(connector: Connector, prices: Mapping[Circle, Tariff | None]) -> None:
    """Say what circles pay at a connector; None gives a circle everyone's price again. Circles not named keep what they have."""
    if prices:
        with areas.reconsidered(connector.charge_point):
            _set_prices(connector, prices)
        live.charge_point_changed(connector.charge_point, "details")


def _set_prices(connector: Connector, prices: Mapping[Circle, Tariff | None]) -> None:
    owner_id = connector.charge_point.owner_id
    for circle, tariff in prices.items():
        if circle.owner_id != owner_id:
            raise Invalid(fields={"circle_tariffs": [str(_("This is none of your circles."))]})
        if tariff is None:
            CirclePrice.objects.filter(connector=connector, circle=circle).delete()
            continue
        if tariff.owner_id != owner_id or (tariff.deleted_at is not None and not _has(connector, circle, tariff)):
            raise Invalid(fields={"circle_tariffs": [str(_("This is none of your tariffs."))]})
        CirclePrice.objects.update_or_create(connector=connector, circle=circle, defaults={"tariff": tariff})


def prices_at(connector: Connector) -> dict[int, int]:
    """Which circle pays by which tariff here."""
    return dict(connector.circle_prices.values_list("circle_id", "tariff_id"))


def _has(connector: Connector, circle: Circle, tariff: Tariff) -> bool:
    return CirclePrice.objects.filter(connector=connector, circle=circle, tariff=tariff).exists()


def _add(circle: Circle, user: User, *, joined_at: datetime | None) -> tuple[CircleMember, bool]:
    if user.pk == circle.owner_id:
        raise OwnCircle
    there = CircleMember.objects.filter(circle=circle, user=user).first()
    if there is not None:
        return there, False
    if CircleMember.objects.filter(circle=circle).count() >= MEMBERS_PER_CIRCLE:
        raise CircleFull
    return CircleMember.objects.get_or_create(circle=circle, user=user, defaults={"joined_at": joined_at})


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 60 or "\0" in name:
        raise Invalid(fields={"name": [str(_("A name has 1 to 60 characters."))]})
    return name
