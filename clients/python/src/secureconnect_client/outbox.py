"""Reliable sending: messages are stored before the first try and sent in order per conversation.

A message is retried after temporary failures, with full jitter, also by the next process that opens the same
store; its `client_id` makes repetitions harmless. A permanent refusal marks it `failed`, and later messages
are sent.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from secureconnect_client.api.messages import message_body
from secureconnect_client.backoff import Backoff
from secureconnect_client.decoding import decode
from secureconnect_client.errors import ApiError, NotSignedIn, TransportFailed
from secureconnect_client.models import Message
from secureconnect_client.store import OutboxItem, Store

if TYPE_CHECKING:
    from secureconnect_client.client import Client

BACKOFF = Backoff(base_s=1.0, cap_s=30.0)
PARALLEL_SENDS = 8
KEEP_SENT_S = 24 * 3600.0
# Temporary refusals; after 401, or while a second factor is to be enrolled, messages wait.
_TEMPORARY = frozenset({401, 408, 429})
_ENROL = "second_factor_required"
Listener = Callable[[OutboxItem], None]


class Outbox:
    """The outgoing messages of the signed-in account."""

    def __init__(
        self, client: Client, store: Store, *, rng: random.Random, backoff: Backoff = BACKOFF
    ) -> None:
        self._client = client
        self._store = store
        self._rng = rng
        self._backoff = backoff
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._limit = asyncio.Semaphore(PARALLEL_SENDS)
        self._listeners: list[Listener] = []
        self._changed = asyncio.Event()

    async def send(
        self, conversation_id: str, text: str | None = None, *, client_id: str | None = None, **fields: Any
    ) -> OutboxItem:
        """Accept a message for sending; it is stored when this returns. Fields as of `messages.send`.

        A `client_id` that is in the outbox returns that message. Raises NotSignedIn.
        """
        account = self._client.user_id
        if client_id is not None and (known := self._store.get_item(client_id)) is not None:
            return known
        body = message_body(text, client_id=client_id or uuid4().hex, **fields)
        item = OutboxItem(
            client_id=body["client_id"],
            account=account,
            conversation_id=conversation_id,
            body=body,
            created_at=time.time(),
        )
        self._change(item)
        self._lane(account, conversation_id)
        return item

    def get(self, client_id: str) -> OutboxItem | None:
        return self._store.get_item(client_id)

    def items(self) -> list[OutboxItem]:
        """All stored messages, oldest first: pending, failed, and those sent within a day."""
        return self._store.items(self._client.user_id)

    def pending(self) -> list[OutboxItem]:
        return [each for each in self.items() if each.state == "pending"]

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every message that changes; returns a function that unsubscribes."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def wait(self, client_id: str, *, timeout_s: float | None = None) -> OutboxItem:
        """Wait until a message is sent or failed. Raises TimeoutError, and KeyError for an unknown one."""
        async with asyncio.timeout(timeout_s):
            while True:
                item = self._store.get_item(client_id)
                if item is None:
                    raise KeyError(client_id)
                if item.state != "pending":
                    return item
                await self._next_change()

    async def flush(self, *, timeout_s: float | None = None) -> None:
        """Wait until no message is pending. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self.pending():
                await self._next_change()

    async def retry(self, client_id: str) -> None:
        """Send a failed message again, after those that are pending now."""
        item = self._store.get_item(client_id)
        if item is not None and item.state == "failed":
            self._store.drop_item(client_id)
            self._change(item.becomes(state="pending", error=None))
            self._lane(item.account, item.conversation_id)

    def discard(self, client_id: str) -> None:
        """Remove a message; one that is being sent may still arrive."""
        self._store.drop_item(client_id)
        self._changed.set()

    def kick(self) -> None:
        """Try all pending messages now: at the start, after signing in, when the network is back."""
        session = self._client.session
        if session is None:
            return
        oldest = time.time() - KEEP_SENT_S
        for item in self._store.items(session.user_id):
            if item.state == "pending":
                self._lane(session.user_id, item.conversation_id)
            elif item.state == "sent" and item.created_at < oldest:
                self._store.drop_item(item.client_id)
        for lane in self._lanes.values():
            lane.wake.set()

    async def close(self) -> None:
        """Stop sending; pending messages stay in the store."""
        tasks = [lane.task for lane in self._lanes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lane(self, account: str, conversation_id: str) -> None:
        """Make sure that a task sends this conversation's messages."""
        key = (account, conversation_id)
        lane = self._lanes.get(key)
        if lane is None or lane.task.done():
            self._lanes = {each: lane for each, lane in self._lanes.items() if not lane.task.done()}
            wake = asyncio.Event()
            task = asyncio.create_task(self._send_all(account, conversation_id, wake))
            self._lanes[key] = _Lane(task, wake)

    async def _send_all(self, account: str, conversation_id: str, wake: asyncio.Event) -> None:
        failures = 0
        while (item := self._store.next_item(account, conversation_id)) is not None:
            session = self._client.session
            if session is None or session.user_id != account:
                return  # signing in again calls `kick`
            async with self._limit:
                outcome = await self._try(item)
            if outcome is None:
                failures = 0
                continue
            try:
                wake.clear()
                async with asyncio.timeout(
                    self._backoff.delay(failures, self._rng, retry_after=outcome.retry_after)
                ):
                    await wake.wait()
            except TimeoutError:
                pass
            failures += 1

    async def _try(self, item: OutboxItem) -> _TryAgain | None:
        item = item.becomes(tries=item.tries + 1)
        try:
            raw = await self._client.messages.post(item.conversation_id, item.body, as_user=item.account)
        except NotSignedIn:
            return _TryAgain()  # the session has ended: `_send_all` stops at its next check
        except TransportFailed as error:
            return _TryAgain() if self._keep(item.becomes(error=str(error))) else None
        except ApiError as error:
            under_way = error.status == 409 and error.retry_after is not None
            waits = error.status in _TEMPORARY or error.code == _ENROL or under_way
            if error.status < 500 and not waits:
                self._keep(item.becomes(state="failed", error=error.code))
                return None
            return _TryAgain(error.retry_after) if self._keep(item.becomes(error=error.code)) else None
        message = decode(Message, raw)
        self._keep(item.becomes(state="sent", message_id=message.id, seq=message.seq, error=None))
        return None

    def _keep(self, item: OutboxItem) -> bool:
        """Store the result of a try, unless the message was discarded meanwhile."""
        if self._store.get_item(item.client_id) is None:
            return False
        self._change(item)
        return True

    def _change(self, item: OutboxItem) -> None:
        self._store.put_item(item)
        self._changed.set()
        for listener in self._listeners:
            listener(item)

    async def _next_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


@dataclass(frozen=True, slots=True)
class _Lane:
    """The task that sends the messages of one conversation; `wake` ends its pause."""

    task: asyncio.Task[None]
    wake: asyncio.Event


@dataclass(frozen=True, slots=True)
class _TryAgain:
    retry_after: float | None = None
