"""What the answers of chargers to our requests teach us: configuration keys, profiles, lists, whatever is kept of a box.

One function for each action that teaches something. It runs in the transaction that records the answer, so whoever sees
that a charger answered also sees what followed from it. What chargers answer may be anything: read it with tolerance.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from django.db import transaction

from ocpp_core import certificates, configuration, diagnostics, firmware, installed_certificates, local_list, protection
from ocpp_core.charging_profiles import kept
from stations import password_rotation

logger = logging.getLogger(__name__)

Payload: TypeAlias = Mapping[str, Any]
Learner: TypeAlias = Callable[[int, Payload, Payload], None]  # charge_point_id, what we asked, what it answered


def learn(charge_point_id: int, action: str, payload: Payload, response: Payload) -> None:
    """Keep what an answer means, whoever asked. A surprise in it costs neither the answer nor the connection."""
    learner = LEARNERS.get(action)
    if learner is None:
        return
    try:
        with transaction.atomic():
            learner(charge_point_id, payload, response)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        logger.exception("nothing learnt from the answer of charge point %d to %s", charge_point_id, action)


def learn_refusal(charge_point_id: int, action: str, payload: Payload, error: Payload) -> None:
    """Keep what a CALLERROR means: of a password that it is not taken, of a list of cards that none is kept."""
    code = str(error.get("code", ""))
    if action == "ChangeConfiguration":
        _hear_of_password(charge_point_id, payload, code)
    elif action in ("GetLocalListVersion", "SendLocalList") and code in ("NotImplemented", "NotSupported"):
        local_list.take_refusal(charge_point_id)


def _hear_of_password(charge_point_id: int, payload: Payload, word: str) -> None:
    if str(payload.get("key", "")).casefold() == password_rotation.KEY.casefold():
        password_rotation.hear(charge_point_id, str(payload.get("value", "")), word)


def _get_configuration(charge_point_id: int, _payload: Payload, response: Payload) -> None:
    configuration.remember(charge_point_id, response)


def _change_configuration(charge_point_id: int, payload: Payload, response: Payload) -> None:
    key, value = str(payload.get("key", "")), str(payload.get("value", ""))
    _hear_of_password(charge_point_id, payload, str(response.get("status", "")))
    if response.get("status") == "Accepted":
        configuration.remember_set(charge_point_id, key, value)
    if key.casefold() == protection.KEY.casefold() and response.get("status") in ("Accepted", "RebootRequired"):
        protection.answered(charge_point_id, value)


def _get_local_list_version(charge_point_id: int, _payload: Payload, response: Payload) -> None:
    local_list.take_version(charge_point_id, response)


def _set_charging_profile(charge_point_id: int, payload: Payload, response: Payload) -> None:
    if response.get("status") == "Accepted":
        kept.remember_set(charge_point_id, payload)


def _clear_charging_profile(charge_point_id: int, payload: Payload, response: Payload) -> None:
    if response.get("status") in ("Accepted", "Unknown"):
        kept.remember_cleared(charge_point_id, payload)


def _get_composite_schedule(charge_point_id: int, payload: Payload, response: Payload) -> None:
    if response.get("status") == "Accepted":
        kept.remember_composite(charge_point_id, payload, response)


def _remote_start(charge_point_id: int, payload: Payload, response: Payload) -> None:
    if response.get("status") == "Accepted" and "chargingProfile" in payload:
        kept.remember_start(charge_point_id, payload)


def _certificate_signed(charge_point_id: int, payload: Payload, response: Payload) -> None:
    certificates.answered(charge_point_id, str(payload.get("certificateChain", "")), is_taken=response.get("status") == "Accepted")


def _install_certificate(charge_point_id: int, payload: Payload, response: Payload) -> None:
    if response.get("status") == "Accepted":
        installed_certificates.installed(charge_point_id, str(payload.get("certificateType", "")), str(payload.get("certificate", "")))


def _delete_certificate(charge_point_id: int, payload: Payload, response: Payload) -> None:
    if response.get("status") in ("Accepted", "NotFound"):
        installed_certificates.deleted(charge_point_id, payload.get("certificateHashData"))


def _get_installed_certificate_ids(charge_point_id: int, payload: Payload, response: Payload) -> None:
    if response.get("status") in ("Accepted", "NotFound"):
        installed_certificates.told(charge_point_id, str(payload.get("certificateType", "")), response.get("certificateHashData"))


def _update_firmware(charge_point_id: int, payload: Payload, response: Payload) -> None:
    firmware.asked(charge_point_id, payload, response, is_signed=False)


def _signed_update_firmware(charge_point_id: int, payload: Payload, response: Payload) -> None:
    firmware.asked(charge_point_id, payload, response, is_signed=True)


LEARNERS: Mapping[str, Learner] = {
    "CertificateSigned": _certificate_signed,
    "ChangeConfiguration": _change_configuration,
    "ClearChargingProfile": _clear_charging_profile,
    "DeleteCertificate": _delete_certificate,
    "GetCompositeSchedule": _get_composite_schedule,
    "GetConfiguration": _get_configuration,
    "GetDiagnostics": diagnostics.asked_for_diagnostics,
    "GetInstalledCertificateIds": _get_installed_certificate_ids,
    "GetLocalListVersion": _get_local_list_version,
    "GetLog": diagnostics.asked_for_log,
    "InstallCertificate": _install_certificate,
    "RemoteStartTransaction": _remote_start,
    "SendLocalList": local_list.take_answer,
    "SetChargingProfile": _set_charging_profile,
    "SignedUpdateFirmware": _signed_update_firmware,
    "UpdateFirmware": _update_firmware,
}
