"""How far a session may go."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from billing import ledger
from billing.pricing import Prices
from stations import commands, limits, readings, sessions
from stations.models import ChargingSession, Command
from stations.readings import Incoming
from tests import factories
from tests.stations.acting import HOUR, MINUTE, NOON, available_minor, balance_minor, begin, go_online, reading, session_of, stop

CARD = "04A1B2C3"


@pytest.fixture
def poor(stranger):
    """A driver with 150 Kč, which buy 23 kWh."""
    factories.give_credit(stranger, 15_000)
    factories.make_id_token(stranger, CARD)
    return stranger


def held_minor(started):
    hold = session_of(started).hold
    assert hold is not None
    return hold.amount_minor


def prices(owner, **said):
    version = factories.make_tariff(owner, **said).current
    assert version is not None
    return Prices.of(version)


def charge(charge_point, started, *, until_wh, step_wh=180, minutes=1.0):
    """Readings a minute apart, until something is asked of the charger or the energy is reached."""
    minute, register = 0.0, 1000
    while register - 1000 < until_wh:
        minute += minutes
        register += step_wh
        said = reading(minute, register)
        readings.store([Incoming(charge_point.pk, 1, started.transaction_id, (said,), said.at)])
        if session_of(started).stop_asked_at is not None:
            break
    return session_of(started)


def test_the_hold_grows_at_70_percent_and_the_stop_comes_in_time(charge_point, poor):
    go_online(charge_point)
    started = begin(charge_point, CARD)
    assert held_minor(started) == 10_000
    session = charge(charge_point, started, until_wh=10_000)
    assert held_minor(started) == 10_000
    session = charge(charge_point, started, until_wh=12_000)
    assert held_minor(started) == 15_000
    session = charge(charge_point, started, until_wh=40_000)
    assert session.stop_asked_at is not None
    reserve_wh = 11_000 * 150 / 3600
    assert 23_076 - reserve_wh - 200 <= session.energy_wh <= 23_076 - reserve_wh + 200
    command = session.commands.get()
    assert (command.action, command.source) == ("RemoteStopTransaction", "protection")
    low = Notification.objects.filter(user=poor, kind="credit_low")
    assert low.count() == 2
    stop(charge_point, started.transaction_id, meter=1000 + session.energy_wh + 300, at=NOON + 10 * HOUR, reason="Remote")
    wallet = ledger.wallet(poor)
    assert (wallet.debt_minor, wallet.held_minor) == (0, 0)
    assert 0 <= wallet.balance_minor < 150


def test_a_reading_costs_no_query_until_a_limit_is_crossed(charge_point, poor, django_assert_max_num_queries):
    started = begin(charge_point, CARD)
    said = reading(1, 1180)
    with django_assert_max_num_queries(3):
        readings.store([Incoming(charge_point.pk, 1, started.transaction_id, (said,), said.at)])


def test_overrun_becomes_a_debt_and_blocks(charge_point, poor, owner):
    started = begin(charge_point, CARD)
    stop(charge_point, started.transaction_id, meter=27_000, at=NOON + 5 * HOUR)  # 169 Kč
    wallet = ledger.wallet(poor)
    assert (wallet.balance_minor, wallet.debt_minor) == (0, -1_900)
    factories.give_credit(poor, 12_000)
    assert begin(charge_point, CARD, meter=27_000, at=NOON + 6 * HOUR).status == "Blocked"


def test_the_drivers_own_limit_of_energy(charge_point, connector, driver):
    go_online(charge_point)
    wish = sessions.request_start(driver=driver, connector=connector, max_energy_wh=2_000)
    session = charge(charge_point, begin(charge_point, wish.id_tag), until_wh=10_000)
    assert 2_000 <= session.energy_wh < 2_200
    assert session.note


def test_the_drivers_own_limit_of_money(charge_point, connector, driver):
    go_online(charge_point)
    wish = sessions.request_start(driver=driver, connector=connector, max_amount_minor=2_000)
    session = charge(charge_point, begin(charge_point, wish.id_tag), until_wh=10_000)
    assert 2_000 - 500 <= sessions.cost_so_far_minor(session) <= 2_000


def test_the_drivers_own_limit_of_time(charge_point, connector, driver):
    go_online(charge_point)
    until = timezone.now() + HOUR
    wish = sessions.request_start(driver=driver, connector=connector, until=until)
    now = timezone.now()
    started = begin(charge_point, wish.id_tag, at=now)
    assert sessions.stop_overdue(now=until - MINUTE) == 0
    assert sessions.stop_overdue(now=until + MINUTE) == 1
    assert session_of(started).stop_asked_at is not None


def test_a_card_nobody_confirmed_spends_at_most_100_kc(charge_point, driver):
    factories.make_id_token(driver, "0CAFE001", confirmed=False)
    go_online(charge_point)
    started = begin(charge_point, "0CAFE001")
    assert Notification.objects.get(user=driver).kind == "card_used"
    session = charge(charge_point, started, until_wh=30_000)
    assert 9_000 <= sessions.cost_so_far_minor(session) <= 10_000
    assert session.stop_asked_at is not None
    assert held_minor(started) == 10_000


def test_time_that_costs_money_runs_out_without_energy(owner, stranger):
    tariff = factories.make_tariff(owner, price_per_kwh="0", price_per_minute="10")
    charge_point = go_online(factories.make_charge_point(owner, tariff=tariff))
    factories.give_credit(stranger, 15_000)
    factories.make_id_token(stranger, CARD)
    started = begin(charge_point, CARD)
    assert held_minor(started) == 15_000
    ChargingSession.objects.update(energy_wh=500)
    for minute in range(1, 16):
        sessions.stop_overdue(now=NOON + timedelta(minutes=minute))
        if session_of(started).stop_asked_at is not None:
            break
    assert 11 <= minute <= 13


def test_energy_and_time_use_the_credit_up_together(owner, stranger):
    tariff = factories.make_tariff(owner, price_per_kwh="6", price_per_minute="1")
    charge_point = go_online(factories.make_charge_point(owner, tariff=tariff))
    factories.give_credit(stranger, 12_000)
    factories.make_id_token(stranger, CARD)
    started = begin(charge_point, CARD)
    session = charge(charge_point, started, until_wh=40_000)
    assert session.stop_asked_at is not None
    stop(charge_point, started.transaction_id, meter=1000 + session.energy_wh + 180, at=session.last_reading_at + MINUTE)
    assert ledger.wallet(stranger).debt_minor == 0
    assert balance_minor(stranger) < 1_500


def test_a_stop_that_is_not_obeyed_is_repeated_and_then_the_owner_is_told(charge_point, poor, owner):
    go_online(charge_point)
    started = begin(charge_point, CARD)
    session = session_of(started)
    now = timezone.now()
    limits.ask_stop(session, limits.CREDIT_GONE, now)
    for tried in range(2, 7):
        type(charge_point).objects.update(last_seen_at=timezone.now())
        for command in Command.objects.filter(status="pending"):
            claimed = commands.claim(command.pk)
            if claimed is not None:
                commands.record_result(claimed, status="accepted", response={"status": "Accepted"})
        Command.objects.update(created_at=now - 2 * MINUTE)
        sessions.stop_overdue(now=now + tried * 2 * MINUTE)
    actions = list(session.commands.order_by("pk").values_list("action", flat=True))
    assert actions == ["RemoteStopTransaction"] * 3 + ["SetChargingProfile", "UnlockConnector"]
    assert charge_point.commands.filter(action="ChangeAvailability").count() == 1
    assert Notification.objects.filter(user=owner, kind="charger_alert").count() == 1


def test_nothing_flows_for_half_an_hour(charge_point, poor, connector):
    go_online(charge_point)
    started = begin(charge_point, CARD)
    for minute in range(1, 35):
        said = reading(minute, 1010)
        readings.store([Incoming(charge_point.pk, 1, started.transaction_id, (said,), said.at)])
    assert sessions.stop_overdue(now=NOON + 20 * MINUTE) == 0
    type(connector).objects.update(status="SuspendedEV")
    assert sessions.stop_overdue(now=NOON + 40 * MINUTE) == 0
    type(connector).objects.update(status="Charging")
    assert sessions.stop_overdue(now=NOON + 40 * MINUTE) == 1
    assert session_of(started).stop_asked_at is not None


def test_a_charger_without_readings_is_not_stopped_for_it(charge_point, poor):
    go_online(charge_point)
    begin(charge_point, CARD)
    assert sessions.stop_overdue(now=NOON + 5 * HOUR) == 0


def test_first_hold(owner, poor):
    assert available_minor(poor) == 15_000
    dear = prices(owner, price_per_kwh="20", price_per_minute="1", session_fee="10")
    assert limits.first_hold_minor(dear, 50_000) == 20_000 + 1_500 + 1_000
    assert limits.first_hold_minor(dear, 15_000) == 15_000
    cheap = prices(owner, price_per_kwh="1")
    assert limits.first_hold_minor(cheap, 15_000) == 10_000
