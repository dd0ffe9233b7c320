"""What owners have earned: pending while a session may still be disputed, then available."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Q, Sum

from accounts.models import User
from billing import ledger, spans
from billing.ledger import Kind
from billing.models import ChargeDetailRecord, LedgerAccount, LedgerEntry

PENDING_FOR = timedelta(hours=72)
RELEASE = "release"


@dataclass(frozen=True)
class Harvest:
    """What some sessions brought."""

    earned_minor: int = 0
    energy_wh: int = 0
    sessions: int = 0


@dataclass(frozen=True)
class Earnings:
    """What an owner has, and where it came from. Months begin at midnight in the house's time zone."""

    pending_minor: int
    available_minor: int
    in_payout_minor: int
    currency: str
    by_month: dict[date, Harvest]
    by_charge_point: dict[str, Harvest]


def of(user: User) -> Earnings:
    """An owner's earnings; `by_charge_point` goes by the code of the charger."""
    kinds = (Kind.EARNINGS_PENDING, Kind.EARNINGS_AVAILABLE, Kind.EARNINGS_IN_PAYOUT)
    accounts = LedgerAccount.objects.filter(user_id=user.pk, kind__in=kinds, currency=settings.CURRENCY)
    balances = defaultdict(int, accounts.values_list("kind", "balance_minor"))
    mine = ChargeDetailRecord.objects.filter(owner_id=user.pk).order_by()
    sums = {
        "earned_minor": Sum("owner_minor"),
        "energy_wh": Sum("energy_wh", filter=Q(corrects=None)),
        "sessions": Count("pk", filter=Q(corrects=None)),
    }
    known = spans.first_and_last(user.pk)
    months = spans.by_month(user.pk, spans.months(*known), with_own=True) if known is not None else {}
    places = mine.values("charge_point_code").annotate(**sums).order_by("charge_point_code")
    return Earnings(
        pending_minor=balances[Kind.EARNINGS_PENDING],
        available_minor=balances[Kind.EARNINGS_AVAILABLE],
        in_payout_minor=balances[Kind.EARNINGS_IN_PAYOUT],
        currency=settings.CURRENCY,
        by_month={month: _sum(row) for month, row in months.items()},
        by_charge_point={row["charge_point_code"]: _sum(row) for row in places},
    )


def _sum(row: Mapping[str, int | None]) -> Harvest:
    return Harvest(row["earned_minor"] or 0, row["energy_wh"] or 0, row["sessions"] or 0)


def release_pending(*, now: datetime) -> int:
    """Make available what has been pending for 72 hours; how many owners it concerned."""
    waiting = LedgerAccount.objects.filter(kind=Kind.EARNINGS_PENDING).exclude(balance_minor=0)
    return sum(_release(pending, now) for pending in waiting.select_related("user").order_by("pk"))


@ledger.retried
@transaction.atomic
def _release(pending: LedgerAccount, now: datetime) -> bool:
    """Move what is ripe. What a correction took back counts at once; it is taken from what is available only when nothing is pending."""
    owner = pending.user
    if owner is None:
        raise ValueError(f"Account {pending.pk} belongs to nobody.")
    available = ledger.account(owner, Kind.EARNINGS_AVAILABLE)
    pending = ledger.lock([pending, available])[pending.pk]
    entries = LedgerEntry.objects.filter(account=pending)
    is_counted = Q(transaction__kind=RELEASE) | Q(amount_minor__lt=0) | Q(transaction__created_at__lte=now - PENDING_FOR)
    counted = entries.aggregate(ripe=Sum("amount_minor", filter=is_counted), last=Max("pk"))
    ripe_minor = int(counted["ripe"] or 0)
    if ripe_minor < 0:
        ripe_minor = min(0, pending.balance_minor)
    if ripe_minor == 0:
        return False
    ledger.post(
        key=f"{RELEASE}:{pending.pk}:{counted['last']}", kind=RELEASE, entries=[(pending, -ripe_minor), (available, ripe_minor)], at=now
    )
    return True
