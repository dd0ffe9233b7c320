"""The console before a real browser: asking, confirming, repeating, many at once; on a phone and on a desk, with and without scripts."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import User
from stations.models import ChargePoint
from tests import factories
from tests.browser.conftest import DESKTOP, PHONE, Beside


@pytest.fixture
def owner(db: None) -> User:
    return factories.make_user("Pavel Novák", language="en")


@pytest.fixture
def boxes(owner: User) -> list[ChargePoint]:
    tariff = factories.make_tariff(owner)
    return [factories.make_charge_point(owner, tariff=tariff, name=name, auto_configure=False) for name in ("Garage", "Yard")]


@pytest.fixture
def home(owner: User, boxes: list[ChargePoint], context: BrowserContext, log_in: Callable[[BrowserContext, User], None]) -> ChargePoint:
    """Where the console is looked at, by its owner."""
    log_in(context, owner)
    return boxes[0]


def fits(page: Page) -> None:
    """Nothing sticks out of the window, once the page has come to rest."""
    page.wait_for_function("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_request_is_filled_in_answered_and_repeated(home: ChargePoint, beside: Beside, page: Page) -> None:
    box = beside.connect(home)
    page.goto(f"/owner/{home.code}/commands/")
    fits(page)
    page.get_by_role("link", name=re.compile("SetChargingProfile")).click()
    fits(page)
    page.get_by_role("button", name="Send to the charger").click()
    expect(page.get_by_text("Fill this in.").first).to_be_visible()
    for name, value in (("connectorId", "1"), ("csChargingProfiles.chargingProfileId", "7"), ("csChargingProfiles.stackLevel", "0")):
        page.locator(f'[name="p.{name}"]').fill(value)
    for name, value in (("chargingProfilePurpose", "TxDefaultProfile"), ("chargingProfileKind", "Relative")):
        page.locator(f'[name="p.csChargingProfiles.{name}"]').select_option(value)
    schedule = "p.csChargingProfiles.chargingSchedule"
    page.locator(f'[name="{schedule}.chargingRateUnit"]').select_option("A")
    page.locator(f'[name="{schedule}.chargingSchedulePeriod.0.startPeriod"]').fill("0")
    page.locator(f'[name="{schedule}.chargingSchedulePeriod.0.limit"]').fill("16")
    page.get_by_role("button", name="Add a row").click()
    page.locator(f'[name="{schedule}.chargingSchedulePeriod.1.startPeriod"]').fill("600")
    page.locator(f'[name="{schedule}.chargingSchedulePeriod.1.limit"]').fill("6.5")
    fits(page)
    page.get_by_role("button", name="JSON").click()
    expect(page.get_by_label("Payload, as the standard writes it")).to_have_value(re.compile('"limit": 6.5'))
    page.get_by_role("button", name="Form", exact=True).click()
    page.get_by_role("button", name="Send to the charger").click()

    said = beside.do(box.expect("SetChargingProfile"))
    assert said["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 16},
        {"startPeriod": 600, "limit": 6.5},
    ]
    expect(page.get_by_text("accepted", exact=True)).to_be_visible()
    fits(page)
    page.get_by_role("link", name="Repeat").click()
    expect(page.locator(f'[name="{schedule}.chargingSchedulePeriod.1.limit"]')).to_have_value("6.5")
    page.go_back()
    page.get_by_role("button", name="Send again").click()
    assert beside.do(box.expect("SetChargingProfile")) == said


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_what_is_dangerous_takes_two_steps(home: ChargePoint, beside: Beside, page: Page) -> None:
    box = beside.connect(home)
    page.goto(f"/owner/{home.code}/commands/Reset/")
    page.locator('[name="p.type"]').select_option("Hard")
    page.get_by_role("button", name="Send to the charger").click()
    expect(page.get_by_text("A hard restart is like pulling the plug")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Restart", exact=True).click()

    assert beside.do(box.expect("Reset")) == {"type": "Hard"}
    expect(page).to_have_url(re.compile(r"/commands/\d+/$"))


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_many_are_asked_and_watched(home: ChargePoint, beside: Beside, page: Page) -> None:
    box = beside.connect(home)
    page.goto("/owner/chargers/")
    page.get_by_role("link", name="Ask many").click()
    page.get_by_role("link", name="Ask many chargers").first.click()
    fits(page)
    page.get_by_label("What to ask").select_option("ClearCache")
    page.get_by_label("All 2 chargers that fit").check()
    page.get_by_role("button", name="Fill the request in").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("One of them is not connected")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Forget remembered cards").click()

    assert beside.do(box.expect("ClearCache")) == {}
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Yard")).to_contain_text("offline")
    fits(page)


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_setting_is_read_changed_and_read_back(home: ChargePoint, beside: Beside, page: Page) -> None:
    box = beside.connect(home)
    page.goto(f"/owner/{home.code}/configuration/")
    page.get_by_role("button", name="Read all").click()
    beside.do(box.expect("GetConfiguration"))
    row = page.get_by_role("row").filter(has_text="HeartbeatInterval")
    expect(row).to_be_visible()
    fits(page)
    row.get_by_text("Change", exact=True).click()
    row.get_by_label("New value of HeartbeatInterval").fill("77")
    row.get_by_role("button", name="Change it").click()
    assert beside.do(box.expect("ChangeConfiguration")) == {"key": "HeartbeatInterval", "value": "77"}
    expect(row.get_by_text("accepted")).to_be_visible()
    expect(row.get_by_text("77", exact=True)).to_be_visible()
