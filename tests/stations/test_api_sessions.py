"""Sessions over HTTP."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from stations.models import ChargingSession, Command, MeterValue
from tests import factories
from tests.stations.acting import NOON, begin, go_online, session_of, stop

URL = "/api/v1/sessions/"


def client_of(user=None):
    client = APIClient()
    if user is not None:
        client.force_authenticate(user)
    return client


@pytest.fixture
def online(charge_point):
    return go_online(charge_point)


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, "04-AB cd:12")


@pytest.fixture
def finished(online, card):
    started = begin(online, "04ABCD12", meter=1000)
    stop(online, started.transaction_id, meter=9000, at=NOON + timedelta(hours=1))
    return session_of(started)


def test_start_from_the_app(online, driver):
    answer = client_of(driver).post(URL, {"connector": f"{online.code}/1", "max_amount": "80.00", "max_energy_wh": 9000}, format="json")

    assert answer.status_code == 202, answer.content
    body = answer.json()
    assert body["status"] == "pending"
    assert body["charge_point"] == online.code
    assert body["connector"] == 1
    assert body["transaction_id"] is None
    assert body["cost"] == {"amount": "0.00", "currency": "CZK"}
    session = ChargingSession.objects.get()
    assert (session.max_amount_minor, session.max_energy_wh) == (8000, 9000)
    assert Command.objects.get().action == "RemoteStartTransaction"


def test_idempotency_key_starts_once(online, driver):
    body = {"connector": f"{online.code}/1"}
    first, second = (client_of(driver).post(URL, body, format="json", HTTP_IDEMPOTENCY_KEY="k-1") for _ in range(2))

    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert ChargingSession.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [("offline", "charger_offline"), ("busy", "connector_busy"), ("broke", "credit_too_low")],
)
def test_refusals(charge_point, driver, stranger, change, code):
    who = stranger if change == "broke" else driver
    if change != "offline":
        go_online(charge_point)
    if change == "busy":
        charge_point.connectors.update(status="Charging")
    answer = client_of(who).post(URL, {"connector": f"{charge_point.code}/1"}, format="json")

    assert answer.status_code == 409
    assert answer.json()["code"] == code
    assert answer.json()["detail"]
    assert not ChargingSession.objects.filter(status__in=["PENDING", "ACTIVE"]).exists()


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "connector"),
        ({"connector": "x"}, 400, "connector"),
        ({"connector": "x/y"}, 400, "connector"),
        ({"connector": "x/-1"}, 400, "connector"),
        ({"connector": 5}, 400, "connector"),
        ({"connector": None}, 400, "connector"),
        ({"connector": "x/" + "9" * 30}, 400, "connector"),
        ({"connector": "nothing/1"}, 404, None),
        ({"connector": "{code}/7"}, 404, None),
        ({"connector": "{code}/1", "max_amount": "1.234"}, 400, "max_amount"),
        ({"connector": "{code}/1", "max_amount": -1}, 400, "max_amount"),
        ({"connector": "{code}/1", "max_amount": 1.5}, 400, "max_amount"),
        ({"connector": "{code}/1", "max_amount": {"amount": "5", "currency": "XXX"}}, 400, "max_amount"),
        ({"connector": "{code}/1", "max_energy_wh": 0}, 400, "max_energy_wh"),
        ({"connector": "{code}/1", "max_energy_wh": 10**18}, 400, "max_energy_wh"),
        ({"connector": "{code}/1", "until": "2020-01-01T00:00:00Z"}, 400, "until"),
        ({"connector": "{code}/1", "until": "tomorrow"}, 400, "until"),
        ({"connector": "{code}/1", "until": "9999-12-31T23:59:59-12:00"}, 400, "until"),
    ],
)
def test_bad_starts(online, driver, body, status, field):
    said = {name: value.replace("{code}", online.code) if isinstance(value, str) else value for name, value in body.items()}
    answer = client_of(driver).post(URL, said, format="json")

    assert answer.status_code == status, answer.content
    assert field is None or list(answer.json()["fields"]) == [field]
    assert not ChargingSession.objects.exists()


def test_finished_session_whole(finished, driver):
    body = client_of(driver).get(f"{URL}{finished.code}/").json()

    assert body["status"] == "completed"
    assert body["transaction_id"] == finished.transaction_id
    assert body["id_tag"] == "04-AB cd:12"  # as its holder typed it
    assert body["started_at"] == "2026-05-01T12:00:00Z"
    assert body["stopped_at"] == "2026-05-01T13:00:00Z"
    assert (body["meter_start_wh"], body["meter_stop_wh"], body["energy_wh"]) == (1000, 9000, 8000)
    assert body["cost"] == {"amount": "52.00", "currency": "CZK"}
    assert body["stop_reason"] == "Local"
    assert body["is_estimated"] is False
    assert body["receipt"] == finished.cdr.number
    assert body["reservation"] is None


def test_owner_sees_the_session_and_not_the_card(finished, owner, staff):
    for url in (f"{URL}{finished.code}/", f"{URL}?role=owner"):
        body = client_of(owner).get(url).json()
        body = body["results"][0] if "results" in body else body
        assert body["code"] == str(finished.code)
        assert body["id_tag"] is None
        assert "driver" not in body
    assert client_of(staff).get(f"{URL}{finished.code}/").json()["id_tag"] == "04-AB cd:12"
    assert client_of(owner).get(URL, {"role": "owner", "id_tag": "04ABCD12"}).json()["count"] == 0
    assert client_of(staff).get(URL, {"role": "staff", "id_tag": "04abcd12"}).json()["count"] == 1


def test_lists_by_role(finished, driver, owner, stranger, staff):
    assert client_of(driver).get(URL).json()["count"] == 1
    assert client_of(owner).get(URL).json()["count"] == 0
    assert client_of(owner).get(URL, {"role": "owner"}).json()["count"] == 1
    assert client_of(stranger).get(URL, {"role": "owner"}).json()["count"] == 0
    assert client_of(staff).get(URL, {"role": "staff"}).json()["count"] == 1
    assert client_of(owner).get(URL, {"role": "staff"}).status_code == 404
    assert client_of().get(URL).status_code == 401


def test_filters(finished, driver, online):
    client = client_of(driver)

    def count(**query):
        answer = client.get(URL, query)
        assert answer.status_code == 200, answer.content
        return answer.json()["count"]

    assert count(charge_point=online.code) == 1
    assert count(charge_point="other") == 0
    assert count(status="completed") == 1
    assert count(status="active") == 0
    assert count(transaction_id=finished.transaction_id) == 1
    assert count(transaction_id=finished.transaction_id % 1000 + 1) == 0
    assert count(id_tag="04 ab CD-12") == 1
    assert count(id_tag="04abcd13") == 0


@pytest.mark.parametrize(
    "query",
    [{"status": "COMPLETE"}, {"transaction_id": "x"}, {"transaction_id": "9" * 30}, {"role": "king"}, {"id_tag": "a\0b"}],
)
def test_bad_filters(driver, query):
    answer = client_of(driver).get(URL, query)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == list(query)


def test_last_created_comes_first(online, driver, card):
    begin(online, "04ABCD12", at=NOON)
    second = begin(online, "04ABCD12", at=NOON + timedelta(hours=2))
    assert client_of(driver).get(URL).json()["results"][0]["transaction_id"] == second.transaction_id


def test_list_costs_the_same_queries_however_long(online, driver, card, django_assert_max_num_queries):
    for hour in range(5):
        started = begin(online, "04ABCD12", at=NOON + timedelta(hours=hour))
        stop(online, started.transaction_id, meter=2000, at=NOON + timedelta(hours=hour, minutes=30))
    with django_assert_max_num_queries(4):
        assert client_of(driver).get(URL).json()["results"][0]["cost"]["amount"] == "6.50"


# Stopping and closing


def test_stop_is_asked_of_the_charger(online, driver, card):
    session = session_of(begin(online, "04ABCD12"))
    answer = client_of(driver).post(f"{URL}{session.code}/stop/")

    assert answer.status_code == 202
    assert not answer.content
    assert Command.objects.get().payload == {"transactionId": session.transaction_id}


@pytest.mark.parametrize("path", ["", "stop/", "close/", "meter-values/"])
def test_foreign_sessions_do_not_exist(online, card, stranger, path):
    session = session_of(begin(online, "04ABCD12"))
    method = "post" if path in ("stop/", "close/") else "get"

    assert getattr(client_of(stranger), method)(f"{URL}{session.code}/{path}").status_code == 404
    assert getattr(client_of(), method)(f"{URL}{session.code}/{path}").status_code == 401
    assert session_of_code(session).status == "ACTIVE"


def session_of_code(session):
    return ChargingSession.objects.get(pk=session.pk)


@pytest.mark.parametrize("code", ["nothing", "%00", "00000000-0000-0000-0000-000000000000", "1" * 400])
@pytest.mark.django_db
def test_codes_that_name_nothing(stranger, code):
    for path in ("", "meter-values/"):
        assert client_of(stranger).get(f"{URL}{code}/{path}").status_code == 404


def test_owner_closes_what_no_stop_will_end(online, card, owner, driver):
    session = session_of(begin(online, "04ABCD12"))

    assert client_of(driver).post(f"{URL}{session.code}/close/").status_code == 404
    answer = client_of(owner).post(f"{URL}{session.code}/close/")

    assert answer.status_code == 200
    assert answer.json()["status"] in ("completed", "review")
    assert not Command.objects.exists()


# Meter values


def test_meter_values_one_by_one(online, card, driver):
    session = session_of(begin(online, "04ABCD12"))
    for minute in range(30):
        MeterValue.objects.create(
            session=session,
            connector=session.connector,
            at=NOON + timedelta(minutes=minute),
            received_at=NOON + timedelta(minutes=minute, seconds=1),
            samples=[
                {"value": f"{1000 + minute}.0", "measurand": "Energy.Active.Import.Register", "unit": "Wh", "context": "Sample.Periodic"},
                {"value": "230.1", "measurand": "Voltage", "unit": "V", "phase": "L1-N", "location": "Outlet", "format": "Raw"},
                {"value": "signed" * 500, "measurand": "Energy.Active.Import.Register", "format": "SignedData"},
            ],
            sample_count=3,
        )
    client = client_of(driver)
    url = f"{URL}{session.code}/meter-values/"
    body = client.get(url, {"page_size": 7}).json()

    assert body["count"] == 90
    assert len(body["results"]) == 7
    assert body["results"][0] == {
        "at": "2026-05-01T12:00:00Z",
        "received_at": "2026-05-01T12:00:01Z",
        "measurand": "Energy.Active.Import.Register",
        "value": "1000.0",
        "unit": "Wh",
        "phase": None,
        "context": "Sample.Periodic",
        "location": None,
        "format": None,
    }
    assert len(body["results"][2]["value"]) == 3000  # SignedData whole
    pages, next_url = [], url + "?page_size=7"
    while next_url:
        page = client.get(next_url).json()
        pages += page["results"]
        next_url = page["next"]
    assert len(pages) == 90
    assert [row["value"] for row in pages[::3]] == [f"{1000 + minute}.0" for minute in range(30)]
    assert client.get(url, {"page_size": 10**6}).json()["results"] == pages
    assert client.get(url, {"page": "99"}).status_code == 404


def test_until_must_lie_ahead(online, driver):
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    assert client_of(driver).post(URL, {"connector": f"{online.code}/1", "until": until}, format="json").status_code == 202
