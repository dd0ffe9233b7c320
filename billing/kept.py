"""Sums over all the years of an owner or of an account, without adding all the years up each time.

The books are append-only, and whoever writes a receipt of an owner or an entry of an account has locked that account: so what
is in them up to an id never changes any more. Once in a while what came since is added up and written down beside the id it
goes to. A sum is what is written down plus what came later, and so it is exact at any moment: also after a correction, for
that is another receipt, after a receipt that is booked late into a month long over, and whatever the clock said meanwhile.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any, Literal

from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing import ledger, spans
from billing.ledger import Kind
from billing.models import ChargeDetailRecord, KeptBalance, KeptSum, LedgerAccount, LedgerEntry

Of = KeptSum.Of
Per = Literal["month", "charge_point_code", "driver_id"]
NAMES = (*spans.NAMES, "corrected_wh")
WORTH_KEEPING = 500  # fewer are added up as quickly as a sum is found
AT_ONCE = 20_000
A_PASS = 1_000
_COPIED = (
    *("created_at", "stopped_at", "charge_point_code", "driver_id", "corrects_id", "energy_wh"),
    *("total_minor", "fee_minor", "owner_minor", "vat_minor", "fee_vat_minor"),
)
_COLUMNS: dict[str, str] = {Of.MADE: "created_at", Of.GUESTS: "created_at", Of.ENDED: "stopped_at"}
_FRESH = """
    SELECT {key}, SUM(total_minor), SUM(fee_minor), SUM(owner_minor),
        SUM(CASE WHEN corrects_id IS NULL THEN energy_wh ELSE 0 END), SUM(CASE WHEN corrects_id IS NULL THEN 1 ELSE 0 END),
        SUM(vat_minor), SUM(fee_vat_minor), SUM(CASE WHEN corrects_id IS NULL THEN 0 ELSE energy_wh -
            (SELECT earlier.energy_wh FROM {table} AS earlier WHERE earlier.id = fresh.corrects_id) END), MAX(id)
    FROM (SELECT * FROM {table} WHERE owner_id = %s AND id > %s ORDER BY id LIMIT 1000000000) AS fresh
    WHERE {column} >= %s AND {column} < %s {others}
    GROUP BY 1
"""  # the order and the limit keep the database at the few fresh rows of the owner: it would rather read all of a year's
_OF_OTHERS = "AND (driver_id IS NULL OR driver_id <> owner_id)"


def sums(owner_id: int, months: Sequence[date], *, of: str, per: Per, with_own: bool = False) -> dict[Any, dict[str, int]]:
    """What an owner's receipts of neighbouring months came to, by month, charger or guest; `last_receipt` is the last one in each.

    Where nothing came, there is nothing. What the owner charged herself brings nothing and is left out, unless `with_own`.
    """
    found: dict[Any, dict[str, int]] = defaultdict(lambda: dict.fromkeys((*NAMES, "last_receipt"), 0))
    if not months:
        return {}
    mark = _last_receipt(owner_id)
    kept = KeptSum.objects.filter(owner_id=owner_id, of=of, month__gte=months[0], month__lte=months[-1], last_receipt__lte=mark)
    if not with_own:
        kept = kept.filter(is_own=False)
    figures = {f"of_{name}": Sum(name) for name in NAMES}
    rows = kept.order_by().values_list(per).annotate(**figures, last=Max("last_receipt")) if mark else []
    for key, *row in [*rows, *_fresh(owner_id, months, mark, of=of, per=per, with_own=with_own)]:
        one, (*amounts, last) = found[key], row
        for name, amount in zip(NAMES, amounts, strict=True):
            one[name] += int(amount or 0)
        one["last_receipt"] = max(one["last_receipt"], last)
    return dict(found)


def _last_receipt(owner_id: int) -> int:
    """Up to which receipt of this owner the sums are written down."""
    return KeptSum.objects.filter(owner_id=owner_id).aggregate(last=Max("last_receipt"))["last"] or 0


def _fresh(owner_id: int, months: Sequence[date], mark: int, *, of: str, per: Per, with_own: bool) -> list[tuple[Any, ...]]:
    """The same of the receipts that came since."""
    column, time_of = _COLUMNS[of], connection.ops.adapt_datetimefield_value
    edges = [time_of(spans.midnight(month)) for month in (*months, next_month(months[-1]))]
    key, values = str(per), list[Any]()
    if per == "month":
        parts = [f"WHEN {column} >= %s THEN {place}" for place in reversed(range(len(months)))]
        key, values = f"CASE {' '.join(parts)} END", edges[-2::-1]
    sql = _FRESH.format(key=key, table=ChargeDetailRecord._meta.db_table, column=column, others="" if with_own else _OF_OTHERS)
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, owner_id, mark, edges[0], edges[-1]])
        rows = cursor.fetchall()
    return [(months[row[0]], *row[1:]) for row in rows] if per == "month" else rows


def next_month(month: date) -> date:
    """The first day of the month after this one."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def balances_before(of_accounts: Mapping[str, object], months: Sequence[date]) -> list[int]:
    """What these accounts stood at together when each of the months began, by when the transactions were booked."""
    accounts = list(LedgerAccount.objects.filter(**of_accounts).order_by().values_list("pk", flat=True))
    if not accounts:
        return [0] * len(months)
    known = KeptBalance.objects.filter(account__in=accounts).order_by()
    marks = dict(known.values_list("account").annotate(last=Max("last_entry")))
    written = reduce(or_, (Q(account=pk, last_entry__lte=marks.get(pk, 0)) for pk in accounts))
    later = reduce(or_, (Q(account=pk, pk__gt=marks.get(pk, 0)) for pk in accounts))
    names = [f"at_{place}" for place in range(len(months))]
    moved = {name: Sum("moved_minor", filter=Q(month__lt=month)) for name, month in zip(names, months, strict=True)}
    came = {
        name: Sum("amount_minor", filter=Q(transaction__created_at__lt=spans.midnight(month)))
        for name, month in zip(names, months, strict=True)
    }
    parts = KeptBalance.objects.filter(written).aggregate(**moved), LedgerEntry.objects.filter(later).aggregate(**came)
    return [sum(int(part[name] or 0) for part in parts) for name in names]


def keep(*, now: datetime) -> int:  # noqa: ARG001 - a job's signature
    """Write down the sums of whoever has had much since; how many owners and accounts it concerned."""
    kept = KeptSum.objects.filter(owner=OuterRef("user")).order_by("-last_receipt").values("last_receipt")[:1]
    receipts = ChargeDetailRecord.objects.filter(owner=OuterRef("user"), pk__gt=OuterRef("mark")).order_by()
    earning = LedgerAccount.objects.filter(kind=Kind.EARNINGS_PENDING, user__isnull=False).order_by("pk")
    owners = earning.annotate(mark=Coalesce(Subquery(kept), 0)).filter(Exists(receipts.values("pk")[WORTH_KEEPING - 1 :]))
    kept = KeptBalance.objects.filter(account=OuterRef("pk")).order_by("-last_entry").values("last_entry")[:1]
    entries = LedgerEntry.objects.filter(account=OuterRef("pk"), pk__gt=OuterRef("mark")).order_by()
    of_people = LedgerAccount.objects.filter(user__isnull=False).order_by("pk").annotate(mark=Coalesce(Subquery(kept), 0))
    accounts = of_people.filter(Exists(entries.values("pk")[WORTH_KEEPING - 1 :]))
    return sum(_kept_of(one, _write_receipts) for one in list(owners[:A_PASS])) + sum(
        _kept_of(one, _write_entries) for one in list(accounts[:A_PASS])
    )


def _kept_of(account: LedgerAccount, write: Callable[[LedgerAccount], int]) -> bool:
    """All of it, a stretch at a time: who settles with this person waits no longer than one takes."""
    while write(account) == AT_ONCE:
        pass
    return True


@ledger.retried
@transaction.atomic
def _write_receipts(pending: LedgerAccount) -> int:
    """The next receipts of an owner. Whoever writes one has locked this account, so none of a lower id can come any more."""
    ledger.lock([pending])
    owner_id = pending.user_id
    if owner_id is None:
        raise ValueError(f"Account {pending.pk} belongs to nobody.")
    fresh = ChargeDetailRecord.objects.filter(owner_id=owner_id, pk__gt=_last_receipt(owner_id)).order_by("pk")
    rows = list(fresh.values_list("pk", *_COPIED, "corrects__energy_wh")[:AT_ONCE])
    together: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * (len(NAMES) + 1))
    for pk, made, ended, code, driver_id, corrects_id, energy_wh, gross, fee, earned, vat, fee_vat, earlier_wh in rows:
        is_first = corrects_id is None
        figures = (gross, fee, earned, energy_wh * is_first, int(is_first), vat, fee_vat, 0 if is_first else energy_wh - earlier_wh)
        is_own = driver_id == owner_id
        for key in (
            (Of.MADE, _month(made), code, None, is_own),
            (Of.GUESTS, _month(made), "", driver_id, is_own),
            (Of.ENDED, _month(ended), code, None, is_own),
        ):
            one = together[key]
            for place, figure in enumerate(figures):
                one[place] += figure
            one[-1] = pk
    KeptSum.objects.bulk_create(
        (
            KeptSum(
                owner_id=owner_id,
                **dict(zip(("of", "month", "charge_point_code", "driver_id", "is_own"), key, strict=True)),
                **dict(zip((*NAMES, "last_receipt"), figures, strict=True)),
            )
            for key, figures in together.items()
        ),
        batch_size=1_000,
    )
    return len(rows)


@ledger.retried
@transaction.atomic
def _write_entries(account: LedgerAccount) -> int:
    """The next entries of an account, which is locked by whoever writes one."""
    ledger.lock([account])
    mark = KeptBalance.objects.filter(account=account).aggregate(last=Max("last_entry"))["last"] or 0
    fresh = LedgerEntry.objects.filter(account=account, pk__gt=mark).order_by("pk")
    rows = list(fresh.values_list("pk", "transaction__created_at", "amount_minor")[:AT_ONCE])
    together: dict[date, list[int]] = defaultdict(lambda: [0, 0])
    for pk, at, amount_minor in rows:
        one = together[_month(at)]
        one[0] += amount_minor
        one[1] = pk
    KeptBalance.objects.bulk_create(
        KeptBalance(account=account, month=month, moved_minor=moved_minor, last_entry=last)
        for month, (moved_minor, last) in together.items()
    )
    return len(rows)


def _month(at: datetime) -> date:
    """The month of a moment by the clock of the house."""
    return timezone.localdate(at, timezone.get_default_timezone()).replace(day=1)
