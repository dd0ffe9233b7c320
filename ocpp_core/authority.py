"""Our own authority for the certificates of chargers: what a request must be like, and signing it.

The key lies in a file that only this server reads. Without one nothing is signed, and chargers are told so.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

from ocpp_core import pem

VALID_FOR = timedelta(days=2 * 365)
CLOCKS_DIFFER_BY = timedelta(days=1)
LONGEST_CHAIN = 10_000  # the standard's limit for CertificateSigned
LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
STRONG = ("sha256", "sha384", "sha512")

UNREADABLE, OTHER_IDENTITY, WEAK, UNSIGNED = "csr:unreadable", "csr:identity", "csr:weak", "csr:signature"

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Refused(ValueError):
    """A request that is not signed; `word` says why, in the words of deviations."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Misconfigured(ValueError):
    """The files of the authority cannot be used."""


@dataclass(frozen=True)
class Authority:
    """Who signs: a certificate, its key, and what stands between it and the root."""

    certificate: x509.Certificate
    key: SigningKey
    above: tuple[x509.Certificate, ...] = ()

    def sign(self, request: x509.CertificateSigningRequest, *, now: datetime) -> x509.Certificate:
        """Make a client certificate for the key of a request that was checked."""
        key = request.public_key()
        is_rsa = isinstance(key, rsa.RSAPublicKey)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_subject(request))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - CLOCKS_DIFFER_BY, self.certificate.not_valid_before_utc))
            .not_valid_after(min(now + VALID_FOR, self.certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True, key_encipherment=is_rsa), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        return builder.sign(self.key, hashes.SHA256())

    def chain(self, signed: x509.Certificate) -> str:
        """What a charger is given: its certificate and what leads to the root, which it must know already."""
        between = [one for one in (self.certificate, *self.above) if not pem.is_root(one)]
        return "".join(pem.written(one) for one in (signed, *between))

    def has_signed(self, found: x509.Certificate) -> bool:
        """Whether a certificate is one of ours."""
        try:
            found.verify_directly_issued_by(self.certificate)
        except Exception:  # noqa: BLE001 - whatever keeps it from being proved
            return False
        return True


def current() -> Authority | None:
    """The authority of this site, if it has one. Raises Misconfigured where its files cannot be used."""
    certificate, key = (_path(name) for name in (settings.CHARGER_CA_CERTIFICATE, settings.CHARGER_CA_KEY))
    if certificate is None or key is None:
        return None
    try:
        return _load(certificate, key, certificate.stat().st_mtime_ns, key.stat().st_mtime_ns)
    except OSError as fault:
        raise Misconfigured(f"{fault.filename} cannot be read: {fault.strerror}.") from fault


def key_is_open() -> bool:
    """Whether others than this server may read the key."""
    path = _path(settings.CHARGER_CA_KEY)
    return path is not None and bool(path.stat().st_mode & 0o077)


def server_root() -> x509.Certificate | None:
    """The root that signed the certificate of the chargers' host, where owners may have it installed."""
    path = _path(settings.SERVER_ROOT_CERTIFICATE)
    try:
        return pem.certificate(path.read_text()) if path is not None else None
    except OSError as fault:
        raise Misconfigured(f"{path} cannot be read: {fault.strerror}.") from fault
    except ValueError as fault:
        raise Misconfigured(f"{path} holds no certificate.") from fault


def check(text: str, identity: str) -> x509.CertificateSigningRequest:
    """Read a CSR of this charger; Refused says what is wrong with it."""
    try:
        request = pem.request(text)
        if not _is_strong(request):
            raise Refused(WEAK)
        if not request.is_signature_valid:
            raise Refused(UNSIGNED)
        name = pem.common_name(request.subject)
    except pem.FAULTS as fault:
        if isinstance(fault, Refused):
            raise
        raise Refused(UNREADABLE) from fault
    if name.casefold() != identity.casefold():
        raise Refused(OTHER_IDENTITY)
    return request


def create(name: str, *, years: int, now: datetime) -> tuple[bytes, bytes]:
    """Make a new authority: its certificate and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER_BY)
        .not_valid_after(now + timedelta(days=years * 365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    form = serialization.PrivateFormat.PKCS8
    written = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return pem.written(builder.sign(key, hashes.SHA256())).encode(), written


@lru_cache(maxsize=1)
def _load(certificate: Path, key: Path, _certificate_changed: int, _key_changed: int) -> Authority:
    try:
        first, *above = x509.load_pem_x509_certificates(certificate.read_bytes())
        signing = serialization.load_pem_private_key(key.read_bytes(), None)
    except pem.FAULTS as fault:
        raise Misconfigured(f"{certificate} and {key} must hold a certificate and its key, as PEM and without a password.") from fault
    if not isinstance(signing, SigningKey):
        raise Misconfigured(f"{key} must hold an RSA key or one on a curve of NIST.")
    if signing.public_key() != first.public_key():
        raise Misconfigured(f"{key} is not the key of {certificate}.")
    if first.not_valid_after_utc < datetime.now(UTC):
        raise Misconfigured(f"{certificate} has run out.")
    found = Authority(first, signing, tuple(above))
    if len(found.chain(first)) > LONGEST_CHAIN - len(pem.written(first)):
        raise Misconfigured(f"{certificate} holds a longer chain than a charger can be given.")
    return found


def _path(said: str) -> Path | None:
    return Path(settings.BASE_DIR) / said if said else None


def _is_strong(request: x509.CertificateSigningRequest) -> bool:
    digest = request.signature_hash_algorithm
    if digest is None or digest.name not in STRONG:
        return False
    key = request.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES)


def _subject(request: x509.CertificateSigningRequest) -> x509.Name:
    """The name as the request has it; beside the identity only the organisation, which some boxes insist on finding again."""
    names = [x509.NameAttribute(NameOID.COMMON_NAME, pem.common_name(request.subject))]
    said = [one.value for one in request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    if said and isinstance(said[0], str) and said[0].isprintable() and 0 < len(said[0]) <= 64:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, said[0]))
    return x509.Name(names)


def _usage(**allowed: bool) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in every})
