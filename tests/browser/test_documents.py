"""What a program's author reads, in a real browser under the strict policy."""

import re

from playwright.sync_api import Page, expect


def test_interface_is_described_without_a_network(page: Page) -> None:
    page.goto("/api/docs/")
    expect(page.get_by_role("heading", name=re.compile("ChargeShare"))).to_be_visible()
    expect(page.get_by_text("/api/v1/areas/", exact=False).first).to_be_visible()  # the rest is drawn when it is reached
