"""Give promo credit."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from billing import ledger, money
from chargeshare.errors import DomainError


class Command(BaseCommand):
    """`manage.py grant_credit EMAIL AMOUNT --reason TEXT`, booked like all money."""

    help = "Give promo credit to an account; it is spent before own money and never paid out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whom, how much, why."""
        parser.add_argument("email")
        parser.add_argument("amount", help="in the main unit, such as 50 or 99.50")
        parser.add_argument("--reason", required=True, help="what the wallet says beside it")

    def handle(self, *_args: Any, email: str, amount: str, reason: str, **_options: Any) -> None:
        """Book it and say what the wallet holds now."""
        user = User.objects.filter(email__iexact=email, closed_at=None).first()
        if user is None:
            raise CommandError(f"There is no account {email}.")
        try:
            amount_minor = money.minor(amount)
            ledger.grant(user, amount_minor, reason=reason)
        except DomainError as error:
            raise CommandError(str(error)) from error
        granted = money.fmt(amount_minor, settings.CURRENCY, language="en")
        available = money.fmt(ledger.wallet(user).available_minor, settings.CURRENCY, language="en")
        self.stdout.write(f"Granted {granted} to {user.email}, who now has {available} available.")
