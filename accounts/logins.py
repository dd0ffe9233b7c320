"""Logging in with a password: who is let in, who tried too often, and the token chains of programs."""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts import addresses
from accounts.models import LoginFailure, TokenChain, User
from chargeshare.errors import DomainError

WINDOW = timedelta(minutes=15)
CHAIN = "chain"
_T = TypeVar("_T", bound=Token)


class WrongCredentials(DomainError):
    """Unknown account, wrong password, closed account: nobody can tell which."""

    code = "wrong_credentials"
    status = 401
    message = _("The e-mail and the password do not belong together.")


class SecondFactorMissing(DomainError):
    """The password was right, and the account asks for more."""

    code = "second_factor_required"
    status = 403
    message = _("This account has a second factor. Send the code of the authenticator app as well.")


class WrongCode(DomainError):
    """The second factor was not right."""

    code = "wrong_code"
    status = 401
    message = _("The code is not right. Wait for the next one and try again.")


class TooManyFailures(DomainError):
    """Too many wrong passwords for this account or from this address."""

    code = "too_many_failures"
    status = 429
    message = _("Too many failed log-ins. Try again in a quarter of an hour.")
    retry_after_s = int(WINDOW.total_seconds())


class TokenRefused(DomainError):
    """A refresh token that is none, has run out, or was used before."""

    code = "token_not_valid"
    status = 401
    message = _("This token is not valid. Log in again.")


class RefreshToken(Token):
    """Buys one new pair of tokens. It is bound to a chain and counts only until it is used."""

    token_type = "refresh"  # noqa: S105 - a kind of token, not a token
    lifetime = api_settings.REFRESH_TOKEN_LIFETIME


def check_failures(email: str, address: str) -> None:
    """Refuse who failed too often; who never failed is never refused, however often she comes."""
    since = timezone.now() - WINDOW
    for subject, limit in _counted(email, address):
        if LoginFailure.objects.filter(subject=subject, at__gt=since).count() >= limit:
            raise TooManyFailures


def record_failure(email: str, address: str) -> None:
    """Count a failed log-in for the account and for the address."""
    now = timezone.now()
    LoginFailure.objects.bulk_create(LoginFailure(subject=subject, at=now) for subject, _limit in _counted(email, address))


def forgive(email: str) -> None:
    """Forget the failures of an account: its holder has just proved to own it by another way."""
    LoginFailure.objects.filter(subject=_hashed("email", email.strip().lower())).delete()


def has_second_factor(user: User) -> bool:
    """Whether a password alone does not open this account."""
    return bool(Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists())


def check_second_factor(user: User, code: str) -> None:
    """Take a code of the authenticator app, or a recovery code. An account without either needs none."""
    if not has_second_factor(user):
        return
    if not code.strip():
        raise SecondFactorMissing
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES]
    for authenticator in Authenticator.objects.filter(user=user, type__in=kinds).order_by("-type"):
        if authenticator.wrap().validate_code(code.strip()):
            authenticator.record_usage()
            return
    raise WrongCode


def begin_chain(user: User) -> tuple[str, str]:
    """A first pair of tokens, access and refresh, for a program that has just logged in."""
    chain = TokenChain(user=user)
    refresh = _refresh_token(chain)
    chain.save(force_insert=True)
    return _access_token(chain), str(refresh)


def renew(refresh: str) -> tuple[str, str]:
    """A new pair for an old refresh token. A token that comes a second time was copied: the whole chain ends."""
    token = _read(refresh)
    with transaction.atomic():
        chain = TokenChain.objects.select_for_update().select_related("user").filter(pk=token[CHAIN], ended_at=None).first()
        if chain is None:
            raise TokenRefused
        user = chain.user
        still_hers = user.is_active and token.get(api_settings.REVOKE_TOKEN_CLAIM) == get_md5_hash_password(user.password)
        if still_hers and chain.jti == token["jti"]:
            fresh = _refresh_token(chain)
            chain.save()
            return _access_token(chain), str(fresh)
        chain.ended_at = timezone.now()
        chain.save()
    raise TokenRefused


def end_chain(refresh: str) -> None:
    """Log a program out: no token of its chain opens anything any more."""
    end_chain_of(_read(refresh))


def end_chain_of(token: Token) -> None:
    """The same, for a token that has been read."""
    TokenChain.objects.filter(pk=token[CHAIN], ended_at=None).update(ended_at=timezone.now())


def end_all(user: User) -> None:
    """Log out every program of a person."""
    TokenChain.objects.filter(user=user, ended_at=None).update(ended_at=timezone.now())


def user_of(token: Token) -> User | None:
    """Whom an access token speaks for, if its chain, the account and the password are still what they were."""
    try:
        chain = UUID(str(token.get(CHAIN)))
    except ValueError:
        return None
    user = User.objects.filter(token_chains__pk=chain, token_chains__ended_at=None, is_active=True).first()
    if user is None or token.get(api_settings.REVOKE_TOKEN_CLAIM) != get_md5_hash_password(user.password):
        return None
    return user


def prune(*, now: datetime) -> int:
    """Forget failures that count no more and chains that have run out."""
    failures = LoginFailure.objects.filter(at__lt=now - WINDOW).delete()[0]
    return failures + TokenChain.objects.filter(expires_at__lt=now).delete()[0]


def _counted(email: str, address: str) -> list[tuple[str, int]]:
    return [
        (_hashed("email", email.strip().lower()), settings.LIMIT_LOGIN_FAILURES),
        (_hashed("address", addresses.network(address)), settings.LIMIT_LOGIN_FAILURES * 10),
    ]


def _hashed(kind: str, value: str) -> str:
    said = f"{kind}:{value}".encode(errors="replace")
    return hmac.new(settings.SECRET_KEY.encode(), said, hashlib.sha256).hexdigest()


def _read(refresh: str) -> RefreshToken:
    try:
        token = RefreshToken(refresh)  # type: ignore[arg-type]  # the stubs know no encoded token
        UUID(str(token.get(CHAIN)))
    except (TokenError, ValueError) as error:
        raise TokenRefused from error
    return token


def _refresh_token(chain: TokenChain) -> RefreshToken:
    token = RefreshToken()
    chain.jti = token["jti"]
    chain.used_at = timezone.now()
    chain.expires_at = chain.used_at + api_settings.REFRESH_TOKEN_LIFETIME
    return _bound(token, chain)


def _access_token(chain: TokenChain) -> str:
    return str(_bound(AccessToken(), chain))


def _bound(token: _T, chain: TokenChain) -> _T:
    token[CHAIN] = str(chain.pk)
    token[api_settings.USER_ID_CLAIM] = str(chain.user_id)
    token[api_settings.REVOKE_TOKEN_CLAIM] = get_md5_hash_password(chain.user.password)
    return token
