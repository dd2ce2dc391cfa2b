"""Rate limits: fixed windows in Redis, with a declared mode for when Redis is unavailable.

`open`: counted in each process (messages: availability first), so without Redis a limit is multiplied by the number of
the function's execution environments (infra/reservations.toml caps them). `closed`: counted in DynamoDB by all
processes together (sign-in, codes, search, AI help: safety first); if DynamoDB is unavailable too, the call fails.
Across the edge of two windows up to twice the limit may pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from kernel import cache, clock, telemetry
from kernel.errors import RateLimited

_in_process: cache.Memo[int] = cache.Memo(max_entries=10_000, ttl_s=3600)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `requests` in `window_s` seconds per subject: an account, or the network of an IP address."""

    name: str
    requests: int
    window_s: int
    without_redis: Literal["open", "closed"] = "open"
    per: Literal["account", "address"] = "account"


@dataclass(frozen=True, slots=True)
class Charge:
    """One call of `subject` that counts `cost` against `limit`·`factor`; windows are aligned to `since` (seconds)."""

    limit: Limit
    subject: str
    factor: int = 1
    cost: int = 1
    since: int = 0

    @property
    def window(self) -> tuple[int, int]:
        """The number of the present window, and the seconds since it began."""
        return divmod(clock.now_s() - self.since, self.limit.window_s)

    @property
    def key(self) -> str:
        return f"rl:{self.limit.name}:{self.subject}:{self.window[0]}"


@dataclass(frozen=True, slots=True)
class Allowance:
    """The use of a limit, as header values (draft-ietf-httpapi-ratelimit-headers)."""

    limit: int
    used: int
    reset_s: int

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def require(self) -> None:
        """Raise LimitExceeded if more is used than allowed."""
        if self.used > self.limit:
            raise LimitExceeded(self)

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


def spend(limit: Limit, subject: str, factor: int = 1, *, cost: int = 1) -> Allowance:
    """Count `cost` requests of `subject` against `limit`·`factor`; raises LimitExceeded above it."""
    (allowance,) = spend_all([Charge(limit, subject, factor, cost)])
    return allowance


def spend_all(charges: Sequence[Charge]) -> list[Allowance]:
    """Count a call against several limits in one round trip of Redis; raises LimitExceeded for the first exceeded one.

    A call that one limit refuses is not counted against the limits after it.
    """
    return require(charges, measure(charges))


def require(charges: Sequence[Charge], allowances: list[Allowance]) -> list[Allowance]:
    """What `measure` has returned for these charges, if no limit is exceeded; otherwise as `spend_all`."""
    for number, allowance in enumerate(allowances, 1):
        if allowance.used > allowance.limit:
            take_back(charges[number:])
            allowance.require()
    return allowances


def take_back(charges: Sequence[Charge]) -> None:
    """Take back counted charges."""
    if charges:
        measure([replace(each, cost=-each.cost) for each in charges])


def give_back(limit: Limit, subject: str) -> None:
    """Take back one request of `subject`, for limits that count only failures."""
    take_back([Charge(limit, subject)])


def measure(charges: Sequence[Charge]) -> list[Allowance]:
    """Count all charges and return how much is used, without refusing any: one round trip of Redis."""
    return measure_and_read(charges)[0]


def measure_and_read(charges: Sequence[Charge], *keys: str) -> tuple[list[Allowance], Sequence[str | None]]:
    """`measure`, and the values of `keys` in Redis by the same round trip; None for each if Redis is unavailable.

    The values are read by a command that counts as a write (GETEX): a Redis that is paused or read-only may have missed
    a change.
    """
    counts, read = _count(charges, keys)
    found = []
    for charge, used in zip(charges, counts, strict=True):
        allowance = Allowance(charge.limit.requests * charge.factor, used, charge.limit.window_s - charge.window[1])
        _record(charge, allowance)
        found.append(allowance)
    return found, read


def _record(charge: Charge, allowance: Allowance) -> None:
    """Count calls above a limit, and the subjects that reached theirs: the first such call of each window."""
    if charge.cost > 0 and allowance.used > allowance.limit:
        telemetry.total("LimitsBlocked", limits=charge.limit.name)
        if allowance.used - charge.cost <= allowance.limit:
            telemetry.total("LimitsHit")


def _count(charges: Sequence[Charge], keys: Sequence[str]) -> tuple[list[int], Sequence[str | None]]:
    try:
        return cache.call(lambda redis: _count_in_redis(redis, charges, keys))
    except cache.CacheUnavailable:
        return [_count_without_redis(charge) for charge in charges], [None] * len(keys)


def _count_without_redis(charge: Charge) -> int:
    if charge.limit.without_redis == "closed":
        from kernel import limit_table  # imported here because it loads PynamoDB, which not every function needs

        return limit_table.count(charge.key, charge.limit.window_s, charge.cost)
    used = (_in_process.get(charge.key) or 0) + charge.cost
    _in_process.put(charge.key, used, ttl_s=charge.limit.window_s)
    return used


def _count_in_redis(
    redis: Any, charges: Sequence[Charge], keys: Sequence[str]
) -> tuple[list[int], Sequence[str | None]]:
    pipe = redis.pipeline(transaction=False)
    for charge in charges:
        pipe.incrby(charge.key, charge.cost)
        pipe.expire(charge.key, charge.limit.window_s, nx=True)
    for key in keys:
        pipe.getex(key)
    answers = pipe.execute()
    counted = 2 * len(charges)
    return [int(used) for used in answers[:counted:2]], answers[counted:]
