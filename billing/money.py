"""Money as whole numbers of the currency's hundredths (haléř, cent). No float comes near it."""

import re
from decimal import Decimal, InvalidOperation

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from chargeshare.errors import Invalid

MOST_MINOR = 10**9 * 100  # a billion in the main unit: far above any real amount, far below where a bigint ends
SYMBOLS = {"CZK": "Kč", "EUR": "€", "PLN": "zł", "HUF": "Ft", "GBP": "£", "USD": "$"}
_WRITTEN = re.compile(r"[-+]?(?=\.?[0-9])[0-9]{0,30}(\.[0-9]{0,30})?")
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


class NotAnAmount(Invalid):
    """What was typed is not an amount of money."""

    message = _("Enter an amount such as 250 or 99.50.")


def minor(amount: Decimal | str | int) -> int:
    """Read an amount in the main unit; a decimal comma is understood, a third decimal is refused and never rounded away."""
    if isinstance(amount, str):
        amount = amount.replace(NO_BREAK_SPACE, "").replace(" ", "").replace(",", ".")
        if not _WRITTEN.fullmatch(amount):
            raise NotAnAmount
        if len(amount.partition(".")[2]) > 2:  # 1,000 may have meant a thousand
            raise NotAnAmount(_("An amount has at most two decimals."))
    try:
        exact = Decimal(amount)
    except (InvalidOperation, ValueError) as error:
        raise NotAnAmount from error
    if not exact.is_finite():
        raise NotAnAmount
    if abs(exact) > MOST_MINOR // 100:
        raise NotAnAmount(_("This amount is too large."))
    hundredths = exact * 100
    if hundredths != int(hundredths):
        raise NotAnAmount(_("An amount has at most two decimals."))
    return int(hundredths)


def decimal(amount_minor: int) -> Decimal:
    """The same amount in the main unit, always with two decimals."""
    return Decimal(amount_minor).scaleb(-2)


def rounded_half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number of a fraction that is not negative; a half goes up."""
    if numerator < 0 or denominator <= 0:
        raise ValueError("Only fractions that are not negative are rounded half up.")
    return (2 * numerator + denominator) // (2 * denominator)


def price_minor(quantity_wh: int, price_per_kwh: Decimal) -> int:
    """What so many watt-hours cost, rounded half up, in whole numbers all the way."""
    return rounded_half_up(quantity_wh * ten_thousandths(price_per_kwh), 100_000)


def vat_minor(gross_minor: int, percent: Decimal) -> int:
    """The VAT in an amount that includes it, rounded half up; on a credit the same with a minus."""
    hundredths = int(percent * 100)
    vat = rounded_half_up(abs(gross_minor) * hundredths, 10_000 + hundredths)
    return vat if gross_minor >= 0 else -vat


def ten_thousandths(price: Decimal) -> int:
    """A price of up to four decimals as a whole number; a fifth decimal is a bug and not money."""
    scaled = price * 10_000
    if scaled != int(scaled):
        raise ValueError(f"A price has at most four decimals, not {price}.")
    return int(scaled)


def share_down(total_minor: int, share: Decimal) -> int:
    """The platform's share of a total that is not negative, rounded down; whoever gets the rest loses nothing."""
    return total_minor * ten_thousandths(share) // 10_000


def number(value: Decimal, *, least_decimals: int = 2, language: str | None = None) -> str:
    """A price or quantity as people write it: 6,50 in Czech, 0.125 where two decimals are not enough."""
    exponent = value.normalize().as_tuple().exponent
    decimals = max(least_decimals, -exponent if isinstance(exponent, int) else 0)
    written = f"{value:,.{decimals}f}"
    if (language or translation.get_language() or "cs").startswith("cs"):
        written = written.replace(",", NO_BREAK_SPACE).replace(".", ",")
    return written


def fmt(amount_minor: int, currency: str, *, decimals: int = 2, language: str | None = None, sign: bool = False) -> str:
    """An amount as people write it: `1 234,50 Kč` in Czech, `1,234.50 Kč` in English, with no-break spaces and a true minus.

    `decimals=0` is for estimates and rounds half up; `sign=True` writes a plus as well.
    """
    language = language or translation.get_language() or "cs"
    whole, hundredths = divmod(abs(amount_minor), 100)
    if decimals == 0:
        whole, hundredths = rounded_half_up(abs(amount_minor), 100), 0
    digits = f"{whole:,}"
    point = "."
    if language.startswith("cs"):
        digits, point = digits.replace(",", NO_BREAK_SPACE), ","
    if decimals:
        digits = f"{digits}{point}{hundredths:02d}"
    before = MINUS if amount_minor < 0 else "+" if sign and amount_minor > 0 else ""
    return f"{before}{digits}{NO_BREAK_SPACE}{SYMBOLS.get(currency, currency)}"
