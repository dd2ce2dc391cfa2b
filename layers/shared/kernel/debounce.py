"""Gathering: what changes often is told at most once per window, together with all that came until then.

The state of a key is one hash in Redis: the items that wait, each with the number by which it came, when they were
looked at last, and until when a job is expected to tell them. Without Redis (declared mode) nothing is gathered: every
job carries its own items, and each process keeps to the window by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from kernel import cache, clock

KEEP_MS = 5 * clock.MINUTE
OVERDUE_MS = clock.MINUTE  # a job that has not come by then is not waited for any longer

_GATHER = """
for n = 5, #ARGV do
  redis.call('hset', KEYS[1], 'i:' .. ARGV[n], redis.call('hincrby', KEYS[1], 'n', 1))
end
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
local all = redis.call('hgetall', KEYS[1])
for n = 1, #all, 2 do
  if string.sub(all[n], 1, 2) == 'i:' then
    found[#found + 1] = string.sub(all[n], 3)
    found[#found + 1] = all[n + 1]
  end
end
redis.call('hdel', KEYS[1], 'job')
redis.call('hset', KEYS[1], 'last', ARGV[1])
redis.call('pexpire', KEYS[1], ARGV[2])
return found
"""

# What has come again since it was looked at has another number, and stays.
_DONE = """
for n = 1, #ARGV, 2 do
  if redis.call('hget', KEYS[1], 'i:' .. ARGV[n]) == ARGV[n + 1] then redis.call('hdel', KEYS[1], 'i:' .. ARGV[n]) end
end
"""

_taken: cache.Memo[int] = cache.Memo(max_entries=5_000, ttl_s=KEEP_MS / clock.SECOND)


def add(windows_ms: Mapping[str, int], items: Sequence[str]) -> dict[str, int]:
    """Let items wait under each of these keys; the keys for which a job must be sent, with its delay in ms.

    The job tells what `drained` gives it; 0 may be done at once. For the other keys a job is under way. One round trip
    of Redis.
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


@contextmanager
def drained(carried: Mapping[str, Iterable[str]]) -> Iterator[dict[str, set[str]]]:
    """What waits under each key, with what its job carried; the keys' windows begin now.

    It goes on waiting until the block has ended without an error: what a failed job did not tell, the next one does.
    Two round trips of Redis. What two jobs look at together is told by both.
    """
    waiting = _look(carried) if carried else {}
    yield {key: {*own, *waiting.get(key, {})} for key, own in carried.items()}
    told = {key: numbers for key, numbers in waiting.items() if numbers}
    if told:
        with suppress(cache.CacheUnavailable):  # then it is told once more
            cache.call(lambda redis: _forget(redis, told))


def _look(carried: Mapping[str, Iterable[str]]) -> dict[str, dict[str, str]]:
    """What waits under each key, with the number by which it came; nothing without Redis."""
    now = clock.now()

    def ask(redis: Any) -> list[list[str]]:
        pipe = redis.pipeline(transaction=False)
        for key in carried:
            pipe.eval(_TAKE, 1, f"pace:{key}", now, KEEP_MS)
        found: list[list[str]] = pipe.execute()
        return found

    try:
        found = cache.call(ask)
    except cache.CacheUnavailable:
        for key in carried:
            _taken.put(key, now)
        return {}
    return {key: dict(zip(each[::2], each[1::2], strict=True)) for key, each in zip(carried, found, strict=True)}


def _forget(redis: Any, told: Mapping[str, Mapping[str, str]]) -> None:
    pipe = redis.pipeline(transaction=False)
    for key, numbers in told.items():
        pipe.eval(_DONE, 1, f"pace:{key}", *(part for pair in numbers.items() for part in pair))
    pipe.execute()


def whole_seconds(delay_ms: int) -> int:
    """A delay as queues take it."""
    return -(-delay_ms // clock.SECOND)
