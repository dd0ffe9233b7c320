"""The devices that take pushes: a browser or a program hands in an address, and it counts while the log-in lasts it was handed in with.

The address is whatever the client typed. So it is one of the known push services or it is refused, both when it is handed in and
when something is sent there.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import Push, PushSubscription, TokenChain, User
from chargeshare.errors import Invalid

MOST = 10
IDLE = timedelta(days=180)
CURVE = ec.SECP256R1()
LONGEST_ADDRESS = 1000


@transaction.atomic
def add(
    user: User, *, endpoint: str, p256dh: str, auth: str, name: str = "", session_key: str = "", token_chain: TokenChain | None = None
) -> PushSubscription:
    """Let a device take this person's pushes from now on. The one it was before, if it was, and whoever had it, is forgotten.

    One too many pushes out the one that was silent longest.
    """
    check_endpoint(endpoint)
    _check_keys(p256dh, auth)
    User.objects.select_for_update().get(pk=user.pk)  # two at once would both find room
    now = timezone.now()
    said = {"p256dh": p256dh.rstrip("="), "auth": auth.rstrip("="), "name": name_of(name)}
    log_in = {"session_key": session_key, "token_chain": token_chain, "password_mark": user.get_session_auth_hash()}
    device, _is_new = PushSubscription.objects.update_or_create(
        endpoint=endpoint, defaults={"user": user, "used_at": now, **said, **log_in}
    )
    kept = PushSubscription.objects.filter(user=user).order_by("-used_at", "-pk").values_list("pk", flat=True)[:MOST]
    PushSubscription.objects.filter(user=user).exclude(pk__in=list(kept)).exclude(pk=device.pk).delete()
    return device


@transaction.atomic
def replace(old_endpoint: str, *, endpoint: str, p256dh: str, auth: str) -> PushSubscription | None:
    """A browser has exchanged the address of a device for another one. Only the device itself can know the old one; None: nobody does."""
    if not is_known_service(old_endpoint):
        return None
    device = PushSubscription.objects.select_for_update().filter(endpoint=old_endpoint).first()
    if device is None:
        return None
    check_endpoint(endpoint)
    _check_keys(p256dh, auth)
    PushSubscription.objects.filter(endpoint=endpoint).exclude(pk=device.pk).delete()
    device.endpoint, device.p256dh, device.auth, device.used_at = endpoint, p256dh.rstrip("="), auth.rstrip("="), timezone.now()
    device.save()
    return device


def follow(code: str, user: User, session_key: str) -> None:
    """Somebody has logged in on a device: what it takes from now on is hers, whoever had it before."""
    mark = user.get_session_auth_hash()
    PushSubscription.objects.filter(code=UUID(code)).update(user=user, session_key=session_key, password_mark=mark)


def forget_browser(session_key: str | None) -> None:
    """Whoever logs out of a browser is told nothing there any more."""
    if session_key:
        PushSubscription.objects.filter(session_key=session_key).delete()


def of(users: Iterable[int]) -> dict[int, list[PushSubscription]]:
    """The devices that take the pushes of these people now: those whose log-in still counts."""
    found: dict[int, list[PushSubscription]] = {}
    if not settings.VAPID_PRIVATE_KEY:
        return found
    for device in _counting(timezone.now()).filter(user__in=set(users), user__is_active=True).select_related("user"):
        if device.password_mark == device.user.get_session_auth_hash():
            found.setdefault(device.user_id, []).append(device)
    return found


def is_of(device: PushSubscription, user: User, *, now: datetime) -> bool:
    """Whether this is still a device of hers: much may have happened since it was decided that something goes there."""
    there = _counting(now).filter(pk=device.pk, user=user, user__is_active=True).select_related("user").first()
    return there is not None and there.password_mark == there.user.get_session_auth_hash()


def prune(*, now: datetime) -> int:
    """Forget devices whose log-in was ended elsewhere, those nothing was sent to for half a year, and pushes nobody wants any more."""
    counting = _counting(now).values("pk")
    forgotten = PushSubscription.objects.exclude(pk__in=counting) | PushSubscription.objects.filter(used_at__lt=now - IDLE)
    return forgotten.delete()[0] + Push.objects.filter(until__lt=now).delete()[0]


def check_endpoint(endpoint: str) -> None:
    """Refuse every address that is not one of a push service we know: nobody names us a host of her own to ask."""
    if not is_known_service(endpoint):
        raise Invalid(fields={"endpoint": [gettext("This is not the address of a push service we know.")]})


def is_known_service(endpoint: str) -> bool:
    """Whether an address is one that PUSH_HOSTS allows: https, the usual port, no name and password in it."""
    if len(endpoint) > LONGEST_ADDRESS or not re.fullmatch(r"https://[A-Za-z0-9.:-]+/[!-~]*", endpoint) or "\\" in endpoint:
        return False
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    place = host if port in (None, 443) else f"{host}:{port}"
    return any(_fits(place, allowed.lower()) for allowed in settings.PUSH_HOSTS)


def name_of(said: str) -> str:
    """What to call a device: what was typed, or what its browser says of itself in two words."""
    said = " ".join(said.replace("\x00", "").split())
    if "Mozilla/" not in said:
        return said[:60] or gettext("A device")
    browsers = (
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung"),
        ("Firefox/", "Firefox"),
        ("Chrom", "Chrome"),
        ("Safari/", "Safari"),
    )
    systems = (
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    )
    browser = next((word for sign, word in browsers if sign in said), gettext("Browser"))
    system = next((word for sign, word in systems if sign in said), "")
    return f"{browser} · {system}" if system else browser


def _counting(now: datetime) -> QuerySet[PushSubscription]:
    logged_in = UserSession.objects.filter(session_key=OuterRef("session_key"), user=OuterRef("user"))
    by_browser = Q(token_chain=None) & Exists(logged_in)
    return PushSubscription.objects.filter(by_browser | Q(token_chain__ended_at=None, token_chain__expires_at__gt=now))


def _fits(place: str, allowed: str) -> bool:
    return place.endswith(allowed[1:]) and len(place) >= len(allowed) if allowed.startswith("*.") else place == allowed


def _check_keys(p256dh: str, auth: str) -> None:
    """Refuse keys that nothing could be encrypted with."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, unpadded(p256dh))
    except (ValueError, binascii.Error):
        raise Invalid(fields={"p256dh": [gettext("This is not the public key of a browser.")]}) from None
    try:
        is_secret = len(unpadded(auth)) == 16
    except (ValueError, binascii.Error):
        is_secret = False
    if not is_secret:
        raise Invalid(fields={"auth": [gettext("This is not the secret of a browser.")]})


def unpadded(text: str) -> bytes:
    """Bytes as browsers write them: base64 with - and _, and no signs of equality at the end."""
    bare = text.rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", bare):
        raise ValueError("a letter that base64 has not")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
