from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import money


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("250", 25_000),
        ("99.50", 9_950),
        ("99,5", 9_950),
        ("1 000", 100_000),
        ("1\u00a0000,10", 100_010),
        ("-3.2", -320),
        (Decimal("0.01"), 1),
    ],
)
def test_amounts_are_read_as_people_write_them(typed, expected):
    assert money.minor(typed) == expected


@pytest.mark.parametrize(
    "typed",
    ["", "abc", "1.005", "NaN", "Infinity", "1e20", "1000000000.01", "²", "9" * 50, "1_0.001", "1e3", "1,000", "1_000", ".", "0x10"],
)
def test_what_is_no_amount_is_refused(typed):
    with pytest.raises(money.NotAnAmount):
        money.minor(typed)


def test_amounts_are_written_as_people_read_them():
    assert money.fmt(123_450, "CZK", language="cs") == "1\u00a0234,50\u00a0Kč"
    assert money.fmt(123_450, "CZK", language="en") == "1,234.50\u00a0Kč"
    assert money.fmt(-5, "EUR", language="cs") == "−0,05\u00a0€"
    assert money.fmt(9_250, "CZK", decimals=0, language="cs") == "93\u00a0Kč"
    assert money.fmt(500, "CZK", language="cs", sign=True) == "+5,00\u00a0Kč"


@given(st.integers(0, 10**12))
def test_minor_and_decimal_are_each_others_inverse(amount_minor):
    assert money.minor(money.decimal(amount_minor % 10**11)) == amount_minor % 10**11


@given(st.integers(0, 200_000), st.decimals(0, 100, places=4))
def test_a_price_is_rounded_half_up(wh, price):
    exact = Decimal(wh) * price / 10
    assert money.price_minor(wh, price) == int((exact + Decimal("0.5")).to_integral_value("ROUND_FLOOR"))


@given(st.integers(0, 10**11), st.decimals(0, 1, places=4))
def test_shares_always_add_up(total, share):
    fee = money.share_down(total, share)
    assert 0 <= fee <= total
    assert fee <= total * share < fee + 1


def test_no_float_gets_near_money():
    with pytest.raises(ValueError, match="four decimals"):
        money.price_minor(1_000, Decimal("1.00001"))
    with pytest.raises(ValueError, match="not negative"):
        money.rounded_half_up(-1, 2)
