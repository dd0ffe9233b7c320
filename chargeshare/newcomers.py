"""A charger that knocks waits in a line, so that those who are inside are heard in between.

After a power cut thousands dial at once. The loop would read the handshakes of all of them in one turn, and that takes seconds in
which nobody is answered who was there before. So a few are taken in with every turn, and of those who are in, a few are read.
"""

import asyncio
import select
import socket
from collections import deque
from functools import partial
from typing import Any

from twisted.internet import tcp

MOST_AT_ONCE = 25  # in one turn of the loop
_DOOR = b"/ocpp/"
_FIRST_LINE = 512
_HUNG_UP = getattr(select, "POLLRDHUP", 0)  # told by Linux; others tell only of a line that is broken


class Line:
    """Chargers whose handshakes are here and have not been read, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[Newcomer] = deque()
        self._is_moving = False

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, newcomer: "Newcomer") -> None:
        """Wait for one's turn; where nobody else waits it comes with the next turn of the loop."""
        self._waiting.append(newcomer)
        if not self._is_moving:
            self._is_moving = True
            asyncio.get_running_loop().call_soon(self._move)

    def _move(self) -> None:
        for _place in range(min(len(self._waiting), MOST_AT_ONCE)):
            self._waiting.popleft().enter()
        self._is_moving = bool(self._waiting)
        if self._is_moving:
            asyncio.get_running_loop().call_soon(self._move)


class Newcomer(tcp.Server):
    """A connection of which nothing is taken before it is its turn; from then on, and where no charger knocks, it is as any other."""

    _is_in_line = False
    _has_entered = False

    def __init__(self, line: Line, *args: Any) -> None:
        super().__init__(*args)
        self._line = line

    def doRead(self) -> Any:  # noqa: N802 - Twisted's name
        """Something can be read: a handshake is left where it is until it is its turn."""
        if self._has_entered or not self._knocks():
            self._has_entered = True
            return super().doRead()
        self.stopReading()  # type: ignore[no-untyped-call]
        if not self._is_in_line:
            self._is_in_line = True
            self._line.join(self)
        return None

    def _knocks(self) -> bool:
        """Whether its first words are meant for the chargers' door. A page or a probe shall not wait for a storm of chargers."""
        try:
            said = self.socket.recv(_FIRST_LINE, socket.MSG_PEEK)
        except OSError:
            return False  # whatever it is, Twisted finds it too, and knows what to do
        return _DOOR in said.partition(b"\r\n")[0].lower()

    def enter(self) -> None:
        """From now on it is read, unless it has ended meanwhile.

        Who has waited too long hangs up and dials again. To read what those have said who are gone would keep those who are
        there waiting until they go too, and then nobody would ever get in.
        """
        self._has_entered = True
        if not self.connected or self.disconnecting:
            return
        if self._has_hung_up():
            self.abortConnection()  # type: ignore[no-untyped-call]
        else:
            self.startReading()  # type: ignore[no-untyped-call]

    def _has_hung_up(self) -> bool:
        look = select.poll()
        look.register(self.socket, _HUNG_UP)
        return bool(look.poll(0))


def take_few_at_a_time(port: Any, line: Line) -> None:
    """Twisted takes in more and more with every turn of a storm, and reads all at once what they say."""
    take_in = port.doRead
    if port.transport is tcp.Server:  # a Port says itself how to have other connections; those of another kind stay what they are
        port.transport = partial(Newcomer, line)

    def take_in_few() -> None:
        port.numberAccepts = MOST_AT_ONCE
        take_in()

    port.doRead = take_in_few
