"""The proof of the books as an event: made each night, kept, told to staff where something is wrong; and what lies in between."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Min, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone

from accounts import notifications
from accounts.models import Notification, User
from billing import audit
from billing.models import LedgerAccount, LedgerEntry, LedgerProof, LedgerTransaction, Payout, Refund, TopUp

Kind = LedgerAccount.Kind
NIGHT_BEGINS_AT = 3
RUNS_AT_MOST = timedelta(hours=1)
LATE_AFTER = timedelta(hours=24)
OLD_AFTER = timedelta(days=7)
STALE_AFTER = timedelta(hours=30)
KEPT = timedelta(days=3 * 365)


@dataclass(frozen=True)
class Clearing:
    """An account that only passes money on: what lies there, what of it is under way, and since when."""

    kind: str
    label: str
    balance_minor: int
    count: int
    oldest_at: datetime | None

    def age(self, now: datetime) -> timedelta:
        """How long the oldest has been under way."""
        return now - self.oldest_at if self.oldest_at is not None else timedelta(0)

    @property
    def is_late(self) -> bool:
        """Whether something should have arrived by now."""
        return self.age(timezone.now()) > LATE_AFTER

    @property
    def is_old(self) -> bool:
        """Whether somebody has to act."""
        return self.age(timezone.now()) > OLD_AFTER


@dataclass(frozen=True)
class KindSum:
    """All accounts of one kind together."""

    kind: str
    label: str
    accounts: int
    balance_minor: int


def prove(*, by: User | None = None) -> LedgerProof:
    """Prove the books now and keep what came out."""
    return _run(LedgerProof.objects.create(began_at=timezone.now(), asked_by=by))


def prove_nightly(*, now: datetime) -> int:
    """The night's proof: once, whoever comes first; one that died with its process is made again after an hour."""
    local = timezone.localtime(now)
    if local.hour < NIGHT_BEGINS_AT:
        return 0
    night = local.date()
    proof = LedgerProof.objects.filter(night=night).first()
    if proof is None:
        try:
            with transaction.atomic():
                proof = LedgerProof.objects.create(night=night, began_at=now)
        except IntegrityError:
            return 0  # another process was faster
    elif proof.is_done or not _take_over(proof, now):
        return 0
    _run(proof)
    return 1


def latest() -> LedgerProof | None:
    """The newest that came to its end."""
    return LedgerProof.objects.filter(took_ms__isnull=False).order_by("-began_at").first()


def clearings() -> list[Clearing]:
    """The accounts through which money only passes, with the oldest of what is under way there."""
    unclear = TopUp.objects.filter(status__in=[TopUp.Status.PENDING, TopUp.Status.REVIEW])
    refunds = Refund.objects.filter(status__in=[Refund.Status.REQUESTED, Refund.Status.SENT])
    payouts = Payout.objects.filter(status__in=Payout.OPEN)
    return [
        _clearing(Kind.GATEWAY_CLEARING, unclear),
        _clearing(Kind.REFUND_TRANSIT, refunds),
        _clearing(Kind.EARNINGS_IN_PAYOUT, payouts),
    ]


def sums() -> list[KindSum]:
    """What lies in all accounts of each kind; together it is nothing."""
    of_kind = {
        row["kind"]: row
        for row in LedgerAccount.objects.order_by().values("kind").annotate(accounts=Count("pk"), balance=Sum("balance_minor"))
    }
    return [KindSum(kind, str(kind.label), of_kind[kind]["accounts"], of_kind[kind]["balance"]) for kind in Kind if kind in of_kind]


def currency() -> str:
    """What the books are kept in."""
    return settings.CURRENCY


def old(now: datetime) -> QuerySet[LedgerProof]:
    """Those that are kept no longer."""
    return LedgerProof.objects.filter(began_at__lt=now - KEPT)


def _take_over(proof: LedgerProof, now: datetime) -> bool:
    mine = LedgerProof.objects.filter(pk=proof.pk, took_ms=None, began_at=proof.began_at, began_at__lt=now - RUNS_AT_MOST)
    if mine.update(began_at=now) == 0:
        return False
    proof.began_at = now
    return True


def _run(proof: LedgerProof) -> LedgerProof:
    began = time.monotonic()
    proof.problems = audit.check()
    proof.transactions, proof.entries = LedgerTransaction.objects.count(), LedgerEntry.objects.count()
    proof.took_ms = int((time.monotonic() - began) * 1000)
    with transaction.atomic():
        proof.save()
        if proof.problems:
            tell_staff(proof.problems)
    return proof


def tell_staff(problems: list[str]) -> None:
    """Tell everybody of staff what does not agree."""
    said = {"count": len(problems), "first": problems[0][:300]}
    for person in User.objects.filter(is_staff=True, is_active=True):
        notifications.notify(person, Notification.Kind.LEDGER_ALERT, url=reverse("admin:billing_proof"), **said)


def _clearing(kind: LedgerAccount.Kind, under_way: QuerySet[TopUp] | QuerySet[Refund] | QuerySet[Payout]) -> Clearing:
    lies = LedgerAccount.objects.filter(kind=kind, currency=settings.CURRENCY).aggregate(sum=Sum("balance_minor"))["sum"] or 0
    found = under_way.aggregate(count=Count("pk"), oldest=Min("created_at"))
    return Clearing(kind, str(kind.label), lies, found["count"], found["oldest"])
