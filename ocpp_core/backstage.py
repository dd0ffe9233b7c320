"""What stands behind every charger's socket of a process."""

import asyncio
from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ocpp_core.gathering import Gathering, Together
from ocpp_core.spool import Spool
from ocpp_core.workers import Workers
from ocpp_core.writer import Writer

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True)
class Backstage:
    """The loop, the threads, the batch writer, the files for when there is no database, and who hears many at once."""

    loop: asyncio.AbstractEventLoop
    workers: Workers
    writer: Writer
    spool: Spool
    together: dict[tuple[Any, ...], Gathering[Any, Any]] = field(default_factory=dict)
    """Where many ask the same at once: each kind of question with those who answer it."""

    def ask(self, together: Together[Q, A], alone: Callable[[Q], A], question: Q) -> Future[A]:
        """Ask the database; if others ask the same just now, with them."""
        kind = (together, alone)
        gathering = self.together.get(kind)
        if gathering is None:
            gathering = self.together[kind] = Gathering(self.workers, together, alone)
        return gathering.ask(question)
