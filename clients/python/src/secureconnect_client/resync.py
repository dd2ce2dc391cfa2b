"""When to read the log: after every connection, for gaps, and when the server reports missing events.

A single task, so that catching up never runs twice at once. Each conversation has its own backoff, so that a
failing one delays no other. `CatchUp` makes the requests.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from secureconnect_client.backoff import Backoff
from secureconnect_client.catch_up import PARALLEL_HEALS, CatchUp
from secureconnect_client.errors import ApiError, TransportFailed

# After so many reads in a row (half a minute) the log has no events for a gap, and it is ignored.
GIVE_UP_AFTER = 8
BACKOFF = Backoff(base_s=0.5, cap_s=15.0)


@dataclass(slots=True)
class _Retry:
    tries: int = 0
    due: float = 0.0

    def later(self, rng: random.Random, *, retry_after: float | None = None) -> None:
        self.due = _now() + BACKOFF.delay(self.tries, rng, retry_after=retry_after)
        self.tries += 1


class Resync:
    """Runs a `CatchUp` whenever it is needed."""

    def __init__(self, catch_up: CatchUp, *, gap_wait_s: float, rng: random.Random | None = None) -> None:
        self._catch_up = catch_up
        self._sequencer = catch_up.sequencer
        self._gap_wait_s = gap_wait_s
        self._rng = rng or random.Random()
        self._limit = asyncio.Semaphore(PARALLEL_HEALS)
        self._work = asyncio.Event()
        self._sync_due = False
        self._sync_retry = _Retry()
        self._suspects: dict[str, int | None] = {}
        self._retries: dict[str, _Retry] = {}
        self.settled = asyncio.Event()

    def sync(self) -> None:
        """Request a sync: everything may be out of date."""
        self._sync_due = True
        self._sync_retry = _Retry()
        self._wake()

    def check(self) -> None:
        """Fill gaps if there are any."""
        if self._sequencer.behind():
            self._wake()

    def check_log(self, conversation_id: str, *, unless_past: int | None) -> None:
        """Read this log unless the cursor moves past `unless_past` by itself."""
        self._suspects[conversation_id] = unless_past
        self._wake()

    def behind(self, named: object) -> None:
        """Process the conversations that a `pong` names: `{conversation_id: last_seq}`, or only their ids."""
        if isinstance(named, Mapping):
            for conversation_id, seq in named.items():
                if isinstance(seq, int) and seq > 0:
                    self._sequencer.note(str(conversation_id), seq)
            self.check()
        elif isinstance(named, Iterable) and not isinstance(named, str):
            for each in named:
                self.check_log(str(each), unless_past=self._sequencer.cursor(str(each)))

    async def run(self) -> None:
        """Never returns; raises when the session has ended."""
        while True:
            await self._wait_for_work()
            if self._sync_due and self._sync_retry.due <= _now():
                await self._sync()
            else:
                await asyncio.sleep(self._gap_wait_s)  # frames that are out of order may still arrive
            gaps = {*self._sequencer.behind(), *self._suspects}
            self._retries = {each: self._retries.get(each, _Retry()) for each in gaps}
            await asyncio.gather(*(self._heal(each) for each in gaps if self._retries[each].due <= _now()))
            if not (self._sync_due or self._suspects or self._sequencer.behind() or self._work.is_set()):
                self.settled.set()

    async def _wait_for_work(self) -> None:
        due = [self._retries.get(each, _Retry()).due for each in {*self._sequencer.behind(), *self._suspects}]
        if self._sync_due:
            due.append(self._sync_retry.due)
        try:
            async with asyncio.timeout(max(0.0, min(due) - _now()) if due else None):
                await self._work.wait()
        except TimeoutError:
            pass
        self._work.clear()

    async def _sync(self) -> None:
        self._sync_due = False
        retry = self._sync_retry
        try:
            await self._catch_up.catch_up()
        except (ApiError, TransportFailed) as error:
            _unless_over(error)
            self._sync_due = True
            retry.later(self._rng, retry_after=getattr(error, "retry_after", None))

    async def _heal(self, conversation_id: str) -> None:
        retry = self._retries[conversation_id]
        before = self._sequencer.cursor(conversation_id)
        suspected = self._suspects.get(conversation_id, before) == before
        if not suspected and conversation_id not in self._sequencer.behind():
            del self._suspects[conversation_id]
            return
        try:
            async with self._limit:
                await self._catch_up.heal(conversation_id)
        except (ApiError, TransportFailed) as error:
            _unless_over(error)
            retry.later(self._rng, retry_after=getattr(error, "retry_after", None))
            return
        self._suspects.pop(conversation_id, None)
        if conversation_id not in self._sequencer.behind():
            return
        if self._sequencer.cursor(conversation_id) != before:
            retry.tries = 0
        elif retry.tries >= GIVE_UP_AFTER:
            self._sequencer.give_up(conversation_id)
        else:
            retry.later(self._rng)

    def _wake(self) -> None:
        self.settled.clear()
        self._work.set()


def _unless_over(error: ApiError | TransportFailed) -> None:
    if isinstance(error, ApiError) and error.status == 401:
        raise error


def _now() -> float:
    return asyncio.get_running_loop().time()
