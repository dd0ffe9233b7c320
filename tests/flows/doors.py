"""The people's door as a program or a browser without scripts sees it, and the proof that the books agree with the meter."""

import asyncio
import html
import http.cookiejar
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from accounts.models import User
from billing import audit, ledger
from billing.models import Hold
from stations.models import ChargingSession
from tests.factories import PASSWORD
from tests.serving import Served

PATIENCE_S = 60.0


class Api:
    """One person's program: logs in with a token, speaks JSON."""

    def __init__(self, served: Served, user: User) -> None:
        self.base = f"{served.url}/api/v1/"
        self.email = user.email
        self.access: str | None = None

    async def get(self, path: str) -> Any:
        """What stands at `path`."""
        status, body = await self.ask("GET", path)
        assert status == 200, body
        return body

    async def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Ask for something; status and answer."""
        return await self.ask("POST", path, body, **headers)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Any request, in a thread, for the charger's side goes on meanwhile."""
        return await asyncio.to_thread(self._ask, method, path, body, headers)

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        if self.access is None and path != "auth/token/":
            _status, tokens = self._ask("POST", "auth/token/", {"email": self.email, "password": PASSWORD}, {})
            self.access = tokens["access"]
        headers = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.access:
            headers["Authorization"] = f"Bearer {self.access}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - our own server
                return response.status, json.loads(response.read() or "null")
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read() or "null")

    async def session(self, **wanted: Any) -> Any:
        """Wait until my newest session is as wanted, and give it."""
        newest = None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = (await self.get("sessions/"))["results"]
                newest = found[0] if found else None
                if newest and all(newest[name] == value for name, value in wanted.items()):
                    return newest
                await asyncio.sleep(0.1)


class Pages:
    """One person's browser without scripts: cookies, links, forms."""

    def __init__(self, served: Served) -> None:
        self.base = served.url
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.url = ""
        self.text = ""

    async def log_in(self, user: User) -> None:
        """Through the form, as everybody does."""
        await self.open("/accounts/login/")
        await self.submit("login", login=user.email, password=PASSWORD)

    async def open(self, path: str) -> str:
        """Follow a link."""
        return await asyncio.to_thread(self._load, urllib.parse.urljoin(self.url or self.base, path), None)

    async def submit(self, wanted: str, **values: str | list[str]) -> str:
        """Fill in the form whose action holds `wanted`, and send it with its hidden fields."""
        for form in re.findall(r"<form\b.*?</form>", self.text, re.DOTALL):
            action = html.unescape((re.search(r'\baction="([^"]*)"', form) or ["", self.url])[1])
            if wanted in urllib.parse.urljoin(self.url, action):
                fields = {
                    html.unescape(name[1]): html.unescape((re.search(r'\bvalue="([^"]*)"', tag) or ["", ""])[1])
                    for tag in re.findall(r"<input\b[^>]*\btype=\"hidden\"[^>]*>", form)
                    if (name := re.search(r'\bname="([^"]*)"', tag))
                }
                data = urllib.parse.urlencode({**fields, **values}, doseq=True).encode()
                return await asyncio.to_thread(self._load, urllib.parse.urljoin(self.url, action), data)
        raise AssertionError(f"no form for {wanted} at {self.url}")

    def _load(self, url: str, data: bytes | None) -> str:
        request = urllib.request.Request(url, data, {"Referer": self.url or self.base})  # noqa: S310 - our own server
        with self.opener.open(request, timeout=60) as response:
            self.url, self.text = response.url, response.read().decode()
        return self.text


def price_minor(energy_wh: int, per_kwh: str = "6.50") -> int:
    """What so much energy costs, rounded half up to the haléř."""
    return int((Decimal(energy_wh) * Decimal(per_kwh) / 10).quantize(Decimal(1), ROUND_HALF_UP))


def assert_settled(session: ChargingSession, *, opening_minor: int, energy_wh: int, per_kwh: str = "6.50") -> None:
    """Energy, debit, credit and share exact; nothing held; every book in order."""
    session.refresh_from_db()
    assert session.status == ChargingSession.Status.COMPLETED
    assert session.energy_wh == energy_wh
    assert session.cdr is not None
    assert session.driver is not None
    cost_minor = price_minor(energy_wh, per_kwh)
    fee_minor = cost_minor // 10
    assert (session.cdr.total_minor, session.cdr.fee_minor) == (cost_minor, fee_minor)
    wallet = ledger.wallet(session.driver)
    assert (wallet.balance_minor, wallet.held_minor) == (opening_minor - cost_minor, 0)
    assert ledger.account(session.owner, "earnings_pending").balance_minor == cost_minor - fee_minor
    assert ledger.platform_account("platform_fee").balance_minor == fee_minor
    assert sum(line.amount_minor for line in session.cdr.lines.all()) == cost_minor
    assert_books()


def assert_books() -> None:
    """What `check_ledger` proves."""
    assert not Hold.objects.filter(closed_at=None).exists()
    assert list(audit.check()) == []
