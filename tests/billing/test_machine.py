"""Whatever drivers, owners, chargers, the gateway, staff and deaths of the process do, in whatever order: no haléř is lost or doubled.

Everything goes through the real rooms and the real database, and through GoPay's own SDK to a stub of GoPay. Beside them
stands a ledger of plain integers that knows only what each deed ought to have cost; after every step the two are compared.
"""

import itertools
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts import notifications
from accounts.models import IdToken
from billing import audit, auto_top_ups, disputes, ledger, payouts, refunds, settlement, tariffs, top_ups
from billing.models import ChargeDetailRecord, Dispute, Hold, LedgerEntry, LedgerTransaction, Payout, Refund, TopUp
from chargeshare import housekeeping
from chargeshare.errors import DomainError
from stations import connectivity, evidence, prepaid, readings, sessions
from stations.metering import Reading, Sample
from stations.models import ChargingSession, PrepaidStart, QuarantinedMessage
from stations.readings import Incoming
from tests import factories
from tests.billing.books import balance
from tests.billing.paying import usable_account
from tests.clocks import standing_at
from tests.gopay_stub import GoPayStub
from tests.stations.acting import begin, go_online, stop

EVE_OF_SUMMER_TIME = datetime(2027, 3, 27, 12, tzinfo=UTC)
AMOUNTS = st.integers(100, 150_000)
ENERGIES = st.integers(0, 15_000)
WHO, WHICH = st.integers(0, 1), st.integers(0, 1_000)
PRICES = st.sampled_from(["0", "1.23", "6.50", "99.99"])
FEES = st.sampled_from(["0", "0.01", "25.00"])
ANSWERS = st.sampled_from(["FINISHED", "ACCEPTED", "lost before", "lost after", "refused"])
DEATHS = st.one_of(st.none(), st.none(), st.integers(0, 9))
JOBS = {job.name: job for job in housekeeping.JOBS if job.do.__module__.partition(".")[0] in ("billing", "stations")}
PLAN = {"amount_minor": 50_000, "below_minor": 40_000, "monthly_cap_minor": 100_000}
PLACES_TO_DIE = [
    (ledger, "post"),
    (ledger, "release"),
    (ledger, "hold"),
    (notifications, "notify"),
    (notifications, "tell"),
    (refunds, "send"),
]
UNDER_WAY = ("PENDING", "ACTIVE", "REVIEW")


class Died(BaseException):
    """The process was killed here."""


@contextmanager
def dying_after(steps):
    """The process dies before or after the n-th step of what happens inside: what was committed stays, the rest never was."""
    left = itertools.count()

    def mortal(function):
        @wraps(function)
        def step(*args, **kwargs):
            for moment in ("before", "after"):
                if next(left) == steps:
                    raise Died
                if moment == "before":
                    result = function(*args, **kwargs)
            return result

        return step

    with ExitStack() as stack:
        if steps is not None:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            for module, name in PLACES_TO_DIE:
                patch.setattr(module, name, mortal(getattr(module, name)))
        with suppress(Died, DomainError):
            yield


class Town(RuleBasedStateMachine):
    """Two neighbours who charge at each other's, their guests, a gateway, a bank and staff."""

    gateway: ClassVar[GoPayStub]

    def __init__(self):
        super().__init__()
        self.ends = ExitStack()
        self.beginning = transaction.savepoint()
        self.clock = self.ends.enter_context(standing_at(EVE_OF_SUMMER_TIME))
        self.people = [factories.make_user("Ada"), factories.make_user("Bedřich")]
        self.staff = factories.make_user("Správa", is_staff=True)
        self.cards = [factories.make_id_token(person) for person in self.people]
        self.places = [factories.make_charge_point(person) for person in self.people]
        self.meters = [10_000, 0]
        self.serial = itertools.count()
        self.started = []  # (place, transactionId)
        self.price = {}  # session code → (haléře per kWh in hundredths, session fee in haléře), as they were when it began
        self.given_back: Counter[Any] = Counter()  # session code → what staff returned
        self.granted = self.paid_out = 0
        self.was_paid = set()
        self.seen = {}
        self.acknowledged = set()
        self.refunds_say = "FINISHED"
        self.honest = type(self).gateway.answer
        type(self).gateway.answer = self.answer  # type: ignore[method-assign]  # a gateway with whims

    def teardown(self):
        type(self).gateway.answer = self.honest  # type: ignore[method-assign]
        try:
            self.everything_comes_to_rest()
        finally:
            transaction.savepoint_rollback(self.beginning)
            self.ends.close()

    # The gateway

    def answer(self, method, path, headers, body):
        gateway = type(self).gateway
        if not path.endswith("/refund") or self.refunds_say in ("FINISHED", "ACCEPTED"):
            gateway.refund_result = self.refunds_say if self.refunds_say == "ACCEPTED" else "FINISHED"
            return self.honest(method, path, headers, body)
        if self.refunds_say == "refused":
            return 409, {"errors": [{"error_name": "PAYMENT_REFUND_NOT_POSSIBLE"}]}
        if self.refunds_say == "lost after":
            gateway.refund_result = "FINISHED"
            self.honest(method, path, headers, body)
        return 502, ""

    @rule(who=WHO, amount=AMOUNTS, death=DEATHS)
    def top_up(self, who, amount, death):
        with dying_after(death):
            top_ups.begin(self.people[who], amount)

    @rule(which=WHICH, state=st.sampled_from(["PAID", "PAID", "PAID", "CANCELED", "TIMEOUTED", "CREATED", "REFUNDED"]))
    def payer_or_portal_acts(self, which, state):
        gateway_id = self.one_of(self.payments(), which)
        if gateway_id is None or (state == "REFUNDED" and gateway_id not in self.was_paid):
            return
        self.move(gateway_id, state)

    def move(self, gateway_id, state):
        if state == "PAID":
            self.was_paid.add(gateway_id)
        type(self).gateway.move(gateway_id, state)

    @rule(which=WHICH, amount=AMOUNTS)
    def portal_returns_a_part(self, which, amount):
        gateway, gateway_id = type(self).gateway, self.one_of(self.payments(), which)
        if gateway_id is None or gateway.payments[gateway_id]["state"] not in ("PAID", "PARTIALLY_REFUNDED"):
            return
        returned = sum(one["amount"] for one in gateway.refunds.get(gateway_id, []) if one["state"] != "FAILED")
        if amount < gateway.payments[gateway_id]["amount"] - returned:
            gateway.refund(gateway_id, amount)

    @rule(which=WHICH, times=st.integers(1, 3), death=DEATHS)
    def notification(self, which, times, death):
        gateway_id = self.one_of(self.payments(), which)
        for _ in range(times if gateway_id else 0):
            with dying_after(death):
                top_ups.refresh(gateway_id)

    @rule(
        who=WHO,
        amount=st.one_of(st.none(), AMOUNTS),
        death=DEATHS,
        says=ANSWERS,
    )
    def ask_for_money_back(self, who, amount, death, says):
        self.refunds_say = says
        with dying_after(death):
            refunds.request(self.people[who], amount)
        self.refunds_say = "FINISHED"

    @rule(which=WHICH, arrives=st.booleans())
    def bank_decides_about_a_refund(self, which, arrives):
        gateway = type(self).gateway
        waiting = [(pk, one) for pk in self.payments() for one in gateway.refunds.get(pk, []) if one["state"] == "ACCEPTED"]
        if (found := self.one_of(waiting, which)) is None:
            return
        gateway_id, refund = found
        refund["state"] = "FINISHED" if arrives else "FAILED"
        if arrives:
            self.tell_truly(gateway_id)

    def tell_truly(self, gateway_id):
        """The state that agrees with the refunds the gateway knows of; meanwhile it may have said another, PAID after all was returned."""
        gateway = type(self).gateway
        returned = sum(one["amount"] for one in gateway.refunds.get(gateway_id, []) if one["state"] == "FINISHED")
        if returned:
            whole = returned >= gateway.payments[gateway_id]["amount"]
            gateway.move(gateway_id, "REFUNDED" if whole else "PARTIALLY_REFUNDED")

    @rule(who=WHO, state=st.sampled_from(["PAID", "CANCELED", "CREATED"]))
    def standing_order(self, who, state):
        type(self).gateway.recurrence_state = state
        with suppress(DomainError):
            plan = auto_top_ups.order(self.people[who], **PLAN, consent=auto_top_ups.consent_text(**PLAN), address=None)
            top_ups.begin(self.people[who], plan.amount_minor, plan=plan)

    @rule(who=WHO, amount=AMOUNTS)
    def grant(self, who, amount):
        ledger.grant(self.people[who], amount, reason="x")
        self.granted += amount

    # Charging

    @rule(who=WHO, where=WHO, death=DEATHS, again=st.booleans())
    def tap(self, who, where, death, again):
        self.plug_in(where, self.cards[who].uid, death, again=again)

    @rule(who=WHO, where=WHO, limit=st.one_of(st.none(), st.integers(1, 30_000)))
    def press_start(self, who, where, limit):
        go_online(self.places[where])
        with suppress(DomainError):
            self.remember(sessions.request_start(driver=self.people[who], connector=self.outlet(where), max_amount_minor=limit))

    @rule(which=WHICH, death=DEATHS)
    def car_is_plugged_in(self, which, death):
        waiting = ChargingSession.objects.filter(status="PENDING").order_by("pk")
        session = self.one_of(list(waiting), which)
        if session is not None:
            self.plug_in(self.places.index(session.charge_point), session.id_tag, death)

    @rule(where=WHO, amount=st.sampled_from([10_000, 50_000]), pays=st.booleans())
    def guest(self, where, amount, pays):
        go_online(self.places[where])
        with suppress(DomainError):
            visit = prepaid.begin(prepaid.guest(f"guest{next(self.serial)}@example.org", "cs"), self.outlet(where), amount)
            if pays and visit.top_up is not None:
                self.move(str(visit.top_up.gateway_id), "PAID")
            self.remember(prepaid.now_follow(visit).session)

    @rule(which=WHICH, wh=ENERGIES, minutes=st.integers(1, 120), jump=st.sampled_from([0, 0, 0, 0, 5_000_000, -9_000]), twice=st.booleans())
    def meter_says(self, which, wh, minutes, jump, twice):
        if (started := self.one_of(self.started, which)) is None:
            return
        where, transaction_id = started
        now = self.clock.go_on(minutes=minutes)
        self.meters[where] += wh
        sample: Sample = {"value": str(max(0, self.meters[where] + jump)), "unit": "Wh"}
        said = Incoming(self.places[where].pk, 1, transaction_id, (Reading(now, [sample]),), now)
        readings.store([said] * (2 if twice else 1))

    @rule(
        which=WHICH,
        wh=ENERGIES,
        jump=st.sampled_from([0, 0, 0, 0, 5_000_000, -9_000]),
        elsewhere=st.sampled_from([False, False, False, True]),
        times=st.integers(1, 3),
        death=DEATHS,
    )
    def charger_stops(self, which, wh, jump, elsewhere, times, death):
        if (started := self.one_of(self.started, which)) is None:
            return
        where, transaction_id = started
        self.meters[where] += wh
        now, meter = self.clock.go_on(minutes=1), max(0, self.meters[where] + jump)
        with dying_after(death), transaction.atomic():  # in which its frame is kept as well
            stop(self.places[where ^ elsewhere], transaction_id, meter=meter, at=now)
        for _ in range(times):  # nobody has acknowledged it: the charger says it again
            stop(self.places[where ^ elsewhere], transaction_id, meter=meter, at=now, received_at=self.clock.go_on(seconds=1))
        self.acknowledged.add((where ^ elsewhere, transaction_id))

    @rule(where=WHO)
    def outlet_is_free(self, where):
        now = self.clock.now
        connectivity.status(self.places[where], connector_number=1, status="Available", at=now, received_at=now)

    @rule(which=WHICH)
    def owner_closes_by_hand(self, which):
        if (session := self.one_of(self.sessions("ACTIVE", "PENDING"), which)) is not None:
            sessions.close(user=session.owner, session=session)

    @rule(which=WHICH, wh=ENERGIES)
    def staff_decide_about_a_meter(self, which, wh):
        if (session := self.one_of(self.sessions("REVIEW", "COMPLETED"), which)) is not None:
            with suppress(DomainError):
                sessions.decide(user=self.staff, session=session, energy_wh=wh, reason="Looked at.")
                self.given_back[session.code] = 0

    # Owners

    @rule(who=WHO, price=PRICES, fee=FEES, later=st.booleans())
    def other_prices(self, who, price, fee, later):
        changed = {"price_per_kwh": price, "session_fee": fee}
        if later:
            changed["valid_from"] = (self.clock.now + timedelta(hours=3)).isoformat()
        with suppress(DomainError):
            tariffs.edit(self.outlet(who).tariff, changed)

    @rule(who=WHO)
    def card_is_blocked_or_freed(self, who):
        card = IdToken.objects.get(pk=self.cards[who].pk)
        card.is_blocked = not card.is_blocked
        card.save()

    @rule(which=WHICH, amount=st.one_of(st.none(), AMOUNTS))
    def driver_complains(self, which, amount):
        session = self.one_of(self.sessions("COMPLETED"), which)
        if session is None or session.driver is None:
            return
        receipt = ChargeDetailRecord.objects.get(session_code=session.code, corrects=None)
        with suppress(DomainError):
            said = {"reason": "too_much", "text": "", "amount_minor": amount, "evidence": evidence.of(session)}
            disputes.open_dispute(session.driver, receipt, **said)

    @rule(which=WHICH, share=st.sampled_from([0, 1, 2, None]), death=DEATHS)
    def dispute_ends(self, which, share, death):
        dispute = self.one_of(list(Dispute.objects.filter(status__in=disputes.OPEN).order_by("pk")), which)
        if dispute is None:
            return
        if share is None:
            disputes.withdraw(dispute.opened_by, dispute)
            return
        returned = settlement.spent_minor(dispute.cdr.session_code) * share // 2
        with dying_after(death):
            disputes.decide(self.staff, dispute, returned_minor=returned, decision="So it is.")
        dispute.refresh_from_db()
        if dispute.status == Dispute.Status.DECIDED:
            self.given_back[dispute.cdr.session_code] += returned

    @rule(who=WHO, share=st.integers(1, 3), death=DEATHS)
    def owner_wants_her_money(self, who, share, death):
        owner = self.people[who]
        with dying_after(death):
            payouts.request(owner, payouts.payable_minor(owner) // share, usable_account(owner))

    @rule(which=WHICH, deed=st.sampled_from(["approve", "export", "export", "mark_paid", "fail", "cancel"]), death=DEATHS)
    def payout_goes_on(self, which, deed, death):
        payout = self.one_of(list(Payout.objects.order_by("pk")), which)
        if payout is None:
            return
        deeds = {
            "approve": lambda: payouts.approve(payout, self.staff),
            "export": lambda: payouts.export([payout], self.staff),
            "mark_paid": lambda: payouts.mark_paid(payout),
            "fail": lambda: payouts.fail(payout, reason="x"),
            "cancel": lambda: payouts.cancel(payout),
        }
        with dying_after(death):
            deeds[deed]()

    # Time

    @rule(by=st.sampled_from([{"seconds": 6}, {"minutes": 6}, {"hours": 3}, {"hours": 25}, {"days": 4}]))
    def time_passes(self, by):
        self.clock.go_on(**by)

    @rule(jobs=st.lists(st.sampled_from(sorted(JOBS)), min_size=3, max_size=12), death=DEATHS)
    def housekeeping_in_any_order(self, jobs, death):
        for name in jobs:
            with dying_after(death):
                JOBS[name].do(now=self.clock.now)

    # The promises

    @invariant()
    def every_promise_is_kept(self):
        for promise in self.promises():
            promise()

    def promises(self):
        yield self.the_books_prove_themselves
        yield self.nobody_spends_what_she_has_not
        yield self.what_is_held_belongs_to_a_session_under_way
        yield self.each_session_is_settled_once_and_at_its_own_price
        yield self.each_payment_is_credited_once_and_only_if_it_was_made
        yield self.what_drivers_pay_is_what_owners_and_the_platform_get
        yield self.no_entry_is_ever_changed
        yield self.what_was_acknowledged_is_kept

    def the_books_prove_themselves(self):
        connection.check_constraints()  # also what the database looks at only when it commits
        assert audit.check() == []

    def nobody_spends_what_she_has_not(self):
        for person in self.everybody():
            purse = ledger.wallet(person)
            was_returned_behind_our_back = Refund.objects.filter(top_up__user=person, is_external=True).exists()
            assert purse.available_minor >= 0 or was_returned_behind_our_back
            assert purse.promo_minor >= 0 >= purse.debt_minor
            assert purse.debt_minor >= -settlement.MOST_DEBT_MINOR * ChargingSession.objects.filter(driver=person).count()

    def what_is_held_belongs_to_a_session_under_way(self):
        with_hold = ChargingSession.objects.filter(hold__isnull=False)
        under_way = set(with_hold.filter(status__in=UNDER_WAY).values_list("hold_id", flat=True))
        assert set(Hold.objects.filter(closed_at=None).values_list("pk", flat=True)) == under_way

    def each_session_is_settled_once_and_at_its_own_price(self):
        firsts = Counter(ChargeDetailRecord.objects.filter(corrects=None).values_list("session_code", flat=True))
        settled = ChargingSession.objects.filter(status="COMPLETED")
        assert firsts == Counter(settled.values_list("code", flat=True))
        for session in settled.select_related("tariff_version"):
            self.remember(session)
            due, spent = self.due_minor(session), settlement.spent_minor(session.code)
            assert spent in (due, due - self.given_back[session.code]), session.code

    def each_payment_is_credited_once_and_only_if_it_was_made(self):
        credited = LedgerTransaction.objects.filter(kind="top_up")
        keys = {f"top-up:{one.code}": one for one in TopUp.objects.all()}
        for booked in credited:
            assert keys[booked.key].gateway_id in self.was_paid
        for one in TopUp.objects.filter(gateway_id__isnull=False):
            said = type(self).gateway.refunds.get(str(one.gateway_id), [])
            state = type(self).gateway.payments[str(one.gateway_id)]["state"]
            gone = one.amount_minor if state == "REFUNDED" else sum(refund["amount"] for refund in said if refund["state"] != "FAILED")
            assert one.refunded_minor <= max(gone, one.refunded_minor if state == "CREATED" else 0) or gone == 0

    def what_drivers_pay_is_what_owners_and_the_platform_get(self):
        spent = sum(
            settlement.spent_minor(code) for code in ChargingSession.objects.filter(status="COMPLETED").values_list("code", flat=True)
        )
        kinds = ("earnings_pending", "earnings_available", "earnings_in_payout")
        earned = sum(balance(person, kind) for person in self.people for kind in kinds)
        assert earned + balance(None, "bank") + balance(None, "platform_fee") == spent
        wallets = sum(balance(person, kind) for person in self.everybody() for kind in ledger.WALLET_KINDS)
        lost = -balance(None, "loss")
        came = -balance(None, "gopay_clearing") - balance(None, "refund_transit") + self.granted
        assert wallets == came - spent + lost
        assert lost >= 0

    def no_entry_is_ever_changed(self):
        entries = LedgerEntry.objects.values_list("pk", "transaction_id", "account_id", "amount_minor", "balance_after_minor")
        now = {row[0]: row for row in entries} | {
            f"t{row[0]}": row for row in LedgerTransaction.objects.values_list("pk", "key", "kind", "note", "created_at")
        }
        assert {pk: now.get(pk) for pk in self.seen} == self.seen
        self.seen = now

    def what_was_acknowledged_is_kept(self):
        for where, transaction_id in self.acknowledged:
            session = ChargingSession.objects.filter(charge_point=self.places[where], transaction_id=transaction_id).first()
            if session is None:
                assert QuarantinedMessage.objects.filter(charge_point=self.places[where], payload__transaction_id=transaction_id).exists()
            else:
                assert session.stop_received_at is not None

    def everything_comes_to_rest(self):
        """When everybody goes home and the gateway is well, nothing hangs in between: no transit, no hold, no unpaid credit."""
        for where, transaction_id in self.started:
            stop(self.places[where], transaction_id, meter=self.meters[where], at=self.clock.go_on(minutes=1))
        for gateway_id in self.payments():
            if type(self).gateway.payments[gateway_id]["state"] in ("CREATED", "CANCELED", "TIMEOUTED"):
                self.move(gateway_id, "PAID" if gateway_id in self.was_paid else "TIMEOUTED")
            for refund in type(self).gateway.refunds.get(gateway_id, []):
                if refund["state"] == "ACCEPTED":
                    refund["state"] = "FAILED"
            self.tell_truly(gateway_id)
        for _ in range(5):
            self.clock.go_on(days=2)
            for job in JOBS.values():
                job.do(now=self.clock.now)
        for promise in (self.the_books_prove_themselves, self.what_drivers_pay_is_what_owners_and_the_platform_get):
            promise()
        assert not Hold.objects.filter(closed_at=None).exists()
        assert balance(None, "refund_transit") == 0
        assert not Refund.objects.filter(status__in=refunds.OPEN).exists()
        assert not PrepaidStart.objects.filter(returned_at=None).exists()
        for one in TopUp.objects.filter(gateway_id__in=self.was_paid):
            assert one.paid_at is not None

    # What the rules have in common

    def one_of(self, things, which):
        return things[which % len(things)] if things else None

    def payments(self):
        return list(TopUp.objects.filter(gateway_id__isnull=False).order_by("pk").values_list("gateway_id", flat=True))

    def outlet(self, where):
        return self.places[where].connectors.select_related("tariff__current").get()

    def sessions(self, *statuses):
        return list(ChargingSession.objects.filter(status__in=statuses).select_related("driver", "owner").order_by("pk"))

    def everybody(self):
        return [*self.people, *(visit.driver for visit in PrepaidStart.objects.select_related("driver"))]

    def plug_in(self, where, tag, death, *, again=False):
        said = {"meter": self.meters[where], "at": self.clock.go_on(seconds=30)}
        with dying_after(death), transaction.atomic():
            begin(self.places[where], tag, **said)
        for _ in range(2 if again else 1):  # after a death the charger says it again; often it does so anyway
            answer = begin(self.places[where], tag, **said)
            if (where, answer.transaction_id) not in self.started:
                self.started.append((where, answer.transaction_id))
            self.remember(ChargingSession.objects.get(transaction_id=answer.transaction_id))

    def remember(self, session):
        """The price of the moment it began, as plain integers."""
        if session is None or session.code in self.price:
            return
        version = session.tariff_version
        free = session.is_free or version is None or session.driver_id is None
        self.price[session.code] = (0, 0) if free else (int(version.price_per_kwh * 100), int(version.session_fee * 100))

    def due_minor(self, session):
        per_kwh, fee = self.price[session.code]
        return 0 if session.energy_wh < 100 else (session.energy_wh * per_kwh + 500) // 1_000 + fee


@pytest.fixture
def town(db, stub, settings):
    settings.GOPAY_TIMEOUT_S = 60.0
    settings.LIMIT_TOP_UPS = 1_000
    settings.PAYOUT_IBAN, settings.PAYOUT_MINIMUM_MINOR, settings.PAYOUT_NEW_CHARGER_DAYS = "CZ6508000000192000145399", 1, 0
    Town.gateway = stub
    return Town


def run(machine, examples, steps):
    """The same examples on every run: what fails once can be looked at."""
    how: dict[str, Any] = {
        "deadline": None,
        "report_multiple_bugs": False,
        "derandomize": True,
        "database": None,
        "suppress_health_check": list(HealthCheck),
    }
    phases = [Phase.generate]  # the steps themselves are short enough to be read
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=steps, phases=phases, **how))


def test_whatever_happens_no_money_is_lost_or_doubled(town):
    run(town, 10, 20)


@pytest.mark.slow
def test_whatever_happens_for_long_no_money_is_lost_or_doubled(town):
    run(town, 200, 50)
