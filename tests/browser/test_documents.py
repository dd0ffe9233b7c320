"""What a program's author reads, in a real browser under the strict policy."""

import re

from playwright.sync_api import Page, expect


def test_interface_is_described_without_a_network(page: Page) -> None:
    page.goto("/api/docs/")
    expect(page.get_by_role("heading", name=re.compile("ChargeShare"))).to_be_visible()
    expect(page.get_by_text("/api/v1/charge-points/", exact=False).first).to_be_visible()  # the rest is drawn when it is reached


def test_look_of_the_site_is_kept_on_the_device(page: Page) -> None:
    page.goto("/accounts/login/")
    page.evaluate("() => navigator.serviceWorker.register('/sw.js')")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.reload()
    page.wait_for_function("async () => (await (await caches.open((await caches.keys())[0])).keys()).length > 0")
    kept = page.evaluate("async () => (await (await caches.open((await caches.keys())[0])).keys()).map((one) => new URL(one.url).pathname)")
    assert all(path.startswith("/static/") for path in kept)
