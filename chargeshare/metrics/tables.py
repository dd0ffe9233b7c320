"""What lies in the tables and should not lie there for long: bounded questions that an index answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from accounts.models import Letter, Notification, Push
from accounts.notifications import ATTEMPTS
from billing import proofs
from billing.models import Dispute, Hold, LedgerAccount, Payout, Refund, TopUp
from stations.models import ChargingSession, Command, MeterCase

MOST = 100_000
"""More is not counted: it is wrong whatever it is."""
LONGEST_MS = 2_000

Kind = LedgerAccount.Kind
PASSING = (Kind.GATEWAY_CLEARING, Kind.REFUND_TRANSIT, Kind.BANK)


def _to_be_posted(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(emailed_at=None, email_attempts__lt=ATTEMPTS)


def _rests(now: datetime) -> Q:
    """What waits for the morning, for its reader wants quiet."""
    return Q(is_emailed=False) | Q(email_attempts=0, email_after__gt=now)


# What waits for somebody, and since when.
QUEUES: dict[str, tuple[str, Callable[[datetime], QuerySet[Any]]]] = {
    "notifications": ("created_at", lambda now: _to_be_posted(Notification.objects.filter(user__is_active=True)).exclude(_rests(now))),
    "pushes": ("after", lambda now: Push.objects.filter(after__lte=now)),
    "letters": ("created_at", lambda _now: _to_be_posted(Letter.objects.all())),
    "top_ups": ("refresh_at", lambda now: TopUp.objects.filter(refresh_at__lte=now, gateway_id__isnull=False)),
    "refunds": ("created_at", lambda _now: Refund.objects.filter(status__in=["requested", "sent"])),
    "payouts": ("created_at", lambda _now: Payout.objects.filter(status__in=Payout.OPEN)),
    "reviews": ("opened_at", lambda _now: MeterCase.objects.filter(outcome="")),
    "disputes": ("created_at", lambda _now: Dispute.objects.filter(status__in=["open", "answered"])),
    "commands_to_send": (
        "created_at",
        lambda now: Command.objects.filter(Q(not_before=None) | Q(not_before__lte=now), status=Command.Status.PENDING),
    ),
    "commands_under_way": ("sent_at", lambda _now: Command.objects.filter(status=Command.Status.SENT)),
}


def gather() -> list[Metric]:
    """Everything, over this thread's connection, which is closed again; a server that takes its time is not waited for."""
    try:
        if connection.vendor != "postgresql":
            return tell(timezone.now())  # in no transaction: one of SQLite would hold up who writes
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {LONGEST_MS}")
            return tell(timezone.now())
    finally:
        connection.close()


def tell(now: datetime) -> list[Metric]:
    """Everything, as it stands in the database of this thread."""
    return [*_queues(now), *_money(), *_proof()]


def _queues(now: datetime) -> list[Metric]:
    length = GaugeMetricFamily("chargeshare_queue_length", "What waits for somebody.", labels=["queue"])
    oldest = GaugeMetricFamily("chargeshare_queue_oldest_seconds", "How long the oldest of it has waited.", labels=["queue"])
    for name, (since, waiting) in QUEUES.items():
        found = waiting(now).order_by().annotate(since=F(since)).values("since")[:MOST].aggregate(count=Count("*"), oldest=Min("since"))
        length.add_metric([name], found["count"])
        age = (now - found["oldest"]).total_seconds() if found["oldest"] is not None else 0.0
        oldest.add_metric([name], max(0.0, age))
    return [length, oldest]


def _money() -> list[Metric]:
    open_sessions = ChargingSession.objects.filter(status__in=["PENDING", "ACTIVE"]).order_by().values("pk")[:MOST].count()
    sessions = GaugeMetricFamily("chargeshare_sessions_open", "Sessions that have not ended.", value=open_sessions)
    held = Hold.objects.filter(closed_at=None).order_by().values("amount_minor")[:MOST]
    found = held.aggregate(count=Count("*"), sum=Sum("amount_minor"))
    holds = GaugeMetricFamily("chargeshare_holds_open", "Sums set aside for sessions.", value=found["count"])
    minor = GaugeMetricFamily("chargeshare_holds_open_minor", "What is set aside, in hundredths of the currency.", value=found["sum"] or 0)
    passing = LedgerAccount.objects.filter(user=None, kind__in=PASSING, currency=settings.CURRENCY)
    balances = dict(passing.values_list("kind", "balance_minor"))
    clearing = GaugeMetricFamily(
        "chargeshare_clearing_minor", "Balance of an account that only passes money on, in hundredths.", labels=["account"]
    )
    for kind in PASSING:
        clearing.add_metric([kind.value], balances.get(kind, 0))
    return [sessions, holds, minor, clearing]


def _proof() -> list[Metric]:
    """The newest proof of the books; nothing where there has been none."""
    proof = proofs.latest()
    if proof is None:
        return []
    began, problems = proof.began_at.timestamp(), len(proof.problems)
    return [
        GaugeMetricFamily("chargeshare_ledger_proof_timestamp_seconds", "When the books were last proved.", value=began),
        GaugeMetricFamily("chargeshare_ledger_proof_problems", "What did not agree then.", value=problems),
        GaugeMetricFamily("chargeshare_ledger_proof_seconds", "How long that took.", value=float(proof.took_s)),
    ]
