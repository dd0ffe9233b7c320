"""Browsers in a list: by names that people know, and not by the line they send."""

import pytest

from accounts.templatetags.browsers import browser

SAID = {
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36": "Chrome · Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0": "Edge · Windows",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Safari/604.1": "Safari · iPhone",
    "Mozilla/5.0 (Android 15; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0": "Firefox · Android",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15": "Safari · macOS",
    "python-httpx/0.27": "python-httpx/0.27",
    "Windows of the kitchen": "Windows of the kitchen",
    "": "",
}


@pytest.mark.parametrize(("said", "spoken"), SAID.items(), ids=SAID.values())
def test_browser_is_called_as_people_call_it(said: str, spoken: str) -> None:
    assert browser(said) == spoken
