"""Messages that get there: stored before the first try, sent in order per conversation, until acknowledged.

A message is tried again after anything that may pass, with full jitter, also by the next process that opens
the same store; its `client_id` makes the repetition harmless. A refusal that will not pass marks it
`failed` and lets those behind it go ahead.
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
# Refusals that may pass; 401 is waited out until somebody signs in again.
_PASSING = frozenset({401, 408, 429})
Listener = Callable[[OutboxItem], None]


class Outbox:
    """The outgoing messages of whoever is signed in."""

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
        """Take a message for sending; once this returns it is stored. Fields as for `messages.send`.

        A `client_id` that is in the outbox already returns that message. Raises NotSignedIn.
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
        """All that are kept, oldest first: pending, failed, and those sent within a day."""
        return self._store.items(self._client.user_id)

    def pending(self) -> list[OutboxItem]:
        return [each for each in self.items() if each.state == "pending"]

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every item that changes; the answer unsubscribes."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def wait(self, client_id: str, *, timeout_s: float | None = None) -> OutboxItem:
        """Wait until a message is sent or failed. Raises TimeoutError; KeyError for one not in the outbox."""
        async with asyncio.timeout(timeout_s):
            while True:
                item = self._store.get_item(client_id)
                if item is None:
                    raise KeyError(client_id)
                if item.state != "pending":
                    return item
                await self._next_change()

    async def flush(self, *, timeout_s: float | None = None) -> None:
        """Wait until nothing is pending. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self.pending():
                await self._next_change()

    async def retry(self, client_id: str) -> None:
        """Give a failed message another chance, behind those now pending."""
        item = self._store.get_item(client_id)
        if item is not None and item.state == "failed":
            self._store.drop_item(client_id)
            self._change(item.becomes(state="pending", error=None))
            self._lane(item.account, item.conversation_id)

    def discard(self, client_id: str) -> None:
        """Take a message out; one that is being sent just now may still arrive."""
        self._store.drop_item(client_id)
        self._changed.set()

    def kick(self) -> None:
        """Try everything pending now: at the start, after signing in, when the network is back."""
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
        """Stop sending; what is pending stays in the store."""
        tasks = [lane.task for lane in self._lanes.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lane(self, account: str, conversation_id: str) -> None:
        """See to it that somebody sends this conversation's messages."""
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
                return  # `kick` comes when they have signed in again
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

    async def _try(self, item: OutboxItem) -> _Again | None:
        item = item.becomes(tries=item.tries + 1)
        try:
            raw = await self._client.messages.post(item.conversation_id, item.body, as_user=item.account)
        except NotSignedIn:
            return _Again()  # the session is gone, as the next look at it will tell
        except TransportFailed as error:
            return _Again() if self._keep(item.becomes(error=str(error))) else None
        except ApiError as error:
            under_way = error.status == 409 and error.retry_after is not None
            if error.status < 500 and error.status not in _PASSING and not under_way:
                self._keep(item.becomes(state="failed", error=error.code))
                return None
            return _Again(error.retry_after) if self._keep(item.becomes(error=error.code)) else None
        message = decode(Message, raw)
        self._keep(item.becomes(state="sent", message_id=message.id, seq=message.seq, error=None))
        return None

    def _keep(self, item: OutboxItem) -> bool:
        """Note what came of a try, unless the message was taken out meanwhile: it does not come back."""
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
    """The sender of one conversation; `wake` ends its pause."""

    task: asyncio.Task[None]
    wake: asyncio.Event


@dataclass(frozen=True, slots=True)
class _Again:
    retry_after: float | None = None
