"""A guest who has no account, and a driver who says that her receipt is wrong, in a real browser."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import User
from billing import audit
from billing.models import Dispute, Refund, TopUp
from stations.models import ChargePoint, ChargingSession
from tests.browser.conftest import PATIENCE_S, PHONE, Beside, look_again

Aside = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def viewport() -> dict[str, int]:
    """Somebody stands before the charger with a phone."""
    return PHONE


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_guest_scans_pays_charges_and_gets_the_rest_back(charge_point: ChargePoint, beside: Beside, page: Page, aside: Aside) -> None:
    box = beside.connect(charge_point)
    beside.do(box.plug_in())
    page.goto(f"/c/{charge_point.code}/1/")
    page.get_by_role("link", name="Charge without an account").click()
    page.get_by_label("E-mail for the receipt").fill("guest@example.org")
    page.get_by_label("How much?").fill("200")
    page.get_by_role("button", name="Go to the payment").click()
    page.get_by_role("button", name="Pay 200").click()
    beside.do(box.expect("RemoteStartTransaction"))
    look_again(page, page.locator(".badge").get_by_text("Charging"))
    beside.do(box.charge(5_000))
    beside.do(box.unplug())
    look_again(page, page.locator(".badge").get_by_text("Done"))

    page.get_by_role("link", name="Receipt").click()

    expect(page.get_by_role("heading", name=re.compile("Receipt"))).to_be_visible()
    session = aside(lambda: ChargingSession.objects.select_related("cdr", "driver").get())
    assert session.driver.guest_email == "guest@example.org"
    wait_for(aside, Refund.objects.exists)
    assert aside(lambda: Refund.objects.get().amount_minor) == 20_000 - session.cdr.total_minor
    wait_for(aside, is_returned)
    assert aside(audit.check) == []


def is_returned() -> bool:
    """Whether the gateway has said so; it is asked at once and not after half a minute.

    Due since long: a pass that began a moment ago would leave what is due since now to the next one, for ever.
    """
    TopUp.objects.update(refreshed_at=None, refresh_at=F("created_at"))
    return Refund.objects.filter(status="done").exists()


def wait_for(aside: Aside, happened: Callable[[], bool]) -> None:
    """The server's own periodic jobs do it, a pass or two later."""
    deadline = time.monotonic() + PATIENCE_S
    while not aside(happened):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_receipt_is_disputed_and_answered(
    charge_point: ChargePoint,
    driver: User,
    owner: User,
    beside: Beside,
    context: BrowserContext,
    log_in: Callable[[BrowserContext, User], None],
    page: Page,
    aside: Aside,
) -> None:
    log_in(context, driver)
    box = beside.connect(charge_point)
    beside.do(box.plug_in())
    page.goto(f"/c/{charge_point.code}/1/")
    page.get_by_role("button", name="Charge now").click()
    beside.do(box.expect("RemoteStartTransaction"))
    expect(page.locator(".badge").get_by_text("Charging")).to_be_visible()
    beside.do(box.charge(5_000))
    beside.do(box.unplug())
    expect(page.locator(".badge").get_by_text("Done")).to_be_visible()
    page.get_by_role("link", name="Receipt").click()
    page.get_by_role("link", name="Is it wrong?").click()
    page.get_by_label("More was charged than the car took").check()
    page.get_by_label("How much of it should come back").fill("10")
    page.get_by_label("What happened").fill("The car shows 4 kWh.")
    page.get_by_role("button", name="Open the dispute").click()
    expect(page.get_by_text("The other side has three days to answer")).to_be_visible()
    expect(page.get_by_role("heading", name="What the meter said")).to_be_visible()
    dispute = page.url

    log_in(context, owner)
    page.goto(dispute)
    page.get_by_label("How do you see it?").fill("The meter is calibrated.")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_text("The meter is calibrated.")).to_be_visible()
    assert aside(lambda: Dispute.objects.get().status) == "answered"
    assert aside(lambda: Dispute.objects.get().disputed_minor) == 1_000
