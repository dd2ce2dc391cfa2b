"""The client's durable state: the session, cursors and the outbox. The `Store` port, and a store in memory.

Stores are synchronous and small: every method is one short local transaction. Rows belong to an account (the
user's id), so a second person who signs in never sees or sends the first one's data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from secureconnect_client.session import Session

OutboxState = Literal["pending", "sent", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """An outgoing message. `body` is the same at every try; `created_at` is in epoch seconds."""

    client_id: str
    account: str
    conversation_id: str
    body: Mapping[str, Any] = field(repr=False)
    created_at: float
    state: OutboxState = "pending"
    tries: int = 0
    message_id: str | None = None
    seq: int | None = None
    error: str | None = None

    def becomes(self, **changes: Any) -> OutboxItem:
        return dataclasses.replace(self, **changes)


class Store(Protocol):
    """Storage for a client. One process at a time may send from an outbox."""

    def load_session(self) -> Session | None: ...

    def save_session(self, session: Session | None) -> None:
        """Store the session, durably when it returns: the previous refresh token is no longer valid."""

    def load_cursors(self, account: str) -> dict[str, int]: ...

    def save_cursors(self, account: str, changed: Mapping[str, int | None]) -> None:
        """Set these cursors, which may be negative; None removes one."""

    def put_item(self, item: OutboxItem) -> None:
        """Add or replace an item by `client_id`; a new one goes to the end. Durable when it returns."""

    def get_item(self, client_id: str) -> OutboxItem | None: ...

    def items(self, account: str) -> list[OutboxItem]:
        """All items of the account, oldest first."""

    def next_item(self, account: str, conversation_id: str) -> OutboxItem | None:
        """The oldest pending item of the conversation."""

    def drop_item(self, client_id: str) -> None: ...

    def wipe(self, account: str) -> None:
        """Remove the account's cursors and outbox."""

    def close(self) -> None: ...


class MemoryStore:
    """A store in memory, which ends with the process."""

    def __init__(self, *, session: Session | None = None) -> None:
        self._session = session
        self._cursors: dict[str, dict[str, int]] = {}
        self._items: dict[str, OutboxItem] = {}
        self._pending: dict[tuple[str, str], dict[str, None]] = {}

    def load_session(self) -> Session | None:
        return self._session

    def save_session(self, session: Session | None) -> None:
        self._session = session

    def load_cursors(self, account: str) -> dict[str, int]:
        return dict(self._cursors.get(account, {}))

    def save_cursors(self, account: str, changed: Mapping[str, int | None]) -> None:
        cursors = self._cursors.setdefault(account, {})
        for conversation_id, seq in changed.items():
            if seq is None:
                cursors.pop(conversation_id, None)
            else:
                cursors[conversation_id] = seq

    def put_item(self, item: OutboxItem) -> None:
        self._items[item.client_id] = item
        lane = self._pending.setdefault((item.account, item.conversation_id), {})
        if item.state == "pending":
            lane[item.client_id] = None
        else:
            lane.pop(item.client_id, None)

    def get_item(self, client_id: str) -> OutboxItem | None:
        return self._items.get(client_id)

    def items(self, account: str) -> list[OutboxItem]:
        return [each for each in self._items.values() if each.account == account]

    def next_item(self, account: str, conversation_id: str) -> OutboxItem | None:
        lane = self._pending.get((account, conversation_id), {})
        return next((self._items[each] for each in lane), None)

    def drop_item(self, client_id: str) -> None:
        item = self._items.pop(client_id, None)
        if item is not None:
            self._pending.get((item.account, item.conversation_id), {}).pop(client_id, None)

    def wipe(self, account: str) -> None:
        self._cursors.pop(account, None)
        for item in self.items(account):
            self.drop_item(item.client_id)

    def close(self) -> None:
        """Nothing to close."""
