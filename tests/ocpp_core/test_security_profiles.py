"""Who comes in by which security profile, and what a proxy is believed about client certificates."""

from urllib.parse import quote

import pytest
from django.utils import timezone

from ocpp_core import authority, certificates, pem, protection
from ocpp_core.models import Certificate, ConnectionAttempt
from stations import charge_points
from stations.models import ChargePoint
from tests import authorities, factories
from tests.ocpp_core.conftest import basic, knock, until

SERVER = {"LIMIT_CHARGER_FAILURES": "50", "TRUSTED_PROXIES": "127.0.0.1"}
Outcome = ConnectionAttempt.Outcome
Profile = ChargePoint.SecurityProfile
TLS = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "198.51.100.7"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """An authority of ours."""
    return authorities.make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def signer(settings, files):
    for name, value in files.items():
        setattr(settings, name, value)
    settings.PUBLIC_URL = "https://charge.example"
    return authority.current()


def of(charge_point, **changes):
    if changes:
        ChargePoint.objects.filter(pk=charge_point.pk).update(**changes)
    charge_point.refresh_from_db()
    return charge_point.security_profile, charge_point.next_security_profile


def issue(charge_point, state=Certificate.State.ACCEPTED):
    certificate = certificates.issue(charge_point, authorities.make_csr(charge_point.identity), now=timezone.now())
    assert certificate is not None
    Certificate.objects.filter(pk=certificate.pk).update(state=state)
    return certificate


def come(served, charge_point, *, certificate=None, password=None, verify="SUCCESS", **headers):
    """Knock as the proxy passes it on; the status."""
    if certificate is not None:
        text = certificate.pem if isinstance(certificate, Certificate) else pem.written(certificate)
        headers |= {"Client_Cert": quote(text, safe=""), "Client_Cert_Verify": verify}
    path = f"/ocpp/{charge_point.identity}"
    return knock(served, path, basic(charge_point.identity, password) if password else None, **headers).status


def refusals(charge_point, outcome):
    return ConnectionAttempt.objects.filter(charge_point=charge_point, outcome=outcome)


def test_a_certificate_opens_and_a_password_alone_does_not(served, charge_point, signer):
    of(charge_point, security_profile=Profile.CERTIFICATE)
    certificate = issue(charge_point, Certificate.State.ISSUED)
    password = factories.CHARGER_PASSWORD

    assert come(served, charge_point, certificate=certificate, **TLS) == 101
    assert come(served, charge_point, certificate=certificate, verify="FAILED:self-signed", **TLS) == 101, (
        "we know it; that it was shown proves the key"
    )
    assert come(served, charge_point, password=password, **TLS) == 401
    assert come(served, charge_point, password=password) == 401
    assert come(served, charge_point, certificate=certificate, X_Forwarded_Proto="http") == 401
    until(lambda: refusals(charge_point, Outcome.NO_CERTIFICATE).exists() and refusals(charge_point, Outcome.INSECURE).exists())
    certificate.refresh_from_db()
    assert certificate.state == Certificate.State.ACCEPTED
    assert certificate.used_at is not None


def test_a_wrong_certificate_is_refused_and_the_owner_sees_why(served, charge_point, owner, signer):
    other = factories.make_charge_point(owner)
    of(charge_point, security_profile=Profile.CERTIFICATE)
    owner.language = "en"
    owner.save()
    wrong = {
        certificates.OTHERS: issue(other),
        certificates.WITHDRAWN: issue(charge_point, Certificate.State.REVOKED),
        certificates.UNKNOWN: authorities.sign(authorities.stranger(), "BOX-FOREIGN"),
    }
    for reason, certificate in wrong.items():
        verify = "FAILED:unable to verify" if reason == certificates.UNKNOWN else "SUCCESS"
        assert come(served, charge_point, certificate=certificate, verify=verify, **TLS) == 401
        hint = str(certificates.REASONS[reason])
        until(refusals(charge_point, Outcome.WRONG_CERTIFICATE).filter(detail=hint).exists)
    for nonsense in ("garbage", "%00%00", ":::::", "A" * 15_000):
        assert knock(served, f"/ocpp/{charge_point.identity}", None, Client_Cert=nonsense, **TLS).status == 401
    assert "Traceback" not in served.said()


def test_one_of_the_maker_opens_where_the_proxy_has_verified_it(served, charge_point, signer):
    of(charge_point, security_profile=Profile.CERTIFICATE)
    makers = authorities.sign(authorities.stranger("Maker"), charge_point.identity)
    assert come(served, charge_point, certificate=makers, verify="FAILED:unable to verify", **TLS) == 401
    assert come(served, charge_point, certificate=makers, verify="success", **TLS) == 401
    assert come(served, charge_point, certificate=makers, **TLS) == 101


def test_chargers_with_a_password_are_not_concerned(served, charge_point, owner, signer):
    certificate, password = issue(charge_point), factories.CHARGER_PASSWORD
    assert come(served, charge_point, password=password, certificate=certificate, **TLS) == 101
    assert come(served, charge_point, password=password) == 101
    assert come(served, charge_point, password="wrong-password", certificate=certificate, **TLS) == 401
    assert come(served, charge_point, certificate=certificate, **TLS) == 401
    of(charge_point, security_profile=Profile.TLS)
    assert come(served, charge_point, password=password, certificate=certificate, **TLS) == 101
    assert come(served, charge_point, password=password) == 401, "without TLS"


def test_a_profile_rises_when_it_is_used_and_never_falls_again(served, charge_point, signer):
    certificate, password = issue(charge_point), factories.CHARGER_PASSWORD
    protection.ask(charge_point, Profile.CERTIFICATE)

    assert come(served, charge_point, password=password) == 101, "it could not reach us the better way yet"
    assert come(served, charge_point, certificate=certificate, X_Forwarded_Proto="http") == 401, "no TLS, no certificate"
    assert of(charge_point) == (Profile.BASIC, Profile.CERTIFICATE)
    assert come(served, charge_point, certificate=certificate, **TLS) == 101
    assert of(charge_point) == (Profile.CERTIFICATE, None)
    assert come(served, charge_point, password=password, **TLS) == 401
    assert come(served, charge_point, certificate=certificate, **TLS) == 101


def test_tls_is_insisted_on_once_it_was_used(served, charge_point, signer):
    protection.ask(charge_point, Profile.TLS)
    password = factories.CHARGER_PASSWORD
    assert come(served, charge_point, password=password) == 101
    assert of(charge_point) == (Profile.BASIC, Profile.TLS)
    assert come(served, charge_point, password="wrong-password", **TLS) == 401
    assert of(charge_point) == (Profile.BASIC, Profile.TLS)
    assert come(served, charge_point, password=password, **TLS) == 101
    assert of(charge_point) == (Profile.TLS, None)
    assert come(served, charge_point, password=password) == 401


def test_a_secret_address_is_over_once_the_password_was_used(served, owner):
    charge_point, _none = charge_points.register(owner=owner, name="Old", latitude=50, longitude=14, password="")
    secret_path = f"/ocpp/{charge_point.path_secret}/{charge_point.identity}"
    password = protection.ask(charge_point, Profile.BASIC)
    assert password is not None
    assert knock(served, secret_path).status == 101
    assert knock(served, secret_path, basic(charge_point.identity, "wrong-password")).status == 101, "the address is still enough"
    assert knock(served, secret_path, basic(charge_point.identity, password)).status == 101
    assert of(charge_point) == (Profile.BASIC, None)
    assert knock(served, secret_path).status == 401
    assert knock(served, secret_path, basic(charge_point.identity, password)).status == 101


def test_the_older_certificate_is_over_once_the_newer_was_used(served, charge_point, signer):
    of(charge_point, security_profile=Profile.CERTIFICATE)
    older, newer = issue(charge_point), issue(charge_point, Certificate.State.ISSUED)
    assert [come(served, charge_point, certificate=one, **TLS) for one in (older, newer, older, newer)] == [101, 101, 401, 101]
