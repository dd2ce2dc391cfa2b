"""Gathering: at most one job per key and window, with everything that came until then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kernel import cache, clock, config, debounce

WINDOW = {"k": 2_000}


def _drained(carried: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """What a job that succeeds tells."""
    with debounce.drained(carried) as waiting:
        return waiting


def test_the_first_may_be_told_at_once(redis: Any) -> None:
    assert debounce.add(WINDOW, ["a"]) == {"k": 0}
    assert _drained({"k": ["a"]}) == {"k": {"a"}}


def test_until_its_job_has_come_nothing_else_is_sent(redis: Any) -> None:
    debounce.add(WINDOW, ["a"])
    assert debounce.add(WINDOW, ["b"]) == {}
    assert debounce.add({"k": 2_000, "other": 1}, ["c"]) == {"other": 0}
    assert _drained({"k": ["a"], "other": []}) == {"k": {"a", "b", "c"}, "other": {"c"}}


def test_what_comes_within_the_window_waits_for_its_end(redis: Any) -> None:
    with clock.held(clock.now()) as advance:
        _drained({"k": []})
        advance(500)
        assert debounce.add(WINDOW, ["a"]) == {"k": 1_500}
        advance(1_000)
        assert debounce.add(WINDOW, ["b"]) == {}
        advance(500)
        assert _drained({"k": []}) == {"k": {"a", "b"}}
        advance(2_000)
        assert debounce.add(WINDOW, ["c"]) == {"k": 0}


def test_a_job_that_is_lost_is_sent_again(redis: Any) -> None:
    with clock.held(clock.now()) as advance:
        debounce.add(WINDOW, ["a"])
        advance(debounce.OVERDUE_MS)
        assert debounce.add(WINDOW, ["b"]) == {"k": 0}
        assert _drained({"k": []}) == {"k": {"a", "b"}}


def test_what_a_failed_job_did_not_tell_the_next_one_does(redis: Any) -> None:
    debounce.add(WINDOW, ["a", "b"])
    with pytest.raises(ZeroDivisionError), debounce.drained({"k": ["a"]}):
        raise ZeroDivisionError
    assert _drained({"k": []}) == {"k": {"a", "b"}}
    assert _drained({"k": []}) == {"k": set()}


def test_what_comes_again_while_a_job_tells_it_is_told_again(redis: Any) -> None:
    debounce.add(WINDOW, ["a", "b"])
    with debounce.drained({"k": []}) as waiting:
        debounce.add(WINDOW, ["a"])
    assert waiting == {"k": {"a", "b"}}
    assert _drained({"k": []}) == {"k": {"a"}}


def test_of_many_at_once_one_sends_the_job(redis: Any) -> None:
    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(lambda n: debounce.add(WINDOW, [str(n)]), range(50)))
    assert [each for each in sent if each] == [{"k": 0}]
    assert len(_drained({"k": []})["k"]) == 50


def test_nothing_to_gather_asks_nobody(settings: pytest.MonkeyPatch) -> None:
    assert (debounce.add({}, ["a"]), _drained({})) == ({}, {})


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:1"])
def test_without_redis_jobs_carry_their_own_and_a_process_keeps_its_pace(
    url: str, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("REDIS_URL", url)
    config.config.cache_clear()
    cache._redis.cache_clear()
    with clock.held(clock.now()) as advance:
        assert debounce.add(WINDOW, ["a"]) == {"k": 0}
        assert _drained({"k": ["a"]}) == {"k": {"a"}}
        advance(500)
        assert debounce.add(WINDOW, ["b"]) == debounce.add(WINDOW, ["c"]) == {"k": 1_500}
        assert _drained({"k": ["b"]}) == {"k": {"b"}}


@pytest.mark.parametrize(("delay_ms", "seconds"), [(0, 0), (1, 1), (1_000, 1), (1_001, 2)])
def test_queues_delay_by_whole_seconds(delay_ms: int, seconds: int) -> None:
    assert debounce.whole_seconds(delay_ms) == seconds
