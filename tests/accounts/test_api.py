"""/api/v1/ of people, through the door."""

import itertools
import json
import threading
from typing import Any

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value, yield_hotp_counters_from_time
from django.conf import settings as configured
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts import id_tokens, logins, notifications, registration
from accounts.models import IdToken, LoginFailure, Notification, TokenChain, User
from tests import factories
from tests.factories import PASSWORD

API = "/api/v1"
TOKEN = f"{API}/auth/token/"


def api(user: User | None = None) -> APIClient:
    """A program that has logged in as this person."""
    program = APIClient()
    if user is not None:
        program.credentials(HTTP_AUTHORIZATION=f"Bearer {logins.begin_chain(user)[0]}")
    return program


def post(program: Client, path: str, said: Any = None, **more: Any) -> Any:
    return program.post(f"{API}/{path}", json.dumps(said or {}), content_type="application/json", **more)


# Signing up and logging in


def test_sign_up_and_log_in(db: None) -> None:
    program = api()
    answer = post(program, "auth/register/", {"email": "New.Driver@example.com", "password": PASSWORD, "name": "Nová  Řidička"})

    assert answer.status_code == 201
    assert answer.json() == {"email": "new.driver@example.com", "name": "Nová Řidička", "language": "en"}
    assert mail.outbox[0].to == ["new.driver@example.com"]
    pair = post(program, "auth/token/", {"email": "NEW.driver@example.com", "password": PASSWORD}).json()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    me = program.get(f"{API}/me/").json()
    assert (me["email"], me["email_confirmed"], me["is_staff"]) == ("new.driver@example.com", False, False)


def test_the_letter_confirms_and_its_link_ignores_the_host_header(db: None, client: Client, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://charge.example"
    settings.ALLOWED_HOSTS = ["*"]
    program = APIClient(headers={"host": "evil.example"})
    post(program, "auth/register/", {"email": "new@example.com", "password": PASSWORD, "name": "N"})

    body = str(mail.outbox[0].body)
    assert "evil.example" not in body
    link = next(word for word in body.split() if word.startswith("https://charge.example/accounts/confirm-email/"))
    client.post(link.removeprefix("https://charge.example"))
    assert EmailAddress.objects.get().verified


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"password": PASSWORD}, "email"),
        ({"email": "nonsense", "password": PASSWORD}, "email"),
        ({"email": "a@example.com"}, "password"),
        ({"email": "a@example.com", "password": "short"}, "password"),
        ({"email": "a@example.com", "password": "12345678901"}, "password"),
        ({"email": "karel.vomacka@example.com", "password": "karel.vomacka"}, "password"),
        ({"email": "a@example.com", "password": PASSWORD, "name": "x" * 101}, "name"),
        ({"email": ["a"], "password": {"b": 1}}, "email"),
        ({"email": "a@example.com", "password": PASSWORD, "name": 10**18}, "name"),
    ],
)
def test_a_poor_sign_up_is_explained_by_field(db: None, said: dict[str, Any], field: str) -> None:
    answer = post(api(), "auth/register/", said)

    if field == "name" and isinstance(said["name"], int):
        assert answer.status_code == 201  # a number is a name as good as any
        return
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert field in answer.json()["fields"]


def test_an_e_mail_has_one_account(driver: User) -> None:
    answer = post(api(), "auth/register/", {"email": driver.email.upper(), "password": PASSWORD, "name": "Other"})

    assert answer.status_code == 409
    assert answer.json()["code"] == "email_taken"


def test_rights_cannot_be_signed_up_for(db: None) -> None:
    said = {"email": "a@example.com", "password": PASSWORD, "name": "A", "is_staff": True, "is_superuser": True, "id": 1, "group_tag": "X"}
    post(api(), "auth/register/", said)

    user = User.objects.get()
    assert (user.is_staff, user.is_superuser) == (False, False)
    assert user.group_tag != "X"


def test_unknown_account_and_wrong_password_look_the_same(driver: User) -> None:
    User.objects.create_user("closed@example.com", PASSWORD, is_active=False)
    answers = [
        post(api(), "auth/token/", {"email": email, "password": password})
        for email, password in [
            (driver.email, "wrong-password"),
            ("nobody@example.com", PASSWORD),
            ("closed@example.com", PASSWORD),
            ("closed@example.com", "wrong"),
            ("not-even-an-address", PASSWORD),
        ]
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["code"] == "wrong_credentials"


def test_a_user_who_was_only_created_can_log_in(db: None, client: Client) -> None:
    User.objects.create_user(email="plain@example.com", password=PASSWORD)

    assert post(api(), "auth/token/", {"email": "plain@example.com", "password": PASSWORD}).status_code == 200
    answer = client.post("/accounts/login/", {"login": "Plain@Example.com", "password": PASSWORD})
    assert answer.status_code == 302
    assert client.session["_auth_user_id"]


def test_ten_failures_close_the_door_for_both_doors(driver: User, client: Client, settings: Settings) -> None:
    for _ in range(settings.LIMIT_LOGIN_FAILURES):
        assert post(api(), "auth/token/", {"email": driver.email, "password": "wrong"}).status_code == 401

    answer = post(api(), "auth/token/", {"email": driver.email, "password": PASSWORD})
    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many_failures"
    assert int(answer["Retry-After"]) > 0
    page = client.post("/accounts/login/", {"login": driver.email, "password": PASSWORD})
    assert page.status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_storm_of_right_passwords_is_never_refused(driver: User, client: Client, settings: Settings) -> None:
    settings.LIMIT_LOGIN_FAILURES = 2
    for _ in range(25):
        assert post(api(), "auth/token/", {"email": driver.email, "password": PASSWORD}).status_code == 200
        assert Client().post("/accounts/login/", {"login": driver.email, "password": PASSWORD}).status_code == 302
    assert not LoginFailure.objects.exists()


def test_failures_on_the_page_count_for_the_api(driver: User, settings: Settings) -> None:
    settings.LIMIT_LOGIN_FAILURES = 3
    for _ in range(3):
        Client().post("/accounts/login/", {"login": driver.email, "password": "wrong"})

    assert post(api(), "auth/token/", {"email": driver.email, "password": PASSWORD}).status_code == 429


def test_second_factor(driver: User, settings: Settings) -> None:
    secret = generate_totp_secret()
    TOTP.activate(driver, secret)
    said = {"email": driver.email, "password": PASSWORD}

    missing = post(api(), "auth/token/", said)
    assert (missing.status_code, missing.json()["code"]) == (403, "second_factor_required")
    assert post(api(), "auth/token/", {**said, "password": "wrong"}).status_code == 401
    wrong = post(api(), "auth/token/", {**said, "code": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_code")
    assert LoginFailure.objects.count() == 4  # the wrong password and the wrong code, for account and address each
    code = format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
    assert post(api(), "auth/token/", {**said, "code": code}).status_code == 200
    settings.LIMIT_LOGIN_FAILURES = 2
    assert post(api(), "auth/token/", {**said, "code": "000000"}).status_code == 429


def test_refresh_rotates_and_reuse_ends_the_chain(driver: User) -> None:
    first = post(api(), "auth/token/", {"email": driver.email, "password": PASSWORD}).json()
    second = post(api(), "auth/token/refresh/", {"refresh": first["refresh"]}).json()
    assert second["refresh"] != first["refresh"]

    for refresh in (first["refresh"], second["refresh"]):
        answer = post(api(), "auth/token/refresh/", {"refresh": refresh})
        assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {second['access']}")
    assert program.get(f"{API}/me/").status_code == 401


def test_logout(driver: User) -> None:
    for with_refresh in (True, False):
        pair = post(api(), "auth/token/", {"email": driver.email, "password": PASSWORD}).json()
        program = APIClient()
        program.credentials(HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
        assert post(program, "auth/logout/", {"refresh": pair["refresh"]} if with_refresh else {}).status_code == 204
        assert program.get(f"{API}/me/").status_code == 401
        assert post(api(), "auth/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
    assert post(api(), "auth/logout/", {"refresh": "nonsense"}).status_code == 401
    assert post(api(), "auth/logout/").status_code == 401


@pytest.mark.parametrize("change", ["none", "other key", "expired", "audience", "type", "no chain"])
def test_forged_tokens_open_nothing(driver: User, change: str) -> None:
    access, _refresh = logins.begin_chain(driver)
    claims = jwt.decode(access, options={"verify_signature": False})
    key, algorithm = str(configured.SIMPLE_JWT["SIGNING_KEY"]), "HS256"
    if change == "none":
        key, algorithm = "", "none"
    elif change == "other key":
        key = configured.SECRET_KEY
    elif change == "expired":
        claims["exp"] = 1
    elif change == "audience":
        claims["aud"] = "https://elsewhere.example"
    elif change == "type":
        claims["token_type"] = "refresh"
    else:
        del claims["chain"]
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {jwt.encode(claims, key, algorithm)}")

    answer = program.get(f"{API}/me/")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "token_not_valid"


# My account


def test_what_i_may_change_about_myself(driver: User) -> None:
    program = api(driver)
    said = {"name": "Jiná", "language": "en", "email": "other@example.com", "is_staff": True, "is_superuser": True, "is_active": False}

    answer = program.patch(f"{API}/me/", said, format="json")

    assert answer.status_code == 200
    changed = User.objects.get(pk=driver.pk)
    assert (changed.name, changed.language) == ("Jiná", "en")
    assert (changed.email, changed.is_staff, changed.is_active) == (driver.email, False, True)
    assert program.patch(f"{API}/me/", {"language": "xx"}, format="json").json()["fields"].keys() == {"language"}


def test_closing_by_the_api(stranger: User) -> None:
    program = api(stranger)

    assert program.delete(f"{API}/me/").status_code == 204
    assert program.get(f"{API}/me/").status_code == 401
    assert User.objects.get(pk=stranger.pk).closed_at is not None


def test_export_by_token_and_by_browser(stranger: User, client: Client) -> None:
    factories.make_id_token(stranger, "04A22B5C")
    client.force_login(stranger)
    for program in (api(stranger), client):
        answer = program.get(f"{API}/me/export/")
        assert answer.status_code == 200
        assert answer.json()["person"]["account"]["email"] == stranger.email
        assert answer.json()["person"]["id_tokens"][0]["uid"] == "04A22B5C"
        assert "attachment" in answer["Content-Disposition"]


# Cards


def test_the_life_of_a_card(stranger: User) -> None:
    program = api(stranger)
    answer = program.post(f"{API}/me/id-tokens/", {"uid": "04:a2:2b:5c", "label": "Blue", "max_sessions": None}, format="json")
    assert answer.status_code == 201
    card = answer.json()
    assert (card["uid"], card["label"], card["is_blocked"], card["confirmed_at"]) == ("04:a2:2b:5c", "Blue", False, None)
    assert card["created_at"].endswith("Z")

    one = f"{API}/me/id-tokens/04A22B5C/"
    assert program.get(one).json()["uid"] == "04:a2:2b:5c"
    changes = {"label": "", "is_blocked": True, "expires_at": "2020-01-01T00:00:00Z", "parent_uid": "FAMILY", "max_sessions": 2}
    changed = program.patch(one, {**changes, "uid": "OTHER", "user": 1, "confirmed_at": "2020-01-01T00:00:00Z"}, format="json").json()
    assert {name: changed[name] for name in changes} == changes
    assert (changed["uid"], changed["confirmed_at"]) == ("04:a2:2b:5c", None)
    assert program.get(f"{API}/me/id-tokens/").json()["count"] == 1
    assert program.delete(f"{API}/me/id-tokens/04-A2-2B-5C/").status_code == 204
    assert program.get(one).status_code == 404


def test_a_naive_time_is_utc(stranger: User) -> None:
    program = api(stranger)
    answer = program.post(f"{API}/me/id-tokens/", {"uid": "04A22B5C", "expires_at": "2030-07-01T12:00:00"}, format="json")
    assert answer.json()["expires_at"] == "2030-07-01T12:00:00Z"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"uid": None},
        {"uid": "abc"},
        {"uid": "x" * 37},
        {"uid": ["04A22B5C"]},
        {"uid": "04A22B5C", "label": "x" * 61},
        {"uid": "04A22B5C", "is_blocked": "perhaps"},
        {"uid": "04A22B5C", "expires_at": "tomorrow"},
        {"uid": "04A22B5C", "expires_at": "0001-01-01T00:00:00+14:00"},
        {"uid": "04A22B5C", "parent_uid": "x" * 21},
        {"uid": "04A22B5C", "parent_uid": "<script>"},
        {"uid": "04A22B5C", "max_sessions": -1},
        {"uid": "04A22B5C", "max_sessions": 99_999},
        {"uid": "04A22B5C", "max_sessions": 1.5},
    ],
)
def test_a_poor_card_is_explained_by_field(stranger: User, said: dict[str, Any]) -> None:
    answer = post(api(stranger), "me/id-tokens/", said)

    assert answer.status_code == 400
    assert answer.json()["fields"]
    assert not IdToken.objects.exists()


def test_a_taken_card(driver: User, stranger: User) -> None:
    factories.make_id_token(driver, "04A22B5C")

    answer = post(api(stranger), "me/id-tokens/", {"uid": "04-a2-2b-5c"})

    assert answer.status_code == 409
    assert answer.json()["code"] == "id_token_taken"
    assert driver.email not in answer.content.decode()


def test_staff_look_after_everybodys_cards(driver: User, staff: User) -> None:
    program = api(staff)
    answer = post(program, "id-tokens/", {"uid": "04A22B5C", "user": driver.email.upper(), "label": "From the desk"})
    assert (answer.status_code, answer.json()["user"]) == (201, driver.email)
    assert IdToken.objects.get().user == driver
    post(program, "id-tokens/", {"uid": "5TAFF0"})
    assert program.get(f"{API}/id-tokens/", {"user": driver.email}).json()["count"] == 1
    assert program.get(f"{API}/id-tokens/", {"uid": "5taff-0"}).json()["results"][0]["user"] == staff.email
    assert program.patch(f"{API}/id-tokens/04a22b5c/", {"is_blocked": True}, format="json").json()["is_blocked"] is True
    assert program.delete(f"{API}/id-tokens/04a22b5c/").status_code == 204
    nobody = post(program, "id-tokens/", {"uid": "04A22B5E", "user": "nobody@example.com"})
    assert nobody.json()["fields"].keys() == {"user"}


# News


def test_news(driver: User) -> None:
    program = api(driver)
    rows = [notifications.notify(driver, Notification.Kind.CARD_PAIRED, card="Blue", url="/accounts/cards/") for _ in range(3)]

    listed = program.get(f"{API}/notifications/").json()
    assert listed["count"] == 3
    assert listed["results"][0]["title"]
    assert listed["results"][0]["url"] == "/accounts/cards/"
    assert program.patch(f"{API}/notifications/{rows[0].pk}/", {"is_read": True}, format="json").json()["read_at"] is not None
    assert program.get(f"{API}/notifications/", {"unread": "true"}).json()["count"] == 2
    assert post(program, "notifications/read/", {"ids": [rows[1].pk]}).status_code == 204
    assert post(program, "notifications/read/").status_code == 204
    assert not Notification.objects.filter(read_at=None).exists()
    assert program.get(f"{API}/notifications/", {"unread": "perhaps"}).status_code == 400
    assert post(program, "notifications/read/", {"ids": [0]}).status_code == 400
    assert post(program, "notifications/read/", {"ids": "all"}).status_code == 400


# Whose is it?


def test_nobody_reaches_what_is_not_hers(driver: User, stranger: User, staff: User) -> None:
    """Every object of the driver, every verb, for a stranger, for staff, and for nobody."""
    factories.make_id_token(driver, "04A22B5C")
    notification = notifications.notify(driver, Notification.Kind.TOP_UP_PAID)
    objects = ["me/id-tokens/04A22B5C/", f"notifications/{notification.pk}/"]
    for path, verb in itertools.product([*objects, "id-tokens/04A22B5C/"], ["get", "patch", "delete", "put", "post"]):
        unheard_of = (404, 405)
        assert getattr(api(stranger), verb)(f"{API}/{path}", {"label": "mine"}, format="json").status_code in unheard_of, (verb, path)
        assert getattr(api(), verb)(f"{API}/{path}", {"label": "mine"}, format="json").status_code == 401, (verb, path)
    for path, verb in itertools.product(objects, ["get", "patch", "delete"]):
        assert getattr(api(staff), verb)(f"{API}/{path}", {}, format="json").status_code in (404, 405), (verb, path)
    assert api(stranger).get(f"{API}/id-tokens/").status_code == 404
    assert post(api(stranger), "id-tokens/", {"uid": "FEED", "user": driver.email}).status_code == 404
    assert api(stranger).get(f"{API}/me/id-tokens/").json()["count"] == 0
    assert api(stranger).get(f"{API}/notifications/").json()["count"] == 0
    for path in ("me/", "me/export/", "me/id-tokens/", "id-tokens/", "notifications/"):
        assert api().get(f"{API}/{path}").status_code == 401
    assert IdToken.objects.get().label == ""


# CSRF


def test_a_browser_needs_its_csrf_token(driver: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(driver)

    answer = post(browser, "me/id-tokens/", {"uid": "04A22B5C"})

    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert not IdToken.objects.exists()
    assert browser.get(f"{API}/me/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_logging_in_many_times_at_once() -> None:
    user = factories.make_user("Tereza")
    statuses: list[int] = []

    def log_in() -> None:
        try:
            statuses.append(post(api(), "auth/token/", {"email": user.email, "password": PASSWORD}).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=log_in) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 12
    assert TokenChain.objects.count() == 12


def test_registering_twice_at_once_makes_one_account(db: None) -> None:
    registration.register("a@example.com", PASSWORD)
    with pytest.raises(registration.EmailTaken):
        registration.register("A@example.com", PASSWORD)
    assert User.objects.count() == 1


def test_a_confirmed_second_e_mail_is_not_given_to_somebody_else(driver: User) -> None:
    EmailAddress.objects.create(user=driver, email="second@example.com", verified=True)
    with pytest.raises(registration.EmailTaken):
        registration.register("second@example.com", PASSWORD)


def test_last_login_is_noted(driver: User) -> None:
    before = timezone.now()
    post(api(), "auth/token/", {"email": driver.email, "password": PASSWORD})
    last = User.objects.get(pk=driver.pk).last_login
    assert last is not None
    assert last >= before


def test_cards_found_by_the_charger_after_adding_through_the_api(stranger: User) -> None:
    post(api(stranger), "me/id-tokens/", {"uid": "04:A2:2B:5C"})
    found = id_tokens.find("04a22b5c")
    assert found is not None
    assert found.user == stranger
