"""A driver's day in a real browser: from the sign-up to the receipt, with a wallbox at the other end of a real socket."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from billing import audit, money
from billing.models import Tariff
from ocpp_core.simulator import SimulatedChargePoint
from stations.models import ChargePoint, ChargingSession
from tests import factories
from tests.browser.conftest import DESKTOP, PHONE, Beside, look_again
from tests.flows.doors import price_minor

METER_WH = 120_000
TOP_UP_MINOR = 50_000


@pytest.fixture
def charge_point(owner: User, tariff: Tariff) -> ChargePoint:
    """The one of the story; beside it stand a stronger and dearer one, and one that only its owner's guests may see."""
    dear = factories.make_tariff(owner, "12.90")
    strong = factories.make_charge_point(owner, tariff=dear, name="Garáž u nádraží", latitude="49.933500", longitude="17.911000")
    strong.connectors.update(type="CCS", max_power_w=50_000)
    factories.make_charge_point(owner, tariff=tariff, name="Dvůr", access="private")
    return factories.make_charge_point(owner, tariff=tariff, name="Wallbox Kateřinky", address="Holasická 12, Opava")


@pytest.fixture
def session(aside: Callable[[Callable[[], Any]], Any]) -> Callable[[], ChargingSession]:
    """The one session there is, as the database knows it."""
    return lambda: aside(lambda: ChargingSession.objects.select_related("cdr", "driver").get())


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_from_the_sign_up_to_the_receipt(
    charge_point: ChargePoint, beside: Beside, page: Page, session: Callable[[], ChargingSession], aside: Callable[[Callable[[], Any]], Any]
) -> None:
    box = beside.connect(charge_point, meter_wh=METER_WH)
    sign_up(page)
    type_a_card(page)
    choose_where_to_tap(page, charge_point)
    beside.do(box.tap("04FFEEDDCCBBAA"))
    read_that_it_arrived(page)
    change_her_mind_at_the_gateway(page)
    top_up(page)
    filter_the_map(page)
    find_it(page, charge_point)
    start(page)
    beside.do(box.expect("RemoteStartTransaction"))
    expect(page.get_by_role("heading", name="Plug the cable into the car")).to_be_visible()
    beside.do(box.plug_in())
    expect(page.locator(".badge").get_by_text("Charging")).to_be_visible()
    for wh in (2_000, 6_000):
        beside.do(box.charge(wh))
        read_the_figures(page, box)

    page.get_by_role("link", name="Stop charging").click()
    dialog = page.get_by_role("dialog", name="Stop charging?")
    expect(dialog).to_contain_text("8.0 kWh for 52")
    dialog.get_by_role("button", name="Go on charging").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Stop charging").click()
    dialog.get_by_role("button", name="Stop charging").click()
    expect(page.locator(".badge").get_by_text("Done")).to_be_visible()

    page.get_by_role("link", name="Receipt").click()
    read_the_receipt(page, session())
    read_the_pdf(page, session())
    read_the_wallet(page, session())
    assert aside(lambda: list(audit.check())) == []


@pytest.mark.parametrize("scripts", [False], ids=["without-scripts"])
@pytest.mark.parametrize("viewport", [PHONE], ids=["phone"])
def test_all_of_it_without_a_script(
    charge_point: ChargePoint, beside: Beside, page: Page, session: Callable[[], ChargingSession], aside: Callable[[Callable[[], Any]], Any]
) -> None:
    """The map is a list, live pages are looked at again, and dialogs are pages; nothing is missing."""
    box = beside.connect(charge_point, meter_wh=METER_WH)
    sign_up(page)
    type_a_card(page)
    choose_where_to_tap(page, charge_point)
    beside.do(box.tap("04FFEEDDCCBBAA"))
    page.get_by_role("link", name="Look again").click()
    read_that_it_arrived(page)
    change_her_mind_at_the_gateway(page)
    top_up(page)

    page.locator(".bottom-bar").get_by_role("link", name="Map").click()
    expect(places(page)).to_have_count(2)
    page.get_by_role("searchbox", name="Name or town").fill("katerinky")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(places(page)).to_have_count(1)
    places(page).get_by_text(charge_point.name).click()
    start(page)
    beside.do(box.expect("RemoteStartTransaction"))
    beside.do(box.plug_in())
    look_again(page, page.locator(".badge").get_by_text("Charging"))
    beside.do(box.charge(2_000))
    page.get_by_role("link", name="Look again").click()
    read_the_figures(page, box)

    page.get_by_role("link", name="Stop charging").click()
    expect(page.get_by_role("heading", name="Stop charging?")).to_be_visible()
    page.get_by_role("button", name="Stop charging").click()
    beside.do(box.expect("RemoteStopTransaction"))
    beside.do(box.idle())
    look_again(page, page.locator(".badge").get_by_text("Done"))
    page.get_by_role("link", name="Receipt").click()
    read_the_receipt(page, session())
    read_the_wallet(page, session())
    assert aside(lambda: list(audit.check())) == []


def sign_up(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Log in").click()
    page.get_by_role("main").get_by_role("link", name="Sign up").click()
    page.get_by_label("Name").fill("Jana Horká")
    page.get_by_label("Email").fill("jana@example.com")
    page.get_by_label("Password", exact=True).fill("wallbox v garáži")
    page.get_by_role("button", name="Create an account").click()
    expect(page).to_have_url(re.compile("/$"))
    expect(page.get_by_text("jana@example.com").first).to_be_attached()


def type_a_card(page: Page) -> None:
    page.goto("/accounts/cards/")
    page.get_by_label("Card number").fill("04:A2:B3:C4")
    page.get_by_label("Label").fill("Klíčenka")
    page.get_by_role("button", name="Add the card").click()
    expect(page.get_by_text("04:A2:B3:C4")).to_be_visible()
    expect(page.get_by_text("Not confirmed")).to_be_visible()


def choose_where_to_tap(page: Page, charge_point: ChargePoint) -> None:
    page.get_by_role("link", name="Pair by tapping").click()
    page.get_by_label("Charger").select_option(label=charge_point.name)
    page.get_by_label("What to call the card").fill("Karta z práce")
    page.get_by_role("button", name="I am ready to tap").click()
    expect(page.get_by_role("heading", name="Tap the card now")).to_be_visible()
    expect(page.get_by_role("timer")).to_contain_text("1:")


def read_that_it_arrived(page: Page) -> None:
    expect(page.get_by_role("heading", name="Karta z práce is yours")).to_be_visible()
    page.get_by_role("link", name="My cards").click()
    expect(page.get_by_text("04FFEEDDCCBBAA")).to_be_visible()
    expect(page.get_by_text("Not confirmed")).to_have_count(1)


def change_her_mind_at_the_gateway(page: Page) -> None:
    page.goto("/wallet/")
    page.get_by_role("link", name="Top up the wallet").click()
    page.get_by_role("button", name="200 Kč").click()
    expect(page.get_by_text("This is a pretend bank.")).to_be_visible()
    page.get_by_role("button", name="Cancel the payment").click()
    expect(page.get_by_text("The payment was not made and nothing left your card.")).to_be_visible()
    page.get_by_role("link", name="Try again").click()


def top_up(page: Page) -> None:
    page.get_by_label("amount").fill("500")
    page.get_by_role("button", name="Go to the payment").click()
    page.get_by_role("button", name="Pay 500").click()
    expect(page.get_by_text("The money is in the wallet")).to_be_visible()
    page.get_by_role("link", name="To the wallet").click()
    expect(page.locator(".wallet__available")).to_have_text("500.00 Kč")


def places(page: Page) -> Any:
    return page.get_by_role("region", name="List of chargers").get_by_role("listitem").get_by_role("link")


def filter_the_map(page: Page) -> None:
    page.goto("/")
    expect(places(page)).to_have_count(2)
    expect(page.locator(".pin-holder")).not_to_have_count(0)
    page.get_by_role("search").get_by_text("CCS", exact=True).click()
    expect(places(page)).to_have_text([re.compile("Garáž u nádraží.*Offline", re.DOTALL)])
    page.get_by_role("search").get_by_text("Free now", exact=True).click()
    expect(page.get_by_text("No charger fits all filters. Which one shall go?")).to_be_visible()
    page.get_by_role("link", name=re.compile("Without “Free now”")).click()
    expect(places(page)).to_have_count(1)
    page.locator("[data-filters-open]:visible").click()
    page.get_by_role("link", name="Clear all").click()
    expect(places(page)).to_have_count(2)
    page.get_by_label("Price up to").fill("7,00")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(places(page)).to_have_text([re.compile("Wallbox Kateřinky.*Free", re.DOTALL)])
    expect(page).to_have_url(re.compile(r"max_price_per_kwh=7\.00"))


def find_it(page: Page, charge_point: ChargePoint) -> None:
    page.get_by_role("searchbox", name="Name or town").fill("katerinky")
    pin = page.locator(".pin-holder").get_by_text("6.50")
    expect(pin).to_be_visible()
    expect(places(page)).to_have_count(1)
    places(page).get_by_text(charge_point.name).click()


def start(page: Page) -> None:
    expect(page.get_by_text("Holasická")).to_be_hidden()
    page.get_by_role("button", name="Charge now").click()
    expect(page.get_by_role("heading", name="Starting to charge")).to_be_visible()
    expect(page.locator(".badge").get_by_text("Starting")).to_be_visible()
    expect(page.get_by_text("Holasická 12, Opava")).to_be_visible()


def read_the_figures(page: Page, box: SimulatedChargePoint) -> None:
    """Power, energy and cost follow the meter without anybody touching the page."""
    taken_wh = box.outlets[1].register_wh - METER_WH
    expect(page.locator(".ring__figure")).to_have_text("11")
    expect(page.locator(".session__now")).to_contain_text(f"{taken_wh / 1000:.1f} kWh")
    expect(page.locator(".session__now")).to_contain_text(f"{price_minor(taken_wh) / 100:.2f} Kč")


def exact_kwh(energy_wh: int) -> str:
    return f"{energy_wh / 1000:.{3 if energy_wh % 10 else 2}f}"


def read_the_receipt(page: Page, session: ChargingSession) -> None:
    assert session.cdr is not None
    assert session.cdr.total_minor == price_minor(session.energy_wh)
    receipt = page.get_by_role("main")
    expect(receipt.locator(".display")).to_have_text(f"{session.cdr.total_minor / 100:.2f} Kč")
    expect(receipt.locator(".receipt__total")).to_contain_text(f"{session.cdr.total_minor / 100:.2f} Kč")
    expect(receipt.locator(".receipt__meter")).to_contain_text(exact_kwh(METER_WH))
    expect(receipt.locator(".receipt__meter")).to_contain_text(exact_kwh(METER_WH + session.energy_wh))
    expect(receipt).to_contain_text(f"{exact_kwh(session.energy_wh)} kWh × 6.50 Kč")
    expect(receipt).to_contain_text(session.cdr.number)


def read_the_pdf(page: Page, session: ChargingSession) -> None:
    assert session.cdr is not None
    with page.expect_download() as download:
        page.get_by_role("link", name="Download PDF").click()
    assert download.value.suggested_filename.endswith(".pdf")
    assert session.cdr.number in download.value.suggested_filename
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")


def read_the_wallet(page: Page, session: ChargingSession) -> None:
    assert session.cdr is not None
    page.goto("/wallet/")
    left_minor = TOP_UP_MINOR - session.cdr.total_minor
    expect(page.locator(".wallet__available")).to_have_text(f"{left_minor / 100:.2f} Kč")
    expect(page.get_by_text(money.fmt(-session.cdr.total_minor, "CZK", language="en"))).to_be_visible()
