"""What stands behind every charger's socket of a process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ocpp_core.gathering import Gathering
from ocpp_core.spool import Spool
from ocpp_core.workers import Workers
from ocpp_core.writer import Writer


@dataclass(frozen=True)
class Backstage:
    """The loop, the threads, the batch writer, the files for when there is no database, and who hears many at once."""

    loop: asyncio.AbstractEventLoop
    workers: Workers
    writer: Writer
    spool: Spool
    together: Mapping[tuple[str, str], Gathering[Any, dict[str, Any]]] = field(default_factory=dict)
    """Where many say the same kind of thing at once, by version and action."""
