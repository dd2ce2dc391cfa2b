"""Redis or Valkey: a cache, never the source of truth. Every call has a time limit and a breaker.

Without Redis every call raises `CacheUnavailable` at once, and the caller continues in the way it has declared.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from kernel import breakers, clock, deadline, snapshot, telemetry
from kernel.breakers import CircuitOpen, Limits
from kernel.config import config
from kernel.resilience import REDIS_TIMEOUT_S

T = TypeVar("T")
V = TypeVar("V")

WAIT_S = 0.05  # the longest wait for another process to push a value
TICK_S = 0.1  # an idle Valkey may notice the end of a wait this much later: it checks ten times a second
IDLE_MS = clock.MINUTE  # a connection that was not used for longer is replaced (`_fresh`)
POOL = 16  # connections; a seventeenth concurrent call is handled as without Redis
_LIMITS = Limits(
    failures=2,
    window=4,
    patience_s=2 * REDIS_TIMEOUT_S,
    probe_s=REDIS_TIMEOUT_S,
    rest_s=2.0,
    rest_max_s=5.0,
    at_once=POOL,
)
breaker = breakers.named("redis", _LIMITS)


class CacheUnavailable(Exception):
    """Redis is not configured, does not answer, or its breaker is open."""


@lru_cache(maxsize=1)
def _redis() -> Any:
    return _client(REDIS_TIMEOUT_S)


@lru_cache(maxsize=1)
def _waiting_redis() -> Any:
    """A separate client for blocking commands, which need a longer time limit."""
    return _client(WAIT_S + TICK_S + REDIS_TIMEOUT_S)


def _client(timeout_s: float) -> Any:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        config().redis_url,
        socket_timeout=timeout_s,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        max_connections=POOL,
        protocol=2,  # with RESP3 each connection begins with HELLO and an offer that Valkey refuses: two round trips
        decode_responses=True,
        encoding_errors="replace",  # a damaged value is a text that means nothing, and not an error of the call
        driver_info=None,
    )


_used_at: dict[Callable[[], Any], int] = {}  # by client


def _fresh(client: Callable[[], Any]) -> Any:
    """The client, without the connections that it has not used for a minute.

    Lambda drops idle connections, and using such a one again fails (Lambda, "Best practices"), at worst only after the
    time limit; nothing keeps one alive while its environment is frozen. Two such commands would open the breaker.
    """
    found = client()
    if clock.now() - _used_at.get(client, 0) > IDLE_MS:
        found.connection_pool.disconnect(inuse_connections=False)
    _used_at[client] = clock.now()
    return found


@snapshot.before
def _load() -> None:
    if is_configured():
        _redis()  # it connects at the first command


@snapshot.after
def _forget() -> None:
    for client in (_redis, _waiting_redis):
        if client.cache_info().currsize:
            client().connection_pool.disconnect()
            client.cache_clear()
    for memo in _memos:
        memo.clear()


def is_configured() -> bool:
    """Whether this deployment has a Redis."""
    return bool(config().redis_url)


def take(key: str) -> str | None:
    """Pop the first value of a list in Redis, waiting up to `WAIT_S`; None without any. Raises CacheUnavailable."""
    found = _call(lambda: _fresh(_waiting_redis).blpop([key], timeout=WAIT_S), WAIT_S + TICK_S + REDIS_TIMEOUT_S)
    return None if found is None else str(found[1])


def call(command: Callable[[Any], T]) -> T:
    """Run `command(redis)` within 0.1 s.

    Raises CacheUnavailable if Redis cannot serve it (down, hung, read-only, loading), if the command raises ValueError
    because it cannot read what Redis holds, or if the invocation has less time left than the command may take.
    """
    started = time.monotonic()
    found = _call(lambda: command(_fresh(_redis)), REDIS_TIMEOUT_S)
    telemetry.timed("CacheDuration", (time.monotonic() - started) * 1_000)
    return found


def _call(command: Callable[[], T], limit_s: float) -> T:
    if not is_configured():
        raise CacheUnavailable("not configured")
    if deadline.left_s() < limit_s:
        raise CacheUnavailable("no time left")
    import redis

    try:
        return breaker.call(command, (redis.RedisError, OSError))
    except CircuitOpen as error:
        raise CacheUnavailable(type(error).__name__) from error
    except (redis.RedisError, OSError) as error:
        telemetry.total("CacheFailures")
        raise CacheUnavailable(type(error).__name__) from error
    except ValueError as error:  # damaged, or of another version; the breaker stays closed, as others can be read
        telemetry.total("CacheFailures")
        raise CacheUnavailable("damaged value") from error


_memos: WeakSet[Memo[Any]] = WeakSet()


class Memo(Generic[V]):
    """A bounded in-process cache whose entries expire after `ttl_s`."""

    def __init__(self, max_entries: int, ttl_s: float) -> None:
        self._max, self._ttl = max_entries, ttl_s
        self._entries: OrderedDict[str, tuple[float, V]] = OrderedDict()
        _memos.add(self)

    def get(self, key: str) -> V | None:
        entry = self._entries.get(key)
        if entry is None or entry[0] < time.monotonic():
            return None
        return entry[1]

    def put(self, key: str, value: V, ttl_s: float | None = None) -> None:
        self._entries[key] = (time.monotonic() + (self._ttl if ttl_s is None else ttl_s), value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._max:
            self._entries.popitem(last=False)

    def drop(self, key: str) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()
