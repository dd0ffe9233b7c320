"""The certificates of the simulated wallbox, and what it reports of its security."""

import pytest
from django.utils import timezone

from ocpp_core import authority, pem
from tests import authorities
from tests.paper_central import scenario

USE = "CentralSystemRootCertificate"
SIGNER = authorities.stranger()
ROOT = pem.written(SIGNER.certificate)


def signed(csr, identity):
    return SIGNER.chain(SIGNER.sign(authority.check(csr, identity), now=timezone.now()))


def test_it_asks_for_a_certificate_and_takes_the_one_for_its_key():
    async def story(central, box):
        answer = await central.ask("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
        assert answer == {"status": "Accepted"}
        await box.idle()
        (request,) = central.said("SignCertificate")
        chain = signed(request["csr"], box.identity)
        assert await central.ask("CertificateSigned", {"certificateChain": chain}) == {"status": "Accepted"}
        assert box.certificates.chain == chain
        assert pem.certificate(chain).public_key() == box.certificates.key.public_key()
        assert not central.said("SecurityEventNotification")

    scenario(story)


@pytest.mark.parametrize("kind", ["garbage", "another key", "another name"])
def test_it_takes_no_other_and_says_so(kind):
    async def story(central, box):
        csr = box.certificates.request()
        chain = {
            "garbage": "garbage",
            "another key": signed(authorities.make_csr(box.identity), box.identity),
            "another name": pem.written(authorities.sign(SIGNER, "SOMEBODY-ELSE", key=box.certificates._next_key)),
        }[kind]
        assert csr
        assert await central.ask("CertificateSigned", {"certificateChain": chain}) == {"status": "Rejected"}
        await box.idle()
        assert [event["type"] for event in central.said("SecurityEventNotification")] == ["InvalidChargePointCertificate"]
        assert box.certificates.chain == ""

    scenario(story)


def test_it_holds_roots():
    async def story(central, box):
        install = {"certificateType": USE, "certificate": ROOT}
        assert await central.ask("GetInstalledCertificateIds", {"certificateType": USE}) == {"status": "NotFound"}
        for _time in range(2):
            assert await central.ask("InstallCertificate", install) == {"status": "Accepted"}
        assert await central.ask("InstallCertificate", {**install, "certificate": "garbage"}) == {"status": "Rejected"}
        told = await central.ask("GetInstalledCertificateIds", {"certificateType": USE})
        assert told == {"status": "Accepted", "certificateHashData": [pem.hash_data(SIGNER.certificate)]}
        doomed = {"certificateHashData": told["certificateHashData"][0]}
        assert await central.ask("DeleteCertificate", doomed) == {"status": "Accepted"}
        assert await central.ask("DeleteCertificate", doomed) == {"status": "NotFound"}
        for number in range(11):
            root = pem.written(authorities.stranger(f"Root {number}").certificate)
            status = (await central.ask("InstallCertificate", {**install, "certificate": root}))["status"]
            assert status == ("Accepted" if number < 10 else "Failed")

    scenario(story)


def test_its_security_profile_only_rises_and_it_comes_back_that_way():
    async def story(central, box):
        box.password = "secret-secret"
        for value, status in (
            ("1", "Rejected"),
            ("0", "Rejected"),
            ("4", "Rejected"),
            ("x", "Rejected"),
            ("3", "Accepted"),
            ("2", "Rejected"),
        ):
            answer = await central.ask("ChangeConfiguration", {"key": "SecurityProfile", "value": value})
            assert answer == {"status": status}, value
            await box.idle()
        assert [event["type"] for event in central.said("SecurityEventNotification")] == ["ReconfigurationOfSecurityParameters"]
        assert len(central.said("BootNotification")) == 2
        assert central.passwords[-1] is None, "who has a certificate sends no password"

    scenario(story)
