"""Make the key that web pushes are signed with."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import push_services


class Command(BaseCommand):
    """`manage.py create_push_key`: prints a line for the environment."""

    help = "Prints a new VAPID_PRIVATE_KEY. Devices that were handed in under another key take no pushes under this one."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print it; it is stored nowhere."""
        self.stdout.write(f"VAPID_PRIVATE_KEY={push_services.create_key()}")
