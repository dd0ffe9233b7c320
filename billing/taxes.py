"""Earnings by the year for the tax office: how near an owner is to the limits that matter, and what the platform reports of her.

The figures are facts; what follows from them for one person is said by an adviser, and the pages say so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from accounts.models import User
from billing import money, statements
from billing.models import BankAccount, ChargeDetailRecord, SellerData
from billing.spreadsheets import Row
from billing.statements import Sums

OTHER_INCOME_MINOR = 50_000_00  # a year: below it, occasional income of a private person is free of tax (§ 10)
VAT_MINOR = 2_000_000_00  # turnover of a calendar year that makes a payer of VAT from the next January on
VAT_AT_ONCE_MINOR = 2_536_500_00  # … and from the next day on
FEW_SALES = 30  # a seller of goods with fewer sales, for no more than so many euros, is not reported
FEW_EUROS = 2_000


@dataclass(frozen=True)
class Meter:
    """How much of a limit is used up."""

    limit_minor: int
    used_minor: int

    @property
    def percent(self) -> int:
        """In whole percent, rounded down, at most a hundred."""
        return min(100, max(0, self.used_minor) * 100 // self.limit_minor)

    @property
    def is_near(self) -> bool:
        """Whether it is time to think about it."""
        return self.percent >= 80

    @property
    def is_over(self) -> bool:
        """Whether the limit is passed."""
        return self.used_minor > self.limit_minor


@dataclass(frozen=True)
class Year:
    """One calendar year of an owner."""

    year: int
    total: Sums
    quarters: list[Sums]
    other_income: Meter
    vat: Meter
    vat_at_once: Meter


@dataclass(frozen=True)
class Reported:
    """One line of the yearly report about those who earn through the platform."""

    owner: User
    data: SellerData
    iban: str
    year: Year
    sales: int
    is_exempt: bool


def of(owner: User, year: int) -> Year:
    """The year of an owner by quarters."""
    months = {share.month.month: share.sums for share in statements.by_month(owner, year) if share.month}
    quarters = [_together(months.get(3 * number + month, Sums()) for month in (1, 2, 3)) for number in range(4)]
    total = _together(quarters)
    return Year(
        year=year,
        total=total,
        quarters=quarters,
        other_income=Meter(OTHER_INCOME_MINOR, total.gross_minor),
        vat=Meter(VAT_MINOR, total.gross_minor),
        vat_at_once=Meter(VAT_AT_ONCE_MINOR, total.gross_minor),
    )


def _together(parts: Iterable[Sums]) -> Sums:
    parts = list(parts)
    return Sums(**{name: sum(getattr(part, name) for part in parts) for name in Sums.__dataclass_fields__})


def report(year: int, *, crowns_per_euro: Decimal) -> list[Reported]:
    """Everybody who earned something in a year, with what the report about sellers asks for."""
    begins, ends = statements.midnight(date(year, 1, 1)), statements.midnight(date(year + 1, 1, 1))
    found = ChargeDetailRecord.objects.filter(created_at__gte=begins, created_at__lt=ends, total_minor__gt=0)
    sales = dict(found.filter(corrects=None).values_list("owner_id").annotate(count=Count("pk")).order_by())
    limit_minor = int(FEW_EUROS * 100 * crowns_per_euro)
    lines = []
    for owner in User.objects.filter(pk__in=sales).order_by("pk"):
        of_year = of(owner, year)
        account = BankAccount.objects.filter(Q(replaced_at=None) | Q(payouts__status="paid"), owner=owner).order_by("-pk").first()
        lines.append(
            Reported(
                owner=owner,
                data=SellerData.objects.filter(owner=owner).first() or SellerData(owner=owner),
                iban=account.iban if account else "",
                year=of_year,
                sales=sales[owner.pk],
                is_exempt=sales[owner.pk] < FEW_SALES and of_year.total.gross_minor <= limit_minor,
            )
        )
    return lines


def report_rows(lines: list[Reported]) -> list[Row]:
    """The report as a table: who, where, and by quarter how much, how often and what was kept of it."""
    head: list[str] = [
        *(_("Account"), _("Kind"), _("Name"), _("Street"), _("Town"), _("Postcode"), _("Country"), _("Date of birth")),
        *(_("Company number"), _("Tax number"), _("VAT number"), _("IBAN"), _("Sales"), _("Exempt")),
    ]
    for quarter in range(1, 5):
        head += [f"Q{quarter} {word}" for word in (_("paid to the owner"), _("sales"), _("fees"))]
    return [head, *(_report_row(line) for line in lines)]


def _report_row(line: Reported) -> Row:
    data = line.data
    quarters: list[Decimal | int] = []
    for quarter in line.year.quarters:
        quarters += [money.decimal(quarter.earned_minor), quarter.sessions, money.decimal(quarter.fee_minor)]
    return [
        *(line.owner.email, str(data.get_kind_display()), data.name, data.street, data.city, data.postcode, data.country),
        *(data.birth_date, data.company_id, data.tin, data.vat_id, line.iban, line.sales, _("yes") if line.is_exempt else _("no")),
        *quarters,
    ]


def own_rows(year: Year) -> list[Row]:
    """An owner's year as a table, the copy of what is reported of her."""
    head: Row = [_("Quarter"), _("Sessions"), _("Energy (kWh)"), _("Price"), _("Fee"), _("For you")]
    named = [(f"Q{number}", quarter) for number, quarter in enumerate(year.quarters, start=1)]
    return [head, *(_sums_row(name, sums) for name, sums in [*named, (str(year.year), year.total)])]


def _sums_row(name: str, sums: Sums) -> Row:
    return [
        *(name, sums.sessions, Decimal(sums.energy_wh).scaleb(-3)),
        *(money.decimal(sums.gross_minor), money.decimal(sums.fee_minor), money.decimal(sums.earned_minor)),
    ]
