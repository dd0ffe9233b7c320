"""Numbers as people write them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils import timezone, translation

from stations.templatetags import energy, icons


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (energy.kwh(14_200), "14,20 kWh"),
        (energy.kwh(14_260, 1), "14,3 kWh"),
        (energy.kwh(None), ""),
        (energy.duration(4767), "1 h 19 min"),
        (energy.duration(40.9), "40 s"),
        (energy.duration(7200), "2 h"),
        (energy.duration(-3), "0 s"),
        (energy.countdown(112), "1:52"),
        (energy.countdown(-1), "0:00"),
        (energy.distance(840), "850 m"),
        (energy.distance(12), "50 m"),
    ],
)
def test_plain_figures(text, expected):
    """The argument is computed in the tests' English, so only what does not differ, or is cut off, stands here."""
    assert text.replace(",", ".").replace("\xa0", " ") == expected.replace(",", ".")


def test_each_language_has_its_point():
    with translation.override("cs"):
        assert energy.kwh(4_812_360) == "4\xa0812,36\xa0kWh"
        assert energy.kw(10_910) == "10,9\xa0kW"
        assert energy.kw(11_000) == "11\xa0kW"
        assert energy.unit_price(Decimal("6.5000"), "CZK") == "6,50\xa0Kč"
        assert energy.unit_price(Decimal("0.1234"), "CZK") == "0,1234\xa0Kč"
        assert energy.unit_price(Decimal(0), "CZK") == "0\xa0Kč"
        assert energy.distance(1240) == "1,2\xa0km"
    with translation.override("en"):
        assert energy.kwh(4_812_360) == "4,812.36\xa0kWh"
        assert energy.unit_price(Decimal("6.5"), "EUR") == "6.50\xa0€"
        assert energy.money_whole(9_250, "CZK") == "93\xa0Kč"


def test_how_long_ago():
    now = timezone.now()
    with translation.override("en"):
        assert energy.age(now - timedelta(seconds=40)) == "40\xa0s ago"
        assert energy.age(now - timedelta(minutes=5)) == "5\xa0min ago"
        assert energy.age(now - timedelta(hours=30)) == "30\xa0h ago"
        assert "ago" not in energy.age(now - timedelta(days=30))
        assert energy.age(now + timedelta(minutes=5)) == "0\xa0s ago"
    assert energy.age(None) == ""


def test_an_icon_is_drawn_into_the_page():
    drawn = Template('{% load icons %}{% icon "zap" "icon--24" filled=True %}{% icon "x" label=word %}').render(
        Context({"word": '"><script>'})
    )

    assert 'class="icon icon--filled icon--24"' in drawn
    assert "<path" in drawn
    assert "<script" not in drawn
    assert "style=" not in drawn


@pytest.mark.parametrize("name", ["no-such-icon", "../LICENSE", "zap.svg"])
def test_an_icon_that_is_not_there_is_a_mistake(name):
    with pytest.raises(TemplateSyntaxError):
        icons.icon(name)
