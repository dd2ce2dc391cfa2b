"""Async client for SecureConnect: typed REST calls, gap-free live events, a durable outbox.

async with Client(http_url, store="chat.db") as client:
    await client.login("ada", password)
    async with client.connect() as live:
        async for event in live: ...
"""

from secureconnect_client import events, models, pages
from secureconnect_client.backoff import Backoff, ReconnectPolicy, spread_for
from secureconnect_client.client import Client
from secureconnect_client.errors import (
    ApiError,
    ConnectionLost,
    FieldError,
    NotSignedIn,
    SecureConnectError,
    TransportFailed,
)
from secureconnect_client.events import Event
from secureconnect_client.live import Live
from secureconnect_client.polling import Polling
from secureconnect_client.session import Session, Tokens
from secureconnect_client.settings import LiveStats
from secureconnect_client.sqlite import SqliteStore
from secureconnect_client.store import MemoryStore, OutboxItem, Store
from secureconnect_client.version import __version__
from secureconnect_client.view import ConversationState, View
from secureconnect_client.wire import Wire

__all__ = [
    "ApiError",
    "Backoff",
    "Client",
    "ConnectionLost",
    "ConversationState",
    "Event",
    "FieldError",
    "Live",
    "LiveStats",
    "MemoryStore",
    "NotSignedIn",
    "OutboxItem",
    "Polling",
    "ReconnectPolicy",
    "SecureConnectError",
    "Session",
    "SqliteStore",
    "Store",
    "Tokens",
    "TransportFailed",
    "View",
    "Wire",
    "__version__",
    "events",
    "models",
    "pages",
    "spread_for",
]
