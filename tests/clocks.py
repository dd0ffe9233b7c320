"""A clock that a test moves: everything that asks Django for the time, new rows included, is told the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.apps import apps
from django.utils import timezone

_wall = timezone.now


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, **by: float) -> datetime:
        """Let so many seconds, minutes, hours or days pass."""
        self.now += timedelta(**by)
        return self.now


@contextmanager
def standing_at(moment: datetime) -> Iterator[Clock]:
    """The time is `moment` inside, or whatever the test makes of it. A column's default has been bound long ago: it is told too."""
    clock = Clock(moment)
    fields = [field for model in apps.get_models() for field in model._meta.get_fields() if getattr(field, "default", None) is _wall]
    timezone.now = clock
    for field in fields:
        vars(field)["_get_default"] = clock
    try:
        yield clock
    finally:
        timezone.now = _wall
        for field in fields:
            vars(field)["_get_default"] = _wall
