"""What is heard by the batch leaves the very rows that it leaves when it is heard alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from ocpp_core import admission, dialects, frame_log, handshake
from ocpp_core.gathering import ALONE
from ocpp_core.handlers import core, together
from ocpp_core.handlers.requests import Facts, Request
from ocpp_core.models import ConnectionAttempt
from stations import connectivity
from stations.models import ChargePoint, ChargingSession, Command, Connector
from tests import factories
from tests.ocpp_core.conftest import basic

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
BOOT = {"chargePointVendor": "Any", "chargePointModel": "Box\0", "firmwareVersion": "1.0", "iccid": "8" * 80}
OF_A_BOX = (*connectivity.OF_A_BOOT, "status", "error_code", "status_at")
OF_AN_OUTLET = ("number", *connectivity.OF_A_STATUS, "status_at", "status_received_at")


def request(charge_point, action, payload, at=NOON):
    row = frame_log.row(charge_point.pk, at, frame_log.FROM_CHARGER, frame_log.CALL, "1", action, "")
    return Request(Facts(charge_point.pk, charge_point.identity), action, payload, at, row)


def begin_to_charge(charge_point, driver):
    outlet = charge_point.connectors.get(number=1)
    words = {"status": "ACTIVE", "transaction_id": 7, "started_at": NOON, "owner": charge_point.owner}
    ChargingSession.objects.create(charge_point=charge_point, connector=outlet, driver=driver, **words)


def status(number=1, word="Charging", **more):
    return {"connectorId": number, "status": word, "errorCode": "NoError", **more}


@pytest.fixture
def boxes(db, owner, tariff):
    return [factories.make_charge_point(owner, tariff=tariff, connectors=2, auto_configure=False) for _ in range(6)]


def as_it_stands(charge_point):
    box = ChargePoint.objects.values(*OF_A_BOX).get(pk=charge_point.pk)
    return box, list(Connector.objects.filter(charge_point=charge_point).order_by("number").values(*OF_AN_OUTLET))


STORIES = [
    [(status(0, "Faulted"), 0), (status(0, "Available"), 5), (status(0, "Faulted"), -5)],
    [(status(1), 0), (status(2, "Preparing", info="x" * 200, vendorErrorCode="E\0"), 1), (status(1), 30), (status(1), 90)],
    [(status(1, "Charging", timestamp="2026-05-01T12:00:00Z"), 0), (status(1, "Available", timestamp="2026-05-01T10:00:00Z"), 1)],
    [(status(1, f"Word{minute}", timestamp=f"2026-05-01T10:{minute:02}:00Z"), minute * 60) for minute in range(14)],
]


@pytest.mark.parametrize("said", STORIES)
def test_statuses(boxes, said):
    lone, other, third = boxes[:3]
    for payload, seconds in said:
        at = NOON + timedelta(seconds=seconds)
        alone = core.status_notification(request(lone, "StatusNotification", payload, at))
        both = together.status_notifications([request(box, "StatusNotification", payload, at) for box in (other, third)])
        assert both == [alone, alone]
        assert as_it_stands(lone) == as_it_stands(other) == as_it_stands(third)


def test_boots(boxes):
    for payload in (BOOT, {}, {**BOOT, "chargePointModel": "Other"}):
        alone = core.boot_notification(request(boxes[0], "BootNotification", payload))
        assert together.boot_notifications([request(box, "BootNotification", payload) for box in boxes[1:3]]) == [alone, alone]
        assert as_it_stands(boxes[0]) == as_it_stands(boxes[1]) == as_it_stands(boxes[2])


def test_what_is_not_plain_is_left_alone(boxes, driver):
    charging, unknown_outlet, unreadable, twice, plain, _rest = boxes
    begin_to_charge(charging, driver)
    said = [(charging, status()), (unknown_outlet, status(9)), (unreadable, {}), (twice, status()), (twice, status(2)), (plain, status())]
    answers = together.status_notifications([request(box, "StatusNotification", payload) for box, payload in said])
    assert isinstance(answers.pop(2), dialects.Unreadable)
    assert answers == [ALONE, ALONE, {}, ALONE, {}]
    assert not unknown_outlet.connectors.filter(number=9).exists()
    assert charging.connectors.get(number=1).status == "Available"


def test_a_batch_costs_the_same_however_many_there_are(boxes, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        together.status_notifications([request(box, "StatusNotification", status()) for box in boxes])
    with django_assert_max_num_queries(6):
        together.boot_notifications([request(box, "BootNotification", BOOT) for box in boxes])


# At the door


def knocking(charge_point, password=factories.CHARGER_PASSWORD, client="192.0.2.1", protocol=b"ocpp1.6"):
    path = f"/ocpp/{charge_point.identity}".encode()
    header = (b"authorization", basic(charge_point.identity, password).encode())
    scope = {"raw_path": path, "path": path.decode(), "headers": [header], "client": [client, 1], "subprotocols": [protocol.decode()]}
    return handshake.Request.read(scope)


def test_many_are_let_in_at_once_as_one_would_be(boxes):
    alone: Any = handshake.admit(knocking(boxes[0]))
    several: list[Any] = admission.admit_together([knocking(box) for box in boxes[1:]])
    assert {verdict.outcome for verdict in several} == {alone.outcome}
    assert [verdict.charge_point for verdict in several] == boxes[1:]
    assert [verdict.subprotocol for verdict in several] == ["ocpp1.6"] * 5
    for verdict in (alone, *several):
        box = ChargePoint.objects.get(pk=verdict.charge_point.pk)
        assert (box.connection, box.is_online) == (verdict.connection, True)
        kept = ConnectionAttempt.objects.get(pk=verdict.attempt_id)
        assert (kept.charge_point, kept.identity, kept.address, kept.closed_at) == (box, box.identity, "192.0.2.1", None)


def test_whoever_is_unusual_is_judged_alone(boxes, owner):
    wrong, changing, rising, waiting, moved, foreign = boxes
    plain = factories.make_charge_point(owner)
    ChargePoint.objects.filter(pk=changing.pk).update(next_password_digest="x$y")
    ChargePoint.objects.filter(pk=rising.pk).update(next_security_profile=2)
    Command.objects.create(charge_point=waiting, action="ClearCache", payload={}, status=Command.Status.SENT)
    handshake.admit(knocking(moved, client="192.0.2.77"))
    nobody = ChargePoint(identity="NOBODY")
    asked = [knocking(wrong, "wrong-password"), *map(knocking, (changing, rising, waiting, moved, nobody))]
    asked.append(knocking(foreign, protocol=b"ocpp9"))
    answers: list[Any] = admission.admit_together([*asked, knocking(plain), knocking(plain)])
    *others, first, second = answers
    assert [*others, second] == [ALONE] * (len(asked) + 1)
    assert first.charge_point == plain
    assert ConnectionAttempt.objects.filter(charge_point=plain).count() == 1


def test_many_leave_at_once(boxes, driver):
    verdicts: list[Any] = admission.admit_together([knocking(box) for box in boxes])
    at = datetime.now(UTC)
    ended = [admission.Ended(one.attempt_id, one.charge_point.pk, one.connection, 1001, at) for one in verdicts]
    newer, charging = boxes[:2]
    stays = uuid4()
    connectivity.connected(newer.pk, stays, at=at)
    begin_to_charge(charging, driver)
    assert admission.forget_together(ended) == [None, ALONE, None, None, None, None]
    admission.forget_alone(ended[1])
    assert list(ChargePoint.objects.filter(connection__isnull=False).values_list("pk", "connection")) == [(newer.pk, stays)]
    assert set(ConnectionAttempt.objects.values_list("close_code", "closed_at")) == {(1001, at)}


@pytest.mark.django_db(transaction=True)
def test_a_row_in_other_hands_is_left_alone(owner, tariff):
    if connection.vendor != "postgresql":
        pytest.skip("a file has one writer at a time")
    held, free = (factories.make_charge_point(owner, tariff=tariff, auto_configure=False) for _ in range(2))
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM stations_chargepoint WHERE id = %s FOR UPDATE", [held.pk])
        words = [request(box, "StatusNotification", status()) for box in (held, free)]
        assert together.status_notifications(words) == [ALONE, {}]
        assert [isinstance(one, handshake.Verdict) for one in admission.admit_together([knocking(held), knocking(free)])] == [False, True]
    finally:
        other.rollback()
        other.close()
