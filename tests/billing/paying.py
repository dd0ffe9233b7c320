"""What the tests of payouts share: earnings to pay out, and accounts to pay them to."""

import itertools
from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from billing import ledger
from billing.models import BankAccount

IBAN = "CZ6508000000192000145399"
OTHER_IBAN = "CZ5508000000001234567899"
_numbers = itertools.count(1)


def earn(owner: User, amount_minor: int) -> None:
    """Earnings that are available now, booked as if they had come from the bank."""
    entries = [(ledger.platform_account("bank"), -amount_minor), (ledger.account(owner, "earnings_available"), amount_minor)]
    ledger.post(key=f"test:earned:{next(_numbers)}", kind="test", entries=entries)


def usable_account(owner: User, number: str = IBAN) -> BankAccount:
    """A bank account that was confirmed and has rested."""
    then = timezone.now() - timedelta(days=10)
    known = BankAccount.objects.filter(owner=owner, iban=number, replaced_at=None).first()
    return known or BankAccount.objects.create(
        owner=owner, iban=number, name=owner.name, created_at=then, confirmed_at=then, usable_from=then
    )
