"""Everything at once: what `make run` runs."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from accounts import push_services
from chargeshare import demo
from chargeshare.demo import living, payouts, town

START_PATIENCE_S = 60.0
STOP_PATIENCE_S = 15.0
DRAIN_SECONDS = "1"


class Command(BaseCommand):
    """`manage.py demo`: migrates, builds the demo town, serves it and lets it live until Ctrl-C."""

    help = "Migrates, seeds the demo town, serves it and runs its chargers; Ctrl-C ends everything. Only with DEBUG=True."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *_args: Any, host: str, port: int, **_options: Any) -> None:
        """Run it all, and end it all."""
        if not settings.DEBUG:
            raise CommandError("The demo town has logins with a known password; it runs only with DEBUG=True.")
        with contextlib.suppress(KeyboardInterrupt):
            self._prepare(host, port)
            asyncio.run(self._run(host, port))

    def _prepare(self, host: str, port: int) -> None:
        with _held(host, port):
            if connection.vendor == "sqlite":
                Path(str(settings.DATABASES["default"]["NAME"])).parent.mkdir(parents=True, exist_ok=True)
            call_command("migrate", interactive=False, verbosity=0)
            demo.seed(say=self.stdout.write)

    async def _run(self, host: str, port: int) -> None:
        url = settings.PUBLIC_URL if "PUBLIC_URL" in os.environ else f"http://{host}:{port}"
        ended = asyncio.Event()
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(end, ended.set)
        server = await self._serve(host, port, url)
        inhabitants = await asyncio.to_thread(living.Town, f"ws://{host}:{port}/ocpp", self.stdout.write)
        life: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            await self._until_ready(server, host, port, ended)
            life = asyncio.create_task(inhabitants.live())
            await _either(inhabitants.charging.wait(), ended.wait(), patience_s=START_PATIENCE_S)
            if not ended.is_set():
                await asyncio.to_thread(self._welcome, url)
            await _either(ended.wait(), server.wait())
            if server.returncode is not None and not ended.is_set():
                raise CommandError(f"The server ended by itself ({server.returncode}).")
        finally:
            self.stdout.write("The town goes to sleep…")
            await inhabitants.end()
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)
            await _stop(server)

    async def _serve(self, host: str, port: int, url: str) -> asyncio.subprocess.Process:
        """Start the server out of reach of the terminal's Ctrl-C: it ends after the cars have left, not before."""
        environment = {**os.environ, "PUBLIC_URL": url, "DRAIN_SECONDS": os.environ.get("DRAIN_SECONDS", DRAIN_SECONDS)}
        environment["PAYOUT_IBAN"] = settings.PAYOUT_IBAN or payouts.OUR_IBAN
        environment["VAPID_PRIVATE_KEY"] = settings.VAPID_PRIVATE_KEY or _push_key()
        arguments = ["manage.py", "serve", "--host", host, "--port", str(port)]
        return await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
        )

    async def _until_ready(self, server: asyncio.subprocess.Process, host: str, port: int, ended: asyncio.Event) -> None:
        for _ in range(round(START_PATIENCE_S / 0.2)):
            if ended.is_set() or await asyncio.to_thread(_answers, f"http://{host}:{port}/healthz"):
                return
            if server.returncode is not None:
                raise CommandError("The server did not start; what it said stands above.")
            await asyncio.sleep(0.2)
        raise CommandError("The server does not answer.")

    def _welcome(self, url: str) -> None:
        self.stdout.write("")
        for name, address in living.pages(url):
            self.stdout.write(f"  {name:18} {address}")
        self.stdout.write(f"\n  Logins, password {town.PASSWORD}:  {', '.join(town.LOGINS)}")
        self.stdout.write("  Two cars are charging. Ctrl-C ends everything.\n")


def _push_key() -> str:
    """The demo's own key for pushes, kept beside its database: with another one each time, browsers would have to be asked anew."""
    kept = settings.BASE_DIR / "var/push.key"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(push_services.create_key())
    return kept.read_text().strip()


@contextlib.contextmanager
def _held(host: str, port: int) -> Iterator[None]:
    """Keep the port for the server to come: a second demo learns at once that there is one, before it touches the database."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((host, port))
            held.listen()
        except OSError as error:
            another = f".venv/bin/python manage.py demo --port {port + 1}"
            raise CommandError(f"Port {port} on {host} is in use by another program. Choose another one: {another}") from error
        yield


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


async def _either(*awaited: Any, patience_s: float | None = None) -> None:
    """Wait for whichever comes first."""
    tasks = [asyncio.ensure_future(one) for one in awaited]
    await asyncio.wait(tasks, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _stop(server: asyncio.subprocess.Process) -> None:
    if server.returncode is None:
        server.terminate()
        try:
            await asyncio.wait_for(server.wait(), STOP_PATIENCE_S)
        except TimeoutError:
            server.kill()
            await server.wait()
