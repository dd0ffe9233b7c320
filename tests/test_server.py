"""What the server believes about client certificates, and whom; and what it does where Daphne or Twisted are others than it knows."""

import asyncio
import logging
import socket
from types import SimpleNamespace
from typing import Any

import pytest
from autobahn.websocket.protocol import WebSocketProtocol
from daphne.ws_protocol import WebSocketProtocol as DaphneSocket
from twisted.internet import abstract, tcp

from chargeshare import bodies
from chargeshare import server as our_server
from chargeshare.lean import LeanSockets
from chargeshare.server import Server, Socket

PROXY, STRANGER = "10.0.0.1", "203.0.113.9"


def a_server(**options):
    """A server that does not serve."""
    nowhere: dict[str, Any] = {
        "endpoints": ["tcp:port=0:interface=127.0.0.1"],
        "on_listen": lambda *_where: None,
        "on_failure": lambda _why: None,
    }
    return Server(None, **nowhere, **options)


def seen(peer, *headers, name="Client-Cert"):
    """What becomes of headers that come from an address: the certificate that is believed, and the headers that are left."""
    server = a_server(trusted_proxies=["10.0.0.0/8"], certificate_header=name)
    scope = {"type": "websocket", "client": [peer, 1], "headers": list(headers)}
    return server._client_certificate(scope), scope["headers"]


SHOWN = (b"client-cert", b"abc")
VERIFIED = (b"client-cert-verify", b"SUCCESS")
HOST = (b"host", b"x")


def test_a_proxy_of_ours_is_believed():
    assert seen(PROXY, HOST, SHOWN, VERIFIED) == ({"certificate": "abc", "is_verified": True}, [HOST])
    assert seen(PROXY, SHOWN) == ({"certificate": "abc", "is_verified": False}, [])
    assert seen(PROXY, SHOWN, (b"client-cert-verify", b"FAILED:expired"))[0] == {"certificate": "abc", "is_verified": False}


@pytest.mark.parametrize("peer", [STRANGER, "garbage", ""])
def test_nobody_else_is(peer):
    assert seen(peer, HOST, SHOWN, VERIFIED) == ({}, [HOST])


def test_a_header_that_comes_twice_is_from_two_hands():
    assert seen(PROXY, SHOWN, (b"Client-Cert", b"def"), VERIFIED) == ({}, [])


def test_the_word_of_a_proxy_without_a_certificate_is_nothing():
    assert seen(PROXY, VERIFIED) == ({}, [])
    assert seen(PROXY, (b"client-cert", b""), VERIFIED) == ({}, [])


def test_the_header_may_have_another_name():
    assert seen(PROXY, (b"x-ssl-cert", b"abc"), SHOWN, name="X-SSL-Cert") == ({"certificate": "abc", "is_verified": False}, [SHOWN])
    assert seen(PROXY, SHOWN, name="") == ({}, [SHOWN])


@pytest.fixture
def ready(monkeypatch, event_loop_of_reactor):
    """A server at its start, with lean sockets wanted."""

    def make():
        server = a_server(lean_sockets=True, ping_interval=30, ping_timeout=60, websocket_max_message_size=1_000)
        server.http_factory = SimpleNamespace(buildProtocol=None)
        server.ws_factory = SimpleNamespace(protocol=DaphneSocket, setProtocolOptions=lambda **_options: None)
        monkeypatch.setattr(bodies, "take_requests", lambda _factory: None)
        server._make_ready()
        return server

    return make


@pytest.fixture
def event_loop_of_reactor(monkeypatch):
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(our_server, "reactor", SimpleNamespace(_asyncioEventloop=loop))
    yield loop
    loop.close()


def test_where_everything_is_there_sockets_may_leave(ready, caplog):
    server = ready()
    assert (server.ws_factory.protocol, type(server.lean), server.keeps_sockets) == (Socket, LeanSockets, False)
    assert not caplog.records


@pytest.mark.parametrize(
    ("where", "name"), [(abstract.FileDescriptor, "dataBuffer"), (abstract.FileDescriptor, "stopReading"), (tcp.Connection, "getHandle")]
)
def test_without_a_part_of_twisted_sockets_stay_and_one_warning_says_so(ready, caplog, monkeypatch, where, name):
    monkeypatch.delattr(where, name)
    server = ready()
    assert (server.ws_factory.protocol, server.lean) == (Socket, None)
    assert [(one.levelno, name in one.message) for one in caplog.records] == [(logging.WARNING, True)]


def test_with_another_reactor_sockets_stay(ready, caplog, monkeypatch):
    monkeypatch.setattr(our_server, "reactor", SimpleNamespace())
    assert ready().lean is None
    assert [one.levelno for one in caplog.records] == [logging.WARNING]


def test_without_a_part_of_daphne_stock_sockets_serve(ready, caplog, monkeypatch):
    monkeypatch.delattr(WebSocketProtocol, "sendCloseFrame")
    server = ready()
    assert (server.ws_factory.protocol, server.lean) == (DaphneSocket, None)
    assert "sendCloseFrame" in caplog.records[0].message


def test_what_only_a_socket_in_use_lacks_is_noticed_by_the_first_one_and_all_stay(ready, caplog, event_loop_of_reactor):
    """Nothing of it has been taken apart by then, and it goes on as it was."""
    server = ready()
    for number in range(2):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            transport = tcp.Server.__new__(tcp.Server)
            transport.socket = ours
            one = Socket()
            one.server, one.transport, one.sink = server, transport, SimpleNamespace()
            one.state, one.data, one.current_frame, one.inside_message = Socket.STATE_OPEN, b"", None, False
            assert one.leave() is None, number
            assert one.transport is transport
    assert server.keeps_sockets
    assert not server.lean.all
    assert ["_tempDataBuffer" in one.message for one in caplog.records] == [True]
