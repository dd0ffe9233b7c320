"""A charger's socket once it has been let in: a file descriptor and a dozen values.

The handshake needs an HTTP server, the WebSocket library, a task and a queue. After it, none of them has anything more to do:
what OCPP sends are short masked text frames, now and then a ping. So the socket leaves them, and they go. RFC 6455 is kept in
full: fragments, control frames between them, masks, UTF-8, limits, the closing handshake.
"""

import asyncio
import contextlib
import random
import socket as sockets
from contextvars import Context
from time import monotonic
from typing import Final, Protocol

READ_AT_ONCE = 65_536
CLOSED_WITHIN_S = 5.0
MOST_UNREAD = 1_048_576  # bytes of answers to pings that nobody fetches
PING, PONG = 0x89, 0x8A
_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_FIN, _RESERVED, _MASKED = 0x80, 0x70, 0x80
_NORMAL, _PROTOCOL_ERROR, _LOST, _BAD_TEXT, _POLICY, _TOO_BIG = 1000, 1002, 1006, 1007, 1008, 1009
_OPEN, _CLOSING, _FAILED, _ENDED = range(4)
_MORE: Final = -1
_NOTHING: Final = Context()
_LEAST_LONG = {126: 126, 127: 65_536}  # a length must be spelled as short as it can be


class Sink(Protocol):
    """Who hears what comes over a socket."""

    def feed(self, text: str) -> None:
        """One text message; an empty one is a sign of life and nothing else."""

    def refuse_binary(self) -> None:
        """A binary message came."""

    def lost(self, code: int) -> None:
        """The socket has ended; nothing comes after this."""


class LeanSockets:
    """All of them in one process: one look every now and then instead of timers for each."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, limit: int, ping_interval: float, ping_timeout: float) -> None:
        self.loop = loop
        self.limit = limit
        self.ping_interval = ping_interval
        self.ping_timeout = ping_timeout
        self.all: set[LeanSocket] = set()

    def look_after(self) -> None:
        """Ping who has been silent, drop who does not answer."""
        now = monotonic()
        for one in list(self.all):
            one.look(now)

    def close_all(self) -> None:
        """End all at once: nobody waits any more."""
        for one in list(self.all):
            one.end(_LOST)


class LeanSocket:
    """One socket. What is sent while it is not open is dropped."""

    __slots__ = (
        "_code",
        "_due_at",
        "_pieces",
        "_pieces_length",
        "_pinged_at",
        "_rest",
        "_sink",
        "_socket",
        "_state",
        "_together",
        "_unsent",
        "last_sign_at",
    )

    def __init__(self, together: LeanSockets, socket: sockets.socket, sink: Sink, unsent: bytes) -> None:
        self._together = together
        self._socket = socket
        self._sink: Sink | None = sink
        self._state = _OPEN
        self._code = _LOST
        self._rest = b""
        self._unsent = b""
        self._pieces: list[bytes] | None = None
        self._pieces_length = 0
        self.last_sign_at = monotonic()
        self._pinged_at = 0.0
        # The first look comes at a random time, or all that came with one storm would be pinged in one moment for ever.
        self._due_at = self.last_sign_at + together.ping_interval * random.random()
        together.all.add(self)
        _NOTHING.run(together.loop.add_reader, socket.fileno(), self._readable)
        if unsent:
            self._write(unsent)

    # Out

    def send_text(self, text: str) -> None:
        """Send a text message now."""
        if self._state == _OPEN:
            self._send(0x81, text.encode())

    def unread(self) -> int:
        """How many bytes of what was sent wait here, because the other side does not fetch them."""
        return len(self._unsent)

    def close(self, code: int) -> None:
        """Begin the closing handshake. The other side has a few seconds for its part."""
        if self._state == _OPEN:
            self._begin_to_close(_CLOSING, code)

    def _begin_to_close(self, state: int, code: int) -> None:
        self._send(0x88, code.to_bytes(2))
        if self._state == _OPEN:  # else nothing could be sent any more
            self._state = state
            self._code = code if state == _FAILED else _LOST
            self._rest, self._pieces = b"", None
            self._due_at = monotonic() + CLOSED_WITHIN_S
            if state == _FAILED and not self._unsent:  # nothing it answers can be read: it shall not wait for us
                with contextlib.suppress(OSError):
                    self._socket.shutdown(sockets.SHUT_WR)

    def _send(self, head: int, payload: bytes) -> None:
        length = len(payload)
        if length < 126:
            self._write(bytes((head, length)) + payload)
        elif length < 65_536:
            self._write(bytes((head, 126, length >> 8, length & 0xFF)) + payload)
        else:
            self._write(bytes((head, 127)) + length.to_bytes(8) + payload)

    def _write(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._end_soon()
            return
        if sent < len(data):
            self._unsent = data[sent:]
            _NOTHING.run(self._together.loop.add_writer, self._socket.fileno(), self._writable)

    def _writable(self) -> None:
        try:
            sent = self._socket.send(self._unsent[:READ_AT_ONCE])
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.end(_LOST)
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._together.loop.remove_writer(self._socket.fileno())
            if self._state == _ENDED:
                self._hang_up()

    # In

    def _readable(self) -> None:
        try:
            data = self._socket.recv(READ_AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.end(self._code)
            return
        self.last_sign_at = monotonic()
        self._pinged_at = 0.0
        self.take(data)

    def take(self, data: bytes) -> None:
        """Take all frames that are whole; what is left waits for the rest of it."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        position, end, limit = 0, len(data), self._together.limit
        while position < end:
            if self._state == _OPEN and self._pieces is None and (frame := masked_text(data, position, limit)) is not None:
                position, text = frame
                self._sink.feed(text)  # type: ignore[union-attr]  # an open socket has one
                continue
            if self._state in (_FAILED, _ENDED):
                return
            begin, position = position, self._take_any(data, position)
            if position == _MORE:
                self._rest = data[begin:] if self._state in (_OPEN, _CLOSING) else b""
                return

    def _take_any(self, data: bytes, position: int) -> int:
        """Take a frame of any kind; where it ends, or _MORE."""
        start, length = _payload(data, position)
        if start == _MORE:
            return _MORE
        head, is_masked = data[position], data[position + 1] & _MASKED
        opcode, is_last = head & 0x0F, bool(head & _FIN)
        if head & _RESERVED or not is_masked or length < 0 or not self._may_come(opcode, is_last=is_last, length=length):
            return self._fail(_PROTOCOL_ERROR)
        if length + self._pieces_length > self._together.limit and opcode < _CLOSE:
            return self._fail(_TOO_BIG)
        stop = start + 4 + length
        if len(data) < stop:
            return _MORE
        payload = unmasked(data[start : start + 4], data[start + 4 : stop])
        if opcode >= _CLOSE:
            self._take_control(opcode, payload)
        elif self._state == _OPEN:
            self._take_piece(opcode, payload, is_last=is_last)
        return stop

    def _may_come(self, opcode: int, *, is_last: bool, length: int) -> bool:
        if opcode >= _CLOSE:
            return opcode <= _PONG and is_last and length < 126
        if self._state != _OPEN:
            return True
        return opcode == _CONTINUATION if self._pieces is not None else opcode in (_TEXT, _BINARY)

    def _take_piece(self, opcode: int, payload: bytes, *, is_last: bool) -> None:
        if opcode == _BINARY:
            self._sink.refuse_binary()  # type: ignore[union-attr]
            return
        if not is_last:
            self._pieces = self._pieces if self._pieces is not None else []
            self._pieces.append(payload)
            self._pieces_length += len(payload)
            return
        whole = b"".join((*(self._pieces or ()), payload))
        self._pieces, self._pieces_length = None, 0
        try:
            text = whole.decode()
        except UnicodeDecodeError:
            self._fail(_BAD_TEXT)
        else:
            self._sink.feed(text)  # type: ignore[union-attr]

    def _take_control(self, opcode: int, payload: bytes) -> None:
        if opcode == _PING and self._state == _OPEN:
            if len(self._unsent) > MOST_UNREAD:
                self.close(_POLICY)
            else:
                self._send(PONG, payload)
        elif opcode == _PONG and self._state == _OPEN:
            self._sink.feed("")  # type: ignore[union-attr]
        elif opcode == _CLOSE:
            self._take_close(payload)

    def _take_close(self, payload: bytes) -> None:
        code = int.from_bytes(payload[:2]) if len(payload) > 1 else 1005
        is_right = not payload or (len(payload) > 1 and _may_be_said(code))
        try:
            payload[2:].decode()
        except UnicodeDecodeError:
            self._fail(_BAD_TEXT)
            return
        if not is_right:
            self._fail(_PROTOCOL_ERROR)
            return
        if self._state == _OPEN:
            self._send(0x88, _NORMAL.to_bytes(2))
        self.end(code)

    def _fail(self, code: int) -> int:
        """The other side broke the rules: say so, and read nothing more of it."""
        if self._state == _OPEN:
            self._begin_to_close(_FAILED, code)
        else:
            self._end_soon()
        return _MORE

    # Time

    def look(self, now: float) -> None:
        """What is due: a ping, the end of patience."""
        if self._state != _OPEN:
            if now >= self._due_at:
                self.end(self._code)
                self._hang_up()
        elif self._pinged_at and now - self._pinged_at > self._together.ping_timeout:
            self.end(_LOST)
        elif now >= self._due_at:
            self._due_at = now + self._together.ping_interval * random.uniform(0.9, 1.0)
            if now - self.last_sign_at > self._together.ping_interval / 3:
                self._pinged_at = self._pinged_at or now
                self._send(PING, b"?")

    # The end

    def _end_soon(self) -> None:
        """By way of the loop: whoever sends does not expect to be told, within it, that all is over."""
        if self._state != _ENDED:
            self._together.loop.call_soon(self.end, self._code)

    def end(self, code: int) -> None:
        """It is over: tell who listens, let the last bytes go out, hang up."""
        if self._state == _ENDED:
            return
        self._state = _ENDED
        self._due_at = monotonic() + CLOSED_WITHIN_S
        self._rest, self._pieces = b"", None
        self._together.loop.remove_reader(self._socket.fileno())
        sink, self._sink = self._sink, None
        if not self._unsent or code == _LOST:
            self._hang_up()
        if sink is not None:
            sink.lost(code)

    def _hang_up(self) -> None:
        self._together.all.discard(self)
        if self._socket.fileno() < 0:
            return
        if self._unsent:
            self._together.loop.remove_writer(self._socket.fileno())
            self._unsent = b""
        self._socket.close()


def _payload(data: bytes, position: int) -> tuple[int, int]:
    """Where the mask of a frame begins and how long its payload is, or _MORE. Spelled longer than it must be, it is less than nothing."""
    start = position + 2
    if len(data) < start:
        return _MORE, 0
    length = data[position + 1] & ~_MASKED
    if length < 126:
        return start, length
    stop = start + (2 if length == 126 else 8)
    if len(data) < stop:
        return _MORE, 0
    said = int.from_bytes(data[start:stop])
    return stop, said if said >= _LEAST_LONG[length] else -1


def masked_text(data: bytes, position: int, limit: int) -> tuple[int, str] | None:
    """Read one whole masked text frame at `position`: its end and its text, or None where one must look closer."""
    start = position + 6
    if len(data) < start or data[position] != 0x81:
        return None
    length = data[position + 1] - _MASKED
    if length == 126:
        length = int.from_bytes(data[position + 2 : position + 4])
        start += 2
        if length < 126:
            return None
    elif not 0 < length < 126:
        return None
    stop = start + length
    if length > limit or stop > len(data):
        return None
    try:
        return stop, unmasked(data[start - 4 : start], data[start:stop]).decode()
    except UnicodeDecodeError:
        return None


def unmasked(mask: bytes, payload: bytes) -> bytes:
    """Take the mask off, all bytes at once as one long number."""
    length = len(payload)
    long_mask = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload) ^ int.from_bytes(long_mask)).to_bytes(length)


def _may_be_said(code: int) -> bool:
    return 3000 <= code < 5000 or (1000 <= code < 1015 and code not in (1004, 1005, 1006))
