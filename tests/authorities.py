"""Certificates for tests: an authority of ours in files, strangers' authorities, requests of every kind."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from ocpp_core import authority, pem
from ocpp_core.authority import Authority


def make_authority(folder: Path, name: str = "Test authority") -> dict[str, str]:
    """Files of a new authority, as settings name them."""
    certificate, key = authority.create(name, years=1, now=timezone.now())
    paths = {"CHARGER_CA_CERTIFICATE": folder / f"{name}.pem", "CHARGER_CA_KEY": folder / f"{name}.key"}
    paths["CHARGER_CA_CERTIFICATE"].write_bytes(certificate)
    paths["CHARGER_CA_KEY"].write_bytes(key)
    paths["CHARGER_CA_KEY"].chmod(0o600)
    return {setting: str(path) for setting, path in paths.items()}


def stranger(name: str = "Somebody else's authority") -> Authority:
    """An authority this site does not know."""
    certificate, key = authority.create(name, years=1, now=timezone.now())
    return Authority(pem.certificate(certificate.decode()), serialization.load_pem_private_key(key, None))  # type: ignore[arg-type]


def make_csr(name: str, key: Any = None, digest: Any = None, *more: x509.NameAttribute[str]) -> str:
    """A request for a certificate."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name), *more] if name else list(more)
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    signed = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), digest or hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def sign(signer: Authority, name: str, *, valid_days: float = 365, key: Any = None) -> x509.Certificate:
    """A client certificate as an authority signs it."""
    request = pem.request(make_csr(name, key))
    return signer.sign(request, now=timezone.now() - authority.VALID_FOR + timedelta(days=valid_days))
