"""A card becomes somebody's by being tapped: who can tap it, holds it."""

from datetime import timedelta

from django.utils import timezone

from accounts import id_tokens, notifications
from accounts.models import IdToken, Notification, User
from chargeshare.errors import DomainError, NotFound
from stations import live
from stations.models import CardPairing, ChargePoint
from stations.quarantine import clean

OPEN_FOR = timedelta(minutes=2)


def open(user: User, charge_point: ChargePoint, label: str = "") -> CardPairing:  # noqa: A001 - pairing.open() is what it is
    """For two minutes the next unknown card at this charger is this person's. One pairing per charger: the newest."""
    if not ChargePoint.objects.alive().visible_to(user).filter(pk=charge_point.pk).exists():
        raise NotFound
    now = timezone.now()
    CardPairing.objects.filter(charge_point=charge_point, uid="", expires_at__gt=now).update(expires_at=now)
    return CardPairing.objects.create(charge_point=charge_point, user=user, label=label[:60], expires_at=now + OPEN_FOR)


def tap(charge_point: ChargePoint, id_tag: str) -> IdToken | None:
    """An unknown card was tapped. If somebody waits for it, it is hers from now on, and confirmed."""
    now = timezone.now()
    waiting = CardPairing.objects.select_related("user").filter(charge_point=charge_point, uid="", expires_at__gt=now)
    pairing = waiting.order_by("-pk").first()
    if pairing is None or not pairing.user.is_active:
        return None
    if not CardPairing.objects.filter(pk=pairing.pk, uid="").update(uid=clean(id_tag)[:36]):
        return None
    try:
        token = id_tokens.add(pairing.user, id_tag, confirmed=True, label=pairing.label)
    except id_tokens.TokenTaken:  # somebody was quicker: her page says so
        return None
    except DomainError:  # no number a card can have: go on waiting for hers
        CardPairing.objects.filter(pk=pairing.pk).update(uid="")
        return None
    notifications.notify(pairing.user, Notification.Kind.CARD_PAIRED, card=str(token), place=charge_point.name)
    live.charge_point_changed(charge_point, "pairing")
    return token
