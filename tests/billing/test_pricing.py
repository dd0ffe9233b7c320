from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import bands, pricing
from billing.bands import Band
from billing.pricing import Prices, Usage

PRAGUE = ZoneInfo("Europe/Prague")
NIGHT = Band((), "22:00", "06:00", Decimal("3.00"))
PER_KWH = Prices(Decimal("6.50"), Decimal(0), Decimal(0), Decimal(0), 15, (), "CZK")
EVERYTHING = Prices(Decimal("6.50"), Decimal("0.5"), Decimal(10), Decimal(1), 15, (), "CZK")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def usage(wh, begins=NOON, hours=1, **more):
    ends = begins + timedelta(hours=hours)
    return Usage(wh, begins, ends, seconds=int((ends - begins).total_seconds()), **more)


def standing(seconds, begins=NOON):
    begins = begins.astimezone(UTC)
    return ((begins, begins + timedelta(seconds=seconds)),)


def amounts(lines):
    return [(line.kind, line.text, line.quantity, line.amount_minor) for line in lines]


def test_the_receipt_of_the_picture():
    assert pricing.total(pricing.price(PER_KWH, usage(34_170))) == 22_211


def test_every_component_is_a_line_of_its_own():
    lines = pricing.price(EVERYTHING, usage(10_000, idle=standing(15 * 60 + 90)))

    assert amounts(lines) == [
        ("energy", "", Decimal("10.000"), 6_500),
        ("time", "", Decimal("60.000"), 3_000),
        ("session", "", Decimal("1.000"), 1_000),
        ("idle", "", Decimal("1.500"), 150),
    ]


def test_no_real_energy_costs_nothing_at_all():
    assert pricing.price(EVERYTHING, usage(99, idle=standing(99_999))) == []
    assert pricing.total(pricing.price(EVERYTHING, usage(100))) > 0


def test_standing_is_free_within_the_grace_and_capped_beyond():
    idle = [pricing.price(EVERYTHING, usage(5_000, idle=standing(seconds)))[3:] for seconds in (0, 900, 960, 100_000)]

    assert [pricing.total(lines) for lines in idle] == [0, 0, 100, 10_000]


def test_standing_is_free_in_quiet_hours_of_the_charger_s_own_clock():
    prices = replace(EVERYTHING, idle_quiet_from="22:00", idle_quiet_to="06:00", idle_cap=Decimal(1000))
    evening = datetime(2026, 11, 20, 21, 0, tzinfo=PRAGUE)

    def paid(begins, hours, grace=0):
        lines = pricing.price(replace(prices, idle_grace_minutes=grace), usage(5_000, idle=standing(3600 * hours, begins)))
        return [line.quantity for line in lines if line.kind == "idle"]

    assert paid(evening, 1) == [Decimal("60.000")]
    assert paid(evening, 9) == [Decimal("60.000")]
    assert paid(evening, 10, grace=60) == [Decimal("60.000")]  # the grace has passed at ten; what is paid is six to seven
    assert paid(evening + timedelta(hours=2), 7) == []
    # The night of the change to winter time is an hour longer, and as free.
    assert paid(datetime(2026, 10, 24, 21, 30, tzinfo=PRAGUE), 10) == [Decimal("60.000")]


def test_several_stands_share_one_grace():
    stands = (*standing(600), *standing(600, NOON + timedelta(hours=1)))

    assert amounts(pricing.price(EVERYTHING, usage(5_000, idle=stands)))[3:] == [("idle", "", Decimal("5.000"), 500)]


def test_a_small_session_is_filled_up_to_the_minimum_and_none_without_energy():
    prices = replace(PER_KWH, minimum_price=Decimal(20))

    assert amounts(pricing.price(prices, usage(1_000))) == [
        ("energy", "", Decimal("1.000"), 650),
        ("minimum", "", Decimal("1.000"), 1_350),
    ]
    assert pricing.total(pricing.price(prices, usage(10_000))) == 6_500
    assert pricing.price(prices, usage(99)) == []
    assert pricing.expected_minor(prices, energy_wh=1_000) == 2_000
    assert pricing.affordable_wh(prices, 1_999) == 0
    assert not replace(PER_KWH, price_per_kwh=Decimal(0), minimum_price=Decimal(1)).is_free


def test_receipts_of_before_are_read_as_they_were():
    written = EVERYTHING.snapshot()
    for newer in ("minimum_price", "idle_cap", "idle_quiet_from", "idle_quiet_to"):
        del written[newer]

    assert Prices.from_snapshot(written) == EVERYTHING
    assert Prices.from_snapshot(EVERYTHING.snapshot()) == EVERYTHING


def test_bands_follow_the_clock_on_the_charger_s_wall():
    prices = replace(PER_KWH, bands=(NIGHT,))
    begins = datetime(2026, 11, 20, 21, 0, tzinfo=PRAGUE)

    lines = pricing.price(prices, usage(10_000, begins, hours=2))

    assert amounts(lines) == [("energy", "", Decimal("5.000"), 3_250), ("energy", "22:00–06:00", Decimal("5.000"), 1_500)]
    elsewhere = pricing.price(prices, usage(10_000, begins, hours=2, time_zone="Europe/London"))
    assert amounts(elsewhere) == [("energy", "", Decimal("10.000"), 6_500)]


def test_energy_goes_to_the_band_in_which_it_flowed():
    begins = datetime(2026, 11, 20, 21, 0, tzinfo=PRAGUE)
    middle, ends = begins + timedelta(hours=1), begins + timedelta(hours=2)
    intervals = ((begins, middle, 9_000), (middle, ends, 1_000))

    lines = pricing.price(replace(PER_KWH, bands=(NIGHT,)), usage(10_000, begins, hours=2, intervals=intervals))

    assert [line.quantity for line in lines] == [Decimal("9.000"), Decimal("1.000")]


def test_a_band_belongs_to_the_day_on_which_it_begins():
    sunday_night = replace(PER_KWH, bands=(Band((7,), "22:00", "06:00", Decimal(1)),))
    monday_at_five = datetime(2026, 11, 23, 5, 0, tzinfo=PRAGUE)

    assert pricing.total(pricing.price(sunday_night, usage(1_000, monday_at_five))) == 100
    assert pricing.total(pricing.price(sunday_night, usage(1_000, monday_at_five + timedelta(days=1)))) == 650


@pytest.mark.parametrize(
    ("begins", "night_hours", "all_hours"),
    [
        (datetime(2026, 10, 24, 22, 0, tzinfo=PRAGUE), 9, 10),  # the clock is set back: the night is an hour longer
        (datetime(2026, 3, 28, 22, 0, tzinfo=PRAGUE), 7, 8),
    ],
)
def test_the_nights_of_summer_time(begins, night_hours, all_hours):
    begins = begins.astimezone(UTC)

    lines = pricing.price(replace(PER_KWH, bands=(NIGHT,)), usage(all_hours * 1_000, begins, hours=all_hours))

    assert {line.text: line.quantity for line in lines} == {"22:00–06:00": night_hours, "": 1}


@pytest.mark.parametrize(
    ("day", "hours", "in_band"),
    [
        ((2026, 10, 25), ("02:00", "03:00"), 120),  # it comes twice
        ((2026, 10, 25), ("02:00", "02:30"), 60),
        ((2026, 10, 25), ("02:30", "04:00"), 120),
        ((2026, 10, 25), ("01:00", "02:30"), 120),
        ((2026, 10, 25), ("22:00", "02:30"), 180),  # what of it lies after midnight
        ((2027, 3, 28), ("02:00", "03:00"), 0),  # it never comes
        ((2027, 3, 28), ("02:15", "02:45"), 0),
        ((2027, 3, 28), ("02:30", "04:00"), 60),
        ((2027, 3, 28), ("01:00", "02:30"), 60),
        ((2027, 3, 28), ("22:00", "06:00"), 240),
        ((2026, 11, 20), ("02:15", "02:45"), 30),
    ],
)
def test_a_band_holds_while_the_clock_on_the_wall_shows_it(day, hours, in_band):
    """From midnight to five in the morning, a kilowatt-hour a minute: the change of clocks moves nothing but the clock."""
    year, month, date = day
    midnight = datetime(year, month, date, tzinfo=PRAGUE)
    begins, ends = midnight.astimezone(UTC), midnight.replace(hour=5).astimezone(UTC)
    minutes = (ends - begins) // timedelta(minutes=1)
    prices = replace(PER_KWH, bands=(Band((), hours[0], hours[1], Decimal(1)),))

    lines = pricing.price(prices, usage(minutes * 1_000, begins, hours=minutes / 60))

    found = {line.text: int(line.quantity) for line in lines}
    assert found.get("–".join(hours), 0) == in_band
    assert sum(found.values()) == minutes


@given(
    st.integers(100, 200_000),
    st.integers(0, 7 * 24 * 3600),
    st.integers(0, 3 * 24 * 3600),
    st.lists(st.integers(0, 5_000), max_size=5),
)
def test_bands_lose_no_watt_hour(wh, after, seconds, shares):
    begins = datetime(2026, 10, 23, tzinfo=UTC) + timedelta(seconds=after)
    step = timedelta(seconds=seconds) / max(1, len(shares))
    intervals = tuple((begins + number * step, begins + (number + 1) * step, share) for number, share in enumerate(shares))
    prices = replace(PER_KWH, bands=(NIGHT, Band((1, 2, "wed"), "06:00", "09:30", Decimal("9.99"))))

    lines = pricing.price(prices, Usage(wh, begins, begins + timedelta(seconds=seconds), seconds, intervals=intervals))

    assert sum(line.quantity for line in lines) == Decimal(wh) / 1000
    assert all(line.quantity > 0 for line in lines)


@given(st.decimals(0, 20, places=4), st.decimals(0, 2, places=4), st.integers(0, 100), st.integers(0, 10**6), st.integers(0, 10**5))
def test_what_is_affordable_is_and_a_watt_hour_more_is_not(per_kwh, per_minute, fee, amount, seconds):
    prices = Prices(per_kwh, per_minute, Decimal(fee), Decimal(0), 0, (), "CZK")

    most = pricing.affordable_wh(prices, amount, usage(0, hours=seconds / 3600))

    def cost(wh):
        return pricing.total(pricing.price(prices, Usage(wh, NOON, NOON, seconds)))

    if per_kwh == 0:
        assert most is None
    elif most and most >= 100:
        assert cost(most) <= amount < cost(most + 1)


@given(st.decimals("0.0001", 2, places=4), st.integers(0, 10**5), st.integers(100, 50_000))
def test_affordable_time(per_minute, amount, wh):
    prices = Prices(Decimal(1), per_minute, Decimal(0), Decimal(0), 0, (), "CZK")

    most = pricing.affordable_seconds(prices, amount, energy_wh=wh)

    def cost(seconds):
        return pricing.total(pricing.price(prices, Usage(wh, NOON, NOON, seconds)))

    assert most is not None
    assert cost(most + 1) > amount
    assert most == 0 or cost(most) <= amount


def test_the_first_hold():
    assert pricing.expected_minor(EVERYTHING) == 6_500 + 750 + 1_000
    assert pricing.expected_minor(PER_KWH, energy_wh=2_000) == 1_300
    assert pricing.affordable_seconds(PER_KWH, 100) is None


def test_prices_survive_being_written_down():
    prices = replace(EVERYTHING, bands=(NIGHT, Band((1, "tue"), "08:00", "09:00", Decimal("7.1234"))))

    assert Prices.from_snapshot(prices.snapshot()) == prices
    assert not prices.is_free
    assert replace(PER_KWH, price_per_kwh=Decimal(0)).is_free
    assert not replace(PER_KWH, price_per_kwh=Decimal(0), bands=(NIGHT,)).is_free


@pytest.mark.parametrize(
    "written",
    [
        "x",
        [{"days": [0], "from": "06:00", "to": "08:00", "price_per_kwh": "1"}],
        [{"days": [True], "from": "06:00", "to": "08:00", "price_per_kwh": "1"}],
        [{"days": ["noday"], "from": "06:00", "to": "08:00", "price_per_kwh": "1"}],
        [{"days": [1], "from": "6", "to": "08:00", "price_per_kwh": "1"}],
        [{"days": [1], "from": "06:00", "to": "06:00", "price_per_kwh": "1"}],
        [{"days": [1], "from": "06:00", "to": "25:00", "price_per_kwh": "1"}],
        [{"days": [1], "from": "06:00", "to": "08:00", "price_per_kwh": "-1"}],
        [{"days": [1], "from": "06:00", "to": "08:00", "price_per_kwh": "1.00001"}],
        [{"days": [1], "from": "06:00", "to": "08:00", "price_per_kwh": "NaN"}],
        [{"days": [1], "from": "06:00", "to": "08:00", "price": "1"}],
        [{"days": [1], "from": "06:00", "to": "08:00"}],
        [{"from": "22:00", "to": "06:00", "price_per_kwh": "1"}, {"days": [1], "from": "05:00", "to": "07:00", "price_per_kwh": "1"}],
        [
            {"days": [7], "from": "22:00", "to": "06:00", "price_per_kwh": "1"},
            {"days": [1], "from": "05:00", "to": "07:00", "price_per_kwh": "1"},
        ],
    ],
)
def test_bands_that_make_no_sense_are_refused(written):
    with pytest.raises(bands.BadBands):
        bands.check(written)


def test_bands_are_kept_as_they_were_written():
    written = [
        {"days": ["mon", "tue"], "from": "22:00", "to": "06:00", "price_per_kwh": "4.5"},
        {"days": [], "from": "12:00", "to": "13:00", "price_per_kwh": "0"},
    ]

    assert bands.check(written) == written
