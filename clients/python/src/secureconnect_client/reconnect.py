"""Keeps one connection open: decides when to open the next one and when to close the last.

Follows the published backoff (`ReconnectPolicy`). After a hint, or at the end of its lifetime, a connection
stays in use until the new one is open, so that there is always a socket.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from secureconnect_client.backoff import ReconnectPolicy
from secureconnect_client.connection import Connection
from secureconnect_client.errors import ApiError, ConnectionLost, TransportFailed
from secureconnect_client.models import Ticket
from secureconnect_client.wire import FrameFilter, Wire

RETIRE_GRACE_S = 5.0
Enter = Callable[[], Awaitable[tuple[Ticket, Wire]]]


class Reconnecting:
    """A connection that is replaced when it ends. `enter` gets a ticket and opens a socket with it."""

    def __init__(
        self,
        enter: Enter,
        *,
        policy: ReconnectPolicy,
        rng: random.Random,
        on_open: Callable[[], None],
        on_frame: Callable[[Connection, Mapping[str, Any]], None],
        frame_filter: FrameFilter | None = None,
    ) -> None:
        self._enter = enter
        self._policy = policy
        self._rng = rng
        self._on_open = on_open
        self._on_frame = on_frame
        self._filter = frame_filter
        self._current: Connection | None = None
        self._hinted: asyncio.Future[float] | None = None
        self._hurry = asyncio.Event()
        self._retiring: dict[asyncio.Task[None], Connection] = {}
        self._spread_s: float | None = None
        self._failures = 0
        self.opened = asyncio.Event()
        self.openings = 0
        self.last_error: Exception | None = None

    @property
    def current(self) -> Connection | None:
        """The connection to use, None while there is none."""
        usable = self._current is not None and not self._current.closed.is_set()
        return self._current if usable else None

    def hint(self, after_ms: float) -> None:
        """The server asks this client to reconnect within `after_ms`."""
        if self._hinted is not None and not self._hinted.done():
            self._hinted.set_result(after_ms)

    def hurry(self) -> None:
        """End the pause before the next attempt, also if the present one is still under way and fails: the
        network is back, or somebody uses the client."""
        self._hurry.set()

    async def run(self) -> None:
        """Never returns; raises if reconnecting is pointless because the session has ended."""
        wait_s = 0.0
        while True:
            await self._wait(wait_s)
            try:
                connection = await self._open()
            except (ConnectionLost, TransportFailed, ApiError) as error:
                if self._is_final(error):
                    raise
                self.last_error = error
                self._failures += 1
                wait_s = self._after_failure(getattr(error, "retry_after", None))
                continue
            born = asyncio.get_running_loop().time()
            hint_ms = await self._until_over(connection)
            self._hurry.clear()
            if asyncio.get_running_loop().time() - born >= self._policy.stable_s:
                self._failures = 0
            else:
                self._failures += 1
            wait_s = self._after_end(hint_ms, closed=connection.closed.is_set())

    async def close(self) -> None:
        """Close all open connections. Call it after `run` was cancelled."""
        retiring = dict(self._retiring)
        for task in retiring:
            task.cancel()
        await asyncio.gather(*retiring, return_exceptions=True)
        open_ones = [*retiring.values(), *([self._current] if self._current else [])]
        await asyncio.gather(*(each.close() for each in open_ones), return_exceptions=True)

    async def _open(self) -> Connection:
        ticket, wire = await self._enter()
        connection = Connection(
            wire, on_frame=lambda frame: self._on_frame(connection, frame), frame_filter=self._filter
        )
        previous, self._current = self._current, connection
        if previous is not None:
            task = asyncio.create_task(previous.retire(grace_s=RETIRE_GRACE_S))
            self._retiring[task] = previous
            task.add_done_callback(lambda done: self._retiring.pop(done, None))
        announced = ticket.reconnect_spread_ms
        self._spread_s = announced / 1000 if announced is not None else None
        self._hinted = asyncio.get_running_loop().create_future()
        self.openings += 1
        self.opened.set()
        self._on_open()
        return connection

    async def _until_over(self, connection: Connection) -> float | None:
        """Wait for the hint, the end or the lifetime of a connection; returns the hint's `after_ms` or
        None."""
        assert self._hinted is not None
        closed = asyncio.ensure_future(connection.closed.wait())
        either: set[asyncio.Future[Any]] = {closed, self._hinted}
        try:
            await asyncio.wait(
                either,
                timeout=self._policy.lifetime(self._rng),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            closed.cancel()
        return self._hinted.result() if self._hinted.done() else None

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass
        self._hurry.clear()

    def _after_end(self, hint_ms: float | None, *, closed: bool) -> float:
        if hint_ms is not None:
            self._spread_s = max(self._spread_s or 0.0, hint_ms / 1000)
            wait_s = self._policy.after_hint(hint_ms, self._rng)
            # Repeated hints must not cause a tight loop.
            again = self._failures - 2
            return wait_s + self._policy.backoff.delay(again, self._rng) if again >= 0 else wait_s
        if not closed:
            return 0.0  # the end of its lifetime, which is random already
        if self._failures == 0:
            return self._policy.after_drop(self._rng, spread_s=self._spread_s)
        return self._after_failure(None)

    def _after_failure(self, retry_after: float | None) -> float:
        return self._policy.after_failure(
            self._failures - 1, self._rng, spread_s=self._spread_s, retry_after=retry_after
        )

    def _is_final(self, error: Exception) -> bool:
        if not isinstance(error, ApiError):
            return False
        # Before the first connection the caller gets any refusal.
        return error.status in (401, 403) or (self.openings == 0 and not error.transient)
