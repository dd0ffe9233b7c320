"""A charger gone mad fills its budget and not the disk; what its sessions cost does not change."""

from datetime import timedelta

import pytest
from django.db import transaction

from accounts.models import Notification
from billing.models import ChargeDetailRecord
from ocpp_core import deviations
from ocpp_core.handlers import core
from ocpp_core.handlers.requests import Request
from stations import budgets, readings
from stations.metering import Reading
from stations.models import MeterValue
from stations.readings import Incoming
from tests import factories
from tests.stations.acting import NOON, begin, session_of, stop

CARD = "04A1B2C3"
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "ROWS_A_DAY", 10)
    monkeypatch.setattr(budgets, "_days", {})
    monkeypatch.setattr(budgets, "_untold", set())


def said(second: int, register: int, **more: str) -> Reading:
    return Reading(NOON + SECOND * second, [{"value": str(register), "unit": "Wh", **more}])  # type: ignore[typeddict-item]


def store(charge_point, *said, transaction_id=None):
    with transaction.atomic():
        for one in said:
            readings.store([Incoming(charge_point.pk, 1, transaction_id, (one,), one.at)])


def kept() -> list[int]:
    return [(at - NOON) // SECOND for at in MeterValue.objects.order_by("at").values_list("at", flat=True)]


def test_beyond_the_budget_one_in_a_minute_is_kept(charge_point, connector):
    store(charge_point, *(said(second, 1000) for second in range(1, 141)))

    assert kept() == [*range(1, 11), 11, 71, 131]


def test_another_charger_and_another_day_have_budgets_of_their_own(charge_point, owner, tariff):
    other = factories.make_charge_point(owner, tariff=tariff)
    store(charge_point, *(said(second, 1000) for second in range(1, 31)))
    store(other, *(said(second, 1000) for second in range(1, 6)))
    assert MeterValue.objects.filter(connector__charge_point=other).count() == 5
    tomorrow = 24 * 3600
    store(charge_point, *(said(tomorrow + second, 1000) for second in range(1, 6)))
    assert MeterValue.objects.filter(at__gt=NOON + SECOND * tomorrow).count() == 5


def test_session_costs_what_every_reading_says(charge_point, driver):
    """Beyond the budget: the first of the session, what was doubtful, its beginning and end, and what is signed."""
    factories.make_id_token(driver, CARD)
    store(charge_point, *(said(-second, 1000) for second in range(100, 80, -1)))
    MeterValue.objects.all().delete()
    started = begin(charge_point, CARD)
    every = {second: said(second, 1000 + 3 * second) for second in range(1, 201)}
    every[20] = said(20, 1060, context="Transaction.Begin")
    every[90] = said(90, 1270, format="SignedData")
    every[110] = said(110, 900_000)
    every[170] = said(170, 1510, context="Transaction.End")
    store(charge_point, *every.values(), transaction_id=started.transaction_id)

    assert {1, 20, 90, 110, 111, 170} <= set(kept())
    assert len(kept()) < 14
    assert session_of(started).energy_wh == 600, "whether stored or not, every reading was counted"
    stop(charge_point, started.transaction_id, meter=1600, at=NOON + SECOND * 200)
    assert ChargeDetailRecord.objects.get(session_code=session_of(started).code).energy_wh == 600


def test_owner_is_told_once(charge_point, owner, connector):
    type(owner).objects.filter(pk=owner.pk).update(language="en")
    store(charge_point, *(said(second, 1000) for second in range(1, 101)))
    store(charge_point, *(said(24 * 3600 + second, 1000) for second in range(1, 101)))

    [told] = Notification.objects.filter(user=owner, kind=Notification.Kind.CHARGER_ALERT)
    assert "20,000" in told.context["reason"]
    assert told.url == f"/owner/{charge_point.code}/deviations/"


def test_it_is_counted_as_a_deviation(charge_point, monkeypatch):
    noted = []
    request = Request.__new__(Request)
    monkeypatch.setattr(Request, "note", lambda _self, words: noted.extend(words))
    monkeypatch.setattr(core, "incoming", lambda _request, said: said)
    facts = type("Facts", (), {"charge_point_id": charge_point.pk, "clock_skew_s": None})()
    for name, value in {"facts": facts, "payload": {"connectorId": 1, "meterValue": []}, "received_at": NOON}.items():
        object.__setattr__(request, name, value)
    core.heard_readings(request)
    assert deviations.TOO_MANY_READINGS not in noted
    for _row in range(11):
        budgets.has_room(charge_point.pk, NOON)
    core.heard_readings(request)
    assert deviations.TOO_MANY_READINGS in noted


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(budgets, "MOST_KNOWN", 3)
    for charge_point_id in range(10):
        assert budgets.has_room(charge_point_id, NOON)
    assert len(budgets._days) <= 3
