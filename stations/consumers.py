"""Browser sockets: an open page is told to look again, and who looks is asked anew each time it is told something."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user as user_of_session
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.module_loading import import_string
from redis.exceptions import RedisError

from accounts.models import User
from chargeshare.errors import NotFound
from stations.models import ChargePoint, ChargingSession
from stations.views.sessions import find, panel_context

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

LOOK_EVERY_S = 30
WATCHED_FOR = timedelta(seconds=75)
GATHER_S = 0.4
NOT_YOURS = 4403
TRY_AGAIN_LATER = 1013


async def ask(function: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
    """Run a question to the database in a thread of its own, not in the one that all of them share."""
    answer: R = await database_sync_to_async(function, thread_sensitive=False)(*args, **options)
    return answer


class LiveConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]  # channels ships no types
    """What the three have in common: their groups, and a heartbeat that notices that somebody has logged out."""

    groups_joined: tuple[str, ...] = ()
    _heart: asyncio.Task[None] | None = None

    async def open(self, *groups: str) -> None:
        """Let the page in."""
        self.groups_joined = groups
        for group in groups:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()
        self._heart = asyncio.create_task(self._beat())

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - channels' signature
        """Leave the group."""
        if self._heart is not None:
            self._heart.cancel()
        for group in self.groups_joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one page. Where the channel layer goes away its socket is closed: it asks by itself from then on, and knocks again."""
        try:
            await super().__call__(scope, receive, send)
        except RedisError as error:
            logger.warning("channel layer unreachable, an open page looks for itself: %s", error)
            if self._heart is not None:
                self._heart.cancel()
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **options: Any) -> None:
        """Pages say nothing: whatever changes something is a form with its token."""

    async def still_allowed(self) -> bool:
        """Whether this page may still be open."""
        return True

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            with contextlib.suppress(RedisError):  # a group forgets its members after a day, and at once where somebody empties Redis
                for group in self.groups_joined:
                    await self.channel_layer.group_add(group, self.channel_name)
            if not await self.still_allowed():
                await self.close(NOT_YOURS)
                return

    def viewer(self) -> User | None:
        """Who looks, by the session as it is now: after logging out nobody does."""
        opened: SessionBase | None = self.scope.get("session")
        if opened is None or not opened.session_key:
            return None
        request = HttpRequest()
        request.session = import_string(f"{settings.SESSION_ENGINE}.SessionStore")(opened.session_key)
        user = user_of_session(request)
        return user if isinstance(user, User) and user.is_active else None

    def language(self) -> str:
        """The page's own, which it says when it opens the socket."""
        said = parse_qs(self.scope.get("query_string", b"").decode("ascii", "replace")).get("lang", [""])[0]
        with contextlib.suppress(LookupError):
            return translation.get_supported_language_variant(said)
        return settings.LANGUAGE_CODE


class SessionConsumer(LiveConsumer):
    """One session's page: the same fragment as the page itself, drawn for the one who looks."""

    async def connect(self) -> None:
        """Open for the driver, the owner and staff."""
        self.code = self.scope["url_route"]["kwargs"]["code"]
        if await self._drawn() is None:
            await self.close(NOT_YOURS)
            return
        await self.open(f"session-{self.code}")
        await self._send()

    async def session_changed(self, event: dict[str, Any]) -> None:  # noqa: ARG002 - the database is the truth
        """Something about it changed."""
        await self._send()

    async def still_allowed(self) -> bool:
        """Every half minute: readings are announced while somebody watches, and time goes on without readings."""
        return await self._send()

    async def _send(self) -> bool:
        drawn = await self._drawn()
        if drawn is None:
            await self.close(NOT_YOURS)
            return False
        await self.send_json(drawn)
        return True

    async def _drawn(self) -> dict[str, Any] | None:
        return await ask(self._draw)

    def _draw(self) -> dict[str, Any] | None:
        viewer = self.viewer()
        if viewer is None:
            return None
        try:
            session = find(viewer, self.code)
        except NotFound:
            return None
        if not session.has_ended:
            ChargingSession.objects.filter(pk=session.pk).update(watched_until=timezone.now() + WATCHED_FOR)
        with translation.override(self.language()):
            html = render_to_string("stations/_session_panel.html", panel_context(viewer, session))
        return {"type": "session", "status": session.status.lower(), "html": html}


class MapConsumer(LiveConsumer):
    """The map: which pins should be asked for again. Many changes in a moment are told once."""

    async def connect(self) -> None:
        """Open for everybody."""
        self._changed: set[str] = set()
        self._telling: asyncio.Task[None] | None = None
        await self.open("map")

    async def disconnect(self, code: int) -> None:
        """Forget what was not told yet."""
        if self._telling is not None:
            self._telling.cancel()
        await super().disconnect(code)

    async def connector_changed(self, event: dict[str, Any]) -> None:
        """Gather for a moment, then tell."""
        await self.connectors_changed({"charge_points": [event["charge_point"]]})

    async def connectors_changed(self, event: dict[str, Any]) -> None:
        """Many at once, as after a power cut."""
        self._changed.update(event["charge_points"])
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        await asyncio.sleep(GATHER_S)
        codes, self._changed = self._changed, set()
        for code in await ask(self._seen, codes):
            await self.send_json({"type": "connector", "charge_point": code})

    def _seen(self, codes: set[str]) -> list[str]:
        visible = ChargePoint.objects.published().visible_to(self.viewer())
        return list(visible.filter(code__in=codes).values_list("code", flat=True))


class OwnerConsumer(LiveConsumer):
    """The owner's pages of one charger: what has news, so that the page asks for that part."""

    async def connect(self) -> None:
        """Open for the owner and staff; to everybody else the charger does not exist."""
        self.code = self.scope["url_route"]["kwargs"]["code"]
        found = await ask(self._find)
        if found is None:
            await self.close(NOT_YOURS)
            return
        self.charge_point_id = found
        await self.open(f"charge-point-{found}", "charge-points")

    async def charge_points_changed(self, event: dict[str, Any]) -> None:
        """Many chargers have news at once; whether this one is among them."""
        if self.charge_point_id in event["charge_points"]:
            await self.charge_point_changed(event)

    async def charge_point_changed(self, event: dict[str, Any]) -> None:
        """Say what has news, if it is still hers."""
        if await self.still_allowed():
            await self.send_json({"type": "charge_point", "what": event["what"]})
        else:
            await self.close(NOT_YOURS)

    async def still_allowed(self) -> bool:
        """Whether she is logged in and runs it."""
        return await ask(self._find) is not None

    def _find(self) -> int | None:
        viewer = self.viewer()
        if viewer is None:
            return None
        charge_points = ChargePoint.objects.all() if viewer.is_staff else ChargePoint.objects.filter(owner=viewer)
        return charge_points.filter(code=self.code).values_list("pk", flat=True).first()
