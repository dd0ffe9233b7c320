"""The paper an owner gets for a month: what guests paid, what the platform took for it and with what VAT, and what is left for her.

Once the month is over it is a document: numbered without gaps, frozen, and never counted again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from billing import ledger, money, statements, suppliers
from billing.models import ChargeDetailRecord, FeeDocument, FeeSeries
from billing.paper import Sheet, day
from billing.statements import AMOUNTS, Statement, Sums, midnight, next_month, pseudonym
from billing.suppliers import Model, Supplier

MOST_ON_PAPER = 1_500
CLOSED_AFTER = timedelta(hours=1)  # what was settled in the month's last second is in the books by then
PER_PASS = 200


@dataclass(frozen=True)
class Paper:
    """A month as it is put on paper: frozen once its document is issued, until then as it stands now."""

    owner: User
    statement: Statement
    issuer: Mapping[str, str]
    customer: Mapping[str, str]
    supply_model: str
    document: FeeDocument | None = None

    @property
    def number(self) -> str:
        """What it is called: the document's number, or that of an account which goes on."""
        return self.document.number if self.document else f"{self.statement.number}-{self.owner.pk:04d}"

    @property
    def issued_at(self) -> datetime:
        """When it was issued."""
        return self.document.issued_at if self.document else timezone.now()


def of_month(owner: User, month: date) -> Paper:
    """The paper of a month. Once the month is over it is issued by the first look at it, and is the same for ever."""
    if not _is_over(month, timezone.now()):
        return _drawn_up(owner, month)
    document = FeeDocument.objects.filter(owner_id=owner.pk, month=month).first() or _issue(owner, month)
    return _drawn_up(owner, month) if document is None else _frozen(owner, document)


def issue_last_month(*, now: datetime) -> int:
    """Issue the documents of the month that is over, whether or not anybody looks."""
    month = (timezone.localtime(now).date().replace(day=1) - timedelta(days=1)).replace(day=1)
    if not _is_over(month, now):
        return 0
    earned = ChargeDetailRecord.objects.filter(created_at__gte=midnight(month), created_at__lt=midnight(next_month(month)))
    billed = FeeDocument.objects.filter(month=month, owner=OuterRef("owner"))
    owners = earned.exclude(driver=F("owner")).filter(~Exists(billed)).order_by("owner").values_list("owner", flat=True).distinct()
    chosen = User.objects.filter(pk__in=list(owners[:PER_PASS])).order_by("pk")
    return sum(_issue(owner, month) is not None for owner in chosen)


def _is_over(month: date, now: datetime) -> bool:
    return midnight(next_month(month)) + CLOSED_AFTER <= now


@ledger.retried
@transaction.atomic
def _issue(owner: User, month: date) -> FeeDocument | None:
    """Number and freeze it; a month without sessions has none. The series stays locked until commit, so no number is missing."""
    now = timezone.now()
    year = timezone.localtime(now).year
    FeeSeries.objects.get_or_create(year=year)
    series = FeeSeries.objects.select_for_update().get(year=year)
    issued: FeeDocument | None = FeeDocument.objects.filter(owner_id=owner.pk, month=month).first()
    if issued is not None:
        return issued
    paper = _drawn_up(owner, month)
    last = paper.statement.receipts.aggregate(last=Max("pk"))["last"]
    if last is None:
        return None
    series.last += 1
    series.save(update_fields=["last"])
    made: FeeDocument = FeeDocument.objects.create(
        number=f"F{year}-{series.last:06d}",
        owner_id=owner.pk,
        month=month,
        issued_at=now,
        supply_model=paper.supply_model,
        issuer=dict(paper.issuer),
        customer=dict(paper.customer),
        sums={**asdict(paper.statement.sums), **{name: getattr(paper.statement, name) for name in AMOUNTS}},
        currency=settings.CURRENCY,
        last_receipt=last,
    )
    return made


def _drawn_up(owner: User, month: date) -> Paper:
    """As it stands now."""
    issuer, customer = _party(suppliers.operator()), _party(suppliers.of_owner(owner, owner.email))
    return Paper(owner, statements.of_month(owner, month), issuer, customer, settings.SUPPLY_MODEL)


def _frozen(owner: User, document: FeeDocument) -> Paper:
    """As it was issued: the receipts are frozen anyway, and none that came later is among them."""
    sums = dict(document.sums)
    amounts = {name: sums.pop(name) for name in AMOUNTS}
    receipts = statements.earned(owner, begins=document.month, ends=next_month(document.month)).filter(pk__lte=document.last_receipt)
    statement = Statement(
        month=document.month,
        sums=Sums(**sums),
        receipts=statements.in_order(receipts),
        payouts=statements.payouts_of_month(owner, document.month),
        **amounts,
    )
    return Paper(owner, statement, document.issuer, document.customer, document.supply_model, document)


def _party(one: Supplier) -> dict[str, str]:
    return {"name": one.name, "address": one.address, "company_id": one.company_id, "vat_id": one.vat_id}


def party(one: Mapping[str, str]) -> list[tuple[str, str]]:
    """The issuer or the owner in rows."""
    named = (
        (_("Name"), one["name"]),
        (_("Address"), one["address"]),
        (_("Company number (IČO)"), one["company_id"]),
        (_("VAT number (DIČ)"), one["vat_id"]),
    )
    return [(name, value) for name, value in named if value]


def fee(statement: Statement) -> list[tuple[str, int]]:
    """The fee of the month in rows: base and VAT where the platform is a payer."""
    if not statement.sums.fee_vat_minor:
        return [(_("The platform's fee"), statement.sums.fee_minor)]
    return [
        (_("The platform's fee, without VAT"), statement.sums.fee_base_minor),
        (_("VAT"), statement.sums.fee_vat_minor),
        (_("The platform's fee, with VAT"), statement.sums.fee_minor),
    ]


def pdf(month: Paper) -> bytes:
    """The month on paper, in the language that is active."""
    owner, statement = month.owner, month.statement
    written = date_format(statement.month, "F Y")
    named = _("Statement and fee %(number)s") % {"number": month.number}
    paper = Sheet(named, created_at=month.issued_at)
    paper.add_page()
    paper.text_line(_("Statement of earnings"), size=18, bold=True)
    paper.text_line(f"{written} · {_('No. %(number)s') % {'number': month.number}}", size=11)
    if month.document is None:
        paper.text_line(_("The month is not over; its document is issued when it is."), size=9, grey=True)
    paper.rule()
    for title, rows in ((_("Issued by"), party(month.issuer)), (_("For"), party(month.customer))):
        paper.text_line(title, bold=True)
        for name, value in rows:
            paper.row(name, value, size=9)
    paper.rule()
    _sums(paper, statement)
    paper.rule()
    last = min(midnight(next_month(statement.month)) - timedelta(seconds=1), month.issued_at)
    paper.row(_("Date of supply"), day(last), size=9)
    paper.row(_("Issued"), day(month.issued_at), size=9)
    if month.supply_model == Model.COMMISSIONAIRE:
        paper.text_line(
            _("The platform sells in its own name on the owner's account; receipts and their VAT are the platform's."), size=8, grey=True
        )
    paper.ln(3)
    head = (_("Date"), _("Receipt"), _("Charger"), _("Guest"), _("Price"), _("Fee"), _("For you"))
    found = statement.receipts[:MOST_ON_PAPER]
    paper.columns(head, [_printed(owner, cdr) for cdr in found], (22, 34, 34, 24, 19, 17, 20), words=4)
    if statement.receipts.count() > MOST_ON_PAPER:
        paper.text_line(_("The first %(count)s sessions; all of them are in the table.") % {"count": MOST_ON_PAPER}, size=8, grey=True)
    return bytes(paper.output())


def _sums(paper: Sheet, statement: Statement) -> None:
    amounts = [(_("At the beginning"), statement.opening_minor), (_("Paid by guests"), statement.sums.gross_minor)]
    if statement.sums.vat_minor:
        amounts.append((_("VAT in what guests paid"), statement.sums.vat_minor))
    amounts += fee(statement)
    amounts += [(_("For you"), statement.sums.earned_minor)]
    if statement.paid_out_minor:
        amounts.append((_("Put aside for payouts that went out"), statement.went_out_minor))
    if statement.returned_minor:
        amounts.append((_("Payouts that came back"), statement.returned_minor))
    if statement.other_minor:
        amounts.append((_("Other"), statement.other_minor))
    for name, amount_minor in amounts:
        paper.row(name, money.fmt(amount_minor, settings.CURRENCY))
    paper.row(_("At the end"), money.fmt(statement.closing_minor, settings.CURRENCY), bold=True, size=12)


def _printed(owner: User, cdr: ChargeDetailRecord) -> tuple[str, ...]:
    amounts = (money.fmt(amount_minor, cdr.currency) for amount_minor in (cdr.total_minor, cdr.fee_minor, cdr.owner_minor))
    return (day(cdr.created_at), cdr.number, cdr.place_name, pseudonym(owner, cdr.driver_id), *amounts)
