from __future__ import annotations

from accounts.model import LOCK_AFTER, UNDER_WAY_MS, Attempts, folded
from kernel import clock


def after(attempts: int, *, apart_ms: int, advance: object, failed: bool = True) -> Attempts:
    found = Attempts()
    for number in range(attempts):
        name = f"attempt {number}"
        found = found.with_attempt(name)
        if failed:
            found = Attempts(found.tried, found.failed | {name})
        advance(apart_ms)  # type: ignore[operator]
    return found


def test_four_failures_do_not_lock() -> None:
    with clock.held(0) as advance:
        assert after(LOCK_AFTER - 1, apart_ms=1, advance=advance).locked_for_s() is None


def test_the_fifth_failure_locks_for_fifteen_minutes() -> None:
    with clock.held(0) as advance:
        attempts = after(LOCK_AFTER, apart_ms=0, advance=advance)

        assert attempts.locked_for_s() == 15 * 60
        advance(15 * clock.MINUTE - 1)
        assert attempts.locked_for_s() == 1
        advance(1)
        assert attempts.locked_for_s() is None


def test_failures_count_within_any_fifteen_minutes_not_by_the_clock_on_the_wall() -> None:
    with clock.held(14 * clock.MINUTE) as advance:
        assert after(LOCK_AFTER, apart_ms=2 * clock.MINUTE, advance=advance).locked_for_s() is not None


def test_failures_spread_over_more_than_fifteen_minutes_never_lock() -> None:
    with clock.held(0) as advance:
        assert after(30, apart_ms=4 * clock.MINUTE, advance=advance).locked_for_s() is None


def test_attempts_under_way_may_yet_succeed_but_not_for_ever() -> None:
    with clock.held(0) as advance:
        attempts = after(LOCK_AFTER, apart_ms=0, advance=advance, failed=False)

        assert not attempts.all_failed
        advance(UNDER_WAY_MS + 1)
        assert attempts.all_failed


def test_a_failure_is_forgotten_together_with_its_attempt() -> None:
    with clock.held(0) as advance:
        attempts = after(4, apart_ms=5 * clock.MINUTE, advance=advance).with_attempt("last")

        assert len(attempts.tried) == 3
        assert attempts.failed == {"attempt 2", "attempt 3"}


def test_names_are_the_same_account_in_any_case() -> None:
    assert folded(" Ada@Example.COM ") == "ada@example.com"
