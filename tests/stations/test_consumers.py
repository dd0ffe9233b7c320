"""Sockets of open pages: who is let in, what is sent, and when it ends."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from chargeshare.asgi import application
from stations import consumers, live, sessions
from stations.models import ChargePoint, ChargingSession
from tests import factories
from tests.stations.acting import go_online

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_S = 60
later = sync_to_async


@pytest.fixture
def place(charge_point):
    return go_online(charge_point)


@pytest.fixture
def session(place, driver):
    return sessions.request_start(driver=driver, connector=place.connectors.get())


def page_of(user: Any = None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


class Browser(WebsocketCommunicator):
    """A socket with the patience of a busy machine."""

    async def connect(self, timeout=PATIENCE_S):  # noqa: ASYNC109 - the parent's signature
        return await super().connect(timeout)

    async def receive_output(self, timeout=PATIENCE_S):  # noqa: ASYNC109 - the parent's signature
        return await super().receive_output(timeout)

    async def receive_json_from(self, timeout=PATIENCE_S):  # noqa: ASYNC109 - the parent's signature
        return await super().receive_json_from(timeout)


def socket(path: str, client: Client | None = None) -> Browser:
    """A browser's socket, with the cookies of its page."""
    cookie = client.cookies.get(settings.SESSION_COOKIE_NAME) if client else None
    headers = [(b"origin", b"http://localhost"), (b"host", b"localhost")]
    if cookie:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie.value}".encode()))
    return Browser(application, path, headers)


def played(scenario: Callable[[], Awaitable[None]]) -> None:
    async_to_sync(scenario)()


def test_the_driver_sees_her_session_change(session, driver):
    """The same fragment as on the page, in the language the page asks for."""
    client = page_of(driver)

    async def scenario():
        browser = socket(f"/live/sessions/{session.code}/?lang=cs", client)
        assert (await browser.connect())[0]
        first = await browser.receive_json_from()
        assert (first["type"], first["status"]) == ("session", "pending")
        assert 'data-live-fragment="session"' in first["html"]
        await later(sessions.request_stop)(user=driver, session=session)
        second = await browser.receive_json_from()
        assert second["status"] == "invalid"
        assert "data-live-over" in second["html"]
        await browser.disconnect()

    played(scenario)


def test_a_watched_session_says_so(session, driver):
    async def scenario():
        browser = socket(f"/live/sessions/{session.code}/", await later(page_of)(driver))
        await browser.connect()
        await browser.receive_json_from()
        await browser.disconnect()

    played(scenario)

    watched_until = ChargingSession.objects.get().watched_until
    assert watched_until is not None
    assert watched_until > timezone.now()


def test_others_are_not_let_in(session, stranger, place, owner):
    """A refusal looks the same whether the session, or the charger, exists or not."""

    async def scenario():
        nobody, other = None, await later(page_of)(stranger)
        for client in (nobody, other):
            for path in (
                f"/live/sessions/{session.code}/",
                "/live/sessions/00000000-0000-4000-8000-000000000000/",
                f"/live/charge-points/{place.code}/",
                "/live/charge-points/nothing/",
            ):
                browser = socket(path, client)
                assert await browser.connect() == (False, consumers.NOT_YOURS)

    played(scenario)


def test_a_foreign_page_is_not_let_in(session, driver):
    async def scenario():
        client = await later(page_of)(driver)
        browser = socket(f"/live/sessions/{session.code}/", client)
        browser.scope["headers"][0] = (b"origin", b"https://evil.example")
        assert not (await browser.connect())[0]

    played(scenario)


def test_logging_out_closes_the_page(session, driver, owner, place):
    """Whoever has left the browser must not leave an open eye behind."""
    client, hers = page_of(driver), page_of(owner)

    async def scenario():
        browser = socket(f"/live/sessions/{session.code}/", client)
        window = socket(f"/live/charge-points/{place.code}/", hers)
        await browser.connect()
        await window.connect()
        await browser.receive_json_from()
        await later(client.logout)()
        await later(hers.logout)()
        await later(live.session_changed)(session)
        assert (await browser.receive_output())["code"] == consumers.NOT_YOURS
        assert (await window.receive_output())["code"] == consumers.NOT_YOURS

    played(scenario)


def test_logging_out_is_noticed_without_news(session, driver, monkeypatch):
    monkeypatch.setattr(consumers, "LOOK_EVERY_S", 0.05)
    client = page_of(driver)

    async def scenario():
        browser = socket(f"/live/sessions/{session.code}/", client)
        await browser.connect()
        await browser.receive_json_from()
        await later(client.logout)()
        while (said := await browser.receive_output())["type"] == "websocket.send":
            pass
        assert said["code"] == consumers.NOT_YOURS

    played(scenario)


def test_the_owner_hears_what_has_news(place, owner):
    async def scenario():
        window = socket(f"/live/charge-points/{place.code}/", await later(page_of)(owner))
        assert (await window.connect())[0]
        await later(live.charge_point_changed)(place, "frames")
        assert await window.receive_json_from() == {"type": "charge_point", "what": "frames"}
        await later(ChargePoint.objects.filter(pk=place.pk).update)(owner=await later(factories.make_user)("Next"))
        await later(live.charge_point_changed)(place, "frames")
        assert (await window.receive_output())["code"] == consumers.NOT_YOURS

    played(scenario)


def test_the_map_tells_many_changes_once_and_no_secrets(place, owner):
    """Which pins to ask for again; a private charger's code reaches nobody it is hidden from."""
    hidden = factories.make_charge_point(owner, access=ChargePoint.Access.PRIVATE)

    def all_change():
        with transaction.atomic():  # told together once it is committed, within the moment that changes are gathered for
            for _time in range(3):
                live.charge_point_changed(place, "status")
                live.charge_point_changed(hidden, "status")

    async def scenario():
        browser = socket("/live/map/")
        assert (await browser.connect())[0]
        await later(all_change)()
        assert await browser.receive_json_from() == {"type": "connector", "charge_point": place.code}
        assert await browser.receive_nothing(timeout=1)
        await browser.disconnect()

    played(scenario)


def test_what_a_page_sends_is_not_read(place):
    async def scenario():
        browser = socket("/live/map/")
        await browser.connect()
        await browser.send_to(text_data="{not json")
        await browser.send_to(bytes_data=b"\x00")
        assert await browser.receive_nothing(timeout=0.2)
        await later(live.charge_point_changed)(place, "status")
        assert (await browser.receive_json_from())["charge_point"] == place.code
        await browser.disconnect()

    played(scenario)
