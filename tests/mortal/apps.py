"""A process that dies where a test says: `FAULT=billing.settlement:settle:before` (or `after`, or `committed`) ends it as `kill -9` does.

It lives in the settings of tests alone (tests/settings_mortal.py): what is shipped has no such door.
"""

import os
import signal
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db import transaction

POINTS = ("before", "after", "committed")


class Mortal(AppConfig):
    """Comes last of all apps, so that everything it puts an end into is there."""

    name = "tests.mortal"

    def ready(self) -> None:
        """Put the end where it was asked for."""
        if fault := os.environ.get("FAULT"):
            put(fault)


def put(fault: str) -> None:
    """Let the named function of the named module be the last that this process does."""
    module, path, point = fault.split(":")
    assert point in POINTS, fault
    holder: Any = import_module(module)
    *outer, name = path.split(".")
    for one in outer:
        holder = getattr(holder, one)
    setattr(holder, name, _ending(getattr(holder, name), point))


def _ending(function: Callable[..., Any], point: str) -> Callable[..., Any]:
    @wraps(function)
    def last(*args: Any, **kwargs: Any) -> Any:
        if point == "before":
            die()
        result = function(*args, **kwargs)
        if point == "committed":
            transaction.on_commit(die)
        else:
            die()
        return result

    return last


def die() -> None:
    """Nothing is finished, nobody is told."""
    os.kill(os.getpid(), signal.SIGKILL)
