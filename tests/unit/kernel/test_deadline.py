"""One deadline an invocation: calls and pauses keep to what is left of it."""

from __future__ import annotations

import math
import time

import pytest

from kernel import cache, config, deadline, parallel
from kernel.breakers import Breaker, CircuitOpen, Limits
from kernel.cache import CacheUnavailable
from kernel.errors import Timeout
from kernel.resilience import retried, retry_loop

pytestmark = pytest.mark.usefixtures("settings", "no_sockets")


class Context:
    """Lambda's context with so much time left."""

    def __init__(self, remaining_ms: int) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms


class Busy(Exception):
    """Somebody else was first."""


def _refuse() -> None:
    raise Busy


def test_outside_of_an_invocation_there_is_no_deadline() -> None:
    deadline.require()
    assert deadline.left_s() == math.inf
    assert deadline.bounded(2.0) == 2.0


def test_an_invocation_keeps_a_margin_of_its_time_for_the_answer() -> None:
    with deadline.of(Context(3_000)):
        assert 1.9 < deadline.left_s() <= 3.0 - deadline.MARGIN_S
    assert deadline.left_s() == math.inf


def test_a_long_invocation_is_answered_in_ten_seconds_all_the_same() -> None:
    with deadline.of(Context(900_000), at_most_s=deadline.ANSWER_MAX_S):
        assert 9.9 < deadline.left_s() <= 10.0


def test_a_context_without_a_time_has_only_the_limit_of_an_answer() -> None:
    with deadline.of(None, at_most_s=deadline.ANSWER_MAX_S):
        assert deadline.left_s() <= 10.0
    with deadline.of(None):
        assert deadline.left_s() == math.inf


def test_a_later_deadline_does_not_replace_a_sooner_one() -> None:
    with deadline.within(1.0), deadline.within(60.0):
        assert deadline.left_s() <= 1.0


def test_a_call_gets_the_smaller_of_its_own_limit_and_what_is_left() -> None:
    with deadline.within(1.0):
        assert deadline.bounded(0.2) == 0.2
        assert 0.9 < deadline.bounded(2.0) <= 1.0
    with deadline.within(0.0), pytest.raises(Timeout):
        deadline.bounded(2.0)


def test_a_pause_that_would_end_after_the_deadline_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[float] = []
    monkeypatch.setattr(time, "sleep", begun.append)
    with deadline.within(0.2), pytest.raises(Timeout):
        deadline.pause(5.0)
    assert begun == []


def test_retries_end_with_the_deadline() -> None:
    with deadline.within(0.0), pytest.raises(Timeout):
        retried(_refuse, on=Busy)
    with deadline.within(0.1), pytest.raises(Timeout):
        list(retry_loop(60.0, base_s=0.05, cap_s=0.05))


def test_a_breaker_sends_nothing_when_the_time_is_over() -> None:
    called: list[int] = []
    with deadline.within(0.0), pytest.raises(Timeout):
        Breaker("any").call(lambda: called.append(1), (Busy,))
    assert called == []


def test_a_call_that_the_deadline_ends_is_not_held_against_its_dependency() -> None:
    breaker = Breaker("any", Limits(failures=1, window=1))

    def slowly() -> None:
        time.sleep(0.02)
        raise Busy

    with deadline.within(0.01), pytest.raises(Timeout):
        breaker.call(slowly, (Busy,))
    assert breaker.state == "closed"


def test_a_call_that_the_deadline_ends_after_a_probe_s_time_is_held_against_its_dependency() -> None:
    breaker = Breaker("any", Limits(failures=1, window=1, probe_s=0.01))

    def slowly() -> None:
        time.sleep(0.03)
        raise Busy

    with deadline.within(0.02), pytest.raises(Timeout):
        breaker.call(slowly, (Busy,))
    assert breaker.state == "open"


def test_a_probe_that_the_deadline_ends_leaves_the_next_call_to_probe() -> None:
    breaker = Breaker("any", Limits(failures=1, window=1, rest_s=0.0, rest_max_s=0.0))
    with pytest.raises(Busy):
        breaker.call(_refuse, (Busy,))

    def slowly() -> None:
        time.sleep(0.02)
        raise Busy

    with deadline.within(0.01), pytest.raises(Timeout):
        breaker.call(slowly, (Busy,))
    try:
        breaker.call(lambda: None, (Busy,))
    except CircuitOpen:
        pytest.fail("the probe was not given back")
    assert breaker.state == "closed"


def test_redis_is_not_asked_when_its_answer_would_come_too_late(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("REDIS_URL", "redis://127.0.0.1:1")
    config.config.cache_clear()
    with deadline.within(0.05), pytest.raises(CacheUnavailable, match="no time left"):
        cache.call(lambda redis: redis.get("key"))
    assert cache.breaker.state == "closed"


def test_other_threads_keep_the_deadline_of_the_call() -> None:
    with deadline.within(1.0):
        assert all(left <= 1.0 for left in parallel.mapped(lambda _: deadline.left_s(), range(4)))
    assert parallel.mapped(lambda _: deadline.left_s(), range(2)) == [math.inf] * 2


def test_a_deadline_costs_a_call_less_than_five_microseconds() -> None:
    rounds = 20_000
    with deadline.within(60.0):
        started = time.thread_time()
        for _ in range(rounds):
            deadline.bounded(2.0)
    assert (time.thread_time() - started) / rounds < 5e-6
