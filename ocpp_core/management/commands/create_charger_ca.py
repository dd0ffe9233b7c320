"""Make the authority that signs client certificates of chargers."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ocpp_core import authority


class Command(BaseCommand):
    """`manage.py create_charger_ca`. Whoever holds the key can make certificates for any charger, so nobody else may read it."""

    help = "Makes a certificate and a key with which client certificates of chargers are signed. Overwrites nothing."
    requires_system_checks: list[str] = []  # one of them misses these very files

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where the two go; the settings say it otherwise."""
        parser.add_argument("--certificate", default=settings.CHARGER_CA_CERTIFICATE or "var/charger-ca.pem")
        parser.add_argument("--key", default=settings.CHARGER_CA_KEY or "var/charger-ca.key")
        parser.add_argument("--name", default="ChargeShare chargers", help="the name in the certificate")
        parser.add_argument("--years", type=int, default=20)

    def handle(self, *args: Any, **options: Any) -> None:
        """Make both files or neither."""
        if not 1 <= options["years"] <= 50 or not 1 <= len(options["name"]) <= 64:
            raise CommandError("--years is 1 to 50, --name has 1 to 64 characters.")
        base = Path(settings.BASE_DIR)
        certificate, key = base / options["certificate"], base / options["key"]
        for path in (certificate, key):
            if path.exists():
                raise CommandError(f"{path} is there already, and the certificates it signed would be worth nothing without it.")
            path.parent.mkdir(parents=True, exist_ok=True)
        written, secret = authority.create(options["name"], years=options["years"], now=timezone.now())
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secret)
        certificate.write_bytes(written)
        self.stdout.write(f"CHARGER_CA_CERTIFICATE={options['certificate']}\nCHARGER_CA_KEY={options['key']}")
        self.stdout.write("Put these two lines into the settings, the certificate into the proxy, and a copy of the key into a safe.")
