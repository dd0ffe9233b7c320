"""What chargers report of their security: kept for the owner, who hears of what is critical. A flood of it fills nothing."""

from datetime import datetime, timedelta

from django.db import transaction
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from accounts import notifications
from accounts.models import Notification
from ocpp_core.models import SecurityEvent
from stations import live
from stations.models import ChargePoint

COUNTED_WITHIN = timedelta(hours=1)
TOLD_AGAIN_AFTER = timedelta(hours=1)
MOST_ROWS = 5  # of one kind in an hour, whatever else they say; words the standard does not know are one kind

# By the standard's list: those it calls critical must reach us whatever happens to the connection.
CRITICAL = frozenset(
    {
        "FirmwareUpdated",
        "MemoryExhaustion",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "TamperDetectionActivated",
    }
)
MEANINGS: dict[str, str | Promise] = {
    "AttemptedReplayAttacks": _("Somebody repeated messages to it that it had already heard."),
    "CentralSystemFailedToAuthenticate": _("It could not be sure that it speaks to us: our certificate failed its check."),
    "FailedToAuthenticateAtCentralSystem": _("It was refused when it connected."),
    "FirmwareUpdated": _("Its firmware was updated."),
    "InvalidCentralSystemCertificate": _("It was given a root certificate that it does not accept."),
    "InvalidChargePointCertificate": _("It was given a certificate of its own that it does not accept."),
    "InvalidFirmwareSignature": _("It was given firmware whose signature is wrong."),
    "InvalidFirmwareSigningCertificate": _("It was given firmware signed by a certificate it does not accept."),
    "InvalidMessages": _("It received messages that are no OCPP."),
    "InvalidTLSCipherSuite": _("The encryption offered to it is too weak."),
    "InvalidTLSVersion": _("The version of TLS offered to it is too old."),
    "MemoryExhaustion": _("Its memory is nearly full."),
    "ReconfigurationOfSecurityParameters": _("A key, password or security profile was changed."),
    "ResetOrReboot": _("It was restarted."),
    "SecurityLogWasCleared": _("Its security log was cleared."),
    "SettingSystemTime": _("Its clock was set."),
    "StartupOfTheDevice": _("It has started."),
    "TamperDetectionActivated": _("Its housing was opened."),
}
_BY_FOLDED = {word.casefold(): word for word in MEANINGS}


@transaction.atomic
def keep(charge_point: ChargePoint, kind: str, tech_info: str, *, at: datetime, received_at: datetime) -> SecurityEvent:
    """Keep an event, or count it where it was reported within the hour; tell the owner of a critical one."""
    kind = _BY_FOLDED.get(kind.casefold(), kind)
    event = _counted(charge_point, kind, tech_info, at=at, received_at=received_at)
    if event is None:
        event = SecurityEvent.objects.create(
            charge_point=charge_point,
            type=kind,
            tech_info=tech_info,
            at=at,
            first_at=received_at,
            received_at=received_at,
            is_critical=kind in CRITICAL,
        )
    if event.is_critical:
        _tell(event, now=received_at)
    live.charge_point_changed(charge_point, "security")
    return event


def meaning(kind: str) -> str | Promise:
    """What an event means to the owner; the maker's own words explain themselves or not at all."""
    return MEANINGS.get(kind, _("The maker's own message."))


def _counted(charge_point: ChargePoint, kind: str, tech_info: str, *, at: datetime, received_at: datetime) -> SecurityEvent | None:
    lately = SecurityEvent.objects.filter(charge_point=charge_point, first_at__gt=received_at - COUNTED_WITHIN).order_by("-pk")
    same = lately.filter(type=kind, tech_info=tech_info).first()
    if same is None:
        alike = list((lately.filter(type=kind) if kind in MEANINGS else lately.exclude(type__in=MEANINGS))[:MOST_ROWS])
        same = alike[0] if len(alike) == MOST_ROWS else None
    if same is not None:
        same.type, same.tech_info = kind, tech_info
        same.times += 1
        same.at, same.received_at = at, received_at
        same.save(update_fields=["type", "tech_info", "times", "at", "received_at"])
    return same


def _tell(event: SecurityEvent, *, now: datetime) -> None:
    same = SecurityEvent.objects.filter(charge_point=event.charge_point, type=event.type)
    if same.filter(told_at__gt=now - TOLD_AGAIN_AFTER).exists():
        return
    event.told_at = now
    event.save(update_fields=["told_at"])
    charge_point = event.charge_point
    with override(charge_point.owner.language):
        reason = str(meaning(event.type))
    url = reverse("ocpp_core:security", args=[charge_point.code])
    notifications.notify(charge_point.owner, Notification.Kind.CHARGER_ALERT, url=url, place=charge_point.name, reason=reason)
