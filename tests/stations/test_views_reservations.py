"""The pages of bookings, without a script."""

import re
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from stations import charge_points, reservations
from stations.models import OperatorReservation, Reservation
from stations.views.day import Choice, Day
from tests import factories
from tests.stations.acting import HOUR, MINUTE, go_online

NOON = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)  # 12:00 in Prague


@pytest.fixture
def booking(driver, connector):
    begins_at = timezone.now().replace(microsecond=0) + 2 * HOUR
    return reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=begins_at + HOUR)


def choose(now=NOON, **query):
    return Choice.read(QueryDict(urlencode(query)), now)


def day(taken=(), now=NOON, part=0, **query):
    return Day(choose(now, **query), list(taken), now, part)


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# The choice


def test_without_a_choice_the_next_half_hour_of_today_is_chosen():
    choice = choose()
    assert (choice.day, choice.clock, choice.minutes) == (date(2026, 11, 20), "12:30", 120)


def test_a_choice_is_read_from_the_address():
    choice = choose(day="2026-11-21", start="18:00", minutes="210")
    assert (choice.clock, choice.end_clock, choice.shorter, choice.longer) == ("18:00", "21:30", 180, 240)


def test_two_times_of_the_clock_may_span_midnight():
    choice = choose(day="2026-11-21", start="22:00", end="06:00")
    assert choice.minutes == 8 * 60


@pytest.mark.parametrize(
    "query",
    [
        {"day": "x", "start": "y", "minutes": "z"},
        {"day": "0001-01-01"},
        {"day": "9999-12-31", "start": "23:59", "minutes": "99999"},
        {"minutes": "²"},
        {"start": "12:00:00+05:00", "end": "12:00"},
    ],
)
def test_nonsense_chooses_something(query):
    choice = choose(**query)
    assert date(2026, 11, 20) <= choice.day < date(2027, 11, 21)
    assert 30 <= choice.minutes <= 72 * 60


def test_a_day_has_as_many_half_hours_as_the_clock_has():
    assert sum(len(day(day="2026-11-21", part=part).starts) for part in range(4)) == 48
    assert sum(len(day(day="2027-03-28", part=part).starts) for part in range(4)) == 46
    assert sum(len(day(day="2027-10-31", part=part).starts) for part in range(4)) == 50


def test_what_is_taken_or_past_cannot_be_chosen():
    at_18 = NOON + 6 * HOUR
    taken = (at_18, at_18 + HOUR)
    evening = day([taken], part=3, start="18:30")
    assert [start.is_free for start in evening.starts[:4]] == [False, False, True, True]
    assert not evening.is_free
    assert [(stripe.x, stripe.width) for stripe in evening.band_of_taken] == [(720.0, 40.0)]
    assert day([taken], part=3, start="19:00").is_free
    assert not any(start.is_free for start in day(part=1).starts)
    assert not day(start="08:00").is_free
    closed = Day(choose(start="08:00"), [], NOON, 1, [(evening.span[0], NOON)])
    assert [stripe.width for stripe in closed.band_of_closed] == [480.0]
    assert not any(start.is_free for start in closed.starts)


# Pages


def test_the_page_of_a_charger_leads_to_booking(client, driver, charge_point):
    client.force_login(driver)
    assert reverse("stations:book", args=[charge_point.code]) in client.get(charge_point.get_absolute_url()).content.decode()


def test_one_must_log_in(client, charge_point, booking):
    for name, argument in (("book", charge_point.code), ("reservation_detail", booking.code), ("reservation_cancel", booking.code)):
        assert client.get(reverse(f"stations:{name}", args=[argument])).status_code == 302
    assert client.get(reverse("stations:reservation_list")).status_code == 302


def test_book_by_links_and_a_button(client, driver, charge_point):
    client.force_login(driver)
    url = reverse("stations:book", args=[charge_point.code])
    tomorrow = timezone.localdate() + timedelta(days=1)
    page = client.get(url, {"day": tomorrow.isoformat(), "start": "18:00", "minutes": "210"})
    assert page.status_code == 200
    assert "18:00–21:30" in text_of(page)
    fields = dict(re.findall(r'name="(connector|from|to)" value="([^"]*)"', page.content.decode()))

    answer = client.post(url, fields)

    booking = Reservation.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == booking.get_absolute_url()
    local = timezone.localtime(booking.begins_at)
    assert (local.date(), local.hour, booking.ends_at - booking.begins_at) == (tomorrow, 18, 210 * MINUTE)
    taken = client.get(url, {"day": tomorrow.isoformat(), "start": "19:00"})
    assert 'id="book"' not in taken.content.decode()


@pytest.mark.parametrize("said", [{}, {"from": "x", "to": "y"}, {"from": "0001-01-01T00:00", "to": "9999-12-31T23:59"}])
def test_a_form_that_was_tampered_with_books_nothing(client, driver, charge_point, said):
    client.force_login(driver)
    url = reverse("stations:book", args=[charge_point.code])
    assert client.post(url, said, headers={"referer": f"http://testserver{url}"}).status_code == 302
    assert not Reservation.objects.exists()


def test_the_second_comer_reads_why(client, stranger, charge_point, booking):
    client.force_login(stranger)
    url = reverse("stations:book", args=[charge_point.code])
    said = {"connector": "1", "from": booking.begins_at.isoformat(), "to": booking.ends_at.isoformat()}
    page = client.post(url, said, headers={"referer": f"http://testserver{url}"}, follow=True)
    with override("en"):
        assert str(reservations.SlotTaken.message) in text_of(page)


def test_what_i_booked(client, driver, booking):
    client.force_login(driver)
    page = client.get(reverse("stations:reservation_list"))
    assert booking.get_absolute_url() in page.content.decode()
    Reservation.objects.update(status="expired")
    page = client.get(reverse("stations:reservation_list"))
    assert booking.get_absolute_url() in page.content.decode()
    assert reverse("stations:map") in page.content.decode()


@pytest.mark.parametrize("status", Reservation.Status.values)
@pytest.mark.parametrize("answer", ["", "Accepted", "Occupied", "Faulted", "Unavailable", "Rejected"])
def test_a_booking_in_every_state(client, driver, owner, booking, status, answer):
    Reservation.objects.update(status=status, answer=answer)
    for person in (driver, owner):
        client.force_login(person)
        page = client.get(booking.get_absolute_url())
        assert page.status_code == 200
        assert ("/cancel/" in page.content.decode()) == (status in ("booked", "requested"))


def test_the_address_shows_when_it_is_time_to_go(client, driver, owner, charge_point, booking):
    charge_points.edit(charge_point, address="Holasická 12, Opava")
    client.force_login(driver)
    assert "Holasická" not in text_of(client.get(booking.get_absolute_url()))
    assert "Holasická" not in text_of(client.get(charge_point.get_absolute_url()))
    now = timezone.now()
    Reservation.objects.update(begins_at=now + 10 * MINUTE, ends_at=now + HOUR)
    assert "Holasická" in text_of(client.get(booking.get_absolute_url()))
    assert "Holasická" in text_of(client.get(charge_point.get_absolute_url()))
    Reservation.objects.update(status="cancelled")
    assert "Holasická" not in text_of(client.get(booking.get_absolute_url()))


def test_cancel_asks_first(client, driver, booking):
    client.force_login(driver)
    url = reverse("stations:reservation_cancel", args=[booking.code])
    assert client.get(url).status_code == 200
    assert Reservation.objects.get().status == "booked"
    assert client.post(url).status_code == 302
    assert Reservation.objects.get().status == "cancelled"
    assert client.get(url).status_code == 302


def test_nobody_sees_anothers(client, stranger, booking):
    client.force_login(stranger)
    for name in ("reservation_detail", "reservation_cancel", "reservation_calendar"):
        assert client.get(reverse(f"stations:{name}", args=[booking.code])).status_code == 404
    assert client.post(reverse("stations:reservation_cancel", args=[booking.code])).status_code == 404


def test_the_owner_sees_who_comes(client, owner, stranger, driver, booking):
    url = reverse("stations:owner_reservations")
    client.force_login(owner)
    page = text_of(client.get(url))
    assert "Tereza" in page
    assert "Malá" not in page
    assert "Tereza" in text_of(client.get(booking.get_absolute_url()))
    client.force_login(stranger)
    assert "Tereza" not in text_of(client.get(url))


def test_a_calendar_takes_it(client, driver, charge_point, booking):
    charge_points.edit(charge_point, name="Garáž; u Nováků, vzadu " + "ž" * 60)
    client.force_login(driver)
    file = client.get(reverse("stations:reservation_calendar", args=[booking.code]))
    assert file["Content-Type"] == "text/calendar; charset=utf-8"
    assert all(len(line) <= 75 for line in file.content.split(b"\r\n"))
    unfolded = file.content.decode().replace("\r\n ", "")
    assert "Garáž\\; u Nováků\\, vzadu" in unfolded
    assert f"DTSTART:{booking.begins_at.astimezone(UTC):%Y%m%dT%H%M%SZ}" in unfolded
    assert "STATUS:CONFIRMED" in unfolded


def test_a_calendar_learns_of_changes_and_of_the_end(client, driver, booking):
    client.force_login(driver)
    url = reverse("stations:reservation_calendar", args=[booking.code])
    files = [client.get(url).content.decode()]

    reservations.change(user=driver, reservation=booking, begins_at=booking.begins_at, ends_at=booking.ends_at - 10 * MINUTE)
    files.append(client.get(url).content.decode())
    reservations.cancel(user=driver, reservation=booking)
    files.append(client.get(url).content.decode())

    assert [re.findall(r"SEQUENCE:(\d+)", file) for file in files] == [["0"], ["1"], ["2"]]
    assert len({uid for file in files for uid in re.findall("UID:.*", file)}) == 1
    assert "STATUS:CANCELLED" in files[2]
    assert url in client.get(booking.get_absolute_url()).content.decode()


def test_a_charger_kept_for_somebody_says_so(client, driver, stranger, charge_point, booking):
    go_online(charge_point)
    now = timezone.now()
    Reservation.objects.update(begins_at=now + 5 * MINUTE, ends_at=now + HOUR)
    client.force_login(stranger)
    factories.give_credit(stranger, 50_000)
    page = client.get(charge_point.get_absolute_url()).content.decode()
    assert "/start/" not in page
    charge_point.connectors.update(status="Reserved")
    client.force_login(driver)
    page = client.get(charge_point.get_absolute_url()).content.decode()
    assert "/start/" in page
    assert booking.get_absolute_url() in page


def test_the_owner_reads_for_whom_a_connector_is_kept(client, owner, charge_point, booking):
    expires_at = timezone.now() + HOUR
    OperatorReservation.objects.create(
        charge_point=charge_point, connector_number=1, reservation_id=7, id_tag="GUEST-7", expires_at=expires_at
    )
    client.force_login(owner)
    page = client.get(reverse("stations:owner_charge_point", args=[charge_point.code]))
    assert "GUEST-7" in text_of(page)
    assert booking.get_absolute_url() in page.content.decode()
