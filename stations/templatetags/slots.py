"""Bookings in words."""

from datetime import date, datetime

from django import template
from django.template import Context
from django.utils import formats, timezone, translation

from stations import slots
from stations.models import Closure, Reservation, WaitlistPlace
from stations.weekly import Span

register = template.Library()
JOINER = "\N{WORD JOINER}"  # two times of one day stay on one line


@register.filter
def slot(booking: Reservation | WaitlistPlace | Closure) -> str:
    """From when to when, local time: Sat 21 Nov 18:00–21:30."""
    return slots.spoken(booking.begins_at, booking.ends_at).replace("–", f"{JOINER}–{JOINER}")


@register.simple_tag
def span(begins_at: datetime, ends_at: datetime) -> str:
    """The same of two moments."""
    return slots.spoken(begins_at, ends_at)


@register.simple_tag(takes_context=True)
def told_slot(context: Context) -> str:
    """From when to when, of a notification, in the language of who reads it. Those written long ago hold it in words."""
    begins_at, ends_at = context["begins_at"], context["ends_at"]
    if not (begins_at and ends_at):
        return str(context["slot"])
    return slots.spoken(datetime.fromisoformat(begins_at), datetime.fromisoformat(ends_at))


@register.filter
def prefill(span: Span) -> str:
    """What an address must say so that the form shows this time, two hours of it at most."""
    begins_at, ends_at = timezone.localtime(span[0]), span[1]
    minutes = min(120, int((ends_at - span[0]).total_seconds()) // 60)
    return f"day={begins_at:%Y-%m-%d}&start={begins_at:%H:%M}&minutes={minutes}"


@register.filter
def clock_end(moment: datetime) -> str:
    """The end of a time as a clock shows it; midnight ends a day and begins none."""
    local = timezone.localtime(moment)
    return "24:00" if local.hour == local.minute == 0 else formats.date_format(local, "G:i")


@register.filter
def field_time(moment: datetime) -> str:
    """As a field for day and time wants it, by the clock of the place."""
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M}"


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
