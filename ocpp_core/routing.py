"""/ocpp/<identity>: a plain ASGI callable. It holds no channel and no consumer, so nothing but its socket can end it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from django.db import DatabaseError

from chargeshare import tally
from ocpp_core import admission, door, handshake
from ocpp_core.connection import NORMAL, Connection
from ocpp_core.handshake import Verdict
from ocpp_core.workers import DatabaseAway

logger = logging.getLogger(__name__)

SOCKET = "chargeshare.socket"  # a server that hands frames over and takes them without a queue
DENIAL = "websocket.http.response"

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def charger_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one charger from the handshake to the end of its socket."""
    if (await receive())["type"] != "websocket.connect":
        return
    this_door = door.current()
    request = handshake.Request.read(scope)
    if this_door.is_draining:
        await _deny(scope, send, 503, [(b"Retry-After", b"10")])
        return
    if handshake.refusals.is_known(request):
        await _deny(scope, send, 429, [(b"Retry-After", b"60")])
        return
    try:
        verdict = await this_door.backstage.ask(admission.admit_together, handshake.admit, request)
    except DatabaseAway:
        await _deny(scope, send, 503, [(b"Retry-After", b"10")])
        return
    if not verdict.is_accepted:
        await _deny(scope, send, verdict.status, verdict.headers)
        if verdict.is_too_often:
            handshake.refusals.note(request)
        await _remember(this_door, verdict, request.client)
        return
    await _serve(scope, receive, send, this_door, verdict)


async def _serve(scope: Scope, receive: Receive, send: Send, this_door: door.Door, verdict: Verdict) -> None:
    socket = scope.get("extensions", {}).get(SOCKET)
    outbox: asyncio.Queue[Message] | None = None
    if socket is not None:
        connection = Connection(verdict, this_door.backstage, send=socket.send_text, close=socket.close, unread=socket.unread)
        connection.on_lost = this_door.lost
        socket.attach(connection)
    else:
        queue = outbox = asyncio.Queue()
        connection = Connection(
            verdict,
            this_door.backstage,
            send=lambda text: queue.put_nowait({"type": "websocket.send", "text": text}),
            close=lambda code: queue.put_nowait({"type": "websocket.close", "code": code}),
        )
    former = this_door.registry.add(connection)
    if former is not None:
        former.close(NORMAL)
    sender = this_door.backstage.loop.create_task(_send_all(outbox, send)) if outbox is not None else None
    code = 1006
    tally.handshakes["101"] += 1
    has_left = False
    try:
        await send({"type": "websocket.accept", "subprotocol": verdict.subprotocol})
        lean = socket.leave() if socket is not None else None
        if lean is None:
            code = await _read(receive, connection)
        else:
            has_left = True
            connection.moves_to(lean)
    finally:
        if not has_left:
            if sender is not None:
                sender.cancel()
            await this_door.has_lost(connection, code)


async def _read(receive: Receive, connection: Connection) -> int:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return int(message.get("code") or 1006)
        text = message.get("text")
        if text is not None:
            connection.feed(text)
        else:
            connection.refuse_binary()


async def _send_all(outbox: asyncio.Queue[Message], send: Send) -> None:
    while True:
        await send(await outbox.get())


async def _remember(this_door: door.Door, verdict: Verdict, client: str | None) -> None:
    if verdict.is_worth_remembering:
        with suppress(DatabaseAway):
            try:
                await this_door.backstage.workers.run(handshake.remember_refusal, verdict, client)
            except DatabaseError:
                logger.exception("a refusal of %r could not be written down", verdict.identity)


async def _deny(scope: Scope, send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    tally.handshakes[str(status)] += 1
    if DENIAL in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b""})
    else:
        await send({"type": "websocket.close"})
