"""The power of a session over time, and the picture of it."""

from datetime import timedelta

import pytest
from django.template import Context, Template

from stations import curves
from stations.models import MeterValue
from tests import factories
from tests.stations.acting import HOUR, NOON, begin, go_online, session_of


@pytest.fixture
def session(charge_point, driver):
    go_online(charge_point)
    return session_of(begin(charge_point, factories.make_id_token(driver).uid))


def said(session, minutes, **samples):
    kinds = {"power": ("Power.Active.Import", "W"), "register": ("Energy.Active.Import.Register", "Wh")}
    written = [{"value": str(value), "measurand": kinds[kind][0], "unit": kinds[kind][1]} for kind, value in samples.items()]
    at = NOON + timedelta(minutes=minutes)
    MeterValue.objects.create(
        session=session, connector=session.connector, at=at, received_at=at, samples=written, sample_count=len(written)
    )


def drawn(session, **context):
    return Template("{% load charts %}{% power_curve session until %}").render(Context({"session": session, **context}))


def test_power_as_the_charger_says_it(session):
    said(session, 1, power=10_900, register=1100)
    said(session, 2, power=11_000, register=1280)

    assert [(point.at, point.power_w) for point in curves.of(session)] == [
        (NOON, 0),
        (NOON + timedelta(minutes=1), 10_900),
        (NOON + timedelta(minutes=2), 11_000),
    ]


def test_power_out_of_energy(session):
    """Many boxes report nothing but their register; a long silence is no power."""
    said(session, 0, register=1000)
    said(session, 30, register=4000)
    said(session, 180, register=5000)

    assert [point.power_w for point in curves.of(session)] == [0, 6000]


def test_a_long_session_is_thinned_and_keeps_its_ends(session):
    points = [curves.Point(NOON + timedelta(seconds=10 * step), step) for step in range(5000)]

    thin = curves.thinned(points)

    assert len(thin) <= curves.MOST_POINTS
    assert (thin[0], thin[-1]) == (points[0], points[-1])
    assert [point.at for point in thin] == sorted(point.at for point in thin)


def test_the_picture_has_no_styles(session):
    """The strict policy lets no style attribute through."""
    assert "plot__empty" in drawn(session, until=None)
    for minute in range(1, 40):
        said(session, minute, power=10_900 + minute)

    picture = drawn(session, until=NOON + 2 * HOUR)

    assert "style=" not in picture
    assert "plot__line" in picture
    assert "plot__forecast" in picture
    assert "plot__now" in picture
    assert "," not in picture.split('class="plot__line" d="')[1].split('"')[0]
