"""Visits that are paid before they begin: a guest's, and everybody's where wallets are switched off."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts import notifications
from accounts.models import User
from billing import audit, top_ups
from billing.models import DemoPayment, Refund, TopUp
from stations import prepaid
from stations.models import ChargingSession, PrepaidStart
from tests.stations.acting import begin, go_online, stop

WEEKS = timedelta(days=22)


@pytest.fixture
def outlet(charge_point, connector):
    go_online(charge_point)
    return connector


def prepay(client, connector, **typed):
    address = f"/c/{connector.charge_point.code}/{connector.number}/pay/"
    return client.post(address, {"amount": "200", "email": "guest@example.org", **typed})


def gateway_of(start):
    assert start.top_up is not None
    return f"/wallet/demo-gateway/{start.top_up.gateway_id}/"


def pay(client, start):
    """The payer says yes, and her browser comes back, later than the gateway may be asked again."""
    TopUp.objects.update(refreshed_at=None)
    client.post(gateway_of(start), {"deed": "pay"})
    return client.get(start.get_absolute_url())


def charge(session, wh):
    begun = begin(session.charge_point, session.id_tag, at=timezone.now(), number=session.connector.number)
    stop(session.charge_point, begun.transaction_id, meter=1_000 + wh, at=timezone.now() + timedelta(hours=1))
    session.refresh_from_db()


def test_a_guest_pays_charges_and_gets_the_rest_back(client, outlet):
    sent = prepay(client, outlet)
    start = PrepaidStart.objects.get()
    assert sent.headers["Location"] == gateway_of(start)
    assert client.get(start.get_absolute_url()).headers["Refresh"]

    back = pay(client, start)

    session = ChargingSession.objects.get()
    assert back.headers["Location"] == session.get_absolute_url()
    assert client.get(session.get_absolute_url()).status_code == 200
    assert session.max_amount_minor == 20_000
    charge(session, 10_000)
    assert prepaid.pursue(now=timezone.now()) == 1
    assert prepaid.pursue(now=timezone.now()) == 0

    refund = Refund.objects.get()
    assert session.cdr is not None
    assert refund.amount_minor == 20_000 - session.cdr.total_minor
    notifications.send_unsent(now=timezone.now())
    letters = [letter for letter in mail.outbox if session.cdr.number in letter.subject]
    assert [letter.to for letter in letters] == [["guest@example.org"]]
    link = next(line for line in str(letters[0].body).splitlines() if ".pdf" in line).split(": ")[1]
    client.logout()
    path = link.partition("//")[2].partition("/")[2]
    assert client.get(f"/{path}").headers["Content-Type"] == "application/pdf"
    assert client.get(f"/{path}x").status_code == 302
    assert audit.check() == []


def test_a_start_that_fails_returns_the_whole_payment(client, outlet):
    prepay(client, outlet)
    start = PrepaidStart.objects.get()
    type(outlet).objects.update(status="Faulted")

    page = pay(client, start)

    start.refresh_from_db()
    assert (start.status, Refund.objects.get().amount_minor) == ("failed", 20_000)
    assert start.note in page.content.decode()
    assert prepaid.pursue(now=timezone.now()) == 0
    assert Refund.objects.count() == 1
    assert audit.check() == []


def test_a_charger_that_says_no_costs_nothing(client, outlet):
    from stations import intents  # noqa: PLC0415

    prepay(client, outlet)
    pay(client, PrepaidStart.objects.get())
    intents.give_up(ChargingSession.objects.get(), intents.REFUSED)

    prepaid.pursue(now=timezone.now())

    assert Refund.objects.get().amount_minor == 20_000
    assert PrepaidStart.objects.get().status == "done"


def test_who_pays_hours_later_has_driven_on(client, outlet):
    prepay(client, outlet)
    start = PrepaidStart.objects.get()
    PrepaidStart.objects.update(created_at=timezone.now() - timedelta(hours=3))

    pay(client, start)

    assert PrepaidStart.objects.get().status == "failed"
    assert Refund.objects.get().amount_minor == 20_000


def test_who_does_not_pay_starts_nothing(client, outlet):
    prepay(client, outlet)
    start = PrepaidStart.objects.get()
    client.post(gateway_of(start), {"deed": "cancel"})

    assert "Refresh" not in client.get(start.get_absolute_url()).headers
    assert PrepaidStart.objects.get().status == "cancelled"
    assert not ChargingSession.objects.exists()


def test_who_pays_after_all_gets_it_back(client, outlet):
    """The gateway said that nobody would pay, and later that somebody had."""
    prepay(client, outlet)
    start = PrepaidStart.objects.get()
    client.post(gateway_of(start), {"deed": "cancel"})
    prepaid.pursue(now=timezone.now())
    assert PrepaidStart.objects.get().status == "cancelled"
    DemoPayment.objects.update(state="PAID")
    TopUp.objects.update(refreshed_at=None)
    top_ups.refresh(TopUp.objects.get().gateway_id or "")

    prepaid.pursue(now=timezone.now())
    prepaid.pursue(now=timezone.now())

    assert (PrepaidStart.objects.get().status, Refund.objects.get().amount_minor) == ("failed", 20_000)
    assert not ChargingSession.objects.exists()
    assert audit.check() == []


def test_no_number_of_visits_under_way_keeps_the_next_waiting(client, outlet, monkeypatch):
    monkeypatch.setattr(prepaid, "PER_PASS", 1)
    prepay(client, outlet)
    client.logout()
    prepay(client, outlet)
    second = PrepaidStart.objects.order_by("pk")[1]
    client.post(gateway_of(second), {"deed": "cancel"})

    prepaid.pursue(now=timezone.now())

    second.refresh_from_db()
    assert second.status == "cancelled"


def test_a_process_that_died_in_between_is_finished_by_the_next(client, outlet, monkeypatch):
    prepay(client, outlet)
    start = PrepaidStart.objects.get()
    type(outlet).objects.update(status="Faulted")
    with monkeypatch.context() as dying:
        dying.setattr(prepaid, "_return_the_rest", lambda _start, _now: None)
        pay(client, start)
    assert not Refund.objects.exists()

    prepaid.pursue(now=timezone.now())
    prepaid.pursue(now=timezone.now() + timedelta(hours=1))

    assert Refund.objects.count() == 1


@pytest.mark.parametrize("typed", [{"amount": "99"}, {"amount": "1001"}, {"amount": "x"}, {"email": "nobody"}, {"email": ""}])
def test_what_cannot_be_is_said(client, outlet, typed):
    assert prepay(client, outlet, **typed).status_code == 400
    assert not PrepaidStart.objects.exists()
    assert not User.objects.exclude(guest_email="").filter(top_ups__isnull=False).exists()


def test_a_guest_sees_her_visit_and_nothing_else(client, outlet, stranger):
    prepay(client, outlet)
    pay(client, PrepaidStart.objects.get())

    assert client.get("/api/v1/me/").status_code == 404
    assert client.get("/").status_code == 200
    assert client.get("/wallet/").headers["Location"].endswith("signup/")
    assert client.get(ChargingSession.objects.get().get_absolute_url()).status_code == 302, "she is logged out now"


def test_an_account_with_the_same_address_is_not_touched(client, outlet, driver):
    prepay(client, outlet, email=driver.email)

    assert User.objects.get(guest_email=driver.email).pk != driver.pk
    assert PrepaidStart.objects.get().driver.email.endswith("@guest.invalid")


def test_guests_are_forgotten(client, outlet):
    prepay(client, outlet)
    pay(client, PrepaidStart.objects.get())
    charge(ChargingSession.objects.get(), 10_000)
    prepaid.pursue(now=timezone.now())
    for refund in Refund.objects.all():
        TopUp.objects.update(refreshed_at=None)
        top_ups.refresh(str(refund.top_up.gateway_id))

    assert prepaid.forget_guests(now=timezone.now()) == 0
    assert prepaid.forget_guests(now=timezone.now() + WEEKS) == 1

    assert not User.objects.exclude(guest_email="").exists()
    assert audit.check() == []


def test_without_wallets_everybody_pays_each_visit(client, settings, outlet, stranger):
    settings.WALLET_ENABLED = False
    client.force_login(stranger)
    assert b"/pay/" in client.get(f"/c/{outlet.charge_point.code}/1/").content
    prepay(client, outlet)
    pay(client, PrepaidStart.objects.get())
    session = ChargingSession.objects.get()

    charge(session, 10_000)
    prepaid.pursue(now=timezone.now())

    assert session.driver == stranger
    assert session.cdr is not None
    assert Refund.objects.get().amount_minor == 20_000 - session.cdr.total_minor


def test_with_a_wallet_one_tops_up(client, outlet, stranger):
    client.force_login(stranger)

    assert prepay(client, outlet).status_code == 400
    assert not PrepaidStart.objects.exists()


def test_too_many_payments_from_one_address(client, settings, outlet):
    settings.LIMIT_TOP_UPS = 2
    codes = []
    for _ in range(3):
        codes.append(prepay(client, outlet).status_code)
        client.logout()

    assert codes == [302, 302, 400]
