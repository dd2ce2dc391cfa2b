"""Several calls at once: in order, errors told, a single one where it was asked for."""

from __future__ import annotations

import threading

import pytest

from kernel import parallel


def test_results_come_in_the_order_of_the_values() -> None:
    assert parallel.mapped(lambda n: n * n, range(40)) == [n * n for n in range(40)]
    assert parallel.mapped(str, []) == []


def test_calls_run_side_by_side() -> None:
    meeting = threading.Barrier(parallel.MAX_AT_ONCE)
    parallel.mapped(lambda _: meeting.wait(5), range(parallel.MAX_AT_ONCE))


def test_a_single_call_stays_on_its_thread() -> None:
    assert parallel.mapped(lambda _: threading.current_thread(), [1]) == [threading.current_thread()]


def test_an_error_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        parallel.mapped(lambda n: 1 // n, [1, 0])


def test_the_last_call_stays_on_its_thread_and_an_earlier_error_is_raised_before_its_own() -> None:
    threads = parallel.mapped(lambda _: threading.current_thread(), range(5))
    assert threads[-1] is threading.current_thread()
    assert threading.current_thread() not in threads[:-1]
    with pytest.raises(ValueError, match="earlier"):
        parallel.mapped(_fail, ["earlier", "last"])


def test_calls_with_threads_of_their_own_run_while_all_others_are_taken() -> None:
    free = threading.Event()

    def fill(n: int) -> None:
        if n == parallel.MAX_AT_ONCE:
            parallel.mapped(lambda _: free.set(), [1, 2], threads="other")
        assert free.wait(5)

    parallel.mapped(fill, range(parallel.MAX_AT_ONCE + 1))


def _fail(text: str) -> None:
    raise ValueError(text)
