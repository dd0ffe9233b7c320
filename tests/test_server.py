"""What the server believes about client certificates, and whom."""

import pytest

from chargeshare.server import Server

PROXY, STRANGER = "10.0.0.1", "203.0.113.9"


def seen(peer, *headers, name="Client-Cert"):
    """What becomes of headers that come from an address: the certificate that is believed, and the headers that are left."""
    server = Server(
        None,
        endpoints=["tcp:port=0:interface=127.0.0.1"],
        trusted_proxies=["10.0.0.0/8"],
        certificate_header=name,
        on_listen=lambda *_where: None,
        on_failure=lambda _why: None,
    )
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
