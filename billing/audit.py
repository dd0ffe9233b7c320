"""The proof behind `manage.py check_ledger`: everything the books promise, computed again from the entries."""

from collections import Counter
from collections.abc import Callable, Iterator

from django.db import connection, transaction
from django.db.models import Count, F, Q, Sum, Window
from django.db.models.functions import Coalesce

from billing.models import ChargeDetailRecord, Hold, LedgerAccount, LedgerEntry, LedgerTransaction, Payout, ReceiptSeries, Refund, TopUp

Kind = LedgerAccount.Kind
SHOWN_PER_CHECK = 20


def check() -> list[str]:
    """What is wrong with the books, in sentences; nothing when they are in order.

    All proofs look at one moment, so that money moving meanwhile is no finding.
    """
    is_outermost = not connection.in_atomic_block
    problems: list[str] = []
    with transaction.atomic():
        if is_outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for proof in PROOFS:
            found = list(proof())
            problems += found[:SHOWN_PER_CHECK]
            if len(found) > SHOWN_PER_CHECK:
                problems.append(f"… and {len(found) - SHOWN_PER_CHECK} more like the last one.")
    return problems


def _transactions_balance() -> Iterator[str]:
    unbalanced = LedgerTransaction.objects.annotate(sum=Coalesce(Sum("entries__amount_minor"), 0), sides=Count("entries")).filter(
        ~Q(sum=0) | Q(sides__lt=2)
    )
    for booked in unbalanced.order_by("pk"):
        yield f"Transaction {booked.key} has {booked.sides} entries that sum to {booked.sum}."


def _balances_are_sums() -> Iterator[str]:
    drifted = LedgerAccount.objects.annotate(sum=Coalesce(Sum("entries__amount_minor"), 0)).exclude(balance_minor=F("sum"))
    for account in drifted:
        yield f"Account {account.pk} ({account}) says {account.balance_minor}, its entries sum to {account.sum}."


def _remainders_follow() -> Iterator[str]:
    running = Window(Sum("amount_minor"), partition_by="account", order_by="id")
    broken = LedgerEntry.objects.annotate(running=running).exclude(balance_after_minor=F("running")).order_by("pk")
    for entry in broken:
        yield f"Entry {entry.pk} of account {entry.account_id} says {entry.balance_after_minor} remained, it was {entry.running}."


def _signs_are_right() -> Iterator[str]:
    impossible = Q(kind=Kind.PROMO, balance_minor__lt=0) | Q(kind=Kind.DEBT, balance_minor__gt=0)
    for account in LedgerAccount.objects.filter(impossible):
        yield f"Account {account.pk} ({account}) cannot stand at {account.balance_minor}."


def _holds_end_with_their_session() -> Iterator[str]:
    settled = {f"session:{code}" for code in ChargeDetailRecord.objects.values_list("session_code", flat=True).distinct()}
    for hold in Hold.objects.filter(closed_at=None):
        if hold.key in settled:
            yield f"Hold {hold.key} of {hold.amount_minor} is open although its session has been settled."


def _receipts_add_up() -> Iterator[str]:
    summed = ChargeDetailRecord.objects.annotate(sum=Coalesce(Sum("lines__amount_minor"), 0))
    for cdr in summed.exclude(total_minor=F("sum")):
        yield f"Receipt {cdr.number} says {cdr.total_minor}, its lines sum to {cdr.sum}."
    parts = Q(total_minor=F("fee_minor") + F("owner_minor")) & Q(
        total_minor=F("promo_minor") + F("cash_minor") + F("debt_minor") + F("loss_minor")
    )
    for cdr in ChargeDetailRecord.objects.exclude(parts):
        yield f"Receipt {cdr.number} has parts that do not add up to {cdr.total_minor}."


def _receipts_are_booked() -> Iterator[str]:
    """Each receipt moved exactly the money it says, once; and no settlement was booked without one."""
    booked = _amounts_by_key()
    order: Counter[str] = Counter()
    for cdr in ChargeDetailRecord.objects.order_by("pk").iterator():
        number = order[cdr.session_code]
        order[cdr.session_code] += 1
        key = f"session:{cdr.session_code}:correct:{number}" if number else f"session:{cdr.session_code}:settle"
        said = {
            Kind.EARNINGS_PENDING: cdr.owner_minor,
            Kind.PLATFORM_FEE: cdr.fee_minor,
            Kind.LOSS: -cdr.loss_minor,
            Kind.PROMO: -cdr.promo_minor,
            Kind.CASH: -cdr.cash_minor,
            Kind.DEBT: -cdr.debt_minor,
        }
        said = {kind: amount_minor for kind, amount_minor in said.items() if amount_minor}
        if booked.pop(key, {}) != said:
            yield f"Receipt {cdr.number} and transaction {key} disagree."
    for key in booked:
        yield f"Transaction {key} has no receipt."


def _amounts_by_key() -> dict[str, dict[str, int]]:
    rows = (
        LedgerEntry.objects.filter(transaction__kind__in=["settle", "correct"])
        .values_list("transaction__key", "account__kind")
        .annotate(sum=Sum("amount_minor"))
        .order_by()
    )
    booked: dict[str, dict[str, int]] = {}
    for key, kind, amount_minor in rows:
        booked.setdefault(key, {})[kind] = amount_minor
    return booked


def _no_number_is_missing() -> Iterator[str]:
    given: Counter[str] = Counter(number.rpartition("-")[0] for number in ChargeDetailRecord.objects.values_list("number", flat=True))
    for series in ReceiptSeries.objects.all():
        name = f"{series.year}-{series.issuer_id:04d}" if series.issuer_id else f"{series.year}"
        if given.pop(name, 0) != series.last:
            yield f"Receipt series {name} stands at {series.last}, but another number of receipts exists."
    for name in given:
        yield f"Receipts {name}-… belong to no series."


def _clearing_is_paid_less_refunded() -> Iterator[str]:
    paid = TopUp.objects.filter(paid_at__isnull=False).aggregate(sum=Sum(F("amount_minor") - F("refunded_minor")))["sum"] or 0
    clearing = LedgerAccount.objects.filter(kind=Kind.GATEWAY_CLEARING).aggregate(sum=Sum("balance_minor"))["sum"] or 0
    if clearing != -paid:
        yield f"The gateway's clearing account stands at {clearing}, top-ups paid less refunded at {paid}."


def _top_ups_are_booked() -> Iterator[str]:
    """Each top-up that says it was paid put its money into the wallet once, and no other did."""
    booked = dict(
        LedgerEntry.objects.filter(transaction__kind="top_up", account__kind=Kind.GATEWAY_CLEARING)
        .values_list("transaction__key")
        .annotate(sum=Sum("amount_minor"))
        .order_by()
    )
    for code, status, amount_minor in TopUp.objects.order_by("pk").values_list("code", "status", "amount_minor").iterator():
        paid = status in (TopUp.Status.PAID, TopUp.Status.REFUNDED)
        if booked.pop(f"top-up:{code}", 0) != (-amount_minor if paid else 0):
            yield f"Top-up {code} of {amount_minor} is {status}, and the books say otherwise."
    for key in booked:
        yield f"Transaction {key} has no top-up."


def _transit_is_what_is_on_its_way() -> Iterator[str]:
    under_way = (
        Refund.objects.filter(status__in=[Refund.Status.REQUESTED, Refund.Status.SENT]).aggregate(sum=Sum("amount_minor"))["sum"] or 0
    )
    transit = LedgerAccount.objects.filter(kind=Kind.REFUND_TRANSIT).aggregate(sum=Sum("balance_minor"))["sum"] or 0
    if transit != under_way:
        yield f"Refunds under way stand at {transit} in the books, the refunds themselves at {under_way}."
    returned = TopUp.objects.annotate(sum=Coalesce(Sum("refunds__amount_minor", filter=Q(refunds__status=Refund.Status.DONE)), 0))
    for top_up in returned.exclude(refunded_minor=F("sum")):
        yield f"Top-up {top_up.code} says {top_up.refunded_minor} was returned, its refunds sum to {top_up.sum}."


def _payouts_lie_apart() -> Iterator[str]:
    """What owners have in payout is the sum of their payouts under way, owner by owner."""
    open_ones = Payout.objects.filter(status__in=Payout.OPEN).order_by()
    under_way = dict(open_ones.values_list("owner_id").annotate(sum=Sum("amount_minor")))
    lying = LedgerAccount.objects.filter(kind=Kind.EARNINGS_IN_PAYOUT).order_by()
    for owner_id, stands_at in lying.values_list("user_id").annotate(sum=Sum("balance_minor")):
        if stands_at != under_way.pop(owner_id, 0):
            yield f"Owner {owner_id} has {stands_at} in payout, her payouts under way say otherwise."
    for owner_id, amount_minor in under_way.items():
        yield f"Payouts of owner {owner_id} over {amount_minor} are under way, and nothing lies apart for them."


def _payouts_are_booked() -> Iterator[str]:
    """Each payout moved its amount once: out of what was available, and by its end to the bank or back."""
    rows = LedgerEntry.objects.filter(transaction__kind="payout").order_by()
    booked: dict[str, dict[str, int]] = {}
    for key, kind, amount_minor in rows.values_list("transaction__key", "account__kind").annotate(sum=Sum("amount_minor")):
        of = booked.setdefault(key.split(":")[1], {})
        of[kind] = of.get(kind, 0) + amount_minor
    for payout in Payout.objects.order_by("pk").iterator():
        lies_in = Kind.BANK if payout.status == Payout.Status.PAID else Kind.EARNINGS_IN_PAYOUT
        went = payout.is_open or payout.status == Payout.Status.PAID
        said = {Kind.EARNINGS_AVAILABLE: -payout.amount_minor, lies_in: payout.amount_minor} if went else {}
        moved = booked.pop(str(payout.code), None)
        if moved is None or {kind: amount_minor for kind, amount_minor in moved.items() if amount_minor} != said:
            yield f"Payout {payout.variable_symbol} of {payout.amount_minor} is {payout.status}, and the books say otherwise."
    for code in booked:
        yield f"Transaction payout:{code} has no payout."


PROOFS: tuple[Callable[[], Iterator[str]], ...] = (
    _transactions_balance,
    _balances_are_sums,
    _remainders_follow,
    _signs_are_right,
    _holds_end_with_their_session,
    _receipts_add_up,
    _receipts_are_booked,
    _no_number_is_missing,
    _clearing_is_paid_less_refunded,
    _top_ups_are_booked,
    _transit_is_what_is_on_its_way,
    _payouts_lie_apart,
    _payouts_are_booked,
)
