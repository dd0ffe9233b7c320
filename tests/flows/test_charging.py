"""A stranger charges at a neighbour's wallbox: every way to begin, every way to end, through the two doors alone."""

import asyncio

import pytest
from asgiref.sync import async_to_sync

from billing import ledger
from stations.models import ChargingSession
from tests import factories
from tests.chargers import charger_for
from tests.conftest import OPENING_CREDIT_MINOR
from tests.flows.doors import Api, Pages, assert_books, assert_settled, price_minor


@pytest.fixture
def served(serve_process):
    return serve_process()


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, "04A2B3C4D5E680").uid


def run(story):
    """A story has two sides that go on at once."""

    async def within_time():
        async with asyncio.timeout(180):
            await story()

    async_to_sync(within_time)()


def only_session():
    return ChargingSession.objects.get()


def test_a_card_begins_and_the_cable_ends(served, driver, charge_point, card):
    async def story():
        async with charger_for(charge_point, served, meter_wh=120_000) as box:
            await box.plug_in_and_charge(card, wh=8_000)

    run(story)
    session = only_session()
    assert session.stop_reason == "EVDisconnected"
    assert session.energy_wh >= 8_000
    assert_settled(session, opening_minor=OPENING_CREDIT_MINOR, energy_wh=session.meter_stop_wh - 120_000)


def test_a_button_begins_and_a_button_ends(served, driver, charge_point):
    async def story():
        api = Api(served, driver)
        async with charger_for(charge_point, served) as box:
            await box.plug_in()
            status, session = await api.post("sessions/", {"connector": f"{charge_point.code}/1"}, Idempotency_Key="one")
            assert (status, session["status"]) == (202, "pending")
            again = await api.post("sessions/", {"connector": f"{charge_point.code}/1"}, Idempotency_Key="one")
            assert again == (status, session)
            asked = await box.expect("RemoteStartTransaction")
            assert asked["connectorId"] == 1
            await api.session(status="active")
            await box.charge(3_000)
            running = await api.session(status="active")
            assert running["energy_wh"] >= 3_000
            assert running["power_w"] > 0
            assert running["id_tag"] == asked["idTag"]
            status, _body = await api.post(f"sessions/{session['code']}/stop/")
            assert status == 202
            await box.expect("RemoteStopTransaction")
            await api.session(status="completed")

    run(story)
    session = only_session()
    assert session.stop_reason == "Remote"
    assert_settled(session, opening_minor=OPENING_CREDIT_MINOR, energy_wh=session.meter_stop_wh)


def test_a_qr_code_begins_and_a_page_ends(served, driver, charge_point):
    async def story():
        pages, api = Pages(served), Api(served, driver)
        await pages.log_in(driver)
        async with charger_for(charge_point, served) as box:
            await box.plug_in()
            await pages.open(f"/c/{charge_point.code}/1/")
            await pages.submit("/start/")
            assert "/sessions/" in pages.url
            await box.expect("RemoteStartTransaction")
            await api.session(status="active")
            await box.charge(2_000)
            await pages.open(pages.url)
            await pages.submit("/stop/", confirmed="yes")
            await box.expect("RemoteStopTransaction")
            await api.session(status="completed")

    run(story)
    session = only_session()
    assert session.origin == ChargingSession.Origin.QR
    assert_settled(session, opening_minor=OPENING_CREDIT_MINOR, energy_wh=session.meter_stop_wh)


@pytest.mark.parametrize("which", ["same card", "other card of the same person"])
def test_a_card_ends(served, driver, charge_point, card, which):
    other = factories.make_id_token(driver, "04FFEEDDCCBBAA").uid

    async def story():
        async with charger_for(charge_point, served) as box:
            await box.plug_in()
            await box.tap(card)
            await box.charge(1_500)
            await box.tap(card if which == "same card" else other)
            assert box.outlets[1].transaction is None

    run(story)
    session = only_session()
    assert session.stop_reason == "Local"
    assert_settled(session, opening_minor=OPENING_CREDIT_MINOR, energy_wh=session.meter_stop_wh)


def test_the_card_of_somebody_else_does_not_end(served, driver, stranger, charge_point, card):
    foreign = factories.make_id_token(stranger, "04998877665544").uid
    factories.give_credit(stranger, 20_000)

    async def story():
        async with charger_for(charge_point, served) as box:
            await box.plug_in()
            await box.tap(card)
            await box.charge(1_000)
            await box.tap(foreign)
            assert box.outlets[1].transaction is not None
            await box.unplug()

    run(story)
    assert_settled(only_session(), opening_minor=OPENING_CREDIT_MINOR, energy_wh=only_session().meter_stop_wh)


def test_the_credit_runs_out_and_the_stop_comes_in_time(served, charge_point, stranger):
    factories.give_credit(stranger, 12_000)
    card = factories.make_id_token(stranger).uid

    async def story():
        async with charger_for(charge_point, served) as box:
            await box.plug_in()
            await box.tap(card)
            for _minute in range(400):
                if box.outlets[1].transaction is None:
                    break
                await box.charge(180)
                await asyncio.sleep(0.05)
            await box.expect("RemoteStopTransaction")
            await box.idle()

    run(story)
    session = only_session()
    cost_minor = price_minor(session.energy_wh)
    assert 10_500 < cost_minor <= 12_000, "stopped in time, and not long before"
    assert_settled(session, opening_minor=12_000, energy_wh=session.meter_stop_wh)


def test_without_credit_nothing_begins(served, charge_point, stranger):
    card = factories.make_id_token(stranger).uid

    async def story():
        async with charger_for(charge_point, served) as box:
            await box.plug_in()
            assert await box.tap(card) == "Blocked"
            status, refusal = await Api(served, stranger).post("sessions/", {"connector": f"{charge_point.code}/1"})
            assert (status, refusal["code"]) == (409, "credit_too_low")

    run(story)
    assert not ChargingSession.objects.exists()
    assert_books()


def test_the_socket_drops_and_the_session_goes_on(served, driver, charge_point, card):
    async def story():
        async with charger_for(charge_point, served, meter_wh=5_000) as box:
            await box.plug_in()
            await box.tap(card)
            await box.charge(1_000)
            await box.connection.close()
            await box.connect()
            await box.charge(1_000)
            await box.unplug()

    run(story)
    assert_settled(only_session(), opening_minor=OPENING_CREDIT_MINOR, energy_wh=only_session().meter_stop_wh - 5_000)


def test_what_happened_offline_is_told_afterwards(served, driver, charge_point, card):
    """The whole visit ends while the line is down; the box keeps its words and delivers them in order."""

    async def story():
        async with charger_for(charge_point, served, meter_wh=7_000) as box:
            await box.plug_in()
            await box.tap(card)
            await box.charge(500)
            await box.connection.close()
            await box.charge(1_500)
            await box.unplug()
            stopped_at = box.clock.now()
            await box.connect()
            session = await Api(served, driver).session(status="completed")
            assert session["stopped_at"][:19] == stopped_at.isoformat()[:19]

    run(story)
    session = only_session()
    assert not session.is_estimated
    assert session.meter_values.count() > 5
    assert_settled(session, opening_minor=OPENING_CREDIT_MINOR, energy_wh=session.meter_stop_wh - 7_000)


def test_the_owner_charges_at_home_for_nothing(served, owner, charge_point):
    card = factories.make_id_token(owner).uid

    async def story():
        async with charger_for(charge_point, served) as box:
            await box.plug_in_and_charge(card, wh=4_000)

    run(story)
    session = only_session()
    assert session.is_free
    assert session.cdr.total_minor == 0
    assert ledger.account(owner, "earnings_pending").balance_minor == 0
    assert_books()
