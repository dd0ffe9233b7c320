"""Who knocks in a storm waits so that others are heard in between; who asks for a page does not."""

import asyncio
import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from twisted.internet import tcp, unix

from chargeshare.newcomers import MOST_AT_ONCE, Line, Newcomer, take_few_at_a_time

KNOCK = b"GET /ocpp/BOX-1 HTTP/1.1\r\nHost: x\r\n\r\n"


class Standing:
    """Somebody in a line."""

    def __init__(self, entered):
        self.entered = entered

    def enter(self):
        self.entered.append(self)


def test_only_a_few_enter_in_one_turn_of_the_loop():
    async def scenario():
        line = Line()
        entered: list[Any] = []
        turns: list[int] = []
        everybody: list[Any] = [Standing(entered) for _ in range(2 * MOST_AT_ONCE + 1)]
        for one in everybody:
            line.join(one)
        while len(line) or len(entered) < len(everybody):
            before = len(entered)
            await asyncio.sleep(0)
            turns.append(len(entered) - before)
        last: Any = Standing(entered)
        line.join(last)  # and an empty line begins anew
        await asyncio.sleep(0)
        assert entered[:-1] == everybody
        return turns, len(entered)

    turns, entered = async_to_sync(scenario)()
    assert (max(turns), entered) == (MOST_AT_ONCE, 2 * MOST_AT_ONCE + 2)


class Heard:
    """A protocol that keeps what it is given."""

    def __init__(self):
        self.said = b""
        self.ended = False

    def dataReceived(self, data):  # noqa: N802 - Twisted's name
        self.said += data

    def connectionLost(self, reason):  # noqa: N802 - Twisted's name
        self.ended = True


@pytest.fixture
def knocking(monkeypatch):
    """A connection over which somebody says something, what it hears, and who is in the line."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    line: list[Any] = []
    protocol: Any = Heard()
    reactor: Any = SimpleNamespace(addReader=lambda _one: None, removeReader=lambda _one: None)
    one: Any = Newcomer.__new__(Newcomer)
    tcp.Connection.__init__(one, ours, protocol, reactor)
    one._line = SimpleNamespace(join=line.append)
    one.connected = 1
    with ours, theirs:
        yield one, theirs, protocol, line


def test_a_handshake_is_read_when_it_is_its_turn(knocking):
    one, theirs, protocol, line = knocking
    theirs.send(KNOCK)
    one.doRead()
    one.doRead()  # whoever began to read again meanwhile: it waits on, in the place it has
    assert (protocol.said, line) == (b"", [one])
    one.enter()
    one.doRead()
    theirs.send(KNOCK)
    one.doRead()
    assert (protocol.said, line) == (2 * KNOCK, [one])


@pytest.mark.parametrize(
    "said",
    [
        b"GET /map/ HTTP/1.1\r\nReferer: http://x/ocpp/\r\n\r\n",
        b"GET /readyz HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01",
        b"G",
    ],
)
def test_what_is_no_handshake_does_not_wait(knocking, said):
    one, theirs, protocol, line = knocking
    theirs.send(said)
    one.doRead()
    assert (protocol.said, line) == (said, [])


def test_who_hangs_up_before_a_word_is_let_go(knocking):
    one, theirs, _protocol, line = knocking
    theirs.close()
    assert one.doRead() is not None
    assert line == []


@pytest.mark.parametrize("what", ["connected", "disconnecting"])
def test_who_has_ended_in_the_line_is_not_read(knocking, what):
    one, theirs, _protocol, _line = knocking
    begun = []
    theirs.send(KNOCK)
    one.doRead()
    setattr(one, what, what == "disconnecting")
    one.startReading = lambda: begun.append(one)
    one.enter()
    assert begun == []


@pytest.mark.skipif(sys.platform != "linux", reason="others do not tell")
def test_who_has_hung_up_in_the_line_is_not_read(knocking):
    """What those have said who are gone is not worth the time of those who are there."""
    one, theirs, protocol, _line = knocking
    ended = []
    theirs.send(KNOCK)
    one.doRead()
    theirs.close()
    one.abortConnection = lambda: ended.append(one)
    one.startReading = lambda: pytest.fail("it is read")
    one.enter()
    assert (ended, protocol.said) == ([one], b"")


@pytest.mark.parametrize("kind", [tcp.Server, unix.Server])
def test_a_port_takes_in_a_few_and_lets_them_wait(kind):
    taken: list[int] = []
    port: Any = SimpleNamespace(doRead=lambda: taken.append(port.numberAccepts), numberAccepts=400, transport=kind)
    line = Line()
    take_few_at_a_time(port, line)
    port.doRead()
    assert taken == [MOST_AT_ONCE]
    if kind is tcp.Server:
        assert (port.transport.func, port.transport.args) == (Newcomer, (line,))
    else:
        assert port.transport is kind
