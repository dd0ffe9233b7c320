"""What somebody has charged: chosen, shown and taken away."""

import csv
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.utils import timezone

from billing import settlement
from billing.models import ChargeDetailRecord
from stations import history, readings
from stations.metering import Reading
from stations.readings import Incoming
from stations.sessions import billing as bills
from tests import factories
from tests.stations.acting import NOON, begin, go_online, reading, session_of, stop
from tests.stations.test_views_sessions import text


@pytest.fixture
def place(charge_point):
    return go_online(charge_point)


@pytest.fixture
def cards(driver):
    return [factories.make_id_token(driver, "04AB12CD", label="=1+1"), factories.make_id_token(driver, "04AB12CE", label="fob")]


def charged(place, card, at, wh=8_000):
    started = begin(place, card.uid, meter=1_000, at=at)
    stop(place, started.transaction_id, meter=1_000 + wh, at=at + timedelta(hours=1), reason="EVDisconnected")
    return session_of(started)


@pytest.fixture
def sessions(place, cards):
    return [
        charged(place, cards[0], NOON),
        charged(place, cards[1], NOON + timedelta(days=2)),
        charged(place, cards[0], NOON + timedelta(days=40)),
    ]


def day(sessions, number):
    return f"{timezone.localtime(sessions[number].started_at):%Y-%m-%d}"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (lambda _s: {}, [2, 1, 0]),
        (lambda s: {"card": str(s[1].id_token_id)}, [1]),
        (lambda s: {"since": day(s, 1)}, [2, 1]),
        (lambda s: {"until": day(s, 1)}, [1, 0]),
        (lambda s: {"since": day(s, 1), "until": day(s, 1)}, [1]),
        (lambda s: {"charger": s[0].charge_point.code}, [2, 1, 0]),
        (lambda _s: {"charger": "nowhere"}, []),
        (lambda _s: {"card": "1 OR 1=1"}, [2, 1, 0]),
        (lambda _s: {"card": "9" * 30}, [2, 1, 0]),
        (lambda _s: {"card": "²"}, [2, 1, 0]),
    ],
)
def test_filters(client, driver, sessions, asked, expected):
    client.force_login(driver)

    shown = client.get("/sessions/", asked(sessions))

    assert list(shown.context["page"].object_list) == [sessions[number] for number in expected]
    if not expected:
        assert "No session of yours fits the filters." in text(shown)


@pytest.mark.parametrize("said", ["yesterday", "2026-02-30", "0001-01-01", "9999-12-31", "20261120x", "<b>"])
def test_a_day_that_is_none_gets_a_sentence(client, driver, said):
    client.force_login(driver)

    for address in ("/sessions/", "/sessions/history.csv"):
        refused = client.get(address, {"since": said})
        assert refused.status_code == 400
        assert "A day is written like 2026-11-20." in text(refused)


def test_filters_stay_on_the_next_page_and_in_the_files(client, driver, sessions):
    client.force_login(driver)

    shown = text(client.get("/sessions/", {"since": day(sessions, 1), "charger": sessions[0].charge_point.code}))

    assert f"/sessions/history.csv?charger={sessions[0].charge_point.code}&amp;since={day(sessions, 1)}" in shown


def test_tables_hold_no_formulas_and_what_was_paid_in_the_end(client, driver, sessions):
    settlement.credit(sessions[0].cdr, 1_000)
    client.force_login(driver)

    answer = client.get("/sessions/history.csv")

    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 4
    first = dict(zip(rows[0], rows[1], strict=True))
    assert (first["Card"][:2], first["Energy (kWh)"], first["Paid"]) == ("'=", "8.000", "42.00")
    assert first["Receipt"] == sessions[0].cdr.number
    assert "no-store" in answer.headers["Cache-Control"]
    book = client.get("/sessions/history.xlsx", {"until": day(sessions, 0)})
    with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml")
    assert sheet.count(b"<row ") == 2
    assert b"<f>" not in sheet


def test_programs_get_the_same(client, driver, sessions):
    client.force_login(driver)

    (one, *_rest) = json.loads(client.get("/sessions/history.json").content)["sessions"]

    assert (one["energy_wh"], one["status"], one["cost"]) == (8_000, "completed", {"amount": "52.00", "currency": "CZK"})
    assert one["started_at"].endswith("Z")
    assert one["card"] == str(sessions[0].id_token)


def test_nobody_takes_away_what_is_not_hers(client, stranger, owner, sessions):
    for other in (stranger, owner):
        client.force_login(other)
        assert json.loads(client.get("/sessions/history.json").content) == {"sessions": []}
        assert not client.get("/sessions/", {"card": sessions[0].id_token_id}).context["page"].object_list
    client.logout()
    assert client.get("/sessions/history.csv").status_code == 302


def test_too_much_for_one_file_is_refused(client, driver, sessions, monkeypatch):
    monkeypatch.setattr(history, "MOST_ROWS", 2)
    client.force_login(driver)

    refused = client.get("/sessions/history.csv")

    assert refused.status_code == 400
    assert "Choose a shorter time." in text(refused)
    assert client.get("/sessions/history.csv", {"since": day(sessions, 1)}).status_code == 200


def test_of_a_long_history_the_last_chargers_can_be_chosen(driver, owner, sessions, cards, monkeypatch):
    assert list(history.chargers(driver)) == [sessions[0].charge_point]
    other = go_online(factories.make_charge_point(owner))
    charged(other, cards[0], NOON + timedelta(days=60))
    assert {one.pk for one in history.chargers(driver)} == {sessions[0].charge_point_id, other.pk}
    monkeypatch.setattr(history, "MOST_VISITS", 1)
    assert list(history.chargers(driver)) == [other]


def test_a_file_costs_one_query_however_long(driver, sessions, django_assert_num_queries):
    with django_assert_num_queries(1):
        history.rows(history.to_take_away(driver, history.Wanted()))


def test_the_readings_are_kept_with_the_receipt(place, cards):
    started = begin(place, cards[0].uid, meter=1_000, at=NOON)
    said = tuple(reading(minute / 10, 1_000 + 10 * minute) for minute in range(1, 400))
    powered = Reading(NOON + timedelta(minutes=45), [{"value": "7.2", "unit": "kW", "measurand": "Power.Active.Import"}])
    nothing = Reading(NOON + timedelta(minutes=46), [{"value": "21", "unit": "Celsius", "measurand": "Temperature"}])
    for at in (*said, powered, nothing):
        readings.store([Incoming(place.pk, 1, started.transaction_id, (at,), at.at)])

    stop(place, started.transaction_id, meter=5_500, at=NOON + timedelta(hours=1))

    kept = ChargeDetailRecord.objects.get().readings
    assert 110 <= len(kept) <= bills.MOST_READINGS
    assert kept[0] == ["2026-05-01T12:00:06Z", 1_010, None]
    assert ["2026-05-01T12:45:00Z", None, 7_200] in kept or len(kept) < 120
    assert [at for at, _wh, _w in kept] == sorted(at for at, _wh, _w in kept)


def test_a_session_without_readings_keeps_none(place, cards):
    charged(place, cards[0], NOON)

    assert ChargeDetailRecord.objects.get().readings == []
