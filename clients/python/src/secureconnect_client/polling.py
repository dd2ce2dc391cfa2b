"""Events without a socket: `POST /sync` at intervals."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from secureconnect_client.api.base import ActingAs
from secureconnect_client.backoff import Backoff
from secureconnect_client.catch_up import CatchUp
from secureconnect_client.errors import ApiError, TransportFailed
from secureconnect_client.events import Event

if TYPE_CHECKING:
    from secureconnect_client.client import Client

BACKOFF = Backoff(base_s=1.0, cap_s=60.0)


class Polling:
    """A stream to iterate with `async for`.

    Raises ApiError after the session has ended; retries temporary failures.
    """

    def __init__(self, client: Client, *, interval_s: float) -> None:
        self._bookmarks = client.bookmarks()
        self._rng = client.rng
        self._interval_s = interval_s
        self._queue: deque[Event] = deque()
        sequencer = self._bookmarks.sequencer()
        self._catch_up = CatchUp(ActingAs(client, self._bookmarks.account), sequencer, self._queue.append)
        self._wait_s = 0.0
        self._failures = 0

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            self._bookmarks.done()
            self._bookmarks.flush()
            await asyncio.sleep(self._wait_s)
            await self._ask()
        return self._bookmarks.hand_out(self._queue.popleft())

    async def _ask(self) -> None:
        try:
            more = await self._catch_up.step()
        except (ApiError, TransportFailed) as error:
            if isinstance(error, ApiError) and not error.transient:
                raise
            retry_after = getattr(error, "retry_after", None)
            self._wait_s = BACKOFF.delay(self._failures, self._rng, retry_after=retry_after)
            self._failures += 1
            return
        self._failures = 0
        # A little jitter, so that clients do not synchronize.
        self._wait_s = 0.0 if more else self._interval_s * self._rng.uniform(0.9, 1.1)
