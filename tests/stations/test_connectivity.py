"""Who is connected, what booted, how each outlet stands."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from chargeshare import bus
from stations import connectivity
from stations.models import ChargePoint, Connector


def say(charge_point, status, *, number=1, at=None, **more):
    now = timezone.now()
    connectivity.status(charge_point, connector_number=number, status=status, at=at or now, received_at=now, **more)
    charge_point.refresh_from_db()


def test_newest_socket_wins_and_a_late_close_of_the_old_one_says_nothing(charge_point):
    old, new, now = uuid4(), uuid4(), timezone.now()
    connectivity.connected(charge_point.pk, old, at=now)
    connectivity.connected(charge_point.pk, new, at=now)
    assert not connectivity.disconnected(charge_point.pk, old, at=now)
    charge_point.refresh_from_db()
    assert charge_point.is_online
    assert connectivity.disconnected(charge_point.pk, new, at=now)
    charge_point.refresh_from_db()
    assert not charge_point.is_online


def test_presence_only_while_connected(charge_point):
    now = timezone.now()
    connectivity.seen([charge_point.pk], at=now)
    charge_point.refresh_from_db()
    assert charge_point.last_seen_at is None
    connectivity.connected(charge_point.pk, uuid4(), at=now - timedelta(seconds=100))
    charge_point.refresh_from_db()
    assert not charge_point.is_online
    connectivity.seen([charge_point.pk], at=now)
    charge_point.refresh_from_db()
    assert charge_point.is_online


def test_sockets_of_dead_processes_are_forgotten(charge_point):
    now = timezone.now()
    connectivity.connected(charge_point.pk, uuid4(), at=now)
    assert connectivity.forget_lost(now=now) == 0
    assert connectivity.forget_lost(now=now + timedelta(minutes=10)) == 1
    charge_point.refresh_from_db()
    assert charge_point.connection is None


def test_boot_fills_what_the_box_says(charge_point):
    connectivity.boot(charge_point, vendor="SolaxPower", model="SPACS000001", serial_number="x" * 300)
    charge_point.refresh_from_db()
    assert charge_point.vendor == "SolaxPower"
    assert len(charge_point.serial_number) == 100
    assert charge_point.booted_at is not None


def test_connectors_are_made_by_the_first_word(charge_point):
    say(charge_point, "Available", number=3)
    assert Connector.objects.get(number=3).status == "Available"
    say(charge_point, "Unavailable", number=0)
    assert charge_point.status == "Unavailable"
    assert Connector.objects.count() == 2


def test_connector_0_is_the_only_outlet(charge_point):
    assert connectivity.connector(charge_point, 0).number == 1
    Connector.objects.update(number=7)
    assert connectivity.connector(charge_point, 0).number == 7


def test_unchanged_status_writes_and_tells_nothing(charge_point, connector, django_assert_num_queries):
    say(charge_point, "Charging")
    now = timezone.now()
    with django_assert_num_queries(1):
        connectivity.status(charge_point, connector_number=1, status="Charging", at=now, received_at=now)


def test_older_status_changes_nothing(charge_point, connector):
    now = timezone.now()
    connectivity.status(charge_point, connector_number=1, status="Charging", at=now, received_at=now, skew_s=0)
    earlier = now - timedelta(hours=1)
    connectivity.status(charge_point, connector_number=1, status="Available", at=earlier, received_at=now, skew_s=3600)
    connector.refresh_from_db()
    assert connector.status == "Charging"


def test_a_steady_clock_that_is_wrong_becomes_known(charge_point, connector):
    now = timezone.now()
    for minute in range(0, 16, 3):
        at = now + timedelta(minutes=minute)
        said = at - timedelta(hours=2)
        connectivity.status(charge_point, connector_number=1, status=f"Word{minute}", at=said, received_at=at, skew_s=7200 + minute % 2)
        charge_point.refresh_from_db()
        assert charge_point.clock_skew_s == (None if minute < 10 else 7200)
    connector.refresh_from_db()
    assert connector.status == "Word15"
    connectivity.boot(charge_point)
    charge_point.refresh_from_db()
    assert charge_point.clock_skew_s is None


def test_a_queue_of_old_messages_says_nothing_about_the_clock(charge_point, connector):
    now = timezone.now()
    for minute in range(60):
        at = now - timedelta(minutes=60 - minute)
        received_at = now + timedelta(seconds=minute)
        lag = int((received_at - at).total_seconds())
        connectivity.status(charge_point, connector_number=1, status=f"Word{minute}", at=at, received_at=received_at, skew_s=lag)
    charge_point.refresh_from_db()
    assert charge_point.clock_skew_s is None


@pytest.mark.django_db(transaction=True)
def test_changes_are_published_after_commit(charge_point, monkeypatch):
    sent = []
    monkeypatch.setattr(bus, "_send", lambda group, message: sent.append((group, message["type"])))
    say(charge_point, "Charging")
    say(charge_point, "Charging")
    assert sent == [(f"charge-point-{charge_point.pk}", "charge_point.changed"), ("map", "connector.changed")]
    sent.clear()
    connectivity.connected(charge_point.pk, uuid4(), at=timezone.now())
    assert ("chargers", "charger.moved") in sent


def test_an_unpublished_charger_is_not_told_to_the_map(charge_point, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr(bus, "_send", lambda group, _message: sent.append(group))
    ChargePoint.objects.update(is_published=False)
    charge_point.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):
        say(charge_point, "Charging")
    assert "map" not in sent
