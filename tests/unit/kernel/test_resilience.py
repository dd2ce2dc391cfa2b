"""Pauses and retries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.resilience import full_jitter, retried, retry_loop


class Down(Exception):
    """The dependency fails."""


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
