"""An account from the command line."""

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from accounts import registration


class Command(BaseCommand):
    """Makes an account with a confirmed e-mail that can log in at once."""

    help = "Make an account with a confirmed e-mail. Without --password one is made up and printed."

    def add_arguments(self, parser: CommandParser) -> None:
        """E-mail, and what may go with it."""
        parser.add_argument("email")
        parser.add_argument("--password", help="made up and printed if left out")
        parser.add_argument("--name", default="")
        parser.add_argument("--staff", action="store_true", help="may enter the administration and see everything")

    def handle(self, *, email: str, password: str | None, name: str, staff: bool, **options: Any) -> None:
        """Make it, or say in a sentence why not."""
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"{email!r} is no e-mail address.") from error
        chosen = password or secrets.token_urlsafe(12)
        try:
            user = registration.register(email, chosen, name=name, is_staff=staff, confirmed=True)
        except registration.EmailTaken as error:
            raise CommandError(f"There is an account with the e-mail {email} already.") from error
        if staff:
            user.is_superuser = True
            user.save(update_fields=["is_superuser"])
        self.stdout.write(f"Account {user.email} made.")
        if password is None:
            self.stdout.write(f"Password: {chosen}")
