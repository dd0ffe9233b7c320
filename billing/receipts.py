"""A charge detail record as people get it: whose it is, whether a printed one is genuine, and as a PDF."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from django.conf import settings
from django.core.signing import Signer
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import User
from billing import money, suppliers
from billing.models import CdrLine, ChargeDetailRecord
from billing.paper import LEFT_MM, Sheet, is_czech, moment
from billing.pricing import Prices
from billing.suppliers import Model
from chargeshare.errors import DomainError

Kind = CdrLine.Kind
IN_ONE_COLUMN = 40
_CURRENCY = re.compile(r"^[^\W\d_]+(?=\s)|[^\W\d_]+$|[€$£]")
LONGEST_GAP_S = 3600  # no power is drawn over a longer silence of the meter


def visible_to(user: User) -> QuerySet[ChargeDetailRecord]:
    """Those a person paid or earned, and all of them for staff."""
    found: QuerySet[ChargeDetailRecord] = ChargeDetailRecord.objects.all()
    return found if user.is_staff else found.filter(Q(driver=user) | Q(owner=user))


def read_total(text: str) -> int | None:
    """A total as somebody copies it from a receipt: 222.11, 1 234,50 Kč, −65,00; None where it is no amount."""
    text = _CURRENCY.sub("", text.strip()).replace(money.MINUS, "-")
    if "," in text and "." in text:
        text = text.replace(",", "")
    try:
        return money.minor("".join(text.split()))
    except DomainError:
        return None


def agrees(number: str, total_minor: int) -> bool:
    """Whether a receipt of this number and this total was issued: all that a stranger may learn."""
    return bool(ChargeDetailRecord.objects.filter(number=number, total_minor=total_minor).exists())


def verification_url(cdr: ChargeDetailRecord) -> str:
    """The address where anybody can check a printed receipt."""
    return f"{settings.PUBLIC_URL}{reverse('billing:receipt_verify', args=[cdr.number])}?total={money.decimal(cdr.total_minor)}"


def public_pdf_url(cdr: ChargeDetailRecord) -> str:
    """An address of the PDF for a letter to somebody who cannot log in; the signature in it lets in whoever holds it."""
    return f"{settings.PUBLIC_URL}{reverse('billing:receipt_pdf', args=[cdr.number])}?{urlencode({'key': _signature(cdr.number)})}"


def holds_key(number: str, key: str) -> bool:
    """Whether this is the signature from such a letter."""
    return constant_time_compare(key, _signature(number))


def _signature(number: str) -> str:
    return Signer(salt="receipt").signature(number)


def quantity(line: CdrLine) -> str:
    """34,17 kWh × 6,50 Kč; nothing for a fee that is paid once."""
    currency = money.SYMBOLS.get(line.cdr.currency, line.cdr.currency)
    units = {Kind.ENERGY: _("kWh"), Kind.TIME: _("min"), Kind.IDLE: _("min")}
    if line.kind == Kind.CREDIT:
        return line.text
    if line.kind in (Kind.SESSION, Kind.MINIMUM, Kind.LATE, Kind.NO_SHOW):
        return ""
    times = f"{money.number(line.quantity)} {units[Kind(line.kind)]} × {money.number(line.unit_price)} {currency}".replace(
        " ", money.NO_BREAK_SPACE
    )
    return f"{line.text} · {times}" if line.text else times


def meter(energy_wh: int) -> str:
    """A meter's register: 4 812,36 kWh."""
    return f"{money.number(Decimal(energy_wh).scaleb(-3))}{money.NO_BREAK_SPACE}kWh"


def tariff(prices: Prices) -> str:
    """The prices in the order kWh, minute, start, standing, minimum."""
    named = (
        (prices.price_per_kwh, _("kWh")),
        (prices.price_per_minute, _("min")),
        (prices.session_fee, _("start")),
        (prices.idle_price_per_minute, _("min of standing")),
        (prices.minimum_price, _("session at least")),
    )
    said = [_price(price, prices.currency, unit) for price, unit in named if price]
    return ", ".join(said) or _("free")


def terms(prices: Prices) -> list[tuple[str, str]]:
    """The tariff in rows: prices, hours of the week with a price of their own, and when standing costs nothing."""
    rows = [(_("Tariff"), tariff(prices))]
    rows += [(str(band), _price(band.price_per_kwh, prices.currency, _("kWh"))) for band in prices.bands]
    if prices.idle_price_per_minute:
        cap = money.fmt(money.minor(prices.idle_cap), prices.currency)
        rows.append(
            (_("Standing after charging"), _("%(minutes)s min free, at most %(cap)s") % {"minutes": prices.idle_grace_minutes, "cap": cap})
        )
        if prices.quiet_hours:
            rows.append((_("Standing costs nothing"), prices.quiet_hours.label))
    return rows


def _price(price: Decimal, currency: str, unit: str) -> str:
    return f"{money.number(price)} {money.SYMBOLS.get(currency, currency)}/{unit}".replace(" ", money.NO_BREAK_SPACE)


def title(cdr: ChargeDetailRecord) -> str:
    """What the law calls it: who pays VAT issues tax documents, who does not issues receipts."""
    if cdr.corrects_id is None:
        return _("Simplified tax document") if cdr.vat_percent is not None else _("Receipt")
    if cdr.vat_percent is not None:
        return _("Corrective tax document")
    return _("Credit note") if cdr.total_minor < 0 else _("Correction of a receipt")


def seller(cdr: ChargeDetailRecord) -> list[tuple[str, str]]:
    """Who issued it, in rows."""
    by = suppliers.of_record(cdr)
    rows = [(_("Sold by"), by.name), (_("Seller's address"), by.address), (_("Company number (IČO)"), by.company_id)]
    rows.append((_("VAT number (DIČ)"), by.vat_id) if by.vat_percent is not None else (_("VAT"), _("the seller is not a payer of VAT")))
    if by.model == Model.COMMISSIONAIRE:
        rows.append((_("On the account of"), cdr.owner_name))
    return [(name, value) for name, value in rows if value]


@dataclass(frozen=True)
class Vat:
    """The tax in an amount that includes it."""

    percent: str
    base_minor: int
    vat_minor: int


def vat(cdr: ChargeDetailRecord) -> Vat | None:
    """The tax in the total; None where the issuer is no payer."""
    return _vat(cdr.vat_percent, cdr.total_minor, cdr.vat_minor)


def fee_vat(cdr: ChargeDetailRecord) -> Vat | None:
    """The tax in the platform's fee; None where it is no payer, or sells itself."""
    return _vat(cdr.fee_vat_percent, cdr.fee_minor, cdr.fee_vat_minor)


def _vat(percent: Decimal | None, amount_minor: int, vat_minor: int) -> Vat | None:
    if percent is None:
        return None
    written = f"{percent.normalize():f}"
    return Vat(written.replace(".", ",") if is_czech() else written, amount_minor - vat_minor, vat_minor)


@dataclass(frozen=True)
class Reading:
    """What the meter said at one moment: its register, and the power."""

    at: datetime
    energy_wh: int | None
    power_w: int | None


def readings(cdr: ChargeDetailRecord) -> list[Reading]:
    """Those that were frozen with the receipt, oldest first."""
    return [Reading(datetime.fromisoformat(at), energy_wh, power_w) for at, energy_wh, power_w in cdr.readings]


def curve(found: list[Reading]) -> list[tuple[datetime, int]]:
    """Power over time: as it was reported, else what the energy between two readings comes to."""
    if any(reading.power_w is not None for reading in found):
        return [(reading.at, reading.power_w) for reading in found if reading.power_w is not None]
    points = []
    for before, after in pairwise(reading for reading in found if reading.energy_wh is not None):
        seconds = (after.at - before.at).total_seconds()
        if 0 < seconds <= LONGEST_GAP_S:
            points.append((after.at, max(0, round(((after.energy_wh or 0) - (before.energy_wh or 0)) * 3600 / seconds))))
    return points


def parts(cdr: ChargeDetailRecord) -> list[tuple[str, int]]:
    """Where the total came from, promo credit first."""
    named = (
        (_("from promo credit"), cdr.promo_minor),
        (_("from the wallet"), cdr.cash_minor),
        (_("still owed"), cdr.debt_minor),
        (_("not charged"), cdr.loss_minor),
    )
    return [(name, amount_minor) for name, amount_minor in named if amount_minor]


def pdf(cdr: ChargeDetailRecord, *, with_parts: bool = True) -> bytes:
    """The receipt on paper, in the language that is active, the readings on a second page.

    Where the money came from is for the payer alone.
    """
    paper = _Paper(cdr, parts(cdr) if with_parts else [])
    paper.add_page()
    paper.draw()
    if cdr.readings:
        paper.add_page()
        paper.draw_readings()
    return bytes(paper.output())


class _Paper(Sheet):
    """A receipt on A4."""

    def __init__(self, cdr: ChargeDetailRecord, paid_from: list[tuple[str, int]]) -> None:
        super().__init__(f"{title(cdr)} {cdr.number}", created_at=cdr.created_at)
        self.cdr = cdr
        self.paid_from = paid_from

    def draw(self) -> None:
        """Head, seller, meter, lines, total, tax, tariff, and how to check it."""
        self.text_line(title(self.cdr), size=18, bold=True)
        self.text_line(_("No. %(number)s") % {"number": self.cdr.number}, size=11)
        self.ln(3)
        for name, value in seller(self.cdr):
            self.row(name, value)
        self.rule()
        self._where_and_when()
        self.rule()
        for line in self.cdr.lines.select_related("cdr"):
            self.row(str(capfirst(line.get_kind_display())), self._money(line.amount_minor), under=quantity(line))
        self.rule()
        self.row(_("Total"), self._money(self.cdr.total_minor), bold=True, size=13)
        self._tax()
        for name, amount_minor in self.paid_from:
            self.row(name, self._money(amount_minor))
        self.rule()
        for name, value in terms(Prices.from_snapshot(self.cdr.tariff)) if self.cdr.tariff else []:
            self.row(name, value, size=9)
        self.row(_("Date of supply"), moment(self.cdr.stopped_at), size=9)
        self.row(_("Issued"), moment(self.cdr.created_at), size=9)
        self.ln(2)
        if self.get_y() > 225:
            self.add_page()
        self.text_line(_("Anyone can check this receipt here:"), size=9)
        self.text_line(verification_url(self.cdr), size=8, grey=True)
        self.ln(2)
        self.code(verification_url(self.cdr))

    def _where_and_when(self) -> None:
        cdr = self.cdr
        if cdr.corrects is not None:
            self.row(_("Corrects"), f"{cdr.corrects.number}, {moment(cdr.corrects.created_at)}")
        self.row(_("Place"), ", ".join(filter(None, (cdr.place_name, cdr.place_address))))
        self.row(_("Connector"), cdr.connector_label)
        self.row(_("Start"), moment(cdr.started_at))
        self.row(_("End"), moment(cdr.stopped_at))
        if cdr.meter_start_wh is not None and cdr.meter_stop_wh is not None:
            self.row(_("Meter at the start"), meter(cdr.meter_start_wh))
            self.row(_("Meter at the end"), meter(cdr.meter_stop_wh))
        self.row(_("Energy"), meter(cdr.energy_wh))
        if cdr.is_estimated:
            self.row(_("Note"), _("The end was never reported; settled by the last reading."))

    def _tax(self) -> None:
        tax = vat(self.cdr)
        if tax is not None:
            self.row(_("Without VAT"), self._money(tax.base_minor))
            self.row(_("VAT %(percent)s %%") % {"percent": tax.percent}, self._money(tax.vat_minor))

    def draw_readings(self) -> None:
        """The power as a curve, and what the meter said, in columns of their own."""
        found = readings(self.cdr)
        self.text_line(_("What the meter said"), size=14, bold=True)
        self.text_line(
            _("Readings of session %(code)s, as the charger reported them.") % {"code": self.cdr.session_code}, size=8, grey=True
        )
        points = curve(found)
        if len(points) > 1:
            self.curve(points)
        self.ln(2)
        top = self.get_y()
        for place in range(0, len(found), IN_ONE_COLUMN):
            self.set_left_margin(LEFT_MM + place // IN_ONE_COLUMN * 58)
            self.set_y(top)
            rows = [
                (
                    f"{moment(one.at).rpartition(' ')[2]}",
                    "" if one.energy_wh is None else money.number(Decimal(one.energy_wh).scaleb(-3)),
                    "" if one.power_w is None else money.number(Decimal(one.power_w).scaleb(-3)),
                )
                for one in found[place : place + IN_ONE_COLUMN]
            ]
            self.columns((_("Time"), "kWh", "kW"), rows, (18, 22, 14), words=1, size=7)
        self.set_left_margin(LEFT_MM)

    def _money(self, amount_minor: int) -> str:
        return money.fmt(amount_minor, self.cdr.currency)
