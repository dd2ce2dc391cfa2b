"""Rate limits: fixed windows in Redis, with a declared mode for when Redis is away.

`open`: counted in this process (messages: availability first). `closed`: counted in DynamoDB (sign-in, codes:
safety first); if that is away too, the call fails. Limits hold within twice their value at window edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kernel import cache, clock
from kernel.errors import RateLimited

_in_process: cache.Memo[int] = cache.Memo(max_entries=10_000, ttl_s=3600)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `requests` in `window_s` seconds per subject (account or address)."""

    name: str
    requests: int
    window_s: int
    without_redis: Literal["open", "closed"] = "open"
    per: Literal["account", "address"] = "account"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit: header values (draft-ietf-httpapi-ratelimit-headers)."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


class LimitExceeded(RateLimited):
    """429 with Retry-After and the RateLimit headers."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(retry_after_s=max(1, allowance.reset_s))
        self.allowance = allowance


def spend(limit: Limit, subject: str, factor: int = 1) -> Allowance:
    """Count one request of `subject` against `limit`·`factor`; raises LimitExceeded above it."""
    window, into = divmod(clock.now_s(), limit.window_s)
    key = f"rl:{limit.name}:{subject}:{window}"
    used = _count(limit, key)
    allowed = limit.requests * factor
    allowance = Allowance(allowed, max(0, allowed - used), limit.window_s - into)
    if used > allowed:
        raise LimitExceeded(allowance)
    return allowance


def _count(limit: Limit, key: str) -> int:
    try:
        return cache.call(lambda redis: _count_in_redis(redis, key, limit.window_s))
    except cache.CacheUnavailable:
        if limit.without_redis == "closed":
            from kernel import limit_table  # loads PynamoDB, which not every function needs

            return limit_table.count(key, limit.window_s)
    used = (_in_process.get(key) or 0) + 1
    _in_process.put(key, used, ttl_s=limit.window_s)
    return used


def _count_in_redis(redis: object, key: str, window_s: int) -> int:
    pipe = redis.pipeline(transaction=False)  # type: ignore[attr-defined]  # redis-py's pipeline is untyped
    pipe.incr(key)
    pipe.expire(key, window_s, nx=True)
    return int(pipe.execute()[0])
