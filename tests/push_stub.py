"""A push service over real HTTPS, and devices that can read what it was handed: the other side of web push."""

import base64
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import http_ece
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from accounts import devices, push_services
from accounts.models import PushSubscription, User

_numbers = count(1)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Device:
    """What a browser keeps to itself: the key and the secret that open its messages."""

    def __init__(self, origin: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = next(_numbers).to_bytes(16, "big")
        self.path = f"/send/{next(_numbers)}"
        self.endpoint = origin + self.path

    @property
    def keys(self) -> dict[str, Any]:
        """What it tells a site."""
        point = self.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return {"p256dh": _text(point), "auth": _text(self.secret)}

    def opened(self, body: bytes) -> dict[str, Any]:
        """A message, deciphered."""
        said = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
        return dict(json.loads(said))

    def join(self, user: User) -> PushSubscription:
        """Take a person's pushes, over a log-in of a program."""
        from accounts import logins  # noqa: PLC0415

        logins.begin_chain(user)
        chain = user.token_chains.latest("created_at")
        return devices.add(user, endpoint=self.endpoint, **self.keys, name="Phone", token_chain=chain)


class PushStub:
    """What was handed in, and how to answer: 201, or what `answers` says of a path."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.host = f"localhost:{server.server_address[1]}"
        self.origin = f"https://{self.host}"
        self.taken: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, tuple[int, dict[str, str]]] = {}

    def device(self) -> Device:
        """A new browser."""
        return Device(self.origin)

    def told(self, device: Device) -> list[dict[str, Any]]:
        """What a device was shown."""
        return [device.opened(body) for path, _headers, body in self.taken if path == device.path]

    def claims(self, headers: dict[str, str]) -> dict[str, Any]:
        """Who signed, once the signature has been found to be by the key the browsers were given."""
        found = re.fullmatch(r"vapid t=([\w.-]+), ?k=([\w-]+)", headers["Authorization"])
        assert found is not None
        assert found[2] == push_services.public_key()
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), devices.unpadded(found[2]))
        return dict(jwt.decode(found[1], key, algorithms=["ES256"], audience=self.origin))


@contextmanager
def push_service(folder: Path) -> Iterator[tuple[PushStub, Path]]:
    """Runs it, and yields it with the file of the certificate that it shows."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stub.taken.append((self.path, dict(self.headers), body))
            status, headers = stub.answers.get(self.path, (201, {}))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    certificate, key = _certificate(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    stub = PushStub(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield stub, certificate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = timezone.now()
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1))
    for extension in (
        x509.SubjectAlternativeName([x509.DNSName("localhost")]),
        x509.BasicConstraints(ca=True, path_length=None),
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()),
    ):
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    certificate_file, key_file = folder / "push.pem", folder / "push.key"
    certificate_file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate_file, key_file
