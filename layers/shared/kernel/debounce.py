"""Debouncing: frequent changes are sent at most once per window, together with all others that came meanwhile.

The state of a key is one hash in Redis: the pending items, each with its sequence number, the time of the last send,
and the time until which a job is expected to send them. Without Redis (declared mode) nothing is collected: every job
carries its own items, and each process keeps the windows by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from kernel import cache, clock

KEEP_MS = 5 * clock.MINUTE
OVERDUE_MS = clock.MINUTE  # a job that has not run by then is taken for lost, and another one is sent

_ADD = """
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
_READ = """
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

# An item that was added again since it was read has another number, and is kept.
_DONE = """
for n = 1, #ARGV, 2 do
  if redis.call('hget', KEYS[1], 'i:' .. ARGV[n]) == ARGV[n + 1] then redis.call('hdel', KEYS[1], 'i:' .. ARGV[n]) end
end
"""

_last_sent: cache.Memo[int] = cache.Memo(max_entries=5_000, ttl_s=KEEP_MS / clock.SECOND)


def add(windows_ms: Mapping[str, int], items: Sequence[str]) -> dict[str, int]:
    """Add items to each of these keys; returns the keys for which a job must be sent, with its delay in ms.

    The job sends the items that `drained` gives it; with a delay of 0 it may be done at once. For the other keys a job
    is on its way. One round trip of Redis.
    """
    if not windows_ms:
        return {}
    now = clock.now()

    def ask(redis: Any) -> list[int]:
        pipe = redis.pipeline(transaction=False)
        for key, window_ms in windows_ms.items():
            pipe.eval(_ADD, 1, f"pace:{key}", now, window_ms, KEEP_MS, OVERDUE_MS, *items)
        return [int(delay) for delay in pipe.execute()]

    try:
        delays = cache.call(ask)
    except cache.CacheUnavailable:
        return {key: max(0, (_last_sent.get(key) or 0) + window_ms - now) for key, window_ms in windows_ms.items()}
    return {key: delay for key, delay in zip(windows_ms, delays, strict=True) if delay >= 0}


@contextmanager
def drained(carried: Mapping[str, Iterable[str]]) -> Iterator[dict[str, set[str]]]:
    """The pending items of each key, with those that its job carried; the keys' windows begin now.

    The items stay pending until the block ends without an error, so the next job sends those of a failed one. Items
    that two jobs read concurrently are sent by both. Two round trips of Redis.
    """
    waiting = _pending(carried) if carried else {}
    yield {key: {*own, *waiting.get(key, {})} for key, own in carried.items()}
    told = {key: numbers for key, numbers in waiting.items() if numbers}
    if told:
        with suppress(cache.CacheUnavailable):  # the items are sent once more
            cache.call(lambda redis: _forget(redis, told))


def _pending(carried: Mapping[str, Iterable[str]]) -> dict[str, dict[str, str]]:
    """The pending items of each key with their numbers; nothing without Redis."""
    now = clock.now()

    def ask(redis: Any) -> list[list[str]]:
        pipe = redis.pipeline(transaction=False)
        for key in carried:
            pipe.eval(_READ, 1, f"pace:{key}", now, KEEP_MS)
        found: list[list[str]] = pipe.execute()
        return found

    try:
        found = cache.call(ask)
    except cache.CacheUnavailable:
        for key in carried:
            _last_sent.put(key, now)
        return {}
    return {key: dict(zip(each[::2], each[1::2], strict=True)) for key, each in zip(carried, found, strict=True)}


def _forget(redis: Any, told: Mapping[str, Mapping[str, str]]) -> None:
    pipe = redis.pipeline(transaction=False)
    for key, numbers in told.items():
        pipe.eval(_DONE, 1, f"pace:{key}", *(part for pair in numbers.items() for part in pair))
    pipe.execute()


def whole_seconds(delay_ms: int) -> int:
    """A delay in whole seconds, rounded up, as queues take it."""
    return -(-delay_ms // clock.SECOND)
