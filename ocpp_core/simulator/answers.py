"""What a simulated charger answers to its central system, and what it then does."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeAlias

from ocpp_core import frames
from ocpp_core.simulator import maintenance, smart_charging
from ocpp_core.simulator.certificates import Certificates
from ocpp_core.simulator.configuration import Configuration
from ocpp_core.simulator.connection import Connection
from ocpp_core.simulator.local_list import LocalList
from ocpp_core.simulator.outlet import Outlet, Reservation
from ocpp_core.simulator.timing import Clock

Payload: TypeAlias = dict[str, Any]
Then: TypeAlias = Callable[[], Awaitable[object]]
Answer: TypeAlias = tuple[Payload, Then | None]
WATCH = "watch"  # a task that waits for a time to come; nobody waits for it
LOOK_EVERY_S = 0.2


class Box(Protocol):
    """What an answer needs of the charge point."""

    identity: str
    password: str | None
    clock: Clock
    outlets: dict[int, Outlet]
    configuration: Configuration
    certificates: Certificates
    connection: Connection
    boot_payload: dict[str, Any]
    known_tags: dict[str, dict[str, Any]]
    local_list: LocalList
    maintenance: maintenance.Maintenance
    ready: asyncio.Event
    profiles: list[smart_charging.Installed]

    async def boot(self) -> Payload:
        """Announce itself."""

    async def reset(self, *, hard: bool) -> None:
        """Start anew."""

    async def tap(self, id_tag: str, connector: int = 1) -> str:
        """Hold a card to the reader."""

    async def start_or_wait(self, outlet: Outlet, id_tag: str) -> None:
        """Begin now or once the cable is in."""

    async def stop(self, outlet: Outlet, reason: str, id_tag: str | None = None) -> None:
        """End what runs."""

    async def notify_status(self, connector: int, status: str | None = None) -> None:
        """Say how an outlet stands."""

    async def send_meter_values(self, outlet: Outlet, context: str = "Sample.Periodic") -> None:
        """Read the meter out."""

    def spawn(self, job: Coroutine[Any, Any, None], *, name: str | None = None) -> None:
        """Do it in the background."""


class NotImplementedHere(Exception):
    """A request this charger has no use for."""

    code = frames.NOT_IMPLEMENTED


def answer(box: Box, action: str, payload: Payload) -> Answer:
    """Give the payload of the answer, and what is to be done once it is sent."""
    respond = _ANSWERS.get(action)
    if respond is None:
        raise NotImplementedHere(action)
    return respond(box, payload)


def _said(status: str, then: Then | None = None) -> Answer:
    return {"status": status}, then


def _remote_start(box: Box, payload: Payload) -> Answer:
    asked = payload.get("connectorId")
    outlets = [outlet for outlet in box.outlets.values() if asked in (None, outlet.number)]
    free = [outlet for outlet in outlets if outlet.transaction is None and outlet.is_available and outlet.error_code == "NoError"]
    if not free:
        return _said("Rejected")
    outlet = max(free, key=lambda candidate: candidate.is_plugged)
    id_tag = payload["idTag"]
    if outlet.reservation is not None and outlet.reservation.id_tag != id_tag:
        return _said("Rejected")
    profile = payload.get("chargingProfile")
    if profile is not None and (profile["chargingProfilePurpose"] != "TxProfile" or not smart_charging.is_acceptable(box, profile)):
        return _said("Rejected")
    outlet.coming_profile = None if profile is None else (id_tag, profile)

    async def begin() -> None:
        if box.configuration.flag("AuthorizeRemoteTxRequests"):
            await box.tap(id_tag, outlet.number)
        else:
            await box.start_or_wait(outlet, id_tag)

    return _said("Accepted", begin)


def _remote_stop(box: Box, payload: Payload) -> Answer:
    for outlet in box.outlets.values():
        if outlet.transaction is not None and outlet.transaction.id == payload["transactionId"]:
            return _said("Accepted", partial(box.stop, outlet, "Remote"))
    return _said("Rejected")


def _reset(box: Box, payload: Payload) -> Answer:
    return _said("Accepted", lambda: box.reset(hard=payload["type"] == "Hard"))


def _unlock(box: Box, payload: Payload) -> Answer:
    outlet = box.outlets.get(payload["connectorId"])
    if outlet is None:
        return _said("NotSupported")
    return _said("Unlocked", lambda: box.stop(outlet, "UnlockCommand"))


def _change_availability(box: Box, payload: Payload) -> Answer:
    number, wanted = payload["connectorId"], payload["type"] == "Operative"
    outlets = [outlet for outlet in box.outlets.values() if number in (0, outlet.number)]
    if not outlets:
        return _said("Rejected")
    for outlet in outlets:
        if outlet.transaction is not None:
            outlet.becomes_available = wanted
        else:
            outlet.is_available = wanted

    async def notify() -> None:
        for outlet in outlets:
            if outlet.transaction is None:
                await box.notify_status(outlet.number)

    return _said("Scheduled" if any(outlet.transaction for outlet in outlets) else "Accepted", notify)


def _change_configuration(box: Box, payload: Payload) -> Answer:
    status = box.configuration.change(payload["key"], payload["value"])
    if payload["key"] == "AuthorizationKey" and status == "Accepted":
        box.password = payload["value"]

    async def come_back() -> None:
        await box.connection.call("SecurityEventNotification", _event(box, "ReconfigurationOfSecurityParameters"))
        await box.reset(hard=False)

    return _said(status, come_back if payload["key"] == "SecurityProfile" and status == "Accepted" else None)


def _certificate_signed(box: Box, payload: Payload) -> Answer:
    status = box.certificates.take(payload["certificateChain"])
    event = _event(box, "InvalidChargePointCertificate")
    return _said(status, None if status == "Accepted" else partial(box.connection.call, "SecurityEventNotification", event))


def _event(box: Box, kind: str) -> Payload:
    return {"type": kind, "timestamp": box.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")}


def _get_configuration(box: Box, payload: Payload) -> Answer:
    return box.configuration.told(payload.get("key")), None


def _clear_cache(box: Box, _payload: Payload) -> Answer:
    box.known_tags.clear()
    return _said("Accepted")


def _data_transfer(box: Box, payload: Payload) -> Answer:
    return _said("Accepted" if payload["vendorId"] == box.boot_payload["chargePointVendor"] else "UnknownVendorId")


def _trigger(box: Box, payload: Payload) -> Answer:
    number = payload.get("connectorId")
    if number is not None and number != 0 and number not in box.outlets:
        return _said("Rejected")
    numbers = [number] if number else list(box.outlets)

    async def statuses() -> None:
        for each in numbers if number is not None else [0, *numbers]:
            await box.notify_status(each)

    async def meters() -> None:
        for each in numbers:
            await box.send_meter_values(box.outlets[each], "Trigger")

    jobs: dict[str, Then] = {
        "BootNotification": box.boot,
        "Heartbeat": lambda: box.connection.call("Heartbeat", {}),
        "MeterValues": meters,
        "SignChargePointCertificate": lambda: box.connection.call("SignCertificate", {"csr": box.certificates.request()}),
        "StatusNotification": statuses,
        "DiagnosticsStatusNotification": lambda: box.connection.call("DiagnosticsStatusNotification", {"status": "Idle"}),
        "FirmwareStatusNotification": lambda: box.connection.call("FirmwareStatusNotification", {"status": "Idle"}),
        "LogStatusNotification": lambda: box.connection.call("LogStatusNotification", {"status": "Idle"}),
    }
    job = jobs.get(payload["requestedMessage"])
    return _said("Accepted", job) if job else _said("NotImplemented")


def _local_list_version(box: Box, _payload: Payload) -> Answer:
    return {"listVersion": box.local_list.told_version}, None


def _send_local_list(box: Box, payload: Payload) -> Answer:
    return _said(box.local_list.update(payload))


def _reserve(box: Box, payload: Payload) -> Answer:
    outlet = box.outlets.get(payload["connectorId"])
    if outlet is None:
        return _said("Rejected")
    refusals = {"Faulted": "Faulted", "Unavailable": "Unavailable", "Available": None, "Reserved": None}
    refusal = refusals.get(outlet.status, "Occupied")
    if outlet.reservation is not None and outlet.reservation.id != payload["reservationId"]:
        refusal = "Occupied"
    if refusal:
        return _said(refusal)
    expires_at = datetime.fromisoformat(payload["expiryDate"])
    outlet.reservation = Reservation(payload["reservationId"], payload["idTag"], payload.get("parentIdTag"), expires_at)

    async def hold() -> None:
        await box.notify_status(outlet.number)
        box.spawn(_expire(box, outlet), name=WATCH)

    return _said("Accepted", hold)


async def _expire(box: Box, outlet: Outlet) -> None:
    """Look at the clock, which others move: to sleep by it would move it."""
    reservation = outlet.reservation
    while reservation is not None and box.clock.now() < reservation.expires_at:
        await asyncio.sleep(LOOK_EVERY_S)
        if outlet.reservation is not reservation:
            return
    outlet.reservation = None
    await box.notify_status(outlet.number)


def _cancel_reservation(box: Box, payload: Payload) -> Answer:
    for outlet in box.outlets.values():
        if outlet.reservation is not None and outlet.reservation.id == payload["reservationId"]:
            outlet.reservation = None
            return _said("Accepted", partial(box.notify_status, outlet.number))
    return _said("Rejected")


_ANSWERS: dict[str, Callable[[Box, Payload], Answer]] = {
    "CancelReservation": _cancel_reservation,
    "CertificateSigned": _certificate_signed,
    "ChangeAvailability": _change_availability,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": _clear_cache,
    "ClearChargingProfile": smart_charging.clear_profile,
    "DataTransfer": _data_transfer,
    "DeleteCertificate": lambda box, payload: _said(box.certificates.delete(payload["certificateHashData"])),
    "ExtendedTriggerMessage": _trigger,
    "GetCompositeSchedule": smart_charging.composite_schedule,
    "GetConfiguration": _get_configuration,
    "GetDiagnostics": maintenance.get_diagnostics,
    "GetInstalledCertificateIds": lambda box, payload: (box.certificates.told(payload["certificateType"]), None),
    "GetLocalListVersion": _local_list_version,
    "GetLog": maintenance.get_log,
    "InstallCertificate": lambda box, payload: _said(box.certificates.install(payload["certificateType"], payload["certificate"])),
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "ReserveNow": _reserve,
    "Reset": _reset,
    "SendLocalList": _send_local_list,
    "SetChargingProfile": smart_charging.set_profile,
    "SignedUpdateFirmware": maintenance.signed_update_firmware,
    "TriggerMessage": _trigger,
    "UnlockConnector": _unlock,
    "UpdateFirmware": maintenance.update_firmware,
}
