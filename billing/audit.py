"""The proof behind `manage.py check_ledger`: everything the books promise, computed again from the entries."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, F, Model, Q, QuerySet, Sum, Window
from django.db.models.functions import Coalesce

from billing.models import (
    ChargeDetailRecord,
    FeeDocument,
    FeeSeries,
    Hold,
    KeptBalance,
    KeptSum,
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Payout,
    ReceiptSeries,
    Refund,
    TopUp,
)

Kind = LedgerAccount.Kind
SHOWN_PER_CHECK = 20
AT_ONCE = 1_000
PAYOUT_STEPS = ("", ":paid", ":returned")
T = TypeVar("T")


def check() -> list[str]:
    """What is wrong with the books, in sentences; nothing when they are in order.

    All proofs look at one moment, so that money moving meanwhile is no finding. What is long is read in pieces: a ledger of
    ten years takes no more memory than one of a day.
    """
    is_outermost = not connection.in_atomic_block
    problems: list[str] = []
    with transaction.atomic():
        if is_outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for proof in PROOFS:
            found = proof()
            problems += islice(found, SHOWN_PER_CHECK)
            more = sum(1 for _sentence in found)
            if more:
                problems.append(f"… and {more} more like the last one.")
    return problems


def _pieces(rows: Iterable[T]) -> Iterator[list[T]]:
    """A few at a time."""
    left = iter(rows)
    while piece := list(islice(left, AT_ONCE)):
        yield piece


def _sums(entries: QuerySet[LedgerEntry], keys: Iterable[str]) -> dict[str, dict[str, int]]:
    """What the transactions of these keys moved, by kind of account."""
    rows = entries.filter(transaction__key__in=list(keys)).values_list("transaction__key", "account__kind")
    booked: dict[str, dict[str, int]] = {}
    for key, kind, amount_minor in rows.annotate(sum=Sum("amount_minor")).order_by():
        booked.setdefault(key, {})[kind] = amount_minor
    return booked


def _transactions_balance() -> Iterator[str]:
    unbalanced = LedgerTransaction.objects.annotate(sum=Coalesce(Sum("entries__amount_minor"), 0), sides=Count("entries")).filter(
        ~Q(sum=0) | Q(sides__lt=2)
    )
    for booked in unbalanced.order_by("pk").iterator():
        yield f"Transaction {booked.key} has {booked.sides} entries that sum to {booked.sum}."


def _balances_are_sums() -> Iterator[str]:
    drifted = LedgerAccount.objects.annotate(sum=Coalesce(Sum("entries__amount_minor"), 0)).exclude(balance_minor=F("sum"))
    for account in drifted.iterator():
        yield f"Account {account.pk} ({account}) says {account.balance_minor}, its entries sum to {account.sum}."


def _remainders_follow() -> Iterator[str]:
    running = Window(Sum("amount_minor"), partition_by="account", order_by="id")
    broken = LedgerEntry.objects.annotate(running=running).exclude(balance_after_minor=F("running")).order_by("pk")
    for entry in broken.iterator():
        yield f"Entry {entry.pk} of account {entry.account_id} says {entry.balance_after_minor} remained, it was {entry.running}."


def _signs_are_right() -> Iterator[str]:
    impossible = Q(kind=Kind.PROMO, balance_minor__lt=0) | Q(kind=Kind.DEBT, balance_minor__gt=0)
    for account in LedgerAccount.objects.filter(impossible):
        yield f"Account {account.pk} ({account}) cannot stand at {account.balance_minor}."


def _holds_end_with_their_session() -> Iterator[str]:
    for piece in _pieces(Hold.objects.filter(closed_at=None, key__startswith="session:").order_by("pk").iterator()):
        codes = {code: hold for hold in piece if (code := _code(hold.key)) is not None}
        settled = ChargeDetailRecord.objects.filter(session_code__in=list(codes), corrects=None).values_list("session_code", flat=True)
        for code in settled:
            yield f"Hold {codes[code].key} of {codes[code].amount_minor} is open although its session has been settled."


def _code(key: str) -> UUID | None:
    """The session that a key speaks of."""
    try:
        return UUID(key.split(":")[1])
    except (IndexError, ValueError):
        return None


def _receipts_add_up() -> Iterator[str]:
    summed = ChargeDetailRecord.objects.annotate(sum=Coalesce(Sum("lines__amount_minor"), 0))
    for cdr in summed.exclude(total_minor=F("sum")).iterator():
        yield f"Receipt {cdr.number} says {cdr.total_minor}, its lines sum to {cdr.sum}."
    parts = Q(total_minor=F("fee_minor") + F("owner_minor")) & Q(
        total_minor=F("promo_minor") + F("cash_minor") + F("debt_minor") + F("loss_minor")
    )
    for cdr in ChargeDetailRecord.objects.exclude(parts).iterator():
        yield f"Receipt {cdr.number} has parts that do not add up to {cdr.total_minor}."


def _receipts_are_booked() -> Iterator[str]:
    """Each receipt moved exactly the money it says, once; and no settlement was booked without one.

    The database sets what every receipt says against what was booked under its key; what remains is wrong.
    """
    kinds = {
        Kind.EARNINGS_PENDING: "owner_minor",
        Kind.PLATFORM_FEE: "fee_minor",
        Kind.LOSS: "-loss_minor",
        Kind.PROMO: "-promo_minor",
        Kind.CASH: "-cash_minor",
        Kind.DEBT: "-debt_minor",
    }
    said = ", ".join(f"{column} AS {kind.value}" for kind, column in kinds.items())
    moved = ", ".join(f"CASE WHEN a.kind = '{kind.value}' THEN -e.amount_minor ELSE 0 END" for kind in kinds)
    known = ", ".join(f"'{kind.value}'" for kind in kinds)
    wrong = " OR ".join(f"SUM({kind.value}) <> 0" for kind in kinds)
    statement = f"""
        SELECT key, MAX(number) FROM (
            SELECT 'session:' || {_uuid("session_code")} || CASE WHEN n = 0 THEN ':settle' ELSE ':correct:' || n END AS key,
                   number, {said}, 0 AS elsewhere
            FROM (SELECT c.*, ROW_NUMBER() OVER (PARTITION BY session_code ORDER BY id) - 1 AS n FROM {_table(ChargeDetailRecord)} c) r
            UNION ALL
            SELECT t.key, NULL, {moved}, CASE WHEN a.kind IN ({known}) THEN 0 ELSE 1 END
            FROM {_table(LedgerTransaction)} t
            JOIN {_table(LedgerEntry)} e ON e.transaction_id = t.id JOIN {_table(LedgerAccount)} a ON a.id = e.account_id
            WHERE t.kind IN ('settle', 'correct')
        ) both_sides GROUP BY key HAVING {wrong} OR SUM(elsewhere) <> 0 OR COUNT(number) <> 1 ORDER BY MAX(number), key
    """  # noqa: S608 - names of ours
    for key, number in _rows(statement):
        yield f"Receipt {number} and transaction {key} disagree." if number else f"Transaction {key} has no receipt."


def _table(model: type[Model]) -> str:
    return model._meta.db_table


def _uuid(column: str) -> str:
    """A code as it stands in keys; SQLite keeps it as 32 digits without dashes."""
    if connection.vendor == "postgresql":
        return f"{column}::text"
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    return " || '-' || ".join(f"substr({column}, {begin}, {length})" for begin, length in parts)


def _rows(statement: str) -> Iterator[tuple[Any, ...]]:
    """What a statement of ours finds, a few rows at a time."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        while piece := cursor.fetchmany(AT_ONCE):
            yield from piece


def _no_number_is_missing() -> Iterator[str]:
    given: Counter[str] = Counter(
        number.rpartition("-")[0] for number in ChargeDetailRecord.objects.order_by().values_list("number", flat=True).iterator()
    )
    for series in ReceiptSeries.objects.all():
        name = f"{series.year}-{series.issuer_id:04d}" if series.issuer_id else f"{series.year}"
        if given.pop(name, 0) != series.last:
            yield f"Receipt series {name} stands at {series.last}, but another number of receipts exists."
    for name in given:
        yield f"Receipts {name}-… belong to no series."


def _no_fee_document_is_missing() -> Iterator[str]:
    given: Counter[str] = Counter(
        number.rpartition("-")[0] for number in FeeDocument.objects.order_by().values_list("number", flat=True).iterator()
    )
    for series in FeeSeries.objects.all():
        if given.pop(f"F{series.year}", 0) != series.last:
            yield f"The series of fee documents of {series.year} stands at {series.last}, but another number of them exists."
    for name in given:
        yield f"Fee documents {name}-… belong to no series."


def _clearing_is_paid_less_refunded() -> Iterator[str]:
    paid = TopUp.objects.filter(paid_at__isnull=False).aggregate(sum=Sum(F("amount_minor") - F("refunded_minor")))["sum"] or 0
    clearing = LedgerAccount.objects.filter(kind=Kind.GATEWAY_CLEARING).aggregate(sum=Sum("balance_minor"))["sum"] or 0
    if clearing != -paid:
        yield f"The gateway's clearing account stands at {clearing}, top-ups paid less refunded at {paid}."


def _top_ups_are_booked() -> Iterator[str]:
    """Each top-up that says it was paid put its money into the wallet once, and no other did."""
    paid = ", ".join(f"'{status.value}'" for status in (TopUp.Status.PAID, TopUp.Status.REFUNDED))
    statement = f"""
        SELECT key, MAX(code), MAX(status), MAX(amount) FROM (
            SELECT 'top-up:' || {_uuid("code")} AS key, {_uuid("code")} AS code, status, amount_minor AS amount,
                   CASE WHEN status IN ({paid}) THEN amount_minor ELSE 0 END AS moved
            FROM {_table(TopUp)}
            UNION ALL
            SELECT t.key, NULL, NULL, NULL, e.amount_minor
            FROM {_table(LedgerTransaction)} t
            JOIN {_table(LedgerEntry)} e ON e.transaction_id = t.id JOIN {_table(LedgerAccount)} a ON a.id = e.account_id
            WHERE t.kind = 'top_up' AND a.kind = '{Kind.GATEWAY_CLEARING.value}'
        ) both_sides GROUP BY key HAVING SUM(moved) <> 0 OR COUNT(code) <> 1 ORDER BY key
    """  # noqa: S608 - names of ours
    for key, code, status, amount_minor in _rows(statement):
        if code is None:
            yield f"Transaction {key} has no top-up."
        else:
            yield f"Top-up {code} of {amount_minor} is {status}, and the books say otherwise."


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
    moving = LedgerEntry.objects.filter(transaction__kind="payout")
    booked = 0
    for piece in _pieces(Payout.objects.order_by("pk").iterator(chunk_size=AT_ONCE)):
        moved = _sums(moving, (f"payout:{payout.code}{step}" for payout in piece for step in PAYOUT_STEPS))
        booked += len(moved)
        for payout in piece:
            together: Counter[str] = Counter()
            for step in PAYOUT_STEPS:
                together.update(moved.get(f"payout:{payout.code}{step}", {}))
            lies_in = Kind.BANK if payout.status == Payout.Status.PAID else Kind.EARNINGS_IN_PAYOUT
            went = payout.is_open or payout.status == Payout.Status.PAID
            said = {Kind.EARNINGS_AVAILABLE: -payout.amount_minor, lies_in: payout.amount_minor} if went else {}
            left = {kind: amount_minor for kind, amount_minor in together.items() if amount_minor}
            if f"payout:{payout.code}" not in moved or left != said:
                yield f"Payout {payout.variable_symbol} of {payout.amount_minor} is {payout.status}, and the books say otherwise."
    if moving.values("transaction").distinct().count() != booked:
        keys = moving.order_by().values_list("transaction__key", flat=True).distinct()
        for part in _pieces(keys.iterator()):
            codes = {code for key in part if (code := _code(key)) is not None}
            known = set(Payout.objects.filter(code__in=codes).values_list("code", flat=True))
            for key in part:
                if _code(key) not in known:
                    yield f"Transaction {key} has no payout."


def _kept_sums_are_sums() -> Iterator[str]:
    """What was written down of an owner's receipts is what they come to, up to the last one that is in it."""
    figures = ("gross_minor", "fee_minor", "earned_minor", "vat_minor", "fee_vat_minor")
    columns = ("total_minor", "fee_minor", "owner_minor", "vat_minor", "fee_vat_minor")
    written = ", ".join(f"SUM({name}) AS {name}" for name in figures)
    plain = ", ".join(f"SUM(c.{column}) AS {name}" for name, column in zip(figures, columns, strict=True))
    wrong = " OR ".join(f"plain.{name} <> written.{name}" for name in figures)
    visits = "CASE WHEN c.corrects_id IS NULL THEN {} ELSE 0 END"
    statement = f"""
        SELECT written.owner_id, written.kind FROM
        (SELECT owner_id, of AS kind, SUM(energy_wh) AS wh, SUM(sessions) AS visits, {written}
            FROM {_table(KeptSum)} GROUP BY owner_id, of) written
        LEFT JOIN (SELECT c.owner_id, {plain}, SUM({visits.format("c.energy_wh")}) AS wh, SUM({visits.format("1")}) AS visits
            FROM {_table(ChargeDetailRecord)} c
            JOIN (SELECT owner_id, MAX(last_receipt) AS last FROM {_table(KeptSum)} GROUP BY owner_id) mark
            ON mark.owner_id = c.owner_id AND c.id <= mark.last GROUP BY c.owner_id) plain ON plain.owner_id = written.owner_id
        WHERE plain.owner_id IS NULL OR plain.wh <> written.wh OR plain.visits <> written.visits OR {wrong}
        ORDER BY written.owner_id, written.kind
    """  # noqa: S608 - names of ours
    for owner_id, kind in _rows(statement):
        yield f"The sums written down for owner {owner_id} ({kind}) are not what her receipts come to."


def _kept_balances_are_sums() -> Iterator[str]:
    """The same of the entries of an account."""
    statement = f"""
        SELECT written.account_id, written.moved, SUM(e.amount_minor) FROM
        (SELECT account_id, MAX(last_entry) AS last, SUM(moved_minor) AS moved FROM {_table(KeptBalance)} GROUP BY account_id) written
        JOIN {_table(LedgerEntry)} e ON e.account_id = written.account_id AND e.id <= written.last
        GROUP BY written.account_id, written.moved HAVING SUM(e.amount_minor) <> written.moved ORDER BY written.account_id
    """  # noqa: S608 - names of ours
    for account_id, moved_minor, sum_minor in _rows(statement):
        yield f"Of account {account_id} {moved_minor} is written down, its entries sum to {sum_minor}."


PROOFS: tuple[Callable[[], Iterator[str]], ...] = (
    _transactions_balance,
    _balances_are_sums,
    _remainders_follow,
    _signs_are_right,
    _holds_end_with_their_session,
    _receipts_add_up,
    _receipts_are_booked,
    _no_number_is_missing,
    _no_fee_document_is_missing,
    _clearing_is_paid_less_refunded,
    _top_ups_are_booked,
    _transit_is_what_is_on_its_way,
    _payouts_lie_apart,
    _payouts_are_booked,
    _kept_sums_are_sums,
    _kept_balances_are_sums,
)
