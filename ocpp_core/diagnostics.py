"""What boxes have logged, uploaded to us: an address made for one file, and the file itself.

An address holds a token, half of it chance and half of it our seal on that: so the server knows a made-up one before it
has taken a byte or asked the database. Files lie in a folder of their own, under names that say nothing.
"""

import hashlib
import hmac
import logging
import os
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from chargeshare.errors import DomainError, NotFound
from ocpp_core import firmware
from ocpp_core.firmware import being_answered, instant, meant, number, overtook, since_asked, text, unanswered, without_password
from ocpp_core.models import ConfigurationKey, DiagnosticsUpload
from ocpp_core.models.firmware import NOTHING_THERE
from stations import commands, live
from stations.authorization import ChargerOffline
from stations.models import ChargePoint, Command

logger = logging.getLogger(__name__)

Payload = Mapping[str, Any]
Status = DiagnosticsUpload.Status
Type = DiagnosticsUpload.Type

ACTIONS = ("GetDiagnostics", "GetLog")
PREFIX = "/charger-uploads/"
VALID_FOR = timedelta(hours=6)
KEPT = timedelta(days=30)
FILES_OF_AN_OWNER = 50
READ_AT_ONCE = 65_536
_CHANCE = 16  # bytes
_SETTLED_AFTER = timedelta(hours=1)  # a file that came so long ago is not what a box speaks of now
# Keys of the security extension; a box that has one of them knows GetLog.
_EXTENSION_KEYS = ("AdditionalRootCertificateCheck", "CertificateSignedMaxChainSize", "CertificateStoreMaxLength", "CpoName")


class TooLarge(DomainError):
    """More than we take."""

    code = "too_large"
    status = 413


class AlreadyHere(DomainError):
    """Another file has come to this address."""

    code = "already_here"
    status = 409


class Expired(DomainError):
    """The address is no longer valid."""

    code = "expired"
    status = 410


class Empty(DomainError):
    """A file with nothing in it."""

    code = "empty"
    status = 400


# Asking


def knows_log(charge_point: ChargePoint) -> bool:
    """Whether the box knows GetLog: it showed keys of the security extension, or answered it; and did not decline it last time."""
    last = Command.objects.filter(charge_point=charge_point, action="GetLog").exclude(response=None).order_by("-pk").first()
    if last is not None:
        return last.status == Command.Status.ACCEPTED
    return ConfigurationKey.objects.filter(charge_point=charge_point, key__in=_EXTENSION_KEYS, is_known=True).exists()


def ask(charge_point: ChargePoint, kind: str, *, since: datetime | None = None, asked_by: User | None = None) -> DiagnosticsUpload:
    """Ask a box to upload what it has logged to an address that is made for it, once. ChargerOffline where nobody hears it."""
    now = timezone.now()
    token = _new_token()
    location = f"{settings.PUBLIC_URL}{PREFIX}{token}/"
    with transaction.atomic():
        upload = DiagnosticsUpload.objects.create(
            charge_point=charge_point,
            type=kind,
            since=since,
            created_at=now,
            expires_at=now + VALID_FOR,
            token_digest=_digest(token),
            request_id=None if kind == Type.DIAGNOSTICS else secrets.randbelow(firmware.INT32_MAX) + 1,
        )
        start = None if since is None else since.strftime("%Y-%m-%dT%H:%M:%SZ")
        if kind == Type.DIAGNOSTICS:
            payload: dict[str, Any] = {"location": location, **({"startTime": start} if start else {})}
            upload.command = commands.ask(charge_point, "GetDiagnostics", payload, asked_by=asked_by)
        else:
            log = {"remoteLocation": location, **({"oldestTimestamp": start} if start else {})}
            payload = {"logType": kind, "requestId": upload.request_id, "log": log}
            upload.command = commands.ask(charge_point, "GetLog", payload, asked_by=asked_by)
        is_offline = upload.command.status == Command.Status.OFFLINE
        if is_offline:
            upload.delete()
        else:
            upload.save(update_fields=["command"])
    if is_offline:
        raise ChargerOffline
    return upload


# What the box answers and says


@transaction.atomic
def asked_for_diagnostics(charge_point_id: int, payload: Payload, answer: Payload) -> None:
    """Keep what a box answered to GetDiagnostics. No file name means that there is nothing, though some upload all the same."""
    now = timezone.now()
    charge_point, upload, newest = _asked(charge_point_id, str(payload.get("location", "")), Type.DIAGNOSTICS, now)
    upload.since, upload.until = instant(payload.get("startTime")) or upload.since, instant(payload.get("stopTime"))
    upload.file_name = text(answer.get("fileName"), 255)
    upload.answer = "" if upload.file_name else NOTHING_THERE
    if upload.file_name:
        _replace_older(newest, upload, now)
    upload.save()
    live.charge_point_changed(charge_point, "firmware")


@transaction.atomic
def asked_for_log(charge_point_id: int, payload: Payload, answer: Payload) -> None:
    """Keep what a box answered to GetLog."""
    now = timezone.now()
    log = payload.get("log")
    log = log if isinstance(log, dict) else {}
    kind = payload.get("logType")
    kind = Type.SECURITY_LOG if kind == Type.SECURITY_LOG else Type.DIAGNOSTICS_LOG
    charge_point, upload, newest = _asked(charge_point_id, str(log.get("remoteLocation", "")), kind, now)
    upload.since, upload.until = instant(log.get("oldestTimestamp")) or upload.since, instant(log.get("latestTimestamp"))
    upload.request_id = number(payload.get("requestId"))
    upload.file_name = text(answer.get("filename"), 255)
    upload.answer = text(answer.get("status"), 40)
    if upload.answer == "AcceptedCanceled":
        _replace_older(newest, upload, now)
    elif upload.answer != "Accepted":
        upload.ended_at = now
    upload.save()
    live.charge_point_changed(charge_point, "firmware")


@transaction.atomic
def heard(charge_point_id: int, status: str, *, request_id: int | None = None, kind: str = "", at: datetime) -> None:
    """Keep a word of a box on its upload, also where nobody asked for one. That it does nothing ends nothing but an upload it had begun."""
    charge_point = ChargePoint.objects.select_for_update(no_key=True).get(pk=charge_point_id)
    newest = [one for one in _newest(charge_point) if one.received_at is None or one.received_at > at - _SETTLED_AFTER]
    newest = since_asked(newest, unanswered(charge_point, ACTIONS), request_id)
    upload = meant(newest, request_id, at=at)
    if upload is None and newest and newest[0].status == status and newest[0].ended_at is not None:
        upload = newest[0]  # it says so once more
    if status == Status.IDLE and (upload is None or upload.status != Status.UPLOADING):
        return
    if upload is None:
        upload = DiagnosticsUpload(
            charge_point=charge_point, type=kind or Type.DIAGNOSTICS, created_at=at, was_asked=False, request_id=request_id
        )
    upload.add(status, at)
    if status in DiagnosticsUpload.FAILURES or status in (Status.UPLOADED, Status.IDLE, Status.ACCEPTED_CANCELED):
        upload.ended_at = upload.ended_at or at
    elif not upload.was_replaced:
        upload.ended_at = None
    if status == Status.ACCEPTED_CANCELED:
        upload.was_replaced = True
    upload.save()
    live.charge_point_changed(charge_point, "firmware")


def _asked(charge_point_id: int, location: str, kind: str, now: datetime) -> tuple[ChargePoint, DiagnosticsUpload, list[DiagnosticsUpload]]:
    """The row of a request: the one our page made, the one whose first word overtook the answer, or a new one."""
    charge_point = ChargePoint.objects.select_for_update(no_key=True).get(pk=charge_point_id)
    newest = _newest(charge_point)
    token = token_in(urlsplit(location).path) if location.startswith(settings.PUBLIC_URL + PREFIX) else None
    if token is not None:
        own = DiagnosticsUpload.objects.select_for_update().filter(charge_point=charge_point, token_digest=_digest(token)).first()
        if own is not None:
            return charge_point, own, newest
    upload = overtook(newest, being_answered(charge_point, ACTIONS))
    upload = upload or DiagnosticsUpload(charge_point=charge_point, created_at=now)
    upload.was_asked, upload.type, upload.location = True, kind, without_password(text(location, 2000))
    return charge_point, upload, newest


def _newest(charge_point: ChargePoint) -> list[DiagnosticsUpload]:
    """Locked: the file itself comes by another way, and may be written down at the same moment as a word about it."""
    return list(DiagnosticsUpload.objects.select_for_update().filter(charge_point=charge_point).order_by("-pk")[: firmware.LOOKED_AT])


def _replace_older(newest: list[DiagnosticsUpload], upload: DiagnosticsUpload, now: datetime) -> None:
    """A box that begins a new upload of the same kind lets go of the one before. Its file is taken all the same, should it come."""
    for older in newest:
        is_same_kind = (older.type == Type.DIAGNOSTICS) == (upload.type == Type.DIAGNOSTICS)
        if older.ended_at is None and older.pk != upload.pk and is_same_kind and older.received_at is None:
            older.replace(now)
            older.save(update_fields=["was_replaced", "ended_at"])


# The address and the file


def token_in(path: str) -> str | None:
    """The token in a path of ours, if we made it. Boxes add names of files, and slashes of their own."""
    if not path.startswith(PREFIX):
        return None
    token = path.removeprefix(PREFIX).split("/", 1)[0]
    return token if token.isascii() and hmac.compare_digest(_sealed(token[: 2 * _CHANCE]), token) else None


def find(token: str) -> DiagnosticsUpload:
    """The upload an address was made for."""
    upload = DiagnosticsUpload.objects.filter(token_digest=_digest(token)).select_related("charge_point").first()
    if upload is None:
        raise NotFound
    return upload


def must_be_welcome(upload: DiagnosticsUpload, *, now: datetime) -> None:
    """Refuse a file that comes too late, and let the owner know why."""
    if upload.received_at is None and upload.expires_at is not None and upload.expires_at < now:
        refuse(upload, DiagnosticsUpload.Refusal.EXPIRED)
        raise Expired


def refuse(upload: DiagnosticsUpload, why: str) -> None:
    """Let the owner know why a file was not taken."""
    if DiagnosticsUpload.objects.filter(pk=upload.pk, received_at=None).exclude(refusal=why).update(refusal=why):
        live.charge_point_changed(upload.charge_point, "firmware")


def was_too_large(path: str) -> None:
    """A file was cut off on its way because it was more than we take."""
    token = token_in(path)
    upload = None if token is None else DiagnosticsUpload.objects.filter(token_digest=_digest(token)).select_related("charge_point").first()
    if upload is not None:
        refuse(upload, DiagnosticsUpload.Refusal.TOO_LARGE)


def keep(upload: DiagnosticsUpload, body: IO[bytes], *, name: str = "", now: datetime) -> bool:
    """Store the file, piece by piece; False if the same one lies here already, for boxes repeat what nobody seemed to hear."""
    stored_as = secrets.token_hex(16)
    path = folder() / stored_as
    is_new = False
    try:
        size, sha256 = _copy(body, path)
        is_new = _enter(upload.pk, DiagnosticsUpload(received_at=now, size_bytes=size, sha256=sha256, stored_as=stored_as, file_name=name))
    finally:
        if not is_new:
            path.unlink(missing_ok=True)
    if is_new:
        _make_room(upload.charge_point.owner_id)
    return is_new


def _make_room(owner_id: int) -> None:
    """Let go of an owner's oldest files: whoever has a thousand uploaded fills no disk."""
    theirs = DiagnosticsUpload.objects.filter(charge_point__owner_id=owner_id).exclude(stored_as="").order_by("-received_at", "-pk")
    for old in theirs[FILES_OF_AN_OWNER:]:
        if DiagnosticsUpload.objects.filter(pk=old.pk, stored_as=old.stored_as).update(stored_as=""):
            (folder() / old.stored_as).unlink(missing_ok=True)


@transaction.atomic
def _enter(upload_id: int, came: DiagnosticsUpload) -> bool:
    """Write down the file that came, unless one has."""
    upload = DiagnosticsUpload.objects.select_for_update(of=("self",)).select_related("charge_point").get(pk=upload_id)
    if upload.received_at is not None:
        if upload.sha256 != came.sha256:
            raise AlreadyHere
        return False
    upload.received_at, upload.size_bytes, upload.sha256, upload.stored_as = came.received_at, came.size_bytes, came.sha256, came.stored_as
    upload.refusal = ""
    upload.file_name = upload.file_name or text(came.file_name, 255)
    upload.save(update_fields=["received_at", "size_bytes", "sha256", "stored_as", "refusal", "file_name"])
    live.charge_point_changed(upload.charge_point, "firmware")
    return True


def _copy(body: IO[bytes], path: Path) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    with path.open("xb") as file:
        while piece := body.read(READ_AT_ONCE):
            size += len(piece)
            if size > settings.DIAGNOSTICS_MAX_BYTES:
                raise TooLarge
            digest.update(piece)
            file.write(piece)
        if not size:
            raise Empty
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def folder() -> Path:
    """Where the files lie; nobody else on the machine looks into it."""
    made: Path = settings.DIAGNOSTICS_DIR
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    return made


def file_of(upload: DiagnosticsUpload) -> Path:
    """Where the file of an upload lies. NotFound where none came, or none is left."""
    path = folder() / upload.stored_as
    if not upload.stored_as or not path.is_file():
        raise NotFound
    return path


def prune(*, now: datetime) -> int:
    """Delete what is older than a month, file and row; and files whose row went with its charger."""
    old = list(DiagnosticsUpload.objects.filter(created_at__lt=now - KEPT).order_by("pk")[:1000])
    DiagnosticsUpload.objects.filter(pk__in=[upload.pk for upload in old]).delete()
    for upload in old:
        if upload.stored_as:
            (folder() / upload.stored_as).unlink(missing_ok=True)
    idle_since = (now - timedelta(days=1)).timestamp()
    for path in folder().iterdir():
        is_idle = path.is_file() and path.stat().st_mtime < idle_since
        if is_idle and not DiagnosticsUpload.objects.filter(stored_as=path.name).exists():
            path.unlink(missing_ok=True)
    return len(old)


def _new_token() -> str:
    return _sealed(secrets.token_hex(_CHANCE))


def _sealed(chance: str) -> str:
    key = hashlib.sha256(f"addresses for diagnostics {settings.SECRET_KEY}".encode()).digest()
    return chance + hmac.new(key, chance.encode(), hashlib.sha256).hexdigest()[: 2 * _CHANCE]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
