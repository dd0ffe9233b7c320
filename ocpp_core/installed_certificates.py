"""The root certificates a charger holds, as it tells us and as it lets itself be given and taken."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from ocpp_core import pem
from ocpp_core.models import InstalledCertificate

CENTRAL_SYSTEM, MANUFACTURER = USES = ("CentralSystemRootCertificate", "ManufacturerRootCertificate")
MOST = 100

_COLUMNS = {
    "hashAlgorithm": ("hash_algorithm", 10),
    "issuerNameHash": ("issuer_name_hash", 128),
    "issuerKeyHash": ("issuer_key_hash", 128),
    "serialNumber": ("serial_number", 40),
}


def told(charge_point_id: int, use: str, entries: object) -> None:
    """Keep the list a charger gave of the certificates it holds for one use. What is not in it is gone."""
    now = timezone.now()
    kept = []
    for entry in entries[:MOST] if isinstance(entries, list) else []:
        known = _known_by(entry) if isinstance(entry, Mapping) else None
        if known is not None:
            kept.append(_keep(charge_point_id, use, known, seen_at=now).pk)
    InstalledCertificate.objects.filter(charge_point_id=charge_point_id, use=use[:40]).exclude(pk__in=kept).delete()


def installed(charge_point_id: int, use: str, text: str) -> None:
    """Note that a charger took a certificate. Only a root says by itself what it is known by; others its list will tell."""
    try:
        root = pem.certificate(text)
        known = _known_by(pem.hash_data(root)) if pem.is_root(root) else None
        subject = pem.shown(root.subject)
    except pem.FAULTS:
        return
    if known is not None:
        _keep(charge_point_id, use, known, seen_at=timezone.now(), subject=subject)


def deleted(charge_point_id: int, hash_data: object) -> None:
    """Note that a charger no longer holds a certificate."""
    known = _known_by(hash_data) if isinstance(hash_data, Mapping) else None
    if known is not None:
        InstalledCertificate.objects.filter(charge_point_id=charge_point_id, **_alike(known)).delete()


def hash_data(certificate: InstalledCertificate) -> dict[str, str]:
    """Spell a certificate as a request to delete it names it."""
    return {member: getattr(certificate, column) for member, (column, _limit) in _COLUMNS.items()}


def _keep(charge_point_id: int, use: str, known: dict[str, str], **said: Any) -> InstalledCertificate:
    """Keep one row, spelt as the charger spells it: that is how it wants to hear it again."""
    row = InstalledCertificate.objects.filter(charge_point_id=charge_point_id, use=use[:40], **_alike(known)).first()
    if row is None:
        row = InstalledCertificate(charge_point_id=charge_point_id, use=use[:40])
    for column, value in {**known, **said}.items():
        setattr(row, column, value)
    row.save()
    return row


def _alike(known: dict[str, str]) -> dict[str, str]:
    return {f"{column}__iexact": value for column, value in known.items()}


def _known_by(said: Mapping[str, Any]) -> dict[str, str] | None:
    """The four columns of one entry; None where one is missing or no hash."""
    found = {}
    for member, (column, limit) in _COLUMNS.items():
        value = said.get(member)
        if not isinstance(value, str) or not 0 < len(value) <= limit or not (value.isascii() and value.isalnum()):
            return None
        found[column] = value
    return found
