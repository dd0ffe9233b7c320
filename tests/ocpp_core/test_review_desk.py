"""The review desk of staff: what it shows, and what a click does."""

import json

import pytest
from django.urls import reverse

from ocpp_core import frame_log
from stations.models import ChargingSession, MeterCase
from tests import factories
from tests.billing.books import assert_books_balance
from tests.conftest import OPENING_CREDIT_MINOR
from tests.stations.acting import HOUR, MINUTE, NOON, balance_minor, begin, go_online, reading, session_of, stop


@pytest.fixture
def session(charge_point, driver):
    """Under review: 1 kWh one can believe, 85 kWh the meter claims."""
    go_online(charge_point)
    started = begin(charge_point, factories.make_id_token(driver).uid)
    at = NOON + 40 * MINUTE
    stop(charge_point, started.transaction_id, meter=85_000, at=at, readings=[reading(30, 3000), reading(31, 84_000)])
    raw = json.dumps([2, "7", "StopTransaction", {"meterStop": 85_000}])
    frame_log.write([frame_log.row(charge_point.pk, at, frame_log.FROM_CHARGER, frame_log.CALL, "7", "StopTransaction", raw)])
    return session_of(started)


@pytest.fixture
def case(session):
    return session.meter_cases.get()


@pytest.fixture
def desk(client, staff):
    """Somebody of staff, logged in, who reads English."""
    staff.language = "en"
    staff.save()
    client.force_login(staff)
    client.cookies["django_language"] = "en"
    return client


def page_of(case):
    return reverse("admin:stations_review_case", args=[case.pk])


def settle(desk, case, **said):
    words = {"choice": "plausible", "reason": "The meter leapt.", "plausible_wh": case.plausible_wh, "reported_wh": case.reported_wh}
    return desk.post(reverse("admin:stations_review_decide", args=[case.pk]), {**words, **said})


def shown(answer):
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_what_waits_stands_in_the_queue_the_oldest_first(desk, session, case, charge_point, driver):
    begun = begin(charge_point, factories.make_id_token(driver).uid, at=NOON - HOUR * 5)
    stop(charge_point, begun.transaction_id, meter=900, at=NOON - HOUR * 4)

    page = shown(desk.get(reverse("admin:stations_review_desk")))

    older = session_of(begun).meter_cases.get()
    assert "2 cases" in page
    assert page.index(page_of(older)) < page.index(page_of(case))
    assert "the meter jumped" in page
    assert "the meter ran backwards" in page


def test_a_case_shows_the_curve_the_frames_and_both_proposals(desk, session, case):
    page = shown(desk.get(page_of(case)))

    assert session.charge_point.name in page
    assert "Tereza Malá" in page
    assert "Pavel Novák" in page
    assert "impossible, at most 0.40" in page
    assert "plot__jump" in page
    assert "&quot;meterStop&quot;: 85000" in page, "the frame itself"
    assert "546.00 Kč" in page
    assert "19.50 Kč" in page
    assert "The owner gets 491.40 Kč" in page
    assert "46.00 Kč more than the driver has" in page


def test_a_click_settles(desk, session, case, driver, staff):
    answer = settle(desk, case)

    assert answer["Location"] == page_of(case)
    session.refresh_from_db()
    assert (session.status, balance_minor(driver)) == ("COMPLETED", OPENING_CREDIT_MINOR - 1_950)
    page = shown(desk.get(page_of(case)))
    assert "The meter leapt." in page
    assert str(session.cdr.number) in page
    assert page_of(case) in shown(desk.get(reverse("admin:stations_review_desk"))), "among those decided lately"
    assert_books_balance()


def test_a_double_click_settles_once_and_says_so(desk, case, driver):
    settle(desk, case)
    answer = desk.post(
        reverse("admin:stations_review_decide", args=[case.pk]),
        {"choice": "reported", "reason": "x", "plausible_wh": case.plausible_wh, "reported_wh": case.reported_wh},
        follow=True,
    )

    assert "not under review any more" in shown(answer)
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 1_950


def test_another_energy_is_typed(desk, session, case, driver):
    assert settle(desk, case, choice="other").status_code == 400
    assert settle(desk, case, choice="other", energy="2000").status_code == 400
    assert settle(desk, case, choice="other", energy="-1").status_code == 400
    assert settle(desk, case, choice="other", energy="nonsense").status_code == 400
    assert settle(desk, case, reason=" ").status_code == 400
    assert settle(desk, case, choice="").status_code == 400
    assert case.is_open

    assert settle(desk, case, choice="other", energy="2.5").status_code == 302
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 1_625


def test_figures_that_have_moved_decide_nothing(desk, case):
    answer = settle(desk, case, reported_wh=1)
    assert answer.status_code == 302
    case.refresh_from_db()
    assert case.is_open


def test_only_staff_with_the_right_come_in(client, case, driver):
    address = page_of(case)
    assert client.get(address).status_code == 302
    client.force_login(driver)
    assert client.get(address).status_code in (302, 403, 404)
    helper = factories.make_user("Eva", is_staff=True)
    client.force_login(helper)
    assert client.get(address).status_code == 403
    assert settle(client, case).status_code == 403
    assert client.post(reverse("admin:stations_review_reopen", args=[case.session.code])).status_code == 403


def test_a_side_is_told_to_leave_it_to_a_colleague(client, case, owner):
    owner.is_staff = owner.is_superuser = True
    owner.language = "en"
    owner.save()
    client.force_login(owner)

    assert "Leave it to a colleague" in shown(client.get(page_of(case)))
    settle(client, case)
    case.refresh_from_db()
    assert case.is_open


def test_both_sides_read_why_in_their_own_language(client, desk, session, case, driver, owner):
    settle(desk, case, has_meter_checked="on")

    for person, language, words in ((driver, "cs", "Elektroměr"), (owner, "en", "The meter jumped further")):
        person.language = language
        person.save()
        client.force_login(person)
        client.cookies["django_language"] = language
        page = shown(client.get(session.get_absolute_url()))
        assert "The meter leapt." in page
        assert words in page
    assert owner.notifications.filter(kind="charger_alert").exists()


def test_a_settled_session_is_brought_back(desk, charge_point, driver):
    go_online(charge_point)
    started = begin(charge_point, factories.make_id_token(driver).uid)
    stop(charge_point, started.transaction_id, meter=3000, at=NOON + HOUR)
    session = session_of(started)

    answer = desk.post(reverse("admin:stations_review_reopen", args=[session.code]))

    case = MeterCase.objects.get()
    assert answer["Location"] == page_of(case)
    page = shown(desk.get(page_of(case)))
    assert "As it was billed" in page
    assert settle(desk, case, choice="other", energy="3").status_code == 302
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 1_950


def test_a_session_that_runs_is_not_brought_back(desk, charge_point, driver):
    go_online(charge_point)
    started = begin(charge_point, factories.make_id_token(driver).uid)

    desk.post(reverse("admin:stations_review_reopen", args=[session_of(started).code]))

    assert not MeterCase.objects.exists()
    assert ChargingSession.objects.get().status == "ACTIVE"


def test_the_administration_leads_to_the_desks_somebody_may_use(client, desk):
    names = ("stations_review_desk", "billing_dispute_desk", "billing_payout_desk", "billing_proof")
    page = shown(desk.get(reverse("admin:index")))
    assert all(reverse(f"admin:{name}") in page for name in names)

    client.force_login(factories.make_user("Eva", is_staff=True))
    page = shown(client.get(reverse("admin:index")))
    assert not any(reverse(f"admin:{name}") in page for name in names)
