"""Whatever people, chargers and the gateway do, in whatever order, the books balance and agree with a ledger of plain integers."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from billing import audit, earnings, ledger, settlement, top_ups
from billing.models import DemoPayment, Hold, TopUp
from billing.settlement import Bill
from tests.billing.books import balance, make_bill
from tests.factories import make_user

AMOUNTS = st.integers(100, 20_000)
ENERGIES = st.integers(0, 20_000)


class Story(RuleBasedStateMachine):
    """Two neighbours who charge at each other's."""

    def __init__(self) -> None:
        super().__init__()
        self.beginning = transaction.savepoint()
        self.people = [make_user(), make_user()]
        self.now = timezone.now()
        self.number = itertools.count()
        self.holds: list[Hold] = []
        self.settled: list[tuple[Any, Bill]] = []
        self.wishes: list[TopUp] = []
        self.granted = 0

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.beginning)

    @rule(who=st.integers(0, 1), amount=AMOUNTS, state=st.sampled_from(["PAID", "CANCELED", "TIMEOUTED", "CREATED"]))
    def top_up(self, who: int, amount: int, state: str) -> None:
        TopUp.objects.update(created_at=self.now - timedelta(hours=1))
        if amount > top_ups.room_minor(ledger.wallet(self.people[who])):
            return
        wish = top_ups.begin(self.people[who], amount)
        self.wishes.append(wish)
        DemoPayment.objects.filter(gateway_id=wish.gateway_id).update(state=state)

    @rule(times=st.integers(1, 3))
    def gateway_notifies(self, times: int) -> None:
        for wish in TopUp.objects.filter(gateway_id__isnull=False):
            for _ in range(times):
                TopUp.objects.filter(pk=wish.pk).update(refreshed_at=None)
                top_ups.refresh(str(wish.gateway_id))

    @rule(data=st.data())
    @precondition(lambda self: self.wishes)
    def gateway_changes_its_mind(self, data: st.DataObject) -> None:
        wish = data.draw(st.sampled_from(self.wishes))
        state = data.draw(st.sampled_from(["PAID", "REFUNDED", "TIMEOUTED"]))
        DemoPayment.objects.filter(gateway_id=wish.gateway_id).exclude(state="REFUNDED").update(state=state)

    @rule(who=st.integers(0, 1), amount=AMOUNTS)
    def grant(self, who: int, amount: int) -> None:
        ledger.grant(self.people[who], amount, reason="x")
        self.granted += amount

    @rule(who=st.integers(0, 1), amount=AMOUNTS)
    def hold(self, who: int, amount: int) -> None:
        before = ledger.wallet(self.people[who])
        try:
            self.holds.append(ledger.hold(self.people[who], amount, key=f"session:{next(self.number)}"))
        except ledger.CreditTooLow:
            assert before.available_minor < amount or before.debt_minor < 0
        else:
            assert before.available_minor >= amount

    @rule(to=AMOUNTS)
    @precondition(lambda self: self.holds)
    def extend(self, to: int) -> None:
        ledger.extend(self.holds[-1], to)

    @rule(wh=ENERGIES, twice=st.booleans())
    @precondition(lambda self: self.holds)
    def stop(self, wh: int, twice: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        held = self.holds.pop()
        driver = held.user
        owner = self.people[driver == self.people[0]]
        bill = make_bill(driver, owner, wh, hold=held)
        self.settled.append((settlement.settle(bill), bill))
        if twice:
            assert settlement.settle(bill) == self.settled[-1][0]

    @rule(wh=ENERGIES, approved=st.booleans(), data=st.data())
    @precondition(lambda self: self.settled)
    def late_stop(self, wh: int, approved: bool, data: st.DataObject) -> None:  # noqa: FBT001 - hypothesis draws it
        cdr, bill = data.draw(st.sampled_from(self.settled))
        settlement.correct(cdr, replace(bill, usage=replace(bill.usage, energy_wh=wh)), approved=approved)

    @rule(hours=st.integers(1, 100))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        earnings.release_pending(now=self.now)

    @invariant()
    def the_books_balance(self) -> None:
        assert audit.check() == []

    @invariant()
    def nobody_owes_more_than_the_overruns_allow(self) -> None:
        for person in self.people:
            purse = ledger.wallet(person)
            owed = sum(max(0, one.debt_minor) for one in person.cdrs_paid.all())
            assert -owed <= purse.debt_minor <= 0
            assert purse.promo_minor >= 0
            held = sum(Hold.objects.filter(user=person, closed_at=None).values_list("amount_minor", flat=True))
            assert purse.held_minor == held

    @invariant()
    def money_comes_from_somewhere_and_goes_somewhere(self) -> None:
        paid_in = -balance(None, "gopay_clearing")
        wallets = sum(balance(person, kind) for person in self.people for kind in ("cash", "promo", "debt"))
        earned = sum(balance(person, f"earnings_{kind}") for person in self.people for kind in ("pending", "available"))
        assert paid_in + self.granted == wallets + earned + balance(None, "platform_fee") + balance(None, "loss")


def test_any_story_ends_with_balanced_books(db):
    run_state_machine_as_test(
        Story, settings=settings(max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    )
