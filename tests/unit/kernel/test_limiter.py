"""Rate limits counted in the process: what a limit of mode `open` does without Redis (R19)."""

from __future__ import annotations

import pytest

from kernel import clock, limiter
from kernel.limiter import Charge, Limit, LimitExceeded

SENDS = Limit("sends", requests=3, window_s=60)
START_MS = 1_800_000_000_000 // 60_000 * 60_000  # the first instant of a window

pytestmark = pytest.mark.usefixtures("settings")


def _spend(times: int, subject: str = "usr_ada", limit: Limit = SENDS) -> int:
    """How many of so many requests are let through."""
    passed = 0
    for _ in range(times):
        try:
            limiter.spend(limit, subject)
        except LimitExceeded:
            continue
        passed += 1
    return passed


def test_a_limit_lets_its_number_through() -> None:
    with clock.held(START_MS):
        assert _spend(10) == 3


def test_an_allowance_counts_down() -> None:
    with clock.held(START_MS + 10_000):
        left = [limiter.spend(SENDS, "usr_ada").headers() for _ in range(3)]
    assert [each["RateLimit-Remaining"] for each in left] == ["2", "1", "0"]
    assert all(each["RateLimit-Limit"] == "3" and each["RateLimit-Reset"] == "50" for each in left)


def test_a_refusal_says_when_to_come_again() -> None:
    with clock.held(START_MS + 59_999):
        _spend(3)
        with pytest.raises(LimitExceeded) as refusal:
            limiter.spend(SENDS, "usr_ada")
    assert (refusal.value.status, refusal.value.stable_code) == (429, "rate_limited")
    assert refusal.value.retry_after_s == 1
    assert refusal.value.allowance.remaining == 0


def test_a_new_window_starts_anew() -> None:
    with clock.held(START_MS) as advance:
        assert _spend(5) == 3
        advance(60_000)
        assert _spend(5) == 3


def test_at_most_twice_the_limit_passes_around_the_edge_of_a_window() -> None:
    with clock.held(START_MS + 59_999) as advance:
        passed = _spend(10)
        advance(1)
        passed += _spend(10)
        advance(59_998)
        passed += _spend(10)
    assert passed == 6


def test_people_and_limits_are_counted_apart() -> None:
    with clock.held(START_MS):
        assert _spend(5) == 3
        assert _spend(5, "usr_bob") == 3
        assert _spend(5, limit=Limit("reads", requests=2, window_s=60)) == 2


def test_a_factor_widens_a_limit() -> None:
    with clock.held(START_MS):
        for _ in range(6):
            limiter.spend(SENDS, "203.0.113.7", factor=2)
        with pytest.raises(LimitExceeded):
            limiter.spend(SENDS, "203.0.113.7", factor=2)


def test_a_call_that_one_limit_refuses_is_counted_against_those_before_it_alone() -> None:
    wide, narrow, last = (Limit(name, requests=most, window_s=60) for name, most in (("a", 9), ("b", 1), ("c", 9)))
    charges = [Charge(each, "usr_ada") for each in (wide, narrow, last)]
    limiter.spend_all(charges)
    with pytest.raises(LimitExceeded) as refused:
        limiter.spend_all(charges)
    assert refused.value.allowance.limit == 1
    used = [limiter.spend(each, "usr_ada").used for each in (wide, last)]
    assert used == [3, 2]
