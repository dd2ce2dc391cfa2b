"""MiniStack's threads stay for the next one, and run what they are given as new ones would."""

import threading
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from infra.local.speed import threads
from infra.local.speed.threads import KeptThread

HELD: ContextVar[str] = ContextVar("held", default="nothing")


def done(target: Callable[[], object]) -> int:
    """Run `target` on a thread; returns the thread's id."""
    where: list[int] = []

    def run() -> None:
        where.append(threading.get_ident())
        target()

    thread = KeptThread(run)
    thread.start()
    thread.join(timeout=5)
    assert not thread.is_alive()
    (ident,) = where
    return ident


def settled(count: int) -> None:
    """Wait until so many threads wait for work."""
    until = time.monotonic() + 5
    while len(threads._waiting) < count and time.monotonic() < until:
        time.sleep(0.001)


def test_a_thread_stays_for_the_next_one() -> None:
    first = done(lambda: None)
    settled(1)
    assert done(lambda: None) == first
    assert first != threading.get_ident()


def test_threads_that_wait_for_each_other_all_run() -> None:
    at_once = 40
    together = threading.Barrier(at_once)
    threads = [KeptThread(lambda: together.wait(timeout=5)) for _ in range(at_once)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=5)
    assert not any(each.is_alive() for each in threads)
    assert not together.broken


def test_a_thread_that_is_not_done_is_alive_after_the_wait() -> None:
    let_go = threading.Event()
    thread = KeptThread(let_go.wait)
    thread.start()
    thread.join(timeout=0.01)
    assert thread.is_alive()
    let_go.set()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_no_context_is_left_for_the_next_one() -> None:
    found: list[str] = []

    def work() -> None:
        found.append(HELD.get())
        HELD.set("something")

    idents = []
    for _ in range(2):
        idents.append(done(work))
        settled(1)
    assert found == ["nothing", "nothing"]
    assert idents[0] == idents[1]


def test_a_thread_outlives_what_it_ran_and_reports_what_that_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda report: raised.append(report.exc_value))

    def fail() -> None:
        raise ValueError("on purpose")

    first = done(fail)
    settled(1)
    assert done(lambda: None) == first
    assert [str(each) for each in raised] == ["on purpose"]


def test_ids_are_random_uuids() -> None:
    make = threads.random_ids()
    ids = {make() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(each.version == 4 and each.variant == uuid.RFC_4122 for each in ids)
