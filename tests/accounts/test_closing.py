"""Closing: the person is gone, the history stays."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client

from accounts import closing, export, id_tokens, logins, notifications, registration
from accounts.models import IdToken, Notification, User
from accounts.signals import account_closing
from chargeshare.errors import DomainError
from tests.factories import PASSWORD

EMAIL = "gone.forever@example.com"


@pytest.fixture
def leaver(db: None) -> User:
    user = registration.register(EMAIL, PASSWORD, name="Božena Nezapomenutelná", confirmed=True)
    id_tokens.add(user, "04A22B5C", label="Božena")
    notifications.notify(user, Notification.Kind.CARD_PAIRED, card="Božena")
    notifications.write(EMAIL, subject="Confirm", body=EMAIL)
    TOTP.activate(user, "JBSWY3DPEHPK3PXP")
    return user


@pytest.fixture
def objection() -> Iterator[None]:
    def refuse(sender: Any, user: User, **more: Any) -> None:
        raise DomainError("There is money in the wallet.", code="wallet_not_empty")

    account_closing.connect(refuse)
    yield
    account_closing.disconnect(refuse)


def test_nothing_names_the_person_any_more(leaver: User, client: Client) -> None:
    Authenticator.objects.all().delete()
    client.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    _access, refresh = logins.begin_chain(leaver)
    assert Session.objects.exists()

    closing.close_account(leaver)

    assert leaver.closed_at is not None
    assert (leaver.is_active, leaver.name, leaver.has_usable_password()) == (False, "", False)
    assert not UserSession.objects.exists()
    assert not Session.objects.exists()
    assert not EmailAddress.objects.exists()
    assert not IdToken.objects.exists()
    assert id_tokens.find("04A22B5C") is None
    with pytest.raises(logins.TokenRefused):
        logins.renew(refresh)
    everything = json.dumps([list(model._default_manager.values()) for model in apps.get_models()], default=str)
    assert EMAIL not in everything
    assert "Nezapomenutelná" not in everything
    assert "Božena" not in everything


def test_closing_twice_changes_nothing(leaver: User) -> None:
    closing.close_account(leaver)
    closed_at = leaver.closed_at

    closing.close_account(leaver)

    assert leaver.closed_at == closed_at


def test_an_objection_leaves_everything_as_it_was(leaver: User, objection: None) -> None:
    with pytest.raises(DomainError, match="money in the wallet"):
        closing.close_account(leaver)

    leaver.refresh_from_db()
    assert (leaver.email, leaver.is_active, leaver.closed_at) == (EMAIL, True, None)
    assert leaver.id_tokens.count() == 1


def test_the_e_mail_is_free_for_a_new_account(leaver: User) -> None:
    closing.close_account(leaver)

    assert registration.register(EMAIL, PASSWORD).pk != leaver.pk


def test_the_export_holds_what_we_hold_and_no_secret(leaver: User) -> None:
    everything = json.dumps(export.everything_about(leaver), default=str, ensure_ascii=False)

    assert EMAIL in everything
    assert "04A22B5C" in everything
    assert "Božena Nezapomenutelná" in everything
    assert "JBSWY3DPEHPK3PXP" not in everything
    assert leaver.password not in everything
