"""The requests of the standard in plain words: in what order they are offered, what their members mean, which are dangerous. Pure."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from stations.models.command import is_secret

Words = str | Promise


class Group(NamedTuple):
    """Requests that belong together."""

    title: Words
    actions: tuple[str, ...]


GROUPS = (
    Group(_("Everyday"), ("RemoteStartTransaction", "RemoteStopTransaction", "UnlockConnector", "Reset", "TriggerMessage", "DataTransfer")),
    Group(_("Availability"), ("ChangeAvailability",)),
    Group(_("Configuration"), ("GetConfiguration", "ChangeConfiguration", "ClearCache")),
    Group(_("Local list"), ("GetLocalListVersion", "SendLocalList")),
    Group(_("Reservation"), ("ReserveNow", "CancelReservation")),
    Group(_("Smart charging"), ("SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule")),
    Group(_("Firmware and diagnostics"), ("UpdateFirmware", "SignedUpdateFirmware", "GetDiagnostics", "GetLog")),
    Group(
        _("Security"),
        ("ExtendedTriggerMessage", "GetInstalledCertificateIds", "InstallCertificate", "DeleteCertificate", "CertificateSigned"),
    ),
)

LABELS: Mapping[str, Words] = {
    "certificate": _("Certificate (PEM)"),
    "certificateChain": _("Certificate chain (PEM)"),
    "certificateHashData": _("Which certificate"),
    "certificateType": _("Kind of certificate"),
    "chargingProfile": _("Charging profile"),
    "chargingProfileId": _("Number of the profile"),
    "chargingProfileKind": _("When it holds"),
    "chargingProfilePurpose": _("What it limits"),
    "chargingRateUnit": _("Unit"),
    "chargingSchedule": _("Schedule"),
    "chargingSchedulePeriod": _("Steps"),
    "connectorId": _("Connector"),
    "csChargingProfiles": _("Charging profile"),
    "data": _("Content"),
    "duration": _("Length in seconds"),
    "expiryDate": _("Until"),
    "firmware": _("Firmware"),
    "hashAlgorithm": _("Hash algorithm"),
    "id": _("Number of the profile"),
    "idTag": _("Card"),
    "idTagInfo": _("What holds for the card"),
    "installDateTime": _("Install at"),
    "issuerKeyHash": _("Hash of the issuer's key"),
    "issuerNameHash": _("Hash of the issuer's name"),
    "key": _("Key"),
    "latestTimestamp": _("Up to"),
    "limit": _("Limit"),
    "listVersion": _("Version of the list"),
    "localAuthorizationList": _("Cards"),
    "location": _("Address"),
    "log": _("Where to and from when"),
    "logType": _("Kind of log"),
    "messageId": _("Name of the message"),
    "minChargingRate": _("Least useful limit"),
    "numberPhases": _("Phases"),
    "oldestTimestamp": _("From"),
    "parentIdTag": _("Group of cards"),
    "recurrencyKind": _("Repeats"),
    "remoteLocation": _("Address for the upload"),
    "requestId": _("Number of the request"),
    "requestedMessage": _("Message"),
    "reservationId": _("Number of the reservation"),
    "retries": _("How many attempts"),
    "retrieveDate": _("Fetch from"),
    "retrieveDateTime": _("Fetch from"),
    "retryInterval": _("Seconds between attempts"),
    "serialNumber": _("Serial number"),
    "signature": _("Signature (Base64)"),
    "signingCertificate": _("Certificate of the signer (PEM)"),
    "stackLevel": _("Rank among profiles"),
    "startPeriod": _("From second"),
    "startSchedule": _("Begins at"),
    "startTime": _("From"),
    "status": _("Status"),
    "stopTime": _("Up to"),
    "transactionId": _("Session (transactionId)"),
    "type": _("Kind"),
    "updateType": _("Kind of update"),
    "validFrom": _("Valid from"),
    "validTo": _("Valid to"),
    "value": _("Value"),
    "vendorId": _("Maker's name (vendorId)"),
}

HELP: Mapping[str, Words] = {
    "connectorId": _("0 is the whole box."),
    "limit": _("In the unit of the schedule, one decimal at most."),
    "startPeriod": _("Counted from the beginning of the schedule."),
    "stackLevel": _("The highest rank wins."),
    "idTag": _("The number of a card, at most 20 characters."),
    "listVersion": _("Must rise with each update."),
}

# Words of the standard that do not explain themselves.
MEANINGS: Mapping[str, Words] = {
    "A": _("amperes a phase"),
    "Absolute": _("at fixed times"),
    "ChargePointMaxProfile": _("the whole box"),
    "Differential": _("only the changes"),
    "Full": _("replaces the whole list"),
    "Hard": _("at once, like pulling the plug"),
    "Inoperative": _("out of order"),
    "Operative": _("in order"),
    "Recurring": _("again every day or week"),
    "Relative": _("from the beginning of the session"),
    "Soft": _("ends what runs first"),
    "TxDefaultProfile": _("every session that begins"),
    "TxProfile": _("one session"),
    "W": _("watts"),
}

LONG = frozenset({"certificate", "certificateChain", "data", "signature", "signingCertificate"})


def label(member: str) -> Words:
    """Name a member in plain words."""
    return LABELS.get(member, member)


def danger(action: str, payload: Mapping[str, Any], charging: Collection[int] = ()) -> Words | None:
    """Say what may go wrong, where a request had better be confirmed; `charging` are the numbers of connectors that charge now."""
    key = payload.get("key")
    sentence: Words | None = None
    if action == "Reset" and payload.get("type") == "Hard":
        sentence = _("A hard restart is like pulling the plug: a session that runs is lost.")
    elif action in ("UpdateFirmware", "SignedUpdateFirmware"):
        sentence = _("The charger fetches firmware from this address and restarts. A wrong image can leave it dead.")
    elif action == "ChangeConfiguration" and isinstance(key, str) and is_secret(key):
        sentence = _("This is a password. If it is mistyped, the charger cannot connect any more: write it once more.")
    elif action == "ChangeConfiguration" and isinstance(key, str) and key.casefold() == "securityprofile":
        sentence = _("The charger connects anew under the other security profile. If it cannot, it stays away.")
    elif action == "UnlockConnector" and payload.get("connectorId") in charging:
        sentence = _("A car is charging at this connector. Unlocking ends the session.")
    elif action == "DeleteCertificate":
        sentence = _("Without the certificate it needs to know us by, the charger cannot connect any more.")
    elif action == "ClearChargingProfile" and not payload:
        sentence = _("Every limit is removed from the charger, the one that protects your fuse as well.")
    return sentence
