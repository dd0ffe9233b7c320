"""What stands in front of a serving process: a proxy that ends TLS and passes client certificates on."""

import asyncio
import base64
import contextlib
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from ocpp_core import pem
from ocpp_core.simulator.certificates import Certificates
from tests.authorities import stranger
from tests.nursery import HOUSE
from tests.servers import free_port
from tests.serving import Served

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
PATIENCE_S = 30
TAKEN_AWAY = (b"client-cert", b"client-cert-verify", b"x-forwarded-for", b"x-forwarded-proto")


@dataclass(frozen=True)
class Front:
    """The files of a host with TLS: its certificate and key, the root above it, and whose client certificates it takes."""

    folder: Path
    client_authority: str

    @classmethod
    def make(cls, folder: Path, client_authority: str) -> "Front":
        """A new key and a new authority above it."""
        root, key, now = stranger("Server root"), ec.generate_private_key(ec.SECP256R1()), timezone.now()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]))
            .issuer_name(root.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False)
        )
        written = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "server.key").write_bytes(written)
        (folder / "server.pem").write_text(pem.written(builder.sign(root.key, hashes.SHA256())))
        (folder / "root.pem").write_text(pem.written(root.certificate))
        return cls(folder, client_authority)

    @property
    def root(self) -> Path:
        """What a charger must trust."""
        return self.folder / "root.pem"

    def trusting(self, certificates: Certificates | None = None) -> ssl.SSLContext:
        """The TLS of a box that knows the root, and shows its certificate where it has one."""
        context = ssl.create_default_context(cafile=str(self.root))
        if certificates is not None and certificates.chain:
            both = self.folder / f"{certificates.identity}.box.pem"
            both.write_text(certificates.private_key() + certificates.chain)
            context.load_cert_chain(both)
        return context


@contextlib.asynccontextmanager
async def small_proxy(front: Front, served: Served) -> AsyncIterator[str]:
    """A proxy of a few lines, which writes the certificate as RFC 9440 has it; the address of chargers at it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(front.folder / "server.pem", front.folder / "server.key")
    context.load_verify_locations(front.client_authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            inside, outside = await asyncio.open_connection("127.0.0.1", served.port)
            both: list[asyncio.Task[None]] = []
            try:
                outside.write(_rewritten(head, writer.get_extra_info("ssl_object").getpeercert(binary_form=True)))
                both = [asyncio.create_task(_pipe(*ends)) for ends in ((reader, outside), (inside, writer))]
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                outside.close()
                writer.transport.abort()  # asyncio waits for the other side to end its TLS, which waits for us
                for one in both:
                    one.cancel()
                await asyncio.gather(*both, return_exceptions=True)

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(pass_on(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=context)
    try:
        yield f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/ocpp"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _rewritten(head: bytes, certificate: bytes | None) -> bytes:
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in TAKEN_AWAY]
    kept += [b"X-Forwarded-Proto: https", b"X-Forwarded-For: 198.51.100.7"]
    if certificate is not None:
        kept += [b"Client-Cert: :" + base64.b64encode(certificate) + b":", b"Client-Cert-Verify: SUCCESS"]
    return b"\r\n".join([first, *kept, b"", b""])


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@contextlib.asynccontextmanager
async def nginx(front: Front, served: Served) -> AsyncIterator[str]:
    """A real nginx with the example of the documentation, only its names and ports changed; the address of chargers at it."""
    port, folder = free_port(), front.folder
    (folder / "nginx.conf").write_text(_configuration(front, served, port))
    command = [str(NGINX), "-p", str(folder), "-c", "nginx.conf", "-e", str(folder / "error.log")]
    with (folder / "nginx.out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: ASYNC220 - it goes on running
    try:
        await _listening(port, process, folder)
        yield f"wss://127.0.0.1:{port}/ocpp"
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, PATIENCE_S)


def _configuration(front: Front, served: Served, port: int) -> str:
    """The example of docs/security-profiles.md, and what it takes from docs/deployment.md."""
    site = _example("deployment.md").partition("server {")[0]
    chargers = _example("security-profiles.md")
    for pattern, ours in (
        (r"listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        (r"ssl_certificate +\S+;", f"ssl_certificate {front.folder}/server.pem;"),
        (r"ssl_certificate_key +\S+;", f"ssl_certificate_key {front.folder}/server.key;"),
        (r"ssl_client_certificate +\S+;", f"ssl_client_certificate '{front.client_authority}';"),
        (r"access_log +\S+", f"access_log {front.folder}/access.log"),
        (r"http://127\.0\.0\.1:8000", f"http://127.0.0.1:{served.port}"),
    ):
        chargers, count = re.subn(pattern, ours, chargers)
        assert count == 1, pattern
    places = "".join(f"{kind}_temp_path {front.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"daemon off;\nmaster_process off;\npid nginx.pid;\nevents {{}}\nhttp {{\n{places}{site}{chargers}}}\n"


def _example(name: str) -> str:
    found = re.search(r"```nginx\n(.*?)```", (HOUSE / "docs" / name).read_text(), re.DOTALL)
    assert found is not None
    return found[1]


async def _listening(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            assert process.poll() is None, (folder / "nginx.out").read_text() + (folder / "error.log").read_text()
            try:
                _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return
