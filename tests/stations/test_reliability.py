"""How far one may count on a charger, from what happened there, and what of it the map shows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from ocpp_core import uptime
from ocpp_core.models import ConnectionAttempt
from stations import charge_points, reliability
from stations.models import ChargePoint, ChargingSession, Command, Reliability
from tests import factories
from tests.stations.acting import go_online

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def box(charge_point, connector):
    ChargePoint.objects.update(booted_at=timezone.now() - 40 * DAY, created_at=timezone.now() - 60 * DAY)
    charge_point.refresh_from_db()
    return charge_point


def visit(connector, *, energy_wh: int, hours: float = 2, ago: timedelta = DAY, **fields) -> ChargingSession:
    begins_at = timezone.now() - ago
    point = connector.charge_point
    values = {"status": "COMPLETED", "started_at": begins_at, "stopped_at": begins_at + hours * HOUR, "energy_wh": energy_wh, **fields}
    return ChargingSession.objects.create(charge_point=point, connector=connector, owner=point.owner, **values)


def refused(connector, response: dict[str, str] | None, status: str = Command.Status.ACCEPTED, **fields) -> None:
    session = visit(connector, energy_wh=0, status="INVALID", started_at=None, stopped_at=None, origin="app")
    Command.objects.create(
        charge_point=connector.charge_point,
        action="RemoteStartTransaction",
        payload={"idTag": "A"},
        session=session,
        status=status,
        response=response,
        **fields,
    )


def socket(box, *, began: timedelta, ended: timedelta | None) -> None:
    now = timezone.now()
    closed_at = None if ended is None else now - ended
    values = {"identity": box.identity, "outcome": "accepted", "first_at": now - began, "at": now - began, "closed_at": closed_at}
    ConnectionAttempt.objects.create(charge_point=box, **values)


def counted(*, after: timedelta = timedelta(0)) -> Reliability:
    assert uptime.count(now=timezone.now() + after) == 1
    return Reliability.objects.get()


def test_facts_are_counted_from_sockets_starts_and_energy(box, connector):
    socket(box, began=35 * DAY, ended=15 * DAY)
    socket(box, began=15 * DAY, ended=None)
    go_online(box)
    for _ in range(4):
        visit(connector, energy_wh=20_000)
    visit(connector, energy_wh=10, hours=1)
    visit(connector, energy_wh=10, hours=1, idle=[[1, 2]])
    visit(connector, energy_wh=10, hours=0.01)
    visit(connector, energy_wh=50_000, ago=40 * DAY, created_at=timezone.now())
    ChargingSession.objects.filter(energy_wh=50_000).update(created_at=timezone.now() - 40 * DAY)

    found = counted()

    assert found.uptime_percent in (99, 100)
    assert (found.starts, found.starts_worked, found.starts_percent) == (5, 4, 80)
    assert (found.delivered_w, found.promised_w) == (10_000, 11_000)
    assert found.word == Reliability.Word.FAILS
    assert uptime.count(now=timezone.now()) == 0, "once in a while is enough"


def test_half_of_the_time_away(box, connector):
    socket(box, began=20 * DAY, ended=15 * DAY)
    socket(box, began=10 * DAY, ended=5 * DAY)

    assert counted().uptime_percent in (49, 50)


def test_sockets_that_were_never_seen_to_end_count_until_the_next(box, connector):
    socket(box, began=20 * DAY, ended=None)
    socket(box, began=10 * DAY, ended=9 * DAY)

    assert counted().uptime_percent in (54, 55)


def test_reliable_and_too_new(box, connector):
    socket(box, began=29 * DAY, ended=None)
    go_online(box)
    assert counted().word == Reliability.Word.NEW
    for _ in range(3):
        visit(connector, energy_wh=20_000)

    assert counted(after=7 * HOUR).word == Reliability.Word.RELIABLE


@pytest.mark.parametrize(
    ("response", "status", "sent", "starts"),
    [
        ({"status": "Rejected"}, "accepted", True, 1),
        ({"status": "Accepted"}, "accepted", True, 0),  # nobody plugged in
        ({"code": "InternalError"}, "rejected", True, 1),
        (None, "unanswered", True, 1),
        (None, "unanswered", False, 0),  # called off before it was sent
        (None, "offline", False, 1),
    ],
)
def test_only_what_the_charger_did_wrong_is_a_failed_start(box, connector, response, status, sent, starts):
    refused(connector, response, status, sent_at=timezone.now() if sent else None)

    found = counted()

    assert (found.starts, found.starts_worked) == (starts, 0)


def test_silent_one_leaves_the_map_and_comes_back(box, connector, client, owner):
    ChargePoint.objects.update(last_seen_at=timezone.now() - 31 * DAY)

    assert counted().left_because == "silent"

    box.refresh_from_db()
    assert not box.is_published
    assert client.get("/api/v1/charge-points/").json()["features"] == []
    assert Notification.objects.filter(user=owner, kind="charger_alert").count() == 1
    counted(after=7 * HOUR)
    assert Notification.objects.filter(user=owner).count() == 1, "told once"

    go_online(box)
    ChargePoint.objects.update(last_seen_at=timezone.now() + 14 * HOUR)
    found = counted(after=14 * HOUR)

    box.refresh_from_db()
    assert box.is_published
    assert (found.left_map_at, found.left_because) == (None, "")
    assert Notification.objects.filter(user=owner).count() == 2


def test_one_that_does_not_start_leaves_the_map_until_a_start_works(box, connector):
    go_online(box)
    visit(connector, energy_wh=5_000)
    for _ in range(5):
        refused(connector, {"status": "Rejected"})
    found = counted()
    box.refresh_from_db()
    assert (found.failed_in_a_row, found.left_because, box.is_published) == (5, "failing", False)

    counted(after=7 * HOUR)
    box.refresh_from_db()
    assert not box.is_published, "being there is not enough"

    visit(connector, energy_wh=5_000, ago=-8 * HOUR, hours=1)
    counted(after=14 * HOUR)

    box.refresh_from_db()
    assert box.is_published


def test_the_owner_may_put_it_back_and_old_failures_are_forgiven(box, connector):
    go_online(box)
    for _ in range(5):
        refused(connector, {"status": "Rejected"})
    counted()
    box.refresh_from_db()
    charge_points.publish(box)

    counted(after=7 * HOUR)
    found = counted(after=14 * HOUR)

    box.refresh_from_db()
    assert box.is_published
    assert (found.left_map_at, found.failed_in_a_row) == (None, 0)


def test_one_that_was_never_seen_by_us_stays(box, connector):
    assert box.last_seen_at is None

    assert counted().left_because == ""

    box.refresh_from_db()
    assert box.is_published


def test_what_its_owner_hid_stays_hidden(box, connector):
    charge_points.unpublish(box)
    go_online(box)

    counted()

    box.refresh_from_db()
    assert not box.is_published


def test_pages_and_programs_tell_the_word_and_its_facts(box, connector, client):
    facts = {
        "watched_s": 1000 * 3600,
        "online_s": 995 * 3600,
        "starts": 20,
        "starts_worked": 20,
        "delivered_w": 10_800,
        "promised_w": 11_000,
    }
    Reliability.objects.create(charge_point=box, counted_at=timezone.now(), **facts)

    page = client.get(box.get_absolute_url()).content.decode()
    said = client.get(f"/api/v1/charge-points/{box.code}/").json()["reliability"]
    [nearby] = client.get("/api/v1/charge-points/?near=49.9,17.9").json()["results"]
    rows = client.get("/?part=list&sort=reliable").content.decode()

    assert "20 of 20" in page
    assert "99&nbsp;%" in page
    assert "10.8" in page
    assert said["word"] == "reliable"
    assert (said["uptime_percent"], said["starts_percent"], said["score"]) == (99, 100, 99)
    assert nearby["reliability"] == said
    assert "Reliable" in rows


def test_the_most_reliable_first(box, connector, client, owner):
    other = factories.make_charge_point(owner, name="Spolehlivá")
    for charge_point, worked in ((box, 10), (other, 20)):
        facts = {"watched_s": 10**6, "online_s": 10**6, "starts": 20, "starts_worked": worked}
        Reliability.objects.create(charge_point=charge_point, counted_at=timezone.now(), **facts)

    places = client.get("/?sort=reliable").context["places"]

    assert [place.charge_point.pk for place in places] == [other.pk, box.pk]
    assert reliability.of(places[0].charge_point) is not None
