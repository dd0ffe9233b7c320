"""Reading settings from the environment: a value that cannot be read stops the start with a sentence that names it."""

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

_env = environ.Env()
if _file := _env.str("ENV_FILE", default=".env"):
    environ.Env.read_env(BASE_DIR / _file)  # what the environment already says wins over the file


def text(name: str, default: str = "") -> str:
    """A value taken as it stands."""
    return str(_env.str(name, default=default))


def flag(name: str, *, default: bool) -> bool:
    """A switch, written `True` or `False`."""
    value = text(name, str(default)).strip().lower()
    if value in ("true", "1", "yes", "on"):
        return True
    if value in ("false", "0", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} must be True or False, not {value!r}.")


def whole(name: str, default: int, *, least: int = 0) -> int:
    """A whole number."""
    value = text(name, str(default)).strip()
    if not re.fullmatch(r"-?\d{1,15}", value) or int(value) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {least}, not {value!r}.")
    return int(value)


def seconds(name: str, default: float, *, least: float = 0) -> float:
    """A time in seconds, fractions allowed."""
    value = text(name, str(default)).strip()
    if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", value) or float(value) < least:
        raise ImproperlyConfigured(f"{name} must be a number of seconds of at least {least}, not {value!r}.")
    return float(value)


def decimal(name: str, default: str, *, least: str = "0", most: str = "1000000000") -> Decimal:
    """A decimal number in a range."""
    value = text(name, default).strip()
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not Decimal(least) <= number <= Decimal(most):
        raise ImproperlyConfigured(f"{name} must be a decimal number from {least} to {most}, not {value!r}.")
    return number


def minor(name: str, default: str) -> int:
    """An amount in the main unit of the currency, kept in its hundredths."""
    amount = decimal(name, default) * 100
    if amount != int(amount):
        raise ImproperlyConfigured(f"{name} must have at most two decimals, not {text(name, default)!r}.")
    return int(amount)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One word of a few."""
    value = text(name, default).strip()
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value


def matching(name: str, default: str, pattern: str, like: str) -> str:
    """A word of a certain form."""
    value = text(name, default).strip()
    if not re.fullmatch(pattern, value):
        raise ImproperlyConfigured(f"{name} must be {like}, not {value!r}.")
    return value


def address(name: str, default: str, schemes: tuple[str, ...]) -> str:
    """An address such as `https://chargeshare.example`; it may hold a password, so an error does not repeat it."""
    value = text(name, default).strip()
    try:
        parts = urlsplit(value)
        readable = parts.scheme in schemes and bool(parts.netloc or parts.scheme == "unix") and (parts.port or 1) > 0
    except ValueError:
        readable = False
    if not readable and (value or default):
        raise ImproperlyConfigured(f"{name} must be an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def database(name: str, default: str) -> dict[str, Any]:
    """A database address such as `sqlite:///var/chargeshare.sqlite3` or `postgres://user:password@host/name`."""
    url = text(name, default)
    if not re.match(r"(sqlite|postgres|postgresql)://", url):
        raise ImproperlyConfigured(f"{name} must begin with sqlite:// or postgres://.")
    try:
        config: dict[str, Any] = dict(_env.db_url_config(url))
    except (ValueError, environ.ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name} cannot be read as a database address.") from error
    return config


def email(name: str, default: str) -> dict[str, Any]:
    """An e-mail server such as `smtp+tls://user:password@host:587`, or `consolemail://`."""
    try:
        return dict(_env.email_url_config(text(name, default)))
    except (ValueError, KeyError, environ.ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name} cannot be read as the address of an e-mail server.") from error
