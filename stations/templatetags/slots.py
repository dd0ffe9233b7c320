"""Bookings in words."""

from datetime import date, datetime

from django import template
from django.utils import formats, translation

from stations import slots
from stations.models import Reservation

register = template.Library()
JOINER = "\N{WORD JOINER}"  # two times of one day stay on one line


@register.filter
def slot(booking: Reservation) -> str:
    """From when to when, local time: Sat 21 Nov 18:00–21:30."""
    return slots.spoken(booking.begins_at, booking.ends_at).replace("–", f"{JOINER}–{JOINER}")


@register.simple_tag
def span(begins_at: datetime, ends_at: datetime) -> str:
    """The same of two moments."""
    return slots.spoken(begins_at, ends_at)


@register.filter
def units(length: float) -> str:
    """A length in a drawing, with a point in every language."""
    return f"{length:g}"


@register.filter
def weekday(day: date) -> str:
    """Two or three letters: So, Sat."""
    return formats.date_format(day, "D")


@register.filter
def month(day: date) -> str:
    """November 2026, as it stands beside a row of days."""
    written = formats.date_format(day, "F Y")
    return written.lower() if (translation.get_language() or "cs").startswith("cs") else written
