"""The one process: pages, API, browser sockets, charger sockets, periodic jobs."""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import sys
from pathlib import Path
from threading import Event, Thread
from typing import Any

from daphne import server as daphne_server
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from chargeshare import bodies, checks, housekeeping, memory
from chargeshare.server import Server
from ocpp_core import diagnostics, door

BACKLOG = 4096
HANDSHAKE_TIMEOUT_S = 30
ENOUGH_FILES = 12_000  # for the ten thousand chargers a process can hold
# Most of what is alive after the start stays alive; looking through it again and again costs a fifth of the CPU. What a storm has
# brought is looked through in small portions, for nobody is heard meanwhile.
GC_THRESHOLDS = (20_000, 5, 200)

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """`manage.py serve`. SIGTERM and SIGINT drain: no new work, work under way ends, sockets close spread over DRAIN_SECONDS."""

    help = "Serves everything in one process: pages, API, chargers, and the periodic jobs (unless HOUSEKEEPING=False)."

    _failure: str = ""
    _housekeeper: Thread | None = None
    _draining: asyncio.Task[None] | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        """Listen until told to end."""
        self._host, self._port = options["host"], options["port"]
        self._stop_housekeeping = Event()
        self._loop: asyncio.AbstractEventLoop = daphne_server.twisted_loop
        checks.refuse_or_warn()
        memory.remember_no_statements()
        _raise_file_limit()
        if not settings.DEBUG and not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
            call_command("collectstatic", interactive=False, verbosity=0)
        from chargeshare.asgi import application  # noqa: PLC0415 - reads the static files at import

        host = self._host.strip("[]").replace(":", "\\:")
        self._server = Server(
            application,
            endpoints=[f"tcp:port={self._port}:interface={host}:backlog={BACKLOG}"],
            signal_handlers=False,
            trusted_proxies=settings.TRUSTED_PROXIES,
            certificate_header=settings.CLIENT_CERTIFICATE_HEADER,
            uploads=_uploads(),
            lean_sockets=settings.LEAN_SOCKETS,
            on_listen=self._listening,
            on_failure=self._not_listening,
            server_name="",
            verbosity=0,
            websocket_timeout=-1,
            websocket_connect_timeout=HANDSHAKE_TIMEOUT_S,
            websocket_handshake_timeout=HANDSHAKE_TIMEOUT_S,
            ping_interval=settings.OFFLINE_AFTER_S / 3,
            ping_timeout=settings.OFFLINE_AFTER_S * 2 / 3,
            websocket_max_message_size=settings.OCPP_MAX_FRAME_BYTES,
            websocket_max_frame_size=settings.OCPP_MAX_FRAME_BYTES,
            application_close_timeout=30,
        )
        for end in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(end, self._drain)
        self._server.run()
        if self._housekeeper is not None:
            self._stop_housekeeping.set()
            self._housekeeper.join(timeout=30)
        if self._failure:
            self.stderr.write(self._failure)
            sys.exit(1)

    def _listening(self, host: str, port: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        self._loop.call_soon(self._start, f"Listening on http://{shown}:{port}")

    def _not_listening(self, reason: str) -> None:
        in_use = "in use" in reason
        self._failure = f"Port {self._port} on {self._host} is in use by another program." if in_use else f"Cannot listen: {reason}"

    def _start(self, line: str) -> None:
        """Run in the loop as its first callback: chargers that knock already find everything ready."""
        asyncio.set_event_loop(self._loop)
        self._loop.create_task(self._open(line))

    async def _open(self, line: str) -> None:
        door.current()
        if settings.HOUSEKEEPING:
            self._housekeeper = Thread(target=housekeeping.keep_house, args=(self._stop_housekeeping,), name="housekeeping", daemon=True)
            self._housekeeper.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self.stdout.write(line)
        self.stdout.flush()

    def _drain(self) -> None:
        if self._draining is None:
            self._draining = self._loop.create_task(self._end())

    async def _end(self) -> None:
        self._stop_housekeeping.set()
        try:
            self._server.stop_listening()
            await asyncio.gather(door.current().drain(settings.DRAIN_SECONDS), self._server.finish_requests(settings.DRAIN_SECONDS))
            await door.close()
        finally:
            self._server.stop()


def _uploads() -> bodies.Uploads:
    """Say where chargers upload what they have logged."""

    def is_known(path: str) -> bool:
        return diagnostics.token_in(path) is not None

    def run(*work: Any) -> asyncio.Future[Any]:
        return door.current().backstage.workers.run(*work)

    on_too_large = bodies.tell_later(diagnostics.was_too_large, run)
    return bodies.Uploads(diagnostics.PREFIX, settings.DIAGNOSTICS_MAX_BYTES, diagnostics.folder, is_known, on_too_large)


def _raise_file_limit() -> None:
    """Every charger holds a file descriptor; the usual soft limit of 1024 is soon used up."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < ENOUGH_FILES:
        logger.warning("This process may open %d files, so it can hold fewer chargers than that; raise the hard limit (ulimit -Hn).", soft)
