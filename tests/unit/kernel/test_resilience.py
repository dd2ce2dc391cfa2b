"""Circuit breakers (R21) and pauses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.resilience import Breaker, CircuitOpen, full_jitter, retried, retry_loop


class Down(Exception):
    """The dependency fails."""


def _fail() -> None:
    raise Down


def _open(breaker: Breaker) -> None:
    for _ in range(breaker.threshold):
        with pytest.raises(Down):
            breaker.call(_fail, (Down,))


@pytest.fixture
def advance(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Holds the breakers' clock; moves it on by so many seconds."""
    moment = [1_000.0]
    monkeypatch.setattr("kernel.resilience.time.monotonic", lambda: moment[0])

    def move(by_s: float) -> None:
        moment[0] += by_s

    return move


def test_a_breaker_opens_after_so_many_failures_in_a_row() -> None:
    breaker = Breaker("any", threshold=3)
    for expected in ("closed", "closed", "open"):
        with pytest.raises(Down):
            breaker.call(_fail, (Down,))
        assert breaker.state == expected
    assert breaker.opens == 1


def test_a_success_between_failures_starts_the_count_again() -> None:
    breaker = Breaker("any", threshold=2)
    for attempt in (_fail, lambda: None, _fail):
        try:
            breaker.call(attempt, (Down,))
        except Down:
            continue
    assert breaker.state == "closed"


def test_an_open_breaker_rejects_without_calling() -> None:
    breaker = Breaker("any", threshold=1)
    _open(breaker)
    called: list[int] = []
    with pytest.raises(CircuitOpen):
        breaker.call(lambda: called.append(1), (Down,))
    assert called == []
    assert breaker.rejections == 1


def test_a_rejection_costs_microseconds() -> None:
    breaker = Breaker("any", threshold=1)
    _open(breaker)
    started = time.perf_counter()
    for _ in range(1_000):
        with pytest.raises(CircuitOpen):
            breaker.admit()
    assert (time.perf_counter() - started) / 1_000 < 0.001


def test_a_breaker_probes_after_its_cooldown_and_closes_on_success(advance: Callable[[float], None]) -> None:
    breaker = Breaker("any", threshold=1, cooldown_s=5)
    _open(breaker)
    states = [breaker.state]
    for by_s in (4.9, 0.1):
        advance(by_s)
        states.append(breaker.state)
    assert states == ["open", "open", "half_open"]
    assert breaker.call(lambda: "well", (Down,)) == "well"
    assert breaker.state == "closed"


def test_a_failed_probe_opens_the_breaker_for_another_cooldown(advance: Callable[[float], None]) -> None:
    breaker = Breaker("any", threshold=3, cooldown_s=5)
    _open(breaker)
    advance(5)
    with pytest.raises(Down):
        breaker.call(_fail, (Down,))
    assert breaker.state == "open"
    assert breaker.opens == 2


def test_half_open_admits_one_probe_among_threads(advance: Callable[[float], None]) -> None:
    breaker = Breaker("any", threshold=1, cooldown_s=5)
    _open(breaker)
    advance(5)
    entered, released = threading.Semaphore(0), threading.Event()

    def probe() -> str:
        entered.release()
        released.wait(5)
        return "probed"

    def one(_n: int) -> str:
        try:
            return breaker.call(probe, (Down,))
        except CircuitOpen:
            return "rejected"

    with ThreadPoolExecutor(8) as threads:
        running = [threads.submit(one, n) for n in range(8)]
        assert entered.acquire(timeout=5)
        for _ in range(5_000):
            if breaker.rejections == 7:
                break
            time.sleep(0.001)
        released.set()
        results = [each.result(5) for each in running]
    assert sorted(results) == ["probed"] + ["rejected"] * 7
    assert breaker.state == "closed"


def test_a_probe_that_dies_of_something_else_does_not_block_the_next(advance: Callable[[float], None]) -> None:
    breaker = Breaker("any", threshold=1, cooldown_s=5)
    _open(breaker)
    advance(5)

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        breaker.call(interrupted, (Down,))
    assert breaker.call(lambda: "well", (Down,)) == "well"


def test_an_exception_that_is_no_failure_passes_and_does_not_count() -> None:
    breaker = Breaker("any", threshold=1)

    def refuse() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        breaker.call(refuse, (Down,))
    assert breaker.state == "closed"


@given(st.integers(0, 40), st.floats(0.001, 1), st.floats(0.001, 10))
def test_a_pause_lies_between_nothing_and_its_bound(attempt: int, base_s: float, cap_s: float) -> None:
    assert 0 <= full_jitter(attempt, base_s, cap_s) <= min(cap_s, base_s * 2**attempt)


def test_pauses_are_spread_over_the_whole_range() -> None:
    pauses = [full_jitter(3, 0.1, 10) for _ in range(500)]
    assert min(pauses) < 0.1
    assert max(pauses) > 0.7


def test_an_attempt_is_made_again_until_it_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.resilience.time.sleep", lambda _pause_s: None)
    failures = [Down(), Down()]

    def attempt() -> str:
        if failures:
            raise failures.pop()
        return "well"

    assert retried(attempt, on=Down) == "well"


def test_after_the_last_try_the_failure_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.resilience.time.sleep", lambda _pause_s: None)
    tries: list[int] = []

    def attempt() -> None:
        tries.append(1)
        raise Down

    with pytest.raises(Down):
        retried(attempt, on=Down, tries=4)
    assert len(tries) == 4


def test_turns_go_on_while_there_is_time_for_another_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    pauses: list[float] = []

    def pause(pause_s: float) -> None:
        pauses.append(pause_s)
        now[0] += pause_s

    monkeypatch.setattr("kernel.resilience.time.monotonic", lambda: now[0])
    monkeypatch.setattr("kernel.resilience.time.sleep", pause)

    taken = list(retry_loop(5.0, base_s=0.01, cap_s=0.2))

    assert taken == list(range(len(pauses) + 1))
    assert len(taken) > 25  # 5 s of pauses of at most 0.2 s
    assert sum(pauses) <= 5.0
    assert max(pauses[:1]) <= 0.01
    assert max(pauses) <= 0.2


def test_the_first_turn_is_taken_even_without_patience() -> None:
    assert list(retry_loop(0.0, base_s=1.0, cap_s=1.0)) == [0]
