"""A line to a server that a test makes slow, or holds altogether, while others speak over it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial


class Line:
    """What goes from its port to that of the server waits `delay_s` for each piece; while it is held, it waits until it is not."""

    def __init__(self, target: int) -> None:
        self.delay_s = 0.0
        self._target = target
        self._is_open = threading.Event()
        self._is_open.set()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._sockets = [self._door]
        self._threads: list[threading.Thread] = []
        self._begin(self._let_in)

    def hold(self) -> None:
        """Let nothing pass."""
        self._is_open.clear()

    def let_go(self) -> None:
        """Let everything pass again."""
        self._is_open.set()

    def close(self) -> None:
        """Hang up on everybody."""
        self.delay_s = 0.0
        self.let_go()
        _end(self._door)  # first, so that nobody is let in meanwhile
        self._threads[0].join()
        for one in self._sockets:
            _end(one)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def _begin(self, work: Callable[[], None]) -> None:
        self._threads.append(thread := threading.Thread(target=work))
        thread.start()

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = self._door.accept()
                self._sockets.append(near)
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    _end(near)
                    continue
                self._sockets.append(far)
                self._begin(partial(self._carry, near, far, is_slow=True))
                self._begin(partial(self._carry, far, near, is_slow=False))

    def _carry(self, source: socket.socket, sink: socket.socket, *, is_slow: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if is_slow:
                    self._is_open.wait()
                    time.sleep(self.delay_s)
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def _end(one: socket.socket) -> None:
    """Wake whoever waits at a socket."""
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line to a port of this machine, carried by threads of its own."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
