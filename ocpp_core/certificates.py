"""Client certificates of chargers: asked for by them, signed by us, used to come in, replaced, withdrawn."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from accounts import notifications
from accounts.models import Notification, User
from chargeshare import bus
from chargeshare.errors import DomainError
from ocpp_core import authority, pem
from ocpp_core.models import Certificate
from ocpp_core.models.security import EXPIRES_SOON
from stations import commands, live
from stations.models import ChargePoint, Command

logger = logging.getLogger(__name__)

State = Certificate.State
OPEN = (State.ISSUED, State.ACCEPTED)
MOST_IN_AN_HOUR = 5
TOO_OFTEN = "csr:often"
AFTER_THE_ANSWER = timedelta(seconds=1)  # a charger expects the answer to its request before what it asked for
SIGN = "SignChargePointCertificate"

UNREADABLE, UNKNOWN, OTHERS, WITHDRAWN, REPLACED, EXPIRED, OTHER_NAME = (
    "unreadable",
    "unknown",
    "others",
    "withdrawn",
    "replaced",
    "expired",
    "other_name",
)
REASONS: dict[str, str | Promise] = {
    UNREADABLE: gettext_lazy("Its certificate could not be read."),
    UNKNOWN: gettext_lazy("Its certificate is from nobody we trust."),
    OTHERS: gettext_lazy("It showed the certificate of another charger."),
    WITHDRAWN: gettext_lazy("Its certificate was withdrawn."),
    REPLACED: gettext_lazy("It showed an old certificate; a newer one has been used since."),
    EXPIRED: gettext_lazy("Its certificate has run out, or does not hold yet."),
    OTHER_NAME: gettext_lazy("The name in its certificate is not its identity."),
}


class NoAuthority(DomainError):
    """Nobody here signs."""

    code = "no_authority"
    message = gettext_lazy("This site issues no certificates for chargers.")


@dataclass(frozen=True)
class Judged:
    """What a certificate shown at the door is worth: a reason against it, or none; and the row, where it is one of ours."""

    reason: str | None
    certificate: Certificate | None = None


@transaction.atomic
def issue(charge_point: ChargePoint, csr: str, *, now: datetime) -> Certificate | None:
    """Sign what a charger asks for and have it sent; None where nobody signs. authority.Refused says why it is refused."""
    try:
        signer = authority.current()
    except authority.Misconfigured as fault:
        logger.error("no certificate can be signed: %s", fault)
        return None
    if signer is None:
        return None
    if Certificate.objects.filter(charge_point=charge_point, created_at__gt=now - timedelta(hours=1)).count() >= MOST_IN_AN_HOUR:
        raise authority.Refused(TOO_OFTEN)
    signed = signer.sign(authority.check(csr, charge_point.identity), now=now)
    certificate = Certificate.objects.create(
        charge_point=charge_point,
        serial=pem.serial(signed),
        fingerprint=pem.fingerprint(signed),
        subject=pem.shown(signed.subject),
        pem=pem.written(signed),
        not_before=signed.not_valid_before_utc,
        not_after=signed.not_valid_after_utc,
    )
    payload = {"certificateChain": signer.chain(signed)}
    commands.ask(charge_point, "CertificateSigned", payload, source=Command.Source.SETUP, not_before=now + AFTER_THE_ANSWER)
    live.charge_point_changed(charge_point, "security")
    return certificate


def ask_for_request(charge_point: ChargePoint, *, asked_by: User | None = None, source: str = Command.Source.PERSON) -> Command:
    """Ask a charger to ask for a new certificate."""
    try:
        if authority.current() is None:
            raise NoAuthority
    except authority.Misconfigured as fault:
        raise NoAuthority from fault
    return commands.ask(charge_point, "ExtendedTriggerMessage", {"requestedMessage": SIGN}, source=source, asked_by=asked_by)


def answered(charge_point_id: int, chain: str, *, is_taken: bool) -> None:
    """Note what a charger said to the certificate it was sent."""
    try:
        fingerprint = pem.fingerprint(pem.certificate(chain))
    except pem.Unreadable:
        return
    sent = Certificate.objects.filter(charge_point_id=charge_point_id, fingerprint=fingerprint, state__in=OPEN)
    sent.update(state=State.ACCEPTED if is_taken else State.REJECTED)


def judge(charge_point: ChargePoint, header: str, *, is_verified: bool, now: datetime) -> Judged:
    """Say whether a certificate that a proxy passes on is this charger's.

    Showing it proved the key, whoever signed it. One of ours must be known, this charger's, and not withdrawn; one of
    another authority must have been verified by the proxy and bear the identity.
    """
    try:
        shown = pem.presented(header)
        known = Certificate.objects.filter(fingerprint=pem.fingerprint(shown)).first()
        if known is not None:
            return Judged(_against(known, charge_point, now), known)
        return Judged(_against_stranger(shown, charge_point, is_verified=is_verified, now=now))
    except pem.FAULTS:
        return Judged(UNREADABLE)


@transaction.atomic
def used(certificate: Certificate, *, now: datetime) -> None:
    """Note that a charger came in with a certificate: older ones are good for nothing from now on."""
    first_time = Certificate.objects.filter(pk=certificate.pk, used_at=None)
    if first_time.update(used_at=now, state=State.ACCEPTED):
        older = Certificate.objects.filter(charge_point_id=certificate.charge_point_id, pk__lt=certificate.pk, state__in=OPEN)
        older.update(state=State.REPLACED)


@transaction.atomic
def revoke(certificate: Certificate) -> Certificate:
    """Withdraw a certificate: nobody comes in with it any more, and who came in by certificate must prove herself again."""
    withdrawn = Certificate.objects.filter(pk=certificate.pk, state__in=OPEN)
    if withdrawn.update(state=State.REVOKED, revoked_at=timezone.now()):
        certificate.refresh_from_db()
        charge_point = certificate.charge_point
        if charge_point.security_profile == ChargePoint.SecurityProfile.CERTIFICATE:
            bus.publish("chargers", "charger.dismissed", charge_point_id=charge_point.pk)
        live.charge_point_changed(charge_point, "security")
    return certificate


def has_usable(charge_point: ChargePoint) -> bool:
    """Whether the charger could come in by a certificate of ours."""
    return any(certificate.is_usable for certificate in Certificate.objects.filter(charge_point=charge_point, state=State.ACCEPTED))


def renew_expiring(*, now: datetime) -> int:
    """Tell owners of certificates that run out within a month, once each, and ask the charger for its next request."""
    soon = Certificate.objects.filter(state=State.ACCEPTED, told_at=None, not_after__gt=now, not_after__lt=now + EXPIRES_SOON)
    told = 0
    for certificate in soon.filter(charge_point__retired_at=None).select_related("charge_point__owner").order_by("pk")[:500]:
        if Certificate.objects.filter(pk=certificate.pk, told_at=None).update(told_at=now):
            _renew(certificate)
            told += 1
    return told


def _renew(certificate: Certificate) -> None:
    charge_point, newer = certificate.charge_point, Certificate.objects.filter(pk__gt=certificate.pk, state__in=OPEN)
    if newer.filter(charge_point=certificate.charge_point).exists():
        return
    if charge_point.auto_configure and charge_point.is_online:
        try:
            ask_for_request(charge_point, source=Command.Source.SETUP)
        except NoAuthority:
            logger.info("the certificate of charge point %d runs out and nobody signs a new one", charge_point.pk)
    with override(charge_point.owner.language):
        day = date_format(timezone.localtime(certificate.not_after), "DATE_FORMAT")
        reason = _("Its certificate runs out on %(day)s. Ask it for a new one.") % {"day": day}
    url = reverse("ocpp_core:security", args=[charge_point.code])
    notifications.notify(charge_point.owner, Notification.Kind.CHARGER_ALERT, url=url, place=charge_point.name, reason=reason)


def _against(known: Certificate, charge_point: ChargePoint, now: datetime) -> str | None:
    if known.charge_point_id != charge_point.pk:
        return OTHERS
    if known.state == State.REPLACED:
        return REPLACED
    if known.state not in OPEN:
        return WITHDRAWN
    return None if known.opens_at(now) else EXPIRED


def _against_stranger(shown: x509.Certificate, charge_point: ChargePoint, *, is_verified: bool, now: datetime) -> str | None:
    """Judge a certificate that is not in our table. One of our own authority would be there, so it is a forgery or a leak."""
    if not is_verified or _is_ours(shown):
        return UNKNOWN
    if not shown.not_valid_before_utc <= now <= shown.not_valid_after_utc:
        return EXPIRED
    return None if pem.common_name(shown.subject).casefold() == charge_point.identity.casefold() else OTHER_NAME


def _is_ours(shown: x509.Certificate) -> bool:
    try:
        signer: Any = authority.current()
    except authority.Misconfigured as fault:
        logger.error("our own authority cannot be read: %s", fault)
        return True
    return signer is not None and (shown.issuer == signer.certificate.subject or signer.has_signed(shown))
