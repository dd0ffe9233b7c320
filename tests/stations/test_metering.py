"""Readings → energy, as real chargers send them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stations import metering
from stations.metering import Meter, Reading

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def sample(value, **more):
    return {"value": value, **more}


def phases(*values, unit="Wh"):
    return [sample(value, phase=f"L{number}", unit=unit) for number, value in enumerate(values, 1)]


@pytest.mark.parametrize(
    ("samples", "wh"),
    [
        ([sample("1750")], 1750),
        ([sample(" 165333.00 ", unit="Wh")], 165333),
        ([sample("604.213", unit="kWh")], 604213),
        ([sample("12,5", unit="kWh")], 12500),
        ([sample("1.234,5")], None),
        ([sample("")], None),
        ([sample("NaN")], None),
        ([sample("Infinity")], None),
        ([sample("1e400000")], None),
        ([sample("1_000")], None),
        ([sample("٣")], None),
        ([sample("-5")], None),
        ([sample("9223372036854775807")], None),
        ([sample("100", unit="varh")], None),
        ([sample("7", measurand="Power.Active.Import", unit="kW")], None),
        ([sample("7", measurand="Energy.Reactive.Import.Register")], None),
        ([sample("4041", format="SignedData")], None),
        ([sample("0.00", context="Transaction.Begin", unit="kWh"), sample("1130300.0")], 1130300),
        ([sample("0", context="Transaction.Begin")], None),
        ([*phases("100", "200", "300"), sample("605")], 605),
        (phases("100", "200", "300"), 600),
        (phases("0.1", "0.2", "0.3", unit="kWh"), 600),
        (phases("100"), 100),
        ([sample("100", phase="L1-N"), sample("50", phase="N")], 100),
        (phases("100", "junk", "300"), None),
        ([sample("500", location="Inlet"), sample("480", location="Outlet")], 480),
        ([sample("500", location="Inlet")], 500),
        ([], None),
    ],
)
def test_register(samples, wh):
    assert metering.energy_wh(Reading(NOON, samples)) == wh


@pytest.mark.parametrize(
    ("samples", "watts"),
    [
        ([sample("7.4", measurand="Power.Active.Import", unit="kW")], 7400),
        ([sample("3600", measurand="Power.Active.Import")], 3600),
        (
            [sample("1200", measurand="Power.Active.Import", phase=f"L{number}", unit="W") for number in (1, 2, 3)],
            3600,
        ),
        ([sample("99999999999", measurand="Power.Active.Import", unit="W")], None),
        ([sample("100")], None),
    ],
)
def test_power(samples, watts):
    assert metering.power_w(Reading(NOON, samples)) == watts


def test_state_of_charge():
    assert metering.soc(Reading(NOON, [sample("54.6", measurand="SoC", unit="Percent")])) == 55
    assert metering.soc(Reading(NOON, [sample("170", measurand="SoC")])) is None


def run(start, values, *, stop=None, power_w=11_000, step_s=60):
    """Readings a minute apart after a start; the outcome with or without a stop a minute later."""
    meter = Meter.begun(start, NOON, NOON)
    at = NOON
    for value in values:
        at += timedelta(seconds=step_s)
        meter.advance(value, at.timestamp(), at.timestamp(), power_w, 200)
    at += timedelta(seconds=step_s)
    result = metering.outcome(meter, meter_start_wh=start, meter_stop_wh=stop, at=at, received_at=at, power_w=power_w, slack_wh=200)
    return result.energy_wh, bool(result.doubt)


@pytest.mark.parametrize(
    ("start", "values", "stop", "energy_wh", "doubtful"),
    [
        (1000, [1100, 1200, 1300], 1350, 350, False),  # as the standard has it
        (1000, [], 1150, 150, False),  # no readings at all
        (1000, [1100, 1200], None, 200, False),  # no StopTransaction
        (1000, [], None, 0, False),
        (1000, [], 999, 0, False),  # Huawei: a watt-hour less than at the start
        (1000, [], 500, 0, True),  # backwards, and nothing else known
        (1000, [1100], 1090, 100, False),  # noise at the end
        (1000, [1100, 1200], 0, 200, False),  # rebooted: meterStop 0
        (None, [5000, 5100], 5150, 150, False),  # no meterStart: the first reading stands for it
        (None, [], 5150, 0, True),
        (4_076_000, [100, 200, 300], 4_076_350, 350, False),  # Grizzl-E: readings count since the session began
        (4_076_000, [100, 200, 300], 350, 350, False),  # all but the start do
        (4_076_000, [100, 200], None, 200, False),
        (0, [100, 200, 300], 350, 350, False),  # everything counts since the session began
        (1000, [1100, 1200, 0, 100, 200], 250, 450, False),  # the register restarted
        (1000, [1100, 1200, 50, 150], 200, 400, False),  # … between two readings
        (1000, [1100, 3, 1250], 1300, 300, False),  # one reading was a glitch downwards
        (1000, [1100, 9_000_000, 1250], 1300, 300, False),  # … upwards
        (1000, [1100, 1080, 1200], 1250, 250, False),  # noise in between
        (0, [7_783_000, 7_783_100], 7_783_200, 200, True),  # a lifetime register after a session start
        (1000, [1100], 9_000_000, 100, True),  # jump at the end
        (1000, [1100, 500_000, 500_100], 500_200, 300, True),  # jump in between
        (1000, [], 9_000_000, 0, True),
        (4_076_000, [4076, 4076, 4076], 4_076_300, 300, True),  # kWh called Wh
    ],
)
def test_energy(start, values, stop, energy_wh, doubtful):
    assert run(start, values, stop=stop) == (energy_wh, doubtful)


def test_plausible_is_power_times_time_and_a_tenth_and_some_slack():
    assert metering.plausible_wh(11_000, 3600, 200) == 12_300
    assert metering.plausible_wh(None, 3600, 0) == 47_300
    assert metering.plausible_wh(11_000, -5, 200) == 200
    assert run(0, [], stop=12_300, step_s=3600) == (12_300, False)
    assert run(0, [], stop=12_301, step_s=3600) == (0, True)


def test_old_readings_from_the_queue_move_nothing_backwards():
    meter = Meter.begun(1000, NOON, NOON)
    for minutes, value in [(1, 1100), (5, 1500), (2, 1200), (3, 1300)]:
        meter.advance(value, (NOON + timedelta(minutes=minutes)).timestamp(), (NOON + timedelta(minutes=6)).timestamp(), 11_000, 200)
    assert (meter.energy, meter.register, meter.resets) == (500, 1500, 0)


def test_hours_offline_are_measured_by_the_chargers_clock():
    meter = Meter.begun(1000, NOON, NOON + timedelta(hours=5))
    received = (NOON + timedelta(hours=5)).timestamp()
    for hour in (1, 2, 3):
        meter.advance(1000 + 10_000 * hour, (NOON + timedelta(hours=hour)).timestamp(), received, 11_000, 200)
    assert (meter.energy, meter.jumps) == (30_000, 0)


def test_a_clock_that_runs_ahead_does_not_make_anything_plausible():
    meter = Meter.begun(1000, NOON, NOON)
    meter.advance(31_000, (NOON + timedelta(hours=3)).timestamp(), (NOON + timedelta(minutes=1)).timestamp(), 11_000, 200)
    assert (meter.energy, meter.jumps) == (0, 1)


def test_a_clock_that_is_set_back_does_not_stop_the_count():
    meter = Meter.begun(1000, NOON, NOON)
    for minute in range(1, 10):
        received = NOON + timedelta(minutes=minute)
        meter.advance(1000 + 100 * minute, (received - timedelta(hours=1)).timestamp(), received.timestamp(), 11_000, 200)
    assert (meter.energy, meter.jumps) == (900, 0)


def test_state_survives_being_stored():
    meter = Meter.begun(1000, NOON, NOON)
    meter.advance(1100, NOON.timestamp() + 60, NOON.timestamp() + 60, None, 200)
    assert Meter.of(meter.state()) == meter


@given(
    st.lists(st.integers(0, 2**40), max_size=12), st.one_of(st.none(), st.integers(0, 2**40)), st.one_of(st.none(), st.integers(0, 2**40))
)
def test_energy_is_never_negative_nor_more_than_the_outlet_can_deliver(values, start, stop):
    energy, _doubtful = run(start, values, stop=stop)
    assert 0 <= energy <= (len(values) + 1) * metering.plausible_wh(11_000, 60, 200) + metering.TOLERANCE_WH
