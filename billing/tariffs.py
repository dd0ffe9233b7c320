"""Price lists: made, edited into a new version, put away. A session keeps the version it began with."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from billing import bands
from billing.models import Tariff, TariffVersion
from chargeshare.errors import DomainError, Invalid

MOST = {"price_per_kwh": 100, "price_per_minute": 100, "session_fee": 1_000, "idle_price_per_minute": 100}
DECIMALS = {"price_per_kwh": 4, "price_per_minute": 4, "session_fee": 2, "idle_price_per_minute": 4}
LONGEST_GRACE_MINUTES = 1_440
PRICES = (*MOST, "idle_grace_minutes", "bands")
TARIFFS_PER_OWNER = 200


class TooManyTariffs(DomainError):
    """Nobody needs so many; a program that went wrong does."""

    code = "too_many_tariffs"
    message = gettext_lazy("An account may keep up to 200 tariffs. Delete one you no longer use.")


def of(owner: User) -> QuerySet[Tariff]:
    """A person's tariffs that are in use."""
    return Tariff.objects.filter(owner=owner, deleted_at=None).select_related("current")


@transaction.atomic
def create(owner: User, values: Mapping[str, Any]) -> Tariff:
    """A new tariff from what a form or a program sent; prices left out are zero."""
    name, prices = read(values)
    User.objects.select_for_update().get(pk=owner.pk)
    if of(owner).count() >= TARIFFS_PER_OWNER:
        raise TooManyTariffs
    tariff = Tariff.objects.create(owner=owner, name=name or "", currency=settings.CURRENCY)
    tariff.current = TariffVersion.objects.create(tariff=tariff, number=1, **prices)
    tariff.save(update_fields=["current"])
    return tariff


@transaction.atomic
def edit(tariff: Tariff, values: Mapping[str, Any]) -> Tariff:
    """Change a tariff. Other prices make a new version, which sessions get from now on; those that run keep theirs."""
    tariff = Tariff.objects.select_for_update(of=("self",)).select_related("current").get(pk=tariff.pk)
    name, changed = read(values, is_new=False)
    if name is not None and name != tariff.name:
        tariff.name = name
        tariff.save(update_fields=["name"])
    current = tariff.current
    if current is None:
        raise ValueError(f"Tariff {tariff.pk} has no version.")
    before = {field: getattr(current, field) for field in PRICES}
    if {**before, **changed} != before:
        tariff.current = TariffVersion.objects.create(tariff=tariff, number=current.number + 1, **{**before, **changed})
        tariff.save(update_fields=["current"])
    return tariff


def delete(tariff: Tariff) -> None:
    """Put a tariff away: no connector can be given it any more, and its versions stay for the receipts that name them."""
    Tariff.objects.filter(pk=tariff.pk, deleted_at=None).update(deleted_at=timezone.now())


def read(values: Mapping[str, Any], *, is_new: bool = True) -> tuple[str | None, dict[str, Any]]:
    """Check what was sent, every field with a sentence of its own; returns the name and those prices that were there."""
    problems: dict[str, list[str]] = {}
    name = values.get("name")
    if name is None and not is_new:
        pass
    elif not isinstance(name, str) or not 1 <= len(name.strip()) <= 60 or "\0" in name:
        problems["name"] = [_("A name has 1 to 60 characters.")]
    if values.get("currency", settings.CURRENCY) != settings.CURRENCY:
        problems["currency"] = [_("Prices are in %(currency)s here.") % {"currency": settings.CURRENCY}]
    prices: dict[str, Any] = {}
    for field in PRICES:
        if field in values:
            try:
                prices[field] = _read_price(field, values[field])
            except Invalid as error:
                problems[field] = [str(error.message)]
    if problems:
        raise Invalid(fields=problems)
    return name.strip() if isinstance(name, str) else None, prices


def _read_price(field: str, value: Any) -> Any:
    if field == "bands":
        return bands.check(value)
    if field == "idle_grace_minutes":
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
            value = int(value)
        if type(value) is not int or not 0 <= value <= LONGEST_GRACE_MINUTES:
            raise Invalid(_("The grace is a whole number of minutes up to %(most)s.") % {"most": LONGEST_GRACE_MINUTES})
        return value
    most, decimals = MOST[field], DECIMALS[field]
    problem = _("A price is a number from 0 to %(most)s with at most %(decimals)s decimals.") % {"most": most, "decimals": decimals}
    if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
        raise Invalid(problem)
    try:
        price = Decimal(value.replace(",", ".").strip() if isinstance(value, str) and len(value) <= 20 else value)
    except InvalidOperation as error:
        raise Invalid(problem) from error
    if not price.is_finite() or not 0 <= price <= most or price != round(price, decimals):
        raise Invalid(problem)
    return round(price, decimals)
