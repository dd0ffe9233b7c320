"""Numbers of bank accounts: read as people type them, proved by their check digits, taken apart where a Czech bank wants parts."""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chargeshare.errors import Invalid

_REGISTRY = (  # how many characters an IBAN has, by country, as the registry of SWIFT says
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
    "YE30 "
)
LENGTHS = {word[:2]: int(word[2:]) for word in _REGISTRY.split()}
_WRITTEN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+")
_DOMESTIC = re.compile(r"(?:(?P<prefix>[0-9]{1,6})-)?(?P<number>[0-9]{2,10})/(?P<bank>[0-9]{4})")


class NotAnIban(Invalid):
    """What was typed is no number of a bank account."""

    message = gettext_lazy("Enter an IBAN such as CZ65 0800 0000 1920 0014 5399.")


@dataclass(frozen=True)
class CzechAccount:
    """The parts of a Czech account: 19-2000145399/0800."""

    prefix: str
    number: str
    bank: str

    def __str__(self) -> str:
        prefix, number = self.prefix.lstrip("0"), self.number.lstrip("0") or "0"
        return f"{prefix}-{number}/{self.bank}" if prefix else f"{number}/{self.bank}"


def read(typed: str) -> str:
    """The IBAN as it is kept, without blanks; a Czech number with its bank's code is understood as well. Or a sentence why not."""
    compact = "".join(typed.split()).upper()
    if domestic := _DOMESTIC.fullmatch(compact):
        return of_czech(domestic["prefix"] or "", domestic["number"], domestic["bank"])
    if not _WRITTEN.fullmatch(compact):
        raise NotAnIban
    country, length = compact[:2], LENGTHS.get(compact[:2])
    if length is None:
        raise NotAnIban(_("No country has IBANs that begin with %(country)s.") % {"country": country})
    if len(compact) != length:
        if country == "CZ":
            raise NotAnIban(_("A Czech IBAN has 24 characters; this one has %(count)s.") % {"count": len(compact)})
        raise NotAnIban(
            _("An IBAN that begins with %(country)s has %(length)s characters; this one has %(count)s.")
            % {"country": country, "length": length, "count": len(compact)}
        )
    if country == "CZ" and not compact[2:].isdigit():
        raise NotAnIban(_("A Czech IBAN has digits alone after its first two letters."))
    if _remainder(compact) != 1:
        raise NotAnIban(_("A digit of this IBAN is wrong. Copy it again."))
    return compact


def of_czech(prefix: str, number: str, bank: str) -> str:
    """The IBAN of a Czech account."""
    rest = f"{bank}{prefix:0>6}{number:0>10}"
    return f"CZ{98 - _remainder(f'CZ00{rest}'):02d}{rest}"


def czech(iban: str) -> CzechAccount | None:
    """The parts of a Czech IBAN; None where the account is abroad."""
    return CzechAccount(bank=iban[4:8], prefix=iban[8:14], number=iban[14:24]) if iban.startswith("CZ") else None


def written(iban: str) -> str:
    """In groups of four, as people read it."""
    return " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))


def masked(iban: str) -> str:
    """Enough of it to know one's own account by."""
    return f"{iban[:4]} … {iban[-4:]}"


def _remainder(iban: str) -> int:
    """What remains of it after a division by 97, letters counted from A = 10: 1 where the check digits are right."""
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97
