"""The codes stuck on chargers: short addresses that nobody but us can make, and that are void the moment a new one is issued.

Somebody who sticks a code of her own over ours leads drivers to a page of hers. So ours says what must be seen: the true
address, the picture and the place of the charger, and what is written on its plate; and it never asks for a card.
"""

import hmac
import secrets
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import override

from billing.paper import LEFT_MM, Sheet
from chargeshare.errors import DomainError
from stations.models import ChargePoint, Connector, Sticker

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that is read for something else
RANDOM, SIGNED = 8, 4
CODE_MM = 90


class NotOurs(DomainError):
    """A code that we never made."""

    code = "sticker_not_ours"
    status = 404


def of(connector: Connector) -> Sticker:
    """The sticker of an outlet; made at first need."""
    known = Sticker.objects.valid().filter(connector=connector).first()
    return known if known is not None else issue(connector)


@transaction.atomic
def issue(connector: Connector, *, instead_of: str | None = None) -> Sticker:
    """Make another code for an outlet; the one before is void at once. It says what it replaces, so a second click makes none."""
    Connector.objects.select_for_update(of=("self",)).values_list("pk").get(pk=connector.pk)
    valid = Sticker.objects.valid().filter(connector=connector).first()
    if valid is not None and instead_of != valid.short:
        return valid
    if valid is not None:
        valid.replaced_at = timezone.now()
        valid.save(update_fields=["replaced_at"])
    return Sticker.objects.create(connector=connector, short=_new_short())


def find(short: str) -> Sticker:
    """The sticker of a code, void ones too. One that we did not make is refused without a look at the table."""
    if not is_ours(short):
        raise NotOurs
    found = Sticker.objects.select_related("connector__charge_point__owner").filter(short=short).first()
    if found is None:
        raise NotOurs
    return found


def is_ours(short: str) -> bool:
    """Whether a code carries our signature."""
    if len(short) != RANDOM + SIGNED or not short.isascii():
        return False
    return hmac.compare_digest(short[RANDOM:], _signature(short[:RANDOM]))


def url(sticker: Sticker) -> str:
    """What the QR code says."""
    return f"{settings.PUBLIC_URL}{sticker.get_absolute_url()}"


def begins() -> str:
    """How every true address on a sticker begins."""
    return f"{settings.PUBLIC_URL}/q/"


def plate(charge_point: ChargePoint) -> str:
    """What is written on the box, as far as it says so itself: maker, model, and the end of its serial number."""
    words = " ".join(filter(None, (charge_point.vendor, charge_point.model)))
    serial = charge_point.serial_number or charge_point.box_serial_number
    return ", ".join(filter(None, (words, _("serial number ends in %(end)s") % {"end": serial[-4:]} if len(serial) > 4 else "")))


def pdf(charge_point: ChargePoint, stickers: Iterable[Sticker]) -> bytes:
    """A page for each outlet, to print and stick: in Czech, and in English below it."""
    sheet = Sheet(charge_point.name, created_at=timezone.now())
    for sticker in stickers:
        sheet.add_page()
        sheet.text_line(charge_point.name, size=22, bold=True)
        sheet.ln(4)
        sheet.set_x(LEFT_MM)
        sheet.code(url(sticker), side_mm=CODE_MM)
        sheet.set_y(sheet.get_y() + CODE_MM + 6)
        for language in ("cs", "en"):
            with override(language):
                sheet.text_line(_("Connector %(number)s: scan and charge") % {"number": sticker.connector.number}, size=14, bold=True)
                sheet.text_line(_("The true address begins with %(address)s") % {"address": begins()}, size=12, bold=True)
                warning = _("Here we never ask for a card number. Where the address differs, do not pay, and type it yourself.")
                sheet.text_line(warning, size=10)
                sheet.ln(3)
        sheet.text_line(url(sticker), size=10, grey=True)
    return bytes(sheet.output())


def _new_short() -> str:
    random = "".join(secrets.choice(ALPHABET) for _letter in range(RANDOM))
    return random + _signature(random)


def _signature(random: str) -> str:
    number = int.from_bytes(salted_hmac("stations.stickers", random, algorithm="sha256").digest())
    letters = []
    for _letter in range(SIGNED):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return "".join(letters)
