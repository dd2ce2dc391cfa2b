"""Gathering: at most one job per key and window, with everything that came until then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kernel import cache, clock, config, debounce

WINDOW = {"k": 2_000}


def test_the_first_may_be_told_at_once(redis: Any) -> None:
    assert debounce.add(WINDOW, ["a"]) == {"k": 0}
    assert debounce.drain({"k": ["a"]}) == {"k": {"a"}}


def test_until_its_job_has_come_nothing_else_is_sent(redis: Any) -> None:
    debounce.add(WINDOW, ["a"])
    assert debounce.add(WINDOW, ["b"]) == {}
    assert debounce.add({"k": 2_000, "other": 1}, ["c"]) == {"other": 0}
    assert debounce.drain({"k": ["a"], "other": []}) == {"k": {"a", "b", "c"}, "other": {"c"}}


def test_what_comes_within_the_window_waits_for_its_end(redis: Any) -> None:
    with clock.held(clock.now()) as advance:
        debounce.drain({"k": []})
        advance(500)
        assert debounce.add(WINDOW, ["a"]) == {"k": 1_500}
        advance(1_000)
        assert debounce.add(WINDOW, ["b"]) == {}
        advance(500)
        assert debounce.drain({"k": []}) == {"k": {"a", "b"}}
        advance(2_000)
        assert debounce.add(WINDOW, ["c"]) == {"k": 0}


def test_a_job_that_is_lost_is_sent_again(redis: Any) -> None:
    with clock.held(clock.now()) as advance:
        debounce.add(WINDOW, ["a"])
        advance(debounce.OVERDUE_MS)
        assert debounce.add(WINDOW, ["b"]) == {"k": 0}
        assert debounce.drain({"k": []}) == {"k": {"a", "b"}}


def test_of_many_at_once_one_sends_the_job(redis: Any) -> None:
    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(lambda n: debounce.add(WINDOW, [str(n)]), range(50)))
    assert [each for each in sent if each] == [{"k": 0}]
    assert len(debounce.drain({"k": []})["k"]) == 50


def test_nothing_to_gather_asks_nobody(settings: pytest.MonkeyPatch) -> None:
    assert (debounce.add({}, ["a"]), debounce.drain({})) == ({}, {})


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:1"])
def test_without_redis_jobs_carry_their_own_and_a_process_keeps_its_pace(
    url: str, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("REDIS_URL", url)
    config.config.cache_clear()
    cache._redis.cache_clear()
    with clock.held(clock.now()) as advance:
        assert debounce.add(WINDOW, ["a"]) == {"k": 0}
        assert debounce.drain({"k": ["a"]}) == {"k": {"a"}}
        advance(500)
        assert debounce.add(WINDOW, ["b"]) == debounce.add(WINDOW, ["c"]) == {"k": 1_500}
        assert debounce.drain({"k": ["b"]}) == {"k": {"b"}}


@pytest.mark.parametrize(("delay_ms", "seconds"), [(0, 0), (1, 1), (1_000, 1), (1_001, 2)])
def test_queues_delay_by_whole_seconds(delay_ms: int, seconds: int) -> None:
    assert debounce.whole_seconds(delay_ms) == seconds
