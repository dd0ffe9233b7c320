"""The charging session: begun, stopped, settled, repeated, closed without a stop, put right."""

from datetime import timedelta
from uuid import uuid4

import pytest

from accounts.models import Notification
from billing.models import ChargeDetailRecord, Hold
from chargeshare.errors import NotFound
from stations import sessions
from stations.models import ChargingSession, Connector, MeterValue, QuarantinedMessage
from tests import factories
from tests.conftest import OPENING_CREDIT_MINOR
from tests.stations.acting import HOUR, MINUTE, NOON, available_minor, balance_minor, begin, go_online, reading, session_of, stop

CARD = "04A1B2C3"


@pytest.fixture
def card(driver):
    return factories.make_id_token(driver, CARD)


@pytest.fixture
def started(charge_point, card):
    return begin(charge_point, CARD)


def test_a_card_charges_and_pays(charge_point, started, driver, owner):
    assert started.status == "Accepted"
    assert started.parent_tag == driver.group_tag
    session = session_of(started)
    assert session.status == "ACTIVE"
    assert available_minor(driver) == OPENING_CREDIT_MINOR - 10_000
    stop(charge_point, started.transaction_id, meter=9000, at=NOON + HOUR)
    session = session_of(started)
    assert (session.status, session.energy_wh, session.meter_stop_wh) == ("COMPLETED", 8000, 9000)
    assert session.cdr is not None
    assert session.cdr.total_minor == 5200
    assert session.cdr.fee_minor == 520
    assert balance_minor(driver) == available_minor(driver) == OPENING_CREDIT_MINOR - 5200
    assert not Hold.objects.filter(closed_at=None).exists()
    assert set(Notification.objects.filter(user=driver).values_list("kind", flat=True)) == {"session_started", "session_finished"}
    assert Notification.objects.get(user=owner).kind == "earned"


def test_repeated_start_is_answered_the_same_and_changes_nothing(charge_point, started, driver):
    assert begin(charge_point, CARD) == started
    assert ChargingSession.objects.count() == 1
    stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR)
    assert begin(charge_point, CARD) == started
    assert session_of(started).status == "COMPLETED"


def test_repeated_refused_start_is_answered_the_same(charge_point, driver):
    refused = begin(charge_point, "DEADBEEF")
    assert refused.status == "Invalid"
    assert refused.transaction_id > 0
    factories.make_id_token(driver, "DEADBEEF")
    assert begin(charge_point, "DEADBEEF") == refused


def test_repeated_stop_charges_once(charge_point, started, driver):
    for _ in range(3):
        stop(charge_point, started.transaction_id, meter=9000, at=NOON + HOUR)
    stop(charge_point, started.transaction_id, meter=99_000, at=NOON + 5 * HOUR)
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 5200
    assert ChargeDetailRecord.objects.count() == 1
    assert not QuarantinedMessage.objects.exists()


def test_a_new_start_closes_the_old_session_at_the_new_meter(charge_point, started, stranger):
    factories.give_credit(stranger, 20_000)
    factories.make_id_token(stranger, "04FFFFFF")
    second = begin(charge_point, "04FFFFFF", meter=3000, at=NOON + HOUR)
    assert second.status == "Accepted"
    old = session_of(started)
    assert (old.status, old.energy_wh, old.is_estimated) == ("COMPLETED", 2000, True)


def test_a_new_start_with_a_lower_meter_closes_at_the_last_reading(charge_point, started):
    stop_free = begin(charge_point, CARD, meter=0, at=NOON + HOUR)
    assert stop_free.status == "Accepted"
    assert session_of(started).energy_wh == 0


def test_same_driver_with_credit_for_one_session_may_start_again_after_a_lost_stop(charge_point, owner, stranger):
    factories.give_credit(stranger, 10_000)
    factories.make_id_token(stranger, "04FFFFFF")
    first = begin(charge_point, "04FFFFFF")
    second = begin(charge_point, "04FFFFFF", meter=1500, at=NOON + HOUR)
    assert (first.status, second.status) == ("Accepted", "Blocked")  # what is left is less than the least hold
    assert session_of(first).status == "COMPLETED"
    factories.give_credit(stranger, 10_000)
    assert begin(charge_point, "04FFFFFF", meter=1600, at=NOON + 2 * HOUR).status == "Accepted"


def test_a_refused_start_occupies_nothing_and_only_makes_us_listen(charge_point, started):
    refused = begin(charge_point, "DEADBEEF", at=NOON + HOUR)
    session = session_of(refused)
    assert (session.status, session.driver) == ("INVALID", None)
    old = session_of(started)
    assert old.status == "ACTIVE"
    assert old.orphaned_at is not None


def test_energy_of_a_refused_start_is_reported_and_charged_to_nobody(charge_point, connector, owner):
    refused = begin(charge_point, "DEADBEEF")
    stop(charge_point, refused.transaction_id, meter=3000, at=NOON + HOUR)
    session = session_of(refused)
    assert (session.status, session.energy_wh, session.cdr) == ("INVALID", 2000, None)
    assert Notification.objects.get(user=owner).kind == "unpaid_energy"
    stop(charge_point, refused.transaction_id, meter=3000, at=NOON + HOUR)
    assert Notification.objects.count() == 1


def test_a_refused_start_is_stopped(charge_point):
    go_online(charge_point)
    refused = begin(charge_point, "DEADBEEF")
    command = session_of(refused).commands.get()
    assert (command.action, command.source) == ("RemoteStopTransaction", "protection")
    assert command.payload == {"transactionId": refused.transaction_id}
    begin(charge_point, "")
    assert charge_point.commands.count() == 1


def test_the_owner_charges_for_nothing_without_a_price_or_credit(owner):
    charge_point = factories.make_charge_point(owner, published=False)
    factories.make_id_token(owner, "0FFF0001")
    started = begin(charge_point, "0FFF0001")
    assert started.status == "Accepted"
    stop(charge_point, started.transaction_id, meter=9000, at=NOON + HOUR)
    session = session_of(started)
    assert session.is_free
    assert session.cdr is not None
    assert (session.status, session.cdr.total_minor, session.cdr.energy_wh) == ("COMPLETED", 0, 8000)
    assert not Notification.objects.exists()


def test_the_price_is_that_of_the_start(charge_point, started, tariff):
    from billing.models import TariffVersion  # noqa: PLC0415

    tariff.current = TariffVersion.objects.create(tariff=tariff, number=2, price_per_kwh=100)
    tariff.save()
    stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR)
    cdr = session_of(started).cdr
    assert cdr is not None
    assert cdr.total_minor == 650


def test_less_than_a_tenth_of_a_kwh_costs_nothing(charge_point, started, driver):
    stop(charge_point, started.transaction_id, meter=1099, at=NOON + MINUTE)
    assert balance_minor(driver) == OPENING_CREDIT_MINOR


def test_readings_that_come_with_the_stop_are_kept_and_count(charge_point, started):
    said = [reading(30, 5000), reading(10, 2500), reading(10, 2500)]
    stop(charge_point, started.transaction_id, meter=0, at=NOON + HOUR, readings=said, reason="PowerLoss")
    session = session_of(started)
    assert (session.energy_wh, session.meter_stop_wh, session.status) == (4000, 5000, "COMPLETED")
    assert list(MeterValue.objects.values_list("at", flat=True)) == [NOON + 10 * MINUTE, NOON + 30 * MINUTE]


@pytest.mark.parametrize(
    ("stopped", "expected"),
    [(NOON - HOUR, NOON), (NOON + 9 * HOUR, NOON + HOUR), (NOON + 30 * MINUTE, NOON + 30 * MINUTE)],
)
def test_the_time_of_a_stop_lies_between_start_and_receipt(charge_point, started, stopped, expected):
    stop(charge_point, started.transaction_id, meter=1100, at=stopped, received_at=NOON + HOUR)
    assert session_of(started).stopped_at == expected


def test_implausible_energy_is_reviewed_and_costs_nothing_for_three_days(charge_point, started, driver):
    stop(charge_point, started.transaction_id, meter=900_000, at=NOON + HOUR, readings=[reading(30, 3000)])
    session = session_of(started)
    assert (session.status, session.energy_wh, session.cdr) == ("REVIEW", 2000, None)
    assert session.meter_cases.open().get().doubt == "jump"
    assert balance_minor(driver) == OPENING_CREDIT_MINOR
    assert Notification.objects.filter(user=driver, kind="session_review").count() == 1
    assert sessions.settle_reviews(now=NOON + 72 * HOUR) == 0
    assert sessions.settle_reviews(now=NOON + 74 * HOUR) == 1
    assert sessions.settle_reviews(now=NOON + 74 * HOUR) == 0
    assert session_of(started).status == "COMPLETED"
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 1300
    assert Notification.objects.filter(user=driver, kind="session_finished").count() == 1


def test_staff_decides_a_review(charge_point, started, driver, staff, owner):
    stop(charge_point, started.transaction_id, meter=900_000, at=NOON + HOUR)
    with pytest.raises(NotFound):
        sessions.decide(user=owner, session=session_of(started), energy_wh=4000)
    sessions.decide(user=staff, session=session_of(started), energy_wh=4000)
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 2600
    with pytest.raises(sessions.deciding.NotInReview):
        sessions.decide(user=staff, session=session_of(started), energy_wh=4000)


def test_more_than_100_kwh_of_alternating_current_is_reviewed(charge_point, started, connector):
    stop(charge_point, started.transaction_id, meter=102_000, at=NOON + 10 * HOUR)
    assert session_of(started).status == "REVIEW"


def test_a_stop_that_never_comes(charge_point, started, driver):
    ChargingSession.objects.update(orphaned_at=NOON + HOUR, energy_wh=0)
    assert sessions.close_orphans(now=NOON + HOUR + 9 * MINUTE) == 0
    assert sessions.close_orphans(now=NOON + HOUR + 11 * MINUTE) == 1
    session = session_of(started)
    assert (session.status, session.is_estimated, session.energy_wh) == ("COMPLETED", True, 0)
    stop(charge_point, started.transaction_id, meter=3000, at=NOON + HOUR, received_at=NOON + 50 * HOUR)
    session = session_of(started)
    assert (session.is_estimated, session.energy_wh, session.meter_stop_wh) == (False, 2000, 3000)
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 1300
    assert Notification.objects.filter(user=driver, kind="session_corrected").count() == 1
    stop(charge_point, started.transaction_id, meter=3000, at=NOON + HOUR, received_at=NOON + 51 * HOUR)
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 1300


def test_a_late_stop_that_makes_it_much_dearer_waits_for_staff(charge_point, started, driver):
    sessions.close_orphans(now=NOON + 25 * HOUR)
    stop(charge_point, started.transaction_id, meter=9000, at=NOON + HOUR, received_at=NOON + 50 * HOUR)
    session = session_of(started)
    assert (session.is_estimated, session.energy_wh) == (True, 0)
    case = session.meter_cases.open().get()
    assert (case.kind, case.plausible_wh, case.reported_wh, case.late_meter_stop_wh) == ("late", 0, 8000, 9000)
    assert balance_minor(driver) == OPENING_CREDIT_MINOR


def test_a_day_of_silence_closes(charge_point, started):
    assert sessions.close_orphans(now=NOON + 23 * HOUR) == 0
    assert sessions.close_orphans(now=NOON + 25 * HOUR) == 1


def test_the_owner_closes_by_hand(charge_point, started, driver, owner, stranger):
    for person in (driver, stranger):
        with pytest.raises(NotFound):
            sessions.close(user=person, session=session_of(started))
    closed = sessions.close(user=owner, session=session_of(started))
    assert (closed.status, closed.is_estimated) == ("COMPLETED", True)
    assert sessions.close(user=owner, session=closed).cdr == closed.cdr


@pytest.mark.parametrize("number", [0, -1, None, 2**63 - 1])
def test_a_stop_without_its_number_finds_the_only_open_session(charge_point, started, number):
    stop(charge_point, number, meter=2000, at=NOON + HOUR, id_tag=CARD.lower())
    assert session_of(started).status == "COMPLETED"
    stop(charge_point, number, meter=2000, at=NOON + HOUR, id_tag=CARD.lower())
    assert not QuarantinedMessage.objects.exists()


@pytest.mark.parametrize(
    "said", [{"meter": 999}, {"meter": None}, {"at": NOON - MINUTE}, {"id_tag": "04FFFFFF"}], ids=["meter", "none", "time", "card"]
)
def test_a_stop_without_its_number_that_does_not_fit_is_quarantined(charge_point, started, said):
    stop(charge_point, -1, **{"meter": 2000, "at": NOON + HOUR, **said})
    assert session_of(started).status == "ACTIVE"
    assert QuarantinedMessage.objects.count() == 1


def test_an_unknown_stop_is_kept_and_counted(charge_point, started):
    for _ in range(3):
        stop(charge_point, 12345 if started.transaction_id != 12345 else 54321, meter=2000, at=NOON + HOUR)
    assert QuarantinedMessage.objects.get().times == 3
    assert session_of(started).status == "ACTIVE"


def test_another_chargers_transaction_does_not_exist(charge_point, started, stranger):
    other = factories.make_charge_point(stranger)
    stop(other, started.transaction_id, meter=2000, at=NOON + HOUR)
    assert session_of(started).status == "ACTIVE"
    assert QuarantinedMessage.objects.get().reason == "transaction of another charger"


def test_the_card_in_a_stop_is_judged_but_decides_nothing(charge_point, started, driver):
    assert stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR, id_tag="DEADBEEF").status == "Invalid"
    assert session_of(started).status == "COMPLETED"
    assert stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR).status is None
    assert stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR, id_tag=CARD).parent_tag == driver.group_tag


def test_control_characters_in_what_is_said(charge_point, card):
    started = begin(charge_point, CARD + "\0\x10", started_at_said="\0", start_key="k")
    assert started.status == "Accepted"
    stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR, reason="Lo\0cal", id_tag="\0", stopped_at_said="\0")
    stop(charge_point, 7, meter=2**63 - 1, at=NOON + HOUR, reason="Lo\0cal", id_tag="\0")
    assert session_of(started).stop_reason == "Local"


def test_connectors_are_made_by_a_start(charge_point, card, tariff):
    assert begin(charge_point, CARD, number=4).status == "Blocked"  # nobody said what it costs
    assert Connector.objects.filter(charge_point=charge_point, number=4).exists()


def test_three_paid_sessions_at_once(owner, driver, tariff):
    factories.give_credit(driver, 100_000)
    factories.make_id_token(driver, CARD)
    charge_points = [factories.make_charge_point(owner, tariff=tariff) for _ in range(4)]
    assert [begin(one, CARD).status for one in charge_points] == ["Accepted"] * 3 + ["ConcurrentTx"]


def test_a_card_with_its_own_limit(charge_point, driver, owner, tariff):
    factories.make_id_token(driver, CARD, max_sessions=1)
    other = factories.make_charge_point(owner, tariff=tariff)
    assert [begin(one, CARD).status for one in (charge_point, other)] == ["Accepted", "ConcurrentTx"]


def test_a_tariff_of_nothing_needs_no_credit_and_does_not_count(owner, stranger):
    tariff = factories.make_tariff(owner, price_per_kwh="0")
    factories.make_id_token(stranger, CARD)
    charge_points = [factories.make_charge_point(owner, tariff=tariff) for _ in range(5)]
    assert {begin(one, CARD).status for one in charge_points} == {"Accepted"}
    assert not Hold.objects.exists()


def test_idle_time_is_counted(charge_point, started, connector):
    from stations import connectivity  # noqa: PLC0415

    for minutes, word in [(10, "Charging"), (20, "SuspendedEV"), (50, "Charging"), (55, "SuspendedEV")]:
        at = NOON + timedelta(minutes=minutes)
        connectivity.status(charge_point, connector_number=1, status=word, at=at, received_at=at)
    stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR)
    assert [ends - begins for begins, ends in session_of(started).idle] == [30 * 60, 5 * 60]


def test_nobody_pays_for_standing_at_a_charger_that_is_away(charge_point, started, connector):
    from stations import connectivity  # noqa: PLC0415

    def says(word, minutes):
        at = NOON + timedelta(minutes=minutes)
        connectivity.status(charge_point, connector_number=1, status=word, at=at, received_at=at)

    says("Charging", 1)
    says("SuspendedEV", 10)
    connection = uuid4()
    connectivity.connected(charge_point.pk, connection, at=NOON)
    connectivity.disconnected(charge_point.pk, connection, at=NOON + timedelta(minutes=20))
    says("SuspendedEV", 50)
    stop(charge_point, started.transaction_id, meter=2000, at=NOON + HOUR)

    assert [ends - begins for begins, ends in session_of(started).idle] == [10 * 60, 10 * 60]


def test_available_starts_the_grace_and_charging_ends_it(charge_point, started, connector):
    from stations import connectivity  # noqa: PLC0415

    connectivity.status(charge_point, connector_number=1, status="Charging", at=NOON, received_at=NOON)
    at = NOON + HOUR
    connectivity.status(charge_point, connector_number=1, status="Available", at=at, received_at=at)
    assert session_of(started).orphaned_at == at
    assert session_of(started).status == "ACTIVE"
    connectivity.status(charge_point, connector_number=1, status="Charging", at=at + MINUTE, received_at=at + MINUTE)
    assert session_of(started).orphaned_at is None


def test_a_reboot_ends_nothing_until_an_outlet_says_so(charge_point, started):
    from stations import connectivity  # noqa: PLC0415

    at = NOON + HOUR
    connectivity.status(charge_point, connector_number=1, status="Charging", at=NOON, received_at=NOON)
    connectivity.boot(charge_point, received_at=at, vendor="X")
    connectivity.status(charge_point, connector_number=1, status="Charging", at=at + MINUTE, received_at=at + MINUTE)
    assert session_of(started).status == "ACTIVE"
    assert session_of(started).orphaned_at is None
    connectivity.status(charge_point, connector_number=1, status="Preparing", at=at + HOUR, received_at=at + HOUR)
    assert session_of(started).orphaned_at == at + HOUR
    connectivity.status(charge_point, connector_number=1, status="Charging", at=at + 2 * HOUR, received_at=at + 2 * HOUR)
    assert session_of(started).orphaned_at is None


def test_before_any_reboot_a_cable_that_waits_ends_nothing(charge_point, started):
    from stations import connectivity  # noqa: PLC0415

    connectivity.boot(charge_point, received_at=NOON - HOUR, vendor="X")
    connectivity.status(charge_point, connector_number=1, status="Preparing", at=NOON + MINUTE, received_at=NOON + MINUTE)
    assert session_of(started).orphaned_at is None


def test_unsettled_sessions_are_repaired_once(charge_point, started, driver):
    stop(charge_point, started.transaction_id, meter=9000, at=NOON + HOUR)
    ChargingSession.objects.update(cdr=None)
    assert sessions.repair_unsettled(now=NOON + 2 * HOUR) == 1
    assert sessions.repair_unsettled(now=NOON + 2 * HOUR) == 0
    assert balance_minor(driver) == OPENING_CREDIT_MINOR - 5200
