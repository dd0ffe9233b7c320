"""The administration: who enters, and what nobody reads in it."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.models import User


@pytest.fixture
def browser(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


def test_staff_without_a_second_factor_are_led_to_it(browser: Client, staff: User, settings: Settings) -> None:
    settings.STAFF_NEED_SECOND_FACTOR = True
    entry = browser.get("/admin/", follow=True)
    assert (reverse("mfa_activate_totp"), 302) in entry.redirect_chain
    assert browser.get("/admin/accounts/user/").status_code == 302

    TOTP.activate(staff, generate_totp_secret())
    assert browser.get("/admin/accounts/user/").status_code == 200


def test_in_development_a_password_is_enough(browser: Client) -> None:
    assert browser.get("/admin/").status_code == 200


def test_others_do_not_enter(client: Client, driver: User, settings: Settings) -> None:
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")
    client.force_login(driver)
    for needed in (True, False):
        settings.STAFF_NEED_SECOND_FACTOR = needed
        assert client.get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_every_list_opens_and_is_searched(browser: Client, model: Any) -> None:
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    assert [browser.get(path, {"q": said}).status_code for said in ("", "x", "7", "'", "2026-99-99")] == [200] * 5


def test_keys_of_sessions_and_second_factors_are_not_shown(browser: Client, staff: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(staff, secret)
    browser.get("/")
    session = UserSession.objects.get()
    factor = Authenticator.objects.filter(type="totp").get()

    shown = [
        browser.get(reverse("admin:usersessions_usersession_change", args=[session.pk])).content.decode(),
        browser.get(reverse("admin:mfa_authenticator_change", args=[factor.pk])).content.decode(),
    ]

    assert not [page for page in shown if secret in page or session.session_key in page]
