"""Sessions over midnight and over both changes of the clock, from the start to the receipt."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from billing import audit
from stations import readings
from stations.metering import Reading
from stations.readings import Incoming
from tests import factories
from tests.stations.acting import balance_minor, begin, session_of, stop

CARD = "04A1B2C3"
PRAGUE = ZoneInfo("Europe/Prague")
HALF_AN_HOUR = timedelta(minutes=30)


def on_the_wall(said):
    """What a clock in Prague shows."""
    year, month, day, hour = said
    return datetime(year, month, day, hour, tzinfo=PRAGUE)


@pytest.mark.parametrize(
    ("begins", "ends", "band", "half_hours", "cheap"),
    [
        ((2026, 10, 25, 0), (2026, 10, 25, 5), {"days": [], "from": "02:00", "to": "03:00"}, 12, 4),
        ((2026, 10, 25, 0), (2026, 10, 25, 5), {"days": [7], "from": "02:30", "to": "04:00"}, 12, 4),
        ((2026, 3, 29, 0), (2026, 3, 29, 5), {"days": [], "from": "02:00", "to": "03:00"}, 8, 0),
        ((2026, 3, 28, 23), (2026, 3, 29, 4), {"days": [6], "from": "22:00", "to": "04:00"}, 8, 8),
        ((2026, 11, 15, 22), (2026, 11, 16, 2), {"days": [1], "from": "00:00", "to": "24:00"}, 8, 4),
        ((2026, 11, 15, 22), (2026, 11, 16, 2), {"days": [7], "from": "23:00", "to": "01:00"}, 8, 4),
    ],
)
def test_a_session_over_a_change_is_billed_by_what_passed(owner, driver, begins, ends, band, half_hours, cheap):
    """Five kWh each half hour, at 6 Kč, in the band at 1 Kč, and 10 hellers a minute."""
    tariff = factories.make_tariff(owner, "6.00", price_per_minute="0.10", bands=[{**band, "price_per_kwh": "1.00"}])
    charge_point = factories.make_charge_point(owner, tariff=tariff)
    factories.make_id_token(driver, CARD)
    begins_at, ends_at = on_the_wall(begins), on_the_wall(ends)
    began_at = begins_at.astimezone(ZoneInfo("UTC"))
    assert ends_at.astimezone(ZoneInfo("UTC")) - began_at == half_hours * HALF_AN_HOUR

    started = begin(charge_point, CARD, meter=0, at=began_at)
    for number in range(1, half_hours):
        at = began_at + number * HALF_AN_HOUR
        said = Reading(at, [{"value": str(number * 5_000), "unit": "Wh"}])
        readings.store([Incoming(charge_point.pk, 1, started.transaction_id, (said,), at)])
    stop(charge_point, started.transaction_id, meter=half_hours * 5_000, at=began_at + half_hours * HALF_AN_HOUR)

    receipt = session_of(started).cdr
    assert receipt is not None
    lines = {(line.kind, line.text): (line.quantity, line.amount_minor) for line in receipt.lines.all()}
    hours = f"{band['from']}–{band['to']}"
    assert lines.get(("energy", hours), (0, 0)) == (cheap * 5, cheap * 500)
    assert lines.get(("energy", ""), (0, 0)) == ((half_hours - cheap) * 5, (half_hours - cheap) * 3_000)
    assert lines["time", ""] == (half_hours * 30, half_hours * 300)
    assert receipt.total_minor == cheap * 500 + (half_hours - cheap) * 3_000 + half_hours * 300
    assert balance_minor(driver) == 50_000 - receipt.total_minor
    assert audit.check() == []
