"""What stands behind every charger's socket of a process."""

import asyncio
from dataclasses import dataclass

from ocpp_core.spool import Spool
from ocpp_core.workers import Workers
from ocpp_core.writer import Writer


@dataclass(frozen=True)
class Backstage:
    """The loop, the threads, the batch writer, and the files for when there is no database."""

    loop: asyncio.AbstractEventLoop
    workers: Workers
    writer: Writer
    spool: Spool
