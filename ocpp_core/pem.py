"""Certificates, and requests for them, out of the texts they come in; and the hashes they are known by. Pure.

What comes from a charger or through a proxy may be anything: whatever cannot be read is Unreadable and nothing else.
"""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

LONGEST = 16_384
ALGORITHMS: dict[str, hashes.HashAlgorithm] = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
FAULTS = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)  # what reading a strange one raises
_REQUEST = "CERTIFICATE REQUEST"
_CERTIFICATE = "CERTIFICATE"

Read = TypeVar("Read")


class Unreadable(ValueError):
    """Nothing could be made of a text."""


def request(text: str) -> x509.CertificateSigningRequest:
    """Read a CSR: as PEM, also with its line ends written out as letters, or as bare base64."""
    return _read(text.replace(f"NEW {_REQUEST}", _REQUEST), _REQUEST, x509.load_der_x509_csr)


def certificate(text: str) -> x509.Certificate:
    """Read a certificate; of a chain the first."""
    return _read(text, _CERTIFICATE, x509.load_der_x509_certificate)


def presented(header: str) -> x509.Certificate:
    """Read the certificate a proxy passes on: between colons as RFC 9440 has it, or percent-encoded as nginx does."""
    text = header.strip()
    return certificate(text[1:-1] if len(text) > 2 and text[0] == text[-1] == ":" else unquote(text))


def written(found: x509.Certificate) -> str:
    """Write a certificate as PEM."""
    return found.public_bytes(serialization.Encoding.PEM).decode()


def fingerprint(found: x509.Certificate) -> str:
    """What a certificate is known by."""
    return found.fingerprint(hashes.SHA256()).hex()


def serial(found: x509.Certificate) -> str:
    """Its serial number as the standard writes it: hexadecimal, without leading zeros."""
    return f"{found.serial_number:x}"


def common_name(name: x509.Name) -> str:
    """The one common name; empty where there is none, or more than one."""
    names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    value = names[0].value if len(names) == 1 else ""
    return value if isinstance(value, str) else ""


def shown(name: x509.Name) -> str:
    """A name as people read it."""
    text = common_name(name) or name.rfc4514_string()
    return "".join(letter for letter in text if letter.isprintable())[:200]


def is_root(found: x509.Certificate) -> bool:
    """Whether it is its own issuer."""
    return found.issuer == found.subject


def hash_data(root: x509.Certificate, algorithm: str = "SHA256") -> dict[str, str]:
    """Spell what the standard knows an installed root by."""
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": _hashed(root.issuer.public_bytes(), algorithm),
        "issuerKeyHash": _hashed(_key_bits(root), algorithm),
        "serialNumber": serial(root),
    }


def _key_bits(found: x509.Certificate) -> bytes:
    """The bits of the public key, without what says which kind of key it is."""
    key = found.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _hashed(content: bytes, algorithm: str) -> str:
    digest = hashes.Hash(ALGORITHMS[algorithm])
    digest.update(content)
    return digest.finalize().hex()


def _read(text: str, label: str, load: Callable[[bytes], Read]) -> Read:
    if len(text) > LONGEST:
        raise Unreadable("It is too long.")
    text = text.replace("\\r", "").replace("\\n", "\n")
    begin, end = f"-----BEGIN {label}-----", f"-----END {label}-----"
    if begin in text:
        text = text.partition(begin)[2].partition(end)[0]
    try:
        return load(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, *FAULTS) as fault:
        raise Unreadable("It cannot be read.") from fault
