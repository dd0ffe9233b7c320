"""An owner's money on its way to her bank, in a real browser, with staff at the other desk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from defusedxml import ElementTree
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import Letter, User
from billing import audit
from billing.models import BankAccount, Payout
from tests import factories
from tests.billing.paying import IBAN, OTHER_IBAN, earn
from tests.billing.test_payout_desk import fio
from tests.browser.conftest import PHONE
from tests.serving import Served

Aside = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def live(serve_process: Callable[..., Served]) -> Served:
    """A server that knows which account owners are paid from, and whose letters wait until they are read here."""
    return serve_process(PAYOUT_IBAN=OTHER_IBAN, HOUSEKEEPING="False")


@pytest.fixture
def owner(db: None) -> User:
    """Somebody who reads English and has earned 1 250.50 Kč."""
    owner = factories.make_user("Pavel Novák", language="en")
    earn(owner, 125_050)
    return owner


@pytest.fixture
def staff(db: None) -> User:
    """Somebody of staff who reads English too."""
    return factories.make_user("Eva Dostálová", language="en", is_staff=True, is_superuser=True)


@pytest.fixture
def viewport() -> dict[str, int]:
    """An owner sits on her sofa."""
    return PHONE


def test_from_the_earnings_to_the_bank(
    owner: User, staff: User, page: Page, browser: Browser, live: Served, aside: Aside, complaints: list[str]
) -> None:
    log_in(page, owner)
    enter_an_account(page)
    complaints.clear()  # of the page that answered 400 to a wrong digit
    confirm_it(page, aside)
    aside(lambda: BankAccount.objects.update(usable_from=timezone.now()))
    ask_for_it(page)
    desk = browser.new_context(base_url=live.url, locale="en-GB").new_page()
    log_in(desk, staff)
    approve(desk)
    file = send_to_the_bank(desk)
    said = ElementTree.parse(file).getroot()
    assert [node.text for node in said.iter() if node.tag.endswith("}InstdAmt")] == ["1250.50"]
    assert IBAN in [node.text for node in said.iter() if node.tag.endswith("}IBAN")]
    payout = aside(Payout.objects.get)
    bring_in_the_statement(desk, fio(("-1250,50", "19-2000145399", "0800", payout.variable_symbol)))
    desk.context.close()

    page.goto("/owner/payouts/")
    expect(page.locator(".badge").get_by_text("Paid out")).to_be_visible()
    expect(page.locator(".figure").first).to_have_text("0.00 Kč")
    assert aside(audit.check) == []


def log_in(page: Page, person: User) -> None:
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(person.email)
    page.locator("input[name=password]").fill(factories.PASSWORD)
    page.locator("main button[type=submit]").click()
    expect(page.locator(".avatar").first).to_be_attached()


def enter_an_account(page: Page) -> None:
    page.goto("/owner/payouts/")
    page.get_by_role("link", name="Enter a bank account").click()
    page.get_by_label("IBAN or account number").fill("CZ65 0800 0000 1920 0014 5398")
    page.get_by_role("button", name="Use this account").click()
    expect(page.get_by_text("A digit of this IBAN is wrong. Copy it again.")).to_be_visible()
    page.get_by_label("IBAN or account number").fill("19-2000145399/0800")
    page.get_by_role("button", name="Use this account").click()
    expect(page.get_by_text("Not confirmed: follow the link in our e-mail.")).to_be_visible()


def confirm_it(page: Page, aside: Aside) -> None:
    letter = aside(lambda: Letter.objects.get(subject="Confirm your bank account"))
    page.goto("/owner/bank-account/confirm/" + letter.text.split("/confirm/")[1].split("/")[0] + "/")
    expect(page.get_by_text("CZ65 0800 0000 1920 0014 5399")).to_be_visible()
    page.get_by_role("button", name="Yes, it is mine").click()
    expect(page.get_by_text("Confirmed, and in use from")).to_be_visible()


def ask_for_it(page: Page) -> None:
    page.goto("/owner/payouts/")
    expect(page.get_by_label("How much")).to_have_value("1250.50")
    page.get_by_role("button", name="Pay out", exact=True).click()
    expect(page.locator(".badge").get_by_text("Requested")).to_be_visible()


def approve(desk: Page) -> None:
    desk.goto("/admin/billing/payout/")
    desk.get_by_role("link", name="Payout desk").click()
    expect(desk.get_by_role("cell", name="CZ65 0800 0000 1920 0014 5399")).to_be_visible()
    desk.get_by_role("button", name="Approve the chosen ones").click()
    expect(desk.get_by_text("Nobody waits for you.")).to_be_visible()


def send_to_the_bank(desk: Page) -> Path:
    desk.get_by_role("button", name="Make a batch for the bank").click()
    expect(desk.get_by_role("img", name="QR payment")).to_be_visible()
    with desk.expect_download() as download:
        desk.get_by_role("link", name="pain.001").click()
    return Path(download.value.path())


def bring_in_the_statement(desk: Page, content: bytes) -> None:
    desk.goto("/admin/billing/payout/desk/")
    desk.get_by_label("Bank statement").set_input_files({"name": "january.csv", "mimeType": "text/csv", "buffer": content})
    desk.get_by_role("button", name="Bring it in").click()
    expect(desk.get_by_text("1 paid, 0 came back")).to_be_visible()
