"""An owner puts her charger on the map, in a real browser, with the box itself at the other end of a real socket."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from ocpp_core.simulator import LinkClosed, SimulatedChargePoint
from stations.models import ChargePoint
from tests import factories
from tests.browser.conftest import DESKTOP, PHONE, Beside


@pytest.fixture
def owner(db: None) -> User:
    """Somebody who reads English."""
    return factories.make_user("Pavel Novák", language="en")


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_from_the_box_on_the_wall_to_the_pin_on_the_map(
    owner: User, beside: Beside, page: Page, aside: Callable[[Callable[[], Any]], Any]
) -> None:
    log_in(page, owner)
    name_it(page)
    show_where_it_stands(page)
    page.get_by_text("go-e", exact=True).click()
    page.get_by_role("button", name="Register the charger").click()
    address, identity, password = read_what_to_type_in(page)
    expect(page.get_by_text("Waiting for your charger…")).to_be_visible()

    with pytest.raises(LinkClosed):
        beside.dial(address, identity, "a-wrong-password")
    expect(page.get_by_text("Refused: wrong password")).to_be_visible()
    expect(page.get_by_text("Copy it again, whole and without spaces.")).to_be_visible()
    expect(page.get_by_text("Continue once it reports")).to_be_visible()
    box = beside.dial(address, identity, password)
    expect(page.get_by_text("The right charger connected.")).to_be_visible()
    expect(page.get_by_text("The charger introduced itself: ChargeShare Simulated wallbox")).to_be_visible()
    page.reload()
    expect(page.get_by_text("hidden; it was shown once")).to_be_visible()
    expect(page.get_by_text(password)).to_have_count(0)

    page.get_by_role("link", name="Continue").click()
    describe_the_connector(page)
    page.get_by_role("button", name="Put on the map").click()
    expect(page.get_by_role("button", name="Take off the map")).to_be_visible()
    ask_and_read_answers(page, beside, box)
    read_the_messages(page)
    find_it_on_the_map(page)
    assert aside(ChargePoint.objects.get).is_published


def log_in(page: Page, owner: User) -> None:
    page.goto("/owner/")
    page.get_by_label("Email").fill(owner.email)
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Add a charger").first.click()


def name_it(page: Page) -> None:
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name").fill("Wallbox u Nováků")
    page.get_by_role("button", name="Continue").click()


def show_where_it_stands(page: Page) -> None:
    canvas = page.locator("[data-place-map]")
    expect(canvas).to_be_visible()
    canvas.click(position={"x": 180, "y": 120})
    expect(page.get_by_text(re.compile(r"\d\d\.\d{5}, \d\d\.\d{5}"))).to_be_visible()
    page.get_by_label("Address").fill("Krnovská 71, Opava")
    page.get_by_role("button", name="Continue").click()


def read_what_to_type_in(page: Page) -> tuple[str, str, str]:
    expect(page.get_by_text("Password, you see it only now")).to_be_visible()
    address, identity, password = (page.locator(f"#copy-{name}").inner_text() for name in ("address", "identity", "password"))
    assert address.startswith("ws://")
    assert re.fullmatch(r"CS-\w{10}", identity)
    assert re.fullmatch(r"\w{20}", password)
    return address, identity, password


def describe_the_connector(page: Page) -> None:
    expect(page.get_by_role("heading", name="Connector 1")).to_be_visible()
    page.get_by_text("Type 2", exact=True).click()
    page.get_by_label("Power").fill("11")
    page.get_by_label("Per kWh").fill("6.90")
    page.get_by_role("button", name="Save").click()


def ask_and_read_answers(page: Page, beside: Beside, box: SimulatedChargePoint) -> None:
    asked = page.locator(".asked").get_by_role("listitem")
    page.get_by_role("button", name="Unlock the cable").click()
    beside.do(box.expect("UnlockConnector"))
    expect(asked.filter(has_text="Unlock the cable")).to_contain_text("unlocked")
    page.get_by_role("button", name="Restart", exact=True).click()
    assert beside.do(box.expect("Reset")) == {"type": "Soft"}
    expect(asked.filter(has_text="Restart")).to_contain_text("accepted")
    beside.do(box.idle())


def read_the_messages(page: Page) -> None:
    page.get_by_role("navigation", name="Charger", exact=True).get_by_role("link", name="OCPP log").click()
    log = page.locator(".log")
    expect(log.get_by_text("BootNotification")).to_have_count(2)
    reset = log.get_by_role("listitem").filter(has_text="Reset")
    reset.locator("summary").click()
    expect(reset.get_by_text('"type": "Soft"')).to_be_visible()
    expect(reset.get_by_text('"status": "Accepted"')).to_be_visible()
    page.get_by_label("Message", exact=True).select_option("UnlockConnector")
    expect(log.get_by_role("listitem")).to_have_count(1)


def find_it_on_the_map(page: Page) -> None:
    page.goto("/")
    row = page.get_by_role("region", name="List of chargers").get_by_role("link", name="Wallbox u Nováků")
    expect(row).to_contain_text("11 kW · Type 2")
    expect(row).to_contain_text("6.90 Kč/kWh")
    expect(page.locator(".pin-holder").get_by_text("6.90")).to_be_visible()
