"""What people type into the address of the map, as values; None for what is none."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from django.utils import timezone

from stations.models.site_facts import HIGHEST_CM, LOWEST_CM

LONGEST_SLOT = timedelta(hours=72)


def numbers(text: str, count: int) -> tuple[float, ...] | None:
    """So many numbers with commas in between."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return found if len(found) == count and all(math.isfinite(number) and abs(number) <= 540 for number in found) else None


def slot(begins: str, ends: str) -> tuple[datetime, datetime] | tuple[None, None]:
    """A time in which it should be free, by the clock of the place where it names no zone; two ends in their order, or none."""
    try:
        found = [datetime.fromisoformat(said) for said in (begins, ends)]
        first, last = (one if one.tzinfo is not None else timezone.make_aware(one) for one in found)
        last = min(last.astimezone(UTC), first.astimezone(UTC) + LONGEST_SLOT)
    except (ValueError, OverflowError):
        return None, None
    return (first, last) if first < last else (None, None)


def whole(text: str | None) -> int | None:
    """A whole number that is not absurd."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 9 else None


def height_cm(text: str | None) -> int | None:
    """The height of a car."""
    found = whole(text)
    return found if found is not None and LOWEST_CM <= found <= HIGHEST_CM else None


def price(text: str, *, least: int = 0, most: int = 9_999) -> Decimal | None:
    """A number with a comma or a point."""
    try:
        found = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return found if found.is_finite() and least <= found <= most else None
