"""What a simulated charger does for its maker: it uploads what it has logged, and installs other firmware."""

import asyncio
import http.client
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote, urlsplit

from ocpp_core.simulator.connection import Connection
from ocpp_core.simulator.timing import Clock

logger = logging.getLogger(__name__)

Payload: TypeAlias = dict[str, Any]
Then: TypeAlias = Callable[[], Awaitable[object]]
Answer: TypeAlias = tuple[Payload, Then | None]

UPLOAD_TIMEOUT_S = 30.0
_PLAIN = ("Downloading", "Downloaded", "Installing", "Installed")
_SIGNED = ("Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting", "Installed")


@dataclass
class Maintenance:
    """What a person at the box could set: what it has logged, and how the next update goes wrong."""

    log: bytes = b"2024-05-01T10:00:00Z booted\n"
    fails_with: str = ""
    """The word with which an update ends, in the place of the step that does not succeed."""
    fails_after: str = ""
    """The last step that does."""
    job: int = 0
    """Which update is the one that runs; an older one stops where it is."""


class Box(Protocol):
    """What it needs of the charge point."""

    identity: str
    clock: Clock
    connection: Connection
    boot_payload: dict[str, Any]
    maintenance: Maintenance
    ready: asyncio.Event

    async def reset(self, *, hard: bool) -> None:
        """Start anew."""


def get_diagnostics(box: Box, payload: Payload) -> Answer:
    """Upload what was logged, if anything was."""
    if not box.maintenance.log:
        return {}, None
    name = f"diagnostics-{box.identity}.txt"
    return {"fileName": name}, lambda: _upload(box, "DiagnosticsStatusNotification", payload["location"], name, {})


def get_log(box: Box, payload: Payload) -> Answer:
    """The same in the words of the security extension."""
    name, about = f"{payload['logType']}-{box.identity}.txt", {"requestId": payload["requestId"]}
    location = payload["log"]["remoteLocation"]
    return {"status": "Accepted", "filename": name}, lambda: _upload(box, "LogStatusNotification", location, name, about)


def update_firmware(box: Box, payload: Payload) -> Answer:
    """Install what is there, once it is time. The file itself is not looked at; its name becomes the version."""
    job = _next_job(box)
    return {}, lambda: _install(box, job, "FirmwareStatusNotification", _PLAIN, payload["location"], payload["retrieveDate"], {})


def signed_update_firmware(box: Box, payload: Payload) -> Answer:
    """The same with a signature, which is trusted if a certificate comes with it."""
    firmware = payload["firmware"]
    if "CERTIFICATE" not in firmware["signingCertificate"]:
        return {"status": "InvalidCertificate"}, None
    job, about = _next_job(box), {"requestId": payload["requestId"]}

    def install() -> Awaitable[None]:
        action = "SignedFirmwareStatusNotification"
        return _install(box, job, action, _SIGNED, firmware["location"], firmware["retrieveDateTime"], about)

    return {"status": "Accepted"}, install


async def _upload(box: Box, action: str, location: str, name: str, about: Payload) -> None:
    await box.connection.call(action, {"status": "Uploading", **about})
    # Whoever names another protocol is believed to have a server for it.
    is_there = not location.startswith(("http://", "https://")) or await asyncio.to_thread(put, location, name, box.maintenance.log)
    failed = "UploadFailure" if action == "LogStatusNotification" else "UploadFailed"
    await box.connection.call(action, {"status": "Uploaded" if is_there else failed, **about})


def put(location: str, name: str, body: bytes) -> bool:
    """Upload a file; below an address that ends with a slash under its own name. False if it was not taken."""
    parts = urlsplit(location)
    path = parts.path + (quote(name) if parts.path.endswith("/") else "")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=UPLOAD_TIMEOUT_S)
    try:
        connection.request("PUT", f"{path}?{parts.query}" if parts.query else path, body, {"Content-Type": "application/octet-stream"})
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException) as fault:
        logger.info("an upload failed: %s", fault)
        return False
    finally:
        connection.close()


def _next_job(box: Box) -> int:
    box.maintenance.job += 1
    return box.maintenance.job


async def _install(box: Box, job: int, action: str, way: tuple[str, ...], location: str, retrieve_at: str, about: Payload) -> None:
    wait = datetime.fromisoformat(retrieve_at) - box.clock.now()
    await box.clock.sleep(max(timedelta(0), wait).total_seconds())
    version = location.rpartition("/")[2][:50]
    for status in way:
        if box.maintenance.job != job:
            return
        await box.connection.call(action, {"status": status, **about})
        if status == box.maintenance.fails_after:
            await box.connection.call(action, {"status": box.maintenance.fails_with, **about})
            return
        if status == "InstallRebooting":
            await _restart(box, version)
    if "InstallRebooting" not in way:
        await _restart(box, version)


async def _restart(box: Box, version: str) -> None:
    """Come back with other firmware. A box that lives by itself dials by itself."""
    box.boot_payload["firmwareVersion"] = version or box.boot_payload["firmwareVersion"]
    await box.reset(hard=False)
    while not (box.connection.is_open and box.ready.is_set()):  # noqa: ASYNC110 - the one event is cleared a moment too late
        await asyncio.sleep(0.1)
