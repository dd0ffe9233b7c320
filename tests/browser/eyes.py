"""Somebody who opens pages, and writes down what is wrong with them: by eye, by ear and by keyboard."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser import axe
from tests.browser.conftest import DESKTOP, PHONE
from tests.factories import PASSWORD
from tests.serving import Served

LOOKING = (Path(__file__).parent / "looking.js").read_text(encoding="utf-8")
STANDING = (Path(__file__).parent / "standing.js").read_text(encoding="utf-8")
TARGETS = (Path(__file__).parent / "targets.js").read_text(encoding="utf-8")
NARROW = {"width": 320, "height": 640}  # a desk at four times its size
MOST_TABS = 80
LITTLE_PATIENCE_S = 10
FINGER_PX = 48  # what a finger hits at once; WCAG 2.2 asks for half of it


class Eyes:
    """One browser profile that opens pages and writes down what is wrong with them."""

    def __init__(self, browser: Browser, live: Served, *, language: str, size: dict[str, int], scheme: Literal["light", "dark"]) -> None:
        self.size, self.scheme, self.language = size, scheme, language
        self.path = self.dressed = ""
        self.context: BrowserContext = browser.new_context(
            base_url=live.url,
            locale=language,
            timezone_id="Europe/Prague",
            viewport=size,  # type: ignore[arg-type]
            color_scheme=scheme,
            reduced_motion="reduce",
            service_workers="block",
            has_touch=size is PHONE,
        )
        self.context.add_cookies([{"name": "django_language", "value": language, "url": live.url}])
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.note(f"script: {error}"))

    def hear(self, message: ConsoleMessage) -> None:
        """Write down what the browser complains about."""
        if message.type == "error":
            self.note(f"console: {message.text}")

    def note(self, what: str) -> None:
        """Write it down with the page it is about."""
        self.wrong.append(f"{self.path} ({self.language}, {self.page.viewport_size}, {self.dressed}): {what}")

    def log_in(self, email: str) -> None:
        """Through the form, and then past the question before the most private pages."""
        self.page.goto("/accounts/login/")
        self.page.locator("input[name=login]").fill(email)
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("main button[type=submit]").click()
        expect(self.page.locator(".avatar")).to_be_attached()
        self.prove_it_is_her()

    def prove_it_is_her(self) -> None:
        """The password again, which is believed for some minutes."""
        self.page.goto("/accounts/reauthenticate/")
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("main button[type=submit]").click()
        expect(self.page).not_to_have_url(re.compile("reauthenticate"))
        self.context.add_cookies([{"name": "django_language", "value": self.language, "url": self.page.url}])

    def look_at(self, path: str, *, everywhere: Sequence[str] = ()) -> None:
        """Open it, look, and look again in the other size and the other dress; some pages are walked all over."""
        self.path, self.dressed = path, self.scheme
        self.page.set_viewport_size(self.size)  # type: ignore[arg-type]
        self.page.emulate_media(color_scheme=self.scheme)
        answer = self.page.goto(path)
        if answer is None or answer.status >= 400:
            self.note(f"status {answer and answer.status}")
        if not self.page.url.endswith(path):
            self.note(f"led to {self.page.url}")
        self.look(None)
        for what in axe.look(self.page):
            self.note(what)
        if self.size is PHONE:
            for what in self.page.evaluate(TARGETS, FINGER_PX):
                self.note(what)
        if path in everywhere:
            self.walk_all_over()
        elif self.size is DESKTOP:  # where there is a keyboard
            self.walk_to_the_action()
        other = DESKTOP if self.size is PHONE else NARROW
        self.dressed = "dark" if self.scheme == "light" else "light"
        self.page.set_viewport_size(other)  # type: ignore[arg-type]
        self.page.emulate_media(color_scheme=self.dressed)  # type: ignore[arg-type]
        self.look("dress")

    def walk_to_the_action(self) -> None:
        """With the keyboard alone, past the bar on top, to what the page is for."""
        if not self.page.evaluate(STANDING)["hasAction"]:
            return
        self.page.evaluate("() => document.getElementById('main').focus()")
        for _ in range(MOST_TABS):
            if (at := self.step())["isAction"] or at["isOut"]:
                break
        if not at["isAction"]:
            self.note(f"the keyboard does not reach what the page is for, but {at['what']}")

    def walk_all_over(self) -> None:
        """With the keyboard alone to everything there is, and out again."""
        self.page.evaluate("() => document.activeElement.blur()")
        for _ in range(MOST_TABS * 2):
            if self.step()["isOut"]:
                break
        for what in self.page.evaluate(STANDING, "missed"):
            self.note(f"the keyboard does not reach {what}")

    def step(self) -> dict[str, Any]:
        """One step on, seeing where one is."""
        self.page.keyboard.press("Tab")
        at: dict[str, Any] = self.page.evaluate(STANDING)
        deadline = time.monotonic() + LITTLE_PATIENCE_S
        while at["isHidden"] and time.monotonic() < deadline:  # a map moves to what has the focus
            self.page.wait_for_timeout(100)
            at = self.page.evaluate(STANDING)
        if not at["isSeen"]:
            self.note(f"the focus is not seen: {at['what']}")
        if at["isHidden"]:
            self.note(f"the focus is hidden: {at['what']}")
        return at

    def look(self, part: str | None) -> None:
        """What is wrong right now."""
        for what in self.page.evaluate(LOOKING, part):
            self.note(what)
