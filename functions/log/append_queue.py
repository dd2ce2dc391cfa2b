"""Taking turns at a busy conversation: a queue in Redis, in which its writers line up instead of colliding.

It is speed, never truth. What keeps a log dense is the condition of its transactions; a turn only makes it likely
that they come through at the first try. It may be skipped, had by two or not be had, and nothing is wrong then.
"""

from __future__ import annotations

import contextlib
import time
from types import TracebackType
from typing import Any, Self

from kernel import cache, deadline
from kernel.resilience import full_jitter

BUSY_S = 2.0  # after a collision, for so long this process lines up before it reads and writes
STALL_S = 0.4  # a turn is one read and one transaction; who takes longer is passed over
PACE_S = 0.01  # how long a turn is thought to be until one is seen to end
LOOK_MIN_S, LOOK_MAX_S = 0.003, 0.1  # between two looks at the queue
PATIENT_FOR = 3  # collisions in one's turn, with writers that don't queue, before one lines up again
KEEP_MS = 30_000
RETRY_BASE_S = 0.004
RETRY_CAP_S = 0.25

# A queue is one hash: `last` is the number drawn last, `served` the highest whose turn is over.
_JOIN = """
local mine = redis.call('hincrby', KEYS[1], 'last', 1)
redis.call('hsetnx', KEYS[1], 'served', 0)
redis.call('pexpire', KEYS[1], ARGV[1])
return {mine, tonumber(redis.call('hget', KEYS[1], 'served'))}
"""
_OVER = """
local queue = redis.call('hmget', KEYS[1], 'last', 'served')
if tonumber(queue[1] or '0') >= tonumber(ARGV[1]) and tonumber(queue[2] or '0') < tonumber(ARGV[1]) then
  redis.call('hset', KEYS[1], 'served', ARGV[1])
end
"""
_busy: cache.Memo[bool] = cache.Memo(max_entries=1_000, ttl_s=BUSY_S)


class AppendTicket:
    """One writer's way through a conversation, in a `with` block; nothing is asked of Redis where it is quiet.

    Waits until `until` (by the monotonic clock) at the longest, then goes ahead without a turn.
    """

    def __init__(self, conversation_id: str, *, until: float) -> None:
        self._key = f"turn:{conversation_id}"
        self._until = until
        self._number = 0  # 0: not in the queue
        self.collisions = 0

    def __enter__(self) -> Self:
        """Line up at once where this process has met others lately, so that nothing is tried in vain."""
        if _busy.get(self._key):
            with contextlib.suppress(cache.CacheUnavailable):
                self._line_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def collided(self) -> bool:
        """Somebody else wrote first: wait for the turn; True if that took time and what was read is old now.

        Without Redis it is a jittered pause.
        """
        self.collisions += 1
        _busy.put(self._key, True)
        if self._number and self.collisions % PATIENT_FOR:
            return False
        self._end()
        try:
            return self._line_up()
        except cache.CacheUnavailable:
            deadline.pause(full_jitter(self.collisions - 1, RETRY_BASE_S, RETRY_CAP_S))
            return True

    def _line_up(self) -> bool:
        self._number, served = cache.call(lambda redis: redis.eval(_JOIN, 1, self._key, KEEP_MS))
        started = moved_at = time.monotonic()
        first: int = served
        while served < self._number - 1 and (now := time.monotonic()) < self._until:
            if now - moved_at > STALL_S:
                self._pass(served + 1)
            pace = (now - started) / (served - first) if served > first else PACE_S
            time.sleep(min(LOOK_MAX_S, max(LOOK_MIN_S, pace * (self._number - 1 - served) / 2)))
            seen = self._served()
            if seen != served:
                served, moved_at = seen, time.monotonic()
        if served == first:
            return False
        _busy.put(self._key, True)
        return True

    def _served(self) -> int:
        found: Any = cache.call(lambda redis: redis.hget(self._key, "served"))
        return self._number if found is None else int(found)  # Redis was emptied: no queue, no waiting

    def _end(self) -> None:
        if self._number:
            with contextlib.suppress(cache.CacheUnavailable):  # then it is passed over
                self._pass(self._number)
            self._number = 0

    def _pass(self, number: int) -> None:
        cache.call(lambda redis: redis.eval(_OVER, 1, self._key, number))
