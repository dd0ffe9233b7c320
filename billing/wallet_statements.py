"""A month of a wallet for the driver's own books: what stood at its beginning, every session, top-up and return, what stood at its end."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.conf import settings
from django.db.models import Max, Min, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from billing import journal, kept, ledger, money, receipts
from billing.ledger import Kind
from billing.models import ChargeDetailRecord, LedgerEntry, LedgerTransaction
from billing.paper import Sheet, day
from billing.spreadsheets import Row
from billing.statements import midnight, next_month

MOST_ON_PAPER = 1_500
SESSIONS = ("settle", "correct")
WITHOUT_END = 1_000_000_000


@dataclass(frozen=True)
class Line:
    """One event of the month; a session that cost nothing is one too."""

    at: datetime
    kind: str
    name: str
    note: str
    amount_minor: int
    balance_minor: int
    owed_minor: int = 0
    energy_wh: int | None = None
    receipt: str = ""
    url: str = ""


@dataclass(frozen=True)
class Statement:
    """The month as a whole. Its parts and what stood at the beginning add up to what stands at the end."""

    month: date
    opening_minor: int
    closing_minor: int
    currency: str
    lines: list[Line] = field(default_factory=list)

    @property
    def number(self) -> str:
        """What the month is called in addresses and names of files."""
        return f"{self.month:%Y-%m}"

    @property
    def charged_minor(self) -> int:
        """What sessions took, corrections included: a negative amount."""
        return self._sum(*SESSIONS)

    @property
    def topped_up_minor(self) -> int:
        """What came in."""
        return self._sum("top_up")

    @property
    def returned_minor(self) -> int:
        """What went back to where it came from: a negative amount."""
        return self._sum("refund", "refund_failed")

    @property
    def granted_minor(self) -> int:
        """Promo credit."""
        return self._sum("grant")

    @property
    def other_minor(self) -> int:
        """What moved beside that."""
        return (
            self.closing_minor - self.opening_minor - self.charged_minor - self.topped_up_minor - self.returned_minor - self.granted_minor
        )

    @property
    def energy_wh(self) -> int:
        """What all sessions came to."""
        return sum(line.energy_wh or 0 for line in self.lines)

    @property
    def sessions(self) -> int:
        """How many there were; a correction is none."""
        return sum(line.energy_wh is not None for line in self.lines)

    def _sum(self, *kinds: str) -> int:
        return sum(line.amount_minor for line in self.lines if line.kind in kinds)


@dataclass
class _Event:
    """What one transaction changed for one person."""

    kind: str
    note: str
    url: str
    amounts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def amount_minor(self) -> int:
        return sum(self.amounts[kind] for kind in journal.SPENDABLE)


class _Receipt(NamedTuple):
    """What a line tells of a receipt; a month may hold thousands, and rows as objects take longer than the books."""

    number: str
    created_at: datetime
    place_name: str
    energy_wh: int
    corrects_id: int | None
    url: str


def of_month(user: User, month: date) -> Statement:
    """One month, its events in the order in which they happened."""
    begins, ends = midnight(month), midnight(next_month(month))
    spendable = {"user_id": user.pk, "kind__in": journal.SPENDABLE, "currency": settings.CURRENCY}
    (opening_minor,) = kept.balances_before(spendable, [month])
    paid = _receipts(user, begins, ends)
    lines: list[tuple[datetime, int, _Event | None, _Receipt | None]] = [
        (at, pk, event, paid.pop(event.url, None) if event.kind in SESSIONS else None)
        for (at, pk), event in _events(user, begins, ends).items()
    ]
    lines += [(cdr.created_at, 0, None, cdr) for cdr in paid.values()]  # these cost nothing, so the books do not know them
    lines.sort(key=lambda line: line[:2])
    told, balance_minor = [], opening_minor
    for at, _pk, event, cdr in lines:
        amount_minor = event.amount_minor if event else 0
        balance_minor += amount_minor
        told.append(_line(at, event, cdr, amount_minor, balance_minor))
    return Statement(month, opening_minor, balance_minor, settings.CURRENCY, told)


def is_known_before(user: User, month: date) -> bool:
    """Whether anything happened before a month."""
    begins = midnight(month)
    return (
        _entries(user).filter(transaction__created_at__lt=begins).exists()
        or ChargeDetailRecord.objects.filter(driver_id=user.pk, created_at__lt=begins).exists()
    )


def _entries(user: User) -> QuerySet[LedgerEntry]:
    found: QuerySet[LedgerEntry] = LedgerEntry.objects.filter(
        account__user_id=user.pk, account__kind__in=ledger.WALLET_KINDS, account__currency=settings.CURRENCY
    )
    return found


def _events(user: User, begins: datetime, ends: datetime) -> dict[tuple[datetime, int], _Event]:
    booked = LedgerTransaction.objects.filter(created_at__gte=begins, created_at__lt=ends)
    in_time = booked.order_by("created_at")[:WITHOUT_END]  # which keeps the database at this month: it would rather go through all keys
    known = in_time.aggregate(first=Min("pk"), last=Max("pk"))  # told between which they lie, the database looks at hers alone
    rows = _entries(user).filter(transaction__created_at__gte=begins, transaction__created_at__lt=ends)
    rows = rows.filter(transaction_id__gte=known["first"] or 0, transaction_id__lte=known["last"] or 0)
    events: dict[tuple[datetime, int], _Event] = {}
    of_transaction = ("transaction__created_at", "transaction_id", "transaction__kind", "transaction__note", "transaction__url")
    for at, pk, kind, note, url, account, amount_minor in rows.values_list(*of_transaction, "account__kind", "amount_minor"):
        events.setdefault((at, pk), _Event(kind, note, url)).amounts[account] += amount_minor
    return events


def _receipts(user: User, begins: datetime, ends: datetime) -> dict[str, _Receipt]:
    found = ChargeDetailRecord.objects.filter(driver_id=user.pk, created_at__gte=begins, created_at__lt=ends).order_by("pk")
    rows = list(found.values_list("number", "created_at", "place_name", "energy_wh", "corrects_id"))
    before, after = reverse("billing:receipt", args=[rows[0][0]]).split(rows[0][0]) if rows else ("", "")
    cdrs = [_Receipt._make((*row, f"{before}{row[0]}{after}")) for row in rows]
    return {cdr.url: cdr for cdr in cdrs}


def _line(at: datetime, event: _Event | None, cdr: _Receipt | None, amount_minor: int, balance_minor: int) -> Line:
    kind = event.kind if event else "settle"
    note = cdr.place_name if cdr else event.note if event else ""
    is_session = cdr is not None and cdr.corrects_id is None
    return Line(
        at=at,
        kind=kind,
        name=named(kind, note),
        note="" if kind in SESSIONS else note,
        amount_minor=amount_minor,
        balance_minor=balance_minor,
        owed_minor=max(0, -event.amounts[Kind.DEBT]) if event else 0,
        energy_wh=cdr.energy_wh if cdr is not None and is_session else None,
        receipt=cdr.number if cdr else "",
        url=cdr.url if cdr else event.url if event else "",
    )


def named(kind: str, note: str) -> str:
    """What an event is called on paper."""
    names = {
        "top_up": _("Top-up"),
        "grant": _("Promo credit"),
        "refund": _("Top-up returned"),
        "refund_failed": _("Return failed, money is back"),
        "settle": note,
        "correct": _("Correction, %(place)s") % {"place": note},
    }
    return names.get(kind) or note or _("Movement")


def rows(statement: Statement) -> list[Row]:
    """The month as a table to take away."""
    head: Row = [*(_("Date"), _("What"), _("Note"), _("Receipt"), _("Energy (kWh)")), *(_("Amount"), _("Balance"), _("Currency"))]
    opening = _balance_row(midnight(statement.month), _("At the beginning"), statement.opening_minor, statement.currency)
    ends = min(midnight(next_month(statement.month)) - timedelta(seconds=1), timezone.now())
    closing = _balance_row(ends, _("At the end"), statement.closing_minor, statement.currency)
    return [head, opening, *(_row(line, statement.currency) for line in statement.lines), closing]


def _balance_row(at: datetime, name: str, balance_minor: int, currency: str) -> Row:
    return [at, name, "", "", None, None, money.decimal(balance_minor), currency]


def _row(line: Line, currency: str) -> Row:
    energy = None if line.energy_wh is None else Decimal(line.energy_wh).scaleb(-3)
    amounts = (money.decimal(line.amount_minor), money.decimal(line.balance_minor))
    return [line.at, line.name, line.note, line.receipt, energy, *amounts, currency]


def pdf(user: User, statement: Statement) -> bytes:
    """The month on paper, in the language that is active."""
    written = date_format(statement.month, "F Y")
    paper = Sheet(_("Statement of a wallet, %(month)s") % {"month": written}, created_at=timezone.now())
    paper.add_page()
    paper.text_line(_("Statement of a wallet"), size=18, bold=True)
    paper.text_line(written, size=12)
    paper.text_line(", ".join(filter(None, (user.name, user.email))), grey=True)
    paper.rule()
    for name, amount_minor in parts(statement):
        paper.row(name, money.fmt(amount_minor, statement.currency, sign=True))
    paper.row(_("At the end"), money.fmt(statement.closing_minor, statement.currency), bold=True, size=12)
    paper.row(_("Energy"), receipts.meter(statement.energy_wh))
    paper.rule()
    if len(statement.lines) > MOST_ON_PAPER:
        paper.text_line(_("The first %(count)s movements; all of them are in the table.") % {"count": MOST_ON_PAPER}, size=8, grey=True)
    printed = [
        (
            day(line.at),
            line.receipt,
            " · ".join(filter(None, (line.name, line.note))),
            "" if line.energy_wh is None else money.number(Decimal(line.energy_wh).scaleb(-3)),
            money.fmt(line.amount_minor, statement.currency, sign=True),
            money.fmt(line.balance_minor, statement.currency),
        )
        for line in statement.lines[:MOST_ON_PAPER]
    ]
    head = (_("Date"), _("Receipt"), _("What"), "kWh", _("Amount"), _("Balance"))
    paper.columns(head, printed, (22, 34, 44, 16, 27, 27), words=3)
    return bytes(paper.output())


def parts(statement: Statement) -> list[tuple[str, int]]:
    """What the month consisted of; what there was none of is left out."""
    named_parts = (
        (_("Top-ups"), statement.topped_up_minor),
        (_("Promo credit"), statement.granted_minor),
        (_("Sessions"), statement.charged_minor),
        (_("Top-ups returned"), statement.returned_minor),
        (_("Other"), statement.other_minor),
    )
    return [(_("At the beginning"), statement.opening_minor), *((name, amount) for name, amount in named_parts if amount)]
