"""What the law makes a platform know of those who earn through it: asked for, asked again, and then nothing is paid out."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import notifications
from accounts.models import Notification, User
from billing.models import ChargeDetailRecord, SellerData
from chargeshare.errors import DomainError, Invalid

ASKED_AGAIN_AFTER = timedelta(days=30)
PAYOUTS_STOP_AFTER = timedelta(days=60)
FIELDS = ("kind", "name", "street", "city", "postcode", "country", "birth_date", "company_id", "tin", "vat_id", "is_vat_payer")
AS_GIVEN = ("birth_date", "is_vat_payer")
YOUNGEST = 15
_VAT_ID = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,12}")
_CZECH_VAT_ID = re.compile(r"CZ[0-9]{8,10}")


class SellerDataMissing(DomainError):
    """The owner was asked twice and has not said who she is."""

    code = "seller_data_missing"
    message = gettext_lazy("Fill in the data for the tax office first; payouts are stopped until then.")


def of(owner: User) -> SellerData:
    """What an owner has said, or an empty row that is not kept yet."""
    kept: SellerData | None = SellerData.objects.filter(owner_id=owner.pk).first()
    return kept or SellerData(owner_id=owner.pk, name=owner.name)


def require(owner: User) -> None:
    """Refuse where an owner was asked long ago and has said nothing."""
    if stops_at(of(owner)) is not None and has_stopped(of(owner), timezone.now()):
        raise SellerDataMissing


def stops_at(data: SellerData) -> datetime | None:
    """When payouts stop for want of data; None where they were given, or never asked for."""
    return None if data.completed_at or data.asked_at is None else data.asked_at + PAYOUTS_STOP_AFTER


def has_stopped(data: SellerData, now: datetime) -> bool:
    """Whether that moment has come."""
    stop = stops_at(data)
    return stop is not None and stop <= now


@transaction.atomic
def save(owner: User, values: Mapping[str, Any]) -> SellerData:
    """Keep what an owner says about herself, when it is enough to be reported."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    data = of(owner)
    for field in FIELDS:
        if field in values:
            setattr(data, field, values[field] if field in AS_GIVEN else " ".join(str(values[field]).split()))
    data.vat_id = "".join(data.vat_id.upper().split())
    _check(data)
    data.completed_at = timezone.now()
    data.save()
    return data


def _check(data: SellerData) -> None:
    wanted = ["name", "street", "city", "postcode", "country", "birth_date" if data.kind == SellerData.Kind.PRIVATE else "company_id"]
    fields = {field: [_("This is missing.")] for field in wanted if not getattr(data, field)}
    if data.kind != SellerData.Kind.COMPANY and not data.tin:
        fields["tin"] = [_("This is missing.")]
    if isinstance(data.birth_date, date) and not _is_grown(data.birth_date):
        fields["birth_date"] = [_("This cannot be a date of birth.")]
    if data.company_id and data.country == "CZ" and not is_czech_company(data.company_id):
        fields["company_id"] = [_("A digit of this number is wrong.")]
    if data.vat_id and not is_vat_id(data.vat_id):
        fields["vat_id"] = [_("A VAT number looks like CZ12345678; a digit of this one is wrong or missing.")]
    if data.is_vat_payer and not data.vat_id:
        fields["vat_id"] = [_("This is missing.")]
    if data.is_vat_payer and data.kind == SellerData.Kind.PRIVATE:
        fields["is_vat_payer"] = [_("A payer of VAT shares as self-employed or as a company.")]
    if fields:
        raise Invalid(fields=fields)


def _is_grown(born: date) -> bool:
    today = timezone.localdate()
    return date(1900, 1, 1) <= born <= today.replace(year=today.year - YOUNGEST, day=min(today.day, 28))


def is_czech_company(number: str) -> bool:
    """Whether eight digits carry the check digit of a Czech company number."""
    if not (number.isascii() and number.isdigit() and len(number) == 8):
        return False
    weighed = sum(int(digit) * weight for digit, weight in zip(number, range(8, 1, -1), strict=False))
    return int(number[7]) == (11 - weighed % 11) % 10


def is_vat_id(number: str) -> bool:
    """Whether it can be a VAT number: of Czechia by its form and, of a company, its check digit; of others by the form alone."""
    if not number.startswith("CZ"):
        return _VAT_ID.fullmatch(number) is not None
    digits = number[2:]
    return _CZECH_VAT_ID.fullmatch(number) is not None and (len(digits) != 8 or is_czech_company(digits))


def forget(owner: User) -> None:
    """When an account is closed: who never earned anything is not reported, and nothing about her is kept for it."""
    if not ChargeDetailRecord.objects.filter(owner_id=owner.pk, owner_minor__gt=0).exists():
        SellerData.objects.filter(owner_id=owner.pk).delete()


def ask(*, now: datetime) -> int:
    """Ask owners who have begun to earn, and ask again after a month; how many were asked."""
    earning = ChargeDetailRecord.objects.filter(owner_minor__gt=0).values("owner_id")
    unasked = User.objects.filter(pk__in=earning, is_active=True).exclude(seller_data__asked_at__isnull=False)
    asked = 0
    for owner in unasked.exclude(seller_data__completed_at__isnull=False)[:200]:
        asked += _ask(owner, now, first=True)
    silent = SellerData.objects.filter(completed_at=None, reminded_at=None, asked_at__lte=now - ASKED_AGAIN_AFTER)
    for data in silent.filter(owner__is_active=True).select_related("owner")[:200]:
        asked += _ask(data.owner, now, first=False)
    return asked


@transaction.atomic
def _ask(owner: User, now: datetime, *, first: bool) -> bool:
    if first:
        SellerData.objects.get_or_create(owner_id=owner.pk, defaults={"name": owner.name})
        claimed = SellerData.objects.filter(owner_id=owner.pk, asked_at=None).update(asked_at=now)
    else:
        claimed = SellerData.objects.filter(owner_id=owner.pk, reminded_at=None).update(reminded_at=now)
    if not claimed:
        return False
    stop = stops_at(SellerData.objects.get(owner_id=owner.pk))
    days = max(0, (stop - now).days) if stop else None
    notifications.notify(owner, Notification.Kind.SELLER_DATA_WANTED, url=reverse("billing:seller_data"), days=days)
    return True
