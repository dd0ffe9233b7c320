"""What our authority signs, and what it does not."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.core.management import CommandError, call_command
from django.utils import timezone

from chargeshare import checks
from ocpp_core import authority, pem
from tests import authorities


@pytest.fixture
def signer(settings, tmp_path):
    for name, value in authorities.make_authority(tmp_path).items():
        setattr(settings, name, value)
    return authority.current()


def refused(csr, identity="BOX-1"):
    with pytest.raises(authority.Refused) as refusal:
        authority.check(csr, identity)
    return refusal.value.word


def test_a_client_certificate_says_who_it_is_and_nothing_more(signer):
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Operator")
    other = x509.NameAttribute(NameOID.EMAIL_ADDRESS, "admin@example.com")
    key = ec.generate_private_key(ec.SECP256R1())
    now = timezone.now()
    signed = signer.sign(authority.check(authorities.make_csr("box-1", key, None, organization, other), "BOX-1"), now=now)

    signed.verify_directly_issued_by(signer.certificate)
    assert signed.subject.rfc4514_string() == "O=Operator,CN=box-1"
    assert signed.public_key() == key.public_key()
    assert signed.not_valid_before_utc < now < signed.not_valid_after_utc <= signer.certificate.not_valid_after_utc
    assert not signed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(signed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert pem.certificate(signer.chain(signed)) == signed
    assert signer.chain(signed).count("BEGIN") == 1, "a root that the charger must know already is not sent along"


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())], ids=["RSA", "P-384"])
def test_strong_keys_are_signed(signer, key):
    request = authority.check(authorities.make_csr("BOX-1", key), "BOX-1")
    signer.sign(request, now=timezone.now()).verify_directly_issued_by(signer.certificate)


@pytest.mark.parametrize(
    "csr",
    [
        authorities.make_csr("BOX-1", rsa.generate_private_key(65537, 1024)),  # noqa: S505
        authorities.make_csr("BOX-1", ec.generate_private_key(ec.SECP192R1())),
        authorities.make_csr("BOX-1", ec.generate_private_key(ec.SECP256K1())),
        authorities.make_csr("BOX-1", dsa.generate_private_key(1024)),  # noqa: S505
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "BOX-1")]))
        .sign(ed25519.Ed25519PrivateKey.generate(), None)
        .public_bytes(serialization.Encoding.PEM)
        .decode(),
    ],
    ids=["RSA 1024", "P-192", "Bitcoin's curve", "DSA", "Ed25519"],
)
def test_weak_and_strange_keys_are_not(csr):
    assert refused(csr) == authority.WEAK


def test_a_weak_digest_is_not():
    assert refused(authorities.make_csr("BOX-1", rsa.generate_private_key(65537, 2048), hashes.SHA224())) == authority.WEAK


@pytest.mark.parametrize("name", ["BOX-2", "", "BOX-1 ", "BOX-1/CN=BOX-2", "*"])
def test_nobody_gets_another_name_than_her_own(name):
    assert refused(authorities.make_csr(name)) == authority.OTHER_IDENTITY


def test_a_request_for_a_key_one_does_not_have_is_not_signed():
    csr = pem.request(authorities.make_csr("BOX-1"))
    der = bytearray(csr.public_bytes(serialization.Encoding.DER))
    key = csr.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    other = pem.request(authorities.make_csr("BOX-1")).public_key()
    foreign = other.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    place = der.index(key)
    der[place : place + len(key)] = foreign
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()
    assert refused(forged) == authority.UNSIGNED


@pytest.mark.parametrize("csr", ["x", "-----BEGIN CERTIFICATE REQUEST-----", "A" * 1_000_000, "\0", "€", "MAA="])
def test_garbage_is_not(csr):
    assert refused(csr) == authority.UNREADABLE


def test_without_files_there_is_no_authority(settings):
    settings.CHARGER_CA_CERTIFICATE = settings.CHARGER_CA_KEY = ""
    assert authority.current() is None
    assert checks.certificates() == []


def test_files_that_cannot_be_used_stop_the_start(settings, tmp_path):
    ours, others = authorities.make_authority(tmp_path), authorities.make_authority(tmp_path, "Other")
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    pairs = [
        (ours["CHARGER_CA_CERTIFICATE"], ""),
        (ours["CHARGER_CA_CERTIFICATE"], others["CHARGER_CA_KEY"]),
        (str(broken), ours["CHARGER_CA_KEY"]),
        (str(tmp_path / "missing.pem"), ours["CHARGER_CA_KEY"]),
    ]
    for settings.CHARGER_CA_CERTIFICATE, settings.CHARGER_CA_KEY in pairs:
        assert [message.is_serious() for message in checks.certificates()] == [True]


def test_a_chain_longer_than_a_charger_takes_is_told_at_the_start(settings, tmp_path):
    ours = authorities.make_authority(tmp_path)
    between = pem.written(authorities.sign(authorities.stranger(), "Between"))
    chain = tmp_path / "chain.pem"
    chain.write_text(Path(ours["CHARGER_CA_CERTIFICATE"]).read_text() + between * 20)
    settings.CHARGER_CA_CERTIFICATE, settings.CHARGER_CA_KEY = str(chain), ours["CHARGER_CA_KEY"]
    assert "chain" in checks.certificates()[0].msg


def test_an_authority_that_has_run_out_is_told_at_the_start(settings, tmp_path):
    certificate, key = authority.create("Old", years=1, now=timezone.now() - timedelta(days=800))
    for name, content in (("old.pem", certificate), ("old.key", key)):
        (tmp_path / name).write_bytes(content)
    settings.CHARGER_CA_CERTIFICATE, settings.CHARGER_CA_KEY = str(tmp_path / "old.pem"), str(tmp_path / "old.key")
    assert "run out" in checks.certificates()[0].msg


def test_careless_ways_to_keep_the_key_are_warned_of(settings, tmp_path):
    ours = authorities.make_authority(tmp_path)
    settings.CHARGER_CA_CERTIFICATE, settings.CHARGER_CA_KEY = ours["CHARGER_CA_CERTIFICATE"], ours["CHARGER_CA_KEY"]
    settings.DEBUG, settings.TRUSTED_PROXIES = False, []
    assert [message.id for message in checks.certificates()] == ["chargeshare.W012"]
    (tmp_path / "Test authority.key").chmod(0o644)
    assert [message.id for message in checks.certificates()] == ["chargeshare.W011", "chargeshare.W012"]


def test_the_command_makes_an_authority_and_overwrites_none(settings, tmp_path, capsys):
    settings.CHARGER_CA_CERTIFICATE, settings.CHARGER_CA_KEY = str(tmp_path / "ca" / "ca.pem"), str(tmp_path / "ca" / "ca.key")
    call_command("create_charger_ca", name="Our chargers")
    assert "CHARGER_CA_KEY=" in capsys.readouterr().out
    made = authority.current()
    assert made is not None
    assert pem.common_name(made.certificate.subject) == "Our chargers"
    assert (tmp_path / "ca" / "ca.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="already"):
        call_command("create_charger_ca")
    assert authority.current() == made
