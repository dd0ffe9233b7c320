"""How a simulated charger reaches its central system."""

import base64
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeAlias
from urllib.parse import quote, unquote, urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake

SUBPROTOCOL = "ocpp1.6"


class LinkClosed(ConnectionError):
    """The link is gone; `code` is the close code of the WebSocket, or the HTTP status of a refused one."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


class Link(Protocol):
    """Anything that carries texts both ways; all three raise LinkClosed once it is gone."""

    async def send(self, text: str, /) -> None:
        """Send one text."""

    async def recv(self) -> str:
        """Wait for the next text."""

    async def close(self) -> None:
        """Hang up."""


Dial: TypeAlias = Callable[[str | None], Awaitable[Link]]


class WebSocketLink:
    """A WebSocket as a link."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol the server chose."""
        return self._connection.subprotocol

    async def send(self, text: str | bytes, /) -> None:
        """Send one text frame, or a binary one for bytes."""
        try:
            await self._connection.send(text)
        except ConnectionClosed as closed:
            raise _closed(closed) from closed

    async def recv(self) -> str:
        """Wait for the next text."""
        try:
            received = await self._connection.recv()
        except ConnectionClosed as closed:
            raise _closed(closed) from closed
        return received if isinstance(received, str) else received.decode()

    async def close(self) -> None:
        """Close politely."""
        await self._connection.close()

    async def break_off(self) -> None:
        """Cut the wire: no close frame, as when a router dies."""
        self._connection.transport.abort()
        await self._connection.wait_closed()


async def connect(
    url: str,
    identity: str,
    password: str | None,
    *,
    subprotocols: tuple[str, ...] = (SUBPROTOCOL,),
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
) -> WebSocketLink:
    """Dial a central system. `url` may already end with the identity; LinkClosed tells why it did not answer."""
    if unquote(urlsplit(url).path.rpartition("/")[2]) != identity:
        url = f"{url.rstrip('/')}/{quote(identity, safe=':')}"
    headers = dict(headers or {})
    if password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{identity}:{password}".encode()).decode()
    try:
        connection = await open_websocket(
            url,
            subprotocols=[protocol for protocol in subprotocols] or None,  # type: ignore[misc]  # noqa: C416 - a list of NewType
            additional_headers=headers,
            ssl=tls,
            compression=None,
            ping_interval=None,
            max_size=2**20,
            open_timeout=30,  # boxes wait at least so long; who dials again too soon only makes a queue longer
            close_timeout=2,
            user_agent_header=None,
            proxy=None,
        )
    except InvalidHandshake as refusal:
        response = getattr(refusal, "response", None)
        raise LinkClosed(str(refusal), response.status_code if response is not None else None) from refusal
    except (OSError, EOFError, TimeoutError) as fault:
        raise LinkClosed(f"{url} cannot be reached: {fault}") from fault
    return WebSocketLink(connection)


def dialler(url: str, identity: str) -> Dial:
    """Make the function with which one charger dials one central system, again and again."""

    async def dial(password: str | None) -> Link:
        return await connect(url, identity, password)

    return dial


def _closed(closed: ConnectionClosed) -> LinkClosed:
    received = closed.rcvd
    return LinkClosed(received.reason if received else "the connection broke", received.code if received else None)
