"""Bookings over HTTP."""

from datetime import timedelta

import pytest
from django.utils import timezone

from stations import reservations
from stations.models import Command, Reservation
from tests import factories
from tests.stations.acting import HOUR, begin, go_online
from tests.stations.test_api_sessions import client_of

URL = "/api/v1/reservations/"


def slot(hours=2.0, length=2.0):
    begins = timezone.now().replace(microsecond=0) + timedelta(hours=hours)
    return {"from": f"{begins:%Y-%m-%dT%H:%M:%SZ}", "to": f"{begins + timedelta(hours=length):%Y-%m-%dT%H:%M:%SZ}"}


def book(user, charge_point, number=1, headers=None, **when):
    body = {"connector": f"{charge_point.code}/{number}", **(when or slot())}
    return client_of(user).post(URL, body, format="json", headers=headers or {})


def test_a_booking(driver, charge_point):
    when = slot()
    answer = book(driver, charge_point, **when)

    assert answer.status_code == 201, answer.content
    body = answer.json()
    row = Reservation.objects.get()
    assert body == {
        "code": str(row.code),
        "reservation_id": row.reservation_id,
        "status": "booked",
        "charge_point": charge_point.code,
        "connector": 1,
        **when,
        "told_at": None,
        "charger_answer": "",
        "session": None,
        "created_at": body["created_at"],
        "series": None,
        "answer_by": None,
        "free_until": None,
        "late_fee": {"amount": "0.00", "currency": "CZK"},
        "no_show_fee": {"amount": "0.00", "currency": "CZK"},
        "receipt": None,
        "trouble": "",
    }
    assert answer["Location"].endswith(f"/api/v1/reservations/{row.code}/")
    assert client_of(driver).get(f"{URL}{row.code}/").json() == body
    assert client_of(driver).get(URL).json()["results"] == [body]


def test_the_second_comer_gets_409(driver, stranger, charge_point):
    when = slot()
    assert book(driver, charge_point, **when).status_code == 201
    answer = book(stranger, charge_point, **when)
    assert answer.status_code == 409
    assert answer.json()["code"] == "slot_taken"
    assert answer.json()["detail"].endswith(".")


def test_the_same_key_books_once(driver, charge_point):
    when = slot()
    first, second = (book(driver, charge_point, headers={"Idempotency-Key": "k-1"}, **when) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert Reservation.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"connector": "k7mq2xw9d"}, "connector"),
        ({"connector": 7}, "connector"),
        ({"connector": "k7mq2xw9d/x"}, "connector"),
        ({"from": "tomorrow"}, "from"),
        ({"from": None}, "from"),
        ({"to": ""}, "to"),
        ({"from": "0001-01-01T00:00:00Z"}, "from"),
        ({"from": "9999-12-31T23:00:00Z", "to": "9999-12-31T23:59:59Z"}, "from"),
        ({"to": "9999-12-31T23:59:59Z"}, "to"),
        (slot(-3, 1), "from"),
        (slot(3, -1), "to"),
        (slot(3, 0), "to"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(driver, charge_point, change, field):
    body = {"connector": f"{charge_point.code}/1", **slot(), **change}
    answer = client_of(driver).post(URL, body, format="json")
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["fields"]) == [field]
    assert len(answer.json()["fields"][field]) == 1


def test_a_time_of_another_zone_is_the_same_moment(driver, charge_point):
    begins = timezone.now().replace(microsecond=0) + 5 * HOUR
    elsewhere = begins + 2 * HOUR
    answer = book(driver, charge_point, **{"from": f"{elsewhere:%Y-%m-%dT%H:%M:%S}+02:00", "to": f"{begins + HOUR:%Y-%m-%dT%H:%M:%SZ}"})
    assert answer.status_code == 201, answer.content
    assert Reservation.objects.get().begins_at == begins


def test_nobody_sees_or_cancels_anothers(driver, stranger, owner, charge_point):
    code = book(driver, charge_point).json()["code"]
    assert client_of().get(URL).status_code == 401
    assert client_of().post(URL, {}, format="json").status_code == 401
    for method in ("get", "delete"):
        assert getattr(client_of(stranger), method)(f"{URL}{code}/").status_code == 404
    assert client_of(stranger).get(URL).json()["count"] == 0
    assert client_of(stranger).get(f"{URL}?role=owner").json()["count"] == 0
    assert client_of(stranger).get(f"{URL}?role=staff").status_code == 404
    assert client_of(owner).get(f"{URL}?role=owner").json()["count"] == 1
    assert client_of(owner).get(URL).json()["count"] == 0
    for nonsense in ("x", "00000000-0000-0000-0000-000000000000"):
        assert client_of(driver).get(f"{URL}{nonsense}/").status_code == 404


def test_what_one_may_not_see_cannot_be_booked(driver, owner):
    hidden = factories.make_charge_point(owner, published=False)
    assert book(driver, hidden).status_code == 404
    private = factories.make_charge_point(owner, access="private")
    assert book(driver, private).status_code == 404
    assert book(driver, private, number=9).status_code == 404


def test_cancelled_once_and_for_all(driver, owner, charge_point):
    code = book(driver, charge_point).json()["code"]
    assert client_of(driver).delete(f"{URL}{code}/").status_code == 204
    assert client_of(driver).delete(f"{URL}{code}/").status_code == 204
    assert client_of(driver).get(f"{URL}{code}/").json()["status"] == "cancelled"
    assert client_of(driver).get(f"{URL}?status=cancelled").json()["count"] == 1
    assert client_of(driver).get(f"{URL}?status=booked").json()["count"] == 0


def test_what_has_expired_cannot_be_cancelled(driver, charge_point):
    code = book(driver, charge_point).json()["code"]
    Reservation.objects.update(status="expired")
    answer = client_of(driver).delete(f"{URL}{code}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "reservation_over")


def test_a_session_says_which_booking_it_used(driver, charge_point):
    factories.make_id_token(driver, "04A1B2C3")
    go_online(charge_point)
    code = book(driver, charge_point, **slot(0.1)).json()["code"]
    assert Command.objects.get().action == "ReserveNow"
    begin(charge_point, "04A1B2C3", at=timezone.now())
    [session] = client_of(driver).get("/api/v1/sessions/").json()["results"]
    assert session["reservation"] == code
    booking = client_of(driver).get(f"{URL}{code}/").json()
    assert (booking["status"], booking["session"]) == ("active", session["code"])


def test_the_map_leaves_out_what_is_booked(driver, charge_point, connector):
    now = timezone.now()
    reservations.book(driver=driver, connector=connector, begins_at=now + 2 * HOUR, ends_at=now + 4 * HOUR)

    def found(**query):
        answer = client_of().get("/api/v1/charge-points/", {"bbox": "17,49,18,50", **query})
        assert answer.status_code == 200, answer.content
        return len(answer.json()["features"])

    assert found() == 1
    assert found(**{f"free_{name}": value for name, value in slot(3, 2).items()}) == 0
    assert found(**{f"free_{name}": value for name, value in slot(4.1, 2).items()}) == 1
    assert found(free_from=slot(3)["from"]) == 0
    assert found(free_to=slot(1)["to"]) == 0
    assert found(free_to=slot(1)["from"]) == 1
    near = {"near": "49.9387,17.9026", **{f"free_{name}": value for name, value in slot(3, 2).items()}}
    assert client_of().get("/api/v1/charge-points/", near).json()["count"] == 0
    for wrong in ({"free_from": slot(3)["to"], "free_to": slot(3)["from"]}, {"free_from": "soon"}, {"free_to": slot(-3, 1)["to"]}):
        assert client_of().get("/api/v1/charge-points/", wrong).status_code == 400
    assert client_of().get("/api/v1/charge-points/", {"free_from": "9999-12-31T23:59:59Z"}).status_code == 400
