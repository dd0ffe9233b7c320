"""What comes too often is refused, and refused cheaply."""

from multiprocessing import get_context

import pytest
from django.conf import settings

from ocpp_core import limits
from ocpp_core.handshake import Address, Request
from ocpp_core.limits import Failures, Refusals

KNOCK = Request(Address(("BOX",)), b"BOX:wrong", ("ocpp1.6",), is_secure=False, client="192.0.2.1")


def test_the_very_same_attempt_is_known_for_a_while(monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr(limits, "monotonic", lambda: now[0])
    refusals = Refusals()
    assert not refusals.is_known(KNOCK)
    refusals.note(KNOCK)
    assert refusals.is_known(KNOCK)
    for other in (b"BOX:right", None):
        assert not refusals.is_known(Request(KNOCK.address, other, KNOCK.protocols, is_secure=False, client=KNOCK.client))
    assert not refusals.is_known(Request(KNOCK.address, KNOCK.credentials, KNOCK.protocols, is_secure=False, client="192.0.2.2"))
    now[0] += 31
    assert not refusals.is_known(KNOCK)


def test_no_password_stays_in_memory_and_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(limits, "_MOST_NAMES", 50)
    refusals = Refusals()
    for number in range(200):
        refusals.note((KNOCK, number))
    assert len(refusals._until) <= 50
    assert b"wrong" not in repr(refusals.__dict__).encode()


def test_failures_are_counted_by_identity_and_by_address(settings):
    settings.LIMIT_CHARGER_FAILURES = 3
    failures = Failures()
    for _attempt in range(3):
        assert not failures.are_too_many("Box\ud800 \n", "192.0.2.1")
        failures.count("Box\ud800 \n", "192.0.2.1")
    assert failures.are_too_many("BOX\ud800 \n", "192.0.2.9")
    assert not failures.are_too_many("other", "192.0.2.1")
    for number in range(15):
        failures.count(f"guess-{number}", "192.0.2.1")
    assert failures.are_too_many("other", "192.0.2.1")
    assert not failures.are_too_many("other", None)


def fail_three_times():
    for _attempt in range(3):
        Failures().count("SHARED", "192.0.2.77")


@pytest.mark.skipif(not settings.REDIS_URL, reason="without Redis there is one process")
def test_who_fails_at_one_process_fails_at_all(settings):
    settings.LIMIT_CHARGER_FAILURES = 3
    other = get_context("fork").Process(target=fail_three_times)
    other.start()
    other.join(30)
    assert Failures().are_too_many("shared", "192.0.2.78")
