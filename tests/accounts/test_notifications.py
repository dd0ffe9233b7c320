"""The inbox and the e-mails behind it."""

import ast
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.utils import timezone, translation

from accounts import notifications
from accounts.models import Letter, Notification, User
from tests import factories
from tests.meeting import meeting, one_waits_for_the_other

Kind = Notification.Kind
ROOT = Path(__file__).parents[2]
EXAMPLES: dict[str, Any] = {
    "place": "U Nováků & syn",
    "host": "Pavel",
    "circle": "Ulice & okolí",
    "area": "Opava & okolí",
    "offers_more": False,
    "card": "Modrá",
    "energy_wh": 14_200,
    "total_minor": 9_230,
    "earned_minor": 8_307,
    "available_minor": 4_000,
    "amount_minor": 50_000,
    "balance_minor": 83_029,
    "currency": "CZK",
    "reason": "The charger did not answer.",
    "change": "The e-mail was changed.",
    "account": "CZ65 … 5399",
    "days": 30,
    "begins_at": "2026-11-21T17:00:00+00:00",
    "ends_at": "2026-11-21T20:30:00+00:00",
    "slot": "so 21. 11. 18:00–21:30",
    "guest": "Tereza",
    "by_host": True,
    "is_open": True,
    "sender": "Pavel",
    "unanswered": True,
    "by_charger": False,
    "until": "15:46",
    "fee_minor": 5_000,
    "count": 3,
    "first": "Account 7 says 1, its entries sum to 2.",
    "consent": "I agree that the card is charged with 500 Kč.",
}


def example(user: User, kind: str) -> Notification:
    said = {name: EXAMPLES[name] for name in notifications.MEMBERS[kind]}
    return notifications.notify(user, kind, url="/sessions/1/", **said)


@pytest.mark.parametrize("language", ["cs", "en"])
@pytest.mark.parametrize("kind", Kind.values)
def test_every_kind_can_be_said(kind: str, language: str, db: None) -> None:
    user = factories.make_user("Tereza", language=language)
    notification = example(user, kind)

    assert notifications.send_unsent(now=timezone.now()) == 1

    [message] = mail.outbox
    assert message.to == [user.email]
    assert message.subject
    assert "{" not in message.subject + str(message.body)
    assert "http://127.0.0.1:8000/sessions/1/" in message.body
    html = str(message.alternatives[0][0])  # type: ignore[attr-defined]
    assert 'href="http://127.0.0.1:8000/sessions/1/"' in html
    assert f'lang="{language}"' in html
    if "place" in notifications.MEMBERS[kind]:
        assert "U Nováků & syn" in message.subject + str(message.body)
        assert "U Nováků &amp; syn" in html
    with translation.override(language):
        assert notifications.title(notification) == message.subject
        assert notifications.text(notification) in str(message.body)


@pytest.mark.parametrize(("language", "said"), [("cs", "so 21. 11. 18:00–21:30"), ("en", "Sat 21 Nov 18:00–21:30")])
def test_a_time_is_told_in_the_language_of_who_reads_it(driver: User, language: str, said: str) -> None:
    row = example(driver, Kind.RESERVATION_BOOKED)
    with translation.override(language), timezone.override("America/New_York"):  # programs ask in a zone of their own
        assert said in notifications.title(row).replace("\N{NO-BREAK SPACE}", " ")
    row.context = {"place": "U Nováků", "slot": "so 21. 11. 18:00–21:30"}  # as rows were written before
    with translation.override(language):
        assert "so 21. 11. 18:00–21:30" in notifications.title(row)


@pytest.mark.parametrize("kind", Kind.values)
def test_every_kind_can_be_said_without_particulars(kind: str, driver: User) -> None:
    notifications.notify(driver, kind)

    assert notifications.send_unsent(now=timezone.now()) == 1


def test_every_caller_says_what_the_texts_can_use() -> None:
    """A word the texts do not know would be lost in silence."""
    known = {kind.name: notifications.MEMBERS[kind] for kind in Kind}
    wrong = []
    for path in [path for app in ("accounts", "billing", "stations", "ocpp_core", "chargeshare") for path in (ROOT / app).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
            if not isinstance(node, ast.Call) or called not in ("notify", "news") or len(node.args) < 2:
                continue
            said = {word.arg for word in node.keywords if word.arg and word.arg != "url"}
            kind = node.args[1].attr if isinstance(node.args[1], ast.Attribute) else ""
            if kind in known and not said <= known[kind]:
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} {kind}: {', '.join(sorted(said - known[kind]))}")

    assert not wrong


def test_a_name_cannot_write_headers(driver: User) -> None:
    driver.name = "Eve\r\nBcc: victim@example.com"
    driver.save()
    notifications.notify(driver, Kind.SESSION_STARTED, place="Home\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script>")

    notifications.send_unsent(now=timezone.now())

    [message] = mail.outbox
    assert "\n" not in message.subject
    assert message.recipients() == [driver.email]
    assert "<script>" not in str(message.alternatives[0][0])  # type: ignore[attr-defined]
    raw = message.message().as_string()
    assert "\nBcc:" not in raw.split("\n\n")[0]


def test_an_e_mail_says_where_one_chooses_to_get_no_more_of_them(driver: User) -> None:
    guest = factories.make_user("", guest_email="guest@example.com")
    for user, kind in ((driver, Kind.AREA_CHARGER), (driver, Kind.CARD_USED), (guest, Kind.SESSION_FINISHED)):
        notifications.notify(user, kind)

    notifications.send_unsent(now=timezone.now())

    chosen = "http://127.0.0.1:8000/accounts/inbox/settings/"
    outbox: list[Any] = mail.outbox
    said = [(chosen in one.body, chosen in str(one.alternatives[0][0]), one.extra_headers.get("List-Unsubscribe")) for one in outbox]
    assert said == [(True, True, f"<{chosen}>"), (False, False, None), (False, False, None)]


def test_a_sent_e_mail_is_not_sent_again(driver: User) -> None:
    notifications.notify(driver, Kind.TOP_UP_PAID)

    assert [notifications.send_unsent(now=timezone.now()) for _ in range(3)] == [1, 0, 0]
    assert Notification.objects.get().emailed_at is not None


def test_who_closed_the_account_gets_no_mail(driver: User) -> None:
    notifications.notify(driver, Kind.TOP_UP_PAID)
    User.objects.update(is_active=False)

    assert notifications.send_unsent(now=timezone.now()) == 0


def test_a_failing_mail_server_is_asked_a_few_times(driver: User, monkeypatch: pytest.MonkeyPatch) -> None:
    notifications.notify(driver, Kind.TOP_UP_PAID)

    def refuse(self: EmailBackend, messages: Any) -> int:
        raise OSError("connection reset")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    now = timezone.now()
    tries = 0
    for _ in range(60):
        before = Notification.objects.get().email_attempts
        assert notifications.send_unsent(now=now) == 0
        tries += Notification.objects.get().email_attempts - before
        now += timedelta(minutes=30)
    assert tries == notifications.ATTEMPTS


def test_a_server_that_cannot_be_reached_costs_no_attempt(driver: User, monkeypatch: pytest.MonkeyPatch) -> None:
    notifications.notify(driver, Kind.TOP_UP_PAID)

    def refuse(self: EmailBackend) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "open", refuse)
    assert notifications.send_unsent(now=timezone.now()) == 0
    assert Notification.objects.get().email_attempts == 0


@pytest.mark.django_db(transaction=True)
def test_two_processes_never_post_the_same_twice() -> None:
    user = factories.make_user("Tereza")
    for _ in range(20):
        notifications.notify(user, Kind.TOP_UP_PAID)
    barrier = threading.Barrier(3)
    sent: list[int] = []

    def housekeeping() -> None:
        barrier.wait()
        try:
            sent.append(notifications.send_unsent(now=timezone.now()))
        finally:
            connection.close()

    threads = [threading.Thread(target=housekeeping) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(sent) == len(mail.outbox)
    assert len([message for message in mail.outbox if message.to == [user.email]]) == 20  # whatever a server still told others


@pytest.mark.django_db(transaction=True)
@one_waits_for_the_other
def test_who_waited_for_another_claim_has_none() -> None:
    notifications.notify(factories.make_user("Tereza"), Kind.TOP_UP_PAID)
    row = Notification.objects.get()
    sent: list[int] = []

    with meeting(lambda: sent.append(notifications.send_unsent(now=timezone.now()))):
        Notification.objects.filter(pk=row.pk).update(email_attempts=1, email_after=timezone.now() + timedelta(minutes=5))

    assert (sent, mail.outbox) == ([0], [])


def test_a_letter_is_posted_at_once_and_forgotten(db: None) -> None:
    notifications.post(notifications.write("a@example.com", subject="Set a\r\nnew password", body="http://…"))

    assert [message.subject for message in mail.outbox] == ["Set a new password"]
    assert not Letter.objects.exists()


def test_a_letter_waits_for_the_mail_server(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: EmailBackend, messages: Any) -> int:
        raise OSError("away")

    with monkeypatch.context() as away:
        away.setattr(EmailBackend, "send_messages", refuse)
        notifications.post(notifications.write("a@example.com", subject="Hello", body="…"))
    assert Letter.objects.get().email_attempts == 1

    assert notifications.send_unsent(now=timezone.now()) == 0
    assert notifications.send_unsent(now=timezone.now() + timedelta(minutes=11)) == 1
    assert not Letter.objects.exists()


def test_old_news_is_forgotten(driver: User) -> None:
    now = timezone.now()
    old, read, fresh = (notifications.notify(driver, Kind.TOP_UP_PAID) for _ in range(3))
    Notification.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=366))
    Notification.objects.filter(pk=read.pk).update(read_at=now - timedelta(days=91))

    notifications.prune(now=now)

    assert list(Notification.objects.all()) == [fresh]


def test_mark_read_touches_mine_alone(driver: User, stranger: User) -> None:
    mine = notifications.notify(driver, Kind.TOP_UP_PAID)
    notifications.notify(stranger, Kind.TOP_UP_PAID)

    assert notifications.mark_read(stranger, now=timezone.now(), ids=[mine.pk]) == 0
    assert notifications.mark_read(driver, now=timezone.now()) == 1
    assert Notification.objects.filter(read_at=None).count() == 1
