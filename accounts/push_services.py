"""Speaking to the push services of browsers: what is sent is encrypted for the device and signed as ours.

Nothing but the status of the answer is looked at. No redirect is followed, no proxy of the environment is used, and an answer that
takes its time or goes on for ever is cut off.
"""

import base64
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import http_ece
import jwt
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from accounts import devices
from accounts.models import PushSubscription

LONGEST = 3000  # of the 4096 bytes a push service takes, with what the encryption adds
PATIENCE = urllib3.Timeout(connect=4, read=6)
SIGNED_FOR_S = 12 * 3600  # a push service takes 24 hours at most
ANSWER_BYTES = 1024


class NotReached(Exception):
    """The push service did not answer."""


@dataclass(frozen=True)
class Answer:
    """What a push service said."""

    status: int
    retry_after_s: int | None = None


class Messenger:
    """Sends pushes, several over one connection; to be closed."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(timeout=PATIENCE, retries=False, maxsize=1)

    def close(self) -> None:
        """Hang up."""
        self._pool.clear()

    def send(self, device: PushSubscription, said: Mapping[str, Any], *, lives_s: int, is_urgent: bool, topic: str) -> Answer:
        """Hand one message to the device's push service, which keeps it for so long while the device is away."""
        if not devices.is_known_service(device.endpoint):
            return Answer(status=404)  # the setting no longer allows the host: for us the device is gone
        headers = {
            "Authorization": _signature(device.endpoint),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(lives_s),
            "Topic": topic,
            "Urgency": "high" if is_urgent else "normal",
        }
        body = encrypt(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode(), device)
        try:
            answer = self._pool.request("POST", device.endpoint, body=body, headers=headers, redirect=False, preload_content=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise NotReached(type(error).__name__) from error
        try:
            if len(answer.read(ANSWER_BYTES)) == ANSWER_BYTES:
                answer.close()  # it goes on; a connection with a rest in it is no use
            return Answer(answer.status, _seconds(answer.headers.get("Retry-After", "")))
        except (urllib3.exceptions.HTTPError, OSError):
            answer.close()
            return Answer(answer.status)
        finally:
            answer.release_conn()


def encrypt(said: bytes, device: PushSubscription) -> bytes:
    """What only this device can read (RFC 8291): with a key made for this message alone."""
    if len(said) > LONGEST:
        raise ValueError("a push of this length is taken by nobody")
    sealed: bytes = http_ece.encrypt(
        said,
        salt=os.urandom(16),
        private_key=ec.generate_private_key(devices.CURVE),
        dh=devices.unpadded(device.p256dh),
        auth_secret=devices.unpadded(device.auth),
        version="aes128gcm",
    )
    return sealed


def public_key() -> str:
    """The key a browser is given when it subscribes, so that it takes pushes from us alone; empty where pushes are not offered."""
    return _public(_key()) if settings.VAPID_PRIVATE_KEY else ""


def create_key() -> str:
    """A new private key, as VAPID_PRIVATE_KEY holds it."""
    number = ec.generate_private_key(devices.CURVE).private_numbers().private_value
    return _text(number.to_bytes(32, "big"))


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(devices.unpadded(settings.VAPID_PRIVATE_KEY), "big"), devices.CURVE)


def _public(key: ec.EllipticCurvePrivateKey) -> str:
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return _text(point)


def _signature(endpoint: str) -> str:
    """Say who we are (RFC 8292)."""
    key, service = _key(), urlsplit(endpoint)
    claims = {"aud": f"{service.scheme}://{service.netloc}", "exp": int(time.time()) + SIGNED_FOR_S, "sub": contact()}
    return f"vapid t={jwt.encode(claims, key, algorithm='ES256')}, k={_public(key)}"


def contact() -> str:
    """Whom a push service may write to."""
    if settings.VAPID_CONTACT:
        return str(settings.VAPID_CONTACT)
    site = urlsplit(settings.PUBLIC_URL)
    return f"https://{site.hostname}" if site.scheme == "https" else f"mailto:operator@{site.hostname}"


def _seconds(said: str) -> int | None:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 7 else None


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
