"""One gate for card, app and QR code."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts import counting
from accounts.models import Notification
from billing import ledger
from billing.ledger import CreditTooLow
from stations import authorization, charge_points, pairing, sessions
from stations.authorization import authorize
from stations.models import ChargePoint, ChargingSession, Connector
from tests import factories
from tests.stations.acting import HOUR, NOON, begin, go_online, stop

CARD = "04A1B2C3"


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, CARD)


def change(charge_point, **fields):
    ChargePoint.objects.filter(pk=charge_point.pk).update(**fields)
    charge_point.refresh_from_db()


@pytest.mark.parametrize("spelling", [CARD, "04:a1:b2:c3", " 04 A1 B2 C3", "pay;04a1b2c3", "04-A1-B2-C3"])
def test_a_card_is_its_letters_and_digits(charge_point, card, driver, spelling):
    verdict = authorize(charge_point, spelling)
    assert (verdict.status, verdict.driver, verdict.parent_tag) == ("Accepted", driver, driver.group_tag)


def test_parent_tag_is_the_cards_own_where_it_has_one(charge_point, driver):
    factories.make_id_token(driver, CARD, parent_uid="FLEET-1")
    assert authorize(charge_point, CARD).parent_tag == "FLEET-1"


@pytest.mark.parametrize("id_tag", ["", "   ", "DEADBEEF", "x" * 64, ";"])
def test_unknown_cards(charge_point, id_tag):
    verdict = authorize(charge_point, id_tag)
    assert (verdict.status, verdict.parent_tag) == ("Invalid", "")


def test_blocked_and_expired_cards_and_accounts(charge_point, driver):
    factories.make_id_token(driver, "0000AA01", is_blocked=True)
    factories.make_id_token(driver, "0000AA02", expires_at=timezone.now() - timedelta(days=1))
    factories.make_id_token(driver, "0000AA03", expires_at=timezone.now() + timedelta(days=1))
    words = [authorize(charge_point, tag).status for tag in ("0000AA01", "0000AA02", "0000AA03")]
    assert words == ["Blocked", "Expired", "Accepted"]
    driver.is_active = False
    driver.save()
    verdict = authorize(charge_point, "0000AA03")
    assert (verdict.status, verdict.parent_tag) == ("Blocked", "")


@pytest.mark.parametrize("fields", [{"is_published": False}, {"is_paused": True}, {"access": "private"}])
def test_not_admitted_is_blocked_but_for_the_owner(charge_point, card, owner, fields):
    change(charge_point, **fields)
    factories.make_id_token(owner, "0FFF0001")
    assert authorize(charge_point, CARD).status == "Blocked"
    assert authorize(charge_point, "0FFF0001").status == "Accepted"


def test_an_invitation_admits(charge_point, card, driver):
    change(charge_point, access="private")
    charge_points.invite(charge_point, driver.email)
    assert authorize(charge_point, CARD).status == "Accepted"


def test_without_credit_blocked_and_told_why_once(charge_point, stranger):
    factories.give_credit(stranger, 9_999)
    factories.make_id_token(stranger, CARD)
    for _ in range(3):
        assert authorize(charge_point, CARD).status == "Blocked"
    told = Notification.objects.get(user=stranger)
    assert told.kind == "session_failed"
    assert "99" in told.context["reason"]
    factories.give_credit(stranger, 1)
    assert authorize(charge_point, CARD).status == "Accepted"


def test_a_debt_blocks(charge_point, stranger):
    factories.make_id_token(stranger, CARD)
    factories.give_credit(stranger, 50_000)
    entries = [(ledger.account(stranger, "debt"), -100), (ledger.platform_account("loss"), 100)]
    ledger.post(key="test:debt", kind="settle", entries=entries)
    assert authorize(charge_point, CARD).status == "Blocked"


def test_a_card_also_serves_to_stop(charge_point, stranger):
    """The hold took all she had, the charger is paused meanwhile: her card is accepted there all the same."""
    factories.give_credit(stranger, 10_000)
    factories.make_id_token(stranger, CARD)
    factories.make_id_token(stranger, "04000002")
    assert begin(charge_point, CARD).status == "Accepted"
    change(charge_point, is_paused=True)
    for tag in (CARD, "04000002"):
        assert authorize(charge_point, tag).status == "Accepted"


def test_concurrent_is_said_to_a_start_only(charge_point, owner, tariff, driver):
    factories.make_id_token(driver, CARD, max_sessions=1)
    other = factories.make_charge_point(owner, tariff=tariff)
    begin(other, CARD)
    assert authorize(charge_point, CARD).status == "Accepted"
    assert authorize(charge_point, CARD, for_start=True).status == "ConcurrentTx"


def test_an_unknown_card_becomes_hers_who_waits_for_it(charge_point, driver):
    pairing.open(driver, charge_point)
    verdict = authorize(charge_point, "04BBBBBB")
    assert (verdict.status, verdict.driver) == ("Accepted", driver)


def test_who_has_no_credit_may_pair_but_not_charge(charge_point, stranger):
    pairing.open(stranger, charge_point)
    verdict = authorize(charge_point, "04BBBBBB")
    assert (verdict.status, verdict.driver) == ("Blocked", stranger)


def test_ten_unknown_cards_a_minute(charge_point, card):
    for number in range(10):
        assert authorize(charge_point, f"DEAD{number:04}").status == "Invalid"
    assert authorize(charge_point, CARD).status == "Invalid"


@pytest.mark.parametrize("spell", [str, str.lower, lambda tag: tag + "_SN1", lambda tag: ":".join(tag[i : i + 2] for i in range(0, 14, 2))])
def test_one_time_tags_are_found_however_they_come_back(charge_point, connector, driver, spell):
    go_online(charge_point)
    session = sessions.request_start(driver=driver, connector=connector)
    assert len(session.id_tag) == 14
    verdict = authorize(charge_point, spell(session.id_tag))
    assert (verdict.status, verdict.session, verdict.driver) == ("Accepted", session, driver)


def test_one_time_tags_are_good_at_their_charger_only_and_never_become_cards(charge_point, connector, driver, owner, tariff):
    go_online(charge_point)
    session = sessions.request_start(driver=driver, connector=connector)
    other = factories.make_charge_point(owner, tariff=tariff)
    assert authorize(other, session.id_tag).status == "Invalid"
    sessions.request_stop(user=driver, session=session)
    pairing.open(driver, charge_point)
    assert authorize(charge_point, session.id_tag).status == "Invalid"
    assert not driver.id_tokens.exists()


def test_the_app_needs_a_charger_that_listens_and_a_free_outlet(charge_point, connector, driver):
    with pytest.raises(authorization.ChargerOffline):
        authorization.check_driver(driver, connector)
    go_online(charge_point)
    for word in ("Charging", "Faulted", "Unavailable", "Reserved", "SuspendedEV", ""):
        connector = _with_status(connector, word)
        with pytest.raises(authorization.ConnectorBusy):
            authorization.check_driver(driver, connector)
    for word in ("Available", "Preparing", "Finishing"):
        authorization.check_driver(driver, _with_status(connector, word))
    started = begin(charge_point, factories.make_id_token(driver, CARD).uid)
    with pytest.raises(authorization.ConnectorBusy):
        authorization.check_driver(driver, _with_status(connector, "Available"))
    stop(charge_point, started.transaction_id, meter=1000, at=NOON + HOUR)
    authorization.check_driver(driver, _with_status(connector, "Available"))


def test_the_app_asks_the_same_questions(charge_point, connector, stranger, owner):
    go_online(charge_point)
    with pytest.raises(CreditTooLow):
        authorization.check_driver(stranger, _with_status(connector, "Available"))
    authorization.check_driver(owner, _with_status(connector, "Available"))
    change(charge_point, is_paused=True)
    with pytest.raises(authorization.NotAdmitted):
        authorization.check_driver(stranger, _with_status(connector, "Available"))


def test_an_outlet_without_a_price_is_for_the_owner_only(charge_point, connector, driver):
    go_online(charge_point)
    Connector.objects.update(tariff=None)
    with pytest.raises(authorization.NoPrice):
        authorization.check_driver(driver, _with_status(connector, "Available"))


def test_pending_sessions_that_expired_do_not_occupy(charge_point, connector, driver):
    go_online(charge_point)
    sessions.request_start(driver=driver, connector=connector)
    with pytest.raises(authorization.ConnectorBusy):
        authorization.check_driver(driver, _with_status(connector, "Available"))
    ChargingSession.objects.update(expires_at=timezone.now())
    authorization.check_driver(driver, _with_status(connector, "Available"))


def _with_status(connector, word):
    Connector.objects.filter(pk=connector.pk).update(status=word)
    return Connector.objects.select_related("charge_point__owner", "tariff__current").get(pk=connector.pk)


def test_uuid_of_a_socket_is_no_tag(charge_point):
    assert authorize(charge_point, str(uuid4())).status == "Invalid"


def test_cards_are_read_while_the_cache_is_away(charge_point, driver, monkeypatch):
    def away(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(counting, "_away_until", 0.0)
    monkeypatch.setattr(counting, "cache", SimpleNamespace(add=away, incr=away, get=away))
    factories.make_id_token(driver, "04A2B3C4")

    assert authorize(charge_point, "04A2B3C4").status == "Accepted"
    assert authorize(charge_point, "NOBODYS1").status == "Invalid"
