"""A process whose clock a test sets while it runs: SIGUSR1 puts it forward by an hour, SIGUSR2 back by one.

What the machine counts since its start goes on undisturbed, and so do the clocks of the database, of chargers and of the
test: just as when somebody sets the clock of one machine. It must come before everything that takes a clock by name.
"""

import ctypes
import datetime as dt
import gc
import signal
import time
from functools import partial
from types import FrameType
from typing import Any

HOUR_S = 3_600.0
_real_time = time.time
_real_datetime_now = dt.datetime.now
_ahead_s = 0.0


def install() -> None:
    """Let the clock of this process be set by signals."""
    time.time = lambda: _real_time() + _ahead_s
    members: dict[str, Any] = gc.get_referents(dt.datetime.__dict__)[0]  # a type of C lets nobody write to it politely
    members["now"] = classmethod(_now)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(dt.datetime))
    for number, by_s in ((signal.SIGUSR1, HOUR_S), (signal.SIGUSR2, -HOUR_S)):
        signal.signal(number, partial(_set, by_s))


def _set(by_s: float, _number: int, _frame: FrameType | None) -> None:
    global _ahead_s  # noqa: PLW0603 - one clock per process
    _ahead_s += by_s


def _now(_cls: type[dt.datetime], tz: dt.tzinfo | None = None) -> dt.datetime:
    return _real_datetime_now(tz) + dt.timedelta(seconds=_ahead_s)
