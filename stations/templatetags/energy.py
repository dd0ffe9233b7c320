"""Energy, power, time and prices as people write them, with no-break spaces before the units."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from django import template
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing import money

register = template.Library()

SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def number(value: Decimal | float, decimals: int) -> str:
    """Digits with the point or comma of the language; thousands are parted by a no-break space or a comma."""
    exact = Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return formats.number_format(exact, decimal_pos=decimals, use_l10n=True, force_grouping=True).replace(" ", SPACE)


@register.filter
def kwh(energy_wh: int | None, decimals: int = 2) -> str:
    """Watt-hours as kilowatt-hours: 14200 → 14,20 kWh."""
    return "" if energy_wh is None else f"{kwh_number(energy_wh, decimals)}{SPACE}kWh"


@register.filter
def kwh_number(energy_wh: int | None, decimals: int = 2) -> str:
    """The same without its unit."""
    return "" if energy_wh is None else number(Decimal(energy_wh) / 1000, decimals)


@register.filter
def signed_kwh_number(energy_wh: int | None) -> str:
    """A step of a meter: +0,36 or −1,20."""
    return "" if energy_wh is None else f"{'+' if energy_wh >= 0 else MINUS}{kwh_number(abs(energy_wh))}"


@register.filter
def exact_kwh_number(energy_wh: int | None) -> str:
    """To the watt-hour where two decimals are not enough: on a bill the figures of the meter add up."""
    return "" if energy_wh is None else money.number(Decimal(energy_wh).scaleb(-3))


@register.filter
def kw(power_w: int | None) -> str:
    """Watts as kilowatts, a decimal only where there is one: 11 kW, 10,9 kW."""
    return "" if power_w is None else f"{kw_number(power_w)}{SPACE}kW"


@register.filter
def kw_number(power_w: int | None) -> str:
    """The same without its unit."""
    if power_w is None:
        return ""
    tenths = round(Decimal(power_w) / 100)
    return number(Decimal(tenths) / 10, 1 if tenths % 10 else 0)


@register.filter
def kilograms(grams: int | None) -> str:
    """Grams as kilograms: 12,3 kg; from a hundred on without a decimal."""
    return "" if grams is None else f"{number(Decimal(grams) / 1000, 0 if abs(grams) >= 100_000 else 1)}{SPACE}kg"


@register.filter
def duration(seconds: float | None) -> str:
    """1 h 19 min; 40 s below a minute."""
    if seconds is None:
        return ""
    seconds = max(0, int(seconds))
    if seconds < 60:
        return f"{seconds}{SPACE}s"
    hours, minutes = divmod(seconds // 60, 60)
    if hours >= 48:
        return ngettext("%(days)s day", "%(days)s days", hours // 24).replace(" ", SPACE) % {"days": hours // 24}
    parts = [f"{hours}{SPACE}h"] if hours else []
    parts += [f"{minutes}{SPACE}min"] if minutes else []
    return SPACE.join(parts)


@register.filter
def countdown(seconds: float | None) -> str:
    """1:52 left."""
    minutes, rest = divmod(max(0, int(seconds or 0)), 60)
    return f"{minutes}:{rest:02d}"


@register.filter
def age(moment: datetime | None) -> str:
    """How long ago: the largest unit is enough."""
    if moment is None:
        return ""
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    if seconds < 60:
        length = f"{seconds}{SPACE}s"
    elif seconds < 3600:
        length = f"{seconds // 60}{SPACE}min"
    elif seconds < 48 * 3600:
        length = f"{seconds // 3600}{SPACE}h"
    else:
        return day(moment)
    return _("%(length)s ago") % {"length": length}


@register.filter
def clock(moment: datetime | None) -> str:
    """14:05, local time."""
    return "" if moment is None else formats.date_format(timezone.localtime(moment), "G:i")


@register.filter
def clock_s(moment: datetime | None) -> str:
    """14:05:08, local time."""
    return "" if moment is None else formats.date_format(timezone.localtime(moment), "G:i:s")


@register.filter
def day(moment: datetime | date | None) -> str:
    """20. 11. 2026 in Czech, 20 Nov 2026 in English; without the year while it is this one."""
    if moment is None:
        return ""
    return written_day(timezone.localtime(moment).date() if isinstance(moment, datetime) else moment)


def written_day(on: date) -> str:
    """The same of a date."""
    this_year = on.year == timezone.localdate().year
    if (translation.get_language() or "cs").startswith("cs"):
        return formats.date_format(on, "j. n." if this_year else "j. n. Y").replace(" ", SPACE)
    return formats.date_format(on, "j M" if this_year else "j M Y").replace(" ", SPACE)


@register.filter
def since(moment: datetime | None) -> str:
    """Since when something holds: today by the clock, earlier by the day."""
    if moment is None:
        return ""
    return clock(moment) if timezone.localtime(moment).date() == timezone.localtime().date() else day(moment)


@register.filter
def price_number(price: Decimal | None) -> str:
    """A unit price without its currency, two decimals or as many as it has: 6,50."""
    if price is None:
        return ""
    if not price:
        return "0"
    exponent = price.normalize().as_tuple().exponent
    return number(price, max(2, -exponent if isinstance(exponent, int) else 2))


@register.filter
def unit_price(price: Decimal | None, currency: str) -> str:
    """A unit price with its currency: 6,50 Kč."""
    return "" if price is None else f"{price_number(price)}{SPACE}{money.SYMBOLS.get(currency, currency)}"


@register.filter
def distance(metres: float | None) -> str:
    """850 m, 1,2 km."""
    if metres is None:
        return ""
    if metres < 1000:
        return f"{round(metres / 50) * 50 or 50}{SPACE}m"
    return f"{number(Decimal(metres) / 1000, 1 if metres < 20_000 else 0)}{SPACE}km"


@register.filter
def money_whole(amount_minor: int | None, currency: str) -> str:
    """An estimate or a limit in whole crowns: 250 Kč."""
    return "" if amount_minor is None else money.fmt(amount_minor, currency, decimals=0)
