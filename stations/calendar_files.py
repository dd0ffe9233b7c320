"""Bookings as calendar files (RFC 5545): any phone takes them."""

from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from stations.models import Reservation

LONGEST_LINE = 73


def written(booking: Reservation) -> str:
    """One event; made again after a change it replaces the one before."""
    charge_point = booking.charge_point
    summary = _("Charging: %(place)s") % {"place": charge_point.name}
    description = _("The connector waits fifteen minutes for you. The address is on the page of the booking.")
    is_on = booking.is_open or booking.status == Reservation.Status.USED
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//ChargeShare//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{booking.code}@chargeshare",
        f"DTSTAMP:{_utc(timezone.now())}",
        f"SEQUENCE:{booking.revision}",
        f"DTSTART:{_utc(booking.begins_at)}",
        f"DTEND:{_utc(booking.ends_at)}",
        f"STATUS:{'TENTATIVE' if booking.status == Reservation.Status.REQUESTED else 'CONFIRMED' if is_on else 'CANCELLED'}",
        f"SUMMARY:{_text(summary)}",
        f"DESCRIPTION:{_text(description)}",
        f"URL:{settings.PUBLIC_URL}{booking.get_absolute_url()}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{piece}\r\n" for line in lines for piece in _folded(line))


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(said: str) -> str:
    plain = " ".join(said.split())
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> list[str]:
    """No line is longer than 75 bytes; what follows begins with a blank."""
    pieces, piece = [], ""
    for letter in line:
        if len((piece + letter).encode()) > LONGEST_LINE:
            pieces.append(piece)
            piece = " "
        piece += letter
    return [*pieces, piece]
