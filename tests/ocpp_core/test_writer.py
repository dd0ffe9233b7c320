import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection

from ocpp_core import frame_log
from ocpp_core.door import tell_again
from ocpp_core.models import OcppFrame
from ocpp_core.spool import Entry, Spool
from ocpp_core.workers import DatabaseAway, Workers
from ocpp_core.writer import Item, Writer
from stations.metering import Reading, Sample
from stations.models import ChargingSession, MeterValue, QuarantinedMessage
from stations.readings import Incoming
from tests import factories

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SAMPLE: Sample = {"value": "1500", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}


@pytest.fixture
def charge_point(transactional_db, owner, tariff):
    return factories.make_charge_point(owner, tariff=tariff)


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool", tell_again)


class Away(Workers):
    """Threads whose database is away."""

    def guard(self, function, *args, **kwargs):
        raise DatabaseAway


def frame(charge_point, number, wh=1500, received_at=NOON):
    said = {"connectorId": 1, "meterValue": [{"timestamp": received_at.isoformat(), "sampledValue": [{"value": str(wh)}]}]}
    return Entry(charge_point.pk, "MeterValues", received_at, json.dumps([2, str(number), "MeterValues", said]))


def item(charge_point, number, done, samples=None):
    at = NOON + timedelta(seconds=number)
    incoming = Incoming(charge_point.pk, 1, None, (Reading(at, [SAMPLE] if samples is None else samples),), at)
    entry = frame(charge_point, number, received_at=at)
    row = frame_log.row(charge_point.pk, at, frame_log.FROM_CHARGER, frame_log.CALL, str(number), "MeterValues", entry.raw)
    return Item(incoming, row, entry, done)


def store(charge_point, spool, samples, workers=Workers):
    """Give the writer a message for each list of samples; what became of them."""
    outcomes = {}

    async def story():
        loop = asyncio.get_running_loop()
        threads = workers(loop)
        writer = Writer(loop, threads, spool)
        answered = asyncio.Event()

        def done(number, error):
            outcomes[number] = error
            if len(outcomes) == len(samples):
                answered.set()

        for number, one in enumerate(samples):
            writer.store(item(charge_point, number, lambda error, number=number: done(number, error), one))
        async with asyncio.timeout(60):
            await answered.wait()
            await writer.flush()
        await asyncio.to_thread(writer.close)
        await asyncio.to_thread(threads.close)

    async_to_sync(story)()
    return outcomes


def test_every_reading_is_stored_with_its_frame_before_it_is_answered(charge_point, spool):
    assert store(charge_point, spool, [None] * 300) == dict.fromkeys(range(300))
    assert MeterValue.objects.count() == OcppFrame.objects.count() == 300


def test_who_wants_to_see_a_frame_waits_for_its_batch_and_not_for_all_that_come_later(charge_point, spool):
    """Readings that come without end, each as soon as the last is stored, keep the writer busy for ever."""
    is_over = False

    async def story():
        loop = asyncio.get_running_loop()
        threads = Workers(loop)
        writer = Writer(loop, threads, spool)

        def again(number):
            if not is_over:
                writer.store(item(charge_point, number, lambda _error: again(number + 1)))

        again(0)
        async with asyncio.timeout(60):
            for name in "abc":
                writer.log(frame_log.row(charge_point.pk, NOON, frame_log.TO_CHARGER, frame_log.CALL, name, "Reset", "[]"))
                await writer.write_down()
                seen.append(await asyncio.to_thread(count))
        await end(writer, threads)

    def count():
        try:
            return OcppFrame.objects.filter(action="Reset").count()
        finally:
            connection.close()

    async def end(writer, threads):
        nonlocal is_over
        is_over = True
        await writer.flush()
        await asyncio.to_thread(writer.close)
        await asyncio.to_thread(threads.close)

    seen: list[int] = []
    async_to_sync(story)()
    assert seen == [1, 2, 3]


def test_one_poisoned_message_does_not_spoil_its_neighbours(charge_point, spool):
    samples: list[object] = [None] * 20
    samples[7] = 5  # no list
    assert store(charge_point, spool, samples) == dict.fromkeys(range(20)), "every charger is acknowledged"
    assert MeterValue.objects.count() == 19
    assert OcppFrame.objects.count() == 20
    kept = QuarantinedMessage.objects.get()
    assert (kept.action, kept.charge_point) == ("MeterValues", charge_point)
    assert '"7"' in kept.raw


def test_without_a_database_readings_go_to_the_spool_and_are_told_once_in_order(charge_point, spool):
    assert store(charge_point, spool, [None] * 5, Away) == dict.fromkeys(range(5))
    assert MeterValue.objects.count() == 0
    assert spool.has_entries

    assert spool.replay() == 5
    assert not spool.has_entries
    assert list(MeterValue.objects.order_by("id").values_list("at", flat=True)) == [NOON + timedelta(seconds=n) for n in range(5)]
    assert OcppFrame.objects.count() == 5
    assert spool.replay() == 0


def test_with_neither_database_nor_spool_nothing_is_acknowledged(charge_point, tmp_path):
    (tmp_path / "spool").write_text("a file where the folder should be")
    outcomes = store(charge_point, Spool(tmp_path / "spool", tell_again), [None] * 2, Away)
    assert all(isinstance(error, OSError) for error in outcomes.values())


def test_what_a_dead_process_left_behind_is_told_from_where_it_had_come(charge_point, tmp_path):
    """The process died while it was telling: what was told is not told again, what was not is."""
    told: list[datetime] = []

    def tell(entry):
        if len(told) == 2:
            raise OperationalError
        told.append(entry.received_at)

    first = Spool(tmp_path, tell)
    first.append(frame(charge_point, number, received_at=NOON + timedelta(seconds=number)) for number in range(4))
    with pytest.raises(OperationalError):
        first.replay()
    assert Spool(tmp_path, tell_again).replay() == 0, "the file of a living process is its own"
    first.close()

    after = Spool(tmp_path, tell_again)
    assert after.has_entries
    assert after.replay() == 2
    assert MeterValue.objects.count() == 2
    assert list(tmp_path.iterdir()) == []


def test_a_stop_from_the_spool_ends_its_session(charge_point, spool, driver):
    card = factories.make_id_token(driver).uid
    start = {"connectorId": 1, "idTag": card, "meterStart": 1000, "timestamp": NOON.isoformat()}
    from ocpp_core.handlers import core  # noqa: PLC0415
    from ocpp_core.handlers.requests import Facts, Request  # noqa: PLC0415

    row = frame_log.row(charge_point.pk, NOON, frame_log.FROM_CHARGER, frame_log.CALL, "1", "StartTransaction", "[]")
    begun = core.start_transaction(Request(Facts(charge_point.pk, ""), "StartTransaction", start, NOON, row))
    stop = {"transactionId": begun["transactionId"], "meterStop": 3000, "timestamp": (NOON + timedelta(hours=1)).isoformat()}
    raw = json.dumps([2, "9", "StopTransaction", stop])
    spool.append([Entry(charge_point.pk, "StopTransaction", NOON + timedelta(hours=1), raw)] * 2)

    assert spool.replay() == 2
    session = ChargingSession.objects.get()
    assert (session.status, session.energy_wh) == (ChargingSession.Status.COMPLETED, 2000)
    assert session.stop_received_at == NOON + timedelta(hours=1)


def test_a_line_that_no_rule_understands_holds_nothing_up(charge_point, spool):
    spool.append([Entry(charge_point.pk, "MeterValues", NOON, "nonsense"), frame(charge_point, 1)])
    assert spool.replay() == 2
    assert MeterValue.objects.count() == 1


def test_a_lost_connection_is_tried_once_more_on_a_fresh_one(transactional_db):
    calls = []

    def flaky():
        calls.append(connection.connection)
        if len(calls) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        return "stored"

    async def story():
        workers = Workers(asyncio.get_running_loop())
        assert await workers.run(flaky) == "stored"
        assert not workers.database_is_away
        with pytest.raises(DatabaseAway):
            await workers.run(fail, "connection refused")
        with pytest.raises(DatabaseAway):
            await workers.run(flaky)
        assert len(calls) == 2, "for a moment nobody else waits for it"
        await asyncio.to_thread(workers.close)

    def fail(why):
        raise OperationalError(why)

    async_to_sync(story)()


def test_frames_are_pruned_after_a_month(charge_point):
    def frames(*ages):
        moments = [NOON - timedelta(days=age) for age in ages]
        frame_log.write([frame_log.row(charge_point.pk, at, "from_charger", "call", "1", "Heartbeat", "[]") for at in moments])

    frames(40, 35, 31, 30.5, 29, 10, 0)
    assert frame_log.prune(now=NOON) == 4
    assert OcppFrame.objects.count() == 3
    assert frame_log.prune(now=NOON) == 0
    OcppFrame.objects.all().delete()
    assert frame_log.prune(now=NOON) == 0


@pytest.mark.parametrize(
    "raw",
    [
        '[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"53cr3t\\"x"}]',
        '[2,"1","ChangeConfiguration",{"value": "53cr3t", "key": "authorizationkey"}]',
        '[3,"1",{"configurationKey":[{"key":"A","value":"b"},{"key":"AuthorizationKey","readonly":false,"value":"53cr3t"}]}]',
        '[2,"1","DataTransfer",{"data":"Authorization: Basic 53cr3t0000"}]',
    ],
)
def test_secrets_are_blotted_out(raw):
    kept = frame_log.without_secrets(raw)
    assert "53cr3t" not in kept
    assert "***" in kept
    json.loads(kept)
