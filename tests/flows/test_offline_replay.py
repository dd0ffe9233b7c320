"""A charger that was away tells what it kept, as such boxes do: all at once, in any order, and more than once.

Every session is stored once, with the charger's own times where its clock was right; the money is exact; what nobody may
pay for is recorded, and the owner is told of it.
"""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Notification
from billing import ledger
from billing.models import ChargeDetailRecord
from stations.models import ChargingSession, MeterValue, QuarantinedMessage
from tests import factories
from tests.chargers import raw_charger_for
from tests.conftest import OPENING_CREDIT_MINOR
from tests.flows.doors import assert_books, price_minor
from tests.ocpp_core.conftest import run, served, shared_server  # noqa: F401 - fixtures among them

SERVER = {"OCPP_SETTLE_DELAY_S": "0.3"}
MOST_REPEATS = 20
BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box"}
VISITS = 20
USED_WH, BETWEEN_WH = 2_400, 500  # the owner's own lamp at the same meter


@pytest.fixture
def charge_point(owner, tariff):
    """One that is asked nothing unasked."""
    return factories.make_charge_point(owner, tariff=tariff, auto_configure=False)


@pytest.fixture
def cards(driver, stranger):
    """A good card, one that was blocked meanwhile, one without credit behind it, and one that nobody knows."""
    good, blocked = factories.make_id_token(driver, "04A2B3C4D5E680"), factories.make_id_token(driver, "04A2B3C4D5E681", is_blocked=True)
    return [good.uid, good.uid, blocked.uid, factories.make_id_token(stranger, "04FFEEDDCCBB80").uid, good.uid, "0400000000DEAD"]


class Visit:
    """One visit as the box kept it, an hour and a half after the last."""

    def __init__(self, place, began, cards):
        self.card = cards[place % len(cards)]
        self.is_good = self.card == cards[0]
        self.began_at = began + timedelta(minutes=90 * place)
        self.ended_at = self.began_at + timedelta(minutes=50)
        self.meter_wh = 10_000 + place * (USED_WH + BETWEEN_WH)
        self.number = 0

    @property
    def start(self):
        return "StartTransaction", {"connectorId": 1, "idTag": self.card, "meterStart": self.meter_wh, "timestamp": said(self.began_at)}

    @property
    def readings(self):
        for minute in (10, 20, 30, 40):
            sample = {"value": f"{self.meter_wh + USED_WH * minute / 50:.1f}", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
            entry = {"timestamp": said(self.began_at + timedelta(minutes=minute)), "sampledValue": [sample]}
            yield "MeterValues", {"connectorId": 1, "transactionId": self.number, "meterValue": [entry]}

    @property
    def stop(self):
        words = {"transactionId": self.number, "meterStop": self.meter_wh + USED_WH, "timestamp": said(self.ended_at)}
        return "StopTransaction", {**words, "reason": "EVDisconnected", "idTag": self.card}


def said(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def visits(cards):
    began = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=90 * VISITS + 60)
    return [Visit(place, began, cards) for place in range(VISITS)]


async def tell(box, messages):
    """Send all of it without waiting for an answer, and then hear the answers: one for each, and no refusal.

    A database that is busy for too long has the charger ask again, which it does in the same words.
    """
    for number, (action, payload) in enumerate(messages):
        await box.send([2, f"q{number}", action, payload])
    answers: dict[str, Any] = {}
    again = 0
    while len(answers) < len(messages):
        kind, message_id, *rest = await box.receive(60)
        if kind == 2:
            await box.send([3, message_id, {"status": "Rejected"}])
            continue
        if kind == 4 and rest[0] == "InternalError" and again < MOST_REPEATS:
            again += 1
            await box.send([2, message_id, *messages[int(message_id[1:])]])
            continue
        assert kind == 3, rest
        assert message_id not in answers
        answers[message_id] = rest[0]
    return [answers[f"q{number}"] for number in range(len(messages))]


def shuffled(messages, chance):
    """Each of it twice, in any order."""
    messages = [*messages, *messages]
    chance.shuffle(messages)
    return messages


def check(told, driver, owner):
    """What stands in the tables is what the box has told."""
    sessions = {session.started_at: session for session in ChargingSession.objects.select_related("cdr", "driver")}
    assert len(sessions) == ChargingSession.objects.count() == len(told)
    for visit in told:
        session = sessions[visit.began_at]
        assert (session.stopped_at, session.stop_reason, session.is_estimated) == (visit.ended_at, "EVDisconnected", False)
        assert (session.status, session.energy_wh) == ("COMPLETED" if visit.is_good else "INVALID", USED_WH)
        assert session.meter_stop_wh == visit.meter_wh + USED_WH
    paid = sum(visit.is_good for visit in told)
    assert ledger.wallet(driver).balance_minor == OPENING_CREDIT_MINOR - paid * price_minor(USED_WH)
    assert sum(record.total_minor for record in ChargeDetailRecord.objects.all()) == paid * price_minor(USED_WH)
    assert_books()
    unpaid = Notification.objects.filter(user=owner, kind=Notification.Kind.UNPAID_ENERGY)
    refused = [sessions[visit.began_at] for visit in told if not visit.is_good]
    assert Counter(unpaid.values_list("url", flat=True)) == Counter(session.get_absolute_url() for session in refused)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_days_are_told_in_any_order_and_twice(served, charge_point, cards, driver, owner, seed):  # noqa: F811
    """First the starts, for what follows needs the numbers that they are answered; then, at once, everything else."""
    told = visits(cards)
    chance = random.Random(seed)

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            starts = shuffled(told, chance)
            for visit, answer in zip(starts, await tell(box, [visit.start for visit in starts]), strict=True):
                assert answer["transactionId"] == (visit.number or answer["transactionId"]), "the same start, the same answer"
                assert answer["idTagInfo"]["status"] == "Accepted" if visit.is_good else answer["idTagInfo"]["status"] != "Accepted"
                visit.number = answer["transactionId"]
            await tell(box, shuffled([message for visit in told for message in (*visit.readings, visit.stop)], chance))
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            again = await tell(box, [message for visit in told for message in (visit.start, visit.stop)])
            assert [answer["transactionId"] for answer in again[::2]] == [visit.number for visit in told]

    run(story)
    check(told, driver, owner)
    assert Counter(MeterValue.objects.values_list("session__transaction_id", flat=True)) == {visit.number: 4 for visit in told}
    assert not QuarantinedMessage.objects.exists()


def test_its_stops_come_first_and_have_lost_their_numbers(served, charge_point, cards, driver, owner):  # noqa: F811
    told = visits(cards)
    chance = random.Random(4)
    for visit in told:
        visit.number = -1

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            await tell(box, shuffled([visit.stop for visit in told], chance))
            await tell(box, shuffled([visit.start for visit in told], chance))
            await tell(box, [visit.stop for visit in told])

    run(story)
    check(told, driver, owner)
    assert not QuarantinedMessage.objects.filter(resolved_at=None).exists()


def test_two_outlets_are_told_one_after_the_other_and_each_stop_ends_its_own(served, owner, tariff, cards, driver):  # noqa: F811
    box_of_two = factories.make_charge_point(owner, tariff=tariff, auto_configure=False, connectors=2)
    left, right = visits(cards)[:2]

    async def story():
        async with raw_charger_for(box_of_two, served) as box:
            await box.call("BootNotification", BOOT)
            starts = [left.start, ("StartTransaction", {**right.start[1], "connectorId": 2})]
            left.number, right.number = (answer["transactionId"] for answer in await tell(box, starts))
            await tell(box, [right.stop, *left.readings, left.stop])

    run(story)
    check([left, right], driver, owner)


def test_its_clock_was_wrong_and_ours_is_taken(served, charge_point, cards, driver):  # noqa: F811
    """It counts from 1970 since the power cut. How long the energy flowed nobody can say, so a person looks before it is paid."""
    kept = Visit(0, datetime(1970, 1, 1, 1, tzinfo=UTC), cards)
    before = datetime.now(UTC) - timedelta(seconds=5)

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            answers = await tell(box, [kept.start, kept.start])
            assert answers[0] == answers[1]
            kept.number = answers[0]["transactionId"]
            await tell(box, [kept.stop, kept.stop])

    run(story)
    session = ChargingSession.objects.get()
    assert session.started_at is not None
    assert session.stopped_at is not None
    assert before <= session.started_at <= session.stopped_at <= datetime.now(UTC)
    assert session.started_at_said == said(kept.began_at)
    assert (session.status, session.cdr, session.claimed_wh) == ("REVIEW", None, USED_WH)
    assert ledger.wallet(driver).balance_minor == OPENING_CREDIT_MINOR


@pytest.mark.parametrize("has_lost_numbers", [False, True])
def test_what_happens_now_is_not_ended_by_what_is_told_of_before(
    served,  # noqa: F811
    charge_point,
    cards,
    driver,
    owner,
    has_lost_numbers,
):
    """A car charges while the box still tells of last night, also of somebody who was refused."""
    told = visits(cards)
    last_night, now = told[:-1], told[-2]

    async def story():
        async with raw_charger_for(charge_point, served) as box:
            await box.call("BootNotification", BOOT)
            [answer] = await tell(box, [now.start])
            now.number = answer["transactionId"]
            others = [visit for visit in last_night if visit is not now]
            if has_lost_numbers:
                for visit in others:
                    visit.number = -1
                await tell(box, [visit.stop for visit in others])
            for visit, answer in zip(others, await tell(box, [visit.start for visit in others]), strict=True):
                visit.number = answer["transactionId"]
            there = await asyncio.to_thread(ChargingSession.objects.get, transaction_id=now.number)
            assert (there.status, there.orphaned_at) == ("ACTIVE", None)
            await tell(box, [message for visit in others for message in (*visit.readings, visit.stop)])
            await tell(box, [*now.readings, now.stop])

    run(story)
    check(last_night, driver, owner)
