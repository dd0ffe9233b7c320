"""What an owner has earned, told for her own books: by month, charger and guest, and month by month with every session and payout."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from billing import kept, money, spans
from billing.ledger import Kind
from billing.models import ChargeDetailRecord, LedgerEntry, Payout
from billing.spreadsheets import Row

AMOUNTS = ("opening_minor", "paid_out_minor", "returned_minor", "closing_minor")  # of a statement, beside its sums
EARNINGS = (Kind.EARNINGS_PENDING, Kind.EARNINGS_AVAILABLE, Kind.EARNINGS_IN_PAYOUT)


@dataclass(frozen=True)
class Sums:
    """What some sessions came to. Corrections count in amounts and are no sessions of their own."""

    gross_minor: int = 0
    fee_minor: int = 0
    earned_minor: int = 0
    energy_wh: int = 0
    sessions: int = 0
    vat_minor: int = 0
    fee_vat_minor: int = 0

    @property
    def fee_base_minor(self) -> int:
        """The fee without its VAT."""
        return self.fee_minor - self.fee_vat_minor


@dataclass(frozen=True)
class Share:
    """The part of one month, one charger or one guest."""

    name: str
    sums: Sums
    month: date | None = None


@dataclass(frozen=True)
class Statement:
    """One month of an owner: what stood at its beginning, what came, what was paid out, what stood at its end."""

    month: date
    sums: Sums
    opening_minor: int
    paid_out_minor: int
    returned_minor: int
    closing_minor: int
    receipts: QuerySet[ChargeDetailRecord]
    payouts: list[Payout] = field(default_factory=list)

    @property
    def fee_taken_minor(self) -> int:
        """The fee as the owner's side of it."""
        return -self.sums.fee_minor

    @property
    def went_out_minor(self) -> int:
        """What left for the bank."""
        return -self.paid_out_minor

    @property
    def other_minor(self) -> int:
        """What the books moved beside sessions and payouts; nothing, as a rule."""
        return self.closing_minor - self.opening_minor - self.sums.earned_minor + self.paid_out_minor - self.returned_minor

    @property
    def number(self) -> str:
        """What the month is called in addresses and names of files."""
        return f"{self.month:%Y-%m}"


SUMS = {
    "gross_minor": Sum("total_minor"),
    "fee_minor": Sum("fee_minor"),
    "earned_minor": Sum("owner_minor"),
    "energy_wh": Sum("energy_wh", filter=Q(corrects=None)),
    "sessions": Count("pk", filter=Q(corrects=None)),
    "vat_minor": Sum("vat_minor"),
    "fee_vat_minor": Sum("fee_vat_minor"),
}


def sums_of(row: Mapping[str, Any]) -> Sums:
    """A row of the database as sums."""
    return Sums(**{name: int(row[name] or 0) for name in SUMS})


def midnight(day: date) -> datetime:
    """When a day begins here."""
    return timezone.make_aware(datetime.combine(day, time.min))


def next_month(month: date) -> date:
    """The first day of the month after this one."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def earned(owner: User, *, begins: date, ends: date) -> QuerySet[ChargeDetailRecord]:
    """The receipts that brought an owner something or took it back, from a day to the day before another."""
    found: QuerySet[ChargeDetailRecord] = ChargeDetailRecord.objects.filter(
        owner_id=owner.pk, created_at__gte=midnight(begins), created_at__lt=midnight(ends)
    ).exclude(driver_id=owner.pk)
    return found


def years(owner: User) -> list[int]:
    """The years from the first to the last an owner has earned in, the newest first; this one always."""
    known = spans.first_and_last(owner.pk)
    found = set(range(known[0].year, known[1].year + 1)) if known is not None else set()
    return sorted(found | {timezone.localdate().year}, reverse=True)


def by_month(owner: User, year: int) -> list[Share]:
    """The months of a year that brought something, the newest first."""
    found = kept.sums(owner.pk, _months(year), of=kept.Of.MADE, per="month")
    return [Share("", _sums(row), month) for month, row in sorted(found.items(), reverse=True) if any(row[name] for name in SUMS)]


def by_charge_point(owner: User, year: int) -> list[Share]:
    """The chargers of an owner, under the name they had last, the one that brought most first."""
    found = kept.sums(owner.pk, _months(year), of=kept.Of.MADE, per="charge_point_code")
    last = [row["last_receipt"] for row in found.values()]
    names = dict(ChargeDetailRecord.objects.filter(pk__in=last).values_list("charge_point_code", "place_name"))
    return _richest_first([Share(names[code], _sums(row)) for code, row in found.items()])


def by_guest(owner: User, year: int) -> list[Share]:
    """The guests of an owner, each under a made-up name that stays the same for her and means nothing to anybody else."""
    found = kept.sums(owner.pk, _months(year), of=kept.Of.GUESTS, per="driver_id")
    return _richest_first([Share(pseudonym(owner, driver_id), _sums(row)) for driver_id, row in found.items()])


def _months(year: int) -> list[date]:
    return spans.months(date(year, 1, 1), date(year, 12, 1))


def _sums(row: Mapping[str, int]) -> Sums:
    return Sums(**{name: row[name] for name in SUMS})


def _richest_first(shares: list[Share]) -> list[Share]:
    return sorted(shares, key=lambda share: (-share.sums.earned_minor, share.name))


def pseudonym(owner: User, driver_id: int | None) -> str:
    """What an owner may call a guest by."""
    if driver_id is None:
        return _("Unknown card")
    digest = hmac.new(settings.SECRET_KEY.encode(), f"guest:{owner.pk}:{driver_id}".encode(), hashlib.sha256)
    return _("Guest %(word)s") % {"word": digest.hexdigest()[:5].upper()}


def of_month(owner: User, month: date) -> Statement:
    """One month, with its sessions in the order in which they were settled."""
    ends = next_month(month)
    found = earned(owner, begins=month, ends=ends)
    of_hers = {"user_id": owner.pk, "kind__in": EARNINGS, "currency": settings.CURRENCY}
    opening_minor, closing_minor = kept.balances_before(of_hers, [month, ends])
    amounts = _paid_out(owner, month, ends)
    return Statement(
        month=month,
        sums=sums_of(found.aggregate(**SUMS)),
        opening_minor=opening_minor,
        paid_out_minor=-sum(amount_minor for amount_minor in amounts if amount_minor < 0),
        returned_minor=sum(amount_minor for amount_minor in amounts if amount_minor > 0),
        closing_minor=closing_minor,
        receipts=in_order(found),
        payouts=payouts_of_month(owner, month),
    )


def in_order(found: QuerySet[ChargeDetailRecord]) -> QuerySet[ChargeDetailRecord]:
    """Receipts in the order in which they were settled, as a statement shows them."""
    return found.defer("readings").select_related("corrects").order_by("created_at", "pk")


def payouts_of_month(owner: User, month: date) -> list[Payout]:
    """What an owner asked for in a month, and how it stands now."""
    found = Payout.objects.filter(owner_id=owner.pk, created_at__gte=midnight(month), created_at__lt=midnight(next_month(month)))
    return list(found.order_by("pk"))


def _paid_out(owner: User, month: date, ends: date) -> list[int]:
    """What each step of a payout in a month changed of what an owner has."""
    steps = LedgerEntry.objects.filter(
        account__user_id=owner.pk,
        account__kind__in=(Kind.EARNINGS_AVAILABLE, Kind.EARNINGS_IN_PAYOUT),
        account__currency=settings.CURRENCY,
        transaction__kind="payout",
        transaction__created_at__gte=midnight(month),
        transaction__created_at__lt=midnight(ends),
    )
    return [int(row["sum"]) for row in steps.values("transaction__key").annotate(sum=Sum("amount_minor")).order_by()]


def rows(owner: User, found: QuerySet[ChargeDetailRecord]) -> list[Row]:
    """Sessions as a table to take away: a guest has a made-up name there, and no card."""
    head: Row = [
        *(_("Receipt"), _("Corrects"), _("Settled"), _("Begin"), _("End"), _("Charger"), _("Connector"), _("Guest")),
        *(_("Energy (kWh)"), _("Price"), _("VAT in the price"), _("Fee"), _("VAT in the fee"), _("For you"), _("Currency")),
    ]
    return [head, *(_row(owner, cdr) for cdr in in_order(found))]


def _row(owner: User, cdr: ChargeDetailRecord) -> Row:
    return [
        *(cdr.number, cdr.corrects.number if cdr.corrects else "", cdr.created_at, cdr.started_at, cdr.stopped_at),
        *(cdr.place_name, cdr.connector_label, pseudonym(owner, cdr.driver_id), Decimal(cdr.energy_wh).scaleb(-3)),
        *(money.decimal(cdr.total_minor), money.decimal(cdr.vat_minor)),
        *(money.decimal(cdr.fee_minor), money.decimal(cdr.fee_vat_minor), money.decimal(cdr.owner_minor), cdr.currency),
    ]
