"""Old readings are thinned, and nobody's bill, receipt, proof or evidence is another for it."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from billing import receipts
from billing.models import ChargeDetailRecord, Dispute, TariffVersion
from stations import evidence, meter_steps, readings, thinning
from stations.metering import Reading
from stations.models import ChargingSession, Connector, MeterCase, MeterValue, ThinnedReadings
from stations.readings import Incoming
from stations.sessions import billing, deciding
from tests import factories
from tests.stations.acting import HOUR, NOON, begin, session_of, stop

CARD = "04A1B2C3"
LATER = NOON + timedelta(days=100)
STEP = timedelta(seconds=20)
BANDS = [
    {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "15:00", "to": "16:00", "price_per_kwh": "2.0000"},
]


@pytest.fixture
def banded(tariff):
    """A price that changes while the car charges."""
    TariffVersion.objects.filter(pk=tariff.current_id).update(bands=BANDS)
    tariff.refresh_from_db()
    return tariff


def charged(charge_point, driver, *, wh=20, count=720, odd=(), contexts=()):
    """A session of four hours at most with a reading every twenty seconds, settled; it is old by LATER."""
    if not driver.id_tokens.exists():
        factories.make_id_token(driver, CARD)
    started = begin(charge_point, CARD)
    said = []
    for number in range(1, count + 1):
        register = 1000 + wh * number + dict(odd).get(number, 0)
        sample: Any = {"value": str(register), "unit": "Wh", "measurand": "Energy.Active.Import.Register", **dict(contexts).get(number, {})}
        said.append(Reading(NOON + STEP * number, [sample]))
    with transaction.atomic():
        for one in said:
            readings.store([Incoming(charge_point.pk, 1, started.transaction_id, (one,), one.at)])
    stop(charge_point, started.transaction_id, meter=1000 + wh * count, at=NOON + STEP * count)
    session = session_of(started)
    ChargingSession.objects.filter(pk=session.pk).update(created_at=NOON)
    session.refresh_from_db()
    return session


def known_of(session):
    """All that money and proof say of a session."""
    session = ChargingSession.objects.get(pk=session.pk)
    cdrs = list(ChargeDetailRecord.objects.filter(session_code=session.code).order_by("pk").values())
    steps = meter_steps.of(session)
    bill = billing.bill(session)
    return {
        "records": cdrs,
        "papers": [receipts.pdf(cdr) is not None for cdr in ChargeDetailRecord.objects.filter(session_code=session.code)],
        "price": deciding.quote(session, session.energy_wh) if session.status == "REVIEW" else None,
        "energy": (session.energy_wh, bill.usage.energy_wh, bill.usage.seconds, bill.usage.idle),
        "doubtful": [(step.at, step.register_wh, step.gain_wh, step.verdict) for step in steps.doubtful],
        "last": (steps.all[-1].counted_wh, steps.all[-1].register_wh) if steps.all else None,
        "lines": thinning.what_it_comes_to(session, thinning_rows(session)),
        "evidence": list(Dispute.objects.filter(cdr__session_code=session.code).values_list("evidence", flat=True)),
    }


def thinning_rows(session):
    return [thinning.Row(*row) for row in session.meter_values.order_by("at", "pk").values_list("pk", "at", "received_at", "samples")]


def test_most_of_it_goes_and_nothing_it_proves(charge_point, driver, banded):
    session = charged(charge_point, driver)
    before, times = known_of(session), set(session.meter_values.values_list("at", flat=True))
    assert session.meter_values.count() == 720
    assert len(session.cdr.lines.all()) >= 1

    removed = thinning.thin(now=LATER)

    kept = list(session.meter_values.order_by("at").values_list("at", flat=True))
    assert removed == 720 - len(kept) > 480
    assert known_of(session) == before
    assert (kept[0], kept[-1]) == (NOON + STEP, NOON + STEP * 720)
    shown = {said[0] for said in session.cdr.readings}
    assert shown <= {f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in kept}, "what the receipt shows is still there"
    assert max(after - one for one, after in pairwise(kept)) <= timedelta(minutes=5)
    assert {at for at in times if at.minute % 15 == 0 and at.second == 0} <= set(kept), "prices may turn there"
    thinned = ThinnedReadings.objects.get()
    assert (thinned.kept, thinned.removed) == (len(kept), removed)
    assert thinning.thin(now=LATER) == 0


def test_price_by_the_hour_could_be_made_out_again(charge_point, driver, banded):
    session = charged(charge_point, driver)
    bill = billing.bill(session)
    before = bill.lines()
    assert len(before) == 2, "two prices, two lines"

    thinning.thin(now=LATER)

    again = billing.bill(ChargingSession.objects.get(pk=session.pk))
    assert again.lines() == before
    assert len(again.usage.intervals) < len(bill.usage.intervals) / 3


def test_young_and_open_sessions_keep_all(charge_point, driver):
    session = charged(charge_point, driver, count=60)
    assert thinning.thin(now=NOON + timedelta(days=89)) == 0
    assert not ThinnedReadings.objects.exists()
    ChargingSession.objects.filter(pk=session.pk).update(status="ACTIVE")
    assert thinning.thin(now=LATER) == 0
    assert session.meter_values.count() == 60


def test_doubtful_steps_stay_with_their_neighbours(charge_point, driver):
    """The register jumps at the 100th reading and falls back: nobody looked, and whoever looks later sees it."""
    session = charged(charge_point, driver, count=300, odd={100: 900_000, 200: -500})
    MeterCase.objects.all().delete()
    ChargingSession.objects.filter(pk=session.pk).update(status="COMPLETED")
    before = known_of(session)

    thinning.thin(now=LATER)

    kept = {(at - NOON) // STEP for at in session.meter_values.values_list("at", flat=True)}
    assert {99, 100, 101, 199, 200, 201} <= kept
    assert known_of(session) == before


def test_what_staff_looked_into_stays_whole(charge_point, driver, staff):
    session = charged(charge_point, driver, count=300, odd=dict.fromkeys(range(100, 301), 900000))
    assert session.status == "REVIEW"
    before = known_of(session)
    assert thinning.thin(now=LATER) == 0
    assert (session.meter_values.count(), known_of(session)) == (300, before)


def test_what_was_disputed_stays_whole(charge_point, driver):
    session = charged(charge_point, driver, count=300)
    session.cdr.disputes.create(
        opened_by=driver, side="driver", reason="too_much", disputed_minor=1, frozen_minor=1, reply_by=LATER, evidence=evidence.of(session)
    )
    before = known_of(session)
    assert thinning.thin(now=LATER) == 0
    assert (session.meter_values.count(), known_of(session)) == (300, before)
    assert evidence.of(session)["readings"] == before["evidence"][0]["readings"]


def test_beginning_end_and_signed_readings_stay(charge_point, driver):
    session = charged(
        charge_point,
        driver,
        count=400,
        contexts={111: {"context": "Transaction.Begin"}, 222: {"context": "Transaction.End"}, 333: {"format": "SignedData"}},
    )
    thinning.thin(now=LATER)
    kept = {(at - NOON) // STEP for at in session.meter_values.values_list("at", flat=True)}
    assert {111, 222, 333} <= kept


def test_interrupted_work_goes_on_where_it_was(charge_point, driver, monkeypatch):
    sessions = []
    for _number in range(3):
        box = factories.make_charge_point(charge_point.owner, tariff=charge_point.connectors.get().tariff)
        sessions.append(charged(box, driver, count=60))
    monkeypatch.setattr(thinning, "WORKS_S", 0.0)
    assert thinning.thin(now=LATER) == 0, "no time for any"
    moments = iter(range(0, 100, 3))
    monkeypatch.setattr(thinning, "WORKS_S", 5.0)
    monkeypatch.setattr(thinning, "monotonic", lambda: next(moments))
    thinning.thin(now=LATER)
    assert 0 < ThinnedReadings.objects.count() < 3
    for _pass in range(3):
        thinning.thin(now=LATER)
    assert sorted(ThinnedReadings.objects.values_list("session_id", flat=True)) == sorted(session.pk for session in sessions)


def test_what_would_change_a_bill_stays(charge_point, driver, banded, monkeypatch):
    faster_and_faster = {number: -number * (600 - number) // 60 for number in range(1, 601)}
    session = charged(charge_point, driver, count=600, odd=faster_and_faster)
    monkeypatch.setattr(thinning, "chosen", lambda _session, rows: [rows[0], rows[-1]])
    assert thinning.thin(now=LATER) == 0
    assert session.meter_values.count() == 600
    assert ThinnedReadings.objects.get().removed == 0


@given(
    wh=st.integers(0, 60),
    odd=st.dictionaries(st.integers(1, 90), st.integers(-3000, 3000) | st.sampled_from([10**6, -(10**6)]), max_size=6),
)
def test_no_meter_however_odd_comes_to_another_bill(wh, odd):
    """What is chosen is priced and measured as the whole was, or the whole stays: on rows alone, without a database."""
    session = ChargingSession(
        started_at=NOON, start_received_at=NOON, created_at=NOON, stopped_at=NOON + HOUR, stop_received_at=NOON + HOUR, meter_start_wh=1000
    )
    session.connector = Connector(max_power_w=11_000)
    registers = {number: str(1000 + wh * number + odd.get(number, 0)) for number in range(1, 91)}
    times = {number: NOON + STEP * number for number in registers}
    rows = [thinning.Row(number, times[number], times[number], [{"value": registers[number], "unit": "Wh"}]) for number in registers]
    kept = thinning.chosen(session, rows)
    whole = thinning.what_it_comes_to(session, rows)
    if thinning.what_it_comes_to(session, kept) != whole:
        kept = rows
    assert thinning.what_it_comes_to(session, kept) == whole
    assert (kept[0], kept[-1]) == (rows[0], rows[-1])


def test_readings_outside_of_sessions_go_after_ninety_days(charge_point, connector):
    for days in (10, 95, 120):
        at = LATER - timedelta(days=days)
        common = {"at": at, "received_at": at, "samples": [], "sample_count": 0}
        MeterValue.objects.create(connector=connector, **common)
        MeterValue.objects.create(connector=None, charge_point=charge_point, **common)
    assert thinning.forget_outside(now=LATER) == 4
    assert MeterValue.objects.count() == 2
    assert thinning.forget_outside(now=LATER) == 0
