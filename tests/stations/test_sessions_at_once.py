"""The same word from two sockets, two words at the same moment: threads against a real database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from billing import audit, ledger
from billing.models import ChargeDetailRecord, Hold
from chargeshare.errors import DomainError
from stations import commands, connectivity, readings, sessions
from stations.models import ChargingSession, Command, Connector, MeterValue
from stations.readings import Incoming
from tests import factories
from tests.meeting import meeting
from tests.serving import database_url
from tests.stations.acting import HOUR, MINUTE, NOON, balance_minor, begin, go_online, reading, session_of, stop

CARD = "04A1B2C3"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one writer in at a time"),
]


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Do all of it at the same moment, each in its own thread and connection; refusals are results."""
    together = Barrier(len(jobs))

    def one(job: Callable[[], Any]) -> Any:
        try:
            together.wait()
            return job()
        except DomainError as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(one, job) for job in jobs]]


def test_the_same_start_eight_times_at_once(charge_point, driver):
    factories.make_id_token(driver, CARD)
    answers = at_once(*[lambda: begin(charge_point, CARD)] * 8)
    assert len(set(answers)) == 1
    assert ChargingSession.objects.count() == 1
    assert Hold.objects.count() == 1


def test_the_same_stop_eight_times_at_once(charge_point, driver):
    factories.make_id_token(driver, CARD)
    started = begin(charge_point, CARD)
    at_once(*[lambda: stop(charge_point, started.transaction_id, meter=9000, at=NOON + HOUR)] * 8)
    assert ChargeDetailRecord.objects.count() == 1
    assert balance_minor(driver) == 50_000 - 5_200
    assert audit.check() == []


def test_one_wallet_two_chargers_credit_for_one(owner, stranger, tariff):
    factories.give_credit(stranger, 15_000)
    factories.make_id_token(stranger, CARD)
    made = [factories.make_charge_point(owner, tariff=tariff) for _ in range(4)]
    answers = at_once(*[lambda one=one: begin(one, CARD) for one in made])
    assert sorted(answer.status for answer in answers) == ["Accepted", "Blocked", "Blocked", "Blocked"]
    assert ledger.wallet(stranger).available_minor >= 0


def test_two_cards_start_at_one_outlet_at_once(charge_point, driver, stranger):
    factories.give_credit(stranger, 50_000)
    factories.make_id_token(driver, CARD)
    factories.make_id_token(stranger, "04FFFFFF")
    at_once(lambda: begin(charge_point, CARD), lambda: begin(charge_point, "04FFFFFF"))
    statuses = sorted(ChargingSession.objects.values_list("status", flat=True))
    assert statuses == ["ACTIVE", "COMPLETED"]
    assert audit.check() == []


def test_button_and_card_at_once(charge_point, connector, driver):
    go_online(charge_point)
    factories.make_id_token(driver, CARD)
    at_once(*[lambda: sessions.request_start(driver=driver, connector=connector)] * 4, lambda: begin(charge_point, CARD))
    assert ChargingSession.objects.filter(status="PENDING").count() <= 1
    assert ledger.wallet(driver).available_minor >= 0


def test_reading_and_stop_at_once(charge_point, driver):
    factories.make_id_token(driver, CARD)
    started = begin(charge_point, CARD)
    said = Incoming(charge_point.pk, 1, started.transaction_id, (reading(1, 1100),), NOON + MINUTE)
    at_once(
        lambda: readings.store([said]),
        lambda: stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR),
        lambda: readings.store([said]),
    )
    assert session_of(started).energy_wh == 1000
    assert MeterValue.objects.count() == 1


def test_a_batch_waits_for_no_wallet(charge_point, stranger, caplog):
    """It holds the readings of many chargers; the one whose hold is to grow is looked at again with its next reading."""
    factories.give_credit(stranger, 50_000)
    factories.make_id_token(stranger, CARD)
    started = begin(charge_point, CARD)

    def read(minutes, register):
        said = reading(minutes, register)
        with transaction.atomic():
            readings.store([Incoming(charge_point.pk, 1, started.transaction_id, (said,), said.at)])
        hold = session_of(started).hold
        return hold.amount_minor if hold is not None else 0

    with psycopg.connect(database_url()) as holder:
        holder.execute("SELECT 1 FROM billing_ledgeraccount WHERE user_id = %s FOR UPDATE", [stranger.pk])
        assert read(75, 13_000) == 10_000
        holder.rollback()
    assert MeterValue.objects.count() == 1
    assert "which is in other hands" in caplog.text
    assert read(76, 13_100) > 10_000


def test_stop_and_housekeeping_at_once(charge_point, driver):
    factories.make_id_token(driver, CARD)
    started = begin(charge_point, CARD)
    late = NOON + 25 * HOUR
    at_once(
        lambda: stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR),
        *[lambda: sessions.close_orphans(now=late)] * 3,
    )
    assert ledger.wallet(driver).balance_minor == 50_000 - 650
    assert audit.check() == []


@pytest.mark.parametrize("meanwhile", [{"energy_wh": 500}, {"stop_at": NOON + 50 * MINUTE, "energy_wh": 500}])
def test_what_charges_on_while_the_sweep_waits_for_it_is_not_stopped(charge_point, driver, meanwhile):
    """A reading that came, or another process that let its hold grow."""
    factories.make_id_token(driver, CARD)
    go_online(charge_point)
    session = session_of(begin(charge_point, CARD))
    now = NOON + 40 * MINUTE
    said = {"last_received_at": now - MINUTE, "meter": {**session.meter, "readings": 9}, "stop_at": now if "stop_at" in meanwhile else None}
    ChargingSession.objects.update(**said)
    stopped = []
    with meeting(lambda: stopped.append(sessions.stop_overdue(now=now))):
        ChargingSession.objects.update(**meanwhile)
    assert stopped == [0]
    session.refresh_from_db()
    assert session.stop_asked_at is None


def test_crossed_owners_and_drivers_do_not_lock_each_other(driver, owner):
    factories.give_credit(owner, 200_000)
    factories.give_credit(driver, 200_000)
    pairs = [(owner, driver, "04000001"), (driver, owner, "04000002")]
    started = []
    for host, guest, card in pairs:
        factories.make_id_token(guest, card)
        for _ in range(3):
            charge_point = factories.make_charge_point(host)
            started.append((charge_point, begin(charge_point, card).transaction_id))
    at_once(*[lambda one=one, number=number: stop(one, number, meter=3000, at=NOON + HOUR) for one, number in started])
    assert ChargeDetailRecord.objects.count() == 6
    assert audit.check() == []


@pytest.mark.parametrize("is_told_out_of_order", [False, True])
def test_two_people_change_places_at_two_chargers(owner, driver, stranger, is_told_out_of_order):
    """As the charger's door does it, each in one transaction, which nobody repeats: a deadlock would be an error here."""
    people = [(driver, "04000001"), (stranger, "04000002")]
    places = [factories.make_charge_point(host) for host in (driver, owner)]
    for person, card in people:
        factories.give_credit(person, 2_000_000)
        factories.make_id_token(person, card)

    def arrive(place, card, minutes, meter):
        with transaction.atomic():
            return begin(place, card, at=NOON + minutes * MINUTE, meter=meter, received_at=NOON + (minutes + 45) * MINUTE)

    for turn in range(8):
        first, second = (card for _person, card in (people if turn % 2 else reversed(people)))
        if is_told_out_of_order:
            for place in places:
                stop(place, 0, meter=1000 * turn + 900, at=NOON + (60 * turn + 30) * MINUTE)
        at_once(
            *[
                lambda place=place, card=card, turn=turn: arrive(place, card, 60 * turn, 1000 * turn)
                for place, card in zip(places, (first, second), strict=True)
            ]
        )
    ended = ChargingSession.objects.exclude(status="ACTIVE")
    assert ended.count() == ChargeDetailRecord.objects.count() == (16 if is_told_out_of_order else 14)
    assert set(ended.values_list("status", flat=True)) == {"COMPLETED"}
    assert audit.check() == []


def test_first_word_about_an_outlet_twice_at_once(charge_point):
    now = timezone.now()
    at_once(
        *[lambda: connectivity.status(charge_point, connector_number=7, status="Available", at=now, received_at=now)] * 3,
        lambda: readings.store([Incoming(charge_point.pk, 7, None, (reading(1, 5),), now)]),
    )
    assert Connector.objects.filter(charge_point=charge_point, number=7).count() == 1


def test_a_command_is_claimed_by_one(charge_point):
    go_online(charge_point)
    command = commands.reset(charge_point)
    claimed = at_once(*[lambda: commands.claim(command.pk)] * 6)
    assert len([one for one in claimed if one is not None]) == 1
    assert Command.objects.get().status == "sent"
