"""Passwords of chargers: machine keys, so a keyed hash is enough, and a storm of reconnects costs microseconds each."""

import base64
import re
import secrets
import string

from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy as _

from chargeshare.errors import Invalid

_LETTERS = string.ascii_letters + string.digits
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+")
_NOBODYS_DIGEST = "$"


def made_up() -> str:
    """Twenty letters and digits: more than 119 bits, and every make's form takes them."""
    return "".join(secrets.choice(_LETTERS) for _ in range(20))


def check(password: str) -> None:
    """Refuse a chosen password that is too short to protect, or that no form of a charger would take."""
    if not 8 <= len(password) <= 64 or not password.isprintable():
        message = _("A charger's password has 8 to 64 printable characters.")
        raise Invalid(message, fields={"password": [str(message)]})


def digest(password: bytes) -> str:
    """What is stored. The key comes from SECRET_KEY: a stolen database alone opens no door."""
    salt = secrets.token_hex(8)
    return f"{salt}${_hashed(salt, password)}"


def matches(stored: str, given: bytes) -> bool:
    """Whether the bytes are the password, as text or hex-encoded in either case, in a time that tells nothing.

    An empty digest matches nothing.
    """
    salt, _dollar, expected = (stored or _NOBODYS_DIGEST).partition("$")
    spellings = {given, given.hex().encode(), given.hex().upper().encode()}
    if _HEX.fullmatch(given):
        spellings |= {bytes.fromhex(given.decode()), given.lower(), given.upper()}
    found = [constant_time_compare(_hashed(salt, spelling), expected) for spelling in spellings]
    return bool(stored) and any(found)


def in_hex(password: str) -> str:
    """The same bytes as chargers are told them: the standard has an AuthorizationKey in hexadecimal."""
    return password.encode().hex().upper()


def seal(password: str) -> str:
    """Lock a password away that must still be told to a charger. The key comes from SECRET_KEY, as that of the digests does."""
    return _safe().encrypt(password.encode()).decode()


def unseal(sealed: str) -> str | None:
    """The password again; None for what was sealed under another SECRET_KEY."""
    try:
        return _safe().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _safe() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(salted_hmac("stations.passwords.safe", "", algorithm="sha256").digest()))


def _hashed(salt: str, password: bytes) -> str:
    return salted_hmac(f"stations.passwords.{salt}", password, algorithm="sha256").hexdigest()
