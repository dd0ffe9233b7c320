"""The pages about oneself, as a browser without JavaScript sees them."""

import re
from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import id_tokens, logins, notifications, registration
from accounts.models import IdToken, Notification, User
from stations.models import ChargingSession, Connector
from tests import factories
from tests.factories import PASSWORD

MINE = ["/accounts/profile/", "/accounts/cards/", "/accounts/inbox/", "/accounts/privacy/", "/accounts/privacy/close/"]
ALLAUTHS = [
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/sessions/",
    "/accounts/logout/",
    "/accounts/reauthenticate/",
]
OPEN = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/accounts/password/reset/done/", "/accounts/confirm-email/"]


def code_now(secret: str) -> str:
    """What the authenticator app shows now."""
    return str(format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time())))))


@pytest.fixture
def browser(driver: User, client: Client) -> Client:
    """A browser in which the driver has logged in with her password."""
    assert client.post("/accounts/login/", {"login": driver.email, "password": PASSWORD}).status_code == 302
    return client


@pytest.mark.parametrize("language", ["cs", "en"])
@pytest.mark.parametrize("path", [*OPEN, *MINE, *ALLAUTHS])
def test_every_page_is_there_in_our_clothes(browser: Client, path: str, language: str) -> None:
    browser.cookies["django_language"] = language
    program = Client(headers={"accept-language": language}) if path in OPEN else browser
    page = program.get(path)

    assert page.status_code == 200, path
    said = page.content.decode()
    assert f'<html lang="{language}"' in said
    assert "css/components.css" in said
    assert "<h1" in said
    assert " style=" not in said, "the content security policy forbids it"
    assert "onclick" not in said
    for form in re.findall(r'<form[^>]*method="post".*?</form>', said, re.DOTALL):
        assert "csrfmiddlewaretoken" in form


@pytest.mark.parametrize("path", MINE)
def test_my_pages_are_for_who_has_logged_in(client: Client, db: None, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_sign_up_with_a_name(client: Client, db: None) -> None:
    answer = client.post(
        "/accounts/signup/",
        {"name": "Karla  Nová", "email": "Karla@Example.com", "password1": PASSWORD},
        headers={"accept-language": "cs"},
    )

    assert answer.status_code == 302
    user = User.objects.get()
    assert (user.email, user.name, user.language) == ("karla@example.com", "Karla Nová", "cs")
    assert client.session["_auth_user_id"] == str(user.pk)
    assert client.cookies["django_language"].value == "cs"
    link = re.search(r"http://127\.0\.0\.1:8000(/accounts/confirm-email/\S+)", str(mail.outbox[0].body))
    assert link is not None
    client.post(link[1])
    assert EmailAddress.objects.get().verified


def test_signing_up_needs_a_name_and_a_fair_password(client: Client, db: None) -> None:
    page = client.post("/accounts/signup/", {"email": "a@example.com", "password1": "short"})

    assert page.status_code == 200
    assert page.context["form"].errors.keys() == {"name", "password1"}
    assert not User.objects.exists()


def test_a_name_does_not_write_into_strangers_mailboxes(client: Client, db: None) -> None:
    """Whoever signs up with somebody else's address must not choose the words of the letter."""
    spam = "Win a car at http://evil.example"
    client.post("/accounts/signup/", {"name": spam, "email": "victim@example.com", "password1": PASSWORD})

    assert "evil" not in mail.outbox[0].subject + str(mail.outbox[0].body)


def test_forgotten_password(client: Client, driver: User) -> None:
    for _ in range(10):
        logins.record_failure(driver.email, "203.0.113.9")
    _access, refresh = logins.begin_chain(driver)
    client.post("/accounts/password/reset/", {"email": driver.email}, headers={"host": "localhost"})
    link = re.search(r"http://127\.0\.0\.1:8000(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link is not None, mail.outbox[0].body
    form = client.get(link[1], follow=True)
    client.post(form.redirect_chain[-1][0], {"password1": "a-brand-new-battery", "password2": "a-brand-new-battery"})

    assert Client().post("/accounts/login/", {"login": driver.email, "password": "a-brand-new-battery"}).status_code == 302
    with pytest.raises(logins.TokenRefused):
        logins.renew(refresh)


def test_a_reset_does_not_tell_who_has_an_account(client: Client, driver: User) -> None:
    known = client.post("/accounts/password/reset/", {"email": driver.email})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.com"})

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert len(mail.outbox) == 2


def test_the_way_back_after_logging_in_stays_on_the_site(client: Client, driver: User) -> None:
    for elsewhere in ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]:
        browser = Client()
        answer = browser.post(f"/accounts/login/?next={elsewhere}", {"login": driver.email, "password": PASSWORD, "next": elsewhere})
        assert answer["Location"] == "/", elsewhere
    answer = client.post("/accounts/login/", {"login": driver.email, "password": PASSWORD, "next": "/accounts/cards/"})
    assert answer["Location"] == "/accounts/cards/"


def test_the_session_is_a_new_one_after_logging_in(client: Client, driver: User) -> None:
    client.get("/accounts/login/")
    session = client.session
    session["before"] = True
    session.save()
    before = session.session_key
    client.post("/accounts/login/", {"login": driver.email, "password": PASSWORD})
    assert client.session.session_key != before


def test_profile(browser: Client, driver: User) -> None:
    answer = browser.post("/accounts/profile/", {"name": " Nové   jméno ", "language": "en", "email": "x@example.com", "is_staff": "on"})

    assert answer.status_code == 302
    assert browser.cookies["django_language"].value == "en"
    changed = User.objects.get(pk=driver.pk)
    assert (changed.name, changed.language, changed.email, changed.is_staff) == ("Nové jméno", "en", driver.email, False)
    assert browser.post("/accounts/profile/", {"name": "x" * 101, "language": "xx"}).context["form"].errors.keys() == {"name", "language"}


def test_a_new_e_mail_counts_once_it_is_confirmed(browser: Client, driver: User) -> None:
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    browser.post("/accounts/email/", {"email": "new@example.com", "action_add": ""})
    assert User.objects.get(pk=driver.pk).email == driver.email
    letter = next(message for message in mail.outbox if message.to == ["new@example.com"])
    link = re.search(r"http://127\.0\.0\.1:8000(/accounts/confirm-email/\S+)", str(letter.body))
    assert link is not None
    browser.post(link[1])
    assert EmailAddress.objects.get(email="new@example.com").verified
    browser.post("/accounts/email/", {"email": "new@example.com", "action_primary": ""})

    assert User.objects.get(pk=driver.pk).email == "new@example.com"
    assert any(message.to == [driver.email] for message in mail.outbox), "the old address is told"


def test_the_letter_of_confirmation_can_be_asked_for_again(browser: Client, driver: User) -> None:
    browser.post("/accounts/email/", {"email": driver.email, "action_send": ""})
    assert [message.to for message in mail.outbox] == [[driver.email]]


def test_second_factor_from_beginning_to_end(browser: Client, driver: User) -> None:
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    EmailAddress.objects.filter(user=driver).update(verified=True)
    page = browser.get("/accounts/2fa/totp/activate/")
    assert 'class="qr"' in page.content.decode()
    secret = browser.session["mfa.totp.secret"]
    code = code_now(secret)
    browser.post("/accounts/2fa/totp/activate/", {"code": code})
    assert logins.has_second_factor(driver)
    assert browser.get("/accounts/2fa/recovery-codes/").status_code == 200

    newcomer = Client()
    answer = newcomer.post("/accounts/login/", {"login": driver.email, "password": PASSWORD})
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert "<h1" in newcomer.get("/accounts/2fa/authenticate/").content.decode()
    assert "_auth_user_id" not in newcomer.session
    newcomer.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert "_auth_user_id" not in newcomer.session


def test_cards(browser: Client, driver: User) -> None:
    answer = browser.post("/accounts/cards/", {"uid": "04:a2:2b:5c", "label": "Blue"})
    assert answer.status_code == 302
    token = driver.id_tokens.get()

    page = browser.get("/accounts/cards/").content.decode()
    assert "04:a2:2b:5c" in page
    assert reverse("stations:pair_card") in page
    browser.post(f"/accounts/cards/{token.pk}/block/")
    assert driver.id_tokens.get().is_blocked
    browser.post(f"/accounts/cards/{token.pk}/block/")
    assert not driver.id_tokens.get().is_blocked
    browser.post(f"/accounts/cards/{token.pk}/edit/", {"label": "Green", "max_sessions": "2", "expires_at": "2030-01-01T12:00"})
    token.refresh_from_db()
    assert (token.label, token.max_sessions) == ("Green", 2)
    assert browser.get(f"/accounts/cards/{token.pk}/edit/").status_code == 200
    browser.post(f"/accounts/cards/{token.pk}/remove/")
    assert not driver.id_tokens.exists()


@pytest.mark.parametrize("uid", ["", "abc", "x" * 200, "<script>alert(1)</script>", "04\x00A2"])
def test_a_poor_card_number_is_explained(browser: Client, uid: str) -> None:
    page = browser.post("/accounts/cards/", {"uid": uid})

    assert page.status_code == 200
    assert page.context["form"].errors["uid"]
    assert "<script>alert" not in page.content.decode()
    assert not IdToken.objects.exists()


def test_cards_of_others_do_not_exist(browser: Client, stranger: User) -> None:
    token = factories.make_id_token(stranger, label="Cizí")
    for action in ("edit", "block", "confirm", "remove"):
        assert browser.post(f"/accounts/cards/{token.pk}/{action}/", {"label": "mine"}).status_code == 404
    page = browser.post("/accounts/cards/", {"uid": token.uid})
    assert page.context["form"].errors["uid"]
    assert stranger.email not in page.content.decode()
    assert IdToken.objects.get() == token


def test_inbox(browser: Client, driver: User, stranger: User) -> None:
    for number in range(25):
        notifications.notify(
            driver, Notification.Kind.CHARGER_ALERT, url="/accounts/cards/", place=f"<b>{number}</b>", reason="It is silent."
        )
    foreign = notifications.notify(stranger, Notification.Kind.TOP_UP_PAID)

    page = browser.get("/accounts/inbox/").content.decode()
    assert "&lt;b&gt;24&lt;/b&gt;" in page
    assert "<b>24" not in page
    assert browser.get("/accounts/inbox/?page=2").status_code == 200
    newest = Notification.objects.filter(user=driver).latest("pk")
    assert browser.post(f"/accounts/inbox/{newest.pk}/")["Location"] == "/accounts/cards/"
    assert Notification.objects.get(pk=newest.pk).read_at is not None
    assert browser.post(f"/accounts/inbox/{foreign.pk}/").status_code == 404
    browser.post("/accounts/inbox/read/")
    assert list(Notification.objects.filter(read_at=None)) == [foreign]


def test_a_notification_never_leads_off_the_site(browser: Client, driver: User) -> None:
    row = notifications.notify(driver, Notification.Kind.CHARGER_ALERT, url="https://evil.example/")
    assert browser.post(f"/accounts/inbox/{row.pk}/")["Location"] == "/accounts/inbox/"


def test_every_kind_of_news_has_its_icon(browser: Client, driver: User) -> None:
    for kind in Notification.Kind.values:
        notifications.notify(driver, kind, url="/")
    assert browser.get("/accounts/inbox/").status_code == 200


def test_closing_needs_the_password_and_a_tick(client: Client, stranger: User) -> None:
    client.force_login(stranger)
    for said in ({"password": "wrong", "sure": "on"}, {"password": PASSWORD}, {}):
        assert client.post("/accounts/privacy/close/", said).status_code == 200
        assert User.objects.get(pk=stranger.pk).closed_at is None

    answer = client.post("/accounts/privacy/close/", {"password": PASSWORD, "sure": "on"})
    assert answer.status_code == 302
    assert User.objects.get(pk=stranger.pk).closed_at is not None
    assert "_auth_user_id" not in client.session


def test_logging_out_takes_a_post(browser: Client) -> None:
    browser.get("/accounts/logout/")
    assert "_auth_user_id" in browser.session
    browser.post("/accounts/logout/")
    assert "_auth_user_id" not in browser.session


# The administration and the command


def admin_path(page: str, *args: Any) -> str:
    return reverse(f"admin:accounts_{page}", args=args)


def test_staff_see_people(client: Client, driver: User, staff: User) -> None:
    token = factories.make_id_token(driver)
    notifications.notify(driver, Notification.Kind.TOP_UP_PAID)
    notifications.write("a@example.com", subject="Secret", body="the key to an account")
    logins.begin_chain(driver)
    logins.record_failure("a@example.com", "192.0.2.1")
    client.force_login(staff)
    for model in ("user", "idtoken", "notification", "letter", "tokenchain", "loginfailure"):
        assert client.get(admin_path(f"{model}_changelist")).status_code == 200, model
    assert client.get(admin_path("user_change", driver.pk)).status_code == 200
    assert client.get(admin_path("user_add")).status_code == 200
    assert client.get(admin_path("user_changelist"), {"q": driver.email}).status_code == 200
    assert client.get(admin_path("idtoken_change", token.pk)).status_code == 200
    assert client.get(admin_path("notification_add")).status_code == 403
    letter = client.get(admin_path("letter_changelist")).content.decode()
    assert "the key to an account" not in letter
    assert client.post(admin_path("user_delete", driver.pk), {"post": "yes"}).status_code == 403


def test_others_do_not_see_the_administration(client: Client, driver: User) -> None:
    client.force_login(driver)
    assert client.get(admin_path("user_changelist")).status_code in (302, 403, 404)


def test_create_user(db: None) -> None:
    said = StringIO()
    call_command("create_user", "Someone@Example.com", "--staff", stdout=said)

    user = User.objects.get()
    password = said.getvalue().split("Password: ")[1].strip()
    assert (user.email, user.is_staff, user.check_password(password)) == ("someone@example.com", True, True)
    assert EmailAddress.objects.get().verified
    assert Client().post("/accounts/login/", {"login": user.email, "password": password}).status_code == 302
    with pytest.raises(CommandError, match="already"):
        call_command("create_user", "someone@example.com")
    with pytest.raises(CommandError, match="no e-mail"):
        call_command("create_user", "nonsense")
    quiet = StringIO()
    call_command("create_user", "other@example.com", "--password", PASSWORD, stdout=quiet)
    assert PASSWORD not in quiet.getvalue()
    assert not User.objects.get(email="other@example.com").is_staff


def test_a_card_typed_on_the_page_is_what_a_charger_finds(browser: Client, driver: User) -> None:
    browser.post("/accounts/cards/", {"uid": "04:A2:2B:5C"})
    found = id_tokens.find("04A22B5C")
    assert found is not None
    assert (found.user, found.confirmed_at) == (driver, None)


def test_registration_by_hand_is_not_confirmed(db: None) -> None:
    registration.register("a@example.com", PASSWORD)
    assert not EmailAddress.objects.get().verified


def test_an_account_never_loses_its_last_e_mail(browser: Client, driver: User) -> None:
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    browser.post("/accounts/email/", {"email": driver.email, "action_remove": ""})
    assert User.objects.get(pk=driver.pk).email == driver.email
    browser.post("/accounts/email/", {"email": "second@example.com", "action_add": ""})
    for email in (driver.email, "second@example.com", driver.email):
        browser.post("/accounts/email/", {"email": email, "action_remove": ""})
    assert User.objects.get(pk=driver.pk).email in (driver.email, "second@example.com")


def test_a_typed_card_is_confirmed_after_its_first_charging(browser: Client, driver: User, connector: Connector) -> None:
    token = factories.make_id_token(driver, confirmed=False)
    confirm = f"/accounts/cards/{token.pk}/confirm/"
    assert confirm not in browser.get("/accounts/cards/").content.decode()
    assert browser.post(confirm).status_code == 404

    ChargingSession.objects.create(
        charge_point=connector.charge_point, connector=connector, driver=driver, owner=connector.charge_point.owner, id_token=token
    )
    assert confirm in browser.get("/accounts/cards/").content.decode()
    assert browser.post(confirm).status_code == 302
    token.refresh_from_db()
    assert token.confirmed_at is not None


def test_an_old_log_in_has_to_say_the_password_again_before_a_card_is_added(client: Client, driver: User) -> None:
    client.force_login(driver)
    answer = client.post("/accounts/cards/", {"uid": "04A22B5C", "label": "Blue"})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not IdToken.objects.exists()

    client.post(answer["Location"], {"password": PASSWORD, "next": "/accounts/cards/"})
    assert driver.id_tokens.get().label == "Blue"


def test_who_has_just_signed_up_adds_a_card_without_being_asked_again(client: Client, db: None) -> None:
    client.post("/accounts/signup/", {"name": "Jana Horká", "email": "jana@example.com", "password1": PASSWORD})

    assert client.post("/accounts/cards/", {"uid": "04A22B5C", "label": "Blue"})["Location"] == "/accounts/cards/"
    assert IdToken.objects.get().user.email == "jana@example.com"


def test_the_holder_hears_of_a_card_that_was_typed_in(browser: Client, driver: User) -> None:
    browser.post("/accounts/cards/", {"uid": "04A22B5C", "label": "Blue"})

    notifications.send_unsent(now=timezone.now())
    assert [message.subject for message in mail.outbox if message.to == [driver.email]] == ["Karta přidána: Blue"]


def test_who_signs_up_too_often_is_told_to_wait(client: Client, db: None) -> None:
    cache.clear()
    pages = [client.post("/accounts/signup/", {"email": "nonsense"}) for _ in range(21)]

    assert pages[-1].status_code == 429
    assert "css/components.css" in pages[-1].content.decode()
    cache.clear()
