"""The transport of a connection: a WebSocket, or a replacement in tests. Knows no protocol."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Final, Protocol
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from secureconnect_client.errors import ConnectionLost, HandshakeRefused, retry_after
from secureconnect_client.models import Ticket
from secureconnect_client.version import USER_AGENT

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 2.0
MAX_MESSAGE_BYTES: Final = 1 << 20  # API Gateway's limit is 128 KB
MAX_FRAME_BYTES: Final = 32 * 1024  # the most that may be sent in one frame

# The handshake's URL contains the ticket, and websockets logs URLs at DEBUG.
_silent = logging.Logger("secureconnect_client.wire", level=logging.CRITICAL + 1)
_silent.addHandler(logging.NullHandler())


class Wire(Protocol):
    """An open socket of text messages. Raises ConnectionLost after it has closed."""

    async def send(self, text: str) -> None: ...

    async def recv(self) -> str: ...

    async def close(self) -> None:
        """Close with a closing handshake."""

    def abort(self) -> None:
        """End without a closing handshake, like a broken network."""


Dial = Callable[[str], Awaitable[Wire]]
# Changes incoming frames in tests: drops, passes, repeats or delays them. An asynchronous filter may sleep
# without delaying later frames.
FrameFilter = Callable[[str], Iterable[str] | AsyncIterable[str]]


class WebSocketWire:
    """The wire of a real WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        try:
            await self._socket.send(text)
        except ConnectionClosed as error:
            raise ConnectionLost("the socket is closed") from error

    async def recv(self) -> str:
        try:
            message = await self._socket.recv()
        except ConnectionClosed as error:
            raise ConnectionLost("the socket is closed") from error
        return message if isinstance(message, str) else message.decode(errors="replace")

    async def close(self) -> None:
        await self._socket.close()

    def abort(self) -> None:
        self._socket.transport.abort()


async def dial(url: str) -> Wire:
    """Open a WebSocket. Raises HandshakeRefused, and ConnectionLost for anything else.

    Keepalive is left to the protocol's own `ping`; WebSocket control frames are left to the server.
    """
    try:
        socket = await connect(
            url,
            logger=_silent,
            user_agent_header=USER_AGENT,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,
            max_size=MAX_MESSAGE_BYTES,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        wait = retry_after(error.response.headers.get("Retry-After"))
        raise HandshakeRefused(status, retry_after=wait) from None
    except (OSError, TimeoutError, WebSocketException) as error:
        # Not chained: some of these errors contain the URL with the ticket.
        raise ConnectionLost(f"could not connect: {type(error).__name__}") from None
    return WebSocketWire(socket)


def socket_url(ticket: Ticket, *, http_url: str, ws_url: str | None = None) -> str:
    """The URL to connect to with this ticket: `ws_url` if configured, else the ticket's own."""
    address = ws_url or urljoin(http_url.rstrip("/") + "/", ticket.url)
    scheme, netloc, path, query, _ = urlsplit(address)
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    admission = urlencode({"ticket": ticket.ticket})
    return urlunsplit((scheme, netloc, path, f"{query}&{admission}" if query else admission, ""))
