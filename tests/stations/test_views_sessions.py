"""Start, watch and stop on pages."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from billing import ledger
from stations import intents, readings, sessions
from stations.metering import Reading
from stations.models import ChargingSession, Command
from stations.progress import Obstacle, Progress
from tests import factories
from tests.stations.acting import NOON, begin, go_online, session_of, stop

Status = ChargingSession.Status


@pytest.fixture
def place(charge_point):
    return go_online(charge_point)


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, "04AB12CD")


@pytest.fixture
def charging(place, card):
    return session_of(begin(place, card.uid, at=timezone.now() - timedelta(minutes=30)))


@pytest.fixture
def finished(place, card):
    started = begin(place, card.uid, meter=1000)
    stop(place, started.transaction_id, meter=9000, at=NOON + timedelta(hours=1), reason="EVDisconnected")
    return session_of(started)


def start_url(place, number=1):
    return f"/charge-points/{place.code}/connectors/{number}/start/"


def text(answer):
    return answer.content.decode().replace("\xa0", " ")


def test_start_and_watch(client, place, driver):
    client.force_login(driver)

    answer = client.post(start_url(place), {"origin": "qr", "max_amount": "250", "max_energy_kwh": "20,5"})

    session = ChargingSession.objects.get()
    assert answer.url == f"/sessions/{session.code}/"
    assert (session.origin, session.max_amount_minor, session.max_energy_wh) == ("qr", 25_000, 20_500)
    assert Command.objects.get().action == "RemoteStartTransaction"
    page = client.get(answer.url)
    assert f'data-live="/live/sessions/{session.code}/"' in text(page)
    assert "data-countdown" not in text(page)
    Command.objects.update(status="accepted", response={"status": "Accepted"}, answered_at=timezone.now())
    assert "data-countdown" in text(client.get(answer.url))


@pytest.mark.parametrize("limits", [{"max_amount": "a lot"}, {"max_amount": "-5"}, {"max_energy_kwh": "0"}, {"max_energy_kwh": "NaN"}])
def test_limits_that_are_none_start_nothing(client, place, driver, limits):
    client.force_login(driver)

    answer = client.post(start_url(place), limits, headers={"Referer": f"http://testserver/charge-points/{place.code}/"}, follow=True)

    assert answer.redirect_chain == [(f"/charge-points/{place.code}/", 302)]
    assert "toast--error" in text(answer)
    assert not ChargingSession.objects.exists()


def test_a_refusal_is_a_sentence_on_the_page_one_came_from(client, place, stranger):
    client.force_login(stranger)

    answer = client.post(start_url(place), headers={"Referer": "https://evil.example/charge-points/x/"}, follow=True)

    assert answer.redirect_chain == [("/", 302)]
    assert "toast--error" in text(answer)


def test_nobody_starts_unasked(client, place, driver):
    assert client.post(start_url(place)).url.startswith("/accounts/login/")
    client.force_login(driver)
    assert client.get(start_url(place)).status_code == 405
    assert client.post(start_url(place, 9)).status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(driver)
    assert strict.post(start_url(place)).status_code == 403
    assert not ChargingSession.objects.exists()


def test_the_live_page(client, charging, driver, place):
    now = timezone.now()
    for minutes, register in ((20, 3000), (10, 4800)):
        said = Reading(now - timedelta(minutes=minutes), [{"value": str(register), "unit": "Wh"}])
        readings.store([readings.Incoming(place.pk, 1, charging.transaction_id, (said,), now)])
    client.force_login(driver)

    page = text(client.get(charging.get_absolute_url()))

    assert 'id="stop"' in page
    assert "stop-dialog" in page
    assert "ring__share" in page
    assert "plot__line" in page
    part = text(client.get(f"{charging.get_absolute_url()}?part=panel"))
    assert "<html" not in part
    assert 'data-live-fragment="session"' in part


def test_stop_asks_first_without_a_script(client, charging, driver):
    client.force_login(driver)
    url = f"/sessions/{charging.code}/stop/"

    assert "button--stop" in text(client.get(url))
    answer = client.post(url)

    assert answer.url == f"/sessions/{charging.code}/"
    charging.refresh_from_db()
    assert charging.stop_asked_at is not None
    assert Command.objects.filter(action="RemoteStopTransaction").count() == 1


def test_a_start_can_be_called_off(client, place, driver):
    client.force_login(driver)
    client.post(start_url(place))
    session = ChargingSession.objects.get()

    client.post(f"/sessions/{session.code}/stop/")

    session.refresh_from_db()
    assert session.status == Status.INVALID
    assert Progress(session).obstacle == Obstacle.CANCELLED
    assert ledger.wallet(driver).held_minor == 0
    page = text(client.get(session.get_absolute_url()))
    assert "data-live-over" in page


@pytest.mark.parametrize(
    ("command", "obstacle"),
    [
        ({"status": "accepted", "response": {"status": "Accepted"}}, Obstacle.NO_CABLE),
        ({"status": "accepted", "response": {"status": "Rejected"}}, Obstacle.REFUSED),
        ({"status": "rejected", "response": {"code": "InternalError"}}, Obstacle.REFUSED),
        ({"status": "unanswered", "response": None}, Obstacle.OFFLINE),
    ],
)
def test_a_failed_start_says_why_and_that_it_cost_nothing(client, place, driver, command, obstacle):
    session = sessions.request_start(driver=driver, connector=place.connectors.get())
    Command.objects.update(**command)
    intents.give_up(session, intents.NO_CABLE)
    client.force_login(driver)

    page = text(client.get(session.get_absolute_url()))

    session.refresh_from_db()
    assert Progress(session).obstacle == obstacle
    assert "timeline__step--failed" in page
    assert "note--green" in page


def test_the_end_leads_to_the_receipt(client, finished, driver):
    client.force_login(driver)

    page = text(client.get(finished.get_absolute_url()))

    assert finished.cdr.get_absolute_url() in page
    assert "52.00 Kč" in page
    assert "live.js" not in page


def test_who_may_look(client, finished, charging, driver, owner, stranger, staff):
    for user, status in ((None, 302), (stranger, 404), (driver, 200), (owner, 200), (staff, 200)):
        if user:
            client.force_login(user)
        assert client.get(finished.get_absolute_url()).status_code == status
    client.force_login(stranger)
    assert client.post(f"/sessions/{charging.code}/stop/").status_code == 404


def test_the_host_reads_no_more_of_a_driver_than_she_may(client, finished, owner, driver):
    client.force_login(owner)

    page = text(client.get(finished.get_absolute_url()))

    assert "Tereza" in page
    assert "Malá" not in page
    assert driver.email not in page
    assert "04AB12CD" not in page


def test_history_in_pages(client, place, card, driver, stranger):
    for day in range(23):
        started = begin(place, card.uid, meter=1000, at=NOON + timedelta(days=day))
        stop(place, started.transaction_id, meter=2000, at=NOON + timedelta(days=day, minutes=30))
    client.force_login(driver)

    first, second = client.get("/sessions/"), client.get("/sessions/?page=2")

    assert len(first.context["page"].object_list) == 20
    assert len(second.context["page"].object_list) == 3
    assert "6.50 Kč" in text(first)
    client.force_login(stranger)
    assert not client.get("/sessions/").context["page"].object_list


def test_what_runs_stands_on_top(client, charging, driver):
    client.force_login(driver)

    assert [one.session for one in client.get("/sessions/").context["running"]] == [charging]


def test_the_drivers_credit_is_not_her_hosts_business(client, charging, driver, owner):
    """Neither what is left in the wallet nor what is held; the driver herself sees both."""
    client.force_login(owner)
    assert "meter-row" not in text(client.get(charging.get_absolute_url()))
    client.force_login(driver)
    assert "of 500 Kč" in text(client.get(charging.get_absolute_url()))


def test_under_review_the_page_says_what_the_meter_claims(client, place, card, driver):
    """Not what we believe of it: the driver reads why nothing was charged."""
    started = begin(place, card.uid, meter=1_000)
    stop(place, started.transaction_id, meter=141_000, at=NOON + timedelta(hours=1))
    assert session_of(started).energy_wh < 1_000
    client.force_login(driver)

    page = text(client.get(session_of(started).get_absolute_url()))

    assert "It reported 140.0 kWh in 1 h." in page
    assert "140.00 kWh" in page
