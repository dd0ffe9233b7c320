"""Booking rules, requests, weekly bookings, waiting lists and arrival packs over HTTP."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from stations import arrival, booking_rules, export, reservations, waitlist
from stations.models import Reservation, WaitlistPlace
from tests import factories
from tests.stations.acting import HOUR, MINUTE, begin, go_online
from tests.stations.test_reservations import book, move

WEEK = timedelta(weeks=1)


def api(user=None):
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


def said(moment):
    return moment.isoformat()


def wish(connector, *, begins=24 * HOUR, hours=2, **more):
    begins_at = timezone.now().replace(microsecond=0) + begins
    return {
        "connector": f"{connector.charge_point.code}/{connector.number}",
        "from": said(begins_at),
        "to": said(begins_at + hours * HOUR),
        **more,
    }


def test_a_new_charge_point_asks_for_nothing(charge_point):
    answer = api().get(f"/api/v1/charge-points/{charge_point.code}/booking-rules/").json()

    assert answer == {
        "approval": "at_once",
        "approve_first": 5,
        "notice_minutes": 0,
        "ahead_days": 365,
        "buffer_minutes": 0,
        "shortest_minutes": 1,
        "longest_minutes": 4320,
        "wants_confirmed_email": False,
        "wants_vehicle": False,
        "free_until_hours": 0,
        "late_fee": {"amount": "0.00", "currency": "CZK"},
        "no_show_fee": {"amount": "0.00", "currency": "CZK"},
        "open": [],
        "own": [],
        "takes_guests": True,
    }


def test_an_owner_sets_her_rules(owner, driver, charge_point):
    path = f"/api/v1/charge-points/{charge_point.code}/booking-rules/"
    hours = [{"days": [1, 2], "from": "06:00", "to": "22:00"}]

    answer = api(owner).patch(path, {"approval": "always", "late_fee": "30", "open": hours}, format="json")

    assert answer.status_code == 200, answer.json()
    assert answer.json()["open"] == hours
    assert answer.json()["late_fee"] == {"amount": "30.00", "currency": "CZK"}
    assert api(driver).get(path).json()["approval"] == "always"
    assert api(driver).patch(path, {"approval": "at_once"}, format="json").status_code == 404


def test_when_the_host_is_at_home_is_nobodys_business(owner, driver, charge_point):
    path = f"/api/v1/charge-points/{charge_point.code}/booking-rules/"
    hours = {"open": [{"days": [1], "from": "06:00", "to": "22:00"}], "own": [{"days": [1], "from": "17:00", "to": "18:00"}]}
    api(owner).patch(path, hours, format="json")

    seen = api(driver).get(path).json()

    assert seen["own"] == []
    assert seen["open"] == [{"days": [1], "from": "06:00", "to": "17:00"}, {"days": [1], "from": "18:00", "to": "22:00"}]
    assert api().get(path).json()["own"] == []
    assert api(owner).get(path).json()["own"] == hours["own"]


def test_a_host_who_keeps_every_hour_takes_no_guests(owner, driver, charge_point):
    path = f"/api/v1/charge-points/{charge_point.code}/booking-rules/"
    kept = api(owner).patch(path, {"own": [{"from": "00:00", "to": "24:00"}]}, format="json").json()
    slot = {"connector": f"{charge_point.code}/1", "from": timezone.now() + 2 * HOUR, "to": timezone.now() + 3 * HOUR}

    seen, refused = api(driver).get(path).json(), api(driver).post("/api/v1/reservations/", slot, format="json")

    assert (kept["open"], kept["takes_guests"]) == ([], False)
    assert (seen["open"], seen["own"], seen["takes_guests"]) == ([], [], False)
    assert (refused.status_code, refused.json()["detail"]) == (409, "The host takes no bookings here.")


@pytest.mark.parametrize(
    "body",
    [
        {"approval": "never"},
        {"late_fee": "50.01"},
        {"late_fee": 5.5},
        {"buffer_minutes": 7},
        {"notice_minutes": -1},
        {"ahead_days": 0},
        {"open": "always"},
        {"open": [{"days": [9], "from": "06:00", "to": "22:00"}]},
        {"open": [{"days": [1], "from": "6", "to": "22:00"}]},
        {"open": [{}]},
        {"shortest_minutes": 100, "longest_minutes": 50},
    ],
)
def test_rules_that_make_no_sense_are_refused(owner, charge_point, body):
    answer = api(owner).patch(f"/api/v1/charge-points/{charge_point.code}/booking-rules/", body, format="json")

    assert answer.status_code == 400, answer.json()
    assert answer.json()["code"]


def test_closures_are_the_owners_to_read_and_write(owner, driver, charge_point):
    path, now = f"/api/v1/charge-points/{charge_point.code}/closures/", timezone.now()

    made = api(owner).post(path, {"from": said(now + HOUR), "to": said(now + 2 * HOUR), "note": "Holiday"}, format="json")

    assert made.status_code == 201, made.json()
    assert [row["note"] for row in api(owner).get(path).json()] == ["Holiday"]
    assert api(driver).get(path).status_code == 404
    assert api(driver).delete(f"{path}{made.json()['id']}/").status_code == 404
    assert api(owner).post(path, {"from": said(now + 2 * HOUR), "to": said(now + HOUR)}, format="json").status_code == 400
    assert api(owner).delete(f"{path}{made.json()['id']}/").status_code == 204
    assert api(owner).delete(f"{path}{made.json()['id']}/").status_code == 404


def test_free_times_say_nothing_of_who_has_the_rest(driver, stranger, connector):
    book(stranger, connector, begins=24 * HOUR)
    answer = api(driver).get(f"/api/v1/charge-points/{connector.charge_point.code}/connectors/1/free-times/")

    assert answer.status_code == 200
    assert set(answer.json()[0]) == {"from", "to"}
    assert stranger.name not in answer.content.decode()
    assert api().get(f"/api/v1/charge-points/{connector.charge_point.code}/connectors/9/free-times/").status_code == 404
    assert api().get(f"/api/v1/charge-points/{connector.charge_point.code}/connectors/1/free-times/?day=x").status_code == 400


def test_a_request_is_answered_over_http(driver, stranger, owner, charge_point, connector):
    booking_rules.edit(charge_point, approval="always")
    made = api(driver).post("/api/v1/reservations/", wish(connector), format="json").json()
    path = f"/api/v1/reservations/{made['code']}/"

    assert made["status"] == "requested"
    assert made["answer_by"]
    assert api(stranger).post(f"{path}approve/").status_code == 404
    assert api(driver).post(f"{path}approve/").status_code == 404
    assert api(owner).post(f"{path}approve/").json()["status"] == "booked"
    assert api(owner).post(f"{path}reject/").status_code == 409
    assert api(owner).post(f"{path}reject/").json()["code"] == "already_answered"


def test_a_booking_is_changed_over_http(driver, owner, connector):
    made = api(driver).post("/api/v1/reservations/", wish(connector), format="json").json()
    path, ends_at = f"/api/v1/reservations/{made['code']}/", timezone.now() + 25 * HOUR

    assert api(owner).patch(path, {"to": said(ends_at)}, format="json").status_code == 404
    answer = api(driver).patch(path, {"to": said(ends_at)}, format="json")

    assert answer.status_code == 200, answer.json()
    assert Reservation.objects.get().ends_at == ends_at
    assert answer.json()["from"] == made["from"]


def test_a_weekly_booking_over_http(driver, stranger, connector):
    body = wish(connector, weeks=3)
    answer = api(driver).post("/api/v1/reservation-series/", body, format="json")

    assert answer.status_code == 201, answer.json()
    assert len(answer.json()["reservations"]) == 3
    code = answer.json()["code"]
    assert api(driver).get(f"/api/v1/reservation-series/{code}/").json()["weeks"] == 3
    assert api(stranger).get(f"/api/v1/reservation-series/{code}/").status_code == 404
    assert api(stranger).get("/api/v1/reservation-series/").json()["count"] == 0
    taken = api(stranger).post("/api/v1/reservation-series/", body, format="json")
    assert (taken.status_code, taken.json()["code"], len(taken.json()["fields"]["taken"])) == (409, "slot_taken", 3)
    first = answer.json()["reservations"][0]["code"]
    assert api(driver).delete(f"/api/v1/reservations/{first}/?following=true").status_code == 204
    assert set(Reservation.objects.values_list("status", flat=True)) == {"cancelled"}


@pytest.mark.parametrize(
    "more", [{}, {"weeks": 520}, {"weeks": 3, "until": "2027-01-01"}, {"until": "2037-01-01"}, {"until": "1999-01-01"}]
)
def test_absurd_weekly_bookings_are_refused(driver, connector, more):
    answer = api(driver).post("/api/v1/reservation-series/", wish(connector, **more), format="json")

    assert answer.status_code == 400, answer.json()
    assert not Reservation.objects.exists()


def test_until_a_day(driver, connector):
    body = wish(connector)
    last_day = timezone.localdate(datetime.fromisoformat(body["from"])) + timedelta(days=14)
    answer = api(driver).post("/api/v1/reservation-series/", {**body, "until": f"{last_day}"}, format="json")

    assert len(answer.json()["reservations"]) == 3


def test_waiting_over_http(driver, stranger, connector):
    body = wish(connector)
    free = api(driver).post("/api/v1/waitlist/", body, format="json")
    assert (free.status_code, free.json()["code"]) == (409, "slot_free")
    booked = api(stranger).post("/api/v1/reservations/", body, format="json").json()

    made = api(driver).post("/api/v1/waitlist/", body, format="json")

    assert made.status_code == 201, made.json()
    path = f"/api/v1/waitlist/{made.json()['code']}/"
    assert made.json()["status"] == "waiting"
    assert api(driver).post(f"{path}claim/").json()["code"] == "not_your_turn"
    assert api(stranger).get(path).status_code == 404
    assert api(stranger).post(f"{path}claim/").status_code == 404
    api(stranger).delete(f"/api/v1/reservations/{booked['code']}/")
    assert api(driver).get(path).json()["status"] == "offered"
    claimed = api(driver).post(f"{path}claim/").json()
    assert claimed["status"] == "claimed"
    assert Reservation.objects.get(code=claimed["reservation"]).driver == driver
    assert api(driver).delete(path).status_code == 204
    assert WaitlistPlace.objects.get().status == "claimed"


# The arrival pack


@pytest.fixture
def pack(charge_point):
    return arrival.edit(charge_point, gate_code="2580#", spot="Second on the left", socket="Under the roof")


def test_the_pack_is_read_by_nobody_else(driver, stranger, owner, charge_point, connector, pack, client):
    path = f"/api/v1/charge-points/{charge_point.code}/arrival/"
    mine = book(driver, connector, begins=20 * MINUTE, ends=2 * HOUR)

    assert api().get(path).status_code == 401
    for somebody in (driver, stranger):  # too early for her who has booked
        assert api(somebody).get(path).status_code == 404
    assert api(driver).patch(path, {"gate_code": "0"}, format="json").status_code == 404
    move(mine, begins=14 * MINUTE)
    assert api(driver).get(path).json()["gate_code"] == "2580#"
    assert api(stranger).get(path).status_code == 404
    assert api(owner).get(path).json()["spot"] == "Second on the left"
    reservations.cancel(user=driver, reservation=mine)
    assert api(driver).get(path).status_code == 404
    for url in (
        charge_point.get_absolute_url(),
        f"/api/v1/charge-points/{charge_point.code}/",
        "/api/v1/charge-points/?bbox=-180,-90,180,90",
        f"/api/v1/reservations/{mine.code}/",
        mine.get_absolute_url(),
    ):
        client.force_login(driver)
        assert "2580#" not in client.get(url).content.decode()


def test_who_charges_reads_the_pack(driver, charge_point, connector, pack, client):
    go_online(charge_point)
    card = factories.make_id_token(driver)
    begin(charge_point, card.uid, at=timezone.now())

    client.force_login(driver)
    assert "2580#" in client.get(charge_point.get_absolute_url()).content.decode()


def test_the_booking_shows_the_pack_in_time(driver, connector, pack, client):
    mine = book(driver, connector, begins=20 * MINUTE, ends=2 * HOUR)
    client.force_login(driver)
    assert "2580#" not in client.get(mine.get_absolute_url()).content.decode()
    move(mine, begins=10 * MINUTE)
    assert "2580#" in client.get(mine.get_absolute_url()).content.decode()


def test_a_request_opens_no_gate(driver, charge_point, connector, pack):
    booking_rules.edit(charge_point, approval="always")
    move(book(driver, connector, begins=20 * MINUTE), begins=10 * MINUTE)

    assert api(driver).get(f"/api/v1/charge-points/{charge_point.code}/arrival/").status_code == 404


# Pages


def test_an_owner_types_her_rules(owner, driver, charge_point, client):
    client.force_login(owner)
    path = reverse("stations:owner_booking_rules", args=[charge_point.code])
    page = client.get(path)
    assert page.status_code == 200
    form = page.context["form"]
    data = {name: form[name].value() if form[name].value() is not None else "" for name in form.fields}
    data |= {"approval": "always", "open_1": "6–22", "open_2": "6:00-12:00, 13-24", "late_fee_minor": "30", "wants_vehicle": "on"}
    data.pop("wants_confirmed_email")

    answer = client.post(path, data)

    assert answer.status_code == 302, answer.context["form"].errors
    rules = booking_rules.of(type(charge_point).objects.get(pk=charge_point.pk))
    assert (rules.approval, rules.late_fee_minor, rules.wants_vehicle, rules.ahead_days) == ("always", 3_000, True, 365)
    assert [(one.weekday, one.from_minute, one.to_minute) for one in booking_rules.hours(charge_point, "open")] == [
        (0, 360, 1320),
        (1, 360, 720),
        (1, 780, 1440),
    ]
    bad = client.post(path, {**data, "open_3": "whenever", "late_fee_minor": "80"})
    assert bad.status_code == 200
    assert set(bad.context["form"].errors) == {"open_3"}
    assert client.post(path, {**data, "late_fee_minor": "80"}).context["form"].errors["late_fee_minor"]
    client.force_login(driver)
    assert client.get(path).status_code == 404


def test_an_owner_closes_and_opens(owner, charge_point, client):
    client.force_login(owner)
    day = f"{timezone.localdate() + timedelta(days=3)}"
    client.post(reverse("stations:owner_closure_add", args=[charge_point.code]), {"from": f"{day}T08:00", "to": f"{day}T20:00"})
    [closure] = booking_rules.closures(charge_point, timezone.now())
    assert timezone.localtime(closure.begins_at).hour == 8
    client.post(reverse("stations:owner_closure_remove", args=[charge_point.code, closure.pk]))
    assert not booking_rules.closures(charge_point, timezone.now())
    for bad in ({}, {"from": "x", "to": "y"}, {"from": f"{day}T20:00", "to": f"{day}T08:00"}):
        assert client.post(reverse("stations:owner_closure_add", args=[charge_point.code]), bad).status_code == 302
    assert not booking_rules.closures(charge_point, timezone.now())


def test_an_owner_writes_how_to_arrive(owner, charge_point, client):
    client.force_login(owner)
    path = reverse("stations:owner_arrival", args=[charge_point.code])
    assert client.post(path, {"gate_code": "1947", "cable_m": "5.5"}).status_code == 302
    assert "1947" in client.get(path).content.decode()
    assert client.post(path, {"cable_m": "-1"}).context["form"].errors["cable_m"]


def test_a_request_has_its_buttons_in_the_inbox(driver, owner, charge_point, connector, client):
    booking_rules.edit(charge_point, approval="always")
    client.force_login(driver)
    begins_at = timezone.now() + 24 * HOUR
    client.post(reverse("stations:book", args=[charge_point.code]), {"from": said(begins_at), "to": said(begins_at + HOUR)})
    asked_for = Reservation.objects.get()
    approve = reverse("stations:reservation_approve", args=[asked_for.code])

    assert approve not in client.get(reverse("accounts:notifications")).content.decode()
    assert client.post(approve).status_code == 404
    client.force_login(owner)
    assert approve in client.get(reverse("accounts:notifications")).content.decode()
    assert approve in client.get(asked_for.get_absolute_url()).content.decode()
    client.post(approve)
    asked_for.refresh_from_db()
    assert asked_for.status == "booked"


def test_the_weeks_that_are_taken_are_shown_before(driver, stranger, charge_point, connector, client):
    begins_at = timezone.now().replace(microsecond=0) + 24 * HOUR
    reservations.book(driver=stranger, connector=connector, begins_at=begins_at + WEEK, ends_at=begins_at + WEEK + HOUR)
    client.force_login(driver)
    path = reverse("stations:book", args=[charge_point.code])
    body = {"from": said(begins_at), "to": said(begins_at + HOUR), "weeks": "4"}

    page = client.post(path, body)
    assert page.status_code == 409
    assert page.context["left"] == 3
    assert not Reservation.objects.filter(driver=driver).exists()
    client.post(path, {**body, "rest": "1"})
    assert Reservation.objects.filter(driver=driver).count() == 3
    client.post(path, {**body, "weeks": "9999"})
    assert Reservation.objects.filter(driver=driver).count() == 3


def test_waiting_and_claiming_without_a_script(driver, stranger, charge_point, connector, client):
    taken = book(stranger, connector, begins=24 * HOUR)
    client.force_login(driver)
    day = timezone.localtime(taken.begins_at)
    query = {"day": f"{day:%Y-%m-%d}", "start": f"{day:%H:%M}", "minutes": "60"}
    wait = reverse("stations:waitlist_join", args=[charge_point.code, connector.number])
    assert wait in client.get(reverse("stations:book", args=[charge_point.code]), query).content.decode()

    client.post(wait, {"from": said(taken.begins_at), "to": said(taken.ends_at)})
    place = WaitlistPlace.objects.get()
    assert client.get(place.get_absolute_url()).status_code == 200
    assert place.get_absolute_url() in client.get(reverse("stations:reservation_list")).content.decode()
    reservations.cancel(user=stranger, reservation=taken)
    claim = reverse("stations:waitlist_claim", args=[place.code])
    assert claim in client.get(reverse("accounts:notifications")).content.decode()
    client.post(claim)
    client.post(claim)
    assert Reservation.objects.filter(driver=driver, status="booked").count() == 1
    client.force_login(stranger)
    assert client.get(place.get_absolute_url()).status_code == 404
    assert client.post(claim).status_code == 404


def test_the_charger_page_shows_a_week_with_links(driver, stranger, charge_point, connector, client):
    book(stranger, connector, begins=24 * HOUR)
    page = client.get(charge_point.get_absolute_url())
    assert len(page.context["free_days"]) == 7
    span = next(one for one in page.context["free_days"] if one.spans).spans[0]
    begins_at = timezone.localtime(span[0])
    assert f"day={begins_at:%Y-%m-%d}&amp;start={begins_at:%H:%M}&amp;minutes=" in page.content.decode()


def test_a_fee_is_said_before_and_has_a_receipt(driver, charge_point, connector, client):
    booking_rules.edit(charge_point, late_fee_minor=3_000, free_until_hours=24)
    mine = book(driver, connector)
    Reservation.objects.update(free_until=timezone.now() - MINUTE)
    client.force_login(driver)

    assert "30.00" in client.get(reverse("stations:reservation_cancel", args=[mine.code])).content.decode()
    client.post(reverse("stations:reservation_cancel", args=[mine.code]))
    mine.refresh_from_db()
    assert client.get(mine.cdr.get_absolute_url()).status_code == 200
    assert client.get(reverse("billing:receipt_pdf", args=[mine.cdr.number])).status_code == 200


def test_the_receipt_of_a_fee_shows_no_meter(driver, charge_point, connector, client):
    booking_rules.edit(charge_point, late_fee_minor=3_000)
    mine = book(driver, connector)
    Reservation.objects.update(free_until=timezone.now() - MINUTE)
    reservations.cancel(user=driver, reservation=mine)
    mine.refresh_from_db()
    client.force_login(driver)

    page = client.get(mine.cdr.get_absolute_url()).content.decode()

    assert "What the meter counted" not in page
    assert "Booking cancelled late" in page


def test_what_we_hold_names_her_rules_and_her_places_in_line(driver, stranger, owner, charge_point, connector, pack):
    booking_rules.edit(charge_point, approval="always", notice_minutes=30)
    taken = book(stranger, connector)
    waitlist.join(driver=driver, connector=connector, begins_at=taken.begins_at, ends_at=taken.ends_at)

    hers, his = export.everything_about(driver), export.everything_about(owner)

    assert len(hers["waiting_lists"]) == 1
    assert not hers["arrival_packs"]
    assert [one["gate_code"] for one in his["arrival_packs"]] == ["2580#"]
    assert [one["notice_minutes"] for one in his["booking_rules"]] == [30]
    assert not his["waiting_lists"]
