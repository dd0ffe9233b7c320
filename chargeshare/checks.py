"""System checks that stop a careless deployment.

With DEBUG=False the start is refused where strangers would be let in; everything else that looks careless is a warning,
for there may be a reason. In development nothing is said.
"""

import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.management.base import CommandError
from django.db import OperationalError, connection

from accounts.models import User
from ocpp_core import authority

logger = logging.getLogger(__name__)

DEMO_LOGINS = ("driver@example.com", "owner@example.com", "staff@example.com")
DEVELOPMENT_KEY = "insecure-development-key"
SHORTEST_KEY = 32


def refuse_or_warn() -> None:
    """To be called before anything is served: raises with what forbids the start, logs what is careless."""
    found = [*secret_key(), *storage(), *money(), *transport(), *certificates()]
    try:
        found += demo_logins()
    except OperationalError:
        # A process that is restarted while its database is away must come back: what chargers report waits in the spool.
        logger.warning("The database does not answer, so nobody knows whether the demo logins are in it.")
    for message in found:
        if not message.is_serious():
            logger.warning("%s %s", message.msg, message.hint or "")
    if refusals := [f"{message.msg} {message.hint or ''}".strip() for message in found if message.is_serious()]:
        raise CommandError(" ".join(refusals))


@register(Tags.security)
def secret_key(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Whoever knows the key can log in as anyone."""
    if settings.DEBUG:
        return []
    key = settings.SECRET_KEY
    hint = "Set it to at least 50 random characters."
    if len(key) < SHORTEST_KEY or key.startswith((DEVELOPMENT_KEY, "django-insecure-")):
        return [Error("SECRET_KEY is not a real one, and DEBUG is False.", hint=hint, id="chargeshare.E001")]
    if len(set(key)) < 5:
        return [checks.Warning("SECRET_KEY repeats itself.", hint=hint, id="chargeshare.W001")]
    return []


@register(Tags.database)
def demo_logins(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Their password stands in the documentation."""
    if settings.DEBUG or User._meta.db_table not in connection.introspection.table_names():
        return []
    if found := sorted(User.objects.filter(email__in=DEMO_LOGINS).values_list("email", flat=True)):
        hint = "Delete them, or use a database that was not seeded with the demo."
        return [Error(f"The demo logins {', '.join(found)} are in the database, and DEBUG is False.", hint=hint, id="chargeshare.E002")]
    return []


@register(Tags.database)
def storage(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """What does not grow with the site, or forgets."""
    found: list[CheckMessage] = []
    if settings.DEBUG:
        return found
    if connection.vendor == "sqlite":
        found.append(checks.Warning("The database is SQLite.", hint="DATABASE_URL names a PostgreSQL.", id="chargeshare.W002"))
    if not settings.REDIS_URL:
        hint = "REDIS_URL names a Redis; without one, one process is all there may be."
        found.append(checks.Warning("Live news and limits are kept in memory.", hint=hint, id="chargeshare.W003"))
    return found


@register(Tags.security)
def money(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Whether the money that comes in is any, and whether we may issue the documents for it."""
    if settings.DEBUG:
        return []
    if settings.SUPPLY_MODEL == "commissionaire" and not (settings.OPERATOR_ADDRESS and settings.OPERATOR_VAT_ID):
        hint = "Set OPERATOR_NAME, OPERATOR_ADDRESS, OPERATOR_ID and OPERATOR_VAT_ID, or SUPPLY_MODEL=agent."
        return [Error("We sell the energy ourselves and have no name to put on the tax documents.", hint=hint, id="chargeshare.E006")]
    if settings.PAYMENT_GATEWAY == "demo":
        return [
            checks.Warning("Wallets are topped up with play money.", hint="PAYMENT_GATEWAY=gopay takes real one.", id="chargeshare.W004")
        ]
    found: list[CheckMessage] = []
    if missing := [name for name in ("GOPAY_GOID", "GOPAY_CLIENT_ID", "GOPAY_CLIENT_SECRET") if not getattr(settings, name)]:
        found.append(checks.Warning(f"GoPay cannot be asked without {', '.join(missing)}.", id="chargeshare.W005"))
    if "sandbox" in settings.GOPAY_GATEWAY_URL:
        found.append(checks.Warning("GOPAY_GATEWAY_URL is the sandbox: nobody pays anything.", id="chargeshare.W006"))
    return found


@register(Tags.security)
def transport(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Whether passwords and e-mails reach only whom they should."""
    found: list[CheckMessage] = []
    if settings.DEBUG:
        return found
    if not settings.SECURE_SSL:
        hint = "Put a proxy with TLS in front and set SECURE_SSL=True."
        found.append(checks.Warning("Passwords of people and chargers cross the network in the clear.", hint=hint, id="chargeshare.W007"))
    elif not settings.TRUSTED_PROXIES:
        hint = "TRUSTED_PROXIES names the proxy; without it everyone seems to come from there."
        found.append(checks.Warning("No proxy is trusted, though TLS ends in front of this server.", hint=hint, id="chargeshare.W008"))
    if urlsplit(settings.PUBLIC_URL).hostname in ("localhost", "127.0.0.1", "::1"):
        found.append(checks.Warning("PUBLIC_URL leads nowhere from outside.", id="chargeshare.W009"))
    if settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        hint = "EMAIL_URL names a server; without one nobody can reset a password."
        found.append(checks.Warning("E-mails are printed instead of sent.", hint=hint, id="chargeshare.W010"))
    return found


@register(Tags.security)
def certificates(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Whether chargers can be given certificates, where the settings say that they are."""
    found: list[CheckMessage] = []
    if bool(settings.CHARGER_CA_CERTIFICATE) != bool(settings.CHARGER_CA_KEY):
        found.append(Error("CHARGER_CA_CERTIFICATE and CHARGER_CA_KEY only make sense together.", id="chargeshare.E004"))
    for read in (authority.current, authority.server_root):
        try:
            read()
        except authority.Misconfigured as fault:
            found.append(Error(str(fault), hint="Chargers get no certificates until this is mended.", id="chargeshare.E005"))
    if found or not settings.CHARGER_CA_KEY or settings.DEBUG:
        return found
    if authority.key_is_open():
        hint = "chmod 600: whoever reads it can pretend to be any charger."
        found.append(checks.Warning("Others on this machine can read CHARGER_CA_KEY.", hint=hint, id="chargeshare.W011"))
    if not settings.TRUSTED_PROXIES:
        hint = "TRUSTED_PROXIES names the proxy that ends TLS; only it is believed about client certificates."
        found.append(checks.Warning("No charger can show its certificate.", hint=hint, id="chargeshare.W012"))
    return found
