"""What meters say, from many chargers at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chargeshare import bus
from stations import readings
from stations.metering import Reading
from stations.models import ChargingSession, Connector, MeterValue, QuarantinedMessage
from stations.readings import Incoming
from tests import factories
from tests.stations.acting import HOUR, MINUTE, NOON, begin, go_online, reading, session_of, stop

CARD = "04A1B2C3"


@pytest.fixture
def started(charge_point, driver):
    factories.make_id_token(driver, CARD)
    return begin(charge_point, CARD)


def store(charge_point, *said, transaction_id=None, number=1, at=None):
    received_at = at or (said[-1].at if said else NOON)
    with transaction.atomic():
        readings.store([Incoming(charge_point.pk, number, transaction_id, said, received_at)])


def test_the_last_values_of_the_session(charge_point, started):
    said = Reading(
        NOON + MINUTE,
        [
            {"value": "1100.0", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": "7.2", "measurand": "Power.Active.Import", "unit": "kW"},
            {"value": "54", "measurand": "SoC", "unit": "Percent"},
        ],
    )
    store(charge_point, said, transaction_id=started.transaction_id)
    session = session_of(started)
    assert (session.energy_wh, session.power_w, session.soc_percent) == (100, 7200, 54)
    assert session.last_reading_at == session.last_received_at == NOON + MINUTE
    assert MeterValue.objects.get().samples == said.samples


def test_power_is_derived_where_the_charger_says_none(charge_point, started):
    store(charge_point, reading(1, 1100), transaction_id=started.transaction_id)
    assert session_of(started).power_w == 6000


def test_a_repetition_changes_nothing_and_other_values_of_the_instant_are_added(charge_point, started):
    first = reading(1, 1100)
    other = Reading(NOON + MINUTE, [{"value": "230.0", "measurand": "Voltage", "phase": "L1"}, *first.samples])
    for said in (first, first, other, other):
        store(charge_point, said, transaction_id=started.transaction_id)
    row = MeterValue.objects.get()
    assert [sample["value"] for sample in row.samples] == ["1100", "230.0"]
    assert row.sample_count == 2
    assert session_of(started).energy_wh == 100


def test_repetitions_within_one_batch(charge_point, started):
    one = Incoming(charge_point.pk, 1, started.transaction_id, (reading(1, 1100), reading(1, 1100)), NOON + MINUTE)
    readings.store([one, one])
    assert MeterValue.objects.count() == 1


def test_a_number_of_statements_that_does_not_depend_on_the_number_of_chargers(owner, tariff, driver):
    factories.give_credit(driver, 1_000_000)

    def batch(size: int) -> list[Incoming]:
        made = [factories.make_charge_point(owner, tariff=tariff) for _ in range(size)]
        factories.make_id_token(owner, f"0A0B{size:04}")
        numbers = [begin(one, f"0A0B{size:04}").transaction_id for one in made]
        return [Incoming(one.pk, 1, number, (reading(1, 1100),), NOON + MINUTE) for one, number in zip(made, numbers, strict=True)]

    counts = []
    for size in (2, 12):
        incoming = batch(size)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            readings.store(incoming)
        counts.append(len(queries) if connection.vendor == "postgresql" else len({query["sql"][:30] for query in queries}))
    assert counts[0] == counts[1] <= 3


@pytest.mark.parametrize("number", [None, 0, -1, 2**63 - 1])
def test_without_a_number_it_belongs_to_the_open_session_of_the_outlet(charge_point, started, number):
    store(charge_point, reading(1, 1100), transaction_id=number)
    assert session_of(started).energy_wh == 100
    store(charge_point, reading(2, 1200), transaction_id=number, number=0)
    assert session_of(started).energy_wh == 200
    store(charge_point, reading(-5, 900), transaction_id=number)
    assert MeterValue.objects.filter(session=None).count() == 1
    assert not QuarantinedMessage.objects.exists()


def test_without_a_session_it_belongs_to_the_outlet_which_it_may_make(charge_point):
    store(charge_point, reading(1, 1100), number=3)
    store(charge_point, reading(1, 1100), number=3)
    row = MeterValue.objects.get()
    assert row.connector is not None
    assert (row.session, row.connector.number) == (None, 3)


def test_what_it_says_of_the_whole_box_is_about_no_outlet_of_it(charge_point, started, owner):
    factories.make_charge_point(owner, connectors=2)
    Connector.objects.create(charge_point=charge_point, number=2)
    for more in ({}, {}, {"measurand": "Power.Active.Import"}):
        store(charge_point, reading(1, 7000, **more), number=0)
    row = MeterValue.objects.get()
    assert (row.session, row.connector, row.charge_point, row.sample_count) == (None, None, charge_point, 2)
    assert str(charge_point) in str(row)
    assert session_of(started).energy_wh == 0, "the meter of the house is not the driver's"


def test_what_it_says_of_the_whole_box_is_about_the_session_it_names(charge_point, started):
    Connector.objects.create(charge_point=charge_point, number=2)
    store(charge_point, reading(1, 1100), transaction_id=started.transaction_id, number=0)
    assert session_of(started).energy_wh == 100
    assert MeterValue.objects.get().connector == Connector.objects.get(charge_point=charge_point, number=1)


def test_an_unknown_transaction_is_kept_and_noted_once(charge_point, connector):
    for minute in range(3):
        store(charge_point, reading(minute, 1100), transaction_id=1936029036, at=NOON + minute * MINUTE)
    assert MeterValue.objects.filter(session=None, connector=connector).count() == 3
    assert QuarantinedMessage.objects.get().times == 1


def test_another_chargers_transaction_does_not_exist(started, stranger):
    other = factories.make_charge_point(stranger)
    store(other, reading(1, 900_000), transaction_id=started.transaction_id)
    assert session_of(started).energy_wh == 0
    assert MeterValue.objects.get().session is None


def test_after_the_stop_readings_are_kept_and_change_nothing_else(charge_point, started):
    stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR)
    store(charge_point, reading(61, 2500), transaction_id=started.transaction_id)
    session = session_of(started)
    assert (session.energy_wh, session.status) == (1000, "COMPLETED")
    assert session.meter_values.count() == 1


def test_energy_of_a_refused_start_is_counted(charge_point, connector):
    refused = begin(charge_point, "DEADBEEF")
    store(charge_point, reading(1, 1100), transaction_id=refused.transaction_id)
    assert session_of(refused).energy_wh == 100


def test_a_missing_meter_start_is_the_first_reading(charge_point, driver):
    factories.make_id_token(driver, CARD)
    started = begin(charge_point, CARD, meter=None)
    store(charge_point, reading(1, 5000), reading(2, 5100), transaction_id=started.transaction_id)
    stop(charge_point, started.transaction_id, meter=5150, at=NOON + HOUR)
    session = session_of(started)
    assert (session.meter_start_wh, session.energy_wh, session.status) == (5000, 150, "COMPLETED")


def test_old_readings_are_kept_and_move_nothing_backwards(charge_point, started):
    store(charge_point, reading(5, 1500), transaction_id=started.transaction_id)
    store(charge_point, reading(2, 1200), transaction_id=started.transaction_id, at=NOON + 6 * MINUTE)
    session = session_of(started)
    assert (session.energy_wh, session.last_reading_at) == (500, NOON + 5 * MINUTE)
    assert session.meter_values.count() == 2


def test_a_sign_of_life_ends_the_grace(charge_point, started):
    ChargingSession.objects.update(orphaned_at=NOON + 10 * MINUTE)
    store(charge_point, reading(9, 1100), transaction_id=started.transaction_id, at=NOON + 10 * MINUTE)
    assert session_of(started).orphaned_at is not None
    store(charge_point, reading(12, 1200), transaction_id=started.transaction_id)
    assert session_of(started).orphaned_at is None


@pytest.mark.parametrize(
    "samples",
    [
        [{"value": "\0", "measurand": "SoC"}],
        [{"value": "\ud800", "measurand": "SoC"}],
        [{"value": "9" * 5000}],
        [{"value": "x" * 8000, "format": "SignedData"}],
        [],
    ],
)
def test_whatever_it_says_it_is_stored(charge_point, started, samples: list[Any]):
    store(charge_point, Reading(NOON + MINUTE, samples), reading(2, 1200), transaction_id=started.transaction_id)
    assert session_of(started).energy_wh == 200
    assert MeterValue.objects.count() == (2 if samples else 1)


def test_watched_sessions_are_announced(charge_point, started, monkeypatch, django_capture_on_commit_callbacks):
    sent: list[str] = []
    monkeypatch.setattr(bus, "_send", lambda group, _message: sent.append(group))
    with django_capture_on_commit_callbacks(execute=True):
        store(charge_point, reading(1, 1100), transaction_id=started.transaction_id)
    assert sent == []
    session = session_of(started)
    ChargingSession.objects.update(watched_until=NOON + HOUR)
    with django_capture_on_commit_callbacks(execute=True):
        store(charge_point, reading(2, 1200), transaction_id=started.transaction_id)
    assert f"session-{session.code}" in sent


def test_crossing_a_limit_looks_at_that_session_alone(charge_point, started, owner, tariff, monkeypatch):
    go_online(charge_point)
    ChargingSession.objects.update(stop_at_wh=500, max_energy_wh=500)
    store(charge_point, reading(3, 1400), transaction_id=started.transaction_id)
    assert session_of(started).stop_asked_at is None
    store(charge_point, reading(4, 1500), transaction_id=started.transaction_id)
    session = session_of(started)
    assert session.stop_asked_at is not None
    assert session.commands.get().action == "RemoteStopTransaction"


def test_one_bad_session_does_not_fail_its_neighbours(charge_point, started, monkeypatch):
    def fail(*_args: Any, **_more: Any) -> None:
        raise RuntimeError("a bug")

    ChargingSession.objects.update(warn_at_wh=1)
    monkeypatch.setattr("stations.limits.look_again", fail)
    store(charge_point, reading(1, 1100), transaction_id=started.transaction_id)
    assert session_of(started).energy_wh == 100


def test_set_aside_keeps_what_could_not_be_stored(charge_point):
    readings.set_aside(Incoming(charge_point.pk, 1, 5, (reading(1, 1100),), timezone.now()), "a bug", raw="[2]")
    assert QuarantinedMessage.objects.get().raw == "[2]"


def test_connectors_first_word_is_a_reading(charge_point):
    Connector.objects.all().delete()
    store(charge_point, reading(1, 1), number=0)
    assert Connector.objects.get().number == 1


def test_a_jump_in_between_is_left_out(charge_point, started):
    for minutes, register in [(1, 1100), (2, 900_000), (3, 900_100)]:
        store(charge_point, reading(minutes, register), transaction_id=started.transaction_id)
    assert session_of(started).energy_wh == 200
    stop(charge_point, started.transaction_id, meter=900_200, at=NOON + timedelta(minutes=4))
    session = session_of(started)
    assert (session.status, session.energy_wh) == ("REVIEW", 300)
