"""Bookings over real sockets: the charger is told in time, she who booked charges, others wait, and nothing stays held."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from accounts import id_tokens
from ocpp_core import simulator
from stations import charge_points
from stations.models import ChargingSession, Command, OperatorReservation, Reservation
from tests import factories
from tests.chargers import charger_for, raw_charger_for
from tests.flows.doors import PATIENCE_S, Api, assert_books

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CARD, OTHER_CARD, STRANGERS_CARD = "04A2B3C4D5E680", "04FFEEDDCCBBAA", "04999999999980"


@pytest.fixture
def served(serve_process):
    return serve_process()


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, CARD).uid


@pytest.fixture
def left_alone(charge_point):
    """A charger that gets no unasked calls: a booking is no setting-up, and goes out all the same."""
    charge_points.edit(charge_point, auto_configure=False)


@pytest.fixture
def other(stranger):
    """Somebody who comes by, with a card and with money."""
    factories.give_credit(stranger, 50_000)
    factories.make_id_token(stranger, STRANGERS_CARD)
    return stranger


def run(story):
    async def within_time():
        async with asyncio.timeout(120):
            await story()

    async_to_sync(within_time)()


def charger(charge_point, served, **options):
    """A wallbox whose clock is right: it keeps an outlet until the time it was told."""
    clock = simulator.ManualClock(datetime.now(UTC).replace(microsecond=0))
    return charger_for(charge_point, served, clock=clock, **options)


async def booked(api, charge_point, *, begins=2 * HOUR, length=2 * HOUR):
    """Book through the API."""
    begins_at = datetime.now(UTC).replace(microsecond=0) + begins
    body = {"connector": f"{charge_point.code}/1", "from": begins_at.isoformat(), "to": (begins_at + length).isoformat()}
    status, booking = await api.post("reservations/", body)
    assert status == 201, booking
    return booking


@sync_to_async
def move(*, begins, ends=2 * HOUR):
    """As if it had been booked for then, counted from now; the periodic jobs of the server find it so."""
    now = timezone.now()
    Reservation.objects.update(begins_at=now + begins, ends_at=now + ends)


async def becomes(api, booking, **wanted):
    """Wait until a booking is as wanted, and give it."""
    async with asyncio.timeout(2 * PATIENCE_S):
        while True:
            found = await api.get(f"reservations/{booking['code']}/")
            if all(found[name] == value for name, value in wanted.items()):
                return found
            await asyncio.sleep(0.1)


@sync_to_async
def commands_of(action):
    return list(Command.objects.filter(action=action).order_by("pk").values_list("status", flat=True))


async def calm(box, outlet_status):
    """Wait until an outlet stands as wanted."""
    async with asyncio.timeout(2 * PATIENCE_S):
        while box.outlets[1].status != outlet_status:  # noqa: ASYNC110 - the box has no event for it
            await asyncio.sleep(0.05)


def test_told_in_time_and_used_by_card(served, driver, other, charge_point, card):
    async def story():
        api = Api(served, driver)
        async with charger(charge_point, served) as box:
            booking = await booked(api, charge_point)
            await move(begins=14 * MINUTE)
            told = await box.expect("ReserveNow", timeout=30)
            row = await Reservation.objects.aget()
            assert told == {
                "connectorId": 1,
                "expiryDate": f"{row.begins_at + 15 * MINUTE:%Y-%m-%dT%H:%M:%SZ}",
                "idTag": CARD,
                "parentIdTag": driver.group_tag,
                "reservationId": booking["reservation_id"],
            }
            await becomes(api, booking, charger_answer="Accepted")
            await calm(box, "Reserved")
            place = await api.get(f"charge-points/{charge_point.code}/")
            assert place["connectors"][0]["state"] == "booked"

            assert await box.tap(STRANGERS_CARD) == "Blocked"
            await box.plug_in()
            assert await box.tap(CARD) == "Accepted"
            active = await becomes(api, booking, status="active")
            session = await api.session(status="active")
            assert (session["reservation"], session["code"]) == (booking["code"], active["session"])
            await box.charge(1_000)
            await box.unplug()
            await becomes(api, booking, status="used")
            assert await box.tap(STRANGERS_CARD) == "Accepted"
        assert not await commands_of("CancelReservation")

    run(story)
    session = ChargingSession.objects.get()
    assert (session.status, session.reservation_id) == ("COMPLETED", Reservation.objects.get().reservation_id)
    assert_books()


def test_another_card_of_her_group_uses_it(served, driver, charge_point, card):
    factories.make_id_token(driver, OTHER_CARD)

    async def story():
        api = Api(served, driver)
        async with charger(charge_point, served) as box:
            booking = await booked(api, charge_point, begins=5 * MINUTE)
            await box.expect("ReserveNow", timeout=30)
            await box.idle()
            await box.plug_in()
            assert await box.tap(OTHER_CARD) == "Accepted"
            await becomes(api, booking, status="active")
            await box.charge(1_000)
            await box.unplug()
            await becomes(api, booking, status="used")

    run(story)
    assert_books()


@pytest.mark.parametrize("has_card", [True, False])
def test_the_app_uses_it(served, driver, other, charge_point, has_card):
    if has_card:
        factories.make_id_token(driver, CARD)

    async def story():
        api = Api(served, driver)
        async with charger(charge_point, served) as box:
            booking = await booked(api, charge_point, begins=5 * MINUTE)
            told = await box.expect("ReserveNow", timeout=30)
            await becomes(api, booking, charger_answer="Accepted")
            await calm(box, "Reserved")
            status, refusal = await Api(served, other).post("sessions/", {"connector": f"{charge_point.code}/1"})
            assert (status, refusal["code"]) == (409, "connector_busy")

            status, session = await api.post("sessions/", {"connector": f"{charge_point.code}/1"})
            assert status == 202, session
            asked = await box.expect("RemoteStartTransaction", timeout=30)
            assert asked["idTag"] == told["idTag"]
            await box.idle()
            await box.plug_in()
            running = await api.session(status="active")
            assert (running["code"], running["reservation"]) == (session["code"], booking["code"])
            await box.charge(1_000)
            status, _nothing = await api.post(f"sessions/{session['code']}/stop/")
            assert status == 202
            await api.session(status="completed")
            await becomes(api, booking, status="used")

    run(story)
    session = ChargingSession.objects.get()
    assert (session.origin, session.driver) == ("app", driver)
    assert_books()


def test_nobody_came_and_a_walk_up_may_charge(served, driver, other, charge_point, card):
    async def story():
        api = Api(served, driver)
        async with charger(charge_point, served) as box:
            booking = await booked(api, charge_point, begins=5 * MINUTE)
            await box.expect("ReserveNow", timeout=30)
            await becomes(api, booking, charger_answer="Accepted")
            await move(begins=-16 * MINUTE)
            await becomes(api, booking, status="expired")
            assert await box.expect("CancelReservation", timeout=30) == {"reservationId": booking["reservation_id"]}
            await calm(box, "Available")
            await box.plug_in_and_charge(STRANGERS_CARD, wh=1_000)
            session = await Api(served, other).session(status="completed")
            assert session["reservation"] is None

    run(story)
    assert_books()


def test_cancelled_after_the_charger_was_told(served, driver, charge_point, card):
    async def story():
        api = Api(served, driver)
        async with charger(charge_point, served) as box:
            booking = await booked(api, charge_point, begins=5 * MINUTE)
            await box.expect("ReserveNow", timeout=30)
            await becomes(api, booking, charger_answer="Accepted")
            assert await api.ask("DELETE", f"reservations/{booking['code']}/") == (204, None)
            assert await box.expect("CancelReservation", timeout=30) == {"reservationId": booking["reservation_id"]}
            await calm(box, "Available")
            assert (await api.get(f"reservations/{booking['code']}/"))["status"] == "cancelled"

    run(story)


def test_a_charger_that_refuses_keeps_nobody_from_her_booking(served, driver, other, charge_point, card):
    """Somebody still charges there when it is told: it says so, is told again once it is free, and she gets her slot."""

    async def story():
        api = Api(served, driver)
        async with charger(charge_point, served) as box:
            await box.plug_in()
            assert await box.tap(STRANGERS_CARD) == "Accepted"
            await Api(served, other).session(status="active")
            booking = await booked(api, charge_point, begins=5 * MINUTE)
            await box.expect("ReserveNow", timeout=30)
            await becomes(api, booking, status="booked", charger_answer="Occupied")
            await box.charge(1_000)
            await box.unplug()
            await Api(served, other).session(status="completed")
            await sync_to_async(Reservation.objects.update)(told_at=timezone.now() - 2 * MINUTE)
            await box.expect("ReserveNow", timeout=30)
            await becomes(api, booking, charger_answer="Accepted")
            assert await box.tap(STRANGERS_CARD) == "Blocked"
            await box.plug_in_and_charge(CARD, wh=1_000)
            await becomes(api, booking, status="used")

    run(story)
    assert_books()


def test_a_charger_that_cannot_reserve_is_held_by_us(served, driver, other, charge_point, left_alone, card):
    async def story():
        api = Api(served, driver)
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
            booking = await booked(api, charge_point, begins=5 * MINUTE)
            _kind, message_id, action, _payload = await box.receive(30)
            assert action == "ReserveNow"
            await box.send([4, message_id, "NotSupported", "", {}])
            await becomes(api, booking, charger_answer="NotSupported")
            answer = await box.call("Authorize", {"idTag": STRANGERS_CARD}, "2")
            assert answer["idTagInfo"]["status"] == "Blocked"
            answer = await box.call("Authorize", {"idTag": CARD}, "3")
            assert answer["idTagInfo"] == {"status": "Accepted", "parentIdTag": driver.group_tag}

    run(story)


def test_offline_when_it_was_time(served, driver, charge_point, card):
    async def story():
        api = Api(served, driver)
        booking = await booked(api, charge_point)
        await move(begins=-5 * MINUTE)
        async with charger(charge_point, served) as box:
            told = await box.expect("ReserveNow", timeout=30)
            assert told["reservationId"] == booking["reservation_id"]
            await becomes(api, booking, charger_answer="Accepted")

    run(story)


def test_a_start_by_another_person_is_recorded_all_the_same(served, driver, other, charge_point, left_alone, card):
    """The box lets somebody in who is not expected: what it says is kept, and the booking still waits."""
    began = datetime.now(UTC)

    async def story():
        api = Api(served, driver)
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
            booking = await booked(api, charge_point, begins=5 * MINUTE)
            _kind, message_id, _action, payload = await box.receive(30)
            await box.send([3, message_id, {"status": "Accepted"}])
            await becomes(api, booking, charger_answer="Accepted")
            said = {
                "connectorId": 1,
                "idTag": STRANGERS_CARD,
                "meterStart": 100,
                "timestamp": f"{began:%Y-%m-%dT%H:%M:%SZ}",
                "reservationId": payload["reservationId"],
            }
            answer = await box.call("StartTransaction", said, "2")
            assert answer["idTagInfo"] == {"status": "Blocked"}
            assert answer["transactionId"] > 0
            recorded = await Api(served, other).session(status="invalid")
            assert (recorded["transaction_id"], recorded["reservation"]) == (answer["transactionId"], None)
            assert (await api.get(f"reservations/{booking['code']}/"))["status"] == "booked"

    run(story)
    assert ChargingSession.objects.get().reservation_id == Reservation.objects.get().reservation_id


@pytest.mark.parametrize("said", [0, 4711])
def test_a_number_that_means_nothing_here(served, driver, charge_point, left_alone, card, said):
    async def story():
        api = Api(served, driver)
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
            booking = await booked(api, charge_point)
            start = {"connectorId": 1, "idTag": CARD, "meterStart": 100, "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
            answer = await box.call("StartTransaction", {**start, "reservationId": said}, "2")
            assert answer["idTagInfo"]["status"] == "Accepted"
            assert (await api.session(status="active"))["reservation"] is None
            assert (await api.get(f"reservations/{booking['code']}/"))["status"] == "booked"

    run(story)


def test_what_an_operator_reserves_is_no_booking(served, owner, driver, charge_point, card):
    key = id_tokens.key(CARD)

    async def story():
        mine = Api(served, owner)
        async with charger(charge_point, served) as box:
            expiry = f"{datetime.now(UTC) + HOUR:%Y-%m-%dT%H:%M:%SZ}"
            for number, tag in ((8, "NOBODY"), (9, key)):
                payload = {"connectorId": 1, "expiryDate": expiry, "idTag": tag, "reservationId": number}
                status, command = await mine.post(
                    f"charge-points/{charge_point.code}/commands/?wait=20", {"action": "ReserveNow", "payload": payload}
                )
                assert (status, command["response"]) == (201, {"status": "Accepted"})
                if number == 8:
                    status, command = await mine.post(
                        f"charge-points/{charge_point.code}/commands/?wait=20",
                        {"action": "CancelReservation", "payload": {"reservationId": 8}},
                    )
                    assert command["response"] == {"status": "Accepted"}
            await calm(box, "Reserved")
            assert (await Api(served, driver).get("reservations/"))["count"] == 0
            await box.plug_in_and_charge(CARD, wh=1_000)
            await Api(served, driver).session(status="completed", reservation=None)

    run(story)
    assert list(OperatorReservation.objects.order_by("pk").values_list("ended_by", flat=True)) == ["cancelled", "started"]
    assert_books()
