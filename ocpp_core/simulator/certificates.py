"""The certificates of a simulated charger: its own key, what was signed for it, and the roots it holds."""

from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ocpp_core import pem

MOST_ROOTS = 10


class Certificates:
    """A keystore. The private key never leaves it over OCPP."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.chain = ""
        self.roots: dict[str, list[x509.Certificate]] = {}
        self._next_key = self.key

    def request(self) -> str:
        """Make a new key and ask for a certificate for it."""
        self._next_key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.identity)])
        signed = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self._next_key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def take(self, chain: str) -> str:
        """Take the certificate that was asked for, if it is for the key that was asked with."""
        try:
            found = pem.certificate(chain)
            is_mine = found.public_key() == self._next_key.public_key() and pem.common_name(found.subject) == self.identity
        except pem.FAULTS:
            return "Rejected"
        if not is_mine:
            return "Rejected"
        self.key, self.chain = self._next_key, chain
        return "Accepted"

    def install(self, use: str, text: str) -> str:
        """Trust a root from now on."""
        try:
            root = pem.certificate(text)
        except pem.Unreadable:
            return "Rejected"
        held = self.roots.setdefault(use, [])
        if len(held) >= MOST_ROOTS:
            return "Failed"
        if root not in held:
            held.append(root)
        return "Accepted"

    def delete(self, hash_data: Mapping[str, Any]) -> str:
        """Trust a root no longer."""
        for held in self.roots.values():
            for root in held:
                if pem.hash_data(root, hash_data["hashAlgorithm"]) == dict(hash_data):
                    held.remove(root)
                    return "Accepted"
        return "NotFound"

    def told(self, use: str) -> dict[str, Any]:
        """Answer which roots are held."""
        held = [pem.hash_data(root) for root in self.roots.get(use, [])]
        return {"status": "Accepted", "certificateHashData": held} if held else {"status": "NotFound"}

    def private_key(self) -> str:
        """The key, for the TLS of this same box."""
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
