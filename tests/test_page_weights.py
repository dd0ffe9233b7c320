"""How much a phone fetches for the first page it opens: bytes as they travel, and how many requests.

Counted as a browser would: the page, the style, script and type it names, what those name in turn, and every picture. The map's own
ground is left out like the tiles it stands for.
"""

import gzip
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import LazySettings
from django.contrib.staticfiles import finders
from django.test import Client
from django.utils import translation

from tests.browser import test_looks, town

MOST_BYTES = 150_000
MOST_REQUESTS = 24
TEXTS = (".css", ".js", ".svg", ".json")
NAMED = re.compile(r"""<(?:link|script|img|source)\b[^>]*?\b(?:href|src)="(/static/[^"]+)\"""")
IMPORTED = re.compile(r"""(?:from|import)\s*["'](\.{1,2}/[^"']+)["']""")
DRAWN = re.compile(r"""url\(["']?([^"')]+)["']?\)""")
SELDOM = (
    "inter-latin-ext-wght",  # letters of neither of our languages nor our neighbours'; a browser fetches the file when it meets one
    "leaflet/images/layers",  # the button of a control that no map of ours has: what no rule draws, no browser fetches
)
# Fetched without scripts, or to install it.
UNASKED = re.compile(r"""<noscript>.*?</noscript>|<link rel="apple-touch-icon"[^>]*>""", re.DOTALL)


@cache
def _weighed(path: str) -> tuple[int, tuple[str, ...]]:
    """What a static file weighs on the way, and what it names."""
    found = finders.find(path.removeprefix("/static/"))
    assert found, path
    content = Path(found).read_bytes()
    named: list[str] = []
    if path.endswith(".js"):
        named = IMPORTED.findall(content.decode())
    elif path.endswith(".css"):
        named = [one for one in DRAWN.findall(content.decode()) if not one.startswith(("data:", "#"))]
    size = len(gzip.compress(content, 6)) if path.endswith(TEXTS) else len(content)
    return size, tuple(_beside(path, one) for one in named if not any(seldom in one for seldom in SELDOM))


def _beside(path: str, name: str) -> str:
    return urlsplit(f"/{Path('/', Path(path).parent, name.partition('?')[0]).resolve().relative_to('/')}").path


def _fetched(html: str) -> dict[str, int]:
    """Every file a page comes to, with its weight."""
    waiting, weights = [path.partition("?")[0] for path in NAMED.findall(UNASKED.sub("", html))], {}
    while waiting:
        path = waiting.pop()
        if path not in weights:
            weights[path], named = _weighed(path)
            waiting += named
    return weights


@pytest.mark.one_database
def test_no_page_weighs_more_than_a_bad_line_carries(transactional_db: None, settings: LazySettings) -> None:
    settings.STAFF_NEED_SECOND_FACTOR = False
    people = town.build()
    too_much, seen = [], 0
    for language in ("cs", "en"):
        for user, asking in ((None, test_looks.of_everybody(people)), (people.me, test_looks.of_mine(people))):
            client = Client(headers={"accept-encoding": "gzip", "accept-language": language})
            if user is not None:
                client.force_login(user)
            with translation.override(language):
                paths = test_looks.addresses(asking)
            for path in paths if language == "cs" else paths[::8]:  # the Czech letters are the heavier ones
                client.cookies["django_language"] = language
                answer = client.get(path)
                if answer.status_code != 200:
                    continue
                html = (
                    gzip.decompress(answer.content).decode()
                    if answer.headers.get("Content-Encoding") == "gzip"
                    else answer.content.decode()
                )
                weights = {path: len(answer.content), **_fetched(html)}
                seen += 1
                if sum(weights.values()) > MOST_BYTES or len(weights) > MOST_REQUESTS:
                    heaviest = sorted(weights.items(), key=lambda one: -one[1])[:4]
                    too_much.append(f"{path} ({language}): {sum(weights.values())} bytes, {len(weights)} requests, {heaviest}")
    assert seen > 80
    assert not too_much, "\n".join(too_much)
