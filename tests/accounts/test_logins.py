"""Who is let in, who tried too often, and chains of tokens."""

import threading
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value, yield_hotp_counters_from_time
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework_simplejwt.tokens import AccessToken

from accounts import addresses, logins
from accounts.models import LoginFailure, TokenChain, User
from tests import factories


def holder(access: str) -> User | None:
    return logins.user_of(AccessToken(access))  # type: ignore[arg-type]


def test_only_failures_count(driver: User, settings: Settings) -> None:
    settings.LIMIT_LOGIN_FAILURES = 3
    for _ in range(50):
        logins.check_failures(driver.email, "192.0.2.1")
    for _ in range(3):
        logins.check_failures(driver.email, "192.0.2.1")
        logins.record_failure(driver.email, "192.0.2.1")

    with pytest.raises(logins.TooManyFailures):
        logins.check_failures(driver.email.upper() + " ", "198.51.100.7")
    logins.check_failures("somebody@else.example", "192.0.2.1")


def test_an_address_may_fail_ten_times_as_often(db: None, settings: Settings) -> None:
    settings.LIMIT_LOGIN_FAILURES = 3
    for number in range(30):
        logins.record_failure(f"guess{number}@example.com", "2001:db8:1:2::1")

    with pytest.raises(logins.TooManyFailures):
        logins.check_failures("another@example.com", "2001:db8:1:2:ffff::9")  # the same home, another address of its /64
    logins.check_failures("another@example.com", "2001:db8:1:3::1")


def test_failures_are_forgiven_and_forgotten(driver: User, settings: Settings) -> None:
    settings.LIMIT_LOGIN_FAILURES = 1
    logins.record_failure(driver.email, "192.0.2.1")
    logins.forgive(driver.email)
    logins.check_failures(driver.email, "192.0.2.1")

    logins.record_failure(driver.email, "192.0.2.1")
    LoginFailure.objects.update(at=timezone.now() - logins.WINDOW - timedelta(seconds=1))
    logins.check_failures(driver.email, "192.0.2.1")
    assert logins.prune(now=timezone.now()) == 3
    assert not LoginFailure.objects.exists()


def test_a_chain_goes_on_link_by_link(driver: User) -> None:
    access, refresh = logins.begin_chain(driver)
    assert holder(access) == driver

    for _ in range(3):
        access, refresh = logins.renew(refresh)
        assert holder(access) == driver
    assert TokenChain.objects.count() == 1


def test_a_refresh_token_used_twice_ends_the_whole_chain(driver: User) -> None:
    _access, first = logins.begin_chain(driver)
    access, second = logins.renew(first)

    with pytest.raises(logins.TokenRefused):
        logins.renew(first)
    with pytest.raises(logins.TokenRefused):
        logins.renew(second)
    assert holder(access) is None


def test_another_log_in_does_not_suffer(driver: User) -> None:
    _access, first = logins.begin_chain(driver)
    phone, phone_refresh = logins.begin_chain(driver)
    logins.renew(first)
    with pytest.raises(logins.TokenRefused):
        logins.renew(first)

    assert holder(phone) == driver
    logins.renew(phone_refresh)


def test_logging_out_ends_access_at_once(driver: User) -> None:
    access, refresh = logins.begin_chain(driver)
    logins.end_chain(refresh)

    assert holder(access) is None
    with pytest.raises(logins.TokenRefused):
        logins.renew(refresh)


def test_a_new_password_ends_every_chain(driver: User) -> None:
    access, refresh = logins.begin_chain(driver)
    driver.set_password("another-horse-battery")
    driver.save()

    assert holder(access) is None
    with pytest.raises(logins.TokenRefused):
        logins.renew(refresh)


def test_an_account_that_is_not_active_opens_nothing(driver: User) -> None:
    access, refresh = logins.begin_chain(driver)
    User.objects.update(is_active=False)

    assert holder(access) is None
    with pytest.raises(logins.TokenRefused):
        logins.renew(refresh)


@pytest.mark.parametrize("said", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9."])
def test_what_is_no_token_is_refused(db: None, said: str) -> None:
    with pytest.raises(logins.TokenRefused):
        logins.renew(said)


def test_an_access_token_buys_nothing(driver: User) -> None:
    access, _refresh = logins.begin_chain(driver)
    with pytest.raises(logins.TokenRefused):
        logins.renew(access)


def test_the_key_of_tokens_is_not_the_secret_key(settings: Settings) -> None:
    assert settings.SIMPLE_JWT["SIGNING_KEY"] != settings.SECRET_KEY
    assert settings.SECRET_KEY not in settings.SIMPLE_JWT["SIGNING_KEY"]


@pytest.mark.django_db(transaction=True)
def test_one_refresh_token_in_two_hands_at_once() -> None:
    """At most one of them gets a pair, and that pair is worth nothing once the other has come."""
    user = factories.make_user("Tereza")
    _access, refresh = logins.begin_chain(user)
    barrier = threading.Barrier(4)
    pairs: list[tuple[str, str]] = []

    def use() -> None:
        barrier.wait()
        try:
            pairs.append(logins.renew(refresh))
        except logins.TokenRefused:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(pairs) == 1
    assert holder(pairs[0][0]) is None


def test_second_factor(driver: User) -> None:
    logins.check_second_factor(driver, "")
    secret = generate_totp_secret()
    TOTP.activate(driver, secret)
    recovery = RecoveryCodes.activate(driver).generate_codes()[0]
    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))

    with pytest.raises(logins.SecondFactorMissing) as missing:
        logins.check_second_factor(driver, " ")
    assert missing.value.status == 403
    with pytest.raises(logins.WrongCode):
        logins.check_second_factor(driver, "000000")
    logins.check_second_factor(driver, code)
    with pytest.raises(logins.WrongCode):
        logins.check_second_factor(driver, code)  # a code counts once
    logins.check_second_factor(driver, recovery)
    with pytest.raises(logins.WrongCode):
        logins.check_second_factor(driver, recovery)
    assert Authenticator.objects.get(type=Authenticator.Type.TOTP).last_used_at is not None


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("192.0.2.9", "", "192.0.2.9"),
        ("192.0.2.9", "1.1.1.1", "192.0.2.9"),  # nobody we trust: the header is her own word
        ("10.0.0.2", "1.1.1.1, 203.0.113.5", "203.0.113.5"),  # what stands left of the proxy's word is invented
        ("10.0.0.2", "203.0.113.5, 10.0.0.3", "203.0.113.5"),
        ("10.0.0.2", "not-an-address", "10.0.0.2"),
        ("::ffff:10.0.0.2", "203.0.113.5", "203.0.113.5"),
        ("10.0.0.2", "10.0.0.4", "10.0.0.4"),
        ("", "1.1.1.1", ""),
    ],
)
def test_the_real_address_behind_trusted_proxies(settings: Settings, remote: str, forwarded: str, expected: str) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert addresses.real(remote, forwarded) == expected
