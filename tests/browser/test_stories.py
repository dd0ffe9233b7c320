"""What people come for, told in a real browser: on a phone and on a desk, in Czech and in English; axe looks at every step."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone, translation
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from accounts.models import User
from billing.models import Tariff
from stations import areas, arrival, booking_rules, charge_points, reservations
from stations.models import ChargePoint, ChargingSession, Reservation
from tests import factories
from tests.browser import axe
from tests.browser.conftest import DESKTOP, PATIENCE_S, PHONE, SCREENSHOTS, Beside
from tests.photographs import make_photo
from tests.serving import Served
from tests.stations.acting import begin, go_online, session_of, stop

Aside = Callable[[Callable[[], Any]], Any]
HOUR = timedelta(hours=1)


@pytest.fixture
def live(serve_process: Callable[..., Served]) -> Served:
    """Chargers that nobody speaks for stay online; what the periodic jobs do is told elsewhere."""
    return serve_process(OFFLINE_AFTER_S="3600", HOUSEKEEPING="False")


@pytest.fixture
def charge_point(owner: User, tariff: Tariff) -> ChargePoint:
    """The one of the story, with a photo and all that helps to find it; beside it a dearer one."""
    factories.make_charge_point(owner, tariff=factories.make_tariff(owner, "12.90"), name="Garáž u nádraží", latitude="49.933500")
    place = factories.make_charge_point(owner, tariff=tariff, name="Chata na jezeře", address="Rolnická 5, Opava")
    arrival.edit(place, spot="Druhé stání vlevo", gate_code="2580#", socket="Na boku chaty.")
    photos_of(place)
    return go_online(place)


def photos_of(place: ChargePoint) -> None:
    """Where the socket is."""
    from stations import photos  # noqa: PLC0415

    photos.add(place, make_photo(), caption="Zásuvka je na boku chaty.")


class Visitor:
    """Somebody with a browser of her own, who reads one language."""

    def __init__(self, page: Page, language: str, story: str) -> None:
        self.page, self.language, self.story, self.seen = page, language, story, 0

    def say(self, text: str, **words: object) -> str:
        """The words of the pages in her language."""
        with translation.override(self.language):
            return translation.gettext(text) % words if words else translation.gettext(text)

    def button(self, text: str) -> Locator:
        """A button by what it says."""
        return self.page.get_by_role("main").get_by_role("button", name=self.say(text), exact=True)

    def link(self, text: str) -> Locator:
        """A link of the page itself by what it says."""
        return self.page.get_by_role("main").get_by_role("link", name=self.say(text), exact=True)

    def reads(self, text: str) -> None:
        """It stands on the page."""
        expect(self.page.get_by_text(self.say(text)).first).to_be_visible()

    def looks(self, name: str) -> None:
        """Keep a picture of the page, and let axe look at it."""
        self.page.wait_for_load_state()
        self.seen += 1
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{self.story}-{self.seen:02}-{name}.png", full_page=True, animations="disabled")
        assert axe.look(self.page) == [], name

    def opens_the_first_news(self, text: str) -> None:
        """Notifications, the one that says so."""
        self.page.goto("/accounts/inbox/")
        self.page.get_by_role("main").get_by_role("listitem").filter(has_text=self.say(text)).first.get_by_role("button").first.click()


@pytest.fixture
def comes(browser: Browser, live: Served, log_in: Callable[[BrowserContext, User], None], request: Any) -> Iterator[Callable[..., Visitor]]:
    """Opens a browser profile for a person: `comes(driver, PHONE, "cs")`."""
    opened = []

    def run(user: User, size: dict[str, int], language: str) -> Visitor:
        context = browser.new_context(
            base_url=live.url,
            locale=language,
            timezone_id="Europe/Prague",
            viewport=size,  # type: ignore[arg-type]
            has_touch=size is PHONE,
            is_mobile=size is PHONE,
            reduced_motion="reduce",
            service_workers="block",
        )
        context.set_default_timeout(PATIENCE_S * 1000)
        context.add_cookies([{"name": "django_language", "value": language, "url": live.url}])
        log_in(context, user)
        opened.append(context)
        story = request.node.name.removeprefix("test_").replace("_", "-")
        return Visitor(context.new_page(), language, f"{story}-{user.short_name.split()[0].lower()}")

    yield run
    for context in opened:
        context.close()


def in_two_days(hour: int) -> datetime:
    """A full hour of the day after tomorrow."""
    return (timezone.localtime() + timedelta(days=2)).replace(hour=hour, minute=0, second=0, microsecond=0)


def choose(visitor: Visitor, begins_at: datetime, hours: int) -> None:
    """Type the time in, from the page of the charger."""
    page = visitor.page
    visitor.link("Book a time").click()
    page.locator(".typed-time summary").click()
    page.locator("#typed-day").fill(f"{begins_at:%Y-%m-%d}")
    page.locator("#typed-start").fill(f"{begins_at:%H:%M}")
    page.locator("#typed-end").fill(f"{begins_at + hours * HOUR:%H:%M}")
    visitor.button("Show this time").click()
    expect(page).to_have_url(re.compile("end="))


def badge(visitor: Visitor, status: str) -> Locator:
    """The state of the booking on its page."""
    with translation.override(visitor.language):
        word = str(dict(Reservation.Status.choices)[status])
    return visitor.page.locator(".page-head .badge").filter(has_text=re.compile(word, re.IGNORECASE))


def add_a_car(visitor: Visitor) -> None:
    """Typed in, not from the list."""
    visitor.page.goto("/accounts/vehicles/new/")
    visitor.button("Add the car").click()  # nothing typed: the browser itself says what is missing
    visitor.page.locator("#id_name").fill("Škoda Enyaq")
    visitor.page.locator("#id_battery_wh").fill("77")
    visitor.page.locator("#id_ac_limit_w").fill("11")
    visitor.page.locator("#id_consumption_wh_100km").fill("18")
    visitor.button("Add the car").click()
    expect(visitor.page.get_by_role("main")).to_contain_text("Škoda Enyaq")


def keep_it(visitor: Visitor) -> None:
    """A heart, and a note to herself."""
    visitor.button("Add to favourites").click()
    expect(visitor.button("Among favourites")).to_be_visible()
    visitor.page.goto("/favourites/")
    visitor.page.locator(".favourite summary").click()
    visitor.page.get_by_label(visitor.say("Note to yourself")).fill("Zvonit u Nováků")
    visitor.button("Save").click()
    expect(visitor.page.get_by_text("Zvonit u Nováků")).to_be_visible()


def test_a_car_a_price_a_booking_and_a_change_of_mind(
    charge_point: ChargePoint, driver: User, owner: User, comes: Callable[..., Visitor], aside: Aside
) -> None:
    """On a phone, in Czech: find, know the price for my car, keep it among favourites, book at once, write, cancel late."""
    aside(lambda: booking_rules.edit(charge_point, free_until_hours=24, late_fee_minor=3_000))
    tereza = comes(driver, PHONE, "cs")
    page = tereza.page
    add_a_car(tereza)
    page.goto("/")
    page.get_by_role("searchbox").fill("jezere")
    row = page.locator(".map-list__rows").get_by_role("link").filter(has_text="Chata na jezeře")
    expect(row).to_be_visible()
    expect(page.locator(".map-list__rows").get_by_role("link").filter(has_text="Garáž")).to_have_count(0)
    tereza.looks("map")
    page.goto(charge_point.get_absolute_url())
    tereza.reads("For my car")
    expect(page.get_by_text("Rolnická")).to_have_count(0)
    tereza.looks("charger")
    keep_it(tereza)

    page.goto(charge_point.get_absolute_url())
    choose(tereza, in_two_days(10), 2)
    tereza.looks("book")
    page.locator(".foot").get_by_role("button").click()
    expect(badge(tereza, "booked")).to_be_visible()
    expect(page.get_by_text("2580#")).to_have_count(0)
    expect(page.get_by_text("Rolnická")).to_have_count(0)
    booking = page.url
    tereza.looks("booking")
    tereza.link("Write to the host").click()
    page.locator("#message-text").fill("Vejde se <b>vozík</b>?")
    tereza.button("Send the message").click()
    expect(page.get_by_text("Vejde se <b>vozík</b>?")).to_be_visible()
    tereza.looks("thread")

    aside(lambda: Reservation.objects.update(free_until=timezone.now()))
    page.goto(booking)
    tereza.link("Cancel the booking").click()
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"30,00\sKč"))
    tereza.looks("cancel")
    tereza.button("Cancel the booking").click()
    expect(badge(tereza, "cancelled")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"30,00\sKč"))

    pavel = comes(owner, PHONE, "cs")
    pavel.opens_the_first_news("Tereza vám píše")
    pavel.page.locator("form.chips").get_by_role("button").first.click()
    expect(pavel.page.locator(".thread__message--mine")).to_have_count(1)


def test_a_weekly_request_its_approval_and_who_waits_for_it(
    charge_point: ChargePoint, driver: User, owner: User, stranger: User, comes: Callable[..., Visitor], aside: Aside
) -> None:
    """On a desk, in English: four weeks asked for as one, approved from the notification; another one waits and gets her turn."""
    aside(lambda: booking_rules.edit(charge_point, approval="always"))
    tereza, pavel, eva = (comes(person, DESKTOP, "en") for person in (driver, owner, stranger))
    tereza.page.goto(charge_point.get_absolute_url())
    choose(tereza, in_two_days(10), 2)
    tereza.reads("The host says yes first, within 24 hours. Until then the time is kept for you.")
    tereza.page.get_by_label("Repeat every week").select_option("4")
    tereza.page.locator(".foot").get_by_role("button").click()
    expect(badge(tereza, "requested")).to_be_visible()
    expect(tereza.page.get_by_role("main").locator(".list .row")).not_to_have_count(0)
    tereza.looks("requested")

    pavel.page.goto("/accounts/inbox/")
    pavel.looks("notifications")
    pavel.page.get_by_role("main").get_by_role("button", name="Approve").click()
    expect(pavel.page.get_by_role("main")).not_to_contain_text("Approve")
    tereza.page.reload()
    expect(badge(tereza, "booked")).to_be_visible()
    assert aside(lambda: Reservation.objects.filter(status="booked").count()) == 4

    eva.page.goto(charge_point.get_absolute_url())
    choose(eva, in_two_days(10), 2)
    eva.looks("taken")
    eva.page.get_by_role("button", name="Wait for it").click()
    expect(eva.page.get_by_role("heading", name="Waiting list")).to_be_visible()
    tereza.link("Cancel the booking").click()
    tereza.button("Cancel the booking").click()
    expect(badge(tereza, "cancelled")).to_be_visible()
    eva.page.reload()
    eva.looks("offered")
    eva.button("Take it").click()
    expect(badge(eva, "requested")).to_be_visible()


def test_the_way_there_the_cable_and_the_receipt(
    charge_point: ChargePoint, driver: User, comes: Callable[..., Visitor], beside: Beside, live: Served, aside: Aside
) -> None:
    """On a phone, in English: the address and the code of the gate when it is time, the code on the charger, and what it came to."""
    connector = aside(lambda: charge_point.connectors.select_related("charge_point__owner", "tariff__current").get())
    begins_at = timezone.now() + timedelta(minutes=5)
    booking = aside(lambda: reservations.book(driver=driver, connector=connector, begins_at=begins_at, ends_at=begins_at + 2 * HOUR))
    box = beside.connect(charge_point)
    tereza = comes(driver, PHONE, "en")
    page = tereza.page
    page.goto(booking.get_absolute_url())
    for told in ("2580#", "Rolnická 5", "Druhé stání vlevo", "Na boku chaty."):
        expect(page.get_by_role("main")).to_contain_text(told)
    tereza.looks("arrival")
    page.goto(f"/c/{charge_point.code}/1/")
    expect(page.get_by_role("main")).to_contain_text(live.url)  # a false sticker leads elsewhere
    expect(page.locator("main img").first).to_be_visible()
    tereza.looks("code")
    page.get_by_role("button", name="Charge now").click()
    expect(page.locator(".badge").get_by_text("Starting")).to_be_visible()
    tereza.looks("start")
    beside.do(box.expect("RemoteStartTransaction"))
    beside.do(box.plug_in())
    expect(page.locator(".badge").get_by_text("Charging")).to_be_visible()
    beside.do(box.charge(5_000))
    expect(page.locator(".session__now")).to_contain_text("5.0 kWh")
    tereza.looks("live")
    beside.do(box.unplug())
    expect(page.locator(".badge").get_by_text("Done")).to_be_visible()
    page.get_by_role("link", name="Receipt").click()
    expect(page.locator(".receipt__total")).to_contain_text("32.50 Kč")
    tereza.looks("receipt")
    assert aside(lambda: Reservation.objects.get().status) == "used"


def test_both_sides_say_how_it_was(
    charge_point: ChargePoint, driver: User, owner: User, comes: Callable[..., Visitor], aside: Aside
) -> None:
    """On a desk, in Czech: neither reads the other's word before her own is written; then all do, and the host answers."""
    visit: ChargingSession = aside(lambda: _charged(charge_point, driver))
    tereza, pavel = comes(driver, DESKTOP, "cs"), comes(owner, DESKTOP, "cs")
    address = f"{visit.get_absolute_url()}review/"
    for visitor, text in ((tereza, "Kabel dosáhl i dozadu."), (pavel, "Přijela přesně.")):
        visitor.page.goto(address)
        visitor.looks("review")
        visitor.page.locator("label.chip", has_text=re.compile("^5")).click()
        visitor.page.locator("textarea").fill(text)
        if visitor is pavel:
            expect(visitor.page.get_by_text("Kabel dosáhl")).to_have_count(0)
        visitor.button("Save the review").click()
        expect(visitor.page.get_by_role("heading", name=visitor.say("Your review"))).to_be_visible()
    expect(pavel.page.get_by_text("Kabel dosáhl i dozadu.")).to_be_visible()
    pavel.page.locator(".review summary").click()
    pavel.page.get_by_label(pavel.say("Your answer, once and for all to read")).fill("Děkujeme, přijeďte zase.")
    pavel.button("Publish the answer").click()
    tereza.page.reload()
    expect(tereza.page.get_by_text("Přijela přesně.")).to_be_visible()
    tereza.page.goto(charge_point.get_absolute_url())
    tereza.page.locator(".place__rating").click()
    expect(tereza.page.get_by_text("Děkujeme, přijeďte zase.")).to_be_visible()
    tereza.looks("reviews")


def test_an_area_is_watched_and_a_charger_comes_there(
    charge_point: ChargePoint, driver: User, owner: User, comes: Callable[..., Visitor], aside: Aside
) -> None:
    """On a phone, in Czech, by the name of a town; on a desk, in English, a charger comes to the map, and the news of it leads there."""
    aside(lambda: charge_points.unpublish(charge_point))
    aside(lambda: ChargePoint.objects.filter(pk=charge_point.pk).update(booted_at=timezone.now()))
    tereza, pavel = comes(driver, PHONE, "cs"), comes(owner, DESKTOP, "en")
    page = tereza.page
    page.goto("/areas/")
    tereza.looks("none")
    tereza.link("Watch an area").click()
    page.locator("#area-place").fill("opava")
    tereza.button("Find").click()
    page.get_by_role("main").get_by_role("link", name=re.compile("^Opava")).first.click()
    tereza.looks("area")
    tereza.button("Write to me when a charger comes").click()
    expect(page.get_by_role("main").get_by_role("link", name=re.compile("Opava"))).to_be_visible()
    tereza.looks("watched")

    pavel.page.goto(f"/owner/{charge_point.code}/")
    pavel.button("Put on the map").click()
    expect(pavel.button("Take off the map")).to_be_visible()
    assert aside(lambda: areas.tell(now=timezone.now() + areas.SETTLES_IN + HOUR)) == 1

    tereza.opens_the_first_news("Chata na jezeře")
    expect(page).to_have_url(re.compile(charge_point.get_absolute_url()))
    expect(page.get_by_role("heading", name="Chata na jezeře")).to_be_visible()
    tereza.looks("charger")
    page.goto("/areas/")
    page.get_by_role("main").get_by_role("link", name=re.compile("Opava")).click()
    tereza.button("Watch it no longer").click()
    tereza.reads("You watch no area yet")


def _charged(place: ChargePoint, person: User) -> ChargingSession:
    """A visit of three hours ago that was paid."""
    card, at = factories.make_id_token(person), timezone.now() - 3 * HOUR
    began = begin(place, card.uid, meter=1_000, at=at)
    stop(place, began.transaction_id, meter=9_000, at=at + HOUR)
    return session_of(began)
