"""Gathering: what changes often is told at most once per window, together with all that came until then.

The state of a key is one hash in Redis: the items that wait, when they were taken last, and until when a job is
expected to take them. Without Redis (declared mode) nothing is gathered: every job carries its own items, and each
process keeps to the window by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kernel import cache, clock

KEEP_MS = 5 * clock.MINUTE
OVERDUE_MS = clock.MINUTE  # a job that has not come by then is not waited for any longer

_GATHER = """
for n = 5, #ARGV do redis.call('hset', KEYS[1], 'i:' .. ARGV[n], 1) end
redis.call('pexpire', KEYS[1], ARGV[3])
local now = tonumber(ARGV[1])
if tonumber(redis.call('hget', KEYS[1], 'job') or '0') > now then return -1 end
local last = tonumber(redis.call('hget', KEYS[1], 'last') or '0')
local delay = math.max(0, last + tonumber(ARGV[2]) - now)
redis.call('hset', KEYS[1], 'job', now + delay + tonumber(ARGV[4]))
return delay
"""
_TAKE = """
local found = {}
for _, field in ipairs(redis.call('hkeys', KEYS[1])) do
  if string.sub(field, 1, 2) == 'i:' then
    found[#found + 1] = string.sub(field, 3)
    redis.call('hdel', KEYS[1], field)
  end
end
redis.call('hdel', KEYS[1], 'job')
redis.call('hset', KEYS[1], 'last', ARGV[1])
redis.call('pexpire', KEYS[1], ARGV[2])
return found
"""

_taken: cache.Memo[int] = cache.Memo(max_entries=5_000, ttl_s=KEEP_MS / clock.SECOND)


def add(windows_ms: Mapping[str, int], items: Sequence[str]) -> dict[str, int]:
    """Let items wait under each of these keys; the keys for which a job must be sent, with its delay in ms.

    The job `take`s them; 0 may be done at once. For the other keys a job is under way. One round trip of Redis.
    """
    if not windows_ms:
        return {}
    now = clock.now()

    def ask(redis: Any) -> list[int]:
        pipe = redis.pipeline(transaction=False)
        for key, window_ms in windows_ms.items():
            pipe.eval(_GATHER, 1, f"pace:{key}", now, window_ms, KEEP_MS, OVERDUE_MS, *items)
        return [int(delay) for delay in pipe.execute()]

    try:
        delays = cache.call(ask)
    except cache.CacheUnavailable:
        return {key: max(0, (_taken.get(key) or 0) + window_ms - now) for key, window_ms in windows_ms.items()}
    return {key: delay for key, delay in zip(windows_ms, delays, strict=True) if delay >= 0}


def drain(carried: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """What waits under each key, with what its job carried; the key's window begins now. One round trip of Redis."""
    if not carried:
        return {}
    now = clock.now()

    def ask(redis: Any) -> list[list[str]]:
        pipe = redis.pipeline(transaction=False)
        for key in carried:
            pipe.eval(_TAKE, 1, f"pace:{key}", now, KEEP_MS)
        found: list[list[str]] = pipe.execute()
        return found

    try:
        waiting = cache.call(ask)
    except cache.CacheUnavailable:
        waiting = [[] for _ in carried]
        for key in carried:
            _taken.put(key, now)
    return {key: {*own, *more} for (key, own), more in zip(carried.items(), waiting, strict=True)}


def whole_seconds(delay_ms: int) -> int:
    """A delay as queues take it."""
    return -(-delay_ms // clock.SECOND)
