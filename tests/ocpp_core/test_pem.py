"""Certificates out of the texts they come in."""

import base64
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ocpp_core import pem
from tests import authorities

ROOT = authorities.stranger().certificate
DER = ROOT.public_bytes(serialization.Encoding.DER)
PEM = pem.written(ROOT)
CSR = authorities.make_csr("BOX")


@pytest.mark.parametrize(
    "text",
    [CSR, CSR.strip(), CSR.replace("\n", "\r\n"), CSR.replace("\n", "\\n"), CSR.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")],
    ids=["as it should", "no last line end", "carriage returns", "line ends in letters", "new"],
)
def test_a_request_is_read_however_it_is_written(text):
    assert pem.common_name(pem.request(text).subject) == "BOX"


def test_a_request_is_read_without_its_armour():
    assert pem.request("".join(CSR.splitlines()[1:-1])) == pem.request(CSR)


@pytest.mark.parametrize(
    "header", [f":{base64.b64encode(DER).decode()}:", quote(PEM, safe=""), quote(PEM + PEM), base64.b64encode(DER).decode()]
)
def test_a_proxy_may_write_the_certificate_in_either_way(header):
    assert pem.presented(header) == ROOT


@pytest.mark.parametrize("text", ["", ":", "::", "garbage", "-----BEGIN CERTIFICATE-----", ":AAAA:", "%00", "A" * 20_000, PEM * 30, CSR])
def test_what_is_no_certificate_is_unreadable_and_nothing_worse(text):
    with pytest.raises(pem.Unreadable):
        pem.presented(text)


@given(st.binary(max_size=400), st.integers(0, len(DER) - 1))
def test_no_bytes_do_worse_than_not_being_read(noise, place):
    broken = DER[:place] + noise + DER[place + len(noise) :]
    for read in (pem.presented, pem.request, pem.certificate):
        try:
            found = read(base64.b64encode(broken).decode())
            pem.common_name(found.subject)
        except pem.FAULTS:
            continue


def test_two_names_are_none():
    name = [x509.NameAttribute(NameOID.COMMON_NAME, "BOX-1"), x509.NameAttribute(NameOID.COMMON_NAME, "BOX-2")]
    assert pem.common_name(x509.Name(name)) == ""


def test_a_root_is_known_by_the_hashes_of_the_standard():
    """The hash of the issuer's key is the one of its bare bits, as OCSP has it: SHA-1 of the same is the key identifier."""
    data = pem.hash_data(ROOT, "SHA384")
    assert set(data) == {"hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber"}
    assert len(data["issuerNameHash"]) == len(data["issuerKeyHash"]) == 96
    assert int(data["serialNumber"], 16) == ROOT.serial_number
    identifier = ROOT.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert x509.SubjectKeyIdentifier.from_public_key(ROOT.public_key()) == identifier
