"""Security profiles: raised, never lowered by the charger."""

import pytest
from django.utils import timezone

from chargeshare.errors import Invalid
from ocpp_core import answers, authority, certificates, protection
from ocpp_core.models import Certificate
from stations import charge_points
from stations.models import ChargePoint, Command
from tests import authorities

Profile = ChargePoint.SecurityProfile
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _tls(settings):
    settings.PUBLIC_URL = "https://charge.example"


@pytest.fixture
def signer(settings, tmp_path):
    for name, value in authorities.make_authority(tmp_path).items():
        setattr(settings, name, value)
    return authority.current()


def of(charge_point):
    charge_point.refresh_from_db()
    return charge_point.security_profile, charge_point.next_security_profile


def sent(charge_point):
    asked = Command.objects.filter(charge_point=charge_point, action="ChangeConfiguration").order_by("pk")
    return [(payload["key"], payload["value"]) for payload in asked.values_list("payload", flat=True)]


def test_raising_asks_the_charger_and_waits_for_it(charge_point, owner):
    assert protection.ask(charge_point, Profile.TLS, asked_by=owner) is None
    assert of(charge_point) == (Profile.BASIC, Profile.TLS)
    assert sent(charge_point) == [("SecurityProfile", "2")]
    protection.risen(charge_point)
    assert of(charge_point) == (Profile.TLS, None)


def test_a_charger_without_a_password_is_given_one(owner):
    charge_point, _none = charge_points.register(owner=owner, name="Old", latitude=50, longitude=14, password="")
    password = protection.ask(charge_point, Profile.BASIC)
    assert password is not None
    assert charge_points.password_matches(charge_point, password.encode())
    assert [key for key, _value in sent(charge_point)] == ["AuthorizationKey", "SecurityProfile"]
    assert of(charge_point) == (Profile.NONE, Profile.BASIC)
    assert charge_point.path_secret, "the secret works until the password was used"
    protection.risen(charge_point)
    assert of(charge_point) == (Profile.BASIC, None)
    assert charge_point.path_secret == ""


def test_a_certificate_comes_before_the_profile_that_needs_it(charge_point, signer):
    with pytest.raises(protection.NoCertificate):
        protection.ask(charge_point, Profile.CERTIFICATE)
    certificates.issue(charge_point, authorities.make_csr(charge_point.identity), now=timezone.now())
    Certificate.objects.update(state=Certificate.State.ACCEPTED)
    protection.ask(charge_point, Profile.CERTIFICATE)
    assert of(charge_point) == (Profile.BASIC, Profile.CERTIFICATE)
    assert sent(charge_point)[-1:] == [("SecurityProfile", "3")]
    protection.forget_rise(charge_point)
    assert of(charge_point) == (Profile.BASIC, None)


@pytest.mark.parametrize("profile", [-1, 0, 1, 4, 99])
def test_nothing_is_raised_to_what_is_no_rise(charge_point, profile):
    with pytest.raises(Invalid):
        protection.ask(charge_point, profile)
    assert not Command.objects.exists()


def test_where_there_is_no_tls_nobody_can_insist_on_it(charge_point, settings):
    settings.PUBLIC_URL = "http://charge.example"
    with pytest.raises(protection.NoTls):
        protection.ask(charge_point, Profile.TLS)


@pytest.mark.parametrize(
    ("value", "status", "awaited"),
    [
        ("2", "Accepted", 2),
        ("3", "RebootRequired", 3),
        ("2", "Rejected", None),
        ("1", "Accepted", None),
        ("0", "Accepted", None),
        ("²", "Accepted", None),
        ("9", "Accepted", None),
    ],
)
def test_whoever_sets_the_key_a_higher_profile_is_awaited_and_a_lower_one_changes_nothing(charge_point, value, status, awaited):
    answers.learn(charge_point.pk, "ChangeConfiguration", {"key": "SecurityProfile", "value": value}, {"status": status})
    assert of(charge_point) == (Profile.BASIC, awaited)


def test_only_the_owner_lowers_and_never_to_no_password(charge_point):
    charge_point.security_profile = Profile.CERTIFICATE
    charge_point.password_digest = ""
    charge_point.save()
    for profile in (Profile.NONE, Profile.CERTIFICATE, 7):
        with pytest.raises(Invalid):
            protection.lower(charge_point, profile)
    password = protection.lower(charge_point, Profile.TLS)
    assert password is not None
    assert charge_points.password_matches(charge_point, password.encode())
    assert of(charge_point) == (Profile.TLS, None)
    assert protection.lower(charge_point, Profile.BASIC) is None
    assert not Command.objects.exists(), "nothing is sent to the charger"
