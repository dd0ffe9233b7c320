"""A server that the tests of a module share; the tables are emptied between the tests, the process stays."""

import asyncio
import base64
import http.client
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from ocpp_core.models import ConnectionAttempt
from tests.factories import CHARGER_PASSWORD
from tests.serving import Served


@pytest.fixture(scope="module")
def shared_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Served]:
    """`manage.py serve` with the environment a module names in SERVER."""
    served = Served(tmp_path_factory.mktemp("serve"), HOUSEKEEPING="False", **getattr(request.module, "SERVER", {}))
    yield served
    served.kill()


@pytest.fixture
def served(shared_server: Served, transactional_db: None) -> Iterator[Served]:
    """The module's server, running; quiet again before the tables are emptied, for that needs them all to itself."""
    yield shared_server if shared_server.process is not None else shared_server.start()
    until(lambda: not ConnectionAttempt.objects.filter(outcome=ConnectionAttempt.Outcome.ACCEPTED, closed_at=None).exists(), 60)
    time.sleep(0.2)


def run(story: Callable[[], Any], seconds: float = 180.0) -> None:
    """Run a story, but not for ever."""

    async def within_time() -> None:
        async with asyncio.timeout(seconds):
            await story()

    async_to_sync(within_time)()


def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait for what happens in another process."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def basic(user: str, password: str | bytes = CHARGER_PASSWORD) -> str:
    """An Authorization header."""
    secret = password.encode() if isinstance(password, str) else password
    return "Basic " + base64.b64encode(user.encode() + b":" + secret).decode()


def knock(served: Served, path: str, authorization: str | None = None, protocols: str | None = "ocpp1.6", **more: str) -> Any:
    """Ask for an upgrade; the response, its `protocol` in it, and the socket closed again."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    headers["Sec-WebSocket-Version"] = "13"
    if authorization:
        headers["Authorization"] = authorization
    if protocols:
        headers["Sec-WebSocket-Protocol"] = protocols
    try:
        connection.request("GET", path, headers={**headers, **{name.replace("_", "-"): value for name, value in more.items()}})
        return connection.getresponse()
    finally:
        connection.close()
