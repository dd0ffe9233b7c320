"""Cards: the idTags a person presents to chargers."""

import re
from datetime import datetime
from typing import TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import notifications
from accounts.models import IdToken, Notification, User
from chargeshare.errors import DomainError, Invalid
from chargeshare.sentences import Question

LIMIT_PER_ACCOUNT = 1000
_UID = re.compile(r"[A-Za-z0-9\-_.: ]{4,36}")
_TAG = re.compile(r"[A-Za-z0-9\-_.: ]{0,20}")


class TokenTaken(DomainError):
    """Somebody holds this card already."""

    code = "id_token_taken"
    message = _("This card already belongs to an account. If you hold it in your hand, pair it by tapping.")


class TooManyTokens(DomainError):
    """An account with as many cards as a fleet needs has enough."""

    code = "too_many_id_tokens"
    message = _("An account can hold at most 1000 cards.")


class Changes(TypedDict, total=False):
    """What the holder may set on a card."""

    label: str
    is_blocked: bool
    expires_at: datetime | None
    parent_uid: str
    max_sessions: int | None


def key(uid: str) -> str:
    """What two spellings of one card have in common: letters and digits, upper case.

    Some chargers put a word and a semicolon before the number; only what follows it is the card.
    """
    return re.sub(r"[^A-Z0-9]", "", uid.rpartition(";")[2].upper())


_by_key = Question(lambda uid_key: IdToken.objects.select_related("user").filter(uid_key=uid_key))


def find(uid: str) -> IdToken | None:
    """The card with this number, however it is spelled, or None."""
    return _by_key.first(key(uid)) if key(uid) else None


def add(user: User, uid: str, *, confirmed: bool = False, **changes: Unpack[Changes]) -> IdToken:
    """Give a card to a person. It works at once; unless tapped (`confirmed`), what it may spend is capped until she confirms it."""
    uid = uid.strip()
    if not _UID.fullmatch(uid) or not key(uid):
        message = _("A card number has 4 to 36 letters, digits or - _ . : and spaces.")
        raise Invalid(message, fields={"uid": [str(message)]})
    token = IdToken(user=user, uid=uid, uid_key=key(uid), confirmed_at=timezone.now() if confirmed else None)
    _apply(token, changes)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if IdToken.objects.filter(user=user).count() >= LIMIT_PER_ACCOUNT:
            raise TooManyTokens
        try:
            with transaction.atomic():
                token.save(force_insert=True)
        except IntegrityError as error:
            raise TokenTaken(fields={"uid": [str(TokenTaken.message)]}) from error
    return token


def type_in(user: User, uid: str, **changes: Unpack[Changes]) -> IdToken:
    """Add a card by its number, and tell the holder: whoever got into her account might try to charge at her expense."""
    token = add(user, uid, **changes)
    notifications.notify(user, Notification.Kind.CARD_PAIRED, url=reverse("accounts:id_tokens"), card=str(token))
    return token


def edit(token: IdToken, **changes: Unpack[Changes]) -> IdToken:
    """Change what the holder may change; the number itself stays."""
    _apply(token, changes)
    token.save(update_fields=list(changes))
    return token


def rename(token: IdToken, label: str) -> IdToken:
    """Call a card something."""
    return edit(token, label=label)


def block(token: IdToken, *, blocked: bool = True) -> IdToken:
    """Make a card useless at once, or useful again. A session that runs goes on; it can be stopped with another card."""
    return edit(token, is_blocked=blocked)


def confirm(token: IdToken) -> IdToken:
    """The holder has shown that the card is hers: the cap on its sessions ends."""
    now = timezone.now()
    if IdToken.objects.filter(pk=token.pk, confirmed_at=None).update(confirmed_at=now):
        token.confirmed_at = now
    return token


def remove(token: IdToken) -> None:
    """Forget a card. Its sessions stay, and its number is free for whoever holds it next."""
    token.delete()


def _apply(token: IdToken, changes: Changes) -> None:
    if "label" in changes:
        token.label = " ".join(changes["label"].split())[:60]
    if "is_blocked" in changes:
        token.is_blocked = changes["is_blocked"]
    if "expires_at" in changes:
        token.expires_at = changes["expires_at"]
    if "max_sessions" in changes:
        token.max_sessions = changes["max_sessions"]
    if "parent_uid" in changes:
        if not _TAG.fullmatch(changes["parent_uid"]):
            message = _("A group tag has at most 20 letters, digits or - _ . : and spaces.")
            raise Invalid(message, fields={"parent_uid": [str(message)]})
        token.parent_uid = changes["parent_uid"]
