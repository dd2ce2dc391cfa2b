"""The bytes under a connection: a WebSocket, or whatever a test puts in its place. Knows no protocol."""

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
MAX_MESSAGE_BYTES: Final = 1 << 20  # API Gateway's own limit is 128 KB
MAX_FRAME_BYTES: Final = 32 * 1024  # what may be sent in one frame

# The handshake's address carries the ticket, and websockets logs addresses at DEBUG.
_silent = logging.Logger("secureconnect_client.wire", level=logging.CRITICAL + 1)
_silent.addHandler(logging.NullHandler())


class Wire(Protocol):
    """An open socket of text messages. All of it raises ConnectionLost once it is closed."""

    async def send(self, text: str) -> None: ...

    async def recv(self) -> str: ...

    async def close(self) -> None:
        """Say goodbye."""

    def abort(self) -> None:
        """Vanish, as a broken network would make it."""


Dial = Callable[[str], Awaitable[Wire]]
# What a test does to incoming frames: drop (nothing), pass, double, hold back and release later.
# An asynchronous one may sleep without holding up the frames behind it.
FrameFilter = Callable[[str], Iterable[str] | AsyncIterable[str]]


class WebSocketWire:
    """The real one."""

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

    Liveness is the business of the protocol's own `ping`: control frames are left to the server.
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
        # Not chained: some of these quote the address, ticket included.
        raise ConnectionLost(f"could not connect: {type(error).__name__}") from None
    return WebSocketWire(socket)


def socket_url(ticket: Ticket, *, http_url: str, ws_url: str | None = None) -> str:
    """Where to connect with this ticket: at `ws_url` if one is configured, else where the ticket says."""
    address = ws_url or urljoin(http_url.rstrip("/") + "/", ticket.url)
    scheme, netloc, path, query, _ = urlsplit(address)
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    admission = urlencode({"ticket": ticket.ticket})
    return urlunsplit((scheme, netloc, path, f"{query}&{admission}" if query else admission, ""))
