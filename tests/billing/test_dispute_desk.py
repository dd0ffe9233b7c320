"""The desk where staff decide disputes."""

import pytest
from django.urls import reverse

from billing import disputes, settlement
from billing.models import Dispute
from stations.models import ChargingSession
from tests import factories
from tests.billing.books import assert_books_balance, balance, make_bill
from tests.stations.acting import HOUR, NOON, begin, go_online, session_of, stop


@pytest.fixture
def cdr(driver, owner):
    return settlement.settle(make_bill(driver, owner, 10_000))


@pytest.fixture
def dispute(driver, cdr):
    """20 Kč of 65 Kč are complained about."""
    evidence = {"commands": [{"action": "Reset", "status": "accepted", "at": "12:00"}]}
    return disputes.open_dispute(driver, cdr, reason="too_much", text="The car took less.", amount_minor=2_000, evidence=evidence)


@pytest.fixture
def desk(client, staff):
    staff.language = "en"
    staff.save()
    client.force_login(staff)
    client.cookies["django_language"] = "en"
    return client


def page_of(dispute):
    return reverse("admin:billing_dispute_case", args=[dispute.code])


def decide(desk, dispute, **said):
    words = {"choice": "some", "amount": "15", "decision": "A part never arrived."}
    return desk.post(reverse("admin:billing_dispute_decide", args=[dispute.code]), {**words, **said})


def shown(answer):
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_answered_ones_come_first(desk, dispute, owner):
    waiting = shown(desk.get(reverse("admin:billing_dispute_desk")))
    disputes.reply(owner, dispute, "The meter is right.")
    answered = shown(desk.get(reverse("admin:billing_dispute_desk")))

    assert "Waiting for the other side" in waiting
    assert "Waiting for your decision" in answered
    assert page_of(dispute) in answered
    assert "Waiting for the other side" not in answered


def test_a_case_shows_both_sides_and_all_that_is_known(desk, dispute, owner, cdr):
    disputes.reply(owner, dispute, "The meter is right.")

    page = shown(desk.get(page_of(dispute)))

    for words in ("The car took less.", "The meter is right.", "Tereza Malá", "Pavel Novák", "Reset", cdr.number, "20.00 Kč", "18.00 Kč"):
        assert words in page
    assert 'value="20.00"' in page, "what it is about is proposed"


@pytest.mark.parametrize(("said", "back"), [({"choice": "none"}, 0), ({"choice": "all"}, 6_500), ({"amount": "15,50"}, 1_550)])
def test_each_decision(desk, dispute, driver, staff, said, back):
    before = balance(driver, "cash")

    assert decide(desk, dispute, **said)["Location"] == page_of(dispute)

    dispute.refresh_from_db()
    assert (dispute.status, dispute.returned_minor, dispute.decided_by) == ("decided", back, staff)
    assert balance(driver, "cash") == before + back
    page = shown(desk.get(page_of(dispute)))
    assert "A part never arrived." in page
    if back:
        assert dispute.credit_note.get_absolute_url() in page
    assert_books_balance()


def test_a_double_click_returns_once(desk, dispute, driver):
    before = balance(driver, "cash")
    decide(desk, dispute)
    answer = desk.post(
        reverse("admin:billing_dispute_decide", args=[dispute.code]), {"choice": "all", "amount": "", "decision": "x"}, follow=True
    )

    assert "moved on meanwhile" in shown(answer)
    assert balance(driver, "cash") == before + 1_500


def test_nonsense_is_refused(desk, dispute):
    for said in ({"choice": ""}, {"amount": ""}, {"amount": "-1"}, {"amount": "65.01"}, {"amount": "much"}, {"decision": " "}):
        assert decide(desk, dispute, **said).status_code == 400, said
    assert Dispute.objects.get().is_open


def test_only_staff_with_the_right_come_in(client, dispute, driver):
    assert client.get(page_of(dispute)).status_code == 302
    client.force_login(factories.make_user("Eva", is_staff=True))
    for name in ("billing_dispute_desk",):
        assert client.get(reverse(f"admin:{name}")).status_code == 403
    assert client.get(page_of(dispute)).status_code == 403
    assert decide(client, dispute).status_code == 403


def test_a_side_does_not_decide(client, dispute, owner):
    owner.is_staff = owner.is_superuser = True
    owner.save()
    client.force_login(owner)
    assert client.get(page_of(dispute)).status_code == 200
    assert decide(client, dispute).status_code == 404
    assert Dispute.objects.get().is_open


def test_an_owner_who_got_too_little_is_helped_at_the_review_desk(desk, charge_point, driver, owner):
    go_online(charge_point)
    started = begin(charge_point, factories.make_id_token(driver).uid)
    stop(charge_point, started.transaction_id, meter=3000, at=NOON + HOUR)
    session = session_of(started)
    ChargingSession.objects.filter(pk=session.pk).update(started_at=NOON)
    assert session.cdr is not None
    dispute = disputes.open_dispute(owner, session.cdr, reason="too_little", text="", amount_minor=None, evidence={})

    page = shown(desk.get(page_of(dispute)))

    assert reverse("admin:stations_review_reopen", args=[session.code]) in page
    assert "plot--meter" in page, "the curve of the meter"
    assert "StopTransaction" in page
    assert decide(desk, dispute, choice="none").status_code == 302
