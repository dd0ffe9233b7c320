"""What comes too often is refused, and refused cheaply."""

from ocpp_core import limits
from ocpp_core.handshake import Address, Request
from ocpp_core.limits import Refusals

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
