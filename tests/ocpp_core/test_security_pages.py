"""The owner's page of security and what programs see of it: everything shown, every button, and nobody else's business."""

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Notification
from ocpp_core import authority, certificates, installed_certificates, pem, protection, security_events
from ocpp_core.models import Certificate, InstalledCertificate
from stations import charge_points
from stations.models import ChargePoint, Command
from tests import authorities
from tests.stations.acting import go_online

Profile = ChargePoint.SecurityProfile
HOSTILE = "<img src=x onerror=alert(1)>"
pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def signer(settings, tmp_path):
    for name, value in authorities.make_authority(tmp_path).items():
        setattr(settings, name, value)
    settings.PUBLIC_URL = "https://charge.example"
    return authority.current()


@pytest.fixture
def root(settings, tmp_path):
    found = authorities.stranger("Root of the server").certificate
    (tmp_path / "root.pem").write_text(pem.written(found))
    settings.SERVER_ROOT_CERTIFICATE = str(tmp_path / "root.pem")
    return found


def page_of(client, charge_point, **query):
    answer = client.get(reverse("ocpp_core:security", args=[charge_point.code]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def press(client, charge_point, deed, **fields):
    return client.post(reverse("ocpp_core:security_ask", args=[charge_point.code]), {"deed": deed, **fields})


def asked(charge_point):
    return [(command.action, command.payload) for command in Command.objects.filter(charge_point=charge_point).order_by("pk")]


def issue(charge_point, state=Certificate.State.ACCEPTED):
    certificate = certificates.issue(charge_point, authorities.make_csr(charge_point.identity), now=timezone.now())
    assert certificate is not None
    Certificate.objects.filter(pk=certificate.pk).update(state=state)
    Command.objects.all().delete()
    return certificate


def installed(charge_point, subject="Root"):
    return InstalledCertificate.objects.create(
        charge_point=charge_point,
        use=installed_certificates.CENTRAL_SYSTEM,
        hash_algorithm="SHA256",
        issuer_name_hash="aa",
        issuer_key_hash="bb",
        serial_number="cc",
        subject=subject,
        seen_at=timezone.now(),
    )


def keep(charge_point, kind, tech_info=""):
    now = timezone.now()
    return security_events.keep(charge_point, kind, tech_info, at=now, received_at=now)


# The page


def test_the_page_opens_with_nothing_and_with_everything(client, charge_point, signer, root, owner):
    assert "badge--green" in page_of(client, charge_point)
    issue(charge_point)
    installed(charge_point, HOSTILE)
    keep(charge_point, "TamperDetectionActivated", HOSTILE)
    for number in range(30):
        keep(
            charge_point,
            ["InvalidMessages", "InvalidTLSVersion", "ResetOrReboot", "AttemptedReplayAttacks", HOSTILE][number % 5],
            str(number),
        )
    text = page_of(client, charge_point)
    assert "<img" not in text
    assert "pagination" in page_of(client, charge_point, page="2")
    assert Notification.objects.filter(user=owner, kind=Notification.Kind.CHARGER_ALERT).count() == 2


def test_a_charger_without_a_password_is_marked(client, owner):
    charge_point, _none = charge_points.register(owner=owner, name="Old", latitude=50, longitude=14, password="")
    assert "note--red" in page_of(client, charge_point)


def test_raising_leaving_and_lowering(client, charge_point, signer):
    go_online(charge_point)
    assert 'value="3"' not in page_of(client, charge_point), "not before it has a certificate"
    press(client, charge_point, "raise", profile="2")
    assert asked(charge_point) == [("ChangeConfiguration", {"key": "SecurityProfile", "value": "2"})]
    charge_point.refresh_from_db()
    assert (charge_point.security_profile, charge_point.next_security_profile) == (1, 2)
    assert 'value="forget"' in page_of(client, charge_point)
    press(client, charge_point, "forget")
    charge_point.refresh_from_db()
    assert charge_point.next_security_profile is None

    issue(charge_point)
    assert 'value="3"' in page_of(client, charge_point)
    press(client, charge_point, "raise", profile="3")
    charge_point.refresh_from_db()
    protection.risen(charge_point)
    assert 'value="lower"' in page_of(client, charge_point)
    press(client, charge_point, "lower", profile="2")
    charge_point.refresh_from_db()
    assert charge_point.security_profile == Profile.TLS


def test_a_password_that_was_made_is_shown_once(client, owner):
    charge_point, _none = charge_points.register(owner=owner, name="Old", latitude=50, longitude=14, password="")
    answer = press(client, charge_point, "raise", profile="1")
    assert answer.url == reverse("ocpp_core:connection", args=[charge_point.code])
    assert 'id="copy-password"' in client.get(answer.url).content.decode()
    assert 'id="copy-password"' not in client.get(answer.url).content.decode()


def test_the_page_of_the_connection_speaks_of_no_password_where_there_is_none(client, charge_point):
    ChargePoint.objects.filter(pk=charge_point.pk).update(security_profile=Profile.CERTIFICATE)
    text = client.get(reverse("ocpp_core:connection", args=[charge_point.code])).content.decode()
    assert reverse("stations:owner_new_password", args=[charge_point.code]) not in text


@pytest.mark.parametrize("fields", [{"profile": "0"}, {"profile": "1"}, {"profile": "9"}, {"profile": "x"}, {}])
def test_nonsense_raises_nothing(client, charge_point, fields):
    assert press(client, charge_point, "raise", **fields).status_code == 302
    assert press(client, charge_point, "lower", **fields).status_code == 302
    charge_point.refresh_from_db()
    assert (charge_point.security_profile, charge_point.next_security_profile) == (1, None)
    assert not asked(charge_point)


def test_certificates_are_asked_for_listed_installed_deleted_and_withdrawn(client, charge_point, signer, root):
    go_online(charge_point)
    certificate, held = issue(charge_point), installed(charge_point)
    press(client, charge_point, "renew")
    press(client, charge_point, "list")
    press(client, charge_point, "install")
    press(client, charge_point, "delete", certificate=held.pk)
    assert asked(charge_point) == [
        ("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}),
        ("GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"}),
        ("GetInstalledCertificateIds", {"certificateType": "ManufacturerRootCertificate"}),
        ("InstallCertificate", {"certificateType": "CentralSystemRootCertificate", "certificate": pem.written(root)}),
        (
            "DeleteCertificate",
            {"certificateHashData": {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "cc"}},
        ),
    ]
    press(client, charge_point, "revoke", certificate=certificate.pk)
    certificate.refresh_from_db()
    assert certificate.state == Certificate.State.REVOKED


def test_a_charger_that_is_away_is_asked_nothing(client, charge_point, signer, root):
    for deed in ("renew", "list", "install"):
        assert press(client, charge_point, deed).status_code == 302
    assert not asked(charge_point)
    press(client, charge_point, "raise", profile="2")
    charge_point.refresh_from_db()
    assert charge_point.next_security_profile == Profile.TLS, "it can be set by hand"


def test_what_this_site_cannot_do_is_told_and_not_offered(client, charge_point):
    go_online(charge_point)
    text = page_of(client, charge_point)
    for deed in ("renew", "install"):
        assert f'value="{deed}"' not in text
        assert press(client, charge_point, deed).status_code == 302
    assert press(client, charge_point, "explode").status_code == 404
    assert press(client, charge_point, "delete", certificate="1").status_code == 404
    assert press(client, charge_point, "revoke", certificate="1").status_code == 404
    assert not asked(charge_point)


def test_the_page_is_nobody_elses(client, charge_point, stranger, staff, signer):
    certificate = issue(charge_point)
    client.force_login(stranger)
    assert client.get(reverse("ocpp_core:security", args=[charge_point.code])).status_code == 404
    for deed in ("raise", "lower", "revoke", "list"):
        assert press(client, charge_point, deed, profile="2", certificate=certificate.pk).status_code == 404
    client.logout()
    assert client.get(reverse("ocpp_core:security", args=[charge_point.code])).status_code == 302
    client.force_login(staff)
    page_of(client, charge_point)
    certificate.refresh_from_db()
    assert certificate.state == Certificate.State.ACCEPTED


def test_one_owners_certificate_is_not_withdrawn_through_another_charger(client, charge_point, stranger, signer):
    from tests import factories  # noqa: PLC0415

    go_online(charge_point)
    others = factories.make_charge_point(stranger)
    certificate, held = issue(others), installed(others)
    assert press(client, charge_point, "revoke", certificate=certificate.pk).status_code == 404
    assert press(client, charge_point, "delete", certificate=held.pk).status_code == 404
    api = APIClient()
    api.force_authenticate(charge_point.owner)
    assert api.post(f"/api/v1/charge-points/{charge_point.code}/certificates/{certificate.pk}/revoke/").status_code == 404
    assert not asked(charge_point)


# The API


@pytest.fixture
def url(charge_point):
    return f"/api/v1/charge-points/{charge_point.code}/"


@pytest.fixture
def api(owner):
    api = APIClient()
    api.force_authenticate(owner)
    return api


def test_programs_read_events_and_certificates(api, url, charge_point, signer):
    certificate = issue(charge_point)
    keep(charge_point, "TamperDetectionActivated", "cover")
    installed(charge_point)

    (event,) = api.get(f"{url}security-events/").json()["results"]
    assert set(event) == {"id", "type", "text", "tech_info", "at", "received_at", "is_critical", "times"}
    assert (event["type"], event["is_critical"], event["times"], event["tech_info"]) == ("TamperDetectionActivated", True, 1, "cover")
    (ours,) = api.get(f"{url}certificates/").json()["results"]
    assert (ours["serial"], ours["state"]) == (certificate.serial, "accepted")
    assert "PRIVATE" not in str(ours)
    (held,) = api.get(f"{url}installed-certificates/").json()["results"]
    assert held["serial_number"] == "cc"


def test_programs_raise_and_withdraw(api, url, charge_point, signer):
    certificate = issue(charge_point)
    answer = api.post(f"{url}security-profile/", {"security_profile": 3}, format="json")
    assert (answer.status_code, answer.json()) == (202, {"security_profile": 1, "next_security_profile": 3, "password": None})
    assert api.get(f"{url}security-profile/").json() == {"security_profile": 1, "next_security_profile": 3}
    for nonsense in (0, 4, -1, "x", None, 1):
        assert api.post(f"{url}security-profile/", {"security_profile": nonsense}, format="json").status_code == 400
    answer = api.post(f"{url}certificates/{certificate.pk}/revoke/")
    assert (answer.status_code, answer.json()["state"]) == (200, "revoked")
    assert api.post(f"{url}certificates/{2**63}/revoke/").status_code == 404
    assert api.post(f"{url}security-profile/", {"security_profile": 2}, format="json").status_code == 202


def test_to_everybody_else_it_does_not_exist(url, stranger, staff):
    api = APIClient()
    paths = ["security-events/", "certificates/", "installed-certificates/", "security-profile/"]
    assert {api.get(url + path).status_code for path in paths} == {401}
    api.force_authenticate(stranger)
    assert {api.get(url + path).status_code for path in paths} == {404}
    assert api.post(f"{url}security-profile/", {"security_profile": 2}, format="json").status_code == 404
    assert api.post(f"{url}certificates/1/revoke/").status_code == 404
    api.force_authenticate(staff)
    assert {api.get(url + path).status_code for path in paths} == {200}
