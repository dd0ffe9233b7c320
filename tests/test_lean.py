"""A charger's socket after the handshake, over a pair of real ones: RFC 6455 from the server's side."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from asgiref.sync import async_to_sync
from hypothesis import given
from hypothesis import strategies as st

from chargeshare.lean import LeanSocket, LeanSockets
from tests.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

LIMIT = 70_000


class Heard:
    """Who listens."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.ends: list[int] = []
        self.binaries = 0
        self.socket: LeanSocket | None = None

    def feed(self, text: str) -> None:
        self.texts.append(text)

    def refuse_binary(self) -> None:
        self.binaries += 1
        assert self.socket is not None
        self.socket.close(1003)

    def lost(self, code: int) -> None:
        self.ends.append(code)


class Pair:
    """The lean socket, who listens to it, and the other end."""

    def __init__(self, ping_interval: float, unsent: bytes) -> None:
        ours, self.theirs = socket.socketpair()
        ours.settimeout(0)
        self.theirs.settimeout(30)
        loop = asyncio.get_running_loop()
        self.together = LeanSockets(loop, limit=LIMIT, ping_interval=ping_interval, ping_timeout=2 * ping_interval)
        self.heard = Heard()
        self.lean = self.heard.socket = LeanSocket(self.together, ours, self.heard, unsent)

    async def says(self, *pieces: bytes) -> None:
        for piece in pieces:
            await asyncio.to_thread(self.theirs.sendall, piece)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - what the other end of a real socket does
                await asyncio.sleep(0.001)

    async def hears(self, count: int) -> bytes:
        def read() -> bytes:
            data = b""
            while len(data) < count and (more := self.theirs.recv(count - len(data))):
                data += more
            return data

        return await asyncio.to_thread(read)


@contextlib.asynccontextmanager
async def pair(ping_interval: float = 1_000.0, unsent: bytes = b"") -> AsyncIterator[Pair]:
    both = Pair(ping_interval, unsent)
    try:
        yield both
    finally:
        both.together.close_all()
        both.theirs.close()


SAID = [
    frame(TEXT, "[2]"),
    frame(0x01, "pěkně "),
    frame(PING, "still?"),
    frame(0x00, "po "),
    frame(CONTINUATION, "kouskách"),
    frame(TEXT),
    frame(PONG),
    frame(TEXT, "x" * 126),
    frame(0x01) + frame(CONTINUATION, "empty first"),
    frame(TEXT, "y" * 66_000),
]
MEANT = ["[2]", "pěkně po kouskách", "", "", "x" * 126, "empty first", "y" * 66_000]


@given(st.lists(st.integers(0, 700), max_size=12))
def test_however_the_bytes_are_cut_the_messages_are_the_same(cuts):
    whole = b"".join(SAID)

    async def story():
        async with pair() as both:
            begin = 0
            for cut in [*sorted(cuts), len(whole)]:
                both.lean.take(whole[begin:cut])
                begin = cut
            return both.heard.texts

    assert async_to_sync(story)() == MEANT


def test_over_the_wire():
    async def story():
        async with pair() as both:
            await both.says(*SAID)
            await both.until(lambda: len(both.heard.texts) == len(MEANT))
            assert both.heard.texts == MEANT
            assert await both.hears(8) == b"\x8a\x06still?"
            both.lean.send_text("[3]")
            both.lean.send_text("é" * 100)
            both.lean.send_text("z" * 70_000)
            assert await both.hears(5) == b"\x81\x03[3]"
            assert (await both.hears(204))[:4] == b"\x81\x7e\x00\xc8"
            assert (await both.hears(70_010))[:10] == b"\x81\x7f" + (70_000).to_bytes(8)

    async_to_sync(story)()


@pytest.mark.parametrize(
    ("bytes_said", "code"),
    [
        (frame(TEXT, b"\xff"), 1007),
        (frame(0x01, b"\xc4") + frame(CONTINUATION, b"x"), 1007),
        (b"\x81\x03abc", 1002),
        (frame(0xC1, "x"), 1002),
        (frame(0x83, "x"), 1002),
        (frame(CONTINUATION, "x"), 1002),
        (frame(0x01, "x") + frame(TEXT, "y"), 1002),
        (frame(0x09, "x"), 1002),
        (b"\x89\xfe\x00\x7e", 1002),
        (b"\x81\xfe\x00\x05", 1002),
        (b"\x81\xff" + (LIMIT + 1).to_bytes(8), 1009),
        (frame(0x01, "x" * 60_000) + frame(CONTINUATION, "x" * 20_000), 1009),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, (1005).to_bytes(2)), 1002),
        (frame(CLOSE, (1000).to_bytes(2) + b"\xff"), 1007),
    ],
)
def test_who_breaks_the_rules_is_told_so_and_not_heard_any_more(bytes_said, code):
    async def story():
        async with pair() as both:
            await both.says(bytes_said, frame(TEXT, "late"))
            assert await both.hears(4) == b"\x88\x02" + code.to_bytes(2)
            both.theirs.shutdown(socket.SHUT_WR)
            await both.until(lambda: both.heard.ends)
            assert (both.heard.texts, both.heard.ends) == ([], [code])
            assert await both.hears(1) == b""
            assert not both.together.all

    async_to_sync(story)()


def test_binary_is_somebody_elses_to_refuse():
    async def story():
        async with pair() as both:
            await both.says(frame(BINARY, "x"), frame(TEXT, "late"), frame(CLOSE, (1003).to_bytes(2)))
            assert await both.hears(4) == b"\x88\x02" + (1003).to_bytes(2)
            await both.until(lambda: both.heard.ends)
            assert (both.heard.binaries, both.heard.texts, both.heard.ends) == (1, [], [1003])

    async_to_sync(story)()


@pytest.mark.parametrize(("payload", "code"), [(b"", 1005), ((1001).to_bytes(2) + b"nashle", 1001), ((4000).to_bytes(2), 4000)])
def test_the_other_side_closes(payload, code):
    async def story():
        async with pair() as both:
            await both.says(frame(CLOSE, payload))
            assert await both.hears(5) == b"\x88\x02\x03\xe8"
            assert both.heard.ends == [code]

    async_to_sync(story)()


def test_we_close_and_the_other_side_just_goes_or_never_answers():
    async def story():
        async with pair() as both:
            both.lean.close(1001)
            both.lean.close(1008)
            both.lean.send_text("nobody hears this")
            assert await both.hears(4) == b"\x88\x02\x03\xe9"
            both.together.look_after()
            assert both.heard.ends == []
            both.lean.look(both.lean._due_at)
            assert both.heard.ends == [1006]
            assert await both.hears(1) == b""

    async_to_sync(story)()


def test_a_lost_line_is_told_once():
    async def story():
        async with pair() as both:
            both.theirs.close()
            both.lean.send_text("x")
            both.lean.send_text("x")
            await both.until(lambda: both.heard.ends)
            await asyncio.sleep(0)
            assert both.heard.ends == [1006]
            assert not both.together.all

    async_to_sync(story)()


def test_who_is_silent_is_pinged_and_then_dropped():
    async def story():
        async with pair(ping_interval=100) as both:
            now = both.lean._due_at
            both.lean.last_sign_at = now - 10
            both.lean.look(now)
            assert both.lean._due_at > now + 89
            both.lean.last_sign_at = now - 50
            both.lean.look(both.lean._due_at)
            assert await both.hears(3) == b"\x89\x01?"
            await both.says(frame(PONG, "?"))
            await both.until(lambda: both.heard.texts)
            assert both.heard.texts == [""]
            later = both.lean._due_at + 200
            both.lean.look(later)
            assert both.heard.ends == []
            both.lean.look(later + 201)
            assert both.heard.ends == [1006]

    async_to_sync(story)()


def test_what_is_not_fetched_waits_and_goes_out_before_the_end():
    async def story():
        async with pair(unsent=b"HTTP/1.1 101\r\n\r\n") as both:
            much = os.urandom(500_000).hex()
            for _ in range(4):
                both.lean.send_text(much)
            assert both.lean.unread() > 1_000_000
            await both.says(frame(CLOSE, (1000).to_bytes(2)))
            await both.until(lambda: both.heard.ends)
            assert await both.hears(16) == b"HTTP/1.1 101\r\n\r\n"
            rest = await both.hears(4 * (len(much) + 10) + 4)
            assert rest.endswith(b"\x88\x02\x03\xe8")
            assert await both.hears(1) == b""

    async_to_sync(story)()
