"""The cache when there is none, and the memo."""

from __future__ import annotations

import time

import pytest

from kernel import cache
from kernel.cache import CacheUnavailable, Memo


def test_without_redis_every_call_is_refused_at_once(settings: pytest.MonkeyPatch) -> None:
    started = time.thread_time()
    for _ in range(1_000):
        with pytest.raises(CacheUnavailable):
            cache.call(lambda redis: redis.get("key"))
    assert (time.thread_time() - started) / 1_000 < 0.001


def test_without_redis_the_breaker_stays_closed(settings: pytest.MonkeyPatch) -> None:
    for _ in range(10):
        with pytest.raises(CacheUnavailable):
            cache.call(lambda redis: redis.get("key"))
    assert cache.breaker.state == "closed"


def test_a_memo_gives_back_what_was_put() -> None:
    memo: Memo[int] = Memo(max_entries=2, ttl_s=60)
    memo.put("a", 1)
    assert memo.get("a") == 1
    assert memo.get("b") is None


def test_an_entry_ends_after_its_time() -> None:
    memo: Memo[int] = Memo(max_entries=2, ttl_s=60)
    memo.put("a", 1, ttl_s=0)
    time.sleep(0.001)
    assert memo.get("a") is None


def test_a_full_memo_drops_the_oldest_entry() -> None:
    memo: Memo[int] = Memo(max_entries=2, ttl_s=60)
    for number, key in enumerate(["a", "b", "a", "c"]):
        memo.put(key, number)
    assert (memo.get("a"), memo.get("b"), memo.get("c")) == (2, None, 3)


def test_a_dropped_entry_is_gone() -> None:
    memo: Memo[int] = Memo(max_entries=2, ttl_s=60)
    memo.put("a", 1)
    memo.drop("a")
    memo.drop("a")
    assert memo.get("a") is None
