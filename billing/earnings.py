"""What owners have earned: pending while a session may still be disputed, then available."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Sum

from accounts.models import User
from billing import kept, ledger, spans
from billing.ledger import Kind
from billing.models import LedgerAccount, LedgerEntry

PENDING_FOR = timedelta(hours=72)
RELEASE = "release"


@dataclass(frozen=True)
class Harvest:
    """What some sessions brought."""

    earned_minor: int = 0
    energy_wh: int = 0
    sessions: int = 0


@dataclass(frozen=True)
class Balances:
    """What an owner has."""

    pending_minor: int
    available_minor: int
    in_payout_minor: int
    currency: str


@dataclass(frozen=True)
class Earnings(Balances):
    """The same, and where it came from. Months begin at midnight in the house's time zone."""

    by_month: dict[date, Harvest]
    by_charge_point: dict[str, Harvest]


def balances(user: User) -> Balances:
    """What an owner's accounts stand at."""
    kinds = (Kind.EARNINGS_PENDING, Kind.EARNINGS_AVAILABLE, Kind.EARNINGS_IN_PAYOUT)
    accounts = LedgerAccount.objects.filter(user_id=user.pk, kind__in=kinds, currency=settings.CURRENCY)
    of_kind = dict(accounts.values_list("kind", "balance_minor"))
    pending_minor, available_minor, in_payout_minor = (of_kind.get(kind, 0) for kind in kinds)
    return Balances(pending_minor, available_minor, in_payout_minor, settings.CURRENCY)


def of(user: User) -> Earnings:
    """An owner's earnings; `by_charge_point` goes by the code of the charger."""
    known = spans.first_and_last(user.pk)
    months = spans.months(*known) if known is not None else []
    by_month = kept.sums(user.pk, months, of=kept.Of.MADE, per="month", with_own=True)
    places = kept.sums(user.pk, months, of=kept.Of.MADE, per="charge_point_code", with_own=True)
    return Earnings(
        **vars(balances(user)),
        by_month={month: _sum(row) for month, row in sorted(by_month.items(), reverse=True) if any(row[name] for name in spans.NAMES)},
        by_charge_point={code: _sum(row) for code, row in sorted(places.items())},
    )


def _sum(row: Mapping[str, int]) -> Harvest:
    return Harvest(row["earned_minor"], row["energy_wh"], row["sessions"])


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
    recent = LedgerEntry.objects.filter(account=pending, amount_minor__gt=0, transaction__created_at__gt=now - PENDING_FOR)
    waiting_minor = recent.exclude(transaction__kind=RELEASE).aggregate(sum=Sum("amount_minor"))["sum"] or 0
    ripe_minor = pending.balance_minor - int(waiting_minor)
    if ripe_minor < 0:
        ripe_minor = min(0, pending.balance_minor)
    if ripe_minor == 0:
        return False
    last = LedgerEntry.objects.filter(account=pending).aggregate(last=Max("pk"))["last"]
    ledger.post(key=f"{RELEASE}:{pending.pk}:{last}", kind=RELEASE, entries=[(pending, -ripe_minor), (available, ripe_minor)], at=now)
    return True
