"""What staff decide about a meter nobody can simply believe."""

from datetime import timedelta

import pytest

from accounts.models import Notification
from chargeshare.errors import Invalid, NotFound
from stations import export, meter_steps, readings, sessions
from stations.meter_steps import Verdict
from stations.metering import Reading
from stations.models import MeterCase
from stations.readings import Incoming
from stations.sessions import deciding
from tests import factories
from tests.billing.books import IS_SQLITE, assert_books_balance, at_once, balance
from tests.conftest import OPENING_CREDIT_MINOR
from tests.stations.acting import HOUR, MINUTE, NOON, balance_minor, begin, go_online, reading, session_of, stop


@pytest.fixture
def started(charge_point, driver):
    """A session at 6.50 Kč per kWh, up to 11 kW, since noon; the meter stood at 1 kWh."""
    go_online(charge_point)
    return begin(charge_point, factories.make_id_token(driver).uid)


@pytest.fixture
def jumped(charge_point, started):
    """2 kWh one can believe, 84 kWh the meter claims."""
    said = [reading(30, 3000), reading(31, 84_000)]
    stop(charge_point, started.transaction_id, meter=85_000, at=NOON + 40 * MINUTE, readings=said)
    return session_of(started)


@pytest.fixture
def late(charge_point, started):
    """Settled by estimate for nothing; the true end, told two days later, is 8 kWh."""
    sessions.close_orphans(now=NOON + 25 * HOUR)
    stop(charge_point, started.transaction_id, meter=9000, at=NOON + HOUR, received_at=NOON + 50 * HOUR)
    return session_of(started)


def case_of(session):
    return session.meter_cases.get()


def news(person, kind):
    return Notification.objects.filter(user=person, kind=kind)


def test_the_case_holds_both_proposals_with_what_they_come_to(jumped):
    case = case_of(jumped)

    assert (jumped.status, case.kind, case.doubt, case.is_open) == ("REVIEW", "meter", "jump", True)
    assert (case.plausible_wh, case.reported_wh) == (jumped.energy_wh, 84_000)
    assert case.decide_by == NOON + 40 * MINUTE + timedelta(hours=72)
    assert jumped.note == ""
    plausible, reported = (deciding.quote(jumped, energy_wh) for energy_wh in (case.plausible_wh, case.reported_wh))
    assert plausible.total_minor == round(case.plausible_wh * 0.65)
    assert plausible.owner_minor == plausible.total_minor - plausible.total_minor // 10
    assert (reported.total_minor, reported.short_minor) == (54_600, 54_600 - OPENING_CREDIT_MINOR)
    assert jumped.energy_wh == case.plausible_wh, "a quote changes nothing"


@pytest.mark.parametrize("choice", ["plausible", "reported", "other"])
def test_each_decision_settles_and_says_why(jumped, driver, owner, staff, choice):
    case = case_of(jumped)
    energy_wh = {"plausible": case.plausible_wh, "reported": case.reported_wh, "other": 5_000}[choice]
    total_minor = deciding.quote(jumped, energy_wh).total_minor

    decided = sessions.decide(user=staff, session=jumped, energy_wh=energy_wh, reason=" The meter leapt. ", seen=_seen(case))

    case.refresh_from_db()
    assert (case.outcome, case.energy_wh, case.decided_by, case.reason) == (choice, energy_wh, staff, "The meter leapt.")
    assert decided.cdr is not None
    assert (decided.status, decided.cdr.total_minor) == ("COMPLETED", total_minor)
    assert balance(owner, "earnings_pending") == decided.cdr.owner_minor
    assert news(driver, "session_finished").get().context["reason"] == "The meter leapt."
    assert news(owner, "earned").get().context["reason"] == "The meter leapt."
    assert_books_balance()


def _seen(case):
    return case.plausible_wh, case.reported_wh


def test_a_second_click_changes_nothing(jumped, driver, staff):
    sessions.decide(user=staff, session=jumped, energy_wh=2_000)
    paid = balance_minor(driver)

    with pytest.raises(deciding.NotInReview):
        sessions.decide(user=staff, session=jumped, energy_wh=84_000)

    assert balance_minor(driver) == paid
    assert case_of(jumped).energy_wh == 2_000


def test_nobody_decides_her_own_matter_and_only_staff_decide(jumped, driver, owner, stranger):
    for person in (driver, owner):
        person.is_staff = True
        person.save()
        with pytest.raises(deciding.OwnCase):
            sessions.decide(user=person, session=jumped, energy_wh=2_000)
    with pytest.raises(NotFound):
        sessions.decide(user=stranger, session=jumped, energy_wh=2_000)
    with pytest.raises(NotFound):
        deciding.reopen(user=stranger, session=jumped)
    assert case_of(jumped).is_open


def test_an_energy_that_cannot_be_is_refused(jumped, staff):
    for energy_wh in (-1, 84_001):
        with pytest.raises(Invalid):
            sessions.decide(user=staff, session=jumped, energy_wh=energy_wh)
    with pytest.raises(Invalid):
        sessions.decide(user=staff, session=jumped, energy_wh=0, reason="x" * 1001)


def test_a_click_on_other_figures_than_were_looked_at_decides_nothing(jumped, staff):
    with pytest.raises(deciding.CaseMoved):
        sessions.decide(user=staff, session=jumped, energy_wh=2_000, seen=(2_000, 83_999))
    assert case_of(jumped).is_open


def test_after_three_days_the_plausible_energy_counts_and_the_case_is_closed(jumped, staff):
    assert sessions.settle_reviews(now=NOON + 74 * HOUR) == 1

    case = case_of(jumped)
    assert (case.outcome, case.energy_wh, case.decided_by) == ("plausible", jumped.energy_wh, None)
    with pytest.raises(deciding.NotInReview):
        sessions.decide(user=staff, session=jumped, energy_wh=2_000)


def test_the_owner_is_asked_to_have_the_meter_looked_at(jumped, owner, staff):
    owner.language = "cs"
    owner.save()
    sessions.decide(user=staff, session=jumped, energy_wh=2_000, has_meter_checked=True)

    assert news(owner, "charger_alert").get().context["place"] == jumped.charge_point.name


def test_a_late_end_is_accepted(late, driver, owner, staff):
    case = case_of(late)
    assert (case.kind, _seen(case), late.note) == ("late", (0, 8_000), "")

    sessions.decide(user=staff, session=late, energy_wh=8_000, reason="The box was offline.")

    late.refresh_from_db()
    assert (late.energy_wh, late.meter_stop_wh, late.stopped_at, late.is_estimated) == (8_000, 9_000, NOON + HOUR, False)
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 5_200
    assert news(driver, "session_corrected").get().context["reason"] == "The box was offline."
    assert news(owner, "earned").get().context["earned_minor"] == 4_680
    assert_books_balance()


def test_a_late_end_is_refused_and_stays_refused(charge_point, started, late, driver, staff):
    sessions.decide(user=staff, session=late, energy_wh=0, reason="Two days late.")
    stop(charge_point, started.transaction_id, meter=9000, at=NOON + HOUR, received_at=NOON + 60 * HOUR)
    stop(charge_point, started.transaction_id, meter=9100, at=NOON + HOUR, received_at=NOON + 61 * HOUR)

    assert case_of(late).outcome == "plausible"
    assert balance_minor(driver) == OPENING_CREDIT_MINOR


def test_a_late_end_that_is_repeated_is_one_case_and_a_new_word_is_the_newest(charge_point, started, late):
    stop(charge_point, started.transaction_id, meter=9000, at=NOON + HOUR, received_at=NOON + 60 * HOUR)
    assert case_of(late).reported_wh == 8_000
    stop(charge_point, started.transaction_id, meter=9500, at=NOON + HOUR, received_at=NOON + 61 * HOUR)
    assert case_of(late).reported_wh == 8_500


def test_a_later_word_that_needs_no_decision_closes_the_case(charge_point, started, late, driver, staff):
    stop(charge_point, started.transaction_id, meter=3_000, at=NOON + HOUR, received_at=NOON + 60 * HOUR)

    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 1_300
    assert (case_of(late).outcome, case_of(late).energy_wh, case_of(late).decided_by) == ("other", 2_000, None)
    with pytest.raises(deciding.NotInReview):
        sessions.decide(user=staff, session=late, energy_wh=8_000)


def test_a_late_end_that_cannot_be_is_a_case_too(charge_point, started):
    sessions.close_orphans(now=NOON + 25 * HOUR)
    stop(charge_point, started.transaction_id, meter=900_000, at=NOON + HOUR, received_at=NOON + 50 * HOUR)

    case = case_of(session_of(started))
    assert (case.kind, case.doubt, case.reported_wh) == ("late", "jump", 899_000)


def test_a_settled_session_is_looked_at_again(charge_point, started, driver, staff):
    stop(charge_point, started.transaction_id, meter=3000, at=NOON + HOUR)
    session = session_of(started)

    case = deciding.reopen(user=staff, session=session)
    assert deciding.reopen(user=staff, session=session) == case
    sessions.decide(user=staff, session=session, energy_wh=2_500, reason="Half a kWh was lost.")

    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 1_625
    assert case_of(session).outcome == "other"
    assert_books_balance()


def test_both_sides_find_the_decision_in_what_we_hold_of_them(jumped, driver, owner, staff):
    sessions.decide(user=staff, session=jumped, energy_wh=2_000, reason="The meter leapt.")

    for person in (driver, owner):
        (kept,) = export.everything_about(person)["meter_cases"]
        assert (kept["reason"], kept["energy_wh"]) == ("The meter leapt.", 2_000)


@pytest.mark.skipif(IS_SQLITE, reason="SQLite lets one write at a time")
@pytest.mark.django_db(transaction=True)
def test_two_of_staff_at_once_settle_once(jumped, driver, staff):
    colleague = factories.make_user("Eva", is_staff=True)

    clicks = [(staff, 2_000), (colleague, 84_000), (staff, 2_000)]

    outcomes = at_once(lambda number: _outcome(clicks[number][0], jumped, clicks[number][1]), times=3)

    assert sorted(outcomes) == ["decided", "too late", "too late"]
    assert MeterCase.objects.exclude(outcome="").count() == 1
    assert_books_balance()


def _outcome(user, session, energy_wh):
    try:
        sessions.decide(user=user, session=session, energy_wh=energy_wh)
    except deciding.NotInReview:
        return "too late"
    return "decided"


# ── step by step ──


def verdicts(session):
    return [str(step.verdict) for step in meter_steps.of(session).all]


def test_every_step_is_judged(jumped):
    steps = meter_steps.of(jumped)

    assert [(step.register_wh, step.gain_wh, str(step.verdict)) for step in steps.all] == [
        (1_000, None, "first"),
        (3_000, 2_000, "fits"),
        (84_000, 81_000, "impossible"),
        (85_000, 1_000, "fits"),
    ]
    (jump,) = steps.doubtful
    assert (jump.most_wh, jump.seconds, jump.counted_wh) == (201 + 200, 60, 2_000)
    assert steps.all[-1].counted_wh == jumped.energy_wh
    assert steps.around() == steps.all


def test_a_glitch_is_no_jump_and_a_restart_is_none(charge_point, started):
    said = [reading(10, 2_000), reading(11, 90_000), reading(12, 2_200), reading(20, 10), reading(30, 1_000)]
    stop(charge_point, started.transaction_id, meter=None, at=NOON + 31 * MINUTE, readings=said)

    session = session_of(started)
    assert session.status == "COMPLETED"
    assert verdicts(session)[:6] == ["first", "fits", "glitch", "fits", "restarted", "fits"]


def test_a_meter_that_runs_backwards(charge_point, started):
    stop(charge_point, started.transaction_id, meter=200, at=NOON + HOUR)

    session = session_of(started)
    assert (session.status, verdicts(session)) == ("REVIEW", ["first", "backwards"])


def test_a_late_end_is_shown_as_it_was_told(late):
    (start, end) = meter_steps.of(late).all
    assert (start.verdict, end.verdict, end.register_wh, end.gain_wh) == (Verdict.FIRST, Verdict.FITS, 9_000, 8_000)


def test_of_a_long_session_only_what_matters_is_shown(charge_point, started):
    said = [reading(minute, 1_000 + 100 * minute) for minute in range(1, 100)]
    far = [Reading(one.at, one.samples) for one in said]
    readings.store([Incoming(charge_point.pk, 1, started.transaction_id, tuple(far), NOON + 2 * HOUR)])
    stop(charge_point, started.transaction_id, meter=99_000, at=NOON + 100 * MINUTE, received_at=NOON + 2 * HOUR)

    steps = meter_steps.of(session_of(started))
    assert len(steps.all) == 101
    assert len(steps.around()) <= 8
    assert {steps.all[0].at, steps.all[-1].at} <= {step.at for step in steps.around()}
