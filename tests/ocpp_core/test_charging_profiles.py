"""Profiles made of wishes, what several of them come to, and what a make takes: tables."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from chargeshare.errors import Invalid
from ocpp_core import schemas, vendors
from ocpp_core.charging_profiles import abilities, building, schedules, units
from ocpp_core.charging_profiles.abilities import Abilities
from ocpp_core.charging_profiles.building import Amount, Place, Plan
from ocpp_core.charging_profiles.schedules import Charging, Held, Question

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)  # a Wednesday, 13:00 in Prague
PRAGUE = ZoneInfo("Europe/Prague")
BOX = Place(0, 11_000, "TYPE_2")
OUTLET = Place(1, 11_000, "TYPE_2")
BOTH = Abilities(units=frozenset("AW"), most_level=8)


def amps(value):
    return Amount(Decimal(value), "A")


def watts(value):
    return Amount(Decimal(value), "W")


def is_valid(built):
    return schemas.problems("SetChargingProfile", built.payload) is None


# Units


@pytest.mark.parametrize(
    ("power_w", "kind", "phases"),
    [
        (None, "", 3),
        (3_700, "TYPE_2", 1),
        (7_400, "TYPE_2", 1),
        (7_401, "TYPE_2", 3),
        (11_000, "TYPE_2", 3),
        (11_000, "TYPE_1", 1),
        (None, "SCHUKO", 1),
    ],
)
def test_phases_are_guessed_by_the_power(power_w, kind, phases):
    assert units.phases_of(power_w, kind) == phases


@pytest.mark.parametrize(
    ("limit", "unit", "wanted", "phases", "comes_to"),
    [
        ("16", "A", "A", 3, "16"),
        ("16", "A", "W", 3, "11040"),
        ("6", "A", "W", 1, "1380"),
        ("11000", "W", "A", 3, "15.9"),
        ("7360", "W", "A", 1, "32"),
        ("0", "W", "A", 3, "0"),
    ],
)
def test_the_other_unit_never_allows_more(limit, unit, wanted, phases, comes_to):
    assert units.converted(Decimal(limit), unit, wanted, phases) == Decimal(comes_to)


@pytest.mark.parametrize("tenths", range(640))
def test_every_tenth_of_an_ampere_passes_the_schema(tenths):
    assert is_valid(building.limit(OUTLET, Amount(Decimal(tenths) / 10, "A"), BOTH, now=NOON))


# What a box takes


@pytest.mark.parametrize(
    ("vendor", "model", "firmware", "keys", "wanted"),
    [
        ("Any", "Box", "1", {}, {"units": {"A"}, "only_level": None, "relative_only": False, "is_known": False}),
        ("Huawei", "S", "1", {}, {"units": {"W"}}),
        ("Huawei", "S", "1", {"ChargingScheduleAllowedChargingRateUnit": "Current"}, {"units": {"W"}}),
        ("Any", "Box", "1", {"ChargingScheduleAllowedChargingRateUnit": "Current,Power"}, {"units": {"A", "W"}, "is_known": True}),
        ("Any", "Box", "1", {"ChargingScheduleAllowedChargingRateUnit": "W"}, {"units": {"W"}}),
        ("Any", "Box", "1", {"ChargingScheduleAllowedChargingRateUnit": "Power"}, {"units": {"W"}}),
        ("Any", "Box", "1", {"chargingscheduleallowedchargingrateunit": "a; w"}, {"units": {"A", "W"}}),
        ("Any", "Box", "1", {"ChargingScheduleAllowedChargingRateUnit": None}, {"units": {"A"}, "is_known": False}),
        ("Any", "Box", "1", {"ChargingSchduleAllowedChargingRate": "Power"}, {"units": {"W"}}),
        (
            "SolaxPower",
            "SPACS000001",
            "005.02",
            {"ChargingSchduleAllowedChargingRate": "Power", "MaxChargingProfilesInstalled": "1", "ChargeProfileMaxStackLevel": "2"},
            {"units": {"A", "W"}, "most_profiles": 1, "most_level": 2},
        ),
        ("ABB", "Terra AC W22", "1.6", {"ChargeProfileMaxStackLevel": "8"}, {"only_level": 0}),
        ("Wall Box Chargers", "Pulsar Plus", "5.17.65", {}, {"only_level": 0, "relative_only": False}),
        ("Wallbox", "Pulsar", "", {}, {"only_level": 0, "relative_only": False}),
        ("Wall Box Chargers", "Pulsar Plus", "4.6.1", {}, {"only_level": None, "relative_only": True}),
        (
            "Any",
            "Box",
            "1",
            {"ChargingScheduleMaxPeriods": " 24 ", "ChargeProfileMaxStackLevel": "many"},
            {"most_periods": 24, "most_level": None},
        ),
        ("Any", "Box", "1", {"SupportedFeatureProfiles": "Core, RemoteTrigger"}, {"has_smart_charging": False}),
        ("Any", "Box", "1", {"SupportedFeatureProfiles": "Core,Smart Charging"}, {"has_smart_charging": True}),
        ("Any", "Box", "1", {"SupportedFeatureProfiles": ""}, {"has_smart_charging": None}),
    ],
)
def test_what_a_box_takes(vendor, model, firmware, keys, wanted):
    can = abilities.of(vendors.profile_of(vendor, model, firmware), keys)
    assert {name: set(getattr(can, name)) if name == "units" else getattr(can, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("can", "wanted", "level"),
    [
        (Abilities(), 1, 0),
        (Abilities(most_level=0), 1, 0),
        (Abilities(most_level=8), 1, 1),
        (Abilities(most_level=2, most_profiles=1), 1, 0),
        (Abilities(most_level=8, only_level=0), 1, 0),
    ],
)
def test_a_level_that_the_box_takes(can, wanted, level):
    assert can.level(wanted) == level


# Wishes


@pytest.mark.parametrize(
    ("place", "purpose", "kind"),
    [
        (BOX, "ChargePointMaxProfile", "Absolute"),
        (OUTLET, "TxDefaultProfile", "Absolute"),
        (Place(2, transaction_id=77), "TxProfile", "Relative"),
    ],
)
def test_a_limit_for_the_box_for_an_outlet_and_for_one_session(place, purpose, kind):
    built = building.limit(place, amps(16), BOTH, now=NOON)
    profile = built.profile
    assert is_valid(built)
    assert (profile["chargingProfilePurpose"], profile["chargingProfileKind"]) == (purpose, kind)
    assert built.payload["connectorId"] == place.connector_number
    assert profile.get("transactionId") == place.transaction_id
    assert profile["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 16}]
    assert ("startSchedule" in profile["chargingSchedule"]) is (kind == "Absolute"), (
        "without it a schedule counts from the start of charging"
    )


def test_a_limit_with_an_end_stands_above_one_without():
    for_good = building.limit(BOX, amps(16), BOTH, now=NOON).profile
    for_now = building.limit(BOX, amps(6), BOTH, now=NOON, until=NOON + timedelta(hours=2)).profile
    assert (for_good["stackLevel"], for_now["stackLevel"]) == (0, 1)
    assert for_good["chargingProfileId"] != for_now["chargingProfileId"]
    assert for_now["validTo"] == "2026-01-14T14:00:00Z"
    assert (for_now["chargingSchedule"]["startSchedule"], for_now["chargingSchedule"]["duration"]) == ("2026-01-14T11:00:00Z", 10_800)
    with pytest.raises(Invalid):
        building.limit(BOX, amps(6), BOTH, now=NOON, until=NOON)


@pytest.mark.parametrize(
    ("amount", "can", "unit", "limit", "is_said"),
    [
        (amps(16), Abilities(units=frozenset("A")), "A", 16, False),
        (watts(11_000), Abilities(units=frozenset("A")), "A", 15.9, True),
        (amps(16), Abilities(units=frozenset("W")), "W", 11_040, True),
        (watts(4_200), BOTH, "W", 4_200, False),
    ],
)
def test_a_limit_goes_out_in_a_unit_the_box_takes(amount, can, unit, limit, is_said):
    built = building.limit(OUTLET, amount, can, now=NOON)
    schedule = built.profile["chargingSchedule"]
    assert is_valid(built)
    assert (schedule["chargingRateUnit"], schedule["chargingSchedulePeriod"][0]["limit"]) == (unit, limit)
    assert bool(built.notes) is is_said, "what was assumed of the phases is told"


def test_direct_current_is_limited_in_watts():
    place = Place(1, 50_000, "CCS")
    assert building.limit(place, watts(20_000), Abilities(), now=NOON).profile["chargingSchedule"]["chargingRateUnit"] == "W"
    with pytest.raises(Invalid):
        building.limit(place, amps(32), Abilities(), now=NOON)


def test_an_older_wallbox_gets_what_counts_from_the_start_of_charging():
    can = Abilities(relative_only=True)
    profile = building.limit(OUTLET, amps(10), can, now=NOON, until=NOON + timedelta(hours=1)).profile
    assert profile["chargingProfileKind"] == "Relative"
    assert "startSchedule" not in profile["chargingSchedule"]
    assert profile["validTo"] == "2026-01-14T13:00:00Z"
    with pytest.raises(Invalid):
        building.day_plan(OUTLET, Plan(amps(16), amps(0), time(1), time(5)), can, now=NOON, zone=PRAGUE)


H = 3_600


@pytest.mark.parametrize(
    ("begins", "ends", "periods"),
    [
        (time(1), time(5, 30), [(0, 0), (H, 16), (5 * H + 1800, 0)]),
        (time(0), time(6), [(0, 16), (6 * H, 0)]),
        (time(22), time(0), [(0, 0), (22 * H, 16)]),
        (time(22), time(6), [(0, 16), (6 * H, 0), (22 * H, 16)]),
    ],
)
def test_a_day_plan_is_a_recurring_profile_from_local_midnight(begins, ends, periods):
    built = building.day_plan(BOX, Plan(amps(16), amps(0), begins, ends), BOTH, now=NOON, zone=PRAGUE)
    profile, schedule = built.profile, built.profile["chargingSchedule"]
    assert is_valid(built)
    assert (profile["chargingProfileKind"], profile["recurrencyKind"], profile["stackLevel"]) == ("Recurring", "Daily", 0)
    assert (schedule["startSchedule"], schedule["duration"]) == ("2026-01-13T23:00:00Z", 86_400)
    assert [(period["startPeriod"], period["limit"]) for period in schedule["chargingSchedulePeriod"]] == periods


def test_a_plan_for_some_days_is_weekly_and_runs_past_midnight_and_past_sunday():
    days = frozenset({0, 6})
    built = building.day_plan(OUTLET, Plan(amps(16), amps(6), time(22), time(6), days), BOTH, now=NOON, zone=PRAGUE)
    schedule = built.profile["chargingSchedule"]
    assert is_valid(built)
    assert (built.profile["recurrencyKind"], schedule["startSchedule"], schedule["duration"]) == ("Weekly", "2026-01-11T23:00:00Z", 604_800)
    day = 24 * H
    assert [(period["startPeriod"], period["limit"]) for period in schedule["chargingSchedulePeriod"]] == [
        (0, 16),
        (6 * H, 6),
        (22 * H, 16),
        (day + 6 * H, 6),
        (6 * day + 22 * H, 16),
    ]


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2026, 3, 29, 10, tzinfo=UTC), "2026-03-28T22:00:00Z"),  # summer time began this morning: 0:00 as it counts from now on
        (datetime(2026, 7, 1, 22, 30, tzinfo=UTC), "2026-07-01T22:00:00Z"),
    ],
)
def test_midnight_is_that_of_the_time_that_holds_now(now, midnight):
    built = building.day_plan(BOX, Plan(amps(16), amps(0), time(1), time(5)), BOTH, now=now, zone=PRAGUE)
    assert built.profile["chargingSchedule"]["startSchedule"] == midnight


@pytest.mark.parametrize(
    ("plan", "can", "until"),
    [
        (Plan(amps(16), amps(0), time(5), time(5)), BOTH, None),
        (Plan(amps(16), amps(0), time(1), time(5), frozenset()), BOTH, None),
        (Plan(amps(16), amps(0), time(1), time(5)), BOTH, NOON),
        (Plan(amps(16), amps(0), time(1), time(5), frozenset({0, 2, 4})), Abilities(most_periods=5), None),
    ],
)
def test_a_plan_that_cannot_be(plan, can, until):
    with pytest.raises(Invalid):
        building.day_plan(BOX, plan, can, now=NOON, zone=PRAGUE, until=until)


def test_a_limit_inside_a_start_names_no_transaction():
    built = building.of_start(OUTLET, amps(10), BOTH)
    start = {"connectorId": 1, "idTag": "A1", "chargingProfile": built.profile}
    assert schemas.problems("RemoteStartTransaction", start) is None
    assert (built.profile["chargingProfilePurpose"], built.profile["chargingProfileKind"]) == ("TxProfile", "Relative")
    assert "transactionId" not in built.profile


@pytest.mark.parametrize(
    ("can", "unit", "limit", "level"),
    [(BOTH, "A", 16, 2), (Abilities(units=frozenset("W")), "W", 11_040, 2), (Abilities(only_level=0), "A", 16, 0)],
)
def test_a_profile_is_fitted_to_the_box(can, unit, limit, level):
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}
    fitted = building.fitted({"stackLevel": 2, "chargingSchedule": schedule}, can, 3)
    said = fitted["chargingSchedule"]
    assert (said["chargingRateUnit"], said["chargingSchedulePeriod"][0]["limit"], fitted["stackLevel"]) == (unit, limit, level)


# What several come to


def held(purpose="TxDefaultProfile", limit=16, level=0, *, connector=1, kind="Absolute", periods=None, unit="A", **more):
    said = {"begins_at": NOON - timedelta(days=1) if kind != "Relative" else None, "accepted_at": NOON - timedelta(days=1), **more}
    turns = tuple(schedules.Period(*period) for period in periods or [(0, limit)])
    return Held(connector, purpose, level, kind, turns, unit, **said)


def curve(profiles, *, connector=1, hours=24, unit="A", phases=3, charging=None):
    asked = Question(connector, NOON, NOON + timedelta(hours=hours), unit, phases, charging)
    return [((step.at - NOON).total_seconds() / H, step.limit) for step in schedules.composite(profiles, asked)]


RUNNING = Charging(NOON - timedelta(hours=1), 77)


@pytest.mark.parametrize(
    ("profiles", "charging", "comes_to"),
    [
        ([], None, [(0, None)]),
        ([held(limit=16)], None, [(0, 16)]),
        ([held(limit=16), held(limit=10, level=3)], None, [(0, 10)]),
        ([held(limit=10), held(limit=16, level=3)], None, [(0, 16)]),
        ([held(limit=16, connector=0)], None, [(0, 16)]),
        ([held(limit=16, connector=0), held(limit=20)], None, [(0, 20)]),
        ([held(limit=16, connector=2)], None, [(0, None)]),
        ([held("TxProfile", 20, transaction_id=77), held(limit=10)], RUNNING, [(0, 20)]),
        ([held("TxProfile", 20, transaction_id=78), held(limit=10)], RUNNING, [(0, 10)]),
        ([held("TxProfile", 20), held(limit=10)], None, [(0, 10)]),
        ([held("TxProfile", 20), held("ChargePointMaxProfile", 12, connector=0), held(limit=10)], RUNNING, [(0, 12)]),
        ([held("ChargePointMaxProfile", 32, connector=0), held(limit=10)], None, [(0, 10)]),
        ([held("ChargePointMaxProfile", 32, connector=1)], None, [(0, None)]),
        ([held(limit=6, level=1, valid_to=NOON + timedelta(hours=2)), held(limit=16)], None, [(0, 6), (2, 16)]),
        ([held(limit=6, valid_from=NOON + timedelta(hours=2))], None, [(0, None), (2, 6)]),
        ([held(limit=6, begins_at=NOON + timedelta(hours=3), duration_s=H)], None, [(0, None), (3, 6), (4, None)]),
        ([held(limit=6, level=1, begins_at=NOON, duration_s=H), held(limit=16)], None, [(0, 6), (1, 16)]),
        ([held(kind="Relative", periods=[(0, 16), (2 * H, 6)])], None, [(0, 16), (2, 6)]),
        ([held(kind="Relative", periods=[(0, 16), (2 * H, 6)])], RUNNING, [(0, 16), (1, 6)]),
        ([held(periods=[(0, 16), (2 * H, 6)], begins_at=None)], RUNNING, [(0, 16), (1, 6)]),
        ([held("ChargePointMaxProfile", 9, connector=0, kind="Relative")], None, [(0, 9)]),
        ([held("TxProfile", 20, begins_at=NOON, duration_s=H), held(limit=10)], RUNNING, [(0, 20), (1, 10)]),
        ([held(periods=[(H, 5)], begins_at=NOON)], None, [(0, None), (1, 5)]),
    ],
)
def test_which_profile_holds(profiles, charging, comes_to):
    assert curve(profiles, charging=charging) == comes_to


@pytest.mark.parametrize("days_ago", [0, 1, 40])
def test_a_daily_plan_comes_again(days_ago):
    plan = held(
        kind="Recurring",
        recurrency="Daily",
        begins_at=NOON - timedelta(hours=12, days=days_ago),
        duration_s=86_400,
        periods=[(0, 16), (6 * H, 0), (22 * H, 16)],
    )
    assert curve([plan], hours=48) == [(0, 0), (10, 16), (18, 0), (34, 16), (42, 0)]


def test_a_weekly_plan_comes_again_and_says_nothing_between():
    plan = held(kind="Recurring", recurrency="Weekly", begins_at=NOON - timedelta(days=13), duration_s=2 * H, periods=[(0, 10)])
    assert curve([plan], hours=9 * 24) == [(0, None), (24, 10), (26, None), (8 * 24, 10), (8 * 24 + 2, None)]


def test_a_plan_that_begins_later_says_nothing_before():
    plan = held(kind="Recurring", recurrency="Daily", begins_at=NOON + timedelta(hours=30), periods=[(0, 10)])
    assert curve([plan], hours=48) == [(0, None), (30, 10)]


@pytest.mark.parametrize(
    ("profile", "unit", "phases", "limit"),
    [
        (held(limit=16), "W", 3, 11_040),
        (held(limit=16), "W", 1, 3_680),
        (held(periods=[(0, 16, 1)]), "W", 3, 3_680),
        (held(limit=11_040, unit="W"), "A", 3, 16),
    ],
)
def test_limits_of_either_unit_are_held_against_each_other(profile, unit, phases, limit):
    assert curve([profile], unit=unit, phases=phases) == [(0, limit)]


def test_the_whole_charger_knows_its_own_limit_alone():
    assert curve([held("ChargePointMaxProfile", 20, connector=0), held(limit=6, connector=0)], connector=0) == [(0, 20)]


def test_the_later_of_two_at_one_level_holds():
    assert curve([held(limit=8), held(limit=12, accepted_at=NOON)]) == [(0, 12)]


@pytest.mark.parametrize("year", [1, 9999])
def test_times_out_of_this_world_break_nothing(year):
    far = datetime(year, 6, 1, tzinfo=UTC)
    assert curve([held(begins_at=far, periods=[(0, 5), (10**12, 6)], valid_from=far, duration_s=10**15)]) in ([(0, None)], [(0, 5)])


def test_a_profile_is_read_as_it_is_written():
    built = building.day_plan(OUTLET, Plan(amps(16), amps(6), time(22), time(6)), BOTH, now=NOON, zone=PRAGUE)
    read = Held.of(built.profile, 1, NOON)
    assert curve([read]) == [(0, 6), (9, 16), (17, 6)]


@pytest.mark.parametrize(
    ("said", "read"), [("2026-01-14T13:00:00+01:00", NOON), ("2026-01-14T12:00:00", NOON), ("soon", None), (7, None), (None, None)]
)
def test_times_are_read(said, read):
    assert schedules.moment(said) == read
