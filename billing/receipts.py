"""A charge detail record as people get it: whose it is, whether a printed one is genuine, and as a PDF."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import segno
from django.conf import settings
from django.core.signing import Signer
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from accounts.models import User
from billing import money
from billing.models import CdrLine, ChargeDetailRecord
from billing.pricing import Prices
from chargeshare.errors import DomainError

FONTS = Path(settings.BASE_DIR) / "static/vendor/dejavu"
FONT = "DejaVu"
Kind = CdrLine.Kind


def visible_to(user: User) -> QuerySet[ChargeDetailRecord]:
    """Those a person paid or earned, and all of them for staff."""
    found: QuerySet[ChargeDetailRecord] = ChargeDetailRecord.objects.all()
    return found if user.is_staff else found.filter(Q(driver=user) | Q(owner=user))


def agrees(number: str, total: str) -> bool:
    """Whether a receipt of this number and this total was issued: all that a stranger may learn."""
    try:
        total_minor = money.minor(total)
    except DomainError:
        return False
    return bool(ChargeDetailRecord.objects.filter(number=number[:30], total_minor=total_minor).exists())


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
    if line.kind == Kind.SESSION:
        return ""
    times = f"{money.number(line.quantity)} {units[Kind(line.kind)]} × {money.number(line.unit_price)} {currency}".replace(
        " ", money.NO_BREAK_SPACE
    )
    return f"{line.text} · {times}" if line.text else times


def moment(at: datetime) -> str:
    """20. 11. 2026 14:12:04."""
    local = timezone.localtime(at)
    day = f"{local.day}. {local.month}. {local.year}" if (translation.get_language() or "cs").startswith("cs") else f"{local:%-d %b %Y}"
    return f"{day} {local:%H:%M:%S}"


def meter(energy_wh: int) -> str:
    """A meter's register: 4 812,36 kWh."""
    return f"{money.number(Decimal(energy_wh).scaleb(-3))}{money.NO_BREAK_SPACE}kWh"


def tariff(prices: Prices) -> str:
    """The prices in the order kWh, minute, start, standing; the hours of the week by their own lines on the receipt."""
    symbol = money.SYMBOLS.get(prices.currency, prices.currency)
    named = (
        (prices.price_per_kwh, _("kWh")),
        (prices.price_per_minute, _("min")),
        (prices.session_fee, _("start")),
        (prices.idle_price_per_minute, _("min of standing")),
        (prices.minimum_price, _("session at least")),
    )
    said = [f"{money.number(price)} {symbol}/{unit}".replace(" ", money.NO_BREAK_SPACE) for price, unit in named if price]
    return ", ".join(said) or _("free")


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
    """The receipt on one page, in the language that is active. Where the money came from is for the payer alone."""
    page = _Page(cdr, parts(cdr) if with_parts else [])
    page.add_page()
    page.draw()
    return bytes(page.output())


class _Page(FPDF):
    """One A4 sheet."""

    def __init__(self, cdr: ChargeDetailRecord, paid_from: list[tuple[str, int]]) -> None:
        super().__init__(format="A4")
        self.cdr = cdr
        self.paid_from = paid_from
        self.set_margin(20)
        self.add_font(FONT, "", FONTS / "DejaVuSans.ttf")
        self.add_font(FONT, "B", FONTS / "DejaVuSans-Bold.ttf")
        self.set_title(_("Receipt %(number)s") % {"number": cdr.number})
        self.set_author("ChargeShare")
        self.set_creation_date(cdr.created_at)
        self.set_lang(translation.get_language() or "cs")

    def draw(self) -> None:
        """Head, meter, lines, total, where it came from, and how to check it."""
        cdr = self.cdr
        self._text(_("Receipt") if cdr.total_minor >= 0 else _("Credit note"), size=20, bold=True)
        self._text(_("No. %(number)s") % {"number": cdr.number}, size=11)
        self.ln(6)
        self._row(_("Sold by"), cdr.owner_name)
        self._row(_("Place"), ", ".join(filter(None, (cdr.place_name, cdr.place_address))))
        self._row(_("Connector"), cdr.connector_label)
        self._row(_("Start"), moment(cdr.started_at))
        self._row(_("End"), moment(cdr.stopped_at))
        if cdr.meter_start_wh is not None and cdr.meter_stop_wh is not None:
            self._row(_("Meter"), f"{meter(cdr.meter_start_wh)} – {meter(cdr.meter_stop_wh)}")
        self._row(_("Energy"), meter(cdr.energy_wh))
        if cdr.is_estimated:
            self._row(_("Note"), _("The end was never reported; settled by the last reading."))
        if cdr.corrects is not None:
            self._row(_("Corrects"), cdr.corrects.number)
        self._rule()
        for line in cdr.lines.select_related("cdr"):
            self._row(f"{capfirst(line.get_kind_display())}\n{quantity(line)}".strip(), self._money(line.amount_minor))
        self._rule()
        self._row(_("Total"), self._money(cdr.total_minor), bold=True, size=13)
        for name, amount_minor in self.paid_from:
            self._row(name, self._money(amount_minor))
        self._rule()
        if cdr.tariff:
            self._row(_("Tariff"), tariff(Prices.from_snapshot(cdr.tariff)))
        self._row(_("Issued"), moment(cdr.created_at))
        self.ln(4)
        self._text(_("Anyone can check this receipt here:"), size=9)
        self._text(verification_url(cdr), size=9)
        self.ln(2)
        self._code(verification_url(cdr))

    def _money(self, amount_minor: int) -> str:
        return money.fmt(amount_minor, self.cdr.currency)

    def _text(self, text: str, *, size: int, bold: bool = False) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        self.multi_cell(0, size * 0.6, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _row(self, name: str, value: str, *, bold: bool = False, size: int = 10) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        top = self.get_y()
        self.multi_cell(85, size * 0.62, name, align="L", new_x=XPos.RIGHT, new_y=YPos.NEXT)
        after = self.get_y()
        self.set_xy(105, top)
        self.multi_cell(85, size * 0.62, value, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_y(max(after, self.get_y()) + 1.2)

    def _code(self, content: str, *, module_mm: float = 0.8) -> None:
        left, top = self.get_x(), self.get_y()
        for y, row in enumerate(segno.make(content, micro=False).matrix):
            for x, is_dark in enumerate(row):
                if is_dark:
                    self.rect(left + x * module_mm, top + y * module_mm, module_mm, module_mm, style="F")

    def _rule(self) -> None:
        self.ln(2)
        self.set_draw_color(180)
        self.line(20, self.get_y(), 190, self.get_y())
        self.ln(3)
