"""Commands in the owner's words: what was asked, and what came of it."""

import json
from typing import Any, NamedTuple

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from stations.models import Command

register = template.Library()

Words = str | Promise

DEEDS: dict[str, Words] = {
    "CancelReservation": _("Cancel a reservation"),
    "CertificateSigned": _("Hand over a signed certificate"),
    "ChangeAvailability": _("Change availability"),
    "ChangeConfiguration": _("Change a setting"),
    "ClearCache": _("Forget remembered cards"),
    "ClearChargingProfile": _("Remove charging profiles"),
    "DataTransfer": _("Pass on a message"),
    "DeleteCertificate": _("Delete a certificate"),
    "ExtendedTriggerMessage": _("Ask for a message (extended)"),
    "GetCompositeSchedule": _("Ask how it will charge"),
    "GetConfiguration": _("Read the settings"),
    "GetDiagnostics": _("Have diagnostics uploaded"),
    "GetInstalledCertificateIds": _("List installed certificates"),
    "GetLocalListVersion": _("Ask for the version of the local list"),
    "GetLog": _("Have a log uploaded"),
    "InstallCertificate": _("Install a certificate"),
    "RemoteStartTransaction": _("Start charging"),
    "RemoteStopTransaction": _("Stop charging"),
    "ReserveNow": _("Reserve a connector"),
    "Reset": _("Restart"),
    "SendLocalList": _("Send the local list"),
    "SetChargingProfile": _("Set a charging profile"),
    "SignedUpdateFirmware": _("Update the firmware (signed)"),
    "TriggerMessage": _("Ask for the state"),
    "UnlockConnector": _("Unlock the cable"),
    "UpdateFirmware": _("Update the firmware"),
}
ANSWERS: dict[str, tuple[Words, str, str]] = {
    "Accepted": (_("accepted"), "green", "check"),
    "Scheduled": (_("will do it when charging ends"), "amber", "clock"),
    "RebootRequired": (_("holds after a restart"), "amber", "clock"),
    "Unlocked": (_("unlocked"), "green", "check"),
    "UnlockFailed": (_("could not unlock"), "red", "x"),
    "Rejected": (_("refused"), "red", "x"),
    "NotSupported": (_("the charger cannot do it"), "red", "x"),
    "NotImplemented": (_("the charger cannot do it"), "red", "x"),
    "UnknownMessageId": (_("the charger cannot do it"), "red", "x"),
    "UnknownVendorId": (_("the charger cannot do it"), "red", "x"),
}
WITHOUT_ANSWER: dict[str, tuple[Words, str, str]] = {
    Command.Status.PENDING: (_("waiting"), "amber", "hourglass"),
    Command.Status.SENT: (_("asked, no answer yet"), "amber", "hourglass"),
    Command.Status.UNANSWERED: (_("no answer"), "amber", "hourglass"),
    Command.Status.OFFLINE: (_("the charger was offline"), "grey", "wifi-off"),
    Command.Status.CANCELLED: (_("called off before it was sent"), "grey", "ban"),
    Command.Status.ACCEPTED: (_("answered"), "green", "check"),
}


class Outcome(NamedTuple):
    """What came of a command: a word, a colour, an icon, and the charger's own words where it gave some."""

    word: Words
    colour: str
    icon: str
    detail: str = ""


@register.filter
def deed(action: str) -> Words:
    """What was asked; the standard's name where we have no word."""
    return DEEDS.get(action, action)


@register.filter
def outcome(command: Command) -> Outcome:
    """How a command ended, or that it has not."""
    response: Any = command.response if isinstance(command.response, dict) else {}
    if command.status == Command.Status.REJECTED:
        detail = " ".join(str(response[name]) for name in ("code", "description") if response.get(name))
        return Outcome(_("refused"), "red", "x", detail)
    said = response.get("status")
    if command.status == Command.Status.ACCEPTED and isinstance(said, str):
        word, colour, icon = ANSWERS.get(said, (said, "green", "check"))
        return Outcome(word, colour, icon)
    return Outcome(*WITHOUT_ANSWER[command.status])


@register.filter
def pretty(payload: Any) -> str:
    """JSON for eyes."""
    return payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False, indent=1)
