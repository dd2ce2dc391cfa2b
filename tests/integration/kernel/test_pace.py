"""Gathering: at most one job per key and window, with everything that came until then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kernel import cache, clock, config, pace

WINDOW = {"k": 2_000}


def test_the_first_may_be_told_at_once(redis: Any) -> None:
    assert pace.gather(WINDOW, ["a"]) == {"k": 0}
    assert pace.take({"k": ["a"]}) == {"k": {"a"}}


def test_until_its_job_has_come_nothing_else_is_sent(redis: Any) -> None:
    pace.gather(WINDOW, ["a"])
    assert pace.gather(WINDOW, ["b"]) == {}
    assert pace.gather({"k": 2_000, "other": 1}, ["c"]) == {"other": 0}
    assert pace.take({"k": ["a"], "other": []}) == {"k": {"a", "b", "c"}, "other": {"c"}}


def test_what_comes_within_the_window_waits_for_its_end(redis: Any) -> None:
    with clock.held(clock.now()) as advance:
        pace.take({"k": []})
        advance(500)
        assert pace.gather(WINDOW, ["a"]) == {"k": 1_500}
        advance(1_000)
        assert pace.gather(WINDOW, ["b"]) == {}
        advance(500)
        assert pace.take({"k": []}) == {"k": {"a", "b"}}
        advance(2_000)
        assert pace.gather(WINDOW, ["c"]) == {"k": 0}


def test_a_job_that_is_lost_is_sent_again(redis: Any) -> None:
    with clock.held(clock.now()) as advance:
        pace.gather(WINDOW, ["a"])
        advance(pace.OVERDUE_MS)
        assert pace.gather(WINDOW, ["b"]) == {"k": 0}
        assert pace.take({"k": []}) == {"k": {"a", "b"}}


def test_of_many_at_once_one_sends_the_job(redis: Any) -> None:
    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(lambda n: pace.gather(WINDOW, [str(n)]), range(50)))
    assert [each for each in sent if each] == [{"k": 0}]
    assert len(pace.take({"k": []})["k"]) == 50


def test_nothing_to_gather_asks_nobody(settings: pytest.MonkeyPatch) -> None:
    assert (pace.gather({}, ["a"]), pace.take({})) == ({}, {})


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:1"])
def test_without_redis_jobs_carry_their_own_and_a_process_keeps_its_pace(
    url: str, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("REDIS_URL", url)
    config.config.cache_clear()
    cache._redis.cache_clear()
    with clock.held(clock.now()) as advance:
        assert pace.gather(WINDOW, ["a"]) == {"k": 0}
        assert pace.take({"k": ["a"]}) == {"k": {"a"}}
        advance(500)
        assert pace.gather(WINDOW, ["b"]) == pace.gather(WINDOW, ["c"]) == {"k": 1_500}
        assert pace.take({"k": ["b"]}) == {"k": {"b"}}


@pytest.mark.parametrize(("delay_ms", "seconds"), [(0, 0), (1, 1), (1_000, 1), (1_001, 2)])
def test_queues_delay_by_whole_seconds(delay_ms: int, seconds: int) -> None:
    assert pace.whole_seconds(delay_ms) == seconds
