"""Price lists: made, edited into a new version, put away. A session keeps the version it began with."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from billing import bands
from billing.models import Tariff, TariffVersion
from chargeshare.errors import DomainError, Invalid

MOST = {
    "price_per_kwh": 100,
    "price_per_minute": 100,
    "session_fee": 1_000,
    "minimum_price": 1_000,
    "idle_price_per_minute": 100,
    "idle_cap": 10_000,
}
DECIMALS = {"price_per_kwh": 4, "price_per_minute": 4, "session_fee": 2, "minimum_price": 2, "idle_price_per_minute": 4, "idle_cap": 2}
LONGEST_GRACE_MINUTES = 1_440
QUIET_HOURS = ("idle_quiet_from", "idle_quiet_to")
QUIET_BY_DEFAULT = {"idle_quiet_from": "22:00", "idle_quiet_to": "06:00"}
PRICES = (*MOST, "idle_grace_minutes", *QUIET_HOURS, "bands")
TARIFFS_PER_OWNER = 200
FARTHEST = timedelta(days=3 * 366)


class TooManyTariffs(DomainError):
    """Nobody needs so many; a program that went wrong does."""

    code = "too_many_tariffs"
    message = gettext_lazy("An account may keep up to 200 tariffs. Delete one you no longer use.")


def of(owner: User) -> QuerySet[Tariff]:
    """A person's tariffs that are in use."""
    return Tariff.objects.filter(owner=owner, deleted_at=None).select_related("current", "scheduled")


@transaction.atomic
def create(owner: User, values: Mapping[str, Any]) -> Tariff:
    """A new tariff from what a form or a program sent; prices left out are zero."""
    name, prices = read(values)
    if values.get("valid_from"):
        raise Invalid(fields={"valid_from": [_("A new tariff holds at once; give it other prices from a date afterwards.")]})
    User.objects.select_for_update().get(pk=owner.pk)
    if of(owner).count() >= TARIFFS_PER_OWNER:
        raise TooManyTariffs
    tariff = Tariff.objects.create(owner=owner, name=name or "", currency=settings.CURRENCY)
    tariff.current = TariffVersion.objects.create(tariff=tariff, number=1, **{**QUIET_BY_DEFAULT, **prices})
    tariff.save(update_fields=["current"])
    return tariff


@transaction.atomic
def edit(tariff: Tariff, values: Mapping[str, Any]) -> Tariff:
    """Change a tariff. Other prices make a new version, which sessions get from now on; those that run keep theirs.

    With `valid_from` in the future the new version waits for that moment, and takes the place of another that waited;
    with an empty one nothing waits any more.
    """
    tariff = Tariff.objects.select_for_update(of=("self",)).select_related("current", "scheduled").get(pk=tariff.pk)
    name, changed = read(values, is_new=False)
    valid_from = _read_moment(values.get("valid_from"))
    if name is not None and name != tariff.name:
        tariff.name = name
    current = tariff.current
    if current is None:
        raise ValueError(f"Tariff {tariff.pk} has no version.")
    before = {field: getattr(current, field) for field in PRICES}
    waiting = tariff.scheduled
    if valid_from is None and "valid_from" in values:
        tariff.scheduled = None
    if waiting is not None and valid_from == waiting.valid_from and all(getattr(waiting, name) == price for name, price in changed.items()):
        pass  # what waits already
    elif {**before, **changed} != before:
        number = TariffVersion.objects.filter(tariff=tariff).count() + 1
        version = TariffVersion.objects.create(tariff=tariff, number=number, valid_from=valid_from, **{**before, **changed})
        if valid_from is None:
            tariff.current = version
        else:
            tariff.scheduled = version
    elif valid_from is not None:
        raise Invalid(fields={"valid_from": [_("From a date on there must be other prices than now.")]})
    tariff.save(update_fields=["name", "current", "scheduled"])
    return tariff


def begin_scheduled(*, now: datetime) -> int:
    """Let prices whose date has come take over, unless the owner has changed her mind in the meantime."""
    begun = 0
    for pk, version in Tariff.objects.filter(scheduled__valid_from__lte=now).values_list("pk", "scheduled"):
        begun += Tariff.objects.filter(pk=pk, scheduled=version).update(current=version, scheduled=None)
    return begun


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
    quiet = {prices.get(field) for field in QUIET_HOURS}
    if not problems and quiet != {None} and (None in quiet or ("" in quiet) == (len(quiet) == 2)):
        problems["idle_quiet_from"] = [_("Quiet hours have a beginning and another end, or neither.")]
    if problems:
        raise Invalid(fields=problems)
    return name.strip() if isinstance(name, str) else None, prices


def _read_price(field: str, value: Any) -> Any:
    if field == "bands":
        return bands.check(value)
    if field in QUIET_HOURS:
        return _read_hour(value)
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


def _read_hour(value: Any) -> str:
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:00)?", value):
        raise Invalid(_("An hour is written 22:00."))
    return value[:5]


def _read_moment(value: Any) -> datetime | None:
    """When other prices begin; what is past already, or left out, means now."""
    if value in (None, ""):
        return None
    try:
        moment = value if isinstance(value, datetime) else parse_datetime(value) if isinstance(value, str) and len(value) <= 40 else None
    except ValueError:
        moment = None
    if moment is None:
        raise Invalid(fields={"valid_from": [_("Write a date and a time.")]})
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    now = timezone.now()
    if moment > now + FARTHEST:
        raise Invalid(fields={"valid_from": [_("Prices can be set for the next three years.")]})
    return moment if moment > now else None
