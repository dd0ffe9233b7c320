"""The paper an owner gets for a month: what guests paid, what the platform took for it and with what VAT, and what is left for her."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from billing import money, suppliers
from billing.models import ChargeDetailRecord
from billing.paper import Sheet, day
from billing.statements import Statement, midnight, next_month, pseudonym
from billing.suppliers import Model, Supplier

MOST_ON_PAPER = 1_500


def number(owner: User, statement: Statement) -> str:
    """What the document of a month is called: one for each owner and month."""
    return f"{statement.number}-{owner.pk:04d}"


def issuer() -> list[tuple[str, str]]:
    """The platform, in rows."""
    return _rows(suppliers.operator())


def customer(owner: User) -> list[tuple[str, str]]:
    """The owner, as she stands on her own receipts."""
    return _rows(suppliers.of_owner(owner, owner.email))


def _rows(one: Supplier) -> list[tuple[str, str]]:
    named = (
        (_("Name"), one.name),
        (_("Address"), one.address),
        (_("Company number (IČO)"), one.company_id),
        (_("VAT number (DIČ)"), one.vat_id),
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


def pdf(owner: User, statement: Statement) -> bytes:
    """The month on paper, in the language that is active."""
    written = date_format(statement.month, "F Y")
    named = _("Statement and fee %(number)s") % {"number": number(owner, statement)}
    paper = Sheet(named, created_at=timezone.now())
    paper.add_page()
    paper.text_line(_("Statement of earnings"), size=18, bold=True)
    paper.text_line(f"{written} · {_('No. %(number)s') % {'number': number(owner, statement)}}", size=11)
    paper.rule()
    for title, rows in ((_("Issued by"), issuer()), (_("For"), customer(owner))):
        paper.text_line(title, bold=True)
        for name, value in rows:
            paper.row(name, value, size=9)
    paper.rule()
    _sums(paper, statement)
    paper.rule()
    last = min(midnight(next_month(statement.month)) - timedelta(seconds=1), timezone.now())
    paper.row(_("Date of supply"), day(last), size=9)
    paper.row(_("Issued"), day(timezone.now()), size=9)
    if settings.SUPPLY_MODEL == Model.COMMISSIONAIRE:
        paper.text_line(
            _("The platform sells in its own name on the owner's account; receipts and their VAT are the platform's."), size=8, grey=True
        )
    paper.ln(3)
    head = (_("Date"), _("Receipt"), _("Charger"), _("Guest"), _("Price"), _("Fee"), _("For you"))
    found = statement.receipts[:MOST_ON_PAPER]
    paper.columns(head, [_printed(owner, cdr) for cdr in found], (22, 34, 34, 24, 19, 17, 20), words=4)
    if len(statement.receipts) > MOST_ON_PAPER:
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
