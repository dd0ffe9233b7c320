"""The wallet's journal: every event in the books as the person it concerns reads it, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q, QuerySet, Sum

from accounts.models import User
from billing import ledger
from billing.ledger import Kind
from billing.models import ChargeDetailRecord, LedgerEntry, LedgerTransaction

SPENDABLE = (Kind.CASH, Kind.PROMO)


@dataclass(frozen=True)
class Movement:
    """One event: what it changed of own money, promo credit and debt, and what remained to spend afterwards."""

    id: int
    at: datetime
    kind: str
    note: str
    url: str
    cash_minor: int
    promo_minor: int
    debt_minor: int
    balance_minor: int
    currency: str
    receipt: ChargeDetailRecord | None

    @property
    def amount_minor(self) -> int:
        """How the balance changed."""
        return self.cash_minor + self.promo_minor

    @property
    def owed_minor(self) -> int:
        """What of it became a debt."""
        return max(0, -self.debt_minor)


def events(user: User) -> QuerySet[LedgerTransaction]:
    """The transactions that touched a person's wallet, newest first; a page of them goes to `movements`."""
    touched = _in_wallet(user).values("transaction_id")
    found: QuerySet[LedgerTransaction] = LedgerTransaction.objects.filter(pk__in=touched).order_by("-pk")
    return found


def _in_wallet(user: User) -> QuerySet[LedgerEntry]:
    found: QuerySet[LedgerEntry] = LedgerEntry.objects.filter(
        account__user_id=user.pk, account__kind__in=ledger.WALLET_KINDS, account__currency=settings.CURRENCY
    )
    return found


def count(user: User) -> int:
    """How many there are; of one transaction a wallet may hold two entries."""
    return _in_wallet(user).order_by().values("transaction_id").distinct().count()


def movements(user: User, page: Sequence[LedgerTransaction]) -> list[Movement]:
    """What a run of neighbouring events meant to this person. The remainder is counted back from today's balance."""
    if not page:
        return []
    mine = LedgerEntry.objects.filter(account__user_id=user.pk, account__currency=settings.CURRENCY)
    newest = max(event.pk for event in page)
    later = mine.filter(account__kind__in=SPENDABLE, transaction_id__gt=newest).aggregate(sum=Sum("amount_minor"))["sum"] or 0
    balance_minor = ledger.wallet(user).balance_minor - int(later)
    amounts: dict[int, dict[str, int]] = {event.pk: {} for event in page}
    for transaction_id, kind, amount_minor in mine.filter(
        Q(transaction_id__in=list(amounts)), account__kind__in=ledger.WALLET_KINDS
    ).values_list("transaction_id", "account__kind", "amount_minor"):
        amounts[transaction_id][kind] = amount_minor
    receipts = _receipts(page)
    result = []
    for event in sorted(page, key=lambda event: -event.pk):
        of = amounts[event.pk]
        movement = Movement(
            id=event.pk,
            at=event.created_at,
            kind=event.kind,
            note=event.note,
            url=event.url,
            cash_minor=of.get(Kind.CASH, 0),
            promo_minor=of.get(Kind.PROMO, 0),
            debt_minor=of.get(Kind.DEBT, 0),
            balance_minor=balance_minor,
            currency=settings.CURRENCY,
            receipt=receipts.get(event.url),
        )
        balance_minor -= movement.amount_minor
        result.append(movement)
    return result


def _receipts(page: Sequence[LedgerTransaction]) -> dict[str, ChargeDetailRecord]:
    numbers = {event.url.rstrip("/").rpartition("/")[2] for event in page if event.kind in ("settle", "correct")}
    return {cdr.get_absolute_url(): cdr for cdr in ChargeDetailRecord.objects.filter(number__in=numbers)}
