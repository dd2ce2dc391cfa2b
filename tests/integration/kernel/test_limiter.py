"""Rate limits counted in Redis, in DynamoDB, and when either is away (R19)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra import documents
from kernel import aws, cache, clock, config, limiter
from kernel.errors import DependencyUnavailable
from kernel.http import PER_ACCOUNT
from kernel.limiter import Charge, Limit, LimitExceeded
from tests.tools import give_up, rows

OPEN = Limit("sends", requests=5, window_s=60)
CLOSED = Limit("sign-in", requests=5, window_s=60, without_redis="closed")
START_MS = 1_800_000_000_000 // 60_000 * 60_000


def _passed(limit: Limit, times: int, subject: str = "usr_ada") -> int:
    """How many of so many requests at once are let through."""

    def one(_n: int) -> bool:
        try:
            limiter.spend(limit, subject)
        except LimitExceeded:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        return sum(threads.map(one, range(times)))


@pytest.mark.parametrize("limit", [OPEN, CLOSED])
def test_redis_counts_for_all_processes(limit: Limit, redis: Any) -> None:
    with clock.held(START_MS):
        assert _passed(limit, 20) == 5
    assert rows("limits") == []
    assert limiter._in_process._entries == {}


def test_several_limits_are_counted_in_one_round_trip(redis: Any) -> None:
    with clock.held(START_MS):
        limiter.spend(OPEN, "usr_eve")  # opens a connection
        before = redis.info("stats")["total_reads_processed"]
        found = limiter.spend_all([Charge(OPEN, "usr_ada"), Charge(CLOSED, "usr_ada")])
    assert [each.used for each in found] == [1, 1]
    assert redis.info("stats")["total_reads_processed"] - before <= 2  # the one of `info` among them


def test_a_counter_in_redis_ends_with_its_window(redis: Any) -> None:
    with clock.held(START_MS):
        limiter.spend(OPEN, "usr_ada")
        limiter.spend(OPEN, "usr_ada")
    (key,) = redis.keys("rl:*")
    assert 0 < redis.ttl(key) <= 60


def test_around_the_edge_of_a_window_at_most_twice_the_limit_passes(redis: Any) -> None:
    with clock.held(START_MS + 59_999) as advance:
        passed = _passed(OPEN, 20)
        advance(1)
        passed += _passed(OPEN, 20)
    assert passed == 10


def test_without_redis_a_closed_limit_is_counted_in_the_table() -> None:
    with clock.held(START_MS):
        assert _passed(CLOSED, 20) == 5
        (row,) = rows("limits")
        assert (row["used"], row["expires_at"]) == (20, clock.now_s() + 120)


def test_without_redis_an_open_limit_touches_no_table() -> None:
    with clock.held(START_MS):
        for _ in range(5):
            limiter.spend(OPEN, "usr_ada")
        with pytest.raises(LimitExceeded):
            limiter.spend(OPEN, "usr_ada")
    assert rows("limits") == []


def test_a_closed_limit_starts_anew_with_its_window() -> None:
    with clock.held(START_MS) as advance:
        assert _passed(CLOSED, 8) == 5
        advance(60_000)
        assert _passed(CLOSED, 8) == 5


def test_a_closed_limit_tells_what_is_left() -> None:
    with clock.held(START_MS + 10_000):
        assert limiter.spend(CLOSED, "usr_ada").headers() == {
            "RateLimit-Limit": "5",
            "RateLimit-Remaining": "4",
            "RateLimit-Reset": "50",
        }


@pytest.mark.parametrize("limit", [OPEN, CLOSED])
def test_when_redis_goes_within_a_window_at_most_twice_the_limit_passes(
    limit: Limit, redis: Any, settings: pytest.MonkeyPatch
) -> None:
    with clock.held(START_MS):
        passed = _passed(limit, 20)
        settings.setenv("REDIS_URL", "redis://127.0.0.1:9")
        config.config.cache_clear()
        cache._redis().connection_pool.disconnect()
        cache._redis.cache_clear()
        passed += sum(_passed(limit, 1) for _ in range(20))
    assert passed == 10


def test_where_neither_redis_nor_the_table_answers_a_closed_limit_lets_nothing_through(
    settings: pytest.MonkeyPatch,
) -> None:
    give_up(aws.breaker_of("dynamodb", "access"))
    with pytest.raises(DependencyUnavailable):
        limiter.spend(CLOSED, "usr_ada")
    limiter.spend(OPEN, "usr_ada")


def test_limits_of_sign_in_codes_search_and_ai_hold_over_all_environments_without_redis() -> None:
    sensitive = ("/auth/login", "/auth/register", "/auth/password/", "/auth/email/", "/auth/totp", "/auth/passkeys")
    found = [
        (f"{route.method} {route.path}", limit)
        for app in documents.apps()
        for route in app.routes
        for limit in route.limits
        if route.method != "GET" or route.path in ("/search", "/users")
        if route.path.startswith(sensitive) or route.path in ("/search", "/users") or route.path.startswith("/ai/")
        if limit is not PER_ACCOUNT
    ]
    assert {"POST /auth/login", "GET /search", "GET /users", "POST /ai/search"} <= {name for name, _ in found}
    assert [name for name, limit in found if limit.without_redis != "closed"] == []
    with clock.held(clock.now()):  # a window would end while hundreds of requests are counted on a busy machine
        for limit in {limit for _, limit in found}:
            passed = 0
            for _ in range(3):  # environments
                limiter._in_process._entries.clear()
                passed += _passed(limit, limit.requests // 2 + 1)
            assert passed == limit.requests
