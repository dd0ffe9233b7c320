"""The demo town in the database."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chargeshare import demo


class Command(BaseCommand):
    """`manage.py seed_demo`: builds the town; a second time it changes nothing."""

    help = "Builds the demo town: about 20 chargers around Opava with a month of history. Only with DEBUG=True."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Build it, or say that it stands."""
        if not settings.DEBUG:
            raise CommandError("The demo town has logins with a known password; it is built only with DEBUG=True.")
        if not demo.seed(say=self.stdout.write):
            self.stdout.write("The demo town stands already.")
