"""Client certificates of chargers: issued, shown, replaced, withdrawn; and the roots a charger holds."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from accounts.models import Notification
from chargeshare import housekeeping
from ocpp_core import answers, authority, certificates, installed_certificates, pem
from ocpp_core.models import Certificate, InstalledCertificate
from stations.models import ChargePoint, Command
from tests import authorities, factories

State = Certificate.State
pytestmark = pytest.mark.django_db


@pytest.fixture
def signer(settings, tmp_path):
    for name, value in authorities.make_authority(tmp_path).items():
        setattr(settings, name, value)
    return authority.current()


@pytest.fixture
def online(charge_point):
    """`charge_point` with an open socket."""
    now = timezone.now()
    ChargePoint.objects.filter(pk=charge_point.pk).update(connection="00000000-0000-4000-8000-000000000001", last_seen_at=now)
    charge_point.refresh_from_db()
    return charge_point


def issue(charge_point, **state):
    certificate = certificates.issue(charge_point, authorities.make_csr(charge_point.identity), now=timezone.now())
    assert certificate is not None
    Certificate.objects.filter(pk=certificate.pk).update(**state)
    certificate.refresh_from_db()
    return certificate


def judged(charge_point, shown, *, is_verified=False):
    text = quote(shown.pem if isinstance(shown, Certificate) else pem.written(shown))
    return certificates.judge(charge_point, text, is_verified=is_verified, now=timezone.now()).reason


def test_a_request_is_signed_and_what_was_signed_is_sent_later(online, signer):
    certificate = issue(online)

    command = Command.objects.get(charge_point=online)
    assert (command.action, command.status, command.source) == ("CertificateSigned", Command.Status.PENDING, Command.Source.SETUP)
    assert command.not_before is not None
    assert command.not_before > timezone.now() - timedelta(seconds=1)
    sent = pem.certificate(command.payload["certificateChain"])
    assert pem.fingerprint(sent) == certificate.fingerprint
    assert (certificate.state, certificate.subject) == (State.ISSUED, online.identity)
    assert int(certificate.serial, 16) == sent.serial_number
    assert "PRIVATE" not in certificate.pem


def test_nobody_signs_without_an_authority_or_with_a_broken_one(online, settings, tmp_path):
    settings.CHARGER_CA_CERTIFICATE = settings.CHARGER_CA_KEY = ""
    csr = authorities.make_csr(online.identity)
    assert certificates.issue(online, csr, now=timezone.now()) is None
    settings.CHARGER_CA_CERTIFICATE = settings.CHARGER_CA_KEY = str(tmp_path / "missing")
    assert certificates.issue(online, csr, now=timezone.now()) is None
    assert not Certificate.objects.exists()


def test_five_in_an_hour_are_enough(online, signer):
    for _time in range(certificates.MOST_IN_AN_HOUR):
        issue(online)
    with pytest.raises(authority.Refused) as refusal:
        issue(online)
    assert refusal.value.word == certificates.TOO_OFTEN
    Certificate.objects.update(created_at=timezone.now() - timedelta(hours=2))
    issue(online)


@pytest.mark.parametrize(("status", "state"), [("Accepted", State.ACCEPTED), ("Rejected", State.REJECTED), (None, State.REJECTED)])
def test_what_the_charger_says_to_it_is_kept(online, signer, status, state):
    certificate = issue(online)
    payload = {"certificateChain": Command.objects.get().payload["certificateChain"]}
    answers.learn(online.pk, "CertificateSigned", payload, {"status": status})
    answers.learn(online.pk, "CertificateSigned", {"certificateChain": "garbage"}, {"status": "Accepted"})
    certificate.refresh_from_db()
    assert certificate.state == state


def test_a_certificate_opens_for_its_own_charger_alone(online, owner, signer):
    other = factories.make_charge_point(owner)
    certificate = issue(online)
    assert judged(online, certificate) is None
    assert judged(other, certificate) == certificates.OTHERS


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": State.REVOKED}, certificates.WITHDRAWN),
        ({"state": State.REJECTED}, certificates.WITHDRAWN),
        ({"state": State.REPLACED}, certificates.REPLACED),
        ({"not_after": timezone.now() - timedelta(seconds=1)}, certificates.EXPIRED),
        ({"not_before": timezone.now() + timedelta(days=1)}, certificates.EXPIRED),
    ],
)
def test_a_certificate_that_is_over_opens_nothing(online, signer, change, reason):
    assert judged(online, issue(online, **change), is_verified=True) == reason


def test_one_of_our_authority_that_we_do_not_know_is_a_forgery(online, signer):
    """Not even the proxy's word helps: who retired a charger may still hold a certificate in its name."""
    forged = authorities.sign(signer, online.identity)
    assert judged(online, forged, is_verified=True) == certificates.UNKNOWN


def test_one_of_another_authority_needs_the_word_of_the_proxy_and_the_name(online, signer):
    maker = authorities.stranger()
    good = authorities.sign(maker, online.identity.lower())
    assert judged(online, good, is_verified=True) is None
    assert judged(online, good) == certificates.UNKNOWN
    assert judged(online, authorities.sign(maker, "BOX-OTHER"), is_verified=True) == certificates.OTHER_NAME
    assert judged(online, authorities.sign(maker, online.identity, valid_days=-1), is_verified=True) == certificates.EXPIRED


@pytest.mark.parametrize("header", ["x", ":", "%%%", "-----BEGIN CERTIFICATE-----", "A" * 30_000])
def test_garbage_for_a_certificate_is_told_so(online, header):
    assert certificates.judge(online, header, is_verified=True, now=timezone.now()).reason == certificates.UNREADABLE


def test_the_older_one_is_over_once_the_newer_is_used(online, signer):
    older, newer = issue(online), issue(online)
    for certificate in (older, older, newer):
        assert judged(online, certificate) is None
        certificates.used(certificate, now=timezone.now())
    assert judged(online, older) == certificates.REPLACED
    assert judged(online, newer) is None


def test_a_withdrawn_one_is_withdrawn_once(online, signer):
    certificate = certificates.revoke(issue(online))
    assert certificate.state == State.REVOKED
    first = certificate.revoked_at
    assert certificates.revoke(certificate).revoked_at == first
    assert judged(online, certificate) == certificates.WITHDRAWN


def test_who_must_renew_is_told_once_and_the_charger_is_asked(online, owner, signer):
    soon = issue(online, state=State.ACCEPTED, not_after=timezone.now() + timedelta(days=20))
    issue(factories.make_charge_point(owner), state=State.ACCEPTED)
    assert [certificates.renew_expiring(now=timezone.now()) for _pass in range(2)] == [1, 0]
    told = Notification.objects.get(user=owner, kind=Notification.Kind.CHARGER_ALERT)
    assert told.context["place"] == online.name
    asked = Command.objects.get(charge_point=online, action="ExtendedTriggerMessage")
    assert asked.payload == {"requestedMessage": "SignChargePointCertificate"}
    assert soon.expires_soon


def test_one_that_has_a_successor_needs_no_renewal(online, owner, signer):
    issue(online, state=State.ACCEPTED, not_after=timezone.now() + timedelta(days=20))
    issue(online)
    certificates.renew_expiring(now=timezone.now())
    assert not Notification.objects.filter(kind=Notification.Kind.CHARGER_ALERT).exists()


def test_certificates_are_forgotten_a_year_after_they_have_run_out(online, signer):
    """Until then one that was withdrawn must stay known, or it would be a stranger's."""
    now = timezone.now()
    for days in (-100, 1, 360, 370):
        issue(online, not_after=now - timedelta(days=days), state=State.REVOKED)
    housekeeping.forget_old(now=now)
    assert Certificate.objects.count() == 3


# The roots in the box

USE = installed_certificates.CENTRAL_SYSTEM
ROOT = pem.written(authorities.stranger().certificate)


def test_what_a_charger_is_given_and_tells_of_its_roots_is_kept(charge_point):
    root = authorities.stranger("Root").certificate
    known = pem.hash_data(root)
    answers.learn(charge_point.pk, "InstallCertificate", {"certificateType": USE, "certificate": pem.written(root)}, {"status": "Accepted"})
    kept = InstalledCertificate.objects.get()
    assert (kept.use, kept.subject, installed_certificates.hash_data(kept)) == (USE, "Root", known)

    shouted = {name: value if name == "hashAlgorithm" else value.upper() for name, value in known.items()}
    other = {**known, "serialNumber": "ab12"}
    told = {"status": "Accepted", "certificateHashData": [shouted, other, {}, 5, {**known, "serialNumber": "<script>"}]}
    answers.learn(charge_point.pk, "GetInstalledCertificateIds", {"certificateType": USE}, told)
    kept.refresh_from_db()
    assert kept.subject == "Root", "the same, however it is spelt"
    assert installed_certificates.hash_data(kept) == shouted, "and spelt to the charger as it does"
    assert InstalledCertificate.objects.count() == 2

    answers.learn(charge_point.pk, "DeleteCertificate", {"certificateHashData": known}, {"status": "Accepted"})
    assert InstalledCertificate.objects.get().serial_number == "ab12"
    answers.learn(charge_point.pk, "GetInstalledCertificateIds", {"certificateType": USE}, {"status": "NotFound"})
    assert not InstalledCertificate.objects.exists()


@pytest.mark.parametrize(
    ("action", "payload", "response"),
    [
        (
            "InstallCertificate",
            {"certificateType": USE, "certificate": pem.written(authorities.stranger().certificate)},
            {"status": "Rejected"},
        ),
        ("InstallCertificate", {"certificateType": USE, "certificate": "garbage"}, {"status": "Accepted"}),
        ("GetInstalledCertificateIds", {"certificateType": USE}, {"status": "Accepted", "certificateHashData": "many"}),
        ("GetInstalledCertificateIds", {"certificateType": USE}, {}),
        ("DeleteCertificate", {"certificateHashData": 5}, {"status": "Accepted"}),
    ],
)
def test_answers_that_teach_nothing_do_no_harm(charge_point, action, payload, response):
    answers.learn(charge_point.pk, action, payload, response)
    assert not InstalledCertificate.objects.exists()


def test_a_long_list_is_cut(charge_point):
    entries = [{"hashAlgorithm": "SHA256", "issuerNameHash": "a1", "issuerKeyHash": "b2", "serialNumber": f"{n:x}"} for n in range(1000)]
    answers.learn(
        charge_point.pk, "GetInstalledCertificateIds", {"certificateType": USE}, {"status": "Accepted", "certificateHashData": entries}
    )
    assert InstalledCertificate.objects.count() == installed_certificates.MOST
