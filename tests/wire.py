"""WebSocket frames byte by byte, as a charger sends them: for tests of what no library would send."""

import asyncio
import base64
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

from stations.models import ChargePoint
from tests.factories import CHARGER_PASSWORD

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 0x81, 0x82, 0x88, 0x89, 0x8A, 0x80


def frame(head: int, payload: bytes | str = b"", mask: bytes = b"\x11\x22\x33\x44") -> bytes:
    """A masked frame; `head` holds FIN and the opcode."""
    payload = payload.encode() if isinstance(payload, str) else payload
    length = len(payload)
    if length < 126:
        start = bytes((head, 0x80 | length))
    elif length < 65_536:
        start = bytes((head, 0xFE)) + length.to_bytes(2)
    else:
        start = bytes((head, 0xFF)) + length.to_bytes(8)
    return start + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


class Wire:
    """A socket that has been upgraded; both directions raw."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, *pieces: bytes) -> None:
        """Send bytes, piece by piece."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def hear(self) -> tuple[int, bytes]:
        """The next frame: its first byte and its payload."""
        async with asyncio.timeout(60):
            head, length = await self.reader.readexactly(2)
            if length > 125:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8))
            return head, await self.reader.readexactly(length)

    async def is_over(self) -> bool:
        """Wait until the server has hung up."""
        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionResetError):
                while await self.reader.read(65_536):
                    pass
        return True


@contextlib.asynccontextmanager
async def wire(
    charge_point: ChargePoint, host: str, port: int, *, tls: ssl.SSLContext | None = None, receive_buffer: int = 0
) -> AsyncIterator[Wire]:
    """Upgrade a connection; with a receive buffer of so many bytes where the network shall keep little of what nobody reads."""
    line = socket.socket()
    if receive_buffer:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    line.settimeout(0)
    await asyncio.get_running_loop().sock_connect(line, (host, port))
    reader, writer = await asyncio.open_connection(sock=line, ssl=tls, server_hostname=host if tls else None)
    try:
        token = base64.b64encode(f"{charge_point.identity}:{CHARGER_PASSWORD}".encode()).decode()
        headers = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        headers |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "ocpp1.6", "Authorization": f"Basic {token}"}
        lines = [f"GET /ocpp/{charge_point.identity} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()
