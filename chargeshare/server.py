"""Daphne as chargers need it.

What stock Daphne cannot do: answer a refused handshake with 401, tell proxies from strangers, close an oversized frame
with 1009, spread its pings, take a pong for a sign of life, hand a frame over without a queue and a task switch, and let a
charger's socket go its own way once the handshake is over.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from time import monotonic
from typing import Any

from autobahn.websocket.types import ConnectionDeny
from daphne.server import Server as DaphneServer
from daphne.server import reactor
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import tcp

from chargeshare import bodies, memory, newcomers
from chargeshare.lean import MOST_UNREAD, LeanSocket, LeanSockets, Sink

logger = logging.getLogger(__name__)

SOCKET_EXTENSION = "chargeshare.socket"
DENIAL_EXTENSION = "websocket.http.response"
CERTIFICATE_EXTENSION = "chargeshare.client_certificate"

Network = IPv4Network | IPv6Network
Header = tuple[bytes, bytes]


class Socket(WebSocketProtocol):  # type: ignore[misc]
    """One WebSocket, browser's or charger's."""

    sink: Sink | None = None
    last_sign_at = 0.0
    _pinged_at = 0.0
    _ping_due_at = 0.0
    _denial: tuple[int, list[Header]] | None = None

    def attach(self, sink: Sink) -> None:
        """From now on give every message to `sink` at once instead of queueing it for `receive`."""
        self.sink = sink

    def leave(self) -> LeanSocket | None:
        """Let the socket go its own way: what served the handshake is no longer needed. None where it has to stay.

        Everything here that holds everything else is taken apart at once. Python would find these circles by itself, but it
        looks through what is old so rarely that a storm's leftovers would stay for hours.
        """
        lean, transport = self.server.lean, self.transport
        if lean is None or self.server.keeps_sockets or self.sink is None or type(transport) not in _PLAIN:
            return None
        if transport.disconnecting or transport.disconnected:
            return None
        try:  # what only an instance has cannot be looked for at the start
            is_between_messages = self.state == self.STATE_OPEN and not (self.data or self.current_frame is not None or self.inside_message)
            unsent = transport.dataBuffer[transport.offset :] + b"".join(transport._tempDataBuffer)  # noqa: SLF001
        except AttributeError as missing:
            self.server.keep_sockets(str(missing))
            return None
        if not is_between_messages:
            return None
        transport.stopReading()
        transport.stopWriting()
        socket = LeanSocket(lean, transport.getHandle(), self.sink, unsent)
        socket.last_sign_at = self.last_sign_at
        server = self.server
        server.tidying.came()
        channel = transport.producer
        for one in (*getattr(channel, "requests", ()), channel, transport, self):
            server.connections.pop(one, None)
            vars(one).clear()
        return socket

    def send_text(self, text: str) -> None:
        """Send a text message now; on a socket that is not open, drop it."""
        if self.state == self.STATE_OPEN:
            self.sendMessage(text.encode(), False)  # noqa: FBT003 - autobahn's signature

    def unread(self) -> int:
        """How many bytes of what was sent wait here, because the other side does not fetch them."""
        transport = self.transport
        return len(transport.dataBuffer) - transport.offset + transport._tempDataLen  # type: ignore[no-any-return]  # noqa: SLF001

    def close(self, code: int) -> None:
        """Begin the closing handshake, with any code: autobahn's own method lets applications say 1000 alone."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code)

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802 - Daphne's name
        """Close as the application wants it."""
        self.close(1000 if code is None else code)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Bytes from the network are a sign of life."""
        self.last_sign_at = monotonic()
        self._pinged_at = 0.0
        super().dataReceived(data)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803, FBT001 - autobahn's signature
        """Hand over a message."""
        if self.sink is None:
            super().onMessage(payload, isBinary)
        elif isBinary:
            self.sink.refuse_binary()
        elif not self.muted:
            self.sink.feed(payload.decode())

    def onPing(self, payload: bytes) -> None:  # noqa: N802 - autobahn's name
        """Answer, unless the other side only asks and never fetches."""
        if self.unread() > MOST_UNREAD:
            self.close(1008)
        else:
            super().onPing(payload)

    def onPong(self, payload: bytes) -> None:  # noqa: N802 - autobahn's name
        """Who answers a ping is there, for the application as well: an empty text is a sign of life and nothing else."""
        super().onPong(payload)
        if self.sink is not None:
            self.sink.feed("")

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N802, N803, FBT001
        """Tell the application that the socket has ended; nothing that comes after may reach it."""
        self.sink = None
        super().onClose(wasClean, self.localCloseCode if self.failedByMe and self.localCloseCode else code, reason)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Do what the application says; besides the usual messages there is a refusal with a status of its own."""
        if message["type"] == "websocket.http.response.start":
            self._denial = (message["status"], list(message.get("headers", ())))
        elif message["type"] == "websocket.http.response.body":
            if not message.get("more_body", False):
                self._deny()
        else:
            super().handle_reply(message)

    def _deny(self) -> None:
        if not hasattr(self, "handshake_deferred"):
            return
        status, _headers = self._denial or (403, [])
        self.handshake_deferred.errback(ConnectionDeny(code=status, reason=_REASONS.get(status, "Refused")))  # type: ignore[no-untyped-call]
        del self.handshake_deferred
        self.server.protocol_disconnected(self)

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:  # noqa: N802, N803
        """Refuse the upgrade. Autobahn raises a denial without headers; ours are added here."""
        headers = [(name.decode("latin1"), value.decode("latin1")) for name, value in (self._denial or (0, []))[1]]
        super().failHandshake(reason, code, [*(responseHeaders or ()), *headers, ("Content-Length", "0"), ("Connection", "close")])

    def check_timeouts(self) -> None:
        """Every now and then: ping who has been silent, drop who does not answer, give up on endless handshakes."""
        now = monotonic()
        if self.state == self.STATE_CONNECTING:
            super().check_timeouts()
        elif self.state == self.STATE_OPEN:
            if self._pinged_at and now - self._pinged_at > self.server.ping_timeout:
                self.wasNotCleanReason = "no answer to a ping"
                self.dropConnection(abort=True)
            elif now >= self._ping_due_at:
                first = not self._ping_due_at
                self._ping_due_at = now + self.server.ping_interval * (random.random() if first else random.uniform(0.9, 1.0))
                if not first and now - self.last_sign_at > self.server.ping_interval / 3:
                    self._pinged_at = self._pinged_at or now
                    self.sendPing(b"?")


_REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


# What Socket overrides or reads of libraries' private parts. Without them the server still serves, with stock sockets.
_NEEDED = (
    "dataReceived",
    "onMessage",
    "onPing",
    "onPong",
    "onClose",
    "handle_reply",
    "failHandshake",
    "check_timeouts",
    "sendMessage",
    "sendCloseFrame",
    "serverClose",
    "sendPing",
    "dropConnection",
)


# What is taken apart when a charger's socket leaves.
_NEEDED_OF_TRANSPORTS = ("dataBuffer", "offset", "stopReading", "stopWriting", "getHandle", "producer", "disconnecting", "disconnected")
_PLAIN = (newcomers.Newcomer, tcp.Server)  # over TLS the bytes of a socket are not what is said


class _Pace:
    """How fast an answer in pieces is fetched: Twisted says when enough of it waits here, and when that has gone."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Enough for now."""
        self.goes_on.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """It has gone."""
        self.goes_on.set()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Nobody fetches any more: the application hears of it elsewhere."""
        self.goes_on.set()


class Server(DaphneServer):  # type: ignore[misc]
    """Daphne with our sockets, which believes proxies only where they are ours."""

    connections: dict[Any, dict[str, Any]]
    lean: LeanSockets | None = None
    keeps_sockets = False

    def __init__(
        self,
        application: Any,
        *,
        trusted_proxies: Iterable[str] = (),
        certificate_header: str = "",
        uploads: bodies.Uploads | None = None,
        lean_sockets: bool = False,
        on_listen: Callable[[str, int], None],
        on_failure: Callable[[str], None],
        **options: Any,
    ) -> None:
        super().__init__(application, **options)
        self.trusted_networks: list[Network] = [ip_network(network, strict=False) for network in trusted_proxies]
        self._certificate_header = certificate_header.lower().encode()
        self.uploads = uploads
        self._wants_lean_sockets = lean_sockets
        self.tidying = memory.Tidying()
        self.line = newcomers.Line()
        self.on_listen = on_listen
        self.on_failure = on_failure
        self.ready_callable = self._make_ready
        self._ports: list[Any] = []

    def _make_ready(self) -> None:
        bodies.take_requests(self.http_factory)
        missing = [name for name in _NEEDED if not hasattr(WebSocketProtocol, name)]
        if missing:
            logger.warning("This Daphne lacks %s: refused chargers get 403 and every frame takes the long way.", ", ".join(missing))
            return
        self.ws_factory.protocol = Socket
        # A frame over the limit is told so by a close frame before the line is cut; both sides get a moment for that.
        self.ws_factory.setProtocolOptions(failByDrop=False, closeHandshakeTimeout=5)
        if self._wants_lean_sockets:
            self._make_lean()

    def _make_lean(self) -> None:
        missing = [name for name in _NEEDED_OF_TRANSPORTS if not hasattr(tcp.Server, name)]
        loop = getattr(reactor, "_asyncioEventloop", None)
        if missing or loop is None:
            self.keep_sockets(f"Twisted lacks {', '.join(missing) or 'an event loop of asyncio'}")
            return
        limit = self.websocket_max_message_size
        self.lean = LeanSockets(loop, limit=limit, ping_interval=self.ping_interval, ping_timeout=self.ping_timeout)

    def keep_sockets(self, reason: str) -> None:
        """From now on no socket leaves: the libraries are not those that this was made for. Said once."""
        self.keeps_sockets = True
        logger.warning("Chargers' sockets stay with Daphne and take more memory: %s.", reason)

    def listen_success(self, port: Any) -> None:
        """Say that a port is open."""
        super().listen_success(port)
        self._ports.append(port)
        newcomers.take_few_at_a_time(port, self.line)
        host = port.getHost()
        self.on_listen(host.host, host.port)

    def listen_error(self, failure: Any) -> None:
        """Say that a port cannot be opened, and end."""
        self.on_failure(failure.getErrorMessage())
        self.stop()

    def stop_listening(self) -> None:
        """Let nobody in any more."""
        for port in self._ports:
            port.stopListening()

    async def finish_requests(self, seconds: float) -> None:
        """Give pages under way some time to be finished, and tell open browser sockets to go."""
        until = monotonic() + seconds
        for protocol in list(self.connections):
            if isinstance(protocol, Socket) and protocol.sink is None:
                protocol.close(1001)
        while monotonic() < until and any(self._is_working(*one) for one in self.connections.items()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    @staticmethod
    def _is_working(protocol: Any, details: dict[str, Any]) -> bool:
        application = details.get("application_instance")
        return not isinstance(protocol, WebSocketProtocol) and application is not None and not application.done()

    def protocol_disconnected(self, protocol: Any) -> None:
        """A request is over, or a socket that has not left: the circles it leaves behind are collected some time."""
        if "disconnected" not in self.connections[protocol]:
            self.tidying.went()
        super().protocol_disconnected(protocol)

    def timeout_checker(self) -> None:
        """Look after all sockets, as often as the pings need it."""
        for protocol in list(self.connections):
            protocol.check_timeouts()
        if self.lean is not None:
            self.lean.look_after()
            if self.tidying.is_due:
                self.lean.loop.run_in_executor(None, self.tidying.tidy)
        reactor.callLater(max(0.2, min(2.0, self.ping_interval / 4)), self.timeout_checker)

    def kill_all_applications(self) -> Any:
        """End what still runs; a connection that waits for its next request runs nothing."""
        if self.lean is not None:
            self.lean.close_all()
        self.connections = {protocol: details for protocol, details in self.connections.items() if "application_instance" in details}
        return super().kill_all_applications()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Tell the application where the request really comes from, and what this server can do."""
        shown = self._client_certificate(scope)
        self._look_behind_the_proxy(scope)
        if scope["type"] == "websocket" and isinstance(protocol, Socket):
            scope["extensions"] = {DENIAL_EXTENSION: {}, SOCKET_EXTENSION: protocol, CERTIFICATE_EXTENSION: shown}
        if scope["type"] == "http" and protocol.upload is not None:
            scope["extensions"] = {bodies.BODY_EXTENSION: protocol.hand_over()}
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Do what the application says. Whoever fetches slowly what comes in pieces must not have all of it wait in our memory."""
        pace = self._pace(protocol, message)
        await super().handle_reply(protocol, message)
        if pace is not None:
            await pace.goes_on.wait()

    def _pace(self, protocol: Any, message: dict[str, Any]) -> _Pace | None:
        details = self.connections.get(protocol)
        if message["type"] != "http.response.body" or details is None or protocol.channel is None:
            return None
        pace: _Pace | None = details.get("pace")
        if message.get("more_body", False) and pace is None:
            pace = details["pace"] = _Pace()
            protocol.registerProducer(pace, True)  # noqa: FBT003 - it is told when to pause
        elif not message.get("more_body", False) and pace is not None:
            protocol.unregisterProducer()
            pace = None
        return pace

    def _client_certificate(self, scope: dict[str, Any]) -> dict[str, Any]:
        """Take the client certificate out of the headers: what a proxy of ours says of it counts, whatever others say is forgotten."""
        name = self._certificate_header
        names = (name, name + b"-verify")
        said = [header for header in scope["headers"] if header[0].lower() in names] if name else []
        if not said:
            return {}
        scope["headers"] = [header for header in scope["headers"] if header[0].lower() not in names]
        client, values = scope.get("client"), {header[0].lower(): header[1].decode("latin1") for header in said}
        if len(values) != len(said) or not values.get(name) or client is None or not self._is_trusted(client[0]):
            return {}
        return {"certificate": values[name], "is_verified": values.get(names[1]) == "SUCCESS"}

    def _look_behind_the_proxy(self, scope: dict[str, Any]) -> None:
        headers: list[Header] = scope["headers"]
        plain, secure = ("ws", "wss") if scope["type"] == "websocket" else ("http", "https")
        client = scope.get("client")
        if client is None or not self._is_trusted(client[0]):
            scope["headers"] = [header for header in headers if not header[0].startswith(b"x-forwarded-")]
            scope.setdefault("scheme", plain)
            return
        said = {name: value.decode("latin1") for name, value in headers if name.startswith(b"x-forwarded-")}
        protos = said.get(b"x-forwarded-proto", "").split(",")
        scope["scheme"] = secure if protos[-1].strip().lower() in ("https", "wss") else plain
        for address in reversed(said.get(b"x-forwarded-for", "").split(",")):
            try:
                scope["client"] = [str(ip_address(address.strip())), 0]
            except ValueError:
                return
            if not self._is_trusted(scope["client"][0]):
                return

    def _is_trusted(self, address: str) -> bool:
        if not self.trusted_networks:
            return False
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.trusted_networks)
