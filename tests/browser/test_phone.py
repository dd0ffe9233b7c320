"""The site as an app on the phone: without a network what one needs on the way, and never anything of somebody else."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import User
from billing.models import ChargeDetailRecord, Tariff
from stations import arrival, reservations
from stations.models import ChargePoint, Reservation
from tests import factories
from tests.browser import axe
from tests.browser.conftest import PATIENCE_S, PHONE
from tests.factories import PASSWORD
from tests.serving import Served
from tests.stations.acting import begin, session_of, stop

Run = Callable[[Callable[[], Any]], Any]
GATE_CODE = "2580#"
RULED = "async () => Boolean((await navigator.serviceWorker.ready) && navigator.serviceWorker.controller)"
KEPT = """async (part) => {
  const found = [];
  for (const name of await caches.keys()) {
    if (!name.startsWith("chargeshare-pocket-")) continue;
    for (const { url } of await (await caches.open(name)).keys()) found.push(new URL(url).pathname + new URL(url).search);
  }
  return part === "" ? found : found.includes(part);
}"""
TEXTS = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) found.push(await (await cache.match(request, { ignoreVary: true })).text());
  }
  return found.join("\\n");
}"""


@pytest.fixture
def workers() -> Literal["allow", "block"]:
    return "allow"


@pytest.fixture
def viewport() -> dict[str, int]:
    return PHONE


@pytest.fixture
def live(serve_process: Callable[..., Served]) -> Served:
    """Chargers that nobody speaks for stay online; nobody is impatient where the machine is only slow."""
    return serve_process(OFFLINE_AFTER_S="3600", HOUSEKEEPING="False", PAGE_PATIENCE_S="600")


@pytest.fixture(autouse=True)
def english(driver: User, stranger: User) -> None:
    """Who logs in reads on in her own language."""
    User.objects.filter(pk__in=(driver.pk, stranger.pk)).update(language="en")


@pytest.fixture
def charge_point(owner: User, tariff: Tariff) -> ChargePoint:
    place = factories.make_charge_point(owner, tariff=tariff, name="U Nováků", address="Rolnická 41, Opava")
    arrival.edit(place, spot="Second place on the left", gate_code=GATE_CODE)
    return place


@pytest.fixture
def booking(charge_point: ChargePoint, driver: User) -> Reservation:
    """In five minutes: the way there is open already."""
    begins_at = timezone.now() + timedelta(minutes=5)
    connector = charge_point.connectors.get()
    return reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=begins_at + timedelta(hours=2))


@pytest.fixture
def receipt(owner: User, driver: User) -> ChargeDetailRecord:
    """Of a visit last week elsewhere."""
    factories.give_credit(driver, 50_000)
    card = factories.make_id_token(driver)
    place = factories.make_charge_point(
        owner, tariff=factories.make_tariff(owner), name="Garáž u nádraží", latitude="49.940000", longitude="17.905000"
    )
    began = timezone.now() - timedelta(days=7)
    started = begin(place, card.uid, meter=1_000, at=began)
    stop(place, started.transaction_id, meter=9_000, at=began + timedelta(hours=1))
    cdr = session_of(started).cdr
    assert cdr is not None
    return cdr


def until(page: Page, script: str, argument: object = None) -> None:
    """Ask the page again and again, for what it says takes a promise."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(script, argument):
        assert time.monotonic() < deadline, (script, argument, page.evaluate(KEPT, ""))
        page.wait_for_timeout(50)


def open_with_a_pocket(page: Page, path: str, *needed: str) -> None:
    """Open a page and wait until what one may need later is on the phone."""
    deadline = time.monotonic() + PATIENCE_S
    page.goto(path)
    while not page.evaluate(RULED):  # a page that was half open when the worker began is ruled by it when it is opened again
        assert time.monotonic() < deadline, "no worker rules the page"
        page.wait_for_timeout(500)
        page.goto(path)
    for part in needed:
        until(page, KEPT, part)


def test_what_one_needs_on_the_way_is_there_without_a_network(
    booking: Reservation,
    receipt: ChargeDetailRecord,
    driver: User,
    context: BrowserContext,
    log_in: Callable[[BrowserContext, User], None],
    page: Page,
    complaints: list[str],
) -> None:
    log_in(context, driver)
    page.goto("/accounts/profile/")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    visit = receipt.session.get_absolute_url()
    open_with_a_pocket(
        page, "/", "/?part=list", "/api/v1/charge-points/", "/reservations/", booking.get_absolute_url(), receipt.get_absolute_url(), visit
    )
    expect(page.locator("[data-code]")).to_have_count(2)
    bar = page.locator(".offline-bar")
    expect(bar).to_be_hidden()

    context.set_offline(True)
    page.goto("/reservations/")
    expect(bar).to_contain_text(re.compile(r"You are offline\. Showing \d+:\d\d"))
    page.get_by_role("link", name=re.compile("U Nováků")).click()
    expect(page.get_by_text(GATE_CODE)).to_be_visible()
    expect(page.get_by_text("Rolnická 41, Opava")).to_be_visible()
    expect(page.get_by_text("This works without a signal too.")).to_be_visible()
    page.goto(receipt.get_absolute_url())
    expect(page.locator("main").get_by_text("Garáž u nádraží").first).to_be_visible()
    page.goto("/sessions/")
    page.get_by_role("link", name=re.compile("Garáž u nádraží")).click()
    expect(page.get_by_text("Meter at the end")).to_be_visible()
    page.locator(".foot").get_by_role("link", name="Receipt").click()
    expect(page).to_have_url(re.compile(receipt.get_absolute_url()))
    window = context.new_page()
    window.goto("/")
    expect(window.locator("[data-code]")).to_have_count(2)
    expect(window.locator(".pin-holder")).not_to_have_count(0)
    expect(window.locator(".offline-bar")).to_contain_text(re.compile(r"You are offline\. Showing \d+:\d\d"))
    window.close()

    page.goto("/wallet/")  # money is never kept
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    page.get_by_role("link", name="Bookings").click()
    page.locator("summary.avatar").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("What was kept on this phone is gone.")).to_be_visible()
    until(page, f"async () => (await ({KEPT})('')).length === 0")

    context.set_offline(False)
    expect(page.locator("html")).not_to_have_attribute("data-kept-at", re.compile(".*"))  # it looked again by itself
    expect(bar).to_be_hidden()
    complaints.clear()  # that there was no network


def test_nothing_stays_of_who_was_here_before(
    booking: Reservation,
    stranger: User,
    driver: User,
    context: BrowserContext,
    page: Page,
    complaints: list[str],
) -> None:
    type_in(page, driver)
    open_with_a_pocket(page, "/reservations/", "/reservations/", booking.get_absolute_url())
    until(page, f"async () => (await ({TEXTS})()).includes('{GATE_CODE}')")
    assert not re.search(r'csrfmiddlewaretoken" value="(?!none")', page.evaluate(TEXTS))

    page.locator("summary.avatar").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Sign up")).to_be_visible()
    until(page, f"async () => !(await ({KEPT})('/reservations/'))")
    kept = page.evaluate(TEXTS)
    assert GATE_CODE not in kept
    assert driver.email not in kept

    type_in(page, driver)
    open_with_a_pocket(page, "/reservations/", booking.get_absolute_url())
    type_in(page, stranger)  # without a log-out between
    open_with_a_pocket(page, "/reservations/", "/reservations/")
    kept = page.evaluate(TEXTS)
    assert GATE_CODE not in kept
    assert driver.email not in kept
    context.set_offline(True)
    page.goto(booking.get_absolute_url())
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    complaints.clear()


def type_in(page: Page, user: User) -> None:
    """Log in by the form, as one does on a phone that others use too."""
    page.context.clear_cookies(name="sessionid")
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(user.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    expect(page.locator(".avatar")).to_be_attached()


def test_deed_without_a_network_is_refused_and_not_kept_for_later(
    charge_point: ChargePoint,
    driver: User,
    context: BrowserContext,
    log_in: Callable[[BrowserContext, User], None],
    page: Page,
    aside: Run,
    complaints: list[str],
) -> None:
    log_in(context, driver)
    open_with_a_pocket(page, f"/charge-points/{charge_point.code}/book/", "/reservations/")
    page.reload()
    book = page.locator(".foot button[type=submit], main form[method=post] button[type=submit]").last
    context.set_offline(True)
    book.click()
    expect(page.get_by_text("This needs a connection. Nothing was sent.")).to_be_visible()
    page.evaluate("() => Object.defineProperty(navigator, 'onLine', { get: () => true })")  # the phone believes it has a network
    book.click()
    expect(page.get_by_role("heading", name="The connection broke")).to_be_visible()
    context.set_offline(False)
    page.goto("/reservations/")
    assert not aside(Reservation.objects.exists)
    complaints.clear()


def test_page_that_does_not_come_is_shown_as_it_was(
    driver: User,
    serve_process: Callable[..., Served],
    context: BrowserContext,
    log_in: Callable[[BrowserContext, User], None],
    page: Page,
    live: Served,
    complaints: list[str],
) -> None:
    """A bad line is no line: after a while the copy is shown, and says that nobody answers."""
    log_in(context, driver)
    open_with_a_pocket(page, "/reservations/", "/reservations/")
    live.kill()
    page.goto("/reservations/")
    expect(page.locator(".offline-bar")).to_contain_text(re.compile(r"The server is not answering\. Showing \d+:\d\d"))
    live.start()
    page.goto("/reservations/")
    expect(page.locator(".offline-bar")).to_be_hidden()
    complaints.clear()


OFFER = """() => {
  const offered = new Event("beforeinstallprompt", { cancelable: true });
  offered.prompt = () => (window.asked = (window.asked ?? 0) + 1);
  window.dispatchEvent(offered);
  return offered.defaultPrevented;
}"""


def test_site_is_offered_as_an_app_until_somebody_declines(
    driver: User, context: BrowserContext, log_in: Callable[[BrowserContext, User], None], page: Page
) -> None:
    """No browser offers it to a page that a machine drives: what it would say is said in its place."""
    log_in(context, driver)
    page.goto("/accounts/profile/")
    card = page.get_by_role("region", name="ChargeShare as an app")
    add = card.get_by_role("button", name="Add to the home screen")
    expect(card).to_be_hidden()  # nothing is offered where the browser has no way
    assert page.evaluate(OFFER)  # its own bar stays away
    expect(card.get_by_text("press Share")).to_be_hidden()
    assert axe.look(page) == []
    add.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("() => window.asked") == 1
    expect(card).to_be_hidden()

    page.reload()
    page.evaluate(OFFER)
    card.get_by_role("button", name="Not now").click()
    expect(card).to_be_hidden()
    page.reload()
    assert not page.evaluate(OFFER)
    expect(card).to_be_hidden()


def test_an_iphone_is_told_how_and_what_is_installed_is_offered_no_more(
    driver: User, context: BrowserContext, log_in: Callable[[BrowserContext, User], None], page: Page
) -> None:
    log_in(context, driver)
    page.add_init_script(
        "Object.defineProperty(navigator, 'userAgent', { get: () => 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari' });"
    )
    page.goto("/accounts/profile/")
    card = page.get_by_role("region", name="ChargeShare as an app")
    expect(card.get_by_text("In Safari press Share, then “Add to Home Screen”.")).to_be_visible()
    expect(card.get_by_role("button", name="Add to the home screen")).to_be_hidden()
    page.add_init_script("Object.defineProperty(navigator, 'standalone', { get: () => true });")
    page.reload()
    expect(card).to_be_hidden()


def test_way_there_is_gone_when_the_visit_is_over(
    booking: Reservation,
    driver: User,
    context: BrowserContext,
    log_in: Callable[[BrowserContext, User], None],
    page: Page,
    complaints: list[str],
) -> None:
    """The copy says itself until when it may be shown; afterwards not even without a network."""
    log_in(context, driver)
    open_with_a_pocket(page, "/reservations/", booking.get_absolute_url())
    until = page.evaluate(
        """async (path) => {
          for (const name of await caches.keys()) {
            const cache = await caches.open(name);
            const copy = await cache.match(path, { ignoreVary: true });
            if (!copy || !name.startsWith("chargeshare-pocket-")) continue;
            const until = Number(copy.headers.get("Offline-Until"));
            const headers = new Headers(copy.headers);
            headers.set("Offline-Until", String(Date.now() - 1));
            await cache.put(path, new Response(await copy.text(), { headers }));
            return until;
          }
        }""",
        booking.get_absolute_url(),
    )
    assert abs(until / 1000 - (booking.ends_at + timedelta(minutes=15)).timestamp()) < 300
    context.set_offline(True)
    page.goto(booking.get_absolute_url())
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    assert GATE_CODE not in page.evaluate(TEXTS)
    complaints.clear()
