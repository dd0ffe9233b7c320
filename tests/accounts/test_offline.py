"""What a phone may keep, until when, and that it is told whose it is."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import offline
from accounts.models import User
from billing.models import Tariff
from stations import arrival, reservations
from stations.models import ChargePoint, Reservation
from tests import factories
from tests.stations.acting import begin, session_of, stop

TOKENS = re.compile(r'csrfmiddlewaretoken" value="([^"]+)"')
EDITION = {offline.EDITION: "1"}
NEVER = (
    *("accounts:profile", "accounts:id_tokens", "accounts:notifications", "accounts:privacy", "account_email"),
    *("billing:wallet", "billing:disputes", "billing:payouts", "billing:earnings", "billing:refund", "billing:auto_top_up"),
    *("stations:owner", "stations:owner_reservations", "stations:owner_charge_points", "stations:owner_sessions", "admin:index"),
)


def booked(charge_point: ChargePoint, driver: User, begins_in: timedelta) -> Reservation:
    begins_at = timezone.now() + begins_in
    connector = charge_point.connectors.get()
    return reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=begins_at + timedelta(hours=2))


def test_my_pages_may_be_kept_for_a_fortnight(client: Client, driver: User) -> None:
    client.force_login(driver)
    for name in ("stations:map", "stations:reservation_list", "stations:session_list"):
        assert client.get(reverse(name)).headers[offline.KEEP] == str(14 * 86_400)


@pytest.mark.parametrize("name", NEVER)
def test_money_secrets_and_forms_are_never_kept(client: Client, staff: User, name: str) -> None:
    client.force_login(staff)
    assert offline.KEEP not in client.get(reverse(name), follow=True).headers


def test_way_there_is_kept_a_quarter_of_an_hour_past_the_end(client: Client, driver: User, charge_point: ChargePoint) -> None:
    arrival.edit(charge_point, gate_code="2580#")
    soon, later = booked(charge_point, driver, timedelta(minutes=5)), booked(charge_point, driver, timedelta(days=3))
    client.force_login(driver)
    page = client.get(soon.get_absolute_url(), headers=EDITION)
    assert "2580#" in page.content.decode()
    left_s = (soon.ends_at + timedelta(minutes=15) - timezone.now()).total_seconds()
    assert left_s - 1 <= int(page.headers[offline.KEEP]) <= left_s + 300
    page = client.get(later.get_absolute_url(), headers=EDITION)
    assert "2580#" in page.content.decode()  # for she is on the way to the same charger now
    assert offline.KEEP not in page.headers
    reservations.cancel(user=driver, reservation=soon)
    page = client.get(later.get_absolute_url(), headers=EDITION)
    assert "2580#" not in page.content.decode()
    assert page.headers[offline.KEEP] == str(14 * 86_400)


def test_booking_is_kept_by_its_guest_alone(client: Client, driver: User, owner: User, charge_point: ChargePoint) -> None:
    booking = booked(charge_point, driver, timedelta(minutes=5))
    client.force_login(owner)
    page = client.get(booking.get_absolute_url())
    assert page.status_code == 200
    assert offline.KEEP not in page.headers


def test_visit_is_kept_by_who_charged_once_it_is_over(client: Client, driver: User, owner: User, charge_point: ChargePoint) -> None:
    factories.give_credit(driver, 50_000)
    factories.make_vehicle(driver)
    began = timezone.now() - timedelta(hours=2)
    started = begin(charge_point, factories.make_id_token(driver).uid, meter=1_000, at=began)
    client.force_login(driver)
    path = session_of(started).get_absolute_url()
    assert offline.KEEP not in client.get(path).headers
    assert path not in client.get(reverse("offline_pages")).json()["pages"]

    stop(charge_point, started.transaction_id, meter=9_000, at=began + timedelta(hours=1))

    assert client.get(path).headers[offline.KEEP] == str(14 * 86_400)
    assert path in client.get(reverse("offline_pages")).json()["pages"]
    assert offline.KEEP not in client.get(f"{path}?part=panel").headers
    deeds = [reverse(f"stations:{name}", args=[session_of(started).code]) for name in ("session_vehicle", "session_messages", "review")]
    shown, kept = (client.get(path, headers=headers).content.decode() for headers in ({}, EDITION))
    assert [deed in shown for deed in deeds] == [True] * 3
    assert [deed in kept for deed in deeds] == [False] * 3
    client.force_login(owner)
    assert offline.KEEP not in client.get(path).headers


def test_edition_for_the_pocket_lets_nobody_do_anything(client: Client, driver: User, charge_point: ChargePoint) -> None:
    booking = booked(charge_point, driver, timedelta(minutes=5))
    client.force_login(driver)
    shown, kept = (client.get(booking.get_absolute_url(), headers=headers).content.decode() for headers in ({}, EDITION))
    pill = 'class="pill only-wide num"'
    assert pill in shown
    assert set(TOKENS.findall(kept)) == {"none"}
    assert "none" not in TOKENS.findall(shown)
    for part in (pill, reverse("stations:reservation_cancel", args=[booking.code])):
        assert part not in kept
    assert client.get(booking.get_absolute_url(), headers=EDITION).headers["Cache-Control"] == "no-store"


def test_what_was_said_once_is_not_said_to_the_pocket(client: Client, driver: User) -> None:
    client.force_login(driver)
    client.get(reverse("stations:share"))
    said = "There was no place in what you shared"
    assert said not in client.get("/", headers=EDITION).content.decode()
    assert said in client.get("/").content.decode()


def test_every_page_says_whose_it_is(client: Client, driver: User, stranger: User) -> None:
    words = [client.get("/").headers[offline.OWNER]]
    assert "Cache-Control" not in client.get("/").headers
    for user in (driver, stranger):
        client.force_login(user)
        words.append(client.get("/").headers[offline.OWNER])
        for path in ("/", reverse("accounts:profile"), reverse("billing:wallet")):
            assert "private" in client.get(path).headers["Cache-Control"]  # by no proxy either
    assert words[0] == offline.NOBODY
    assert len(set(words)) == 3
    assert client.post(reverse("account_logout")).headers[offline.OWNER] == offline.NOBODY
    assert str(driver.pk) not in words[1].strip("0123456789abcdef")
    assert offline.OWNER not in client.get("/manifest.webmanifest").headers  # fetched without a cookie, it would be nobody's


def test_phone_is_told_what_to_take_along(client: Client, driver: User, charge_point: ChargePoint, tariff: Tariff) -> None:
    path = reverse("offline_pages")
    assert client.get(path).json() == {"pages": []}
    booking = booked(charge_point, driver, timedelta(days=1))
    client.force_login(driver)
    answer = client.get(path)
    assert answer.json() == {"pages": ["/", "/reservations/", "/sessions/", booking.get_absolute_url()]}
    assert answer.headers[offline.OWNER] == offline.owner(driver)
    User.objects.filter(pk=driver.pk).update(guest_email="guest@example.com")  # other pages end the visit of whoever pays for one alone
    assert client.get(path).json() == {"pages": ["/"]}


def test_nothing_is_kept_of_what_is_not_there(client: Client, driver: User) -> None:
    client.force_login(driver)
    for path in (
        reverse("stations:reservation_detail", args=[uuid4()]),
        "/api/v1/charge-points/?bbox=x",
        "/api/v1/charge-points/?role=owner",
    ):
        assert offline.KEEP not in client.get(path).headers
    assert offline.KEEP in client.get("/api/v1/charge-points/?bbox=17,49,18,50").headers
