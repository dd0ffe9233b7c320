"""A real Chromium before a real server.

Playwright runs an event loop in the thread of the test, where Django refuses to touch the database: make rows in fixtures
that come before `page`, and look at them in the test with `aside(function)`.
"""

import asyncio
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest
from django.conf import settings
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

from accounts.models import User
from ocpp_core.simulator import SimulatedChargePoint, dialler
from stations.models import ChargePoint
from tests.chargers import charger_for
from tests.serving import Served

T = TypeVar("T")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # it reaches this machine alone
    "--no-first-run",
]
PATIENCE_S = 60
STORIES = ("test_driver", "test_visits")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
expect.set_options(timeout=PATIENCE_S * 1000)
SCREENSHOTS = Path(settings.BASE_DIR) / "var/browser"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder. What is looked at is the same on every database; whole stories are lived through on both."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            if item.path.stem not in STORIES:
                item.add_marker("one_database")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember how the test went, for the picture of a failed one."""
    report = yield
    item.stash.setdefault(_FAILED, []).append(report.failed)
    return report


_FAILED = pytest.StashKey[list[bool]]()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The Chromium of this machine. Without one the tests are skipped, in continuous integration they fail."""
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Chromium on this machine")
    return str(found)


@pytest.fixture
def live(serve_process: Callable[..., Served]) -> Served:
    """The server that `page` looks at."""
    return serve_process()


@pytest.fixture
def aside() -> Iterator[Callable[[Callable[[], T]], T]]:
    """Runs a function that touches the database in a thread without an event loop."""
    with ThreadPoolExecutor(max_workers=1) as thread:

        def run(function: Callable[[], T]) -> T:
            return thread.submit(function).result()

        yield run
        thread.submit(connections.close_all).result()


@pytest.fixture
def viewport() -> dict[str, int]:
    """How large the window is; a test or a class may say otherwise."""
    return DESKTOP


@pytest.fixture
def scripts() -> bool:
    """Whether the browser runs scripts; a test or a module may say otherwise."""
    return True


@pytest.fixture
def workers() -> Literal["allow", "block"]:
    """Whether pages may register the worker that keeps them for the time without a network; a module about that says "allow"."""
    return "block"


@pytest.fixture
def browser(chromium: str, live: Served) -> Iterator[Browser]:
    """The browser itself, for a test that needs several profiles."""
    flags = [*FLAGS, "--no-sandbox"] if os.getuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def context(
    browser: Browser,
    live: Served,
    viewport: dict[str, int],
    scripts: bool,  # noqa: FBT001 - a fixture
    workers: Literal["allow", "block"],
) -> Iterator[BrowserContext]:
    """An empty browser profile: English, in Prague."""
    context = browser.new_context(
        base_url=live.url,
        locale="en-GB",
        timezone_id="Europe/Prague",
        viewport=viewport,  # type: ignore[arg-type]
        java_script_enabled=scripts,
        service_workers=workers,
    )
    context.set_default_timeout(PATIENCE_S * 1000)
    yield context
    context.close()


class Beside:
    """A thread with an event loop, where chargers live while the browser has the thread of the test."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="chargers", daemon=True)
        self.thread.start()
        self.connected = AsyncExitStack()

    def do(self, deed: Coroutine[Any, Any, T]) -> T:
        """Do something at a charger, and wait until it is done: `beside.do(box.plug_in())`."""
        return asyncio.run_coroutine_threadsafe(deed, self.loop).result(PATIENCE_S)

    def connect(self, charge_point: ChargePoint, **options: Any) -> SimulatedChargePoint:
        """Let a simulated wallbox dial in; it hangs up when the test is over."""
        return self.do(self.connected.enter_async_context(charger_for(charge_point, self.served, **options)))

    def dial(self, address: str, identity: str, password: str) -> SimulatedChargePoint:
        """The same for one that knows only what its owner typed in. LinkClosed if it is refused."""
        box = SimulatedChargePoint(identity, dialler(address, identity), password=password)
        return self.do(self.connected.enter_async_context(box))

    def end(self) -> None:
        """Everybody hangs up."""
        self.do(self.connected.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE_S)
        self.loop.close()


@pytest.fixture
def beside(live: Served) -> Iterator[Beside]:
    """Simulated chargers beside the browser."""
    beside = Beside(live)
    yield beside
    beside.end()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about: scripts that failed, files that were not there, what the policy forbade."""
    return []


@pytest.fixture
def page(context: BrowserContext, complaints: list[str], request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page whose every complaint fails the test; a test that expects one empties `complaints` before it ends."""
    page = context.new_page()

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.text} ({message.location.get('url', '')})")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    if any(request.node.stash.get(_FAILED, [])):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{re.sub(r'[^a-z0-9_]+', '-', request.node.name)}.png", full_page=True)
    else:
        assert complaints == []


def look_again(page: Page, wanted: Locator) -> None:
    """Ask for the page anew until it shows what is wanted, as somebody without scripts does: a charger acts after it has answered."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        page.reload()
        if wanted.first.is_visible() or time.monotonic() > deadline:
            break
        page.wait_for_timeout(500)
    expect(wanted).to_be_visible()


@pytest.fixture
def log_in(live: Served) -> Callable[[BrowserContext, User], None]:
    """Logs a person in without the form, for tests about something else. Call it before the page is opened."""

    def run(context: BrowserContext, user: User) -> None:
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": _session_of(user), "url": live.url}])

    return run


def _session_of(user: User) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: PLC0415
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415

    def make() -> str:
        session: Any = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        connections.close_all()
        return str(session.session_key)

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(make).result()
