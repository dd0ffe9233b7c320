"""Pushes in a real browser: the button says how things stand, the worker shows what comes, and a click leads to its page."""

import json
from collections.abc import Callable
from typing import Any, Literal

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts import notifications, push, push_services
from accounts.models import PushSubscription, User
from accounts.ways import Kind
from tests.browser.conftest import PATIENCE_S, PHONE
from tests.push_stub import Device
from tests.serving import Served

SETTINGS = "/accounts/inbox/settings/"
READY = "() => navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready).then(() => true)"
SHOWN = """() => navigator.serviceWorker.ready.then((registration) => registration.getNotifications())
  .then((all) => all.map(({ title, body, tag, data }) => ({ title, body, tag, data })))"""
# A window opens only for a real finger; what the worker asks for is written down instead.
CLICK = """() => self.registration.getNotifications().then(([notification]) => {
  self.opened = [];
  self.clients.openWindow = async (address) => void self.opened.push(address);
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
})"""
# A private window, as tests have it, gets no address from its maker's push service, and not soon.
REFUSE = "() => { PushManager.prototype.subscribe = async () => { throw new DOMException('away', 'AbortError'); }; }"
SUBSCRIBE = "(said) => { PushManager.prototype.subscribe = async () => ({ toJSON: () => said }); }"


@pytest.fixture
def viewport() -> dict[str, int]:
    """A phone."""
    return PHONE


@pytest.fixture
def workers() -> Literal["allow", "block"]:
    """It is the worker that shows them."""
    return "allow"


@pytest.fixture
def live(serve_process: Callable[..., Served]) -> Served:
    """A server that offers pushes."""
    return serve_process(VAPID_PRIVATE_KEY=push_services.create_key())


@pytest.fixture
def said(driver: User) -> dict[str, Any]:
    """What a device of the driver's is sent."""
    return push.message(notifications.notify(driver, Kind.SESSION_FAILED, url="/accounts/cards/", place="U Nováků"))


def test_a_push_is_switched_on_shown_and_clicked(
    driver: User,
    said: dict[str, Any],
    live: Served,
    context: BrowserContext,
    log_in: Callable[[BrowserContext, User], None],
    page: Page,
    aside: Callable[[Callable[[], Any]], Any],
) -> None:
    log_in(context, driver)
    context.grant_permissions([], origin=live.url)  # which forbids all that is not named
    page.goto(SETTINGS)
    expect(page.get_by_text("was told to show nothing")).to_be_visible()
    expect(page.get_by_role("button", name="Show pushes in this browser")).to_be_hidden()

    context.grant_permissions(["notifications"], origin=live.url)
    page.reload()
    page.evaluate(READY)
    page.evaluate(REFUSE)
    page.get_by_role("button", name="Show pushes in this browser").click()
    expect(page.get_by_text("push service did not answer")).to_be_visible()
    device = Device("https://fcm.googleapis.com")
    page.evaluate(SUBSCRIBE, {"endpoint": device.endpoint, "keys": device.keys})
    page.get_by_role("button", name="Show pushes in this browser").click()
    expect(page.get_by_text("this one")).to_be_visible()
    assert aside(lambda: PushSubscription.objects.get().endpoint) == device.endpoint

    page.evaluate(READY)
    deliver(context, page, live, said)
    wait_for(page, lambda: page.evaluate(SHOWN))
    assert page.evaluate(SHOWN) == [
        {"title": said["title"], "body": said["body"], "tag": said["tag"], "data": {"url": "/accounts/cards/"}},
    ]
    [worker] = context.service_workers
    worker.evaluate(CLICK)
    wait_for(page, lambda: worker.evaluate("() => self.opened"))
    assert worker.evaluate("() => self.opened") == [f"{live.url}/accounts/cards/"]
    wait_for(page, lambda: page.evaluate(SHOWN) == [])

    deliver(context, page, live, {**said, "whose": "somebody who was logged in here before"})
    wait_for(page, lambda: page.evaluate(SHOWN))
    assert page.evaluate(SHOWN) == [{"title": "ChargeShare", "body": "", "tag": "news", "data": {"url": "/accounts/inbox/"}}]
    assert worker.evaluate("() => forget().then(() => true)")  # a log-out
    wait_for(page, lambda: page.evaluate(SHOWN) == [])

    page.get_by_role("button", name="Show no pushes on").click()
    expect(page.get_by_text("shows nothing any more")).to_be_visible()
    assert not aside(PushSubscription.objects.exists)


def deliver(context: BrowserContext, page: Page, live: Served, said: dict[str, Any]) -> None:
    """What the browser does when its push service hands it a message, with the message already deciphered."""
    session = context.new_cdp_session(page)
    found: list[dict[str, Any]] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
    session.send("ServiceWorker.enable")
    wait_for(page, lambda: found)
    handed = {"origin": live.url, "registrationId": found[0]["registrationId"], "data": json.dumps(said)}
    session.send("ServiceWorker.deliverPushMessage", handed)


def wait_for(page: Page, happened: Callable[[], Any]) -> None:
    """Until it has."""
    for _ in range(PATIENCE_S * 10):
        if happened():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came")
