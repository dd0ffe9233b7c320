"""Messages about a visit: between its two sides, as text, and with one mail for a burst of them."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from chargeshare.errors import Invalid, NotFound
from stations import closing, export, reservations, reviews, threads
from stations.models import ChargingSession, Favourite, Message, Thread
from tests.stations.test_api_sessions import client_of
from tests.stations.test_reviews import MARKUP, visit

Kind = Notification.Kind


@pytest.fixture
def booking(driver, connector):
    now = timezone.now()
    return reservations.book(driver=driver, connector=connector, begins_at=now + timedelta(hours=2), ends_at=now + timedelta(hours=4))


def mails(user):
    return user.notifications.filter(kind=Kind.MESSAGE_RECEIVED).count()


def test_one_thread_for_both_sides_of_a_booking(driver, owner, stranger, staff, booking):
    first = threads.write(user=driver, visit=booking, text=" Hello ")
    threads.write(user=owner, visit=booking, text="Welcome")
    assert Thread.objects.count() == 1
    assert list(Message.objects.values_list("author", "text")) == [(driver.pk, "Hello"), (owner.pk, "Welcome")]
    assert first.thread.get_absolute_url() == f"/reservations/{booking.code}/messages/"
    for somebody in (stranger, staff):
        with pytest.raises(NotFound):
            threads.write(user=somebody, visit=booking, text="Hello")
        with pytest.raises(NotFound):
            threads.find(somebody, booking)


def test_one_mail_for_a_burst(driver, owner, booking):
    first = threads.write(user=driver, visit=booking, text="One")
    assert threads.write(user=driver, visit=booking, text="One") == first  # a double click
    threads.write(user=driver, visit=booking, text="Two")
    assert (Message.objects.count(), mails(owner), mails(driver)) == (2, 1, 0)
    Message.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    threads.write(user=driver, visit=booking, text="Three")
    assert mails(owner) == 2


def test_the_visit_of_a_booking_is_the_same_talk(driver, booking, charge_point):
    session = visit(driver, charge_point)
    booking.session = session
    booking.save()
    threads.write(user=driver, visit=session, text="Here")
    assert Thread.objects.get().reservation == booking
    assert threads.find(driver, booking) == threads.find(driver, session)


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 1001])
def test_nothing_and_too_much_to_say(driver, booking, text):
    with pytest.raises(Invalid):
        threads.write(user=driver, visit=booking, text=text)
    assert not Thread.objects.exists()


def test_what_no_database_keeps_is_left_out(driver, owner, charge_point, booking, client):
    """A browser may send a NUL in a form, and PostgreSQL refuses it."""
    session = visit(driver, charge_point)
    client.force_login(driver)
    for address, said in (
        (f"/reservations/{booking.code}/messages/", {"text": "Hel\0lo"}),
        (f"/charge-points/{charge_point.code}/favourite/", {"note": "By \0the gate"}),
    ):
        assert client.post(address, said).status_code in (200, 302, 400), address
    assert Message.objects.get().text == "Hello"
    assert Favourite.objects.get().note == "By the gate"
    assert reviews.write(user=driver, session=session, rating=5, text="Ni\0ce").text == "Nice"
    review = reviews.write(user=owner, session=session, rating=5)
    assert reviews.report(user=driver, review=review, reason="\0Rude").reason == "Rude"
    threads.report(user=owner, message=Message.objects.get(), reason="\0Rude")
    assert Message.objects.get().report == "Rude"


def test_closed_thirty_days_after(driver, owner, charge_point, client):
    session = visit(driver, charge_point)
    threads.write(user=driver, visit=session, text="Thanks")
    ChargingSession.objects.filter(pk=session.pk).update(stop_received_at=timezone.now() - timedelta(days=31))
    session.refresh_from_db()
    with pytest.raises(threads.ThreadClosed):
        threads.write(user=owner, visit=session, text="Thanks")
    client.force_login(owner)
    page = client.get(f"/sessions/{session.code}/messages/").content.decode()
    assert "Thanks" in page
    assert "textarea" not in page


def test_no_more_than_a_talk(driver, booking, monkeypatch):
    monkeypatch.setattr(threads, "MOST_AN_HOUR", 1)
    threads.write(user=driver, visit=booking, text="One")
    with pytest.raises(threads.TooManyMessages):
        threads.write(user=driver, visit=booking, text="Two")


def test_at_ones_own_charger_there_is_nobody_to_write_to(owner, charge_point):
    with pytest.raises(NotFound):
        threads.write(user=owner, visit=visit(owner, charge_point), text="Me")


def test_the_page_and_the_report(driver, owner, stranger, staff, booking, client):
    page = f"/reservations/{booking.code}/messages/"
    client.force_login(driver)
    assert page in client.get(f"/reservations/{booking.code}/").content.decode()
    assert client.post(page, {"text": MARKUP}).url == page
    assert client.post(page, {"text": ""}).status_code == 302
    client.force_login(owner)
    shown = client.get(page).content.decode()
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert(1)" not in shown
    assert driver.email not in shown
    message = Message.objects.get()
    report = f"/messages/{message.code}/report/"
    client.post(report, {"text": "Rude"})
    client.force_login(stranger)
    assert (client.get(page).status_code, client.post(report, {"text": "Rude"}).status_code) == (404, 404)
    threads.write(user=owner, visit=booking, text="between us")
    client.force_login(staff)
    listed = client.get("/admin/stations/message/").content.decode()
    assert "Rude" in listed
    assert "between us" not in listed
    client.post("/admin/stations/message/", {"action": "hide", "_selected_action": [message.pk]})
    client.force_login(owner)
    assert "alert(1)" not in client.get(page).content.decode()


def test_messages_over_http(driver, owner, stranger, staff, booking, charge_point):
    url = f"/api/v1/reservations/{booking.code}/messages/"
    answer = client_of(driver).post(url, {"text": "Hello"}, format="json")
    body = answer.json()
    assert (answer.status_code, body["author"], body["is_mine"], body["text"]) == (201, "Tereza", True, "Hello")
    assert client_of(owner).get(url).json()["results"] == [{**body, "is_mine": False}]
    for somebody in (stranger, staff):
        api = client_of(somebody)
        assert (api.get(url).status_code, api.post(url, {"text": "x"}, format="json").status_code) == (404, 404)
    assert client_of(driver).post(url, {"text": ""}, format="json").status_code == 400
    session = f"/api/v1/sessions/{visit(driver, charge_point).code}/messages/"
    assert client_of(driver).get(session).json()["results"] == []
    assert client_of(owner).post(session, {"text": "Bye"}, format="json").status_code == 201


def test_what_goes_with_an_account(driver, owner, charge_point):
    session = visit(driver, charge_point)
    threads.write(user=driver, visit=session, text="my own words")
    threads.write(user=owner, visit=session, text="her words")
    taken = json.dumps(export.everything_about(driver), default=str)
    assert "my own words" in taken
    assert "her words" in taken
    closing.prepare_closing(None, user=driver)
    assert list(Message.objects.values_list("text", flat=True)) == ["", "her words"]


def unread(user):
    return [vars(thread)["is_unread"] for thread in threads.of(user)]


def test_a_list_with_what_is_new_first(driver, owner, stranger, booking, charge_point, client):
    older = visit(driver, charge_point)
    threads.write(user=driver, visit=older, text="Thanks")
    threads.write(user=owner, visit=older, text="Any time")
    threads.write(user=driver, visit=booking, text=MARKUP)
    assert unread(owner) == [True, False]
    assert [(vars(thread)["is_unread"], vars(thread)["last_text"]) for thread in threads.of(driver)] == [
        (True, "Any time"),
        (False, MARKUP),
    ]
    client.force_login(driver)
    page = client.get("/messages/").content.decode()
    assert page.index("Any time") < page.index("alert(1)")
    assert MARKUP not in page

    client.get(f"/sessions/{older.code}/messages/")

    assert not any(unread(driver))
    assert client_of(driver).get("/api/v1/threads/").json()["results"][0]["is_unread"] is False
    found = client_of(owner).get("/api/v1/threads/").json()
    assert (found["count"], found["results"][0]["is_unread"], found["results"][0]["reservation"]) == (2, True, str(booking.code))
    client_of(owner).get(f"/api/v1/reservations/{booking.code}/messages/")
    assert not any(unread(owner))
    assert client_of(stranger).get("/api/v1/threads/").json()["count"] == 0


def test_what_is_said_most_often_is_one_press(driver, booking):
    assert "I arrive in 10 minutes." in threads.sentences(driver, booking)


def test_from_the_visit_and_its_receipt_one_writes(driver, owner, charge_point, client):
    session = visit(driver, charge_point)
    for somebody in (driver, owner):
        client.force_login(somebody)
        for url in (session.get_absolute_url(), session.cdr.get_absolute_url()):
            page = client.get(url).content.decode()
            assert f"/sessions/{session.code}/messages/" in page
            assert (f"/sessions/{session.code}/problem/" in page) is (somebody == driver)
    page = client.get("/owner/sessions/").content.decode()
    assert f"/sessions/{session.code}/review/" in page
