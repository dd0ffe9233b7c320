"""Money in templates."""

from django import template

from billing import iban
from billing import money as amounts

register = template.Library()


@register.filter
def money(amount_minor: int | None, currency: str) -> str:
    """`{{ cdr.total_minor|money:cdr.currency }}` → 92,30 Kč."""
    return "" if amount_minor is None else amounts.fmt(amount_minor, currency)


@register.filter
def signed_money(amount_minor: int | None, currency: str) -> str:
    """The same with a plus before what came in."""
    return "" if amount_minor is None else amounts.fmt(amount_minor, currency, sign=True)


@register.filter
def masked_iban(number: str) -> str:
    """Enough of a bank account to know one's own by."""
    return iban.masked(number)


@register.filter
def written_iban(number: str) -> str:
    """A bank account in groups of four."""
    return iban.written(number)
