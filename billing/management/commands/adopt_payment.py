"""Give a top-up the payment that staff found for it at the gateway."""

from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction

from billing import top_ups
from billing.models import TopUp
from chargeshare.errors import DomainError


class Command(BaseCommand):
    """Joins the two and asks the gateway; what does not match in every part is not credited."""

    help = "Give a top-up whose payment was never answered the number that the gateway's portal shows for it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which top-up, which payment."""
        parser.add_argument("code", type=UUID, help="of the top-up")
        parser.add_argument("gateway_id", help="the payment's number at the gateway")

    def handle(self, *, code: UUID, gateway_id: str, **_options: Any) -> None:
        """Adopt it."""
        top_up = TopUp.objects.filter(code=code).first()
        if top_up is None:
            raise CommandError(f"There is no top-up {code}.")
        try:
            with transaction.atomic():
                adopted = top_ups.adopt(top_up, gateway_id)
        except IntegrityError as error:
            raise CommandError(f"Payment {gateway_id} belongs to another top-up.") from error
        except DomainError as refusal:
            raise CommandError(str(refusal.message)) from refusal
        self.stdout.write(f"Top-up {code} is {adopted.get_status_display()}.")
